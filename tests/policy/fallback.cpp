#include <tenon/policy/fallback.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

#include <client/shop.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/decorate.hpp>
#include <tenon/policy/event.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/metrics.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop;
using tenon::code;
using tenon::fallback;
using tenon::fallback_options;
using tenon::metrics_of;
using tenon::result;
using tenon::status;

namespace {

template <class... Parameters>
using client_of = tenon::client<shop, tenon::codec::json, Parameters...>;

int made = 0;
std::string excuse(const status& why) { return std::string{why.message()}; }
int cheapest(const status&) {
  ++made;
  return 1;
}
result<int> nothing_either(const status&) { return status{code::not_found, "nothing kept"}; }
void forget_it() { ++made; }

std::string failed(const frame& to, std::string_view how) { return scripted_shop::error_to(to, std::string{how}); }

}  // namespace

TEST_CASE("a failure of those that count is replaced once, and all others are told") {
  scripted_shop world;
  client_of<tenon::on_method<&shop::price, fallback<&cheapest>>> client{world.io, world.connector()};
  for (const char* how : {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "UNKNOWN"}) {
    made = 0;
    outcome_of<int> got;
    client.price("bread").then(got.taker());
    world.server.say(failed(world.requests().at(0), std::string{how} + ": busy"));
    CHECK(got.text() == "OK");
    CHECK(**got.value == 1);
    CHECK(made == 1);
    CHECK(got.times == 1);
  }
  for (const char* how : {"INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED", "CANCELLED", "ABORTED", "UNIMPLEMENTED"}) {
    made = 0;
    outcome_of<int> got;
    client.price("bread").then(got.taker());
    world.server.say(failed(world.requests().at(0), std::string{how} + ": no"));
    CHECK(got.text() == std::string{how} + ": no");
    CHECK(made == 0);
  }
  made = 0;
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  world.answer(world.requests().at(0), "7");
  CHECK(**got.value == 7);
  CHECK(made == 0);
}

TEST_CASE("a fallback comes after the last attempt, and is told of the last failure") {
  scripted_shop world;
  constexpr tenon::retry_options steady{.max_attempts = 2, .jitter = tenon::jitter::none, .idempotent_only = false};
  tenon::client<shop, tenon::codec::json, tenon::on_method<&shop::describe, fallback<&excuse>>, tenon::retry<steady>> client{
      world.io, world.connector()};
  outcome_of<std::string> got;
  client.describe("bread", 1).then(got.taker());
  world.server.say(failed(world.requests().at(0), "UNAVAILABLE: busy"));
  CHECK(!got.came());
  world.pass(25_ms);
  world.server.say(failed(world.requests().at(0), "UNAVAILABLE: still busy"));
  REQUIRE(got.text() == "OK");
  CHECK(**got.value == "still busy");
}

TEST_CASE("a fallback replaces what this client decides: a refusal, a deadline, a connection that cannot be made") {
  scripted_shop world;
  static constexpr tenon::limiter_options narrow{.rate = tenon::per_second(1), .burst = 1};
  client_of<tenon::on_method<&shop::price, fallback<&cheapest>>, tenon::timeout<50_ms>, tenon::limiter<narrow>> client{world.io, world.connector()};
  outcome_of<int> late;
  outcome_of<int> refused;
  client.price("bread").then(late.taker());
  client.price("bread").then(refused.taker());
  world.run();
  REQUIRE(refused.text() == "OK");
  CHECK(**refused.value == 1);
  CHECK(!late.came());
  world.pass(50_ms);
  REQUIRE(late.text() == "OK");
  CHECK(**late.value == 1);
  client_of<tenon::on_method<&shop::price, fallback<&cheapest>>> nowhere{world.io, world.wire.connector_to("nowhere")};
  outcome_of<int> unconnected;
  nowhere.price("bread").then(unconnected.taker());
  world.run();
  REQUIRE(unconnected.text() == "OK");
  CHECK(**unconnected.value == 1);
}

