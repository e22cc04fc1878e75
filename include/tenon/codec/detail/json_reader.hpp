// Reads the scalars of json: text, integers, floating point. Codec layer, detail of codec/json.hpp.
#pragma once

#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <tenon/codec/detail/expectation.hpp>
#include <tenon/codec/detail/json_scanner.hpp>
#include <tenon/codec/detail/json_text.hpp>
#include <tenon/codec/detail/keep_text.hpp>
#include <tenon/core/utf8.hpp>

namespace tenon::inline v0::codec::detail {

inline constexpr double exact_powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// A template only so that tenon::compiled can compile it once; `json_reader` is its one instance.
template <class Unit>
class basic_json_reader : public json_scanner {
 public:
  using json_scanner::json_scanner;

  // True while an element that a sequence had before is decoded into: fields that the input does not mention must not keep what they had.
  bool resetting() const noexcept { return resetting_; }
  void set_resetting(bool on) noexcept { resetting_ = on; }

  // A key and its colon. The view lasts until the next string with escapes is read.
  const char* read_key(const char* at, std::string_view& key) {
    at = read_string(at, key, scratch_);
    return at == nullptr ? nullptr : read_colon(at);
  }

  // The string at `at` as a view of the input, or of `storage` when it has escapes.
  const char* read_string(const char* at, std::string_view& text, std::string& storage) {
    bool escaped = false;
    const char* stop = scan_string(at, escaped);
    if (stop == nullptr) return nullptr;
    text = {at + 1, static_cast<std::size_t>(stop - at) - 2};
    if (escaped) {
      unescape(text, storage);
      text = storage;
    }
    return stop;
  }
  const char* read_text(const char* at, std::string& value) {
    std::string_view text;
    at = read_string(at, text, value);
    if (at != nullptr && text.data() != value.data()) keep_text(value, text.data(), text.size());
    return at;
  }
  // The same into storage of the reader's own, for what is read out of the text at once.
  const char* read_text(const char* at, std::string_view& text) { return read_string(at, text, scratch_); }

  // An integer from `lowest` to `highest`, which include 0 for every type; what is written as `3.0` or `1e3` is one, too.
  const char* read_signed(const char* at, std::int64_t lowest, std::int64_t highest, std::int64_t& value) {
    std::uint64_t magnitude = 0;
    bool negative = false;
    const char* stop = read_magnitude(at, negative, magnitude);
    if (stop == nullptr) return fail_integer(at, lowest, static_cast<std::uint64_t>(highest));
    const std::uint64_t most = negative ? 0 - static_cast<std::uint64_t>(lowest) : static_cast<std::uint64_t>(highest);
    if (magnitude > most) [[unlikely]] return fail_integer(at, lowest, static_cast<std::uint64_t>(highest));
    value = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
    return stop;
  }
  const char* read_unsigned(const char* at, std::uint64_t highest, std::uint64_t& value) {
    bool negative = false;
    const char* stop = read_magnitude(at, negative, value);
    if (stop == nullptr || (negative && value != 0) || value > highest) [[unlikely]] return fail_integer(at, 0, highest);
    return stop;
  }

  const char* read_floating(const char* at, double& value) { return read_any_floating(at, value); }
  const char* read_floating(const char* at, float& value) { return read_any_floating(at, value); }

 private:
  static constexpr std::uint32_t hex_unit(const char* at) noexcept {
    return hex_digit(at[0]) << 12 | hex_digit(at[1]) << 8 | hex_digit(at[2]) << 4 | hex_digit(at[3]);
  }

  // Takes text that `scan_string` has found good.
  static void unescape(std::string_view text, std::string& into) {
    into.clear();
    into.reserve(text.size());
    while (!text.empty()) {
      const std::size_t run = text.find('\\');
      into.append(text.substr(0, run));
      if (run == std::string_view::npos) return;
      const char* at = text.data() + run + 1;
      std::size_t used = run + 2;
      switch (*at) {
        case 'b': into += '\b'; break;
        case 'f': into += '\f'; break;
        case 'n': into += '\n'; break;
        case 'r': into += '\r'; break;
        case 't': into += '\t'; break;
        case 'u': {
          std::uint32_t point = hex_unit(at + 1);
          used += 4;
          if (point >= 0xD800 && point <= 0xDFFF) {
            point = 0x10000U + ((point - 0xD800U) << 10) + (hex_unit(at + 7) - 0xDC00U);
            used += 6;
          }
          char bytes[4];
          into.append(bytes, static_cast<std::size_t>(tenon::detail::write_utf8(bytes, point) - bytes));
          break;
        }
        default: into += *at;
      }
      text.remove_prefix(used);
    }
  }

