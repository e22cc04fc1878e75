// Durations, ratios and rates that may stand in a template argument: std::chrono's are not structural. Core layer.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace tenon::inline v0 {

/// A length of time. Structural, so `timeout<200_ms>` works; converts from and to std::chrono.
///
/// Units   nanoseconds, 64 bits signed: about 292 years.
struct duration {
  std::int64_t ns = 0;

  constexpr duration() noexcept = default;
  constexpr explicit duration(std::int64_t nanoseconds) noexcept : ns{nanoseconds} {}
  template <class Rep, class Period>
  constexpr duration(std::chrono::duration<Rep, Period> value) noexcept
      : ns{std::chrono::duration_cast<std::chrono::nanoseconds>(value).count()} {}
  constexpr operator std::chrono::nanoseconds() const noexcept { return std::chrono::nanoseconds{ns}; }

  constexpr std::int64_t milliseconds() const noexcept { return ns / 1'000'000; }
  constexpr auto operator<=>(const duration&) const noexcept = default;

  friend constexpr duration operator+(duration a, duration b) noexcept { return duration{a.ns + b.ns}; }
  friend constexpr duration operator-(duration a, duration b) noexcept { return duration{a.ns - b.ns}; }
  friend constexpr duration operator*(duration a, std::int64_t factor) noexcept { return duration{a.ns * factor}; }
  friend constexpr duration operator/(duration a, std::int64_t divisor) noexcept { return duration{a.ns / divisor}; }
};

/// A point on a monotonic clock. Only differences mean anything; `never` is later than everything.
struct instant {
  std::int64_t ns = 0;

  static constexpr instant never() noexcept { return {(std::numeric_limits<std::int64_t>::max)()}; }
  constexpr auto operator<=>(const instant&) const noexcept = default;

  friend constexpr duration operator-(instant a, instant b) noexcept { return duration{a.ns - b.ns}; }
  /// Saturates: a deadline of three hundred years stays in the future.
  friend constexpr instant operator+(instant a, duration b) noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a.ns, b.ns, &sum)) return never();
    return {sum};
  }
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

consteval ratio percent(double value) { return {static_cast<std::int32_t>(value * 10'000 + (value < 0 ? -0.5 : 0.5))}; }
constexpr rate per_second(std::int64_t count) noexcept { return {count, std::chrono::seconds{1}}; }
constexpr rate per_minute(std::int64_t count) noexcept { return {count, std::chrono::minutes{1}}; }

/// `200_ms`, `1_s`, `5_min`: brought in by `using namespace tenon::literals`.
inline namespace literals {

consteval duration operator""_ns(unsigned long long value) { return duration{static_cast<std::int64_t>(value)}; }
consteval duration operator""_us(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000}; }
consteval duration operator""_ms(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000'000}; }
consteval duration operator""_s(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 1'000'000'000}; }
consteval duration operator""_min(unsigned long long value) { return duration{static_cast<std::int64_t>(value) * 60'000'000'000}; }

}  // namespace literals
}  // namespace tenon::inline v0
