// Eight bytes of JSON text at a time: which of them need a look of their own. Core layer; the JSON codec and the envelopes of JSON-RPC read with it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tenon::inline v0::detail {

inline constexpr std::uint64_t every_byte = 0x0101010101010101ULL;

inline std::uint64_t load_8(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}

// The high bit of each byte that is below 0x20, a quote, a backslash, or above 0x7F. A borrow may also mark bytes after the first marked one, never before it.
constexpr std::uint64_t special_bytes(std::uint64_t word) noexcept {
  const std::uint64_t quote = word ^ (every_byte * '"');
  const std::uint64_t backslash = word ^ (every_byte * '\\');
  return ((word - every_byte * 0x20) | (quote - every_byte) | (backslash - every_byte) | word) & (every_byte * 0x80);
}

// How many bytes come before the first marked one, in the order of memory.
constexpr std::size_t bytes_before_mark(std::uint64_t marks) noexcept {
  if constexpr (std::endian::native == std::endian::little) return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
  else return 0;
}

constexpr bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

// The first byte from `at` on that is not plain.
inline const char* skip_plain(const char* at, const char* end) noexcept {
  while (end - at >= 8) {
    const std::uint64_t marks = special_bytes(load_8(at));
    if (marks != 0) {
      at += bytes_before_mark(marks);
      break;
    }
    at += 8;
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}

}  // namespace tenon::inline v0::detail
