// The generic cell rate algorithm: a token bucket in one word, without rounding. Policy layer; part of the limiter.
#pragma once

#include <algorithm>
#include <cstdint>

#include <tenon/core/units.hpp>

namespace tenon::inline v0::policy::detail {

// The word is the instant at which the bucket will be full again. Each call moves it on by `interval` times its cost; a call that would move it more than `tolerance`
// into the future is too early.
struct gcra {
  std::int64_t interval = 0;
  std::int64_t tolerance = 0;

  /// Rounded up to whole nanoseconds: never looser than asked for.
  static constexpr std::int64_t interval_of(tenon::rate limit) noexcept { return limit.per.ns / limit.count + (limit.per.ns % limit.count != 0 ? 1 : 0); }
  static constexpr gcra of(std::int64_t interval, std::int64_t burst) noexcept {
    // A tenth of a second's worth.
    return {interval, burst > 0 ? tenon::detail::saturated_product(interval, burst) : (std::max)(interval, std::int64_t{100'000'000})};
  }

  struct taken {
    bool granted = false;
    std::int64_t wait = 0;  // how long after now the call may go, or could have gone
    std::int64_t until = 0;
  };

  /// Takes a call that costs `increment` out of the bucket, when it may go within `longest_wait` from now.
  template <class Cell>
  [[gnu::always_inline]] static taken take(Cell& word, std::int64_t now, std::int64_t increment, std::int64_t tolerance, std::int64_t longest_wait) noexcept {
    std::int64_t full_at = word.load();
    for (;;) {
      const std::int64_t until = tenon::detail::saturated_sum((std::max)(full_at, now), increment);
      const std::int64_t wait = until - now - tolerance;
      if (wait > longest_wait) [[unlikely]] return {false, wait, until};
      if (word.replace(full_at, until)) return {true, wait, until};
    }
  }
};

}  // namespace tenon::inline v0::policy::detail
