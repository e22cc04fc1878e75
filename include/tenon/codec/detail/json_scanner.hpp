// The grammar of json, and what went wrong with it: strict as RFC 8259, and no template. Codec layer, detail of codec/json.hpp.
// The place to read from travels as a `const char*` argument and result, nullptr for a failure whose reason is in `error()`: kept in the
// object, each character stored elsewhere would force it back to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <tenon/codec/decode_error.hpp>
#include <tenon/codec/detail/json_text.hpp>
#include <tenon/codec/detail/memory_budget.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/utf8.hpp>

namespace tenon::inline v0::codec::detail {

// A number as the text spells it: mantissa * 10^exponent. `dropped` says that the mantissa could not hold all digits and some were not 0;
// `whole` that there was neither a point nor an exponent.
struct json_number {
  std::uint64_t mantissa = 0;
  std::int64_t exponent = 0;
  bool negative = false;
  bool dropped = false;
  bool whole = true;
};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// A template only so that tenon::compiled can compile it once; `json_scanner` is its one instance.
template <class Unit>
class basic_json_scanner {
 public:
  basic_json_scanner(std::string_view in, const limits& bounds)
      // An empty view may point nowhere, and nullptr says that reading failed.
      : begin_{in.data() == nullptr ? "" : in.data()}, end_{begin_ + in.size()}, levels_left_{bounds.max_nesting}, max_levels_{bounds.max_nesting}, memory_{bounds.memory_for(in.size())} {}

  const char* begin() const noexcept { return begin_; }
  const char* end() const noexcept { return end_; }
  decode_error& error() noexcept { return error_; }

