#include <tenon/codec/msgpack.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>

#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace {

using tenon::code;
using tenon::limits;
using tenon::status;

template <class T>
std::string encode(const T& value) {
  return tenon::encode<tenon::codec::msgpack>(value);
}
template <class T>
tenon::result<T> decode(std::string_view in, const limits& bounds = {}) {
  return tenon::decode<T, tenon::codec::msgpack>(in, bounds);
}
template <class T>
std::string error_of(std::string_view in, const limits& bounds = {}) {
  const tenon::result<T> read = decode<T>(in, bounds);
  if (read) return "no error";
  CHECK(read.error().code() == code::invalid_argument);
  return read.error().message();
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(each) >> 4];
    text += digits[static_cast<unsigned char>(each) & 15U];
  }
  return text;
}
std::string bytes(std::string_view text) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (text[i] == ' ') --i;
    else out += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  }
  return out;
}

enum class color : std::uint8_t { red, green, blue };
enum class level : int { low = -5, high = 1000 };

struct quote {
  std::string symbol;
  double price = 0;
  int shares = 7;
  bool operator==(const quote&) const = default;
};

struct node {
  int value = 0;
  std::unique_ptr<node> next;
  std::vector<node> children;
};

struct circle {
  double radius = 0;
  bool operator==(const circle&) const = default;
};
struct square {
  double side = 0;
  bool operator==(const square&) const = default;
};

struct numbered {
  int first = 1;
  std::string second = "two";
  TENON_STRUCT(numbered, (first, tenon::number(5)), (second, tenon::name("Second"), tenon::required))
};

struct order {
  std::string id;
  std::vector<quote> lines;
  std::map<std::string, quote> by_name;
  std::optional<quote> best;
};

struct nothing {
  bool operator==(const nothing&) const = default;
};

struct everything {
  bool flag = true;
  std::int8_t tiny = -100;
  std::uint64_t huge = 1'000'000'000'000;
  float single = 1.5F;
  double real = -2.25;
  std::string text = "text";
  tenon::bytes data{std::byte{1}, std::byte{255}};
  color tint = color::blue;
  std::optional<int> maybe = 5;
  std::vector<std::string> list{"a", "b"};
  std::array<int, 3> three{1, 2, 3};
  std::map<int, std::string> names{{-1, "minus"}, {70000, "many"}};
  std::variant<int, std::string> either = "s";
  std::pair<int, bool> both{1, true};
  std::chrono::milliseconds wait{1500};
  std::chrono::system_clock::time_point when{std::chrono::nanoseconds{1'700'000'000'123'456'789}};
  quote nested{"x", 1, 2};
  std::unique_ptr<quote> owned = std::make_unique<quote>(quote{"y", 2, 3});
};

}  // namespace

