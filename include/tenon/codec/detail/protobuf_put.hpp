// Writes protobuf's tokens at a place that has room for them. Knows nothing of C++ types. Codec layer, part of protobuf.hpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <tenon/codec/detail/protobuf_fields.hpp>

namespace tenon::inline v0::codec::detail {

/// Every function writes at `at`, where the caller has made room, and returns the place after. Up to `slack` bytes beyond may be touched.
namespace protobuf_put {

inline constexpr std::size_t largest_varint = 10;
inline constexpr std::size_t largest_length = 5;
inline constexpr std::size_t slack = 8;

// The number of bits over seven, rounded up, without a division: exact for up to 64 bits.
constexpr std::size_t varint_size(std::uint64_t value) noexcept { return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64; }

constexpr char* varint_slowly(char* at, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

template <class Word>
[[gnu::always_inline]] inline char* store(char* at, Word value) noexcept {
  if constexpr (std::endian::native == std::endian::big) {
    if constexpr (sizeof(Word) == 2) value = __builtin_bswap16(value);
    else if constexpr (sizeof(Word) == 4) value = __builtin_bswap32(value);
    else value = __builtin_bswap64(value);
  }
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

// Lengths of one to four bytes by one store each: branches, as one message's numbers are mostly of few lengths and then predicted.
[[gnu::always_inline]] inline char* varint(char* at, std::uint64_t value) noexcept {
  if (value < 0x80) {
    *at = static_cast<char>(value);
    return at + 1;
  }
  if (value < 0x4000) {
    store(at, static_cast<std::uint16_t>((value & 0x7F) | 0x80 | (value & 0x3F80) << 1));
    return at + 2;
  }
  if (value < 0x1000'0000) {
    auto spread = static_cast<std::uint32_t>(value);
    spread = (spread & 0x3FFFU) | (spread & 0xFFF'C000U) << 2;
    spread = (spread & 0x007F'007FU) | (spread & 0x3F80'3F80U) << 1;
    const bool is_three = value < 0x20'0000;
    store(at, is_three ? spread | 0x8080U : spread | 0x80'8080U);
    return at + (is_three ? 3 : 4);
  }
  // Seven bits into each of eight bytes; what is left of the widest, negative ones among them, makes one or two more.
  std::uint64_t spread = value & 0xFF'FFFF'FFFF'FFFFU;
  spread = (spread & 0xFFF'FFFFU) | (spread & 0xFF'FFFF'F000'0000U) << 4;
  spread = (spread & 0x3FFF'0000'3FFFU) | (spread & 0xFFF'C000'0FFF'C000U) << 2;
  spread = (spread & 0x7F'007F'007F'007FU) | (spread & 0x3F80'3F80'3F80'3F80U) << 1;
  if (value >> 56 == 0) {
    const std::size_t size = varint_size(value);
    store(at, spread | 0x8080'8080'8080'8080U >> (72 - 8 * size));
    return at + size;
  }
  return varint_slowly(store(at, spread | 0x8080'8080'8080'8080U), value >> 56);
}

/// Copies a text or data; what is short takes no call.
[[gnu::always_inline]] inline char* copy(char* at, const char* from, std::size_t size) noexcept {
  const auto move = [at, from]<std::size_t Size>(std::integral_constant<std::size_t, Size>, std::size_t offset) __attribute__((always_inline)) {
    std::array<char, Size> block;
    std::memcpy(block.data(), from + offset, Size);
    std::memcpy(at + offset, block.data(), Size);
  };
  if (size >= 16) {
    constexpr std::integral_constant<std::size_t, 16> wide{};
    if (size > 64) {
      std::memcpy(at, from, size);
      return at + size;
    }
    if (size > 32) {
      move(wide, 16);
      move(wide, size - 32);
    }
    move(wide, 0);
    move(wide, size - 16);
  } else if (size >= 8) {
    move(std::integral_constant<std::size_t, 8>{}, 0);
    move(std::integral_constant<std::size_t, 8>{}, size - 8);
  } else if (size >= 4) {
    move(std::integral_constant<std::size_t, 4>{}, 0);
    move(std::integral_constant<std::size_t, 4>{}, size - 4);
  } else if (size != 0) {
    at[0] = from[0];
    at[size / 2] = from[size / 2];
    at[size - 1] = from[size - 1];
  }
  return at + size;
}

/// The bytes of a tag, made at compile time.
struct tag_bytes {
  std::array<char, 5> bytes{};
  std::size_t size = 0;
};
constexpr tag_bytes make_tag(int number, protobuf_wire::kind wire) {
  tag_bytes made;
  made.size = static_cast<std::size_t>(varint_slowly(made.bytes.data(), static_cast<std::uint64_t>(number) << 3 | wire) - made.bytes.data());
  return made;
}
template <int Number, protobuf_wire::kind Wire>
inline constexpr tag_bytes tag_of = make_tag(Number, Wire);

template <int Number, protobuf_wire::kind Wire>
[[gnu::always_inline]] inline char* tag(char* at) noexcept {
  constexpr tag_bytes made = tag_of<Number, Wire>;
  std::memcpy(at, made.bytes.data(), made.size);
  return at + made.size;
}

}  // namespace protobuf_put
}  // namespace tenon::inline v0::codec::detail
