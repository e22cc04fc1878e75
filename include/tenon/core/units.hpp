// Durations, ratios and rates that may stand in a template argument: std::chrono's are not structural. Core layer.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

namespace tenon::inline v0 {
namespace detail {

inline constexpr std::int64_t most_ns = (std::numeric_limits<std::int64_t>::max)();
inline constexpr std::int64_t least_ns = (std::numeric_limits<std::int64_t>::min)();

// Time saturates everywhere: `std::chrono::hours::max()` is how people write "for ever", and must not come out negative.
constexpr std::int64_t saturated_sum(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? least_ns : most_ns) : sum;
}
constexpr std::int64_t saturated_difference(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t difference = 0;
  return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? most_ns : least_ns) : difference;
}
constexpr std::int64_t saturated_product(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ((a < 0) != (b < 0) ? least_ns : most_ns) : product;
}

template <class Rep, class Period>
constexpr std::int64_t saturated_ns(std::chrono::duration<Rep, Period> value) noexcept {
  using factor = std::ratio_divide<Period, std::nano>;
  if constexpr (std::is_floating_point_v<Rep>) {
    if (value.count() != value.count()) return 0;  // not a number is no time at all
    const auto exact = static_cast<long double>(value.count()) * static_cast<long double>(factor::num) / static_cast<long double>(factor::den);
    if (exact >= 0x1p63L) return most_ns;
    if (exact < -0x1p63L) return least_ns;
    return static_cast<std::int64_t>(exact);
  } else if constexpr (std::is_integral_v<Rep>) {
    if constexpr (std::is_unsigned_v<Rep> && sizeof(Rep) == 8) {
      if (value.count() > static_cast<Rep>(most_ns)) return saturated_ns(std::chrono::duration<long double, Period>{value});
    }
    const auto count = static_cast<std::int64_t>(value.count());
    return saturated_sum(saturated_product(count / factor::den, factor::num), count % factor::den * factor::num / factor::den);
  } else {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(value).count();
  }
}

}  // namespace detail

/// A length of time. Structural, so `timeout<200_ms>` works; converts from and to std::chrono.
///
/// Units   nanoseconds, 64 bits signed: about 292 years; what is longer, and every sum and product beyond, saturates.
struct duration {
  std::int64_t ns = 0;

  constexpr duration() noexcept = default;
  constexpr explicit duration(std::int64_t nanoseconds) noexcept : ns{nanoseconds} {}
  template <class Rep, class Period>
  constexpr duration(std::chrono::duration<Rep, Period> value) noexcept : ns{detail::saturated_ns(value)} {}
  constexpr operator std::chrono::nanoseconds() const noexcept { return std::chrono::nanoseconds{ns}; }

  constexpr std::int64_t milliseconds() const noexcept { return ns / 1'000'000; }
  constexpr auto operator<=>(const duration&) const noexcept = default;

  friend constexpr duration operator+(duration a, duration b) noexcept { return duration{detail::saturated_sum(a.ns, b.ns)}; }
  friend constexpr duration operator-(duration a, duration b) noexcept { return duration{detail::saturated_difference(a.ns, b.ns)}; }
  friend constexpr duration operator*(duration a, std::int64_t factor) noexcept { return duration{detail::saturated_product(a.ns, factor)}; }
  friend constexpr duration operator/(duration a, std::int64_t divisor) noexcept { return duration{a.ns / divisor}; }
};

/// A point on a monotonic clock. Only differences mean anything; `never` is later than everything.
struct instant {
  std::int64_t ns = 0;

  static constexpr instant never() noexcept { return {(std::numeric_limits<std::int64_t>::max)()}; }
  constexpr auto operator<=>(const instant&) const noexcept = default;

  friend constexpr duration operator-(instant a, instant b) noexcept { return duration{detail::saturated_difference(a.ns, b.ns)}; }
  /// Saturates: a deadline of three hundred years stays in the future, and `never` stays never.
  friend constexpr instant operator+(instant a, duration b) noexcept { return a == never() ? a : instant{detail::saturated_sum(a.ns, b.ns)}; }
};

/// A ratio in parts per million: integers compare exactly and are structural on every compiler.
struct ratio {
  std::int32_t ppm = 0;
  constexpr auto operator<=>(const ratio&) const noexcept = default;
};

/// Events per length of time.
struct rate {
  std::int64_t count = 0;
  duration per{};
  constexpr bool operator==(const rate&) const noexcept = default;
};

constexpr ratio percent(double value) { return {static_cast<std::int32_t>(value * 10'000 + (value < 0 ? -0.5 : 0.5))}; }
constexpr rate per_second(std::int64_t count) noexcept { return {count, std::chrono::seconds{1}}; }
constexpr rate per_minute(std::int64_t count) noexcept { return {count, std::chrono::minutes{1}}; }

/// `200_ms`, `1_s`, `5_min`: brought in by `using namespace tenon::literals`.
inline namespace literals {

constexpr duration operator""_ns(unsigned long long value) { return duration{static_cast<std::int64_t>(value)}; }
constexpr duration operator""_us(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000}; }
constexpr duration operator""_ms(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000'000}; }
constexpr duration operator""_s(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000'000'000}; }
constexpr duration operator""_min(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 60'000'000'000}; }

}  // namespace literals
}  // namespace tenon::inline v0
