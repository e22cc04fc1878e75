// Where one JSON-RPC text ends and the next begins on a stream: by lines, or by Content-Length headers. Protocol layer; both sides use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tenon/core/plain_text.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>

namespace tenon::inline v0::protocol {

/// How texts are told apart: each on a line; each behind `Content-Length: n`, as the Language Server Protocol does; not at all, where something else carries one at a time.
enum class jsonrpc_framing : std::uint8_t { lines, headers, none };

namespace detail {

/// What stands at the front of the bytes.
struct jsonrpc_cut {
  enum class kind : std::uint8_t {
    starved,     ///< no complete text
    text,        ///< one text, which may still be no JSON
    broken,      ///< what stood there cannot be JSON; the next text can be found
    oversized,   ///< a text above the limit begins; it is skipped without being kept
    unreadable,  ///< a header that says nothing of where its text ends: the connection cannot be used any more
  };
  kind is = kind::starved;
  std::size_t used = 0;
  std::string_view text{};
};

/// Cuts texts out of bytes, looking at each byte once however they come.
///
/// Laws    bytes that are not `used` are fed again, with more behind them.
/// Shape   lines: a text ends with the bracket that closes it, so that it may have line breaks of its own, and two may share a line. It is broken where it starts with no
///         bracket, closes one with the other's mate, or has a line break in a string: the rest of that line is skipped; and where another bracket begins the next line
///         though a value has just ended: that is the next text.
class jsonrpc_framer {
 public:
  jsonrpc_framer(std::size_t longest, std::size_t longest_header) noexcept : longest_{longest}, longest_header_{longest_header} {}

  jsonrpc_framing framing() const noexcept { return framing_; }
  /// Whether bytes of an unfinished text have been used already.
  bool unfinished() const noexcept { return skipping_ || in_junk_ || body_left_ != 0; }
  /// Whether the text was refused, so that what comes of it is not kept.
  bool skipping() const noexcept { return skipping_ || in_junk_; }

  /// Whether a text that begins with a brace, on lines, stands at the front of `in`: an object that is JSON throughout, and no longer than `longest`, ends where `next` would cut
  /// it, so that it may be read at once.
  bool begins_object(std::string_view in) noexcept {
    if (scanned_ != 0 || unfinished() || in.front() != '{' || framing_ != jsonrpc_framing::lines) return false;
    decided_ = true;
    return true;
  }
  std::size_t longest() const noexcept { return longest_; }

  jsonrpc_cut next(std::string_view in) {
    std::size_t blanks = 0;
    if (scanned_ == 0 && !unfinished()) {
      while (blanks < in.size() && is_json_blank(in[blanks])) ++blanks;
      if (blanks == in.size()) return {.used = blanks};
      if (!decided_) {
        decided_ = true;
        if (to_lower(in[blanks]) == 'c') framing_ = jsonrpc_framing::headers;
      }
    }
    jsonrpc_cut found = framing_ == jsonrpc_framing::headers ? next_with_header(in.substr(blanks)) : next_line(in.substr(blanks));
    found.used += blanks;
    return found;
  }

 private:
  using kind = jsonrpc_cut::kind;
  static constexpr std::size_t tracked_levels = 64;

  jsonrpc_cut next_line(std::string_view in) {
    if (in_junk_) return skip_junk(in);
    if (scanned_ == 0 && !skipping_ && in.front() != '{' && in.front() != '[') {
      in_junk_ = true;
      jsonrpc_cut found = skip_junk(in);
      found.is = kind::broken;
      return found;
    }
    for (std::size_t i = scanned_; i < in.size(); ++i) {
      if (in_string_ && !escaped_) {
        const std::size_t special = static_cast<std::size_t>(tenon::detail::skip_plain(in.data() + i, in.data() + in.size()) - in.data());
        if (special != i) after_line_break_ = false;
        i = special;
        if (i == in.size()) break;
      }
      const char c = in[i];
      const bool line_begins = after_line_break_;
      after_line_break_ = c == '\n';
      if (in_string_) {
        if (c == '\n') return finish(in, i, kind::broken);
        if (escaped_) escaped_ = false;
        else if (c == '\\') escaped_ = true;
        else if (c == '"') in_string_ = false;
        continue;
      }
      switch (c) {
        case '"':
          in_string_ = value_ended_ = true;
          break;
        case '{':
        case '[':
          if (value_ended_ && line_begins) return finish(in, i, kind::broken, false);
          if (depth_ < tracked_levels) objects_ = (objects_ & ~(std::uint64_t{1} << depth_)) | std::uint64_t{c == '{'} << depth_;
          ++depth_;
          value_ended_ = false;
          break;
        case '}':
        case ']':
          value_ended_ = true;
          --depth_;
          if (depth_ < tracked_levels && (objects_ >> depth_ & 1U) != std::uint64_t{c == '}'}) return finish(in, i, kind::broken);
          if (depth_ == 0) return finish(in, i + 1, kind::text);
          break;
        case ',':
        case ':': value_ended_ = false; break;
        default: value_ended_ = value_ended_ || !is_json_blank(c);
      }
    }
    if (skipping_) return {.used = in.size()};
    scanned_ = in.size();
    if (scanned_ <= longest_) return {};
    skipping_ = true;
    scanned_ = 0;
    return {.is = kind::oversized, .used = in.size()};
  }

