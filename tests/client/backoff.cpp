#include <tenon/client/backoff.hpp>

#include <doctest/doctest.h>

#include <chrono>

using namespace tenon::literals;
using tenon::detail::backoff;

TEST_CASE("waits grow by their multiplier up to the longest, and start over when told") {
  backoff waits{1};
  constexpr tenon::reconnect_options even{.first = 100_ms, .longest = 1_s, .multiplier = tenon::percent(200), .jitter = {}};
  for (const auto expected : {100_ms, 200_ms, 400_ms, 800_ms, 1_s, 1_s, 1_s}) CHECK(waits.next(even) == expected);
  waits.start_over();
  CHECK(waits.next(even) == 100_ms);
}

TEST_CASE("jitter spreads each wait on both sides, the same way from the same seed") {
  constexpr tenon::reconnect_options chosen{.first = 1_s, .longest = 1_s, .jitter = tenon::percent(20)};
  backoff one{7};
  backoff same{7};
  backoff other{8};
  int shorter = 0;
  int different = 0;
  for (int i = 0; i < 200; ++i) {
    const tenon::duration wait = one.next(chosen);
    CHECK(wait >= 800_ms);
    CHECK(wait <= 1200_ms);
    CHECK(wait == same.next(chosen));
    shorter += wait < 1_s ? 1 : 0;
    different += wait != other.next(chosen) ? 1 : 0;
  }
  CHECK(shorter > 60);
  CHECK(shorter < 140);
  CHECK(different > 190);
}

TEST_CASE("odd options give waits that are sound") {
  for (const tenon::reconnect_options& odd : {tenon::reconnect_options{.first = {}, .longest = {}}, tenon::reconnect_options{.first = 10_s, .longest = 1_s},
                                              tenon::reconnect_options{.first = std::chrono::hours::max(), .longest = std::chrono::hours::max()},
                                              tenon::reconnect_options{.multiplier = {2'000'000'000}, .jitter = {2'000'000'000}}}) {
    backoff waits{3};
    for (int i = 0; i < 100; ++i) CHECK(waits.next(odd) >= tenon::duration{});
  }
}
