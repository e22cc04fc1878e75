// Reads MessagePack's scalars, text and binary into C++ values. Codec layer, part of msgpack.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include <tenon/codec/detail/expectation.hpp>
#include <tenon/codec/detail/keep_text.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/enums.hpp>

namespace tenon::inline v0::codec::detail {

[[gnu::cold, gnu::noinline]] inline const char* msgpack_fail_range(msgpack_reader& in, const char* at, msgpack_integer found, std::int64_t lowest, std::uint64_t highest) {
  return in.fail(at, expected_integer(lowest, highest),
                 found.negative ? std::to_string(static_cast<std::int64_t>(found.bits)) : std::to_string(found.bits));
}

// What the short way below does not take: the end of the input, floating numbers, errors.
template <class Integer>
[[gnu::noinline]] const char* msgpack_read_any_integer(msgpack_reader& in, const char* at, Integer& value) {
  using bounds = std::numeric_limits<Integer>;
  msgpack_integer found;
  const char* const next = in.read_integer(at, found);
  if (next == nullptr) [[unlikely]] return nullptr;
  constexpr auto lowest = static_cast<std::int64_t>((bounds::min)());
  constexpr auto highest = static_cast<std::uint64_t>((bounds::max)());
  const bool fits = found.negative ? static_cast<std::int64_t>(found.bits) >= lowest : found.bits <= highest;
  if (!fits) [[unlikely]] return msgpack_fail_range(in, at, found, lowest, highest);
  value = static_cast<Integer>(found.bits);
  return next;
}

// The signed forms, where enough input follows to load any of them in one go.
template <class Integer>
const char* msgpack_take_negative(const char* at, const char* end, Integer& value) noexcept {
  const unsigned char head = msgpack_reader::byte_at(at);
  if (head >= msgpack_head::negative_fixint) {
    value = static_cast<Integer>(static_cast<signed char>(head));
    return at + 1;
  }
  const unsigned logarithm = head - unsigned{msgpack_head::int8};
  if (logarithm > 3 || end - at < 9) return nullptr;
  const unsigned size = 1U << logarithm;
  const std::int64_t found = static_cast<std::int64_t>(tenon::detail::load_big_endian_64(at + 1)) >> (64 - 8 * size);
  value = static_cast<Integer>(found);
  return value == found ? at + 1 + size : nullptr;
}

// An integer that `Integer` holds; nullptr, with nothing recorded, for whatever else stands there. A function without a frame, and a branch for each form: one field's
// numbers mostly have one width, and with the branch foreseen the next place does not wait for this head.
template <class Integer>
[[gnu::noinline]] const char* msgpack_take_integer(const char* at, const char* end, Integer& value) noexcept {
  constexpr auto highest = static_cast<std::uint64_t>((std::numeric_limits<Integer>::max)());
  const std::ptrdiff_t left = end - at;
  if (left < 2) [[unlikely]] return nullptr;
  const unsigned char head = msgpack_reader::byte_at(at);
  std::uint64_t found = 0;
  std::ptrdiff_t size = 0;
  if (head == msgpack_head::uint32 && left >= 5) {
    found = tenon::detail::load_big_endian_32(at + 1);
    size = 5;
  } else if (head == msgpack_head::uint8) {
    found = msgpack_reader::byte_at(at + 1);
    size = 2;
  } else if (head == msgpack_head::uint16 && left >= 3) {
    found = msgpack_reader::load_16(at + 1);
    size = 3;
  } else if (head == msgpack_head::uint64 && left >= 9) {
    found = tenon::detail::load_big_endian_64(at + 1);
    size = 9;
  } else {
    if constexpr (std::is_signed_v<Integer>) return detail::msgpack_take_negative(at, end, value);
    else return nullptr;
  }
  if (found > highest) [[unlikely]] return nullptr;
  value = static_cast<Integer>(found);
  return at + size;
}

template <class Integer>
[[gnu::always_inline]] inline const char* msgpack_read_integer(msgpack_reader& in, const char* at, Integer& value) {
  if (at != in.end && msgpack_reader::byte_at(at) < msgpack_head::fixmap) {
    value = static_cast<Integer>(*at);
    return at + 1;
  }
  const char* const next = msgpack_take_integer(at, in.end, value);
  return next != nullptr ? next : msgpack_read_any_integer(in, at, value);
}

[[gnu::always_inline]] inline const char* msgpack_read_boolean(msgpack_reader& in, const char* at, bool& value) {
  if (at == in.end || (msgpack_reader::byte_at(at) | 1U) != msgpack_head::true_value) [[unlikely]] return in.fail(at, "boolean");
  value = msgpack_reader::byte_at(at) == msgpack_head::true_value;
  return at + 1;
}

template <class Floating>
[[gnu::noinline]] const char* msgpack_read_any_floating(msgpack_reader& in, const char* at, Floating& value);

template <class Floating>
[[gnu::always_inline]] inline const char* msgpack_read_floating(msgpack_reader& in, const char* at, Floating& value) {
  if (in.left(at) > sizeof(Floating)) [[likely]] {
    if constexpr (sizeof(Floating) == 8) {
      if (msgpack_reader::byte_at(at) == msgpack_head::float64) {
        value = std::bit_cast<double>(tenon::detail::load_big_endian_64(at + 1));
        return at + 9;
      }
    } else if (msgpack_reader::byte_at(at) == msgpack_head::float32) {
      value = std::bit_cast<float>(tenon::detail::load_big_endian_32(at + 1));
      return at + 5;
    }
  }
  return detail::msgpack_read_any_floating(in, at, value);
}

template <class Floating>
const char* msgpack_read_any_floating(msgpack_reader& in, const char* at, Floating& value) {
  msgpack_number found;
  const char* const next = in.read_number(at, found, "number");
  if (next == nullptr) [[unlikely]] return nullptr;
  if (found.is_integer) {
    value = found.integer.negative ? static_cast<Floating>(static_cast<std::int64_t>(found.integer.bits)) : static_cast<Floating>(found.integer.bits);
    return next;
  }
  if constexpr (sizeof(Floating) < sizeof(double)) {
    constexpr double largest = static_cast<double>((std::numeric_limits<Floating>::max)());
    const bool is_finite = found.floating - found.floating == 0;
    if (is_finite && (found.floating > largest || found.floating < -largest)) return in.fail(at, "number that a float can hold", std::to_string(found.floating));
  }
  value = static_cast<Floating>(found.floating);
  return next;
}

template <class Text>
[[gnu::noinline]] const char* msgpack_read_any_text(msgpack_reader& in, const char* at, Text& value) {
  std::string_view found;
  at = in.read_raw(at, found, "string");
  if (at != nullptr) detail::keep_text(value, found.data(), found.size());
  return at;
}

template <class Text>
const char* msgpack_read_text(msgpack_reader& in, const char* at, Text& value) {
  using namespace msgpack_head;
  const std::size_t left = in.left(at);
  if (left < 2) [[unlikely]] return detail::msgpack_read_any_text(in, at, value);
  const unsigned char head = msgpack_reader::byte_at(at);
  std::size_t size = head & 0x1fU;
  std::size_t head_size = 1;
  if ((head & 0xe0U) != fixstr) {
    if (head != str8) [[unlikely]] return detail::msgpack_read_any_text(in, at, value);
    size = msgpack_reader::byte_at(at + 1);
    head_size = 2;
  }
  if (left - head_size < size) [[unlikely]] return detail::msgpack_read_any_text(in, at, value);
  // Text that comes again and again has the same size each time, in many a field.
  if (value.size() == size) std::memcpy(value.data(), at + head_size, size);
  else detail::keep_text(value, at + head_size, size);
  return at + head_size + size;
}

// An enum that is `bool` underneath is read as the number it is.
template <class Enum>
using enum_number = std::conditional_t<std::is_same_v<std::underlying_type_t<Enum>, bool>, unsigned char, std::underlying_type_t<Enum>>;

template <class Enum>
const char* msgpack_read_enum(msgpack_reader& in, const char* at, Enum& value) {
  if (at != in.end) {
    const msgpack_kind found = msgpack_reader::kind(msgpack_reader::byte_at(at));
    if (found == msgpack_kind::string || found == msgpack_kind::binary) {
      std::string_view name;
      const char* const next = in.read_raw(at, name, "string");
      if (next == nullptr) return nullptr;
      const auto named = enum_value<Enum>(name);
      if (!named) return in.fail(at, expected_one_of<Enum>(), "\"" + std::string{name.substr(0, 64)} + "\"");
      value = *named;
      return next;
    }
  }
  enum_number<Enum> number{};
  at = msgpack_read_integer(in, at, number);
  if (at != nullptr) value = static_cast<Enum>(number);
  return at;
}

template <class T>
const char* msgpack_read_binary(msgpack_reader& in, const char* at, T& value) {
  std::string_view found;
  const char* const start = at;
  if constexpr (requires { value.clear(); }) {
    if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) {
      value.clear();
      return at + 1;
    }
  }
  at = in.read_raw(at, found, "binary");
  if (at == nullptr) [[unlikely]] return nullptr;
  const auto* const data = reinterpret_cast<const std::byte*>(found.data());
  if constexpr (requires { value.assign(data, data); }) {
    value.assign(data, data + found.size());
  } else {
    if (found.size() != value.size()) return in.fail(start, "binary of " + std::to_string(value.size()) + " bytes", std::to_string(found.size()) + " bytes");
    if (!found.empty()) std::memcpy(value.data(), data, found.size());
  }
  return at;
}

