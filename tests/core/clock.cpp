#include <tenon/core/clock.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>

using namespace tenon::literals;
using tenon::instant;
using tenon::manual_clock;

static_assert(tenon::clock<tenon::steady_clock> && tenon::clock<manual_clock> && tenon::clock<tenon::clock_ref>);

namespace {

struct watcher final : tenon::clock_watcher {
  explicit watcher(manual_clock& on) : clock{on} { clock.watch(*this); }
  void clock_moved() override {
    ++told;
    seen = clock.now();
    if (rival != nullptr) rival->reset();
    if (steps > 0) {
      --steps;
      clock.advance(1_ms);
    }
    if (throws) {
      throws = false;
      throw std::runtime_error{"watcher"};
    }
  }
  manual_clock& clock;
  int told = 0;
  instant seen{};
  int steps = 0;
  bool throws = false;
  std::unique_ptr<watcher>* rival = nullptr;
};

}  // namespace

TEST_CASE("the steady clock does not go backwards") {
  const tenon::steady_clock clock;
  const instant before = clock.now();
  CHECK(clock.now() >= before);
  CHECK(tenon::clock_ref{clock}.now() >= before);
}

TEST_CASE("a manual clock moves when it is told to, and only forward") {
  manual_clock clock{instant{10}};
  const tenon::clock_ref held{clock};
  clock.advance(5_ns);
  CHECK(held.now() == instant{15});
  clock.advance_to(instant{12});
  CHECK(held.now() == instant{15});
  clock.advance(tenon::duration{std::chrono::hours::max()});
  CHECK(held.now() == instant::never());
}

TEST_CASE("every watcher of a manual clock is told once per step") {
  manual_clock clock;
  watcher a{clock};
  watcher b{clock};
  {
    watcher c{clock};
    clock.advance(1_ms);
    CHECK(c.told == 1);
  }
  clock.advance(1_ms);
  clock.watch(a);  // watching twice is watching once
  clock.advance(1_ms);
  CHECK(a.told == 3);
  CHECK(b.told == 3);
  CHECK(a.seen == clock.now());
}

TEST_CASE("a watcher may destroy another that has or has not been told") {
  manual_clock clock;
  auto a = std::make_unique<watcher>(clock);
  watcher b{clock};
  auto c = std::make_unique<watcher>(clock);
  b.rival = &a;
  clock.advance(1_ms);
  b.rival = &c;
  clock.advance(1_ms);
  b.rival = nullptr;
  clock.advance(1_ms);
  CHECK(b.told == 3);
  CHECK(a == nullptr);
  CHECK(c == nullptr);
}

TEST_CASE("a watcher may move the clock, and everybody learns of the last step") {
  manual_clock clock;
  watcher a{clock};
  watcher b{clock};
  watcher c{clock};
  b.steps = 3;
  clock.advance(1_ms);
  CHECK(a.seen == clock.now());
  CHECK(c.seen == clock.now());
  const int told = a.told;
  clock.advance(1_ms);
  CHECK(a.told == told + 1);
  CHECK(b.seen == clock.now());
  CHECK(c.seen == clock.now());
}

TEST_CASE("a watcher that throws does not take the others from the clock") {
  manual_clock clock;
  watcher a{clock};
  watcher b{clock};
  watcher c{clock};
  b.throws = true;
  CHECK_THROWS_AS(clock.advance(1_ms), std::runtime_error);
  clock.advance(1_ms);
  CHECK(a.seen == clock.now());
  CHECK(b.seen == clock.now());
  CHECK(c.seen == clock.now());
}

TEST_CASE("a clock may go before its watchers") {
  auto clock = std::make_unique<manual_clock>();
  auto a = std::make_unique<watcher>(*clock);
  clock.reset();
  a.reset();
}
