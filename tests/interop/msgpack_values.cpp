// The C++ half of the test against Python's msgpack: reads a message, answers with the same in our own bytes. msgpack_values.py asks.
// Shape   a line `STYLE HEX` in, a line `HEX` or `error TEXT` out; STYLE is named, positional or numbered.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <tenon/codec/msgpack.hpp>
#include <tenon/core/bytes.hpp>

struct point {
  std::int32_t x = 0;
  std::int32_t y = 0;
};
struct sample {
  bool flag = false;
  std::int8_t tiny = 0;
  std::uint16_t medium = 0;
  std::int64_t huge = 0;
  std::uint64_t unsigned_huge = 0;
  double real = 0;
  std::string text;
  tenon::bytes data;
  std::optional<std::string> maybe;
  std::vector<std::int64_t> numbers;
  std::map<std::string, double> by_name;
  std::map<std::int32_t, std::string> by_number;
  std::vector<point> points;
  point one;
  std::tuple<std::int32_t, std::string, point> both;
  std::variant<std::int64_t, std::string, std::vector<bool>> either;
  std::chrono::system_clock::time_point when;
};

namespace {

std::string from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) bytes += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  return bytes;
}
std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(each) >> 4];
    text += digits[static_cast<unsigned char>(each) & 15U];
  }
  return text;
}

template <class Codec>
std::string answer(std::string_view hex) {
  const auto read = tenon::decode<sample, Codec>(from_hex(hex));
  if (!read) return "error " + read.error().message();
  return to_hex(tenon::encode<Codec>(*read));
}

}  // namespace

int main() {
  std::string style;
  std::string hex;
  while (std::cin >> style >> hex) {
    if (style == "named") std::cout << answer<tenon::codec::msgpack>(hex) << std::endl;
    else if (style == "positional") std::cout << answer<tenon::codec::msgpack_positional>(hex) << std::endl;
    else std::cout << answer<tenon::codec::msgpack_numbered>(hex) << std::endl;
  }
}