TEST_CASE("msgpack writes the bytes that its specification asks for") {
  CHECK(hex(encode(true)) == "c3");
  CHECK(hex(encode(false)) == "c2");
  CHECK(hex(encode(0)) == "00");
  CHECK(hex(encode(127)) == "7f");
  CHECK(hex(encode(128)) == "cc80");
  CHECK(hex(encode(255)) == "ccff");
  CHECK(hex(encode(256)) == "cd0100");
  CHECK(hex(encode(65535)) == "cdffff");
  CHECK(hex(encode(65536)) == "ce00010000");
  CHECK(hex(encode(std::int64_t{4294967296})) == "cf0000000100000000");
  CHECK(hex(encode((std::numeric_limits<std::uint64_t>::max)())) == "cfffffffffffffffff");
  CHECK(hex(encode(-1)) == "ff");
  CHECK(hex(encode(-32)) == "e0");
  CHECK(hex(encode(-33)) == "d0df");
  CHECK(hex(encode(-128)) == "d080");
  CHECK(hex(encode(-129)) == "d1ff7f");
  CHECK(hex(encode(-32769)) == "d2ffff7fff");
  CHECK(hex(encode(std::int64_t{-2147483649})) == "d3ffffffff7fffffff");
  CHECK(hex(encode((std::numeric_limits<std::int64_t>::min)())) == "d38000000000000000");
  CHECK(hex(encode(1.5F)) == "ca3fc00000");
  CHECK(hex(encode(1.5)) == "cb3ff8000000000000");
  CHECK(hex(encode(std::string{"abc"})) == "a3616263");
  CHECK(hex(encode(std::string_view{""})) == "a0");
  CHECK(hex(encode(static_cast<const char*>("a"))) == "a161");
  CHECK(hex(encode(std::string(32, 'x'))).substr(0, 6) == "d92078");
  CHECK(hex(encode(std::string(256, 'x'))).substr(0, 8) == "da010078");
  CHECK(hex(encode(std::string(65536, 'x'))).substr(0, 12) == "db0001000078");
  CHECK(hex(encode(tenon::bytes{std::byte{7}})) == "c40107");
  CHECK(hex(encode(tenon::bytes(256)).substr(0, 3)) == "c50100");
  CHECK(hex(encode(std::array<std::byte, 2>{})) == "c4020000");
  CHECK(hex(encode(std::vector<int>{1, 2})) == "920102");
  CHECK(hex(encode(std::vector<int>(16)).substr(0, 3)) == "dc0010");
  CHECK(hex(encode(std::vector<int>(65536)).substr(0, 5)) == "dd00010000");
  CHECK(hex(encode(std::map<std::string, int>{{"a", 1}})) == "81a16101");
  CHECK(hex(encode(std::map<int, int>{{-1, 1}})) == "81ff01");
  CHECK(hex(encode(std::map<color, int>{{color::blue, 1}})) == "810201");
  CHECK(hex(encode(std::optional<int>{})) == "c0");
  CHECK(hex(encode(std::optional<int>{3})) == "03");
  CHECK(hex(encode(std::unique_ptr<int>{})) == "c0");
  CHECK(hex(encode(std::monostate{})) == "c0");
  CHECK(hex(encode(std::pair{1, std::string{"a"}})) == "9201a161");
  CHECK(hex(encode(std::tuple<>{})) == "90");
  CHECK(hex(encode(color::green)) == "01");
  CHECK(hex(encode(level::low)) == "fb");
  CHECK(hex(encode(std::chrono::seconds{300})) == "cd012c");
  CHECK(hex(encode(std::chrono::duration<double>{1.5})) == "cb3ff8000000000000");
  CHECK(hex(encode(quote{"A", 1.5, 3})) == "83a673796d626f6ca141a57072696365cb3ff8000000000000a673686172657303");
  CHECK(hex(encode(nothing{})) == "80");
  CHECK(hex(encode(std::vector<bool>{true, false})) == "92c3c2");
}

TEST_CASE("msgpack writes the shortest of the three timestamps") {
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  using time = std::chrono::system_clock::time_point;
  CHECK(hex(encode(time{seconds{1}})) == "d6ff00000001");
  CHECK(hex(encode(time{seconds{1} + nanoseconds{1}})) == "d7ff0000000400000001");
  CHECK(hex(encode(time{seconds{4294967296}})) == "d7ff0000000100000000");
  CHECK(hex(encode(time{nanoseconds{-1}})) == "c70cff3b9ac9ffffffffffffffffff");
  CHECK(hex(encode(std::chrono::sys_seconds{seconds{17179869184}})) == "c70cff000000000000000400000000");
}

