// Digits of json text, eight bytes at a time. Codec layer, detail of codec/json.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tenon/core/plain_text.hpp>

namespace tenon::inline v0::codec::detail {

using tenon::detail::bytes_before_mark;
using tenon::detail::every_byte;
using tenon::detail::is_plain;
using tenon::detail::load_8;
using tenon::detail::skip_plain;
using tenon::detail::text_block;
using tenon::detail::text_word;

// The value of the one to seven digits at `at`, where eight bytes can be read; returns how many there were, 0 when none or more.
inline std::size_t read_few_digits(const char* at, std::uint64_t& value) noexcept {
  if constexpr (std::endian::native != std::endian::little) return 0;
  std::uint64_t digits = load_8(at) ^ (every_byte * '0');
  const std::uint64_t marks = ((digits + every_byte * 0x76) | digits) & (every_byte * 0x80);
  const std::size_t count = bytes_before_mark(marks);
  if (count == 0 || marks == 0) return 0;
  // Zeros in front, then pairs, fours and eights of digits are put together at once.
  digits <<= 64 - 8 * count;
  digits = digits * 10 + (digits >> 8);
  value = ((digits & 0x000000FF'000000FF) * 0x000F4240'00000064 + (digits >> 16 & 0x000000FF'000000FF) * 0x00002710'00000001) >> 32;
  return count;
}

}  // namespace tenon::inline v0::codec::detail
