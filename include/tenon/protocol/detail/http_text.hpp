// The small vocabulary of HTTP's grammar: tokens, blanks, quoted strings, names in either case. Protocol layer; for all that speaks HTTP.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tenon::inline v0::protocol::detail {

constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The digit's value; negative when it is none.
constexpr int hex_digit(char c) noexcept {
  const char low = to_lower(c);
  return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Whether `text`, which has no control bytes, is `lower` in either case: the bit that tells a letter's two cases apart turns
// nothing but a control byte into one of the digits and marks that names have beside letters.
constexpr bool is_named(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

// RFC 9110 5.6.2.
inline constexpr std::array<bool, 256> token_bytes = [] {
  std::array<bool, 256> found{};
  constexpr std::string_view all = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const char c : all) found[static_cast<unsigned char>(c)] = true;
  return found;
}();

// How long the token at the front of `text` is.
constexpr std::size_t token_size(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && token_bytes[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

constexpr bool is_token(std::string_view name) noexcept { return !name.empty() && token_size(name) == name.size(); }

// How long the quoted string at the front of `text` is, its quotes included; 0 when there is none. RFC 9110 5.6.4.
constexpr std::size_t quoted_size(std::string_view text) noexcept {
  if (text.empty() || text.front() != '"') return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\' && ++i == text.size()) return 0;
    if ((static_cast<unsigned char>(text[i]) < 0x20 && text[i] != '\t') || text[i] == 0x7f) return 0;
  }
  return 0;
}

// False when a percent sign is not followed by two hexadecimal digits.
[[gnu::cold]] inline bool unescape(std::string_view from, std::string& into) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != '%') {
      into.push_back(from[i]);
      continue;
    }
    if (from.size() - i < 3) return false;
    const int high = hex_digit(from[i + 1]);
    const int low = hex_digit(from[i + 2]);
    if (high < 0 || low < 0) return false;
    into.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// Where the first byte at or after `from` stands that is below `lowest` or DEL; the size when there is none.
inline std::size_t find_below(std::string_view text, std::size_t from, char lowest) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t lows = ones * static_cast<unsigned char>(lowest);
  // Eight bytes at a time: taking `lowest` from each sets the top bit of those that were less, wherever they stand.
  for (; text.size() - from >= sizeof ones; from += sizeof ones) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + from, sizeof eight);
    const std::uint64_t from_delete = eight ^ (ones * 0x7f);
    if ((((eight - lows) & ~eight) | ((from_delete - ones) & ~from_delete)) & (ones << 7)) break;
  }
  for (; from < text.size(); ++from) {
    if (static_cast<unsigned char>(text[from]) < static_cast<unsigned char>(lowest) || text[from] == 0x7f) break;
  }
  return from;
}

}  // namespace tenon::inline v0::protocol::detail
