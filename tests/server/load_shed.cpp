#include <tenon/policy/load_shed.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <simulation.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/context.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

using namespace std::chrono_literals;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;

namespace {

// Work that takes time.
struct mill {
  tenon::manual_clock* clock;

  int grind(int milliseconds) {
    clock->advance(std::chrono::milliseconds{milliseconds});
    return milliseconds;
  }
  std::int64_t worked(tenon::context& call) { return (call.info.now - call.info.attempt_start).ns; }
  std::string large(std::size_t bytes) { return std::string(bytes, 'x'); }

  TENON_SERVICE(mill, grind, worked, large)
};

struct served_mill : simulated::world {
  served_mill() {
    server.serve<tenon::load_shed<>>(mill{&clock});
    server.listen(wire, "mill");
    server.start();
    run();
  }
  tenon::server<> server{io, {.max_write_buffer_bytes = 100'000}};
};

std::string ask(std::uint64_t sequence, std::string method, std::string payload) {
  return frame{.codec = simulated::json, .sequence = sequence, .service = "mill", .method = std::move(method), .payload = std::move(payload)}.bytes();
}

}  // namespace

TEST_CASE("on a server load_shed refuses calls that waited too long for the handlers before them") {
  served_mill world;
  peer caller{world};
  REQUIRE(caller.connect("mill"));
  std::string bytes;
  for (std::uint64_t i = 0; i < 10; ++i) bytes += ask(i, "grind", "20");
  caller.say(bytes);
  auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 10);
  // After 0, 20 and 40 ms it is in time, after 60 ms it is not.
  for (std::size_t i = 0; i < 3; ++i) CHECK(answers[i].payload == "20");
  for (std::size_t i = 3; i < 10; ++i) {
    CHECK(answers[i].value_of("tenon-code") == "UNAVAILABLE");
    CHECK(answers[i].value_of("tenon-not-executed") == "1");
  }
  world.pass(1s);
  caller.say(ask(11, "grind", "20"));
  answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].payload == "20");
}

TEST_CASE("once a call has its turn its time begins anew: the wait is not counted as work") {
  served_mill world;
  peer caller{world};
  REQUIRE(caller.connect("mill"));
  caller.say(ask(1, "grind", "20") + ask(2, "worked", ""));
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 2);
  CHECK(answers[1].payload == "0");
}

TEST_CASE("what waited because its caller did not read is not shed") {
  served_mill world;
  peer caller{world};
  REQUIRE(caller.connect("mill"));
  caller.stop_reading();
  std::string bytes;
  for (std::uint64_t i = 0; i < 50; ++i) bytes += ask(i, "large", "50000");
  caller.say(bytes);
  world.pass(1s);
  caller.read_again();
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 50);
  for (const auto& each : answers) CHECK(each.payload.size() == 50'002);
}