  jsonrpc_cut finish(std::string_view in, std::size_t used, kind is, bool rest_of_line_is_junk = true) {
    const bool was_skipping = skipping_;
    in_junk_ = is == kind::broken && rest_of_line_is_junk;
    scanned_ = depth_ = 0;
    skipping_ = in_string_ = escaped_ = value_ended_ = after_line_break_ = false;
    // Its refusal has been sent when it began.
    if (was_skipping) return {.is = kind::text, .used = used};
    if (is == kind::text && used > longest_) is = kind::oversized;
    return {.is = is, .used = used, .text = in.substr(0, used)};
  }

  jsonrpc_cut skip_junk(std::string_view in) {
    const std::size_t line_end = in.find('\n');
    if (line_end == std::string_view::npos) return {.used = in.size()};
    in_junk_ = false;
    return {.is = kind::text, .used = line_end + 1};
  }

  jsonrpc_cut next_with_header(std::string_view in) {
    if (skipping_) {
      const std::size_t step = body_left_ < in.size() ? body_left_ : in.size();
      body_left_ -= step;
      skipping_ = body_left_ != 0;
      return {.is = skipping_ ? kind::starved : kind::text, .used = step};
    }
    if (header_ == 0) {
      // The end of the header may have been cut in two.
      const std::size_t end = in.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
      if (end == std::string_view::npos) {
        scanned_ = in.size();
        return {.is = scanned_ > longest_header_ ? kind::unreadable : kind::starved};
      }
      if (!read_length(in.substr(0, end + 2))) return {.is = kind::unreadable};
      header_ = end + 4;
      scanned_ = header_;
      if (length_ > longest_) {
        skipping_ = length_ != 0;
        body_left_ = length_;
        return {.is = kind::oversized, .used = forget_header()};
      }
    }
    if (in.size() - header_ < length_) return {};
    const std::string_view text = in.substr(header_, length_);
    return {.is = kind::text, .used = forget_header() + text.size(), .text = text};
  }
  std::size_t forget_header() noexcept {
    const std::size_t size = header_;
    header_ = scanned_ = 0;
    return size;
  }

  // Source: Language Server Protocol, base protocol: header fields as HTTP has them, Content-Length required.
  bool read_length(std::string_view lines) noexcept {
    bool found = false;
    while (!lines.empty()) {
      const std::size_t end = lines.find("\r\n");
      const std::string_view line = lines.substr(0, end);
      lines.remove_prefix(end + 2);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) return false;
      if (!is_named(line.substr(0, colon), "content-length")) continue;
      const std::string_view digits = trim_blanks(line.substr(colon + 1));
      if (found || digits.empty() || digits.size() > 15) return false;
      length_ = 0;
      for (const char c : digits) {
        if (c < '0' || c > '9') return false;
        length_ = length_ * 10 + static_cast<std::size_t>(c - '0');
      }
      found = true;
    }
    return found;
  }

  std::size_t longest_;
  std::size_t longest_header_;
  std::size_t scanned_ = 0;    // of an unfinished text or header: looked at already
  std::size_t depth_ = 0;      // brackets that are open,
  std::uint64_t objects_ = 0;  // and which of the outermost are braces
  std::size_t header_ = 0;     // the size of a header whose text is not complete
  std::size_t length_ = 0;     // what it says
  std::size_t body_left_ = 0;  // of a text that is skipped
  jsonrpc_framing framing_ = jsonrpc_framing::lines;
  bool decided_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool value_ended_ = false;       // the last token completes a value, so that no bracket may follow it
  bool after_line_break_ = false;
  bool skipping_ = false;          // a text above the limit
  bool in_junk_ = false;           // until the line ends
};

}  // namespace detail
}  // namespace tenon::inline v0::protocol
