#include <cstdio>

#include <tenon/policy.hpp>

using namespace tenon::literals;

// Stops asking what fails, and finds out by a few probes when it is well again: nobody waits for a dead service, and it is left alone until it is up.
// In a client it stands after retry, so that it counts attempts: tenon::client<market, tenon::retry<>, tenon::breaker<>, tenon::timeout<200_ms>>.
int main() {
  tenon::manual_clock clock;
  bool down = true;
  int asked = 0;
  // By default it opens when at least 20 calls of the last 10 s came and half of them failed.
  constexpr tenon::breaker_options touchy{.consecutive = 3, .open_for = 5_s, .open_jitter = {}, .half_open_calls = 1};
  auto price = tenon::decorate<tenon::breaker<touchy>>([&]() -> tenon::result<int> {
    ++asked;
    if (down) return tenon::status{tenon::code::unavailable, "no route"};
    return 42;
  }, tenon::manual_time{clock});

  const auto call = [&](const char* when) {
    const int before = asked;
    const tenon::result<int> got = price();
    std::printf("%-16s %s%s\n", when, got ? "42" : got.error().to_string().c_str(), asked == before ? " (not asked)" : "");
  };
  for (int i = 0; i < 3; ++i) call("down:");
  call("open:");
  clock.advance(5_s);
  call("a probe:");                                                 // it failed: the next one is 10 s away, then 20 s, at most a minute
  clock.advance(5_s);
  call("still open:");
  down = false;
  clock.advance(5_s);
  call("a probe:");
  call("closed:");
}
// prints:
// down:            UNAVAILABLE: no route
// down:            UNAVAILABLE: no route
// down:            UNAVAILABLE: no route
// open:            UNAVAILABLE: refused before the function ran (breaker) (not asked)
// a probe:         UNAVAILABLE: no route
// still open:      UNAVAILABLE: refused before the function ran (breaker) (not asked)
// a probe:         42
// closed:          42
