// The characters of identifiers, for reading the compiler's spelling of names. Reflect layer, detail of enums.hpp and
// fields.hpp.
#pragma once

namespace tenon::inline v0::detail {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of UTF-8 and the dollar count as letters: both compilers take them in identifiers.
constexpr bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

} // namespace tenon::inline v0::detail