TEST_CASE("msgpack reads the three timestamps and refuses other extensions") {
  using time = std::chrono::system_clock::time_point;
  using std::chrono::nanoseconds;
  for (const std::int64_t ns : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'000'000'000}, std::int64_t{1'700'000'000'123'456'789}, std::int64_t{-9'000'000'000'000'000'001}, (std::numeric_limits<std::int64_t>::min)(), (std::numeric_limits<std::int64_t>::max)()}) {
    const time value{nanoseconds{ns}};
    CHECK(decode<time>(encode(value)).value() == value);
  }
  CHECK(error_of<time>(bytes("d6fe00000001")) == "expected timestamp, found extension of type -2 at byte 0");
  CHECK(error_of<time>(bytes("d5ff0001")) == "expected timestamp of 4, 8 or 12 bytes, found 2 bytes at byte 0");
  CHECK(error_of<time>(bytes("c70cff3b9aca000000000000000000")) == "expected nanoseconds up to 999999999, found 1000000000 at byte 0");
  CHECK(error_of<time>(bytes("c70cff000000007fffffffffffffff")).find("expected timestamp that the time point can hold") == 0);
  CHECK(error_of<time>("\x05") == "expected timestamp, found integer at byte 0");
  // Go's unset time is year 1, which nanoseconds cannot reach but seconds can.
  const std::string unset = bytes("c70cff00000000fffffff1886e0900");
  CHECK(decode<time>(unset).value() == time{});
  CHECK(decode<std::chrono::sys_seconds>(unset).value().time_since_epoch().count() == -62'135'596'800);
}

TEST_CASE("msgpack reads integers of every width into every width that holds them") {
  for (const char* one : {"01", "cc01", "cd0001", "ce00000001", "cf0000000000000001", "d001", "d10001", "d200000001", "d30000000000000001", "ca3f800000", "cb3ff0000000000000"}) {
    CAPTURE(one);
    CHECK(decode<std::int8_t>(bytes(one)).value() == 1);
    CHECK(decode<std::uint8_t>(bytes(one)).value() == 1);
    CHECK(decode<std::int64_t>(bytes(one)).value() == 1);
    CHECK(decode<std::uint64_t>(bytes(one)).value() == 1);
    CHECK(decode<char>(bytes(one)).value() == 1);
    CHECK(decode<double>(bytes(one)).value() == 1);
    CHECK(decode<float>(bytes(one)).value() == 1);
  }
  CHECK(decode<std::int16_t>(bytes("d3ffffffffffffffff")).value() == -1);
  CHECK(decode<std::int64_t>(bytes("cbc3e0000000000000")).value() == (std::numeric_limits<std::int64_t>::min)());
  CHECK(error_of<std::int8_t>(bytes("cd012c")) == "expected integer from -128 to 127, found 300 at byte 0");
  CHECK(error_of<std::int8_t>(bytes("d1ff7f")) == "expected integer from -128 to 127, found -129 at byte 0");
  CHECK(error_of<std::uint8_t>(bytes("ff")) == "expected integer from 0 to 255, found -1 at byte 0");
  CHECK(error_of<std::int64_t>(bytes("cfffffffffffffffff")) == "expected integer from -9223372036854775808 to 9223372036854775807, found 18446744073709551615 at byte 0");
  CHECK(error_of<std::uint64_t>(bytes("ff")) == "expected integer from 0 to 18446744073709551615, found -1 at byte 0");
  CHECK(error_of<int>(encode(1.5)) == "expected integer, found 1.500000 at byte 0");
  CHECK(error_of<int>(encode(-1.5)) == "expected integer, found -1.500000 at byte 0");
  CHECK(error_of<std::uint64_t>(encode(18446744073709551616.0)).find("expected integer, found 18446744073709551616") == 0);
  CHECK(error_of<int>(encode(std::nan(""))).find("expected integer, found") == 0);
  CHECK(error_of<float>(encode(1e300)).find("expected number that a float can hold") == 0);
  CHECK(std::isinf(decode<float>(encode(std::numeric_limits<double>::infinity())).value()));
  CHECK(std::isnan(decode<double>(encode(std::nan(""))).value()));
}

TEST_CASE("msgpack takes str and bin for text and for binary") {
  CHECK(decode<std::string>(bytes("c40161")).value() == "a");
  CHECK(decode<tenon::bytes>(bytes("a161")).value() == tenon::bytes{std::byte{0x61}});
  CHECK(decode<std::string>(bytes("a1ff")).value() == "\xff");
  CHECK(decode<std::map<std::string, int>>(bytes("81c4016101")).value().at("a") == 1);
  CHECK(decode<quote>(bytes("81c40673796d626f6ca141")).value().symbol == "A");
  CHECK(error_of<std::array<std::byte, 3>>(bytes("c4020000")) == "expected binary of 3 bytes, found 2 bytes at byte 0");
}

TEST_CASE("msgpack reads a record in any order, skips what it does not know, and keeps what is missing") {
  CHECK(decode<quote>(bytes("82a673686172657303a673796d626f6ca141")).value() == quote{"A", 0, 3});
  CHECK(decode<quote>(bytes("80")).value() == quote{});
  CHECK(decode<quote>(bytes("c0")).value() == quote{});
  CHECK(decode<quote>(bytes("83 a16b 93 01 81 a161 c0 c40100 a673796d626f6ca141 63 d6fe00000000")).value() == quote{"A", 0, 7});
  CHECK(decode<quote>(bytes("82 a673796d626f6ca141 a673796d626f6ca142")).value().symbol == "B");
  quote kept{"old", 1, 2};
  CHECK(tenon::decode_into<tenon::codec::msgpack>(bytes("81a673796d626f6ca141"), kept).ok());
  CHECK(kept == quote{"A", 1, 2});
}

TEST_CASE("msgpack reads a record from an array by position") {
  CHECK(decode<quote>(bytes("93 a141 02 03")).value() == quote{"A", 2, 3});
  CHECK(decode<quote>(bytes("91 a141")).value() == quote{"A", 0, 7});
  CHECK(decode<quote>(bytes("95 a141 02 03 9101 c0")).value() == quote{"A", 2, 3});
  CHECK(error_of<quote>(bytes("92 a141 a142")) == "field \"price\": expected number, found string at byte 3");
}

TEST_CASE("msgpack reads a record's field numbers as keys") {
  const auto read = decode<numbered>(bytes("83 05 2a 02 a162 63 c0"));
  REQUIRE(read);
  CHECK(read->first == 42);
  CHECK(read->second == "b");
}

TEST_CASE("msgpack asks for required fields by name") {
  CHECK(error_of<numbered>(bytes("80")) == "field \"Second\": expected a value (it is required), found none at byte 1");
  CHECK(error_of<numbered>(bytes("9101")).find("field \"Second\": expected a value (it is required)") == 0);
  CHECK(decode<numbered>(bytes("81a65365636f6e64a0")).has_value());
}

TEST_CASE("nil is empty for containers and optionals, and an error for scalars") {
  CHECK(decode<std::vector<int>>("\xc0").value().empty());
  CHECK(decode<std::set<int>>("\xc0").value().empty());
  CHECK(decode<std::map<int, int>>("\xc0").value().empty());
  CHECK(decode<tenon::bytes>("\xc0").value().empty());
  CHECK(!decode<std::optional<int>>("\xc0").value());
  CHECK(!decode<std::unique_ptr<int>>("\xc0").value());
  CHECK(error_of<int>("\xc0") == "expected integer, found null at byte 0");
  CHECK(error_of<double>("\xc0") == "expected number, found null at byte 0");
  CHECK(error_of<bool>("\xc0") == "expected boolean, found null at byte 0");
  CHECK(error_of<std::string>("\xc0") == "expected string, found null at byte 0");
  CHECK(error_of<std::array<int, 1>>("\xc0") == "expected array, found null at byte 0");
}

TEST_CASE("decode_into reuses memory and leaves nothing stale in reused elements") {
  std::vector<std::string> texts{std::string(100, 'x'), "b", "c"};
  const char* const memory = texts[0].data();
  REQUIRE(tenon::decode_into<tenon::codec::msgpack>(encode(std::vector<std::string>{"short", "two"}), texts).ok());
  CHECK(texts == std::vector<std::string>{"short", "two"});
  CHECK(texts[0].data() == memory);

  std::vector<quote> quotes{{"old", 9, 9}, {"older", 8, 8}};
  REQUIRE(tenon::decode_into<tenon::codec::msgpack>(bytes("93 81a673796d626f6ca141 c0 81a57072696365 02"), quotes).ok());
  CHECK(quotes == std::vector<quote>{{"A", 0, 7}, {}, {"", 2, 7}});

  std::map<std::string, int> map{{"old", 1}};
  REQUIRE(tenon::decode_into<tenon::codec::msgpack>(bytes("81a16101"), map).ok());
  CHECK(map == std::map<std::string, int>{{"a", 1}});

  auto owned = std::make_unique<quote>(quote{"old", 9, 9});
  const quote* const place = owned.get();
  REQUIRE(tenon::decode_into<tenon::codec::msgpack>(bytes("81a673796d626f6ca141"), owned).ok());
  CHECK(owned.get() == place);
  CHECK(*owned == quote{"A", 9, 9});
}

TEST_CASE("a variant is bare where the first byte tells the alternative, and named otherwise") {
  using bare = std::variant<std::monostate, bool, int, std::string, tenon::bytes, std::vector<int>, quote>;
  CHECK(hex(encode(bare{})) == "c0");
  CHECK(hex(encode(bare{true})) == "c3");
  CHECK(hex(encode(bare{3})) == "03");
  CHECK(hex(encode(bare{"a"})) == "a161");
  CHECK(hex(encode(bare{tenon::bytes(1)})) == "c40100");
  CHECK(hex(encode(bare{std::vector<int>{1}})) == "9101");
  for (const bare& each : {bare{}, bare{true}, bare{3}, bare{"a"}, bare{tenon::bytes(1)}, bare{std::vector<int>{1}}, bare{quote{"A", 1, 2}}}) {
    CHECK(decode<bare>(encode(each)).value() == each);
  }
  CHECK(error_of<std::variant<bool, std::string>>("\x03") == "expected one of the alternatives of a variant, found integer at byte 0");
  CHECK(decode<std::variant<bool, std::string>>(bytes("c40161")).value() == std::variant<bool, std::string>{"a"});

  using named = std::variant<circle, square>;
  CHECK(hex(encode(named{square{2}})) == "81a673717561726581a473696465cb4000000000000000");
  CHECK(decode<named>(encode(named{square{2}})).value() == named{square{2}});
  CHECK(error_of<named>(bytes("81a374726980")) == "expected one of circle, square, found \"tri\" at byte 1");
  CHECK(error_of<named>(bytes("80")) == "expected object of one entry, found object of 0 entries at byte 0");
  CHECK(error_of<named>(bytes("81a673717561726581a473696465c0")) == "field \"square.side\": expected number, found null at byte 14");
  using numbers = std::variant<int, double>;
  CHECK(decode<numbers>(encode(numbers{2.0})).value() == numbers{2.0});
}

TEST_CASE("enums are read by number and by name") {
  CHECK(decode<color>("\x02").value() == color::blue);
  CHECK(decode<color>(encode(std::string{"green"})).value() == color::green);
  CHECK(decode<level>(encode(std::string{"low"})).value() == level::low);
  CHECK(error_of<color>(encode(std::string{"pink"})) == "expected one of red, green, blue, found \"pink\" at byte 0");
  CHECK(error_of<color>(bytes("cd0100")) == "expected integer from 0 to 255, found 256 at byte 0");
  CHECK(decode<std::map<color, int>>(bytes("82 a4626c7565 01 a130 02")).value() == std::map<color, int>{{color::red, 2}, {color::blue, 1}});
  CHECK(decode<std::map<int, int>>(bytes("82 a22d35 01 07 02")).value() == std::map<int, int>{{-5, 1}, {7, 2}});
  CHECK(error_of<std::map<std::int8_t, int>>(bytes("81a333303001")) == "expected integer from -128 to 127, found \"300\" at byte 1");
}

TEST_CASE("an error names path, expectation, finding and byte") {
  const std::string wrong = bytes("81 a56c696e6573 92 c0 81 a57072696365 a161");
  CHECK(error_of<order>(wrong) == "field \"lines[1].price\": expected number, found string at byte 16");
  CHECK(error_of<order>(bytes("81 a762795f6e616d65 81 a16b 81 a6736861726573 c3")) == "field \"by_name.k.shares\": expected integer, found boolean at byte 20");
  CHECK(error_of<order>(bytes("81 a462657374 05")) == "field \"best\": expected object, found integer at byte 6");
  CHECK(error_of<std::vector<std::vector<int>>>(bytes("91 92 01 a0")) == "field \"[0][1]\": expected integer, found string at byte 3");
  CHECK(error_of<std::array<int, 3>>(bytes("920102")) == "expected array of 3 elements, found array of 2 elements at byte 0");
  CHECK(error_of<std::pair<int, int>>(bytes("93010203")) == "expected array of 2 elements, found array of 3 elements at byte 0");
  CHECK(error_of<std::tuple<int, std::string>>(bytes("920102")) == "field \"[1]\": expected string, found integer at byte 2");
  CHECK(error_of<int>("") == "expected integer, found end of input at byte 0");
  CHECK(error_of<int>("\xc1") == "expected integer, found the unused byte 0xc1 at byte 0");
  CHECK(error_of<int>(bytes("0102")) == "expected end of input, found 1 more bytes at byte 1");
}

TEST_CASE("every shape refuses every kind that it cannot be") {
  const std::array<std::string, 9> samples{"\xc0", "\xc3", "\x05", encode(1.5), encode(std::string{"a"}), bytes("c40161"), bytes("9105"), bytes("81a161c0"), bytes("d6fe00000000")};
  // One digit per sample: whether it is read.
  const auto accepts = [&]<class T>(std::in_place_type_t<T>) {
    std::string text;
    for (const std::string& sample : samples) text += decode<T>(sample) ? '1' : '0';
    return text;
  };
  CHECK(accepts(std::in_place_type<bool>) == "010000000");
  CHECK(accepts(std::in_place_type<int>) == "001000000");
  CHECK(accepts(std::in_place_type<double>) == "001100000");
  CHECK(accepts(std::in_place_type<std::string>) == "000011000");
  CHECK(accepts(std::in_place_type<tenon::bytes>) == "100011000");
  CHECK(accepts(std::in_place_type<std::array<std::byte, 1>>) == "000011000");
  CHECK(accepts(std::in_place_type<color>) == "001000000");
  CHECK(accepts(std::in_place_type<std::optional<int>>) == "101000000");
  CHECK(accepts(std::in_place_type<std::vector<int>>) == "100000100");
  CHECK(accepts(std::in_place_type<std::array<int, 1>>) == "000000100");
  CHECK(accepts(std::in_place_type<std::map<std::string, std::optional<int>>>) == "100000010");
  CHECK(accepts(std::in_place_type<std::tuple<int>>) == "000000100");
  CHECK(accepts(std::in_place_type<std::chrono::seconds>) == "001000000");
  CHECK(accepts(std::in_place_type<std::chrono::system_clock::time_point>) == "000000000");
  CHECK(accepts(std::in_place_type<nothing>) == "100000110");
  CHECK(accepts(std::in_place_type<std::monostate>) == "100000000");
  CHECK(accepts(std::in_place_type<nlohmann::json>) == "111111111");
}

TEST_CASE("counts that the input cannot hold are refused before memory is taken") {
  CHECK(error_of<std::vector<int>>(bytes("ddffffffff")) == "expected container of 4294967295 elements, found 0 bytes before the end of input at byte 0");
  CHECK(error_of<std::vector<std::string>>(bytes("dcffff0102")).find("expected container of 65535 elements") == 0);
  CHECK(error_of<std::map<int, int>>(bytes("df7fffffff")).find("expected container of 2147483647 elements") == 0);
  CHECK(error_of<std::map<int, int>>(bytes("82000000")).find("expected container of 2 elements") == 0);
  CHECK(error_of<std::string>(bytes("dbffffffff61")) == "expected string of 4294967295 bytes, found 1 before the end of input at byte 0");
  CHECK(error_of<tenon::bytes>(bytes("c6ffffffff61")).find("expected binary of 4294967295 bytes") == 0);
  CHECK(error_of<quote>(bytes("81a178ddffffffff")).find("expected container of 4294967295 elements") == 0);
  CHECK(error_of<nlohmann::json>(bytes("ddffffffff")).find("expected container of 4294967295 elements") == 0);
  const tenon::result<int> large = decode<int>(std::string(100, '\x01'), limits{.max_message_bytes = 99});
  CHECK(large.error().code() == code::resource_exhausted);
}

TEST_CASE("elements that are short in the message and long in memory are refused before memory is taken") {
  struct large {
    std::array<int, 1000> numbers{};
  };
  // Every nil is a record with its defaults.
  const std::string many = std::string{"\xdc\x10\x00", 3} + std::string(4096, '\xc0');
  const auto refused = decode<std::vector<large>>(many);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == code::resource_exhausted);
  CHECK(refused.error().message() == "expected elements of at most 1310912 more bytes in memory, found 16384000 at byte 0");
  CHECK(decode<std::vector<large>>(many, limits{.max_expansion = 4000}).has_value());
  const auto inner = decode<std::map<std::string, std::vector<large>>>("\x81\xa1k" + many);
  CHECK(inner.error().message().find("field \"k\": expected elements of at most") == 0);
  CHECK_FALSE(decode<std::deque<large>>(many).has_value());
  std::string pointers{"\xdc\x10\x00", 3};
  for (int i = 0; i < 4096; ++i) pointers += '\x80';
  CHECK(decode<std::vector<std::unique_ptr<large>>>(pointers).error().code() == code::resource_exhausted);
  // What is counted is given up with the message, not with the element: many small lists are one large one.
  std::string nested = "\x98";
  for (int i = 0; i < 8; ++i) nested.append("\xdc\x00\x60", 3).append(96, '\xc0');
  CHECK(decode<std::vector<std::vector<large>>>(nested).error().code() == code::resource_exhausted);
  CHECK(decode<std::vector<std::string>>("\xdc\xff\xff" + std::string(65535, '\xa0')).has_value());
}

