#include <tenon/config/json_options.hpp>

#include <doctest/doctest.h>

#include <client/shop.hpp>
#include <simulation.hpp>
#include <tenon/policy/select.hpp>

using namespace tenon::literals;
using simulated::scripted_shop;
using simulated::shop;

TEST_CASE("a document changes what calls get that start afterwards, and a bad one changes nothing") {
  scripted_shop world;
  tenon::client<shop, tenon::codec::json, tenon::timeout<100_ms>, tenon::on_method<&shop::note, tenon::timeout<40_ms>>> client{world.io, world.connector()};
  const auto told = [&](auto call) {
    call.then([](auto) {});
    const auto requests = world.requests();
    REQUIRE(requests.size() == 1);
    return requests[0].value_of("__ServerTimeout");
  };
  CHECK(told(client.price("x")) == "100");
  CHECK(told(client.note("x")) == "40");
  CHECK(client.configure_from(tenon::json_options{R"({"defaults": {"timeout": {"total": "70ms"}}, "methods": {"shop.price": {"timeout": {"total": "0.02s"}}}})"}).ok());
  CHECK(told(client.price("x")) == "20");
  CHECK(told(client.note("x")) == "70");
  const tenon::status wrong = client.configure_from(tenon::json_options{R"({"defaults": {"timeout": {"total": "7s"}}, "methods": {"shop.prize": {}}})"});
  CHECK(wrong.to_string() == "INVALID_ARGUMENT: methods.shop.prize: expected one of this service's methods, price, note, describe, found \"prize\"");
  CHECK(told(client.note("x")) == "70");
  // A document that says nothing is as good as none.
  CHECK(client.configure_from(tenon::json_options{"{}"}).ok());
  CHECK(told(client.note("x")) == "40");
}
