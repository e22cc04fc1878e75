// Time points as text, `2026-11-20T10:26:41.123456789Z`. Codec layer, shared by the codecs that are text.
// Source: RFC 3339, section 5.6.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ratio>
#include <string_view>
#include <type_traits>

namespace tenon::inline v0::codec::detail {

// Seconds since 1970 and the nanoseconds after them, 0 to 999'999'999: what every wire form of a time point is made of.
struct timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  bool operator==(const timestamp&) const = default;
};

inline constexpr std::size_t max_timestamp_size = 30;

// By hand: chrono's own casts overflow for the earliest of the time points that count nanoseconds.
template <class Duration>
constexpr timestamp to_timestamp(std::chrono::time_point<std::chrono::system_clock, Duration> value) {
  using period = typename Duration::period;
  const auto count = value.time_since_epoch().count();
  if constexpr (std::is_floating_point_v<typename Duration::rep> || (period::num != 1 && period::den != 1)) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(value);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(value - whole);
    return {static_cast<std::int64_t>(whole.time_since_epoch().count()), static_cast<std::uint32_t>(rest.count())};
  } else if constexpr (period::num == 1) {
    constexpr std::int64_t per_second = period::den;
    auto seconds = static_cast<std::int64_t>(count) / per_second;
    auto rest = static_cast<std::int64_t>(count) % per_second;
    if (rest < 0) {
      rest += per_second;
      --seconds;
    }
    if constexpr (per_second <= 1'000'000'000) return {seconds, static_cast<std::uint32_t>(rest * 1'000'000'000 / per_second)};
    else return {seconds, static_cast<std::uint32_t>(rest / (per_second / 1'000'000'000))};
  } else {
    std::int64_t seconds = 0;
    if (__builtin_mul_overflow(static_cast<std::int64_t>(count), static_cast<std::int64_t>(period::num), &seconds)) {
      seconds = count < 0 ? (std::numeric_limits<std::int64_t>::min)() : (std::numeric_limits<std::int64_t>::max)();
    }
    return {seconds, 0};
  }
}

// Cuts what is finer than `Duration`; false when the time point cannot hold so distant a time.
template <class Duration>
constexpr bool from_timestamp(timestamp from, std::chrono::time_point<std::chrono::system_clock, Duration>& into) {
  using rep = typename Duration::rep;
  using period = typename Duration::period;
  if constexpr (std::is_floating_point_v<rep>) {
    into = std::chrono::time_point<std::chrono::system_clock, Duration>{std::chrono::duration_cast<Duration>(
        std::chrono::duration<rep>{static_cast<rep>(from.seconds)} + std::chrono::duration<rep, std::nano>{static_cast<rep>(from.nanoseconds)})};
    return true;
  } else {
    static_assert(period::num == 1 || period::den == 1, "tenon: a time point on the wire counts whole seconds or a whole part of one; use std::chrono::sys_time<std::chrono::nanoseconds>");
    std::int64_t ticks = 0;
    if constexpr (period::num == 1) {
      // Before 1970 it counts back from the next second: the earliest time point lies within the last second that can be multiplied.
      const std::int64_t up = from.seconds < 0 ? 1 : 0;
      if (__builtin_mul_overflow(from.seconds + up, static_cast<std::int64_t>(period::den), &ticks)) return false;
      const std::int64_t rest = period::den <= 1'000'000'000 ? static_cast<std::int64_t>(from.nanoseconds) * period::den / 1'000'000'000
                                                             : static_cast<std::int64_t>(from.nanoseconds) * (period::den / 1'000'000'000);
      if (__builtin_add_overflow(ticks, rest - up * period::den, &ticks)) return false;
    } else {
      ticks = from.seconds / period::num - (from.seconds % period::num < 0 ? 1 : 0);
    }
    if (ticks < (std::numeric_limits<rep>::min)() || ticks > (std::numeric_limits<rep>::max)()) return false;
    into = std::chrono::time_point<std::chrono::system_clock, Duration>{Duration{static_cast<rep>(ticks)}};
    return true;
  }
}

// Writes the fraction of a second with its point, none for 0: without trailing zeros, which go `step` at a time.
inline char* write_fraction(char* at, std::uint32_t nanoseconds, std::size_t step) noexcept {
  if (nanoseconds == 0) return at;
  *at = '.';
  std::size_t digits = 9;
  for (std::size_t i = digits; i > 0; --i, nanoseconds /= 10) at[i] = static_cast<char>('0' + nanoseconds % 10);
  const auto zeros = [&] {
    for (std::size_t i = 0; i < step; ++i) {
      if (at[digits - i] != '0') return false;
    }
    return true;
  };
  while (zeros()) digits -= step;
  return at + 1 + digits;
}

// Writes at most `max_timestamp_size` characters and returns the end; the fraction is as long as it must be, or a multiple of `fraction_step`.
// RFC 3339 knows the years 0 to 9999 only: what lies outside is written as the nearest moment inside.
inline char* write_timestamp(char* at, timestamp value, std::size_t fraction_step = 1) noexcept {
  constexpr std::int64_t year_0 = -62'167'219'200;
  constexpr std::int64_t year_10000 = 253'402'300'800;
  if (value.seconds < year_0) value = {year_0, 0};
  if (value.seconds >= year_10000) value = {year_10000 - 1, 999'999'999};

  const auto put = [&at](unsigned number, int digits) {
    for (int i = digits - 1; i >= 0; --i, number /= 10) at[i] = static_cast<char>('0' + number % 10);
    at += digits;
  };
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds{std::chrono::seconds{value.seconds}});
  const std::chrono::year_month_day date{days};
  const auto clock = static_cast<unsigned>(value.seconds - std::chrono::sys_seconds{days}.time_since_epoch().count());
  put(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *at++ = '-';
  put(static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  put(static_cast<unsigned>(date.day()), 2);
  *at++ = 'T';
  put(clock / 3600, 2);
  *at++ = ':';
  put(clock / 60 % 60, 2);
  *at++ = ':';
  put(clock % 60, 2);
  at = write_fraction(at, value.nanoseconds, fraction_step);
  *at++ = 'Z';
  return at;
}

// False when `text` is not a date and time of RFC 3339. A leap second reads as the second after it; digits finer than a nanosecond are cut.
inline bool read_timestamp(std::string_view text, timestamp& into) noexcept {
  bool good = true;
  const auto number = [&](std::size_t digits, unsigned most) {
    unsigned value = 0;
    if (text.size() < digits) return good = false, 0U;
    for (std::size_t i = 0; i < digits; ++i) {
      const auto digit = static_cast<unsigned>(text[i]) - static_cast<unsigned>('0');
      good = good && digit <= 9;
      value = value * 10 + digit;
    }
    text.remove_prefix(digits);
    good = good && value <= most;
    return value;
  };
  const auto mark = [&](char first, char second) {
    if (text.empty() || (text.front() != first && text.front() != second)) return good = false;
    text.remove_prefix(1);
    return true;
  };

  const unsigned year = number(4, 9999);
  mark('-', '-');
  const unsigned month = number(2, 12);
  mark('-', '-');
  const unsigned day = number(2, 31);
  // RFC 3339 allows lower case, and a space for readability.
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  else mark('T', 't');
  const unsigned hour = number(2, 23);
  mark(':', ':');
  const unsigned minute = number(2, 59);
  mark(':', ':');
  const unsigned second = number(2, 60);

  std::uint32_t nanoseconds = 0;
  if (good && !text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    std::uint32_t unit = 100'000'000;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      nanoseconds += static_cast<std::uint32_t>(text.front() - '0') * unit;
      unit /= 10;
      any = true;
      text.remove_prefix(1);
    }
    good = any;
  }

  std::int64_t offset = 0;
  if (good && !text.empty() && (text.front() == '+' || text.front() == '-')) {
    const bool west = text.front() == '-';
    text.remove_prefix(1);
    const unsigned hours = number(2, 23);
    mark(':', ':');
    const unsigned minutes = number(2, 59);
    offset = static_cast<std::int64_t>(hours * 3600 + minutes * 60) * (west ? -1 : 1);
  } else {
    mark('Z', 'z');
  }

  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)}, std::chrono::month{month}, std::chrono::day{day}};
  if (!good || !text.empty() || !date.ok()) return false;
  const auto midnight = std::chrono::sys_seconds{std::chrono::sys_days{date}}.time_since_epoch().count();
  into = {static_cast<std::int64_t>(midnight) + static_cast<std::int64_t>(hour * 3600 + minute * 60 + second) - offset, nanoseconds};
  return true;
}

}  // namespace tenon::inline v0::codec::detail
