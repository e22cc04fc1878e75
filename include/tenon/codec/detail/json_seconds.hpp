// Durations as text, seconds with a fraction, `1.500s`: what proto3's json has for them. Codec layer, detail of codec/json.hpp.
// Source: protobuf.dev, ProtoJSON format; google/protobuf/duration.proto.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>

#include <tenon/codec/detail/json_writer.hpp>
#include <tenon/codec/detail/timestamp.hpp>

namespace tenon::inline v0::codec::detail {

// A sign, what 64 bits hold, a point, nine digits, the unit.
inline constexpr std::size_t max_seconds_size = 31;

// A duration as magnitude and sign: seconds and nanoseconds of one sign are what the text has.
struct seconds_value {
  std::uint64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  bool negative = false;
};

template <class Count, class Period>
constexpr seconds_value to_seconds_value(std::chrono::duration<Count, Period> value) noexcept {
  constexpr auto num = static_cast<std::uint64_t>(Period::num);
  constexpr auto den = static_cast<std::uint64_t>(Period::den);
  if constexpr (std::is_floating_point_v<Count> || (num != 1 && den != 1)) {
    const double seconds = static_cast<double>(value.count()) * static_cast<double>(num) / static_cast<double>(den);
    const double magnitude = seconds < 0 ? -seconds : seconds;
    // What is no number, or more than 64 bits hold, has no better text than the nearest.
    if (!(magnitude < 1.8e19)) return {magnitude > 0 ? (std::numeric_limits<std::uint64_t>::max)() : 0, 0, seconds < 0};
    auto whole = static_cast<std::uint64_t>(magnitude);
    auto rest = static_cast<std::uint32_t>((magnitude - static_cast<double>(whole)) * 1e9 + 0.5);
    if (rest == 1'000'000'000) {
      ++whole;
      rest = 0;
    }
    return {whole, rest, seconds < 0};
  } else {
    const bool negative = value.count() < 0;
    const std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(value.count()) : static_cast<std::uint64_t>(value.count());
    if constexpr (den == 1) {
      std::uint64_t seconds = 0;
      if (__builtin_mul_overflow(magnitude, num, &seconds)) seconds = (std::numeric_limits<std::uint64_t>::max)();
      return {seconds, 0, negative};
    } else {
      const std::uint64_t rest = magnitude % den;
      const std::uint64_t nanoseconds = den <= 1'000'000'000 ? rest * 1'000'000'000 / den : rest / (den / 1'000'000'000);
      return {magnitude / den, static_cast<std::uint32_t>(nanoseconds), negative};
    }
  }
}

// Cuts what is finer than the duration; false when it cannot hold so much.
template <class Count, class Period>
constexpr bool from_seconds_value(const seconds_value& from, std::chrono::duration<Count, Period>& into) noexcept {
  constexpr auto num = static_cast<std::uint64_t>(Period::num);
  constexpr auto den = static_cast<std::uint64_t>(Period::den);
  if constexpr (std::is_floating_point_v<Count>) {
    const double seconds = static_cast<double>(from.seconds) + static_cast<double>(from.nanoseconds) / 1e9;
    into = std::chrono::duration<Count, Period>{static_cast<Count>((from.negative ? -seconds : seconds) * static_cast<double>(den) / static_cast<double>(num))};
    return true;
  } else {
    // The text's seconds are at most 315'576'000'000: what overflows is a duration that cannot hold them.
    std::uint64_t count = 0;
    if (__builtin_mul_overflow(from.seconds, den, &count)) return false;
    const std::uint64_t rest = den <= 1'000'000'000 ? static_cast<std::uint64_t>(from.nanoseconds) * den / 1'000'000'000
                                                    : static_cast<std::uint64_t>(from.nanoseconds) * (den / 1'000'000'000);
    if (__builtin_add_overflow(count, rest, &count)) return false;
    count /= num;
    if (count > static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)())) return false;
    const auto signed_count = from.negative ? -static_cast<std::int64_t>(count) : static_cast<std::int64_t>(count);
    if (signed_count < 0 && std::is_unsigned_v<Count>) return false;
    if constexpr (sizeof(Count) < 8) {
      if (signed_count < static_cast<std::int64_t>((std::numeric_limits<Count>::min)()) || signed_count > static_cast<std::int64_t>((std::numeric_limits<Count>::max)())) return false;
    }
    into = std::chrono::duration<Count, Period>{static_cast<Count>(signed_count)};
    return true;
  }
}

// Writes at most `max_seconds_size` characters and returns the end; the fraction has none, 3, 6 or 9 digits when it is grouped.
inline char* write_seconds(char* at, const seconds_value& value, bool grouped) noexcept {
  if (value.negative && (value.seconds != 0 || value.nanoseconds != 0)) *at++ = '-';
  at = write_unsigned(at, value.seconds);
  at = write_fraction(at, value.nanoseconds, grouped ? 3 : 1);
  *at = 's';
  return at + 1;
}

// False when `text` is no such duration, or longer than the 10'000 years that duration.proto allows.
inline bool read_seconds(std::string_view text, seconds_value& into) noexcept {
  constexpr std::uint64_t most = 315'576'000'000;
  into = {};
  if (!text.empty() && text.front() == '-') {
    into.negative = true;
    text.remove_prefix(1);
  }
  const auto digit = [&] { return !text.empty() && text.front() >= '0' && text.front() <= '9'; };
  if (!digit()) return false;
  for (; digit() && into.seconds <= most; text.remove_prefix(1)) into.seconds = into.seconds * 10 + static_cast<std::uint64_t>(text.front() - '0');
  if (into.seconds > most) return false;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    if (!digit()) return false;
    std::uint32_t unit = 100'000'000;
    for (; digit() && unit != 0; text.remove_prefix(1), unit /= 10) into.nanoseconds += static_cast<std::uint32_t>(text.front() - '0') * unit;
  }
  return text == "s";
}

}  // namespace tenon::inline v0::codec::detail
