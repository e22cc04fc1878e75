// Base64, the text form of binary data. Core layer, shared by codecs that are text and protocols whose headers are.
// Source: RFC 4648, sections 4 (the alphabet written) and 5 (the URL-safe one, read as well).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::inline v0::detail {

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline constexpr std::uint8_t base64_none = 0xFF;

consteval std::array<std::uint8_t, 256> make_base64_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(base64_none);
  for (std::size_t i = 0; i < base64_alphabet.size(); ++i) digits[static_cast<unsigned char>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
  digits['-'] = digits['+'];
  digits['_'] = digits['/'];
  return digits;
}

inline constexpr std::array<std::uint8_t, 256> base64_digits = make_base64_digits();

constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

// Writes `base64_size(count)` characters, padded, and returns the end.
inline char* write_base64(char* at, const std::byte* data, std::size_t count) noexcept {
  const auto byte = [data](std::size_t i) { return static_cast<std::uint32_t>(data[i]); };
  const auto put = [&at](std::uint32_t group, int shift) { *at++ = base64_alphabet[group >> shift & 63U]; };
  std::size_t i = 0;
  for (; i + 3 <= count; i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    put(group, 18);
    put(group, 12);
    put(group, 6);
    put(group, 0);
  }
  if (i == count) return at;
  const bool two = count - i == 2;
  const std::uint32_t group = byte(i) << 16 | (two ? byte(i + 1) << 8 : 0U);
  put(group, 18);
  put(group, 12);
  if (two) put(group, 6);
  else *at++ = '=';
  *at++ = '=';
  return at;
}

// The text without its padding, which is optional; what is wrong with the padding shows as a character outside the alphabet.
constexpr std::string_view base64_unpadded(std::string_view text) noexcept {
  if (text.size() % 4 != 0) return text;
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding) text.remove_suffix(1);
  return text;
}

// How many bytes an unpadded text stands for.
constexpr std::size_t base64_bytes(std::size_t unpadded_size) noexcept { return unpadded_size / 4 * 3 + unpadded_size % 4 * 3 / 4; }

// Reads an unpadded text into `base64_bytes(unpadded.size())` bytes at `into`.
// Returns how many characters were good: all of them, or where the first bad one stands.
inline std::size_t read_base64(std::string_view unpadded, std::byte* into) noexcept {
  std::uint32_t group = 0;
  int bits = 0;
  for (std::size_t i = 0; i < unpadded.size(); ++i) {
    const std::uint8_t digit = base64_digits[static_cast<unsigned char>(unpadded[i])];
    if (digit == base64_none) return i;
    group = group << 6 | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *into++ = static_cast<std::byte>(group >> bits);
    }
  }
  // One character alone holds six bits, which are no byte.
  return unpadded.size() % 4 == 1 ? unpadded.size() - 1 : unpadded.size();
}

// Bytes as unpadded text.
[[gnu::cold]] inline std::string to_base64(std::string_view bytes) {
  std::string text(base64_size(bytes.size()), '\0');
  write_base64(text.data(), reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
  text.resize(bytes.size() / 3 * 4 + (bytes.size() % 3 == 0 ? 0 : bytes.size() % 3 + 1));
  return text;
}

// The bytes of a text, padded or not. False when it is no base64.
[[gnu::cold]] inline bool from_base64(std::string_view text, std::string& bytes) {
  const std::string_view unpadded = base64_unpadded(text);
  bytes.resize(base64_bytes(unpadded.size()));
  return read_base64(unpadded, reinterpret_cast<std::byte*>(bytes.data())) == unpadded.size();
}

}  // namespace tenon::inline v0::detail
