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
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/enums.hpp>

namespace tenon::inline v0::codec::detail {

[[gnu::cold, gnu::noinline]] inline const char* msgpack_fail_range(msgpack_reader& in, const char* at, msgpack_integer found, std::int64_t lowest, std::uint64_t highest) {
  return in.fail(at, expected_integer(lowest, highest),
                 found.negative ? std::to_string(static_cast<std::int64_t>(found.bits)) : std::to_string(found.bits));
}

template <class Integer>
const char* msgpack_read_integer(msgpack_reader& in, const char* at, Integer& value) {
  using bounds = std::numeric_limits<Integer>;
  if (at != in.end && msgpack_reader::byte_at(at) < msgpack_head::fixmap) {
    value = static_cast<Integer>(*at);
    return at + 1;
  }
  msgpack_integer found;
  const char* next = in.read_wide_integer(at, found);
  if (next == nullptr) {
    next = in.read_integer(at, found);
    if (next == nullptr) [[unlikely]] return nullptr;
  }
  constexpr auto lowest = static_cast<std::int64_t>((bounds::min)());
  constexpr auto highest = static_cast<std::uint64_t>((bounds::max)());
  const bool fits = found.negative ? static_cast<std::int64_t>(found.bits) >= lowest : found.bits <= highest;
  if (!fits) [[unlikely]] return msgpack_fail_range(in, at, found, lowest, highest);
  value = static_cast<Integer>(found.bits);
  return next;
}

template <class Floating>
const char* msgpack_read_floating(msgpack_reader& in, const char* at, Floating& value) {
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
