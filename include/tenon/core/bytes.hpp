// Binary data as a field type, and big-endian numbers as every wire here spells them. Core layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tenon::inline v0 {

/// Binary data: std::byte is data, std::uint8_t is a number.
using bytes = std::vector<std::byte>;

namespace detail {

// Shifts rather than casts: alignment and the host's byte order do not matter, and both compilers make one bswap of it.
constexpr std::uint32_t load_big_endian_32(const char* from) noexcept {
  const auto at = [from](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])); };
  return at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
}
constexpr std::uint64_t load_big_endian_64(const char* from) noexcept {
  return static_cast<std::uint64_t>(load_big_endian_32(from)) << 32 | load_big_endian_32(from + 4);
}
constexpr void store_big_endian_32(char* to, std::uint32_t value) noexcept {
  to[0] = static_cast<char>(value >> 24);
  to[1] = static_cast<char>(value >> 16);
  to[2] = static_cast<char>(value >> 8);
  to[3] = static_cast<char>(value);
}
constexpr void store_big_endian_64(char* to, std::uint64_t value) noexcept {
  store_big_endian_32(to, static_cast<std::uint32_t>(value >> 32));
  store_big_endian_32(to + 4, static_cast<std::uint32_t>(value));
}

}  // namespace detail
}  // namespace tenon::inline v0