  const char* skip_space(const char* at) const noexcept { return at != end_ && *at > ' ' ? at : skip_more_space(at); }
  bool is_at(const char* at, char c) const noexcept { return at != end_ && *at == c; }
  bool is_at(const char* at, std::string_view text) const noexcept {
    return static_cast<std::size_t>(end_ - at) >= text.size() && std::memcmp(at, text.data(), text.size()) == 0;
  }
  bool is_null(const char* at) const noexcept { return is_at(at, "null"); }

  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected) { return fail(at, expected, found(at)); }
  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected, std::string_view what) {
    error_.fail(static_cast<std::size_t>(at - begin_), expected, what);
    return nullptr;
  }
  // The same for a whole number that does not fit, whose text says more than its kind.
  [[gnu::cold, gnu::noinline]] const char* fail_number(const char* at, const char* stop, std::string_view expected) {
    constexpr std::size_t shown = 40;
    const auto size = static_cast<std::size_t>(stop - at);
    return size <= shown ? fail(at, expected, {at, size}) : fail(at, expected, tenon::detail::join_text({{at, shown}, "..."}));
  }

  // The same for text that says more than its kind.
  [[gnu::cold, gnu::noinline]] const char* fail_name(const char* at, std::string_view expected, std::string_view text) {
    constexpr std::size_t shown = 40;
    return fail(at, expected, tenon::detail::join_text({"\"", text.substr(0, shown), text.size() > shown ? "...\"" : "\""}));
  }
  [[gnu::cold, gnu::noinline]] bool fail_missing(const char* at, std::string_view name) {
    fail(at, "a value (it is required)", "none");
    return error_.at_field(name);
  }

  // After the value there may be white space and nothing else.
  void finish(const char* at) {
    at = skip_space(at);
    if (at == end_) return;
    const auto more = static_cast<std::size_t>(end_ - at);
    fail(at, "end of input", tenon::detail::join_text({tenon::detail::number_text{more}, more == 1 ? " more byte" : " more bytes"}));
  }

  // Each array and object stands between an `enter` and a `leave`.
  bool enter(const char* at) {
    if (levels_left_ == 0) [[unlikely]] return fail_nesting(at);
    --levels_left_;
    return true;
  }
  void leave() noexcept { ++levels_left_; }

  // Counts the memory of an element that is about to be made for what stands at `at`.
  template <std::size_t Wanted>
  bool take_memory(const char* at) {
    if constexpr (Wanted == 0) return static_cast<void>(at), true;
    else return memory_.take(Wanted, error_, static_cast<std::size_t>(at - begin_));
  }

  // After an element: steps over the comma to the next one, or over `close`, which sets `closed`.
  const char* next_element(const char* at, char close, bool& closed) {
    if (end_ - at >= 2 && *at == ',' && at[1] > ' ') return at + 1;
    return find_next_element(at, close, closed);
  }
  // Opens an array or object whose bracket is at `at`; `closed` when there is nothing in it.
  const char* first_element(const char* at, char close, bool& closed) {
    if (!enter(at)) return nullptr;
    at = skip_space(at + 1);
    closed = is_at(at, close);
    return closed ? at + 1 : at;
  }
  // From after a key to its value.
  const char* read_colon(const char* at) {
    at = skip_space(at);
    if (!is_at(at, ':')) [[unlikely]] return fail(at, "':'");
    return skip_space(at + 1);
  }

  const char* read_boolean(const char* at, bool& value) {
    if (is_at(at, "true")) return value = true, at + 4;
    if (is_at(at, "false")) return value = false, at + 5;
    return fail(at, "boolean");
  }

  // The grammar of a number, and what it says.
  const char* scan_number(const char* at, json_number& number) {
    number = {};
    if (is_at(at, '-')) {
      number.negative = true;
      ++at;
    }
    if (at == end_ || !is_digit(*at)) return fail(at, "digit");
    if (*at == '0') {
      ++at;
      if (at != end_ && is_digit(*at)) return fail(at, "number without leading zeros", "digit");
    } else {
      at = scan_digits(at, number, 0);
    }
    if (is_at(at, '.')) {
      number.whole = false;
      ++at;
      if (at == end_ || !is_digit(*at)) return fail(at, "digit");
      at = scan_digits(at, number, 1);
    }
    if (is_at(at, 'e') || is_at(at, 'E')) {
      number.whole = false;
      ++at;
      const bool down = is_at(at, '-');
      if (down || is_at(at, '+')) ++at;
      if (at == end_ || !is_digit(*at)) return fail(at, "digit");
      std::int64_t exponent = 0;
      // No message is long enough to bring an exponent of more digits back into range.
      for (; at != end_ && is_digit(*at); ++at) exponent = exponent < 1'000'000'000'000 ? exponent * 10 + (*at - '0') : exponent;
      number.exponent += down ? -exponent : exponent;
    }
    return at;
  }

  // Steps over any value, as strictly as if it were wanted.
  const char* skip_value(const char* at) {
    if (at == end_) return fail(at, "value");
    switch (*at) {
      case '{':
      case '[': return skip_container(at);
      case '"': {
        bool escaped = false;
        return scan_string(at, escaped);
      }
      case 't':
      case 'f': {
        bool value = false;
        return read_boolean(at, value);
      }
      case 'n': return is_null(at) ? at + 4 : fail(at, "value");
      default: {
        json_number number;
        return *at == '-' || is_digit(*at) ? scan_number(at, number) : fail(at, "value");
      }
    }
  }

  // What stands at `at`, for an error.
  [[gnu::cold, gnu::noinline]] std::string found(const char* at) const {
    if (at == end_) return "end of input";
    switch (*at) {
      case '{': return "object";
      case '[': return "array";
      case '"': return "string";
      case 't': return is_at(at, "true") ? "boolean" : "character 't'";
      case 'f': return is_at(at, "false") ? "boolean" : "character 'f'";
      case 'n': return is_at(at, "null") ? "null" : "character 'n'";
      default: break;
    }
    if (*at == '-' || is_digit(*at)) return "number";
    const auto byte = static_cast<unsigned char>(*at);
    if (byte > 0x20 && byte < 0x7F) return tenon::detail::join_text({"character '", {at, 1}, "'"});
    constexpr std::string_view hex = "0123456789abcdef";
    return tenon::detail::join_text({"byte 0x", hex.substr(byte >> 4, 1), hex.substr(byte & 15U, 1)});
  }

 protected:
  // Returns what follows the closing quote; everything between the quotes is well-formed then.
  const char* scan_string(const char* at, bool& escaped) {
    if (!is_at(at, '"')) [[unlikely]] return fail(at, "string");
    ++at;
    for (;;) {
      at = skip_plain(at, end_);
      if (at == end_) [[unlikely]] return fail(at, "'\"' at the end of the string");
      if (*at == '"') return at + 1;
      if (*at == '\\') {
        escaped = true;
        at = scan_escape(at);
        if (at == nullptr) return nullptr;
      } else if (static_cast<unsigned char>(*at) < 0x20) {
        return fail(at, "control character written as an escape");
      } else {
        const char* const letters = at;
        at = tenon::detail::skip_utf8(at, end_);
        if (at == letters) [[unlikely]] return fail(at, "UTF-8 text");
      }
    }
  }

  static constexpr std::uint32_t hex_digit(char c) noexcept {
    if (is_digit(c)) return static_cast<std::uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A') + 10;
    return 16;
  }

 private:
  [[gnu::cold, gnu::noinline]] bool fail_nesting(const char* at) {
    return fail(at, tenon::detail::join_text({"at most ", tenon::detail::number_text{max_levels_}, " levels of nesting"}), "more") != nullptr;
  }
  [[gnu::noinline]] const char* skip_more_space(const char* at) const noexcept {
    while (at != end_ && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
  }

  [[gnu::noinline]] const char* find_next_element(const char* at, char close, bool& closed) {
    at = skip_space(at);
    if (is_at(at, ',')) return skip_space(at + 1);
    if (is_at(at, close)) {
      closed = true;
      return at + 1;
    }
    return fail(at, close == '}' ? "',' or '}'" : "',' or ']'");
  }

  const char* skip_container(const char* at) {
    const bool object = *at == '{';
    const char close = object ? '}' : ']';
    bool closed = false;
    at = first_element(at, close, closed);
    while (at != nullptr && !closed) {
      if (object) {
        bool escaped = false;
        at = scan_string(at, escaped);
        if (at == nullptr) return nullptr;
        at = read_colon(at);
        if (at == nullptr) return nullptr;
      }
      at = skip_value(at);
      if (at == nullptr) return nullptr;
      at = next_element(at, close, closed);
    }
    leave();
    return at;
  }

  const char* scan_escape(const char* at) {
    const char* const start = at;
    ++at;
    if (at == end_) return fail(at, "escape");
    if (*at != 'u') {
      constexpr std::string_view known = "\"\\/bfnrt";
      return known.find(*at) != std::string_view::npos ? at + 1 : fail(at, "escape");
    }
    std::uint32_t unit = 0;
    at = scan_hex(at + 1, unit);
    if (at == nullptr || unit < 0xD800 || unit > 0xDFFF) return at;
    if (unit > 0xDBFF || !is_at(at, "\\u")) return fail(start, "both halves of a surrogate pair", "one");
    at = scan_hex(at + 2, unit);
    if (at == nullptr || (unit >= 0xDC00 && unit <= 0xDFFF)) return at;
    return fail(start, "both halves of a surrogate pair", "one");
  }
  const char* scan_hex(const char* at, std::uint32_t& unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      if (at == end_) return fail(at, "four hexadecimal digits");
      const std::uint32_t digit = hex_digit(*at);
      if (digit > 15) return fail(at, "four hexadecimal digits");
      unit = unit << 4 | digit;
    }
    return at;
  }
  const char* scan_digits(const char* at, json_number& number, std::int64_t after_point) const noexcept {
    for (; at != end_ && is_digit(*at); ++at) {
      const auto digit = static_cast<std::uint64_t>(*at - '0');
      std::uint64_t grown = 0;
      if (!number.dropped && !__builtin_mul_overflow(number.mantissa, std::uint64_t{10}, &grown) && !__builtin_add_overflow(grown, digit, &grown)) {
        number.mantissa = grown;
        number.exponent -= after_point;
      } else {
        number.dropped = number.dropped || digit != 0;
        number.exponent += 1 - after_point;
      }
    }
    return at;
  }

  const char* begin_;
  const char* end_;
  std::size_t levels_left_;
  std::size_t max_levels_;
  memory_budget memory_;
  decode_error error_;
};

using json_scanner = basic_json_scanner<void>;
#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_json_scanner<void>;
#endif

}  // namespace tenon::inline v0::codec::detail