TEST_CASE("nesting has a limit, in what is read and in what is skipped") {
  const std::string bomb(1'000'000, '\x91');
  CHECK(error_of<nlohmann::json>(bomb).find("expected at most 100 levels of nesting, found one more at byte 100") != std::string::npos);
  CHECK(error_of<quote>("\x81\xa1x" + bomb).find("expected at most 100 levels of nesting") == 0);
  std::string chain;
  for (int i = 0; i < 1000; ++i) chain += "\x81\xa4next";
  CHECK(error_of<node>(chain).find("expected at most 100 levels of nesting, found one more at byte 600") != std::string::npos);
  std::string children;
  for (int i = 0; i < 40; ++i) children += "\x81\xa8" "children\x91";
  children += "\xc0";
  CHECK(decode<node>(children).has_value());
  CHECK(error_of<node>(children, limits{.max_nesting = 10}).find("expected at most 10 levels of nesting") != std::string::npos);
  CHECK(error_of<std::vector<int>>("\x90", limits{.max_nesting = 0}) == "expected at most 0 levels of nesting, found one more at byte 0");
}

TEST_CASE("every prefix of a message, and every message with one byte more, is an error") {
  const std::string whole = encode(everything{});
  const auto read = decode<everything>(whole);
  REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().message()));
  CHECK(encode(*read) == whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    // A copy of exact size: a read past the end is then seen by the sanitizer.
    const std::unique_ptr<char[]> copy{new char[size]};
    whole.copy(copy.get(), size);
    CHECK_FALSE(decode<everything>(std::string_view{copy.get(), size}).has_value());
  }
  CHECK_FALSE(decode<everything>(whole + '\0').has_value());
}

