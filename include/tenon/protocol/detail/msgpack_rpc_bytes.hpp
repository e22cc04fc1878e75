// MessagePack as far as envelopes need it: where a value ends, and the few kinds that frame a call. Protocol layer; this layer knows no codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>

namespace tenon::inline v0::protocol::detail {

constexpr unsigned msgpack_byte(char c) noexcept { return static_cast<unsigned char>(c); }

/// Steps over one value in pieces, each byte once and no recursion: what is left is a count of values and one of bytes.
class msgpack_scanner {
 public:
  enum class state : std::uint8_t { starved, complete, malformed };

  /// Goes on at `at`, which it moves over what is known; a head that is cut in two stays in front of it.
  state advance(std::string_view in, std::size_t& at) noexcept {
    for (;;) {
      const std::uint64_t available = in.size() - at;
      if (bytes_ != 0) {
        const std::uint64_t step = bytes_ < available ? bytes_ : available;
        at += static_cast<std::size_t>(step);
        bytes_ -= step;
        if (bytes_ != 0) return state::starved;
        continue;
      }
      if (values_ == 0) return state::complete;
      if (available == 0) return state::starved;
      const unsigned head = msgpack_byte(in[at]);
      const std::size_t width = length_width(head);
      if (available <= width) return state::starved;
      if (head == 0xC1) return state::malformed;
      std::uint64_t length = 0;
      for (std::size_t i = 1; i <= width; ++i) length = length << 8 | msgpack_byte(in[at + i]);
      at += 1 + width;
      --values_;
      take(head, length);
    }
  }
  /// At least how many bytes are still to come: every value takes one.
  std::uint64_t least_left() const noexcept { return values_ + bytes_; }
  void restart() noexcept {
    values_ = 1;
    bytes_ = 0;
  }

 private:
  // Of the length behind the head: of strings, binaries, extensions, arrays and maps.
  static std::size_t length_width(unsigned head) noexcept {
    if (head >= 0xC4 && head <= 0xC9) return std::size_t{1} << (head - 0xC4) % 3;
    if (head >= 0xD9 && head <= 0xDB) return std::size_t{1} << (head - 0xD9);
    if (head >= 0xDC && head <= 0xDF) return std::size_t{2} << (head & 1U);
    return 0;
  }
  void take(unsigned head, std::uint64_t length) noexcept {
    if (head < 0x80 || head >= 0xE0) return;
    if (head < 0x90) values_ += 2 * std::uint64_t{head & 15U};
    else if (head < 0xA0) values_ += head & 15U;
    else if (head < 0xC0) bytes_ = head & 31U;
    else if (head < 0xC4) return;
    else if (head < 0xC7) bytes_ = length;
    else if (head < 0xCA) bytes_ = length + 1;
    else if (head < 0xCC) bytes_ = std::uint64_t{4} << (head - 0xCA);
    else if (head < 0xD4) bytes_ = std::uint64_t{1} << (head & 3U);
    else if (head < 0xD9) bytes_ = (std::uint64_t{1} << (head - 0xD4)) + 1;
    else if (head < 0xDC) bytes_ = length;
    else if (head < 0xDE) values_ += length;
    else values_ += 2 * length;
  }

  std::uint64_t values_ = 1;
  std::uint64_t bytes_ = 0;
};

/// Reads values off the front of `rest`. Each function is false, and `rest` as it was, for another kind of value and for one that is not all there.
struct msgpack_cursor {
  std::string_view rest;

  bool read_array(std::uint64_t& count) noexcept { return read_container(count, 0x90, 0xDC); }
  bool read_map(std::uint64_t& count) noexcept { return read_container(count, 0x80, 0xDE); }

