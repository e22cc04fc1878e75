#include <cstdio>

#include <tenon/policy.hpp>

using namespace tenon::literals;

// So many calls per second, and no more. On a server it protects the server, and with `key` each caller from the others:
//   server.serve<tenon::limiter<tenon::limiter_options{.rate = tenon::per_second(100), .key = tenon::limiter_key::peer}>>(market{});
int main() {
  tenon::manual_clock clock;
  constexpr tenon::limiter_options ten{.rate = tenon::per_second(10), .burst = 2};
  auto price = tenon::decorate<tenon::limiter<ten>>([] { return 42; }, tenon::manual_time{clock});

  const auto call = [&] {
    const tenon::result<int> got = price();
    if (got) std::printf("at %3d ms: %d\n", static_cast<int>(clock.now().ns / 1'000'000), *got);
    else std::printf("at %3d ms: %s; come back in %d ms\n", static_cast<int>(clock.now().ns / 1'000'000), got.error().to_string().c_str(), got.error().outcome().pushback_ms);
  };
  for (int i = 0; i < 3; ++i) call();                               // two at once are within the burst
  clock.advance(100_ms);
  for (int i = 0; i < 2; ++i) call();

  // Calls that come too early may wait instead, in turn.
  constexpr tenon::limiter_options patient{.rate = tenon::per_second(10), .burst = 1, .max_wait = 1_s};
  auto in_turn = tenon::decorate<tenon::limiter<patient>>([] { return 42; }, tenon::manual_time{clock});
  for (int i = 0; i < 3; ++i) {
    const tenon::result<int> got = in_turn();
    std::printf("at %3d ms: %d\n", static_cast<int>(clock.now().ns / 1'000'000), got.value_or(0));
  }
}
// prints:
// at   0 ms: 42
// at   0 ms: 42
// at   0 ms: RESOURCE_EXHAUSTED: refused before the function ran (limiter); come back in 100 ms
// at 100 ms: 42
// at 100 ms: RESOURCE_EXHAUSTED: refused before the function ran (limiter); come back in 100 ms
// at 100 ms: 42
// at 200 ms: 42
// at 300 ms: 42