TEST_CASE("random and damaged bytes are read or refused, and nothing else happens") {
  std::uint64_t state = 1;
  const auto next = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  const std::string whole = encode(everything{});
  std::size_t read_count = 0;
  everything reused;
  for (int seed = 0; seed < 100'000; ++seed) {
    std::string input;
    if (seed % 2 == 0) {
      input.resize(next() % 40);
      for (char& each : input) each = static_cast<char>(next());
    } else {
      input = whole;
      for (std::uint64_t changes = next() % 4 + 1; changes != 0; --changes) input[next() % input.size()] = static_cast<char>(next());
    }
    read_count += tenon::decode_into<tenon::codec::msgpack>(input, reused).ok() ? 1U : 0U;
    nlohmann::json free;
    if (tenon::decode_into<tenon::codec::msgpack>(input, free).ok()) CHECK(decode<nlohmann::json>(encode(free)).has_value());
  }
  CHECK(read_count > 0);
}

TEST_CASE("msgpack-c reads what we write") {
  std::string wire = encode(everything{});
  const auto handle = ::msgpack::unpack(wire.data(), wire.size());
  REQUIRE(handle->type == ::msgpack::type::MAP);
  const auto map = handle->as<std::map<std::string, ::msgpack::object>>();
  CHECK(map.size() == 18);
  CHECK(map.at("flag").as<bool>());
  CHECK(map.at("tiny").as<int>() == -100);
  CHECK(map.at("huge").as<std::uint64_t>() == 1'000'000'000'000);
  CHECK(map.at("single").as<float>() == 1.5F);
  CHECK(map.at("real").as<double>() == -2.25);
  CHECK(map.at("text").as<std::string>() == "text");
  CHECK(map.at("data").as<std::vector<char>>() == std::vector<char>{1, static_cast<char>(255)});
  CHECK(map.at("maybe").as<int>() == 5);
  CHECK(map.at("list").as<std::vector<std::string>>() == std::vector<std::string>{"a", "b"});
  CHECK(map.at("three").as<std::vector<int>>() == std::vector<int>{1, 2, 3});
  CHECK(map.at("names").as<std::map<int, std::string>>() == std::map<int, std::string>{{-1, "minus"}, {70000, "many"}});
  CHECK(map.at("when").as<std::timespec>().tv_sec == 1'700'000'000);
  CHECK(map.at("when").as<std::timespec>().tv_nsec == 123'456'789);
  CHECK(map.at("nested").as<std::map<std::string, ::msgpack::object>>().at("shares").as<int>() == 2);
}

TEST_CASE("we read what msgpack-c writes") {
  const auto packed = [](const auto& value) {
    ::msgpack::sbuffer out;
    ::msgpack::pack(out, value);
    return std::string{out.data(), out.size()};
  };
  for (const std::int64_t each : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{127}, std::int64_t{128}, std::int64_t{-33}, std::int64_t{65536}, std::int64_t{-70000},
                                  (std::numeric_limits<std::int64_t>::min)(), (std::numeric_limits<std::int64_t>::max)()}) {
    CHECK(packed(each) == encode(each));
    CHECK(decode<std::int64_t>(packed(each)).value() == each);
  }
  for (const std::size_t size : {0U, 1U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
    CHECK(packed(std::string(size, 'x')) == encode(std::string(size, 'x')));
    CHECK(packed(std::vector<int>(size, 5)) == encode(std::vector<int>(size, 5)));
    CHECK(decode<std::vector<int>>(packed(std::vector<int>(size, 5))).value() == std::vector<int>(size, 5));
    CHECK(packed(std::vector<char>(size, 'x')) == encode(tenon::bytes(size, std::byte{'x'})));
    std::map<int, int> map;
    for (int i = 0; i < static_cast<int>(size); ++i) map[i] = i;
    CHECK(packed(map) == encode(map));
    CHECK(decode<std::map<int, int>>(packed(map)).value() == map);
  }
  CHECK(packed(1.5F) == encode(1.5F));
  CHECK(packed(1.5) == encode(1.5));
  for (const std::int64_t seconds : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1'700'000'000}, std::int64_t{5'000'000'000}, std::int64_t{-1}}) {
    for (const int nanoseconds : {0, 1, 999'999'999}) {
      const std::chrono::system_clock::time_point when{std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanoseconds}};
      const std::timespec reference{.tv_sec = seconds, .tv_nsec = nanoseconds};
      CHECK(packed(reference) == encode(when));
      CHECK(decode<std::chrono::system_clock::time_point>(packed(reference)).value() == when);
    }
  }
  CHECK(packed(std::tuple{1, std::string{"a"}, true}) == encode(std::tuple{1, std::string{"a"}, true}));
}