  /// A whole number from zero on, however wide it is written.
  bool read_number(std::uint64_t& number) noexcept {
    if (rest.empty()) return false;
    const unsigned head = msgpack_byte(rest[0]);
    if (head < 0x80) return number = head, rest.remove_prefix(1), true;
    if (head < 0xCC || head > 0xD3) return false;
    const std::size_t width = std::size_t{1} << (head & 3U);
    if (rest.size() <= width) return false;
    if (head >= 0xD0 && msgpack_byte(rest[1]) >= 0x80) return false;
    number = number_at(width);
    return rest.remove_prefix(1 + width), true;
  }

  /// Text as str, or as bin: writers older than that distinction, and newer ones that overdo it, are both understood.
  bool read_text(std::string_view& text) noexcept {
    if (rest.empty()) return false;
    const unsigned head = msgpack_byte(rest[0]);
    std::size_t width = 0;
    std::uint64_t size = head & 31U;
    if (head < 0xA0 || head >= 0xC0) {
      if (head >= 0xC4 && head <= 0xC6) width = std::size_t{1} << (head - 0xC4);
      else if (head >= 0xD9 && head <= 0xDB) width = std::size_t{1} << (head - 0xD9);
      else return false;
      if (rest.size() <= width) return false;
      size = number_at(width);
    }
    if (rest.size() - 1 - width < size) return false;
    text = rest.substr(1 + width, static_cast<std::size_t>(size));
    return rest.remove_prefix(1 + width + text.size()), true;
  }

  bool read_null() noexcept {
    if (!is_null()) return false;
    return rest.remove_prefix(1), true;
  }
  bool is_null() const noexcept { return !rest.empty() && msgpack_byte(rest[0]) == 0xC0; }

  /// Any value, as it stands.
  bool read_value(std::string_view& value) noexcept {
    msgpack_scanner scanner;
    std::size_t size = 0;
    if (scanner.advance(rest, size) != msgpack_scanner::state::complete) return false;
    value = rest.substr(0, size);
    return rest.remove_prefix(size), true;
  }

 private:
  std::uint64_t number_at(std::size_t width) const noexcept {
    std::uint64_t number = 0;
    for (std::size_t i = 1; i <= width; ++i) number = number << 8 | msgpack_byte(rest[i]);
    return number;
  }
  bool read_container(std::uint64_t& count, unsigned fix, unsigned wide) noexcept {
    if (rest.empty()) return false;
    const unsigned head = msgpack_byte(rest[0]);
    if ((head & 0xF0U) == fix) return count = head & 15U, rest.remove_prefix(1), true;
    if (head != wide && head != wide + 1) return false;
    const std::size_t width = head == wide ? 2 : 4;
    if (rest.size() <= width) return false;
    count = number_at(width);
    return rest.remove_prefix(1 + width), true;
  }
};

inline void append_msgpack_number(buffer& out, std::uint64_t number) {
  if (number < 0x80) return out.push_back(static_cast<char>(number));
  const unsigned step = number <= 0xFF ? 0 : number <= 0xFFFF ? 1 : number <= 0xFFFFFFFF ? 2 : 3;
  out.push_back(static_cast<char>(0xCC + step));
  for (int shift = (8 << step) - 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

/// Text as every reader knows it: never as str 8, which older ones do not have.
inline void append_msgpack_text(buffer& out, std::string_view text) {
  if (text.size() < 32) {
    out.push_back(static_cast<char>(0xA0 + text.size()));
  } else if (text.size() <= 0xFFFF) {
    out.push_back(static_cast<char>(0xDA));
    out.push_back(static_cast<char>(text.size() >> 8));
    out.push_back(static_cast<char>(text.size()));
  } else {
    out.push_back(static_cast<char>(0xDB));
    tenon::detail::store_big_endian_32(out.extend(4), static_cast<std::uint32_t>(text.size()));
  }
  out.append(text);
}

inline void append_msgpack_array_head(buffer& out, std::uint64_t count) {
  if (count < 16) return out.push_back(static_cast<char>(0x90 + count));
  out.push_back(static_cast<char>(0xDD));
  tenon::detail::store_big_endian_32(out.extend(4), static_cast<std::uint32_t>(count));
}

}  // namespace tenon::inline v0::protocol::detail
