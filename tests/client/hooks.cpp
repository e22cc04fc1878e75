#include <tenon/client/hooks.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <simulation.hpp>

using namespace tenon::literals;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop_client;

namespace {

struct diary {
  std::vector<std::string> lines;
  std::vector<std::string> read() { return std::exchange(lines, {}); }

  void dial(std::string_view url) { lines.push_back("dial " + std::string{url}); }
  void dial_failed(std::string_view, const tenon::status& why) { lines.push_back("failed: " + why.message()); }
  void connected(std::string_view url) { lines.push_back("connected " + std::string{url}); }
  void closed(std::string_view url, const tenon::status& why) { lines.push_back("closed " + std::string{url} + ": " + why.to_string()); }
  void state_changed(tenon::connection_state now) { lines.push_back("-> " + std::string{tenon::connection_state_name(now)}); }
  void before_send(const tenon::protocol::outgoing& call) { lines.push_back("send " + std::string{call.service} + "." + std::string{call.method}); }
  void after_reply(const tenon::protocol::reply& answer) { lines.push_back("reply " + std::string{answer.payload}); }
};
using lines = std::vector<std::string>;

// Some of them only, and no kinder than it must be.
struct guard {
  bool no_dial = false;
  bool no_send = false;
  bool no_reply = false;
  bool throws = false;

  tenon::status dial(std::string_view) const { return answer(no_dial, "no way there"); }
  tenon::status before_send(const tenon::protocol::outgoing&) const { return answer(no_send, "not that"); }
  tenon::status after_reply(const tenon::protocol::reply&) const { return answer(no_reply, "not true"); }
  void state_changed(tenon::connection_state) const {
    if (throws) throw std::runtime_error{"from a watcher"};
  }
  tenon::status answer(bool refused, const char* why) const {
    if (refused && throws) throw std::runtime_error{why};
    return refused ? tenon::status{tenon::code::permission_denied, why} : tenon::status{};
  }
};

}  // namespace

TEST_CASE("hooks are found by their names, and absent ones are null") {
  guard some;
  const auto found = tenon::client_hooks::of(some);
  CHECK(found.object == &some);
  CHECK((found.dial != nullptr));
  CHECK((found.dial_failed == nullptr));
  CHECK((found.connected == nullptr));
  CHECK((found.closed == nullptr));
  CHECK((found.state_changed != nullptr));
}

TEST_CASE("hooks see every step of a connection and of its calls") {
  scripted_shop world;
  diary told;
  world.server.stop_listening();
  shop_client client{world.io, world.connector(), {.reconnect = {.first = 1_s, .jitter = {}}, .hooks = tenon::client_hooks::of(told)}};
  const auto ask = [&] {
    client.price("bread").then([](tenon::result<int>) {});
    world.run();
  };
  ask();
  CHECK(told.read() == lines{"-> connecting", "dial memory://shop", "failed: connect memory://shop: Connection refused", "-> backoff"});
  world.pass(1_s);
  world.server.listen("shop");
  ask();
  CHECK(told.read() == lines{"-> connecting", "dial memory://shop", "connected memory://shop", "-> ready", "send shop.price"});
  world.answer(world.requests().at(0), "7");
  CHECK(told.read() == lines{"reply 7"});
  world.server.hang_up();
  CHECK(told.read() == lines{"-> idle", "closed memory://shop: UNAVAILABLE: the connection to memory://shop was lost: End of file"});
}

TEST_CASE("a hook's status vetoes, and what it throws counts as one") {
  for (const bool throws : {false, true}) {
    scripted_shop world;
    guard at_door{.throws = throws};
    shop_client client{world.io, world.connector(), {.reconnect = {.first = 1_s}, .hooks = tenon::client_hooks::of(at_door)}};
    const auto told = [&](const std::string& code, const std::string& why) { return throws ? "UNKNOWN: " + why : code + ": " + why; };
    at_door.no_dial = true;
    outcome_of<int> stays;
    client.price("bread").then(stays.taker());
    world.run();
    CHECK(stays.text() == told("PERMISSION_DENIED", throws ? "shop.price: connect memory://shop: a hook threw: no way there" : "shop.price: connect memory://shop: no way there"));
    CHECK(stays.value->error().has(tenon::outcome::not_executed));
    CHECK(world.server.connections() == 0);
    at_door.no_dial = false;
    world.pass(2_s);

    at_door.no_send = true;
    outcome_of<int> unsent;
    outcome_of<void> one_way;
    client.price("bread").then(unsent.taker());
    client.with({.one_way = true}).note("bread").then(one_way.taker());
    CHECK(world.requests().empty());
    CHECK(unsent.text() == told("PERMISSION_DENIED", throws ? "shop.price: a hook threw: not that" : "shop.price: not that"));
    CHECK(unsent.value->error().has(tenon::outcome::not_executed));
    CHECK(one_way.times == 1);
    CHECK(!*one_way.value);
    at_door.no_send = false;

    at_door.no_reply = true;
    outcome_of<int> unread;
    client.price("bread").then(unread.taker());
    world.answer(world.requests().at(0), "7");
    CHECK(unread.text() == told("PERMISSION_DENIED", throws ? "a hook threw: not true" : "not true"));
    at_door.no_reply = false;

    outcome_of<int> fine;
    client.price("bread").then(fine.taker());
    world.answer(world.requests().at(0), "7");
    CHECK(fine.text() == "OK");
  }
}
