// Reads what json spells as one token: integers, enums, time points, binary data. Codec layer, detail of codec/json.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include <tenon/codec/detail/expectation.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/json_scanner.hpp>
#include <tenon/codec/detail/json_seconds.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/core/base64.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/enums.hpp>

namespace tenon::inline v0::codec::detail {

template <class Integer>
const char* read_json_integer(json_reader& from, const char* at, Integer& value) {
  using bounds = std::numeric_limits<Integer>;
  if constexpr (std::is_signed_v<Integer>) {
    std::int64_t number = 0;
    at = from.read_signed(at, (bounds::min)(), (bounds::max)(), number);
    if (at != nullptr) value = static_cast<Integer>(number);
  } else {
    std::uint64_t number = 0;
    at = from.read_unsigned(at, (bounds::max)(), number);
    if (at != nullptr) value = static_cast<Integer>(number);
  }
  return at;
}

// A number between quotes, NaN and the infinities among them. It is read by a reader of its own: its errors are told in terms of the text.
template <class Number>
const char* read_json_number_text(json_reader& from, const char* at, Number& value) {
  using bounds = std::numeric_limits<Number>;
  std::string_view text;
  const char* stop = from.read_text(at, text);
  if (stop == nullptr) return nullptr;
  json_reader digits{text, limits{}};
  const bool begins = !text.empty() && (text.front() == '-' || is_digit(text.front()));
  if constexpr (std::is_floating_point_v<Number>) {
    if (text == "NaN") return value = bounds::quiet_NaN(), stop;
    if (text == "Infinity") return value = bounds::infinity(), stop;
    if (text == "-Infinity") return value = -bounds::infinity(), stop;
    if (begins && digits.read_floating(digits.begin(), value) == digits.end()) return stop;
    return from.fail_name(at, "number, NaN, Infinity or -Infinity", text);
  } else {
    if (begins && read_json_integer(digits, digits.begin(), value) == digits.end()) return stop;
    return from.fail_name(at, expected_integer((bounds::min)(), (bounds::max)()), text);
  }
}

template <class Duration>
const char* read_json_seconds(json_reader& from, const char* at, Duration& value) {
  std::string_view text;
  const char* stop = from.read_text(at, text);
  if (stop == nullptr) return nullptr;
  seconds_value seconds;
  if (!read_seconds(text, seconds)) return from.fail_name(at, "duration like 1.5s", text);
  return from_seconds_value(seconds, value) ? stop : from.fail_name(at, "duration within the range of its type", text);
}

template <class Enum>
const char* read_json_enum(json_reader& from, const char* at, Enum& value) {
  if (!from.is_at(at, '"')) {
    if (at == from.end() || (*at != '-' && !is_digit(*at))) return from.fail(at, expected_one_of<Enum>());
    std::underlying_type_t<Enum> number{};
    at = read_json_integer(from, at, number);
    if (at != nullptr) value = static_cast<Enum>(number);
    return at;
  }
  std::string_view name;
  const char* stop = from.read_text(at, name);
  if (stop == nullptr) return nullptr;
  const std::optional<Enum> known = enum_value<Enum>(name);
  if (!known) return from.fail_name(at, expected_one_of<Enum>(), name);
  value = *known;
  return stop;
}

template <class Style, class TimePoint>
const char* read_json_time_point(json_reader& from, const char* at, TimePoint& value) {
  std::string_view text;
  const char* stop = from.read_text(at, text);
  if (stop == nullptr) return nullptr;
  timestamp moment;
  const bool is_spelled_right = !Style::style.capital_times || (text.find('t') == text.npos && text.find('z') == text.npos && text.find(' ') == text.npos);
  if (!is_spelled_right || !read_timestamp(text, moment)) return from.fail_name(at, "date and time like 2026-11-20T10:26:41Z", text);
  if (!from_timestamp(moment, value)) {
    // Go sends the first of January of the year 1 for a time that was never set.
    constexpr timestamp go_zero{-62'135'596'800, 0};
    if (moment != go_zero) return from.fail_name(at, "date within the range of the time point", text);
    value = TimePoint{};
  }
  return stop;
}

template <class Bytes>
const char* read_json_binary(json_reader& from, const char* at, Bytes& value) {
  if constexpr (requires { value.clear(); }) {
    if (from.is_null(at)) {
      value.clear();
      return at + 4;
    }
  }
  std::string_view text;
  const char* stop = from.read_text(at, text);
  if (stop == nullptr) return nullptr;
  text = tenon::detail::base64_unpadded(text);
  const std::size_t size = tenon::detail::base64_bytes(text.size());
  if constexpr (requires { value.resize(size); }) {
    value.resize(size);
  } else if (size != value.size()) {
    return from.fail(at, tenon::detail::join_text({tenon::detail::number_text{value.size()}, " bytes of binary"}), tenon::detail::number_text{size});
  }
  if (tenon::detail::read_base64(text, value.data()) != text.size()) return from.fail(at, "base64 text", "other characters");
  return stop;
}

}  // namespace tenon::inline v0::codec::detail
