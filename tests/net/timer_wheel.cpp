#include <tenon/net/timer_wheel.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

using namespace tenon::literals;
using tenon::duration;
using tenon::instant;
using tenon::net::timer_wheel;

namespace {

constexpr std::int64_t ms = timer_wheel::tick_ns;

struct note final : tenon::net::timer {
  void expired() override {
    if (fired != nullptr) fired->push_back(this);
    if (wheel != nullptr && again > 0_ns) wheel->arm(*this, now + again);
    if (victim != nullptr) return victim->reset();
    if (throws) {
      throws = false;
      throw std::runtime_error{"timer"};
    }
    if (wheel != nullptr && jump > 0_ns) wheel->advance(now + jump);
  }
  std::vector<note*>* fired = nullptr;
  timer_wheel* wheel = nullptr;
  instant now{};
  duration again{};
  duration jump{};
  std::unique_ptr<note>* victim = nullptr;
  bool throws = false;
};

// The tick at which an instant is due, counted from the wheel's start: the law in one line.
std::int64_t due_tick(std::int64_t when, std::int64_t start) { return when <= start ? 0 : (when - start + ms - 1) / ms; }

}  // namespace

TEST_CASE("a timer fires in the first advance that reaches its tick, and once") {
  timer_wheel wheel{instant{500}};
  std::vector<note*> fired;
  note one;
  one.fired = &fired;
  CHECK(wheel.next() == instant::never());
  wheel.arm(one, instant{500 + 200 * ms});
  CHECK(one.armed());
  wheel.advance(instant{500 + 200 * ms - 1});
  CHECK(fired.empty());
  wheel.advance(instant{500 + 200 * ms});
  CHECK(fired.size() == 1);
  CHECK_FALSE(one.armed());
  wheel.advance(instant{500 + 900 * ms});
  CHECK(fired.size() == 1);
  wheel.advance(instant{0});  // going back changes nothing
  CHECK(wheel.next() == instant::never());
}

TEST_CASE("a timer in the past fires at the next tick, never inside arm") {
  timer_wheel wheel{instant{0}};
  std::vector<note*> fired;
  note one;
  one.fired = &fired;
  wheel.advance(instant{10 * ms});
  wheel.arm(one, instant{-5});
  CHECK(fired.empty());
  wheel.advance(instant{11 * ms});
  CHECK(fired.size() == 1);
}

TEST_CASE("never disarms, and so do disarm, arming anew and destruction") {
  timer_wheel wheel{instant{0}};
  std::vector<note*> fired;
  note one;
  one.fired = &fired;
  wheel.arm(one, instant{5 * ms});
  wheel.arm(one, instant::never());
  CHECK_FALSE(one.armed());
  wheel.arm(one, instant{5 * ms});
  one.disarm();
  one.disarm();
  {
    note gone;
    wheel.arm(gone, instant{3 * ms});
  }
  wheel.arm(one, instant{5 * ms});
  wheel.arm(one, instant{50 * ms});
  wheel.advance(instant{49 * ms});
  CHECK(fired.empty());
  wheel.advance(instant{50 * ms});
  CHECK(fired.size() == 1);
}

TEST_CASE("timers of one tick fire in the order in which they were armed") {
  timer_wheel wheel{instant{0}};
  std::vector<note*> fired;
  std::vector<note> notes(10);
  for (note& each : notes) {
    each.fired = &fired;
    wheel.arm(each, instant{7 * ms - 3});
  }
  wheel.advance(instant{7 * ms});
  REQUIRE(fired.size() == 10);
  CHECK(std::is_sorted(fired.begin(), fired.end()));
}

TEST_CASE("a timer may arm itself again from within") {
  timer_wheel wheel{instant{0}};
  std::vector<note*> fired;
  note one;
  one.fired = &fired;
  one.wheel = &wheel;
  one.again = 1_ms;
  wheel.arm(one, instant{1 * ms});
  for (int i = 1; i <= 300; ++i) {
    one.now = instant{i * ms};
    wheel.advance(one.now);
    CHECK(fired.size() == static_cast<std::size_t>(i));
  }
}

TEST_CASE("a timer may destroy another of its tick, and itself") {
  timer_wheel wheel{instant{0}};
  std::vector<note*> fired;
  auto first = std::make_unique<note>();
  auto second = std::make_unique<note>();
  auto third = std::make_unique<note>();
  for (note* each : {first.get(), second.get(), third.get()}) {
    each->fired = &fired;
    wheel.arm(*each, instant{5 * ms});
  }
  note* const self = third.get();
  first->victim = &second;
  third->victim = &third;
  wheel.advance(instant{5 * ms});
  CHECK(fired == std::vector<note*>{first.get(), self});
  CHECK(second == nullptr);
  CHECK(third == nullptr);
}

