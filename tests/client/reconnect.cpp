#include <tenon/client/channel.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <simulation.hpp>

using namespace tenon::literals;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop_client;
using standing = tenon::connection_state;

namespace {

constexpr tenon::reconnect_options even_steps{.first = 1_s, .longest = 4_s, .multiplier = tenon::percent(200), .jitter = {}};

}  // namespace

TEST_CASE("calls that wait for a connection get it whenever the server starts, in the order in which they came") {
  scripted_shop world;
  world.server.stop_listening();
  shop_client client{world.io, world.connector(), {.wait_for_ready = true, .reconnect = even_steps}};
  std::array<outcome_of<int>, 3> got;
  for (std::size_t i = 0; i < got.size(); ++i) client.price(std::to_string(i)).then(got[i].taker());
  world.run();
  CHECK(client.state() == standing::backoff);
  // Attempts at 0, 1, 3, 7, 11, 15 s: the steps double up to 4 s, for ever.
  for (int second = 0; second < 60; ++second) world.pass(1_s);
  CHECK(!got[0].came());
  world.server.listen("shop");
  world.pass(4_s);
  const auto requests = world.requests();
  REQUIRE(requests.size() == 3);
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(requests[i].payload == "\"" + std::to_string(i) + "\"");
    world.answer(requests[i], "7");
    CHECK(got[i].text() == "OK");
  }
}

TEST_CASE("a call that waits for a connection ends by its deadline, its caller or its client, and says that nothing ran") {
  for (const int how : {0, 1, 2}) {
    scripted_shop world;
    world.server.stop_listening();
    auto client = std::make_unique<shop_client>(world.io, world.connector(), tenon::client_options{.wait_for_ready = true});
    outcome_of<int> got;
    std::optional<tenon::call<int>> call;
    if (how == 1) call.emplace(client->price("bread"));
    else client->with({.timeout = 20_s}).price("bread").then(got.taker());
    world.pass(5_s);
    CHECK(!got.came());
    if (how == 0) world.pass(16_s);
    if (how == 1) {
      call->cancel();
      world.run();
      REQUIRE(call->done());
      auto ended = call->get();
      CHECK(ended.error().code() == tenon::code::cancelled);
      CHECK(ended.error().has(tenon::outcome::not_executed));
      continue;
    }
    if (how == 2) world.on_loop([&] { client.reset(); });
    REQUIRE(got.came());
    CHECK(got.text() == (how == 0 ? "DEADLINE_EXCEEDED: shop.price: no answer in time" : "UNAVAILABLE: shop.price: the client was closed"));
    CHECK(got.value->error().has(tenon::outcome::not_executed));
  }
}

TEST_CASE("after a failed attempt calls fail at once until the next is due, and the first one then connects") {
  scripted_shop world;
  world.server.stop_listening();
  shop_client client{world.io, world.connector(), {.reconnect = even_steps}};
  CHECK(client.state() == standing::idle);
  const auto ask = [&] {
    outcome_of<int> got;
    client.price("bread").then(got.taker());
    world.run();
    return got.text();
  };
  const std::string refused = "UNAVAILABLE: shop.price: connect memory://shop: Connection refused";
  CHECK(ask() == refused);
  CHECK(client.state() == standing::backoff);
  world.pass(300_ms);
  CHECK(ask() == refused + "; next attempt in 0.7 s");
  world.pass(700_ms);
  CHECK(ask() == refused);
  CHECK(ask() == refused + "; next attempt in 2.0 s");
  world.server.listen("shop");
  CHECK(ask() == refused + "; next attempt in 2.0 s");
  world.pass(2_s);
  CHECK(ask() == "(nothing)");
  CHECK(client.state() == standing::ready);
}

TEST_CASE("once the peer has said anything the waits start over") {
  scripted_shop world;
  world.server.stop_listening();
  shop_client client{world.io, world.connector(), {.reconnect = even_steps}};
  const auto ask = [&] {
    outcome_of<int> got;
    client.price("bread").then(got.taker());
    world.run();
    return got.text();
  };
  for (const auto step : {1_s, 2_s, 4_s, 4_s}) {
    (void)ask();
    world.pass(step);
  }
  world.server.listen("shop");
  CHECK(ask() == "(nothing)");
  world.answer(world.requests().at(0), "1");
  world.server.stop_listening();
  world.server.hang_up();
  CHECK(client.state() == standing::idle);
  (void)ask();
  CHECK(ask().ends_with("next attempt in 1.0 s"));
}

