// A chunked body, decoded in place and strictly by RFC 9112 7.1: pieces out, nothing stored. Protocol layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tenon/core/limits.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

// Whether `text` is what may stand between a chunk's size and the end of its line: *( BWS ";" BWS name [ BWS "=" BWS value ] ).
// Nothing is done with it, but what other readers might not skip is refused.
[[gnu::cold]] inline bool are_chunk_extensions(std::string_view text) noexcept {
  const auto skip = [&text](char c) {
    const std::size_t at = (std::min)(text.find_first_not_of(" \t"), text.size());
    if (at == text.size() || text[at] != c) return false;
    text.remove_prefix(at + 1);
    text.remove_prefix((std::min)(text.find_first_not_of(" \t"), text.size()));
    return true;
  };
  const auto skip_token = [&text] {
    const std::size_t size = token_size(text);
    text.remove_prefix(size);
    return size != 0;
  };
  while (!text.empty()) {
    if (!skip(';') || !skip_token()) return false;
    if (!skip('=') || skip_token()) continue;
    const std::size_t size = quoted_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

/// What one step through a chunked body found.
struct http_chunk_step {
  enum class state : std::uint8_t { starved, moved, complete, too_large, faulty };
  state is = state::moved;
  std::size_t bytes = 0;         ///< taken off the front
  std::string_view data{};       ///< of the body
  std::string_view fault{};      ///< with `faulty`: the sentence
};

/// A chunked body, from behind the head to behind its trailers.
///
/// Laws    each byte is looked at once, however the body is cut; an unfinished line is left where it is and has to be shown again.
class http_chunks {
 public:
  void restart() noexcept { *this = {}; }

  /// Takes one element off the front of `bytes`: a chunk's size line, a piece of its data, the end of that, a trailer.
  http_chunk_step read(std::string_view bytes, const limits& bounds) noexcept {
    switch (phase_) {
      case phase::data: return read_data(bytes);
      case phase::data_end: return read_data_end(bytes);
      default: return read_line(bytes, bounds);
    }
  }

 private:
  enum class phase : std::uint8_t { size, data, data_end, trailers };
  using state = http_chunk_step::state;

  static http_chunk_step faulty(std::string_view sentence) noexcept { return {.is = state::faulty, .fault = sentence}; }

  http_chunk_step read_data(std::string_view bytes) noexcept {
    if (bytes.empty()) return {.is = state::starved};
    const std::string_view data = bytes.substr(0, left_);
    left_ -= data.size();
    if (left_ == 0) phase_ = phase::data_end;
    return {.bytes = data.size(), .data = data};
  }

  http_chunk_step read_data_end(std::string_view bytes) noexcept {
    if (bytes.size() < 2) return {.is = state::starved};
    if (bytes.substr(0, 2) != "\r\n") return faulty("a chunk is longer than its size says");
    phase_ = phase::size;
    return {.bytes = 2};
  }

  // A size line may be as long as a whole header section, and all trailers together as well.
  http_chunk_step read_line(std::string_view bytes, const limits& bounds) noexcept {
    const std::size_t room = bounds.max_metadata_bytes - trailer_bytes_;
    const std::size_t size = find_line(bytes.substr(0, room), seen_);
    if (size == bare_line_feed) return faulty("a line of a chunked body ends in LF alone; expected CR LF");
    if (size == 0) {
      if (bytes.size() < room) return {.is = state::starved};
      return faulty("a chunk's extensions or the trailers are longer than a header section may be");
    }
    const std::string_view line = bytes.substr(0, size);
    http_chunk_step done = phase_ == phase::size ? read_size(line.substr(0, size - 2), bounds) : read_trailer(line);
    done.bytes = size;
    return done;
  }

  http_chunk_step read_size(std::string_view line, const limits& bounds) noexcept {
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < line.size() && digits <= 16; ++digits) {
      const int digit = hex_digit(line[digits]);
      if (digit < 0) break;
      size = size << 4 | static_cast<std::uint64_t>(digit);
    }
    if (digits == 0 || digits > 16) return faulty("a chunk does not start with its size; expected one to sixteen hexadecimal digits");
    if (digits != line.size() && !are_chunk_extensions(line.substr(digits))) {
      return faulty("a chunk's size is not followed by extensions or the end of its line");
    }
    if (size > bounds.max_message_bytes - total_) return {.is = state::too_large};
    left_ = static_cast<std::size_t>(size);
    total_ += left_;
    phase_ = size == 0 ? phase::trailers : phase::data;
    return {};
  }

  // Trailers are read past: nothing in them may change what has been decided.
  http_chunk_step read_trailer(std::string_view line) noexcept {
    if (line == "\r\n") return {.is = state::complete};
    trailer_bytes_ += line.size();
    http_field field;
    const std::string_view fault = cut_field(line, field);
    if (!fault.empty()) return faulty(fault);
    if (is_named(field.name, "content-length") || is_named(field.name, "transfer-encoding")) {
      return faulty("a trailer says where a body ends; expected that of the head alone");
    }
    return {};
  }

  std::size_t left_ = 0;           // of the chunk's data
  std::size_t total_ = 0;          // of all chunks' data, as their sizes say
  std::size_t seen_ = 0;           // of an unfinished line
  std::size_t trailer_bytes_ = 0;
  phase phase_ = phase::size;
};

}  // namespace tenon::inline v0::protocol::detail
