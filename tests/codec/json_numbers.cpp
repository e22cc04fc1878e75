// Every double and float comes back as it went, bit by bit, whichever way it is written and read.
#include <tenon/codec/json.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <tenon/codec/concept.hpp>
#include <tenon/core/buffer.hpp>

namespace json_numbers_test {

using tenon::codec::json;
using tenon::codec::proto_json;

// One buffer for all: a million strings would be what is measured.
template <class Codec = json, class T>
bool comes_back(T value, tenon::buffer& out) {
  out.clear();
  Codec::encode(out, value);
  T back{};
  return Codec::decode(out.view(), back).ok() && std::memcmp(&back, &value, sizeof value) == 0;
}

}  // namespace json_numbers_test

using namespace json_numbers_test;

TEST_CASE("a million doubles of random bits come back") {
  // A sign, seventeen digits, a point and an exponent of three digits with its sign.
  constexpr std::size_t longest = 24;
  std::mt19937_64 random{2026};
  tenon::buffer out;
  int failures = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    if (!comes_back(value, out) || out.size() > longest) ++failures;
    // The C library reads the same from our text.
    if (i % 16 == 0 && std::strtod(std::string{out.view()}.c_str(), nullptr) != value) ++failures;
  }
  CHECK(failures == 0);
}

TEST_CASE("a million floats of random bits come back") {
  std::mt19937 random{2027};
  tenon::buffer out;
  int failures = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value) && !comes_back(value, out)) ++failures;
  }
  CHECK(failures == 0);
}

TEST_CASE("doubles that people send come back: few digits, many magnitudes, and their neighbours") {
  std::mt19937_64 random{2028};
  tenon::buffer out;
  int failures = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto whole = static_cast<double>(static_cast<std::int64_t>(random() >> (random() % 64)));
    const double value = whole / std::pow(10.0, static_cast<double>(random() % 12)) * (i % 2 == 0 ? 1 : -1);
    for (const double each : {value, std::nextafter(value, 1e308), std::nextafter(value, -1e308)}) {
      if (!comes_back(each, out)) ++failures;
    }
  }
  CHECK(failures == 0);
}

TEST_CASE("the borders of floating point come back in every style") {
  using wide = std::numeric_limits<double>;
  using narrow = std::numeric_limits<float>;
  tenon::buffer out;
  for (int exponent = -1074; exponent < 1024; ++exponent) {
    const double power = std::ldexp(1.0, exponent);
    for (const double value : {power, -power, std::nextafter(power, 0.0), std::nextafter(power, wide::max())}) CHECK(comes_back(value, out));
  }
  for (int exponent = -323; exponent <= 308; ++exponent) {
    const double power = std::strtod(("1e" + std::to_string(exponent)).c_str(), nullptr);
    for (const double value : {power, std::nextafter(power, 0.0), std::nextafter(power, wide::max())}) {
      CHECK(comes_back(value, out));
      CHECK(comes_back<proto_json>(value, out));
    }
  }
  for (const double value : {0.0, -0.0, wide::denorm_min(), wide::min(), wide::max(), wide::lowest(), wide::epsilon(), 9007199254740991.0, 9007199254740993.0, 5e-324, 99999999999.99995, 0.00005, 1e11}) {
    CHECK(comes_back(value, out));
  }
  for (const float value : {0.0F, -0.0F, narrow::denorm_min(), narrow::min(), narrow::max(), narrow::lowest(), 16777217.0F, 0.1F, 3.4028234e38F}) CHECK(comes_back(value, out));
}

TEST_CASE("every spelling of a number is read as the C library reads it") {
  std::mt19937_64 random{2029};
  int failures = 0;
  for (int i = 0; i < 100'000; ++i) {
    // Up to 24 digits with a point somewhere and an exponent: the fast way, the long way and what overflows or vanishes.
    std::string text = i % 3 == 0 ? "-" : "";
    const std::size_t digits = 1 + random() % 24;
    text += static_cast<char>('1' + random() % 9);
    for (std::size_t place = 1; place < digits; ++place) text += static_cast<char>('0' + random() % 10);
    if (random() % 2 == 0) text += "." + std::to_string(random() % 100'000'000);
    if (random() % 2 == 0) text += "e" + std::to_string(static_cast<int>(random() % 700) - 350);
    const double expected = std::strtod(text.c_str(), nullptr);
    double value = 0;
    const bool good = json::decode(text, value).ok();
    if (good != std::isfinite(expected) || (good && std::bit_cast<std::uint64_t>(value) != std::bit_cast<std::uint64_t>(expected))) {
      ++failures;
      INFO(text);
      CHECK(value == expected);
    }
    const float expected_float = std::strtof(text.c_str(), nullptr);
    float single = 0;
    const bool fits = json::decode(text, single).ok();
    if (fits != std::isfinite(expected_float) || (fits && single != expected_float)) ++failures;
  }
  CHECK(failures == 0);
}

TEST_CASE("every integer near a power comes back, of every width") {
  tenon::buffer out;
  const auto around = [&out]<class T>(T) {
    using limit = std::numeric_limits<T>;
    CHECK(comes_back(limit::min(), out));
    CHECK(comes_back(limit::max(), out));
    for (int bit = 0; bit < limit::digits; ++bit) {
      const auto power = static_cast<T>(std::uint64_t{1} << bit);
      CHECK(comes_back(power, out));
      CHECK(comes_back(static_cast<T>(power - 1), out));
      CHECK(comes_back(static_cast<T>(~power), out));
    }
    for (std::uint64_t ten = 1; ten <= static_cast<std::uint64_t>(limit::max()) / 10; ten *= 10) {
      CHECK(comes_back(static_cast<T>(ten), out));
      CHECK(comes_back(static_cast<T>(ten - 1), out));
      CHECK(comes_back<proto_json>(static_cast<T>(ten), out));
    }
  };
  around(std::int8_t{});
  around(std::uint8_t{});
  around(std::int16_t{});
  around(std::uint16_t{});
  around(std::int32_t{});
  around(std::uint32_t{});
  around(std::int64_t{});
  around(std::uint64_t{});
}
