// Well-formed UTF-8, sequence by sequence. Core layer, shared by codecs whose text must be UTF-8 and protocols that quote what peers sent.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tenon::inline v0::detail {

// The length of the well-formed sequence at `at`, or 0 when there is none: overlong forms, surrogates and what lies above U+10FFFF count as none.
// Source: Unicode, table 3-7.
constexpr std::size_t utf8_sequence(const char* at, const char* end) noexcept {
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const auto follows = [byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const auto left = static_cast<std::size_t>(end - at);
  if (left == 0) return 0;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return left >= 2 && follows(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !follows(1) || !follows(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead > 0xF4 || left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return 4;
}

// The end of the well-formed sequences outside ASCII that begin at `at`: stops at ASCII, and at what is no UTF-8.
inline const char* skip_utf8(const char* at, const char* end) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    // Three bytes and two bytes by one load and few masks: most of the world's letters. Whatever is left is for the loop below.
    while (end - at >= 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, at, 4);
      if ((word & 0x00C0C0F0U) == 0x008080E0U) {
        // Zero is an overlong form, 0x200D a surrogate.
        const std::uint32_t high = word & 0x0000200FU;
        if (high == 0 || high == 0x0000200DU) return at;
        at += 3;
      } else if ((word & 0x0000C0E0U) == 0x000080C0U && (word & 0x0000001EU) != 0) {
        at += 2;
      } else {
        const std::size_t length = (word & 0x80U) == 0 ? 0 : utf8_sequence(at, end);
        if (length == 0) return at;
        at += length;
      }
    }
  }
  while (at != end && static_cast<unsigned char>(*at) >= 0x80) {
    const std::size_t length = utf8_sequence(at, end);
    if (length == 0) break;
    at += length;
  }
  return at;
}

// Writes the UTF-8 form of a scalar value and returns the end; takes at most four bytes.
constexpr char* write_utf8(char* at, std::uint32_t point) noexcept {
  if (point < 0x80) {
    *at++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *at++ = static_cast<char>(0xC0U | point >> 6);
    *at++ = static_cast<char>(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    *at++ = static_cast<char>(0xE0U | point >> 12);
    *at++ = static_cast<char>(0x80U | (point >> 6 & 0x3FU));
    *at++ = static_cast<char>(0x80U | (point & 0x3FU));
  } else {
    *at++ = static_cast<char>(0xF0U | point >> 18);
    *at++ = static_cast<char>(0x80U | (point >> 12 & 0x3FU));
    *at++ = static_cast<char>(0x80U | (point >> 6 & 0x3FU));
    *at++ = static_cast<char>(0x80U | (point & 0x3FU));
  }
  return at;
}

}  // namespace tenon::inline v0::detail