TEST_CASE("a peer that accepts and hangs up without a word is tried again at once only the first time") {
  scripted_shop world;
  shop_client client{world.io, world.connector(), {.reconnect = even_steps}};
  const auto ask = [&] {
    outcome_of<int> got;
    client.price("bread").then(got.taker());
    world.run();
    world.server.hang_up();
    return got.text();
  };
  const std::string lost = "UNAVAILABLE: shop.price: the connection to memory://shop was lost: End of file";
  CHECK(ask() == lost);
  CHECK(client.state() == standing::idle);
  CHECK(ask() == lost);
  CHECK(client.state() == standing::backoff);
  CHECK(ask() == lost + "; next attempt in 1.0 s");
  CHECK(world.server.connections() == 2);
}

TEST_CASE("a client that stays connected needs no call to come back") {
  scripted_shop world;
  auto options = even_steps;
  options.stay_connected = true;
  shop_client client{world.io, world.connector(), {.reconnect = options}};
  client.price("bread").then([](tenon::result<int>) {});
  world.answer(world.requests().at(0), "1");
  world.server.hang_up();
  CHECK(world.server.connections() == 2);
  world.server.stop_listening();
  world.show_as_tenon();
  world.server.hang_up();
  CHECK(client.state() == standing::backoff);
  world.pass(1_s);
  world.server.listen("shop");
  world.pass(2_s);
  CHECK(world.server.connections() == 3);
  CHECK(client.state() == standing::ready);
}

TEST_CASE("a client moves: calls that were sent end where they are, and all others go to the new address") {
  scripted_shop world;
  simulated::peer annex{world};
  annex.listen("annex");
  shop_client client{world.io, world.connector()};
  outcome_of<int> old;
  outcome_of<int> fresh;
  client.price("old").then(old.taker());
  const auto requests = world.requests();
  world.on_loop([&] { client.move_to(world.wire.connector_to("annex")); });
  CHECK(!world.server.hung_up());
  client.price("fresh").then(fresh.taker());
  world.run();
  auto moved = simulated::frames_in(annex.heard());
  REQUIRE(moved.size() == 2);
  CHECK(moved[1].payload == "\"fresh\"");
  world.answer(requests.at(0), "1");
  CHECK(old.text() == "OK");
  CHECK(world.server.hung_up());
  annex.say(scripted_shop::answer_to(moved[1], "2"));
  CHECK(fresh.text() == "OK");
  CHECK(client.state() == standing::ready);
}

TEST_CASE("a client moves while it connects and while calls wait, also one that had no address at all") {
  scripted_shop world;
  shop_client client{world.io, "nonsense"};
  outcome_of<int> refused;
  client.price("bread").then(refused.taker());
  world.run();
  CHECK(refused.text().starts_with("INVALID_ARGUMENT"));
  CHECK(client.move_to("nonsense").code() == tenon::code::invalid_argument);
  client.move_to(world.wire.connector_to("nobody"));
  outcome_of<int> waits;
  client.with({.wait_for_ready = true}).price("bread").then(waits.taker());
  world.run();
  CHECK(client.state() == standing::backoff);
  world.on_loop([&] {
    client.move_to(world.wire.connector_to("nobody"));
    client.move_to(world.connector());
  });
  world.answer(world.requests().at(0), "1");
  CHECK(waits.text() == "OK");
}

TEST_CASE("a call that waited for an attempt which a move gave up ends with the attempt after it") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  outcome_of<int> got;
  world.on_loop([&] {
    client.price("bread").then(got.taker());
    client.move_to(world.wire.connector_to("nobody"));
  });
  CHECK(got.text() == "UNAVAILABLE: shop.price: connect memory://nobody: Connection refused");
  CHECK(got.value->error().has(tenon::outcome::not_executed));
}

TEST_CASE("late answers are counted") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  client.with({.timeout = 1_s}).price("bread").then([](tenon::result<int>) {});
  const auto requests = world.requests();
  world.pass(2_s);
  CHECK(client.late_replies() == 0);
  world.answer(requests.at(0), "1");
  CHECK(client.late_replies() == 1);
}
