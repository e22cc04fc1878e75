// Writes the scalars of json into a buffer: text with its escapes, integers, floating point. Codec layer, detail of codec/json.hpp.
// The place to write travels as a `char*` argument and result: kept in the object, each character stored would force it back to memory.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <tenon/codec/detail/json_text.hpp>
#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/utf8.hpp>

namespace tenon::inline v0::codec::detail {

consteval std::array<char, 200> make_digit_pairs() {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}

inline constexpr std::array<char, 200> digit_pairs = make_digit_pairs();

inline constexpr std::array<std::uint64_t, 20> powers_of_ten = [] {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& each : powers) {
    each = power;
    power *= 10;
  }
  return powers;
}();

constexpr std::size_t decimal_digits(std::uint64_t value) noexcept {
  // 1233 / 4096 is the logarithm of 2 to the base of 10, from below: the guess is right or one too low.
  const auto guess = static_cast<std::size_t>(std::bit_width(value | 1)) * 1233 / 4096;
  return guess + ((value | 1) >= powers_of_ten[guess] ? 1U : 0U);
}

// Twenty characters at most.
inline char* write_unsigned(char* at, std::uint64_t value) noexcept {
  char* const end = at + decimal_digits(value);
  char* place = end;
  while (value >= 100) {
    place -= 2;
    std::memcpy(place, &digit_pairs[value % 100 * 2], 2);
    value /= 100;
  }
  if (value >= 10) std::memcpy(place - 2, &digit_pairs[value * 2], 2);
  else place[-1] = static_cast<char>('0' + value);
  return end;
}

inline char* write_signed(char* at, std::int64_t value) noexcept {
  auto magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *at++ = '-';
    magnitude = 0 - magnitude;
  }
  return write_unsigned(at, magnitude);
}

template <class Integer>
char* write_integer(char* at, Integer value) noexcept {
  if constexpr (std::is_signed_v<Integer>) return write_signed(at, static_cast<std::int64_t>(value));
  else return write_unsigned(at, static_cast<std::uint64_t>(value));
}

inline constexpr std::size_t max_integer_size = 20;
inline constexpr std::size_t max_floating_size = 32;

// The shortest text that reads back to the same value, without an exponent where people would not write one.
template <class Floating>
char* write_shortest(char* at, Floating value) noexcept {
  const Floating magnitude = std::fabs(value);
  const bool plain = (magnitude >= Floating(1e-5) && magnitude < Floating(1e15)) || magnitude == 0;
  const std::to_chars_result end =
      plain ? std::to_chars(at, at + max_floating_size, value, std::chars_format::fixed) : std::to_chars(at, at + max_floating_size, value);
  return end.ptr;
}

// Json has no words for NaN and the infinities: null stands for them.
inline char* write_floating(char* at, float value) noexcept {
  if (!std::isfinite(value)) return static_cast<char*>(std::memcpy(at, "null", 4)) + 4;
  return write_shortest(at, value);
}

