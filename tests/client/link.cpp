#include <tenon/client/link.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <simulation.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::frames_in;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop_client;
using standing = tenon::connection_state;

namespace {

struct connected_shop : scripted_shop {
  explicit connected_shop(tenon::client_options options = {}) : client{io, connector(), options} {
    client.price("first").then([](tenon::result<int>) {});
    const auto first = frames();
    REQUIRE(first.size() == 2);
    greeting = first[0];
    answer(first[1], "1");
  }
  bool connected() {
    run();
    return client.state() == standing::ready;
  }

  frame greeting;
  shop_client client;
};

bool is_heartbeat(const std::vector<frame>& frames) { return frames.size() == 1 && frames[0].bits == simulated::heartbeat; }

}  // namespace

TEST_CASE("a client says what it is by a heartbeat in front of its first request") {
  connected_shop world;
  CHECK(world.greeting.bits == simulated::heartbeat);
  CHECK(world.greeting.service.empty());
  CHECK(world.greeting.method.empty());
  CHECK(world.greeting.value_of("tenon-peer") == "client");
}

TEST_CASE("a silent peer is asked for a sign of life, and dropped when it gives none") {
  connected_shop world{{.keepalive = {.interval = 10_s, .timeout = 4_s}}};
  outcome_of<int> waits;
  world.client.price("waits").then(waits.taker());
  CHECK(world.requests().size() == 1);
  world.pass(9_s);
  CHECK(world.frames().empty());
  world.pass(2_s);
  CHECK(is_heartbeat(world.frames()));
  world.pass(3_s);
  CHECK(!waits.came());
  world.pass(2_s);
  CHECK(waits.text() == "UNAVAILABLE: shop.price: the connection to memory://shop was lost: it was silent for 16000 ms");
  CHECK(world.server.hung_up());
  CHECK(world.client.state() == standing::idle);
}

TEST_CASE("any traffic is a sign of life") {
  connected_shop world{{.keepalive = {.interval = 10_s, .timeout = 4_s}}};
  for (int i = 0; i < 20; ++i) {
    world.pass(6_s);
    world.answer(frame{.sequence = 9}, "late");
  }
  CHECK(world.frames().empty());
  for (int i = 0; i < 20; ++i) {
    world.pass(10_s);
    world.pass(1_s);
    auto frames = world.frames();
    REQUIRE(is_heartbeat(frames));
    frames[0].bits |= simulated::response;
    world.server.say(frames[0].bytes());
  }
  CHECK(world.connected());
}

TEST_CASE("in idle time a client asks for signs of life unless told not to") {
  for (const bool asks : {true, false}) {
    connected_shop world{{.keepalive = {.interval = 10_s, .timeout = 4_s, .without_calls = asks}}};
    for (int i = 0; i < 3; ++i) world.pass(5_s);
    CHECK(is_heartbeat(world.frames()) == asks);
    for (int i = 0; i < 3; ++i) world.pass(5_s);
    CHECK(world.connected() == !asks);
    if (asks) continue;
    // A call that is sent to a peer that has gone meanwhile is noticed all the same.
    outcome_of<int> got;
    world.client.price("bread").then(got.taker());
    for (int i = 0; i < 6; ++i) world.pass(5_s);
    CHECK(got.text().starts_with("UNAVAILABLE"));
  }
  connected_shop off{{.keepalive = {.interval = {}}, .idle_timeout = {}}};
  for (int i = 0; i < 100; ++i) off.pass(60_s);
  CHECK(off.frames().empty());
  CHECK(off.connected());
}

TEST_CASE("a connection without calls is closed after its time, heartbeats or not, and the next call makes a new one") {
  connected_shop world{{.keepalive = {.interval = 10_s}, .idle_timeout = 60_s}};
  const auto live = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      world.pass(1_s);
      for (auto& each : world.frames()) {
        each.bits |= simulated::response;
        world.server.say(each.bytes());
      }
    }
  };
  live(50);
  world.client.price("bread").then([](tenon::result<int>) {});
  world.answer(world.requests().at(0), "1");
  live(50);
  CHECK(world.connected());
  live(12);
  CHECK(world.client.state() == standing::idle);
  CHECK(world.server.hung_up());
  world.client.price("bread").then([](tenon::result<int>) {});
  CHECK(world.requests().size() == 1);
  CHECK(world.server.connections() == 2);
}