TEST_CASE("a nlohmann::json field holds whatever comes") {
  struct {
    nlohmann::json free;
  } message;
  message.free = {{"null", nullptr}, {"list", {1, -2, 1.5, "text", true}}, {"nested", {{"deep", nlohmann::json::array({nlohmann::json::object()})}}}};
  message.free["binary"] = nlohmann::json::binary({1, 2, 3});
  message.free["extension"] = nlohmann::json::binary({1, 2, 3, 4}, 42);
  const std::string wire = encode(message.free);
  CHECK(nlohmann::json::from_msgpack(wire) == message.free);
  CHECK(decode<nlohmann::json>(wire).value() == message.free);
  const auto reference = nlohmann::json::to_msgpack(message.free);
  CHECK(decode<nlohmann::json>({reinterpret_cast<const char*>(reference.data()), reference.size()}).value() == message.free);
  CHECK(decode<nlohmann::json>(bytes("8201ff2001")).value() == nlohmann::json{{"1", -1}, {"32", 1}});
  CHECK(decode<nlohmann::ordered_json>(bytes("82a16201a16102")).value().dump() == R"({"b":1,"a":2})");
  CHECK(error_of<nlohmann::json>(bytes("81a16192c1")).find("field \"a") == 0);
}

TEST_CASE("a msgpack::object_handle field holds whatever comes") {
  const std::string wire = encode(everything{});
  const auto read = decode<::msgpack::object_handle>(wire);
  REQUIRE(read);
  CHECK(encode(*read) == wire);
  CHECK(encode(read->get()) == wire);
  CHECK(encode(decode<::msgpack::object_handle>(bytes("d60500000001")).value()) == bytes("d60500000001"));
  CHECK_FALSE(decode<::msgpack::object_handle>(bytes("c1")).has_value());
  CHECK_FALSE(decode<::msgpack::object_handle>(std::string(200, '\x91')).has_value());
}