// Splits a timestamp of any of the three forms; the place after it, or nullptr.
inline const char* msgpack_read_timestamp(msgpack_reader& in, const char* at, timestamp& out) {
  msgpack_extension found;
  const char* const next = in.read_extension(at, found, "timestamp");
  if (next == nullptr) return nullptr;
  if (found.type != -1) return in.fail(at, "timestamp", "extension of type " + std::to_string(found.type));
  const char* const data = found.data.data();
  if (found.data.size() == 4) {
    out = {tenon::detail::load_big_endian_32(data), 0};
  } else if (found.data.size() == 8) {
    const std::uint64_t both = tenon::detail::load_big_endian_64(data);
    out = {static_cast<std::int64_t>(both & 0x3'ffff'ffffU), static_cast<std::uint32_t>(both >> 34)};
  } else if (found.data.size() == 12) {
    out = {static_cast<std::int64_t>(tenon::detail::load_big_endian_64(data + 4)), tenon::detail::load_big_endian_32(data)};
  } else {
    return in.fail(at, "timestamp of 4, 8 or 12 bytes", std::to_string(found.data.size()) + " bytes");
  }
  if (out.nanoseconds > 999'999'999) return in.fail(at, "nanoseconds up to 999999999", std::to_string(out.nanoseconds));
  return next;
}

template <class Time>
const char* msgpack_read_time(msgpack_reader& in, const char* at, Time& value) {
  timestamp found;
  const char* const next = msgpack_read_timestamp(in, at, found);
  if (next == nullptr || from_timestamp(found, value)) return next;
  // Go writes its unset time, the first second of year 1, for every field that was never set.
  constexpr timestamp unset_in_go{-62'135'596'800, 0};
  if (found != unset_in_go) return in.fail(at, "timestamp that the time point can hold", std::to_string(found.seconds) + " seconds");
  value = Time{};
  return next;
}

}  // namespace tenon::inline v0::codec::detail
