// How a server notices peers that are gone without a word. server/watches.hpp is under test, with what the protocols have to ask.
#include <tenon/server/watches.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>

using namespace std::chrono_literals;
using simulated::call_of;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

const tenon::server_options watchful{.keepalive = {.interval = 60s, .timeout = 20s}};

/// What a tenon client says first.
frame greeting() { return {.bits = simulated::heartbeat, .metadata = {{"tenon-peer", "client"}}}; }
frame sign_of_life() { return {.bits = simulated::heartbeat | simulated::response, .metadata = {{"tenon-peer", "client"}}}; }

/// Second by second, since what a timer finds it may do a moment later.
void live_through(served_desk& world, std::chrono::seconds time) {
  for (auto passed = 0s; passed < time; ++passed) world.pass(1s);
}
bool is_question(const frame& each) { return each.bits == simulated::heartbeat && each.value_of("tenon-peer") == "server"; }

}  // namespace

TEST_CASE("a tenon peer that is silent is asked for a sign of life, and closed when it gives none") {
  served_desk world{watchful};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(greeting().bytes());
  CHECK(frames_in(caller.heard()).size() == 1);
  live_through(world, 59s);
  CHECK(caller.heard().empty());
  live_through(world, 1s);
  const auto asked = frames_in(caller.heard());
  REQUIRE(asked.size() == 1);
  CHECK(is_question(asked[0]));
  live_through(world, 19s);
  CHECK(!caller.hung_up());
  live_through(world, 1s);
  CHECK(caller.hung_up());
  CHECK(served_desk::lines() == std::vector<std::string>{"memory://: the peer was asked for a sign of life, and gave none in time"});
}

TEST_CASE("a connection that rested with little memory is served on") {
  served_desk world{watchful};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  for (std::uint64_t turn = 1; turn < 4; ++turn) {
    caller.say(frame{.codec = simulated::json, .sequence = turn, .service = "desk", .method = "echo", .payload = '"' + std::string(5'000, 'x') + '"'}.bytes());
    const auto answers = frames_in(caller.heard());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].payload.size() == 5'002);
    live_through(world, 150s);
    CHECK(!caller.hung_up());
  }
}

TEST_CASE("a peer that gives a sign of life stays, and so does one that says anything else") {
  served_desk world{watchful};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(greeting().bytes());
  caller.heard();
  for (int round = 0; round < 10; ++round) {
    live_through(world, 60s);
    REQUIRE(frames_in(caller.heard()).size() == 1);
    live_through(world, 10s);
    caller.say(round % 2 == 0 ? sign_of_life().bytes() : call_of(7, "echo", "x").bytes());
    CHECK(frames_in(caller.heard()).size() == static_cast<std::size_t>(round % 2));
  }
  CHECK(!caller.hung_up());
  // The first byte of a message counts, and so does each that follows.
  for (const char each : call_of(8, "echo", "y").bytes().substr(0, 20)) {
    caller.say(std::string(1, each));
    live_through(world, 1s);
  }
  CHECK(caller.heard().empty());
  CHECK(!caller.hung_up());
}

TEST_CASE("a peer that talks is not asked") {
  served_desk world{watchful};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(greeting().bytes());
  caller.heard();
  for (int i = 0; i < 20; ++i) {
    live_through(world, 50s);
    caller.say(call_of(1, "echo", "x").bytes());
    CHECK(frames_in(caller.heard()).size() == 1);
  }
}

TEST_CASE("who waits for a slow handler is asked too, since it may be gone") {
  served_desk world{watchful};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(greeting().bytes() + call_of(1, "wait", "a").bytes());
  caller.heard();
  live_through(world, 60s);
  CHECK(frames_in(caller.heard()).size() == 1);
  live_through(world, 20s);
  CHECK(caller.hung_up());
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 1);
}

TEST_CASE("a foreign rpcx peer is not asked what it would not understand, nor is one that speaks HTTP") {
  served_desk world{watchful};
  peer foreign{world};
  peer web{world};
  REQUIRE(foreign.connect("desk"));
  REQUIRE(web.connect("desk"));
  foreign.say(call_of(1, "echo", "x").bytes());
  web.say("POST /desk/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\"x\"");
  CHECK(frames_in(foreign.heard()).size() == 1);
  CHECK(!web.heard().empty());
  live_through(world, 1000s);
  CHECK(foreign.heard().empty());
  CHECK(web.heard().empty());
  CHECK(!foreign.hung_up());
  CHECK(!web.hung_up());
}

TEST_CASE("a peer that does not read is not asked over what it does not read") {
  served_desk world{{.max_write_buffer_bytes = 100'000, .write_timeout = 0s, .keepalive = {.interval = 10s, .timeout = 5s}}};
  peer deaf{world};
  REQUIRE(deaf.connect("desk"));
  deaf.say(greeting().bytes());
  deaf.heard();
  deaf.stop_reading();
  std::string many;
  for (std::uint64_t i = 0; i < 30; ++i) many += frame{.codec = simulated::json, .sequence = i, .service = "desk", .method = "large", .payload = "50000"}.bytes();
  deaf.say(many);
  live_through(world, 100s);
  deaf.read_again();
  CHECK(frames_in(deaf.heard()).size() == 30);
  CHECK(!deaf.hung_up());
}

TEST_CASE("a tenon client answers by itself, however long nobody calls") {
  served_desk world{watchful};
  tenon::client<simulated::desk> client{world.io, world.wire.connector_to("desk"), {.keepalive = {.interval = 0s}, .idle_timeout = 0s}};
  int answered = 0;
  client.echo("a").then([&](tenon::result<std::string> got) { answered += got ? 1 : 0; });
  world.run();
  live_through(world, 1000s);
  CHECK(client.state() == tenon::connection_state::ready);
  CHECK(served_desk::lines().empty());
  CHECK(answered == 1);
}

TEST_CASE("an interval of zero asks nobody") {
  served_desk world{{.keepalive = {.interval = 0s}}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(greeting().bytes());
  caller.heard();
  live_through(world, 1000s);
  CHECK(caller.heard().empty());
  CHECK(!caller.hung_up());
}