TEST_CASE("a timer that throws leaves the others of its tick for the next one") {
  timer_wheel wheel{instant{0}};
  std::vector<note*> fired;
  std::vector<note> notes(3);
  for (note& each : notes) {
    each.fired = &fired;
    wheel.arm(each, instant{5 * ms});
  }
  notes[0].throws = true;
  CHECK_THROWS_AS(wheel.advance(instant{5 * ms}), std::runtime_error);
  CHECK(notes[1].armed());
  CHECK(wheel.next() == instant{6 * ms});
  wheel.advance(instant{6 * ms});
  CHECK(fired.size() == 3);
}

TEST_CASE("a timer may advance the wheel from within") {
  timer_wheel wheel{instant{0}};
  std::vector<note*> fired;
  std::vector<note> notes(4);
  for (note& each : notes) each.fired = &fired;
  notes[0].wheel = &wheel;
  notes[0].now = instant{5 * ms};
  notes[0].jump = 100_ms;
  wheel.arm(notes[0], instant{5 * ms});
  wheel.arm(notes[1], instant{5 * ms});
  wheel.arm(notes[2], instant{90 * ms});
  wheel.arm(notes[3], instant{200 * ms});
  wheel.advance(instant{20 * ms});
  CHECK(fired == std::vector<note*>{&notes[0], &notes[2], &notes[1]});
  wheel.advance(instant{200 * ms});
  CHECK(fired.size() == 4);
}

TEST_CASE("the wheel may go before its timers") {
  note near;
  note far;
  {
    timer_wheel wheel{instant{0}};
    wheel.arm(near, instant{5 * ms});
    wheel.arm(far, instant{1'000'000'000 * ms});
  }
  CHECK_FALSE(near.armed());
  CHECK_FALSE(far.armed());
}

TEST_CASE("a timer beyond the horizon of the wheel fires at its tick") {
  for (const std::int64_t ticks : {(1LL << 24) - 1, 1LL << 24, (1LL << 24) + 1, 3 * (1LL << 24) + 12'345}) {
    CAPTURE(ticks);
    for (const std::int64_t begin : {0LL, 1LL, 262'143LL, 5'000'000LL}) {
      timer_wheel wheel{instant{0}};
      std::vector<note*> fired;
      note one;
      one.fired = &fired;
      wheel.advance(instant{begin * ms});
      wheel.arm(one, instant{(begin + ticks) * ms});
      int turns = 0;
      while (fired.empty() && ++turns < 1'000) {
        const instant next = wheel.next();
        REQUIRE(next <= instant{(begin + ticks) * ms});
        wheel.advance(next);
        if (next < instant{(begin + ticks) * ms}) REQUIRE(fired.empty());
      }
      CHECK(fired.size() == 1);
    }
  }
  timer_wheel wheel{instant{0}};
  note farthest;
  wheel.arm(farthest, instant{instant::never().ns - 1});
  CHECK(wheel.next() < instant::never());
  wheel.advance(instant{std::int64_t{1} << 40});
  CHECK(farthest.armed());
}

TEST_CASE("a random schedule fires exactly as a sorted list would") {
  for (const unsigned seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    const auto below = [&](std::int64_t limit) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit)); };
    const std::int64_t start = below(1'000'000'000);
    std::int64_t now = start;
    timer_wheel wheel{instant{start}};
    std::vector<note*> fired;
    std::vector<std::unique_ptr<note>> timers(200);
    std::map<note*, std::int64_t> model;  // the tick at which each is due
    for (auto& each : timers) {
      each = std::make_unique<note>();
      each->fired = &fired;
    }
    const std::int64_t reach[]{3 * ms, 80 * ms, 5'000 * ms, 300'000 * ms, 20'000'000 * ms};
    for (int step = 0; step < 35'000; ++step) {
      auto& some = timers[static_cast<std::size_t>(below(200))];
      switch (below(8)) {
        case 0:
          some->disarm();
          model.erase(some.get());
          break;
        case 1:
          model.erase(some.get());
          some = std::make_unique<note>();
          some->fired = &fired;
          break;
        case 2:
        case 3: {
          now += below(20) == 0 ? below(reach[below(5)]) : below(reach[below(2)]);
          const std::int64_t tick = (now - start) / ms;
          wheel.advance(instant{now});
          std::int64_t last = 0;
          for (note* each : fired) {
            REQUIRE(model.contains(each));
            REQUIRE(model[each] <= tick);
            REQUIRE(model[each] >= last);
            last = model[each];
            model.erase(each);
          }
          fired.clear();
          for (const auto& [each, due] : model) REQUIRE(due > tick);
          break;
        }
        default: {
          const std::int64_t when = now - 2 * ms + below(reach[below(5)]);
          wheel.arm(*some, instant{when});
          model[some.get()] = (std::max)(due_tick(when, start), (now - start) / ms + 1);
        }
      }
      std::optional<std::int64_t> first;
      for (const auto& [each, due] : model) first = first ? (std::min)(*first, due) : due;
      const instant next = wheel.next();
      REQUIRE((next == instant::never()) == !first.has_value());
      if (first) REQUIRE(next <= instant{start + *first * ms});
      if (first) REQUIRE(next > instant{start + (now - start) / ms * ms});
    }
  }
}
