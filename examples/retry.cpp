#include <cstdio>

#include <tenon/policy.hpp>

using namespace tenon::literals;

// Calls again what failed in a way that another attempt may mend: only UNAVAILABLE, only if it is safe, a little later each time, and never so often that
// the repeats become the load that keeps a service down. The same type stands in a client: tenon::client<market, tenon::retry<>>.
int main() {
  tenon::manual_clock clock;                                        // a delay is waited out by turning it; leave out manual_time to sleep
  int failures = 2;
  int calls = 0;
  const auto price = [&](int number) -> tenon::result<int> {
    std::printf("  asked at %lld ms\n", static_cast<long long>(clock.now().ns / 1'000'000));
    ++calls;
    if (failures-- > 0) return tenon::status{tenon::code::unavailable, "busy"};
    return number * 10;
  };
  constexpr tenon::retry_options even{.jitter = tenon::jitter::none};  // as a rule leave it: clients that fail together should not come back together
  auto careful = tenon::decorate<tenon::retry<even>>(price, tenon::manual_time{clock});
  std::printf("got %d\n", careful(4).value_or(0));

  // For all calls of a client together: ten repeats, one more per second, and one for every five calls that succeed.
  failures = 1'000'000;
  calls = 0;
  auto quiet = tenon::decorate<tenon::retry<>>([&](int) -> tenon::result<int> {
    ++calls;
    return tenon::status{tenon::code::unavailable, "busy"};
  }, tenon::manual_time{clock}, {.seed = 1});
  for (int i = 0; i < 1000; ++i) (void)quiet(i);
  std::printf("1000 calls of a dead service: %d attempts\n", calls);
}
// prints:
//   asked at 0 ms
//   asked at 25 ms
//   asked at 75 ms
// got 40
// 1000 calls of a dead service: 1010 attempts
