#include <tenon/server/open_calls.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include <server/desk.hpp>
#include <simulation.hpp>

using simulated::call_of;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

std::string cancel_of(std::uint64_t sequence) { return frame{.bits = simulated::one_way, .codec = 0, .sequence = sequence, .method = "cancel"}.bytes(); }

}  // namespace

TEST_CASE("each of many open calls is found by its id when its caller cancels it, whatever steps the ids take") {
  for (const std::uint64_t step : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{32}, std::uint64_t{1} << 32}) {
    served_desk world;
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    std::string calls;
    std::string cancels;
    for (std::uint64_t i = 0; i < 300; ++i) {
      calls += call_of(1 + i * step, "wait", "a").bytes();
      if (i % 3 == 0) cancels += cancel_of(1 + i * step);
    }
    caller.say(calls);
    CHECK(world.records.door.waiting() == 300);
    caller.say(cancels + cancel_of(0) + cancel_of(300 * step + 1));
    CHECK(caller.heard().empty());
    world.on_loop([&] { world.records.door.open(); });
    CHECK(world.records.cancelled == 100);
    CHECK(world.records.destroyed == 300);
    CHECK(frames_in(caller.heard()).size() == 200);
  }
}

TEST_CASE("all handlers of a connection are told when it closes, those that were cancelled before as well") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  std::string calls;
  for (std::uint64_t i = 0; i < 300; ++i) calls += call_of(i, "wait", "a").bytes();
  caller.say(calls + cancel_of(7));
  caller.hang_up();
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 300);
  CHECK(world.records.destroyed == 300);
}

TEST_CASE("over HTTP a closed connection cancels its handler, and what was asked behind it never runs") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  const std::string rest = " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\"a\"";
  caller.say("POST /desk/wait" + rest + "POST /desk/echo" + rest);
  CHECK(world.records.door.waiting() == 1);
  caller.hang_up();
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 1);
  CHECK(world.records.destroyed == 1);
  CHECK(world.records.calls == 1);
}
