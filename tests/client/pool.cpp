#include <tenon/client/channel.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <simulation.hpp>
#include <tenon/net/connector.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::frames_in;
using simulated::outcome_of;
using simulated::shop_client;
using standing = tenon::connection_state;

namespace {

// One scripted server per connection.
struct counters : simulated::world {
  struct connector final : tenon::net::connector {
    explicit connector(counters& in) : shop{in} {}
    void connect(waiter& who) override {
      if (current) current->cancel();
      const std::string name = "counter " + std::to_string(shop.servers.size());
      if (!shop.closed) shop.servers.emplace_back(shop).listen(name);
      current = shop.wire.connector_to(name);
      current->connect(who);
    }
    void cancel() noexcept override {
      if (current) current->cancel();
    }
    std::string url() const override { return "memory://counters"; }
    counters& shop;
    std::unique_ptr<tenon::net::connector> current;
  };

  std::vector<frame> requests(std::size_t which) {
    auto found = frames_in(at(which).heard());
    std::erase_if(found, [](const frame& each) { return (each.bits & simulated::heartbeat) != 0; });
    return found;
  }
  simulated::peer& at(std::size_t which) { return *std::next(servers.begin(), static_cast<std::ptrdiff_t>(which)); }

  std::list<simulated::peer> servers;
  bool closed = false;
};

}  // namespace

TEST_CASE("another connection is made when each has many calls under way, and only so many") {
  counters shop;
  shop_client client{shop.io, std::make_unique<counters::connector>(shop), {.max_connections = 3, .calls_per_connection = 2}};
  std::array<outcome_of<int>, 12> got;
  for (auto& each : got) {
    client.price("bread").then(each.taker());
    shop.run();
  }
  REQUIRE(shop.servers.size() == 3);
  std::vector<std::vector<frame>> requests;
  for (std::size_t i = 0; i < 3; ++i) requests.push_back(shop.requests(i));
  // The third call finds the first connection busy, and goes there while the second is being made.
  CHECK(requests[0].size() == 4);
  CHECK(requests[1].size() == 4);
  CHECK(requests[2].size() == 4);
  for (std::size_t i = 0; i < 3; ++i) {
    for (const auto& each : requests[i]) shop.at(i).say(simulated::scripted_shop::answer_to(each, std::to_string(i)));
  }
  for (auto& each : got) CHECK(each.text() == "OK");
}

TEST_CASE("the limits are those of all connections together") {
  counters shop;
  shop_client client{shop.io, std::make_unique<counters::connector>(shop), {.max_pending_calls = 3, .max_connections = 2, .calls_per_connection = 2}};
  int refused = 0;
  std::array<outcome_of<int>, 10> got;
  for (auto& each : got) {
    client.price("bread").then(each.taker());
    shop.run();
    if (each.came()) ++refused;
  }
  CHECK(shop.requests(0).size() == 3);
  CHECK(shop.requests(1).size() == 3);
  CHECK(refused == 4);
}

TEST_CASE("calls that a batch makes on several connections all leave with it") {
  counters shop;
  shop_client client{shop.io, std::make_unique<counters::connector>(shop), {.max_connections = 2, .calls_per_connection = 2}};
  for (int i = 0; i < 3; ++i) {
    client.price("busy").then([](tenon::result<int>) {});
    shop.run();
  }
  REQUIRE(shop.servers.size() == 2);
  const auto busy = shop.requests(0);
  client.price("starts").then([&](tenon::result<int>) {
    for (int i = 0; i < 6; ++i) client.price("more").then([](tenon::result<int>) {});
  });
  const auto started = shop.requests(1);
  REQUIRE(started.size() == 1);
  shop.at(1).say(simulated::scripted_shop::answer_to(started[0], "1"));
  CHECK(shop.requests(0).size() + shop.requests(1).size() == 6);
}

TEST_CASE("a connection that is lost takes its own calls along, and no others") {
  counters shop;
  shop_client client{shop.io, std::make_unique<counters::connector>(shop), {.max_connections = 2, .calls_per_connection = 1}};
  std::array<outcome_of<int>, 4> got;
  for (auto& each : got) {
    client.price("bread").then(each.taker());
    shop.run();
  }
  const std::array<std::vector<frame>, 2> requests{shop.requests(0), shop.requests(1)};
  CHECK(requests[0].size() + requests[1].size() == 4);
  shop.at(0).hang_up();
  std::size_t lost = 0;
  for (auto& each : got) lost += each.came() ? 1U : 0U;
  CHECK(lost == requests[0].size());
  CHECK(client.state() == standing::ready);
  for (const auto& each : requests[1]) shop.at(1).say(simulated::scripted_shop::answer_to(each, "1"));
  for (auto& each : got) CHECK(each.times == 1);
}

TEST_CASE("that another connection cannot be made hurts nobody, and is tried again when its time has come") {
  counters shop;
  shop_client client{shop.io, std::make_unique<counters::connector>(shop), {.reconnect = {.first = 1_s, .jitter = {}}, .max_connections = 2, .calls_per_connection = 1}};
  client.price("bread").then([](tenon::result<int>) {});
  shop.run();
  shop.closed = true;
  std::array<outcome_of<int>, 3> got;
  for (auto& each : got) {
    client.price("bread").then(each.taker());
    shop.run();
    CHECK(!each.came());
  }
  CHECK(client.state() == standing::ready);
  shop.closed = false;
  shop.pass(1_s);
  client.price("bread").then([](tenon::result<int>) {});
  shop.run();
  CHECK(shop.servers.size() == 2);
}

TEST_CASE("a client with many connections closes them all, also from a callback in the middle of a batch") {
  counters shop;
  auto client = std::make_unique<shop_client>(shop.io, std::make_unique<counters::connector>(shop), tenon::client_options{.max_connections = 3, .calls_per_connection = 1});
  std::array<outcome_of<int>, 6> got;
  for (auto& each : got) {
    client->price("bread").then(each.taker());
    shop.run();
  }
  client->price("closes").then([&](tenon::result<int>) { client.reset(); });
  shop.run();
  for (std::size_t i = 0; i < shop.servers.size(); ++i) {
    for (const auto& each : shop.requests(i)) {
      if (each.payload == "\"closes\"") shop.at(i).say(simulated::scripted_shop::answer_to(each, "1"));
    }
  }
  CHECK(client == nullptr);
  for (auto& each : got) CHECK(each.text() == "UNAVAILABLE: shop.price: the client was closed");
  for (auto& each : shop.servers) CHECK(each.hung_up());
}