TEST_CASE("a fallback that has nothing either leaves the status as it was, and adds its own text") {
  scripted_shop world;
  client_of<tenon::on_method<&shop::price, fallback<&nothing_either>>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  world.server.say(failed(world.requests().at(0), "UNAVAILABLE: busy"));
  CHECK(got.text() == "UNAVAILABLE: busy; fallback: nothing kept");
}

TEST_CASE("a method that returns nothing has a fallback of its own kind, and options may turn one off") {
  scripted_shop world;
  client_of<tenon::on_method<&shop::note, fallback<&forget_it>>> client{world.io, world.connector()};
  made = 0;
  outcome_of<void> got;
  client.note("x").then(got.taker());
  world.server.say(failed(world.requests().at(0), "UNAVAILABLE: busy"));
  CHECK(got.text() == "OK");
  CHECK(made == 1);
  client.configure(fallback_options{.on = tenon::codes(code::internal)});
  outcome_of<void> other;
  client.note("x").then(other.taker());
  world.server.say(failed(world.requests().at(0), "UNAVAILABLE: busy"));
  CHECK(other.text() == "UNAVAILABLE: busy");
}

TEST_CASE("what stands before a fallback sees the value, what stands after it the failure, and listeners hear of it; the answer is marked") {
  scripted_shop world;
  tenon::metrics_registry outside;
  tenon::metrics_registry inside;
  tenon::client<shop, tenon::codec::json, tenon::metrics<>, tenon::on_method<&shop::price, fallback<&cheapest>>, tenon::retry<tenon::retry_options{.max_attempts = 1}>, tenon::metrics<>> client{
      world.io, world.connector()};
  client.configure(tenon::metrics_options{.into = &outside});
  tenon::metadata answer;
  outcome_of<int> got;
  client.with({.response_metadata = &answer}).price("bread").then(got.taker());
  world.server.say(failed(world.requests().at(0), "UNAVAILABLE: busy"));
  CHECK(got.text() == "OK");
  CHECK(answer.get("tenon-degraded").value_or("") == "fallback");
  for (const auto& each : outside.methods()) {
    CHECK(each.ended[static_cast<std::size_t>(each.what == metrics_of::call ? code::ok : code::unavailable)] == 1);
    CHECK(each.under_way() == 0);
  }
  CHECK(outside.methods().size() == 2);
  bool heard = false;
  for (const auto& each : outside.events()) heard = heard || (each.policy == "fallback" && each.kind == tenon::policy::event_kind::answered && each.count == 1);
  CHECK(heard);
  outcome_of<void> other;
  client.note("x").then(other.taker());
  world.server.say(failed(world.requests().at(0), "UNAVAILABLE: busy"));
  CHECK(other.text() == "UNAVAILABLE: busy");
}

TEST_CASE("around a function a fallback stands in the list of decorate") {
  made = 0;
  bool good = false;
  auto guarded = tenon::decorate<fallback<&cheapest>, tenon::retry<tenon::retry_options{.max_attempts = 2, .jitter = tenon::jitter::none}>>([&good](int x) -> result<int> {
    if (good) return x;
    return status{code::unavailable};
  });
  CHECK(guarded(7).value() == 1);
  CHECK(made == 1);
  good = true;
  CHECK(guarded(7).value() == 7);
  CHECK(made == 1);
  auto vain = tenon::decorate<fallback<&nothing_either>>([](int) -> result<int> { return status{code::unavailable, "busy"}; });
  CHECK(vain(7).error().to_string() == "UNAVAILABLE: busy");
  static constexpr tenon::limiter_options narrow{.rate = tenon::per_second(1), .burst = 1};
  auto limited = tenon::decorate<fallback<&cheapest>, tenon::limiter<narrow>>([](int x) { return x; });
  CHECK(limited(5).value() == 5);
  CHECK(limited(5).value() == 1);
  auto silent = tenon::decorate<fallback<&forget_it>>([]() -> status { return code::internal; });
  CHECK(silent().ok());
}
