#include <tenon/net/loop.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include <tenon/core/clock.hpp>

using namespace tenon::literals;
using tenon::instant;
using tenon::net::loop;

namespace {

struct note final : tenon::net::timer {
  explicit note(std::vector<note*>& to) : fired{to} {}
  void expired() override {
    fired.push_back(this);
    if (throws) throw std::runtime_error{"timer"};
  }
  std::vector<note*>& fired;
  bool throws = false;
};

}  // namespace

TEST_CASE("an io_context has one loop, whoever asks") {
  asio::io_context io;
  CHECK(&loop::of(io) == &loop::of(io));
  CHECK(&loop::of(io).io() == &io);
  CHECK_FALSE(loop::of(io).on_this_thread());
  bool inside = false;
  asio::post(io, [&] { inside = loop::of(io).on_this_thread(); });
  io.run();
  CHECK(inside);
}

TEST_CASE("on a manual clock deadlines fire when the clock moves, and nothing keeps the io_context") {
  asio::io_context io;
  tenon::manual_clock clock;
  loop& time = loop::of(io);
  time.use(clock);
  std::vector<note*> fired;
  note near{fired};
  note far{fired};
  time.arm(far, time.now() + 10_s);
  time.arm(near, time.now() + 200_ms);
  CHECK(io.run() == 0);
  clock.advance(199_ms);
  CHECK(fired.empty());
  clock.advance(1_ms);
  CHECK(fired == std::vector<note*>{&near});
  CHECK(time.now() == clock.now());
  clock.advance(20_s);
  CHECK(fired.size() == 2);
  time.rest();
}

TEST_CASE("on the real clock run() waits for what is armed, and returns when it has fired") {
  asio::io_context io;
  loop& time = loop::of(io);
  std::vector<note*> fired;
  note near{fired};
  note later{fired};
  const instant start = time.refresh();
  time.arm(later, start + 4_ms);
  time.arm(near, start + 2_ms);
  io.run();
  CHECK(fired == std::vector<note*>{&near, &later});
  CHECK(time.refresh() - start >= 4_ms);
}

TEST_CASE("an earlier deadline moves the alarm forward") {
  asio::io_context io;
  loop& time = loop::of(io);
  std::vector<note*> fired;
  note far{fired};
  note near{fired};
  time.arm(far, time.refresh() + 60_min);
  io.poll();
  time.arm(near, time.refresh() + 1_ms);
  io.restart();
  while (fired.empty()) io.run_one();
  CHECK(fired == std::vector<note*>{&near});
  far.disarm();
  time.rest();
  io.restart();
  io.run();
  CHECK(fired.size() == 1);
}

TEST_CASE("a disarmed deadline keeps run() waiting until rest() says that nothing is left") {
  asio::io_context io;
  loop& time = loop::of(io);
  std::vector<note*> fired;
  note far{fired};
  note other{fired};
  time.arm(far, time.refresh() + 60_min);
  time.arm(other, time.refresh() + 60_min);
  far.disarm();
  time.rest();  // something is armed: the alarm stays
  io.poll();
  CHECK_FALSE(io.stopped());
  other.disarm();
  io.poll();
  CHECK_FALSE(io.stopped());
  time.rest();
  io.run();
  CHECK(io.stopped());
  time.arm(far, time.refresh() + 1_ms);  // and it can be used again
  io.restart();
  io.run();
  CHECK(fired.size() == 1);
}

TEST_CASE("a timer that throws leaves run(), and the others still fire") {
  asio::io_context io;
  loop& time = loop::of(io);
  std::vector<note*> fired;
  note bad{fired};
  note good{fired};
  note later{fired};
  bad.throws = true;
  const instant when = time.refresh() + 1_ms;
  time.arm(bad, when);
  time.arm(good, when);
  time.arm(later, when + 2_ms);
  CHECK_THROWS_AS(io.run(), std::runtime_error);
  io.run();
  CHECK(fired.size() == 3);
}

TEST_CASE("a loop goes with its io_context while deadlines are armed") {
  std::vector<note*> fired;
  note survivor{fired};
  {
    asio::io_context io;
    loop::of(io).arm(survivor, loop::of(io).refresh() + 60_min);
    io.poll();
  }
  CHECK_FALSE(survivor.armed());
  {
    auto io = std::make_unique<asio::io_context>();
    tenon::manual_clock clock;
    loop::of(*io).use(clock);
    loop::of(*io).arm(survivor, instant{5});
    io.reset();
    clock.advance(1_s);
  }
  CHECK(fired.empty());
}
