// The grammar of JSON for envelopes: steps over values where they stand, strictly, and keeps nothing. Protocol layer; this layer knows no codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/plain_text.hpp>
#include <tenon/core/utf8.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

constexpr bool is_json_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Whether `raw` is a whole number in plain digits, no more than eighteen, that would be written back as it stands: no zero in front, no sign.
inline bool read_plain_number(std::string_view raw, std::uint64_t& number) noexcept {
  if (raw.empty() || raw.size() > 18 || (raw.front() == '0' && raw.size() > 1)) return false;
  number = 0;
  for (const char c : raw) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

/// A text and where it stops being JSON. Every function takes the place to read at and returns the place after, or nullptr once `expected` is set.
///
/// Source  RFC 8259; Unicode by `utf8_sequence`.
class json_text {
 public:
  json_text(std::string_view text, std::size_t levels) noexcept
      // An empty view may point nowhere, and nullptr says that reading failed.
      : begin{text.data() == nullptr ? "" : text.data()}, end{begin + text.size()}, levels_left_{levels} {}

  const char* const begin;
  const char* const end;
  std::string_view expected;  ///< by the grammar, where it was not met; a literal
  std::size_t byte = 0;       ///< where that was

  bool is_at(const char* at, char c) const noexcept { return at != end && *at == c; }
  const char* skip_blanks(const char* at) const noexcept { return at != end && *at > ' ' ? at : skip_more_blanks(at); }

  const char* skip_value(const char* at) {
    if (at == end) return fail(at, "a value");
    if (*at == '"') return skip_string(at);
    if (*at >= '1' && *at <= '9' && end - at > 1) {
      // A whole number, most often.
      const char* const stop = skip_digits(at + 1);
      if (is_at(stop, ',') || is_at(stop, '}') || is_at(stop, ']')) return stop;
    }
    return skip_other_value(at);
  }
  const char* skip_string(const char* at) {
    if (!is_at(at, '"')) [[unlikely]] return fail(at, "a string");
    at = tenon::detail::skip_plain(at + 1, end);
    return is_at(at, '"') ? at + 1 : skip_rest_of_string(at);
  }

  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view what) noexcept {
    if (expected.empty()) {
      expected = what;
      byte = static_cast<std::size_t>(at - begin);
    }
    return nullptr;
  }

 private:
  [[gnu::noinline]] const char* skip_more_blanks(const char* at) const noexcept {
    while (at != end && is_json_blank(*at)) ++at;
    return at;
  }

  [[gnu::noinline]] const char* skip_other_value(const char* at) {
    switch (*at) {
      case '{':
      case '[': return skip_container(at);
      case 't': return skip_word(at, "true");
      case 'f': return skip_word(at, "false");
      case 'n': return skip_word(at, "null");
      default: return skip_number(at);
    }
  }

  // From what is not plain in a string.
  [[gnu::noinline]] const char* skip_rest_of_string(const char* at) {
    for (; at != end; at = tenon::detail::skip_plain(at, end)) {
      const auto byte_here = static_cast<unsigned char>(*at);
      if (byte_here == '"') return at + 1;
      if (byte_here < 0x20) return fail(at, "no control characters in a string");
      if (byte_here == '\\') {
        at = skip_escape(at);
        if (at == nullptr) return nullptr;
        ++at;
      } else {
        const char* const letters = at;
        at = tenon::detail::skip_utf8(at, end);
        if (at == letters) return fail(at, "UTF-8");
      }
    }
    return fail(at, "the end of a string");
  }

  const char* skip_container(const char* at) {
    const bool object = *at == '{';
    const char close = object ? '}' : ']';
    if (levels_left_ == 0) return fail(at, "fewer levels of nesting");
    --levels_left_;
    at = skip_blanks(at + 1);
    if (!is_at(at, close)) {
      for (;; at = skip_blanks(at + 1)) {
        if (object) {
          at = skip_string(at);
          if (at == nullptr) return nullptr;
          at = skip_blanks(at);
          if (!is_at(at, ':')) return fail(at, "':'");
          at = skip_blanks(at + 1);
        }
        at = skip_value(at);
        if (at == nullptr) return nullptr;
        at = skip_blanks(at);
        if (!is_at(at, ',')) break;
      }
      if (!is_at(at, close)) return fail(at, object ? "',' or '}'" : "',' or ']'");
    }
    ++levels_left_;
    return at + 1;
  }

  const char* skip_word(const char* at, std::string_view word) {
    return std::string_view{at, static_cast<std::size_t>(end - at)}.starts_with(word) ? at + word.size() : fail(at, "a value");
  }

  const char* skip_number(const char* at) {
    if (is_at(at, '-')) ++at;
    const char* const first = at;
    at = skip_digits(at);
    if (at == first) return fail(at, "a value");
    if (*first == '0' && at - first > 1) return fail(first, "no leading zeros");
    if (is_at(at, '.')) {
      const char* const fraction = ++at;
      at = skip_digits(at);
      if (at == fraction) return fail(at, "a digit");
    }
    if (is_at(at, 'e') || is_at(at, 'E')) {
      ++at;
      if (is_at(at, '-') || is_at(at, '+')) ++at;
      const char* const exponent = at;
      at = skip_digits(at);
      if (at == exponent) return fail(at, "a digit");
    }
    return at;
  }
  const char* skip_digits(const char* at) const noexcept {
    while (at != end && *at >= '0' && *at <= '9') ++at;
    return at;
  }

  // From the backslash to the last character of the escape.
  const char* skip_escape(const char* at) {
    if (++at == end) return fail(at, "an escape");
    if (*at != 'u') return std::string_view{"\"\\/bfnrt"}.find(*at) != std::string_view::npos ? at : fail(at, "an escape");
    unsigned unit = 0;
    at = skip_unit(at, unit);
    if (at == nullptr || unit < 0xD800 || unit > 0xDFFF) return at;
    if (unit > 0xDBFF || end - at < 3 || at[1] != '\\' || at[2] != 'u') return fail(at, "both halves of a surrogate pair");
    at = skip_unit(at + 2, unit);
    return at == nullptr || (unit >= 0xDC00 && unit <= 0xDFFF) ? at : fail(at, "both halves of a surrogate pair");
  }
  // From the u to the last of its four digits.
  const char* skip_unit(const char* at, unsigned& unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = ++at == end ? -1 : hex_digit(*at);
      if (digit < 0) return fail(at, "four hexadecimal digits");
      unit = unit << 4 | static_cast<unsigned>(digit);
    }
    return at;
  }

  std::size_t levels_left_;
};