TEST_CASE("a peer that takes nothing is dropped, and the requests that never left are known not to have been executed") {
  connected_shop world{{.keepalive = {.interval = {}}, .write_timeout = 5_s}};
  std::array<outcome_of<void>, 4> got;
  // From within one batch, so that they leave in one.
  world.client.price("bread").then([&](tenon::result<int>) {
    for (auto& each : got) world.client.note(std::string(400'000, 'x')).then(each.taker());
  });
  const auto requests = world.requests();
  world.server.stop_reading();
  world.answer(requests.at(0), "1");
  world.pass(4_s);
  CHECK(!got[0].came());
  world.pass(4_s);
  world.pass(4_s);
  for (auto& each : got) CHECK(each.text() == "UNAVAILABLE: shop.note: the connection to memory://shop was lost: it took nothing of what was sent for 5000 ms");
  // A write takes 1 MiB at most: the last byte of the third request was not handed over, nor anything of the fourth.
  CHECK(!got[0].value->error().has(tenon::outcome::not_executed));
  CHECK(!got[1].value->error().has(tenon::outcome::not_executed));
  CHECK(got[2].value->error().has(tenon::outcome::not_executed));
  CHECK(got[3].value->error().has(tenon::outcome::not_executed));
}

TEST_CASE("a peer that takes little at a time, but takes it, is not dropped") {
  connected_shop world{{.keepalive = {.interval = {}}, .write_timeout = 5_s}};
  world.server.stop_reading();
  outcome_of<void> got;
  world.client.note(std::string(3'900'000, 'x')).then(got.taker());
  std::string heard;
  for (int i = 0; i < 10; ++i) {
    world.pass(4_s);
    world.server.read_some(1'100'000);
    heard += world.server.heard();
  }
  CHECK(!got.came());
  CHECK(heard.size() > 3'900'000);
}

TEST_CASE("requests still waiting behind a write when the connection is lost were not executed") {
  connected_shop world;
  world.server.stop_reading();
  std::array<outcome_of<void>, 3> got;
  // The first fills the pipe; the others wait in the client.
  for (auto& each : got) {
    world.client.note(std::string(&each == &got[0] ? 900'000 : 10, 'x')).then(each.taker());
    world.run();
  }
  world.server.hang_up();
  CHECK(!got[0].value->error().has(tenon::outcome::not_executed));
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    CHECK(got[i].text().starts_with("UNAVAILABLE: shop.note: the connection to memory://shop was lost"));
    CHECK(got[i].value->error().has(tenon::outcome::not_executed));
  }
}

TEST_CASE("a call that ends without its answer is cancelled at a peer that is tenon, and nowhere else") {
  for (const bool tenon_there : {true, false}) {
    connected_shop world;
    // A foreign server sends the greeting back as it came.
    frame echo = world.greeting;
    echo.bits |= simulated::response;
    world.server.say(echo.bytes());
    if (tenon_there) world.show_as_tenon();
    std::vector<std::uint64_t> ids;
    std::optional<tenon::call<int>> dropped{world.client.price("dropped")};
    auto cancelled = world.client.price("cancelled");
    world.client.with({.timeout = 1_s}).price("late").then([](tenon::result<int>) {});
    for (const auto& each : world.requests()) ids.push_back(each.sequence);
    REQUIRE(ids.size() == 3);
    dropped.reset();
    cancelled.cancel();
    world.pass(2_s);
    const auto notices = world.frames();
    CHECK(notices.size() == (tenon_there ? 3 : 0));
    for (std::size_t i = 0; i < notices.size(); ++i) {
      CHECK(notices[i].bits == simulated::one_way);
      CHECK(notices[i].service.empty());
      CHECK(notices[i].method == "cancel");
      CHECK(notices[i].sequence == ids[i]);
    }
  }
}

TEST_CASE("a server that goes away keeps what it has, gets nothing new, and what it did not see has not been executed") {
  connected_shop world;
  world.show_as_tenon();
  std::array<outcome_of<int>, 4> got;
  for (auto& each : got) world.client.price("bread").then(each.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 4);
  world.server.say(frame{.bits = simulated::one_way, .sequence = requests[1].sequence, .method = "going_away"}.bytes());
  CHECK(!got[0].came());
  CHECK(!got[1].came());
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
    CHECK(got[i].text() == "UNAVAILABLE: shop.price: the server is going away");
    CHECK(got[i].value->error().has(tenon::outcome::not_executed));
  }
  CHECK(world.client.state() == standing::idle);
  world.answer(requests[1], "1");
  CHECK(got[1].text() == "OK");
  CHECK(!world.server.hung_up());
  world.answer(requests[0], "1");
  CHECK(got[0].text() == "OK");
  CHECK(world.server.hung_up());
  world.client.price("bread").then([](tenon::result<int>) {});
  CHECK(world.requests().size() == 1);
  CHECK(world.server.connections() == 2);
}

TEST_CASE("a notice from a server that has not shown that it is tenon means nothing") {
  connected_shop world;
  outcome_of<int> got;
  world.client.price("bread").then(got.taker());
  world.server.say(frame{.bits = simulated::one_way, .method = "going_away"}.bytes());
  CHECK(!got.came());
  CHECK(world.connected());
}

TEST_CASE("a connection that rested with little memory reads on") {
  connected_shop world{{.keepalive = {.interval = 10_s, .timeout = 4_s, .without_calls = false}}};
  for (int turn = 0; turn < 3; ++turn) {
    outcome_of<int> got;
    world.client.price("bread").then(got.taker());
    const frame asked = world.requests().at(0);
    world.server.say(frame{.bits = simulated::response, .codec = simulated::json, .sequence = asked.sequence, .metadata = {{"wide", std::string(5'000, 'x')}}, .payload = "7"}.bytes());
    CHECK(got.text() == "OK");
    for (int i = 0; i < 3; ++i) world.pass(5_s);
    CHECK(world.connected());
  }
}

TEST_CASE("a server's heartbeat is answered") {
  connected_shop world;
  world.server.say(frame{.bits = simulated::heartbeat, .sequence = 5}.bytes());
  const auto answers = world.frames();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].bits == (simulated::heartbeat | simulated::response));
  CHECK(answers[0].sequence == 5);
}