TEST_CASE("a record with more fields than one word has bits is tracked in full") {
  struct wide {
    int a0 = 1, a1 = 1, a2 = 1, a3 = 1, a4 = 1, a5 = 1, a6 = 1, a7 = 1, a8 = 1, a9 = 1, b0 = 1, b1 = 1, b2 = 1, b3 = 1, b4 = 1, b5 = 1, b6 = 1, b7 = 1, b8 = 1, b9 = 1;
    int c0 = 1, c1 = 1, c2 = 1, c3 = 1, c4 = 1, c5 = 1, c6 = 1, c7 = 1, c8 = 1, c9 = 1, d0 = 1, d1 = 1, d2 = 1, d3 = 1, d4 = 1, d5 = 1, d6 = 1, d7 = 1, d8 = 1, d9 = 1;
    int e0 = 1, e1 = 1, e2 = 1, e3 = 1, e4 = 1, e5 = 1, e6 = 1, e7 = 1, e8 = 1, e9 = 1, f0 = 1, f1 = 1, f2 = 1, f3 = 1, f4 = 1, f5 = 1, f6 = 1, f7 = 1, f8 = 1, f9 = 1;
    int g0 = 1, g1 = 1, g2 = 1, g3 = 1, g4 = 1, g5 = 1, g6 = 1, g7 = 1, g8 = 1, g9 = 1;
    bool operator==(const wide&) const = default;
  };
  std::vector<wide> reused(1);
  reused[0].a0 = reused[0].g9 = reused[0].g8 = reused[0].f0 = 5;
  REQUIRE(tenon::decode_into<tenon::codec::msgpack>(bytes("91 82 a26739 02 a26630 03"), reused).ok());
  wide expected;
  expected.g9 = 2;
  expected.f0 = 3;
  CHECK(reused[0] == expected);
}