  // Digits alone, at most 18 of them, without a leading zero: what nearly every integer is. Everything else takes the long way.
  const char* read_magnitude(const char* at, bool& negative, std::uint64_t& magnitude) {
    const char* place = at;
    if (is_at(place, '-')) {
      negative = true;
      ++place;
    }
    const char* const digits = place;
    std::uint64_t value = 0;
    if (end() - place >= 8) place += read_few_digits(place, value);
    while (place != end() && is_digit(*place) && place - digits < 19) value = value * 10 + static_cast<std::uint64_t>(*place++ - '0');
    const auto count = place - digits;
    const bool more = place != end() && (*place == '.' || *place == 'e' || *place == 'E');
    if (count == 0 || count > 18 || more || (count > 1 && *digits == '0')) [[unlikely]] return read_spelled_magnitude(at, magnitude);
    magnitude = value;
    return place;
  }
  // Returns nullptr, without an error unless the grammar is at fault, for what is no integer or too large for 64 bits.
  [[gnu::noinline]] const char* read_spelled_magnitude(const char* at, std::uint64_t& magnitude) {
    if (at == end() || (*at != '-' && !is_digit(*at))) return nullptr;
    json_number number;
    const char* stop = scan_number(at, number);
    if (stop == nullptr || number.dropped) return nullptr;
    while (number.exponent < 0 && number.mantissa != 0 && number.mantissa % 10 == 0) {
      number.mantissa /= 10;
      ++number.exponent;
    }
    if (number.mantissa == 0) number.exponent = 0;
    if (number.exponent < 0 || number.exponent > 19) return nullptr;
    for (; number.exponent > 0; --number.exponent) {
      if (__builtin_mul_overflow(number.mantissa, std::uint64_t{10}, &number.mantissa)) return nullptr;
    }
    magnitude = number.mantissa;
    return stop;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_integer(const char* at, std::int64_t lowest, std::uint64_t highest) {
    if (error().failed()) return nullptr;
    if (at == end() || (*at != '-' && !is_digit(*at))) return fail(at, "integer");
    json_number number;
    const char* stop = scan_number(at, number);
    if (stop == nullptr) return nullptr;
    while (number.exponent < 0 && number.mantissa != 0 && number.mantissa % 10 == 0) {
      number.mantissa /= 10;
      ++number.exponent;
    }
    return fail_number(at, stop, number.exponent < 0 && number.mantissa != 0 ? std::string{"integer"} : expected_integer(lowest, highest));
  }

  // What nearly every number is: at most 18 digits, with or without a point, without an exponent. Returns nullptr for everything else, right or wrong.
  const char* scan_plain_number(const char* at, json_number& number) const noexcept {
    number.negative = *at == '-';
    const char* place = at + (number.negative ? 1 : 0);
    const char* const digits = place;
    std::uint64_t mantissa = 0;
    const auto take_digits = [&] {
      for (; place != end() && is_digit(*place) && place - digits < 20; ++place) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*place - '0');
    };
    take_digits();
    const auto whole = place - digits;
    std::ptrdiff_t fraction = 0;
    if (place != end() && *place == '.') {
      const char* const point = place++;
      take_digits();
      fraction = place - point - 1;
      if (fraction == 0) return nullptr;
    }
    if (whole == 0 || (whole > 1 && *digits == '0') || whole + fraction > 18) return nullptr;
    if (place != end() && (*place == 'e' || *place == 'E')) return nullptr;
    number.mantissa = mantissa;
    number.exponent = -fraction;
    return place;
  }

  template <class Floating>
  const char* read_any_floating(const char* at, Floating& value) {
    if (at == end() || (*at != '-' && !is_digit(*at))) [[unlikely]] {
      // Json has no word for NaN; we write null for it.
      if (is_null(at)) return value = std::numeric_limits<Floating>::quiet_NaN(), at + 4;
      return fail(at, "number");
    }
    json_number number;
    const char* stop = scan_plain_number(at, number);
    if (stop == nullptr) stop = scan_number(at, number);
    if (stop == nullptr) [[unlikely]] return nullptr;
    // Both factors are exact, so that the one rounding of the product or quotient is the right one (Clinger's fast path).
    constexpr std::uint64_t most = std::uint64_t{1} << std::numeric_limits<Floating>::digits;
    constexpr std::int64_t widest = std::is_same_v<Floating, double> ? 22 : 10;
    if (FLT_EVAL_METHOD == 0 && !number.dropped && number.mantissa <= most && number.exponent >= -widest && number.exponent <= widest) {
      const auto mantissa = static_cast<Floating>(number.mantissa);
      const std::int64_t exponent = number.exponent;
      const auto magnitude = exponent < 0 ? mantissa / static_cast<Floating>(exact_powers_of_ten[-exponent]) : mantissa * static_cast<Floating>(exact_powers_of_ten[exponent]);
      value = number.negative ? -magnitude : magnitude;
      return stop;
    }
    return read_hard_floating(at, stop, number, value);
  }
  template <class Floating>
  [[gnu::noinline]] const char* read_hard_floating(const char* at, const char* stop, const json_number& number, Floating& value) {
    const std::from_chars_result end = std::from_chars(at, stop, value);
    if (end.ec == std::errc{} && std::isfinite(value)) return stop;
    // Too small for the type is 0; too large is no number that it could hold.
    if (number.mantissa == 0 || number.exponent < 0) return value = number.negative ? -Floating{0} : Floating{0}, stop;
    return fail_number(at, stop, std::is_same_v<Floating, double> ? "number within the range of a double" : "number within the range of a float");
  }

  bool resetting_ = false;
  std::string scratch_;
};

using json_reader = basic_json_reader<void>;
#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_json_reader<void>;
#endif

}  // namespace tenon::inline v0::codec::detail