/// Walks over what an object or an array holds: `key` is raw, quotes included; both views lie in the text.
class json_items {
 public:
  /// `at` is where the bracket is.
  json_items(json_text& text, const char* at) noexcept : text_{text}, is_object_{*at == '{'}, at_{text.skip_blanks(at + 1)} {
    if (text_.is_at(at_, is_object_ ? '}' : ']')) finish();
  }

  /// False at the end, and where the text is no JSON: `after` is nullptr then.
  bool next() {
    if (done_) return false;
    const char* at = at_;
    if (is_object_) {
      at = text_.skip_string(at);
      if (at == nullptr) return spoil();
      key = {at_, static_cast<std::size_t>(at - at_)};
      at = text_.skip_blanks(at);
      if (!text_.is_at(at, ':')) return text_.fail(at, "':'"), spoil();
      at = text_.skip_blanks(at + 1);
    }
    const char* const stop = text_.skip_value(at);
    if (stop == nullptr) return spoil();
    value = {at, static_cast<std::size_t>(stop - at)};
    at_ = text_.skip_blanks(stop);
    if (text_.is_at(at_, ',')) {
      at_ = text_.skip_blanks(at_ + 1);
      // A comma promises another one: a bracket is found missing its value there.
      return true;
    }
    if (!text_.is_at(at_, is_object_ ? '}' : ']')) return text_.fail(at_, is_object_ ? "',' or '}'" : "',' or ']'"), spoil();
    finish();
    return true;
  }
  const char* after() const noexcept { return after_; }

  std::string_view key;
  std::string_view value;

 private:
  void finish() noexcept {
    done_ = true;
    after_ = at_ + 1;
  }
  bool spoil() noexcept {
    done_ = true;
    after_ = nullptr;
    return false;
  }

  json_text& text_;
  const bool is_object_;
  bool done_ = false;
  const char* at_;
  const char* after_ = nullptr;
};

/// What the string literal `raw` says, quotes and escapes taken off: a view of it, or of `storage` when it has escapes. `raw` is well-formed.
inline std::string_view json_string_value(std::string_view raw, std::string& storage) {
  raw = raw.substr(1, raw.size() - 2);
  if (raw.find('\\') == std::string_view::npos) return raw;
  storage.clear();
  const auto unit_at = [raw](std::size_t i) {
    unsigned unit = 0;
    for (const char c : raw.substr(i, 4)) unit = unit << 4 | static_cast<unsigned>(hex_digit(c));
    return unit;
  };
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      storage.push_back(raw[i]);
      continue;
    }
    constexpr std::string_view letters = "bfnrt";
    constexpr std::string_view meanings = "\b\f\n\r\t";
    const char letter = raw[++i];
    if (letter != 'u') {
      const std::size_t known = letters.find(letter);
      storage.push_back(known == std::string_view::npos ? letter : meanings[known]);
      continue;
    }
    std::uint32_t point = unit_at(i + 1);
    i += 4;
    if (point >= 0xD800 && point <= 0xDBFF) {
      point = 0x10000 + ((point - 0xD800) << 10) + (unit_at(i + 3) - 0xDC00);
      i += 6;
    }
    if (point < 0x80) {
      storage.push_back(static_cast<char>(point));
      continue;
    }
    const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    constexpr unsigned leads[] = {0, 0xC0, 0xE0, 0xF0};
    storage.push_back(static_cast<char>(leads[more] | point >> (6 * more)));
    for (int left = more - 1; left >= 0; --left) storage.push_back(static_cast<char>(0x80 | ((point >> (6 * left)) & 0x3F)));
  }
  return storage;
}

}  // namespace tenon::inline v0::protocol::detail
