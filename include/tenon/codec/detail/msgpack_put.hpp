// Writes MessagePack's tokens at a place that has room for them. Knows nothing of C++ types. Codec layer, part of msgpack.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <tenon/codec/detail/msgpack_reader.hpp>

namespace tenon::inline v0::codec::detail {

/// Every function writes at `at`, where the caller has made room, and returns the place after: no check and no growth in between.
namespace msgpack_put {

inline constexpr std::size_t largest_head = 5;
inline constexpr std::size_t largest_number = 9;
inline constexpr std::size_t largest_timestamp = 15;

inline char* byte(char* at, unsigned value) noexcept {
  *at = static_cast<char>(value);
  return at + 1;
}
inline char* copy(char* at, const void* from, std::size_t size) noexcept {
  if (size != 0) std::memcpy(at, from, size);
  return at + size;
}
// g++ 12 does not make one instruction of shifts and stores of single bytes once they are inlined; of these it does.
inline char* big_endian_16(char* at, unsigned value) noexcept {
  auto number = static_cast<std::uint16_t>(value);
  if constexpr (std::endian::native == std::endian::little) number = __builtin_bswap16(number);
  return copy(at, &number, sizeof number);
}
inline char* big_endian_32(char* at, std::uint32_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  return copy(at, &value, sizeof value);
}
inline char* big_endian_64(char* at, std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return copy(at, &value, sizeof value);
}

/// The compact form: the shortest that holds the value. Always needs room for the largest: eight bytes are stored, of which some are written over.
inline char* positive(char* at, std::uint64_t value) noexcept {
  if (value < 0x80) return byte(at, static_cast<unsigned>(value));
  // No branches: sizes of numbers are hard to predict. The table holds the logarithm of the width for each count of whole bytes below the highest bit.
  const unsigned logarithm = 0x3333'2210U >> (4 * ((63 - static_cast<unsigned>(std::countl_zero(value))) / 8)) & 3U;
  const unsigned size = 1U << logarithm;
  big_endian_64(byte(at, msgpack_head::uint8 + logarithm), value << (64 - 8 * size));
  return at + 1 + size;
}
inline char* negative(char* at, std::int64_t value) noexcept {
  if (value >= -0x20) return byte(at, static_cast<unsigned char>(value));
  const unsigned width = value >= -0x80 ? 0 : value >= -0x8000 ? 1 : value >= -0x8000'0000LL ? 2 : 3;
  const unsigned size = 1U << width;
  big_endian_64(byte(at, msgpack_head::int8 + width), static_cast<std::uint64_t>(value) << (64 - 8 * size));
  return at + 1 + size;
}
template <class Integer>
char* integer(char* at, Integer value) noexcept {
  if constexpr (std::is_signed_v<Integer>) {
    if (value < 0) return negative(at, value);
  }
  return positive(at, static_cast<std::uint64_t>(value));
}

inline char* floating(char* at, float value) noexcept { return big_endian_32(byte(at, msgpack_head::float32), std::bit_cast<std::uint32_t>(value)); }
inline char* floating(char* at, double value) noexcept { return big_endian_64(byte(at, msgpack_head::float64), std::bit_cast<std::uint64_t>(value)); }
inline char* boolean(char* at, bool value) noexcept { return byte(at, value ? msgpack_head::true_value : msgpack_head::false_value); }
inline char* null(char* at) noexcept { return byte(at, msgpack_head::null_value); }

// Sizes of 2^32 and more have no form; such a value could not pass any limit on messages either.
inline char* wide_head(char* at, unsigned head_8, unsigned head_16, std::size_t size) noexcept {
  if (size <= 0xff && head_8 != 0) return byte(byte(at, head_8), static_cast<unsigned>(size));
  if (size <= 0xffff) return big_endian_16(byte(at, head_16), static_cast<unsigned>(size));
  return big_endian_32(byte(at, head_16 + 1), static_cast<std::uint32_t>(size));
}
inline char* text_head(char* at, std::size_t size) noexcept {
  if (size < 0x20) return byte(at, msgpack_head::fixstr | static_cast<unsigned>(size));
  return wide_head(at, msgpack_head::str8, msgpack_head::str16, size);
}
inline char* text(char* at, std::string_view value) noexcept { return copy(text_head(at, value.size()), value.data(), value.size()); }
inline char* binary(char* at, const void* data, std::size_t size) noexcept {
  return copy(wide_head(at, msgpack_head::bin8, msgpack_head::bin16, size), data, size);
}
inline char* array_head(char* at, std::size_t count) noexcept {
  if (count < 0x10) return byte(at, msgpack_head::fixarray | static_cast<unsigned>(count));
  return wide_head(at, 0, msgpack_head::array16, count);
}
inline char* map_head(char* at, std::size_t count) noexcept {
  if (count < 0x10) return byte(at, msgpack_head::fixmap | static_cast<unsigned>(count));
  return wide_head(at, 0, msgpack_head::map16, count);
}
inline char* extension(char* at, int type, const void* data, std::size_t size) noexcept {
  if (size != 0 && size <= 16 && std::has_single_bit(size)) {
    at = byte(at, msgpack_head::fixext1 + static_cast<unsigned>(std::countr_zero(size)));
  } else {
    at = size <= 0xff ? byte(byte(at, msgpack_head::ext8), static_cast<unsigned>(size)) : wide_head(at, 0, msgpack_head::ext16, size);
  }
  return copy(byte(at, static_cast<unsigned char>(type)), data, size);
}

/// The shortest of the three forms of a timestamp.
///
/// Source  MessagePack specification, Timestamp extension type.
inline char* timestamp(char* at, std::int64_t seconds, std::uint32_t nanoseconds) noexcept {
  const auto unsigned_seconds = static_cast<std::uint64_t>(seconds);
  if (unsigned_seconds >> 34 != 0) {
    at = byte(byte(byte(at, msgpack_head::ext8), 12), 0xff);
    return big_endian_64(big_endian_32(at, nanoseconds), unsigned_seconds);
  }
  if (nanoseconds == 0 && unsigned_seconds >> 32 == 0) {
    return big_endian_32(byte(byte(at, msgpack_head::fixext4), 0xff), static_cast<std::uint32_t>(unsigned_seconds));
  }
  return big_endian_64(byte(byte(at, msgpack_head::fixext8), 0xff), static_cast<std::uint64_t>(nanoseconds) << 34 | unsigned_seconds);
}

}  // namespace msgpack_put
}  // namespace tenon::inline v0::codec::detail
