// Durations as google.protobuf.Duration: seconds and nanoseconds of one sign. Codec layer, part of protobuf.hpp; time points go by timestamp.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

namespace tenon::inline v0::codec::detail {

struct protobuf_seconds {
  std::int64_t seconds = 0;
  std::int32_t nanoseconds = 0;
};

template <class Rep, class Period>
constexpr protobuf_seconds protobuf_split(std::chrono::duration<Rep, Period> value) {
  if constexpr (std::is_floating_point_v<Rep> || (Period::num != 1 && Period::den != 1)) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(value);
    return {static_cast<std::int64_t>(whole.count()), static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(value - whole).count())};
  } else if constexpr (Period::num == 1) {
    constexpr std::int64_t per_second = Period::den;
    const auto count = static_cast<std::int64_t>(value.count());
    const std::int64_t rest = count % per_second;
    if constexpr (per_second <= 1'000'000'000) return {count / per_second, static_cast<std::int32_t>(rest * 1'000'000'000 / per_second)};
    else return {count / per_second, static_cast<std::int32_t>(rest / (per_second / 1'000'000'000))};
  } else {
    std::int64_t seconds = 0;
    if (__builtin_mul_overflow(static_cast<std::int64_t>(value.count()), static_cast<std::int64_t>(Period::num), &seconds)) {
      seconds = value.count() < 0 ? (std::numeric_limits<std::int64_t>::min)() : (std::numeric_limits<std::int64_t>::max)();
    }
    return {seconds, 0};
  }
}

// Cuts what is finer than the duration's period; false when it cannot hold so long a time.
template <class Rep, class Period>
constexpr bool protobuf_join(protobuf_seconds from, std::chrono::duration<Rep, Period>& into) {
  if constexpr (std::is_floating_point_v<Rep>) {
    into = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(std::chrono::duration<Rep>{static_cast<Rep>(from.seconds)} +
                                                                          std::chrono::duration<Rep, std::nano>{static_cast<Rep>(from.nanoseconds)});
    return true;
  } else if constexpr (Period::num != 1 && Period::den != 1) {
    // Such ticks are no whole number of nanoseconds, so that nothing exact is lost; the nearest one is taken.
    const double ticks = (static_cast<double>(from.seconds) + static_cast<double>(from.nanoseconds) / 1e9) * (static_cast<double>(Period::den) / static_cast<double>(Period::num));
    if (!(ticks > -9e18 && ticks < 9e18)) return false;
    const auto nearest = static_cast<std::int64_t>(ticks < 0 ? ticks - 0.5 : ticks + 0.5);
    if (nearest < (std::numeric_limits<Rep>::min)() || nearest > (std::numeric_limits<Rep>::max)()) return false;
    into = std::chrono::duration<Rep, Period>{static_cast<Rep>(nearest)};
    return true;
  } else {
    std::int64_t ticks = 0;
    if constexpr (Period::num == 1) {
      if (__builtin_mul_overflow(from.seconds, static_cast<std::int64_t>(Period::den), &ticks)) return false;
      const std::int64_t rest = Period::den <= 1'000'000'000 ? static_cast<std::int64_t>(from.nanoseconds) * Period::den / 1'000'000'000
                                                             : static_cast<std::int64_t>(from.nanoseconds) * (Period::den / 1'000'000'000);
      if (__builtin_add_overflow(ticks, rest, &ticks)) return false;
    } else {
      ticks = from.seconds / Period::num;
    }
    if (ticks < (std::numeric_limits<Rep>::min)() || ticks > (std::numeric_limits<Rep>::max)()) return false;
    into = std::chrono::duration<Rep, Period>{static_cast<Rep>(ticks)};
    return true;
  }
}

}  // namespace tenon::inline v0::codec::detail