inline char* write_floating(char* at, double value) noexcept {
  if (!std::isfinite(value)) return static_cast<char*>(std::memcpy(at, "null", 4)) + 4;
  // Most doubles that people send have at most four decimals. With at most 15 digits a decimal that divides back to the value is the only one
  // as short (a double keeps 15 digits apart), and it costs two multiplications instead of the search for the shortest.
  const double magnitude = std::fabs(value);
  if (magnitude < 1e11 && (magnitude >= 1e-4 || magnitude == 0)) {
    const auto scaled = static_cast<std::uint64_t>(magnitude * 1e4 + 0.5);
    if (static_cast<double>(scaled) / 1e4 == magnitude) {
      if (std::signbit(value)) *at++ = '-';
      at = write_unsigned(at, scaled / 10'000);
      const auto decimals = static_cast<std::size_t>(scaled % 10'000);
      if (decimals == 0) return at;
      at[0] = '.';
      std::memcpy(at + 1, &digit_pairs[decimals / 100 * 2], 2);
      std::memcpy(at + 3, &digit_pairs[decimals % 100 * 2], 2);
      at += 5;
      while (at[-1] == '0') --at;
      return at;
    }
  }
  return write_shortest(at, value);
}

// The end of a buffer while it is written. What `room` granted may be written without asking again; `finish` counts it.
class json_writer {
 public:
  explicit json_writer(buffer& out) : out_{out} {}

  // Where to start writing.
  char* start() {
    char* at = out_.prepare(64);
    begin_ = at;
    end_ = out_.data() + out_.capacity();
    return at;
  }
  void finish(char* at) { out_.commit(static_cast<std::size_t>(at - begin_)); }

  // At least `count` bytes to write at the place that comes back.
  char* room(char* at, std::size_t count) {
    if (static_cast<std::size_t>(end_ - at) < count) [[unlikely]] return grow(at, count);
    return at;
  }

  char* write_text(char* at, std::string_view text) {
    at = room(at, text.size() + escape_room);
    *at++ = '"';
    at = write_escaped(at, text);
    *at++ = '"';
    return at;
  }

  char* write_binary(char* at, const std::byte* data, std::size_t count) {
    at = room(at, tenon::detail::base64_size(count) + 2);
    *at++ = '"';
    at = tenon::detail::write_base64(at, data, count);
    *at++ = '"';
    return at;
  }

  char* write_raw(char* at, std::string_view text) {
    at = room(at, text.size());
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

 private:
  // Two quotes, the longest escape, and a block that is stored before it is known how much of it counts.
  static constexpr std::size_t escape_room = 2 + 6 + text_block::size;

  [[gnu::cold, gnu::noinline]] char* grow(char* at, std::size_t count) {
    finish(at);
    begin_ = out_.prepare(count);
    end_ = out_.data() + out_.capacity();
    return begin_;
  }

  // Copies a block. Returns how many of its bytes count: those before the first that is not plain.
  template <class Block>
  static std::size_t copy_plain(char* at, const char* from) noexcept {
    const Block block{from};
    block.store(at);
    return block.plain();
  }

  // Needs room for the text and `escape_room`.
  char* write_escaped(char* at, std::string_view text) {
    const char* from = text.data();
    const char* const end = from + text.size();
    for (;;) {
      while (static_cast<std::size_t>(end - from) >= text_word::size) {
        const std::size_t left = static_cast<std::size_t>(end - from);
        const std::size_t plain = left >= text_block::size ? copy_plain<text_block>(at, from) : copy_plain<text_word>(at, from);
        from += plain;
        at += plain;
        if (plain < text_word::size) break;
      }
      while (from != end && is_plain(*from)) *at++ = *from++;
      if (from == end) return at;
      if (static_cast<unsigned char>(*from) >= 0x80) {
        const auto length = static_cast<std::size_t>(tenon::detail::skip_utf8(from, end) - from);
        if (length != 0) {
          std::memcpy(at, from, length);
          from += length;
          at += length;
          continue;
        }
        // A run of bytes that are no UTF-8 becomes one U+FFFD: what is sent must be text.
        do ++from;
        while (from != end && static_cast<unsigned char>(*from) >= 0x80 && tenon::detail::utf8_sequence(from, end) == 0);
        at = room(at, static_cast<std::size_t>(end - from) + escape_room);
        at = tenon::detail::write_utf8(at, 0xFFFD);
      } else {
        at = room(at, static_cast<std::size_t>(end - from) + escape_room);
        at = write_escape(at, *from++);
      }
    }
  }

  static char* write_escape(char* at, char c) noexcept {
    *at++ = '\\';
    switch (c) {
      case '"': *at++ = '"'; return at;
      case '\\': *at++ = '\\'; return at;
      case '\b': *at++ = 'b'; return at;
      case '\f': *at++ = 'f'; return at;
      case '\n': *at++ = 'n'; return at;
      case '\r': *at++ = 'r'; return at;
      case '\t': *at++ = 't'; return at;
      default: {
        constexpr std::string_view hex = "0123456789abcdef";
        std::memcpy(at, "u00", 3);
        at[3] = hex[static_cast<unsigned char>(c) >> 4];
        at[4] = hex[static_cast<unsigned char>(c) & 15U];
        return at + 5;
      }
    }
  }

  buffer& out_;
  char* begin_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace tenon::inline v0::codec::detail
