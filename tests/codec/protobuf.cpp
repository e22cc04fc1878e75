#include <tenon/codec/protobuf.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ratio>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
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
using codec = tenon::codec::protobuf;

template <class T>
std::string encode(const T& value) {
  return tenon::encode<codec>(value);
}
template <class T>
tenon::result<T> decode(std::string_view in, const limits& bounds = {}) {
  return tenon::decode<T, codec>(in, bounds);
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
template <class T>
std::string hex_of(const T& value) {
  return hex(encode(value));
}

enum class color : std::uint8_t { red, green, blue };
enum class level : int { low = -5, high = 1000 };

struct quote {
  std::string symbol;
  double price = 0;
  int shares = 0;
  bool operator==(const quote&) const = default;
};
struct lasting {
  int shares = 7;
  std::string symbol = "none";
  bool operator==(const lasting&) const = default;
};
struct lasting_map {
  int shares = 7;
  std::string symbol;
  std::map<std::string, int> rest{{"a", 1}};
  bool operator==(const lasting_map&) const = default;
};
struct point {
  int x = 0;
  int y = 0;
  bool operator==(const point&) const = default;
};
struct line {
  point from;
  point to{1, 2};
  std::optional<std::string> label;
  bool operator==(const line&) const = default;
};
struct node {
  int value = 0;
  std::unique_ptr<node> next;
  std::vector<node> children;
};
struct styled {
  int plain = 0;
  int zigzag = 0;
  std::int64_t zigzag_64 = 0;
  std::uint32_t fixed_32 = 0;
  std::int64_t fixed_64 = 0;
  std::vector<int> zigzags;
  std::vector<std::uint64_t> fixeds;
  std::optional<int> maybe;
  std::map<int, int> values;
  bool operator==(const styled&) const = default;
  TENON_STRUCT(styled, plain, (zigzag, tenon::sint), (zigzag_64, tenon::sint), (fixed_32, tenon::fixed), (fixed_64, tenon::fixed), (zigzags, tenon::sint),
               (fixeds, tenon::fixed), (maybe, tenon::sint), (values, tenon::sint))
};
struct numbered {
  int first = 0;
  std::string second;
  bool third = false;
  bool operator==(const numbered&) const = default;
  TENON_STRUCT((numbered, tenon::reserved(2, 7)), (first, tenon::number(16)), (second, tenon::number(2048)), (third, tenon::number(536870911)))
};
struct demanding {
  int count = 0;
  std::string name;
  TENON_STRUCT(demanding, (count, tenon::required), name)
};
struct circle {
  double radius = 0;
  bool operator==(const circle&) const = default;
};
struct figure {
  int id = 0;
  std::variant<std::monostate, circle, std::string, int, std::vector<int>> body;
  int after = 0;
  bool operator==(const figure&) const = default;
};
struct chosen {
  std::variant<int, std::string> body;
  int id = 0;
  bool operator==(const chosen&) const = default;
  TENON_STRUCT(chosen, (body, tenon::numbers(9, 4)), (id, tenon::number(1)))
};
struct keeper {
  int a = 0;
  std::string rest;
  int b = 0;
  bool operator==(const keeper&) const = default;
  TENON_STRUCT(keeper, a, (rest, tenon::unknown_fields), b)
};
struct nothing {
  bool operator==(const nothing&) const = default;
};
struct narrow {
  std::int8_t tiny = 0;
  std::uint8_t byte = 0;
  std::int16_t small = 0;
  std::uint16_t word = 0;
  char letter = 0;
  color tint = color::red;
  bool operator==(const narrow&) const = default;
};

struct times {
  std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds> at;
  std::chrono::nanoseconds took{};
  std::vector<std::chrono::milliseconds> laps;
  bool operator==(const times&) const = default;
};
struct defaulted {
  int number = 7;
  bool operator==(const defaulted&) const = default;
};
// Defaults that are not empty, before and after a variant, which takes what follows it out of the order in which fields are expected.
struct full_from_the_start {
  std::vector<int> numbers{1, 2};
  std::variant<std::monostate, int, defaulted> either;
  std::vector<std::string> texts{"a"};
  std::map<int, int> map{{1, 1}};
  std::optional<defaulted> maybe{defaulted{8}};
  std::vector<defaulted> list{{1}};
  defaulted zero{0};
  defaulted other{9};
  bool operator==(const full_from_the_start&) const = default;
};

struct json_holder {
  nlohmann::json value;
  bool operator==(const json_holder&) const = default;
};
struct mixed {
  std::vector<quote> quotes;
  std::map<std::string, std::vector<int>> map;
  std::optional<point> at;
  std::variant<int, std::string> either;
  double number = 0;
  bool operator==(const mixed&) const = default;
};

template <class T>
void check(const T& value) {
  const std::string wire = encode(value);
  CAPTURE(hex(wire));
  const tenon::result<T> read = decode<T>(wire);
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string{} : read.error().message()));
  CHECK(*read == value);
}

}  // namespace

TEST_CASE("scalars are written as the format says, and zeros not at all") {
  CHECK(hex_of(quote{}) == "");
  CHECK(hex_of(quote{"AB", 1.5, 300}) == "0a02" "4142" "11" "000000000000f83f" "18ac02");
  CHECK(hex_of(point{-1, 0}) == "08ffffffffffffffffff01");
  CHECK(hex_of(narrow{-1, 255, -300, 65535, 'a', color::blue}) == "08ffffffffffffffffff01" "10ff01" "18d4fdffffffffffffff01" "20ffff03" "2861" "3002");
  CHECK(hex_of(std::tuple{true, 1.0F, std::uint64_t{0xffff'ffff'ffff'ffffU}}) == "0801" "150000803f" "18ffffffffffffffffff01");
  CHECK(hex_of(std::tuple{-0.0}) == "090000000000000080");
  CHECK(hex_of(std::tuple{level::low}) == "08fbffffffffffffffff01");
}

TEST_CASE("every length of varint comes back") {
  for (int shift = 0; shift < 64; ++shift) {
    const std::uint64_t power = std::uint64_t{1} << shift;
    for (const std::uint64_t each : {power - 1, power, power + 1}) {
      check(std::tuple{each});
      check(std::tuple{static_cast<std::int64_t>(each), std::string{"after"}});
      check(std::tuple{static_cast<std::int32_t>(each), static_cast<std::uint32_t>(each)});
      check(std::vector<std::uint64_t>{each, 1, each});
    }
  }
}

TEST_CASE("styles: sint puts the sign into the lowest bit, fixed writes the full width") {
  CHECK(hex_of(styled{-1, -1, -2, 1, -1, {-1, 1}, {1}, -3, {{1, -1}}}) ==
        "08ffffffffffffffffff01" "1001" "1803" "2501000000" "29ffffffffffffffff" "32020102" "3a080100000000000000" "4005" "4a0408011001");
  check(styled{-1, (std::numeric_limits<int>::min)(), (std::numeric_limits<std::int64_t>::min)(), 4'000'000'000, (std::numeric_limits<std::int64_t>::max)(),
               {-1, 0, 1, (std::numeric_limits<int>::max)()}, {1, 2, 3}, -3, {{-1, -1}, {5, 5}}});
  CHECK(decode<styled>(bytes("10ffffffff0f"))->zigzag == (std::numeric_limits<int>::min)());
}

TEST_CASE("numbers are given, or follow the declaration; large ones take more bytes") {
  CHECK(hex_of(numbered{1, "x", true}) == "800101" "8280010178" "f8ffffff0f01");
  check(numbered{1, "x", true});
}

TEST_CASE("text must be UTF-8 when it is read, and the error names the place") {
  CHECK(decode<quote>(bytes("0a03e282ac"))->symbol == "\xe2\x82\xac");
  CHECK(error_of<quote>(bytes("0a02c041")) == "field \"symbol\": expected UTF-8, found byte 0xc0 at byte 2");
  CHECK(error_of<quote>(bytes("0a03 41 eda0")) == "field \"symbol\": expected UTF-8, found byte 0xed at byte 3");
  CHECK(encode(quote{"\xff", 0, 0}) == bytes("0a01ff"));
  CHECK(error_of<std::vector<quote>>(bytes("0a00 0a030a01ff")) == "field \"[1].symbol\": expected UTF-8, found byte 0xff at byte 6");
}

TEST_CASE("packed and unpacked numbers are both read, and mixed") {
  CHECK(hex_of(std::vector<int>{1, 300, -1}) == "0a0d" "01" "ac02" "ffffffffffffffffff01");
  CHECK(decode<std::vector<int>>(bytes("0801 08ac02")).value() == std::vector{1, 300});
  CHECK(decode<std::vector<int>>(bytes("0801 0a0202ac0208 03")).has_value() == false);
  CHECK(decode<std::vector<int>>(bytes("0801 0a0302ac02 0803")).value() == std::vector{1, 2, 300, 3});
  CHECK(decode<std::vector<double>>(bytes("09000000000000f03f 0a08000000000000f03f")).value() == std::vector{1.0, 1.0});
  CHECK(decode<std::vector<bool>>(bytes("0a03010001 0801")).value() == std::vector{true, false, true, true});
  CHECK(decode<std::set<int>>(bytes("0a03030102 0801")).value() == std::set{1, 2, 3});
  CHECK(decode<std::vector<int>>(bytes("0a00"))->empty());
  CHECK(error_of<std::vector<double>>(bytes("0a0700000000000000")) == "expected packed numbers of 8 bytes each, found 7 bytes at byte 2");
  CHECK(error_of<std::vector<int>>(bytes("0a0301ff80")) == "field \"[1]\": expected varint, found end of input at byte 3");
}

TEST_CASE("what comes twice: the last scalar counts, messages merge, repeated fields are appended") {
  CHECK(decode<point>(bytes("0801 0802"))->x == 2);
  struct pair {
    point at;
    std::vector<int> list;
    std::optional<point> maybe;
    std::vector<point> points;
    std::map<int, point> map;
  };
  const auto read = decode<pair>(bytes("0a020801 120105 1a020801 22020801 2a0608011202 0805"
                                       "0a021002 120106 1a021002 22021002 2a0608021202 0806"));
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string{} : read.error().message()));
  CHECK(read->at == point{1, 2});
  CHECK(read->list == std::vector{5, 6});
  CHECK(read->maybe == point{1, 2});
  CHECK(read->points == std::vector{point{1, 0}, point{0, 2}});
  CHECK(read->map == std::map<int, point>{{1, {5, 0}}, {2, {6, 0}}});
}

TEST_CASE("fields come in any order, unknown ones are skipped, groups too") {
  CHECK(decode<quote>(bytes("1805 0a0141"))->shares == 5);
  CHECK(decode<quote>(bytes("1805 0a0141"))->symbol == "A");
  CHECK(decode<quote>(bytes("20ac02 290000000000000000 3200 3d00000000 4348014c 1805")).error().message().find("end of a group") != std::string::npos);
  CHECK(decode<quote>(bytes("20ac02 290000000000000000 3200 3d00000000 434801 4b4c 44 1805"))->shares == 5);
  // A known number in another wire type is no known field.
  CHECK(decode<quote>(bytes("0d00000000 1805"))->shares == 5);
}

TEST_CASE("unknown fields are kept where a field asks for it, and written again") {
  const std::string wire = bytes("0801 1002 1a0141 2501000000");
  const auto read = decode<keeper>(wire);
  REQUIRE(read.has_value());
  CHECK(*read == keeper{1, bytes("1a0141 2501000000"), 2});
  CHECK(decode<keeper>(encode(*read)).value() == *read);
  keeper used{0, "old", 0};
  REQUIRE(tenon::decode_into<codec>(bytes("0801"), used).ok());
  CHECK(used == keeper{1, "", 0});
}

TEST_CASE("what a message does not mention gets its default, also in an object that held something") {
  CHECK(decode<lasting>("").value() == lasting{7, "none"});
  CHECK(hex_of(lasting{0, ""}) == "08001200");
  CHECK(hex_of(lasting{}) == "080712046e6f6e65");
  check(lasting{0, ""});
  check(lasting{});
  lasting used{1, "used"};
  REQUIRE(tenon::decode_into<codec>("", used).ok());
  CHECK(used == lasting{});
  REQUIRE(tenon::decode_into<codec>(bytes("12014108 05"), used).ok());
  CHECK(used == lasting{5, "A"});

  // The same where the compiler cannot follow the construction.
  check(lasting_map{0, "", {{"x", 5}}});
  CHECK(hex_of(lasting_map{0, "", {}}) == "0800");
  lasting_map held{1, "x", {{"y", 2}}};
  REQUIRE(tenon::decode_into<codec>("", held).ok());
  CHECK(held == lasting_map{});

  line kept{{5, 5}, {6, 6}, "kept"};
  REQUIRE(tenon::decode_into<codec>("", kept).ok());
  CHECK(kept == line{});
  REQUIRE(tenon::decode_into<codec>(encode(line{{1, 0}, {0, 3}, ""}), kept).ok());
  CHECK(kept == line{{1, 0}, {0, 3}, ""});
}

TEST_CASE("what comes replaces a default that is not empty, in whatever order it comes") {
  const full_from_the_start value{{5}, 6, {"b", "c"}, {{2, 2}}, defaulted{3}, {{4}, {0}}, {7}, {7}};
  const std::string wire = encode(value);
  CHECK(decode<full_from_the_start>(wire).value() == value);
  full_from_the_start used = value;
  CHECK(tenon::decode_into<codec>(encode(full_from_the_start{}), used).ok());
  CHECK(used == full_from_the_start{});
  // The last field first, so that all others come late.
  const auto late = decode<full_from_the_start>(bytes("4a020807") + wire.substr(0, wire.size() - 4)).value();
  CHECK(late == value);
  // A struct within that a peer left empty has its own defaults, be it in order or not.
  CHECK(decode<full_from_the_start>(bytes("4200")).value().zero == defaulted{});
  CHECK(decode<full_from_the_start>(bytes("4a00" "4200")).value().zero == defaulted{});
  // Twice is appended and merged, as ever.
  CHECK(decode<full_from_the_start>(bytes("4a00" "0a0103" "0a0104")).value().numbers == std::vector<int>{3, 4});
}

TEST_CASE("decode_into leaves nothing of the elements that were there before") {
  std::vector<line> lines(3, line{{5, 5}, {6, 6}, "old"});
  const std::vector<line> fresh{line{}, line{{1, 0}, {1, 2}, std::nullopt}};
  REQUIRE(tenon::decode_into<codec>(encode(fresh), lines).ok());
  CHECK(lines == fresh);
  std::vector<int> numbers{1, 2, 3};
  REQUIRE(tenon::decode_into<codec>(encode(std::vector{4}), numbers).ok());
  CHECK(numbers == std::vector{4});
  REQUIRE(tenon::decode_into<codec>("", numbers).ok());
  CHECK(numbers.empty());
  std::map<std::string, int> map{{"old", 1}};
  REQUIRE(tenon::decode_into<codec>(encode(std::map<std::string, int>{{"new", 2}}), map).ok());
  CHECK(map == std::map<std::string, int>{{"new", 2}});
}

TEST_CASE("an optional that holds something is written even when it is zero") {
  struct maybe {
    std::optional<int> number;
    std::optional<std::string> text;
    std::optional<quote> message;
    std::unique_ptr<int> pointer;
    std::optional<std::vector<int>> list;
  };
  maybe full;
  full.number = 0;
  full.text = "";
  full.message = quote{};
  full.pointer = std::make_unique<int>(0);
  full.list.emplace();
  CHECK(hex_of(full) == "08001200" "1a00" "2000" "2a00");
  const auto read = decode<maybe>(encode(full));
  REQUIRE(read.has_value());
  CHECK(read->number == 0);
  CHECK(read->text == "");
  CHECK(read->message == quote{});
  CHECK(*read->pointer == 0);
  CHECK(read->list.has_value());
  CHECK(hex_of(maybe{}) == "");
  CHECK_FALSE(decode<maybe>("")->number.has_value());
}

TEST_CASE("a variant is a oneof: its alternatives have the numbers from its own on, or those it is given") {
  CHECK(hex_of(figure{1, {}, 2}) == "08013002");
  CHECK(hex_of(figure{0, circle{}, 0}) == "1200");
  CHECK(hex_of(figure{0, std::string{}, 0}) == "1a00");
  CHECK(hex_of(figure{0, 0, 0}) == "2000");
  CHECK(hex_of(figure{0, std::vector<int>{1}, 0}) == "2a03" "0a0101");
  for (const figure& each : {figure{1, {}, 2}, figure{1, circle{2}, 2}, figure{1, "text", 2}, figure{1, 5, 2}, figure{1, std::vector{1, 2}, 2}}) check(each);
  CHECK(decode<figure>(bytes("2005 1a0141"))->body == figure{0, "A", 0}.body);
  CHECK(hex_of(chosen{1, 0}) == "4801");
  CHECK(hex_of(chosen{"x", 3}) == "220178" "0803");
  check(chosen{"x", 3});
  figure used{1, "x", 2};
  REQUIRE(tenon::decode_into<codec>("", used).ok());
  CHECK(used == figure{});
  check(std::variant<int, std::string>{"x"});
  check(std::vector<std::variant<std::monostate, int, std::string>>{{}, 1, "x", 0});
}

TEST_CASE("containers, and containers in containers through a message around them") {
  check(std::vector<std::string>{"", "a", std::string(300, 'x')});
  check(std::vector<std::vector<int>>{{}, {1, 2}, {0}});
  CHECK(hex_of(std::vector<std::vector<int>>{{}, {1}}) == "0a00" "0a030a0101");
  check(std::map<std::string, std::vector<std::string>>{{"a", {"x"}}, {"b", {}}});
  check(std::unordered_map<std::int64_t, quote>{{-1, {"a", 1, 1}}, {5, {}}});
  check(std::map<bool, int>{} == std::map<bool, int>{} ? std::map<color, int>{{color::blue, 1}} : std::map<color, int>{});
  check(std::vector<std::optional<int>>{{}, 0, 5});
  check(std::deque<point>{{1, 2}, {0, 0}});
  check(std::list<std::string>{"a", "b"});
  check(std::set<std::string>{"a", "b"});
  check(std::vector<bool>{true, false, true});
  check(std::array<int, 3>{0, 0, 1});
  check(std::array<point, 2>{point{1, 2}, point{}});
  check(std::vector<std::array<double, 2>>{{1, 2}, {0, 0}});
  check(std::tuple{1, std::string{"x"}, std::pair{2.5, true}, std::vector<std::tuple<int, int>>{{1, 2}, {0, 0}}});
  check(std::map<int, std::map<int, std::optional<int>>>{{1, {{2, 3}, {4, {}}}}});
  check(tenon::bytes{std::byte{1}, std::byte{255}});
  check(std::array<std::byte, 4>{std::byte{1}});
  check(std::vector<color>{color::blue, color::red});
  check(std::vector<std::monostate>(3));
  CHECK(error_of<std::array<int, 3>>(bytes("0a020101")) == "expected array of 3 elements, found array of 2 elements at byte 0");
  CHECK(error_of<std::array<int, 1>>(bytes("08010801")) == "expected array of 1 elements, found array of 2 elements at byte 0");
  CHECK(error_of<std::array<std::byte, 4>>(bytes("0a0101")) == "expected binary of 4 bytes, found 1 bytes at byte 1");
  CHECK(decode<std::array<int, 2>>(bytes("0a020102 1200 0a020304")).value() == std::array{3, 4});
}

TEST_CASE("map entries may lack either half, and the last of a key counts") {
  using map = std::map<std::string, int>;
  CHECK(decode<map>(bytes("0a00")).value() == map{{"", 0}});
  CHECK(decode<map>(bytes("0a030a0141")).value() == map{{"A", 0}});
  CHECK(decode<map>(bytes("0a0510050a0141")).value() == map{{"A", 5}});
  CHECK(decode<map>(bytes("0a050a01411005 0a050a01411006")).value() == map{{"A", 6}});
  CHECK(hex_of(map{{"", 0}}) == "0a040a001000");
  using quotes = std::map<std::string, quote>;
  CHECK(error_of<quotes>(bytes("0a080a014112030a01ff")) == "field \"A.symbol\": expected UTF-8, found byte 0xff at byte 9");
}

TEST_CASE("recursion, and its limit") {
  node root;
  for (int depth = 0; depth < 60; ++depth) {
    node next;
    next.value = depth;
    next.next = std::make_unique<node>(std::move(root));
    next.children.emplace_back().value = 5;
    root = std::move(next);
  }
  const std::string wire = encode(root);
  const auto read = decode<node>(wire);
  REQUIRE(read.has_value());
  CHECK(encode(*read) == wire);
  CHECK(error_of<node>(wire, limits{.max_nesting = 50}).find("expected at most 50 levels of nesting, found more") != std::string::npos);
  std::string groups(200, '\x23');
  CHECK(error_of<node>(groups).find("levels of nesting") != std::string::npos);
}

TEST_CASE("times are Timestamp and Duration") {
  using std::chrono::milliseconds;
  using time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;
  CHECK(hex_of(times{}) == "");
  CHECK(hex_of(times{time{std::chrono::nanoseconds{1'500'000'000}}, milliseconds{-1500}, {milliseconds{0}}}) ==
        "0a0808011080cab5ee01" "1216" "08ffffffffffffffffff01" "1080b6ca91feffffffff01" "1a00");
  check(times{time{std::chrono::nanoseconds{-1}}, std::chrono::nanoseconds{-1}, {milliseconds{1}, milliseconds{-100'000}}});
  check(std::chrono::hours{-5});
  check(std::chrono::duration<double>{1.25});
  check(std::chrono::duration<int, std::ratio<1001, 30000>>{-12345});
  check(std::chrono::nanoseconds{(std::numeric_limits<std::int64_t>::min)()});
  check(std::chrono::nanoseconds{(std::numeric_limits<std::int64_t>::max)()});
  CHECK(error_of<std::chrono::nanoseconds>(bytes("0a0b08ffffffffffffffffff011001")).find("found end") == std::string::npos);
  CHECK(error_of<std::chrono::nanoseconds>(bytes("0a0d08ffffffffffffffffff011001")).find("with the sign of the seconds, found 1") != std::string::npos);
  CHECK(error_of<std::chrono::nanoseconds>(bytes("0a0a08ffffffffffffffff7f")).find("time that the duration can hold") != std::string::npos);
  CHECK(error_of<time>(bytes("0a021080cab5ee07")) != "no error");
}

TEST_CASE("json travels as Value") {
  using nlohmann::json;
  CHECK(hex_of(json_holder{}) == "");
  CHECK(hex_of(json_holder{true}) == "0a022001");
  CHECK(hex_of(json_holder{json::array({nullptr, "a"})}) == "0a0b" "3209" "0a020800" "0a031a0161");
  for (const json& each : {json{}, json{true}, json{false}, json{5}, json{-1.5}, json{"text"}, json::array(), json::object(), json{{"a", {1, 2, {{"b", nullptr}}}}, {"c", "d"}}}) {
    check(json_holder{each});
    check(each);
    check(std::vector<json>{each, each});
  }
  CHECK(decode<json_holder>(encode(json_holder{5}))->value.is_number_integer());
  CHECK(decode<json_holder>(encode(json_holder{1e300}))->value.is_number_float());
}

TEST_CASE("a MessagePack object travels as bytes") {
  struct holder {
    msgpack::object_handle value;
  };
  const auto read = decode<holder>(bytes("0a020105"));
  CHECK_FALSE(read.has_value());
  const auto good = decode<holder>(bytes("0a02c305"));
  CHECK_FALSE(good.has_value());
  const auto fine = decode<holder>(bytes("0a0101"));
  REQUIRE(fine.has_value());
  CHECK(fine->value.get().as<int>() == 1);
  CHECK(hex_of(*fine) == "0a0101");
}

TEST_CASE("numbers that have no type in protobuf are held against their range; 32 bits are cut") {
  CHECK(error_of<narrow>(bytes("08 8001")) == "field \"tiny\": expected integer from -128 to 127, found 128 at byte 1");
  CHECK(error_of<narrow>(bytes("10 8002")) == "field \"byte\": expected integer from 0 to 255, found 256 at byte 1");
  CHECK(error_of<narrow>(bytes("30 8002")) == "field \"tint\": expected integer from 0 to 255, found 256 at byte 1");
  CHECK(decode<narrow>(bytes("3063"))->tint == static_cast<color>(99));
  CHECK(decode<point>(bytes("08ffffffff0f"))->x == -1);
  CHECK(decode<point>(bytes("0881808080 10"))->x == 1);
  CHECK(decode<std::tuple<bool>>(bytes("08 8002")).value() == std::tuple{true});
  check(narrow{-128, 255, -32768, 65535, 'z', color::blue});
}

TEST_CASE("required fields are always written, and an error when they are missing") {
  CHECK(hex_of(demanding{}) == "0800");
  CHECK(error_of<demanding>("") == "field \"count\": expected a value (it is required), found none at byte 0");
  CHECK(error_of<demanding>(bytes("120141")) == "field \"count\": expected a value (it is required), found none at byte 3");
  CHECK(decode<demanding>(bytes("1201410805"))->count == 5);
}

TEST_CASE("tags that cannot be are errors") {
  CHECK(error_of<quote>(bytes("0001")) == "expected field number from 1 to 536870911, found 0 at byte 0");
  CHECK(error_of<quote>(bytes("808080808001 00")) == "expected field number from 1 to 536870911, found 4294967296 at byte 0");
  CHECK(error_of<quote>(bytes("26")) == "expected wire type from 0 to 5, found 6 at byte 0");
  CHECK(error_of<quote>(bytes("27")) == "expected wire type from 0 to 5, found 7 at byte 0");
  // Eight bytes that say 8, the last of them needless.
  CHECK(error_of<quote>(bytes("888080808080808000 09")) == "expected tag of at most 5 bytes, found more at byte 0");
  CHECK(error_of<quote>(bytes("24")) == "expected field, found the end of a group that has not begun at byte 0");
  CHECK(error_of<quote>(bytes("18ffffffffffffffffffff01")) == "field \"shares\": expected varint of at most 10 bytes, found more at byte 1");
  CHECK(error_of<quote>(bytes("0a05 4141")) == "field \"symbol\": expected string of 5 bytes, found 2 before the end of the message at byte 2");
  CHECK(error_of<quote>(bytes("0affffffffffffffffff01")) == "field \"symbol\": expected string of 18446744073709551615 bytes, found 0 before the end of the message at byte 11");
}

TEST_CASE("every prefix of a message is an error, or a shorter message; nothing is read beyond its end") {
  const mixed value{{{"A", 1, 300}, {"B", 2, 70000}}, {{"k", {1, 1000000}}}, point{-1, 5}, "text", 2.5};
  const std::string wire = encode(value);
  check(value);
  for (std::size_t size = 0; size <= wire.size(); ++size) {
    const std::unique_ptr<char[]> copy{new char[size]};
    wire.copy(copy.get(), size);
    const auto read = decode<mixed>(std::string_view{copy.get(), size});
    if (read) CHECK(decode<mixed>(encode(*read)).value() == *read);
  }
  // A message that ends inside its last field, with more of the outer message behind it.
  CHECK(error_of<std::vector<quote>>(bytes("0a03 18ac82 0a00")) != "no error");
  CHECK(error_of<std::vector<quote>>(bytes("0a02 1181 0a000000000000000000")) == "field \"[0].price\": expected number of 8 bytes, found 1 before the end of the message at byte 3");
  CHECK(error_of<std::vector<quote>>(bytes("0a02 1882 0a00")) == "field \"[0]\": expected the end of the message, found a field that goes on at byte 4");
}

TEST_CASE("random bytes never harm") {
  struct target {
    std::vector<quote> quotes;
    std::map<std::string, std::vector<int>> map;
    std::optional<line> at;
    figure body;
    std::vector<double> numbers;
    std::array<int, 2> pair{};
    node tree;
  };
  std::uint64_t state = 42;
  const auto next = [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<unsigned>(state >> 33);
  };
  for (int round = 0; round < 20000; ++round) {
    const std::size_t size = next() % 40;
    const std::unique_ptr<char[]> in{new char[size]};
    for (std::size_t i = 0; i < size; ++i) in[i] = static_cast<char>(next() % 3 == 0 ? next() % 64 : next() % 3 == 0 ? next() % 8 : next());
    target value;
    static_cast<void>(tenon::decode_into<codec>(std::string_view{in.get(), size}, value));
  }
}

TEST_CASE("lengths of messages are right around every boundary") {
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 60, 100, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 200, 16370, 16375, 16380, 16384, 16390, 70000}) {
    const std::string text(size, 'x');
    check(std::vector<quote>{{text, 1, 1}, {text, 0, 0}});
    check(std::vector<std::vector<std::string>>{{text, text}, {text}});
    check(std::map<std::string, std::string>{{text, text}});
    check(std::vector<std::optional<std::string>>{text, {}});
    check(std::vector<std::vector<int>>{std::vector<int>(size, 1)});
  }
}

TEST_CASE("arguments: one that has fields is the request, others are its fields from 1 on") {
  const auto wire_of = [](auto... values) {
    std::tuple tuple{values...};
    tenon::buffer out;
    codec::encode(out, tenon::codec::arguments{tuple, {}});
    return hex(out.view());
  };
  CHECK(wire_of() == "");
  CHECK(wire_of(quote{"A", 0, 3}) == "0a0141" "1803");
  CHECK(wire_of(std::string{"A"}) == "0a0141");
  CHECK(wire_of(std::string{"A"}, 3) == "0a0141" "1003");
  CHECK(wire_of(quote{"A", 0, 3}, 5) == "0a05" "0a0141" "1803" "1005");
  CHECK(wire_of(std::vector<int>{1, 2}) == "0a020102");

  const std::array<std::string_view, 2> names{"symbol", "shares"};
  std::tuple<std::string, int> read;
  tenon::codec::arguments target{read, std::span<const std::string_view>{names}};
  REQUIRE(tenon::decode_into<codec>(bytes("1003 0a0141"), target).ok());
  CHECK(read == std::tuple{"A", 3});
  CHECK(tenon::decode_into<codec>(bytes("0a01ff"), target).message() == "field \"symbol\": expected UTF-8, found byte 0xff at byte 2");
  tenon::codec::arguments nameless{read, {}};
  CHECK(tenon::decode_into<codec>(bytes("0a01ff"), nameless).message() == "field \"arguments[0]\": expected UTF-8, found byte 0xff at byte 2");
  std::tuple<> none;
  tenon::codec::arguments empty{none, {}};
  CHECK(tenon::decode_into<codec>("", empty).ok());
  CHECK(tenon::decode_into<codec>(bytes("0a0141"), empty).ok());
}

TEST_CASE("what is no message of its own is field 1 of one; nothing is the empty message") {
  CHECK(hex_of(5) == "0805");
  CHECK(hex_of(0) == "");
  CHECK(hex_of(std::string{"A"}) == "0a0141");
  CHECK(hex_of(nullptr) == "");
  CHECK(hex_of(nothing{}) == "");
  CHECK(decode<int>(bytes("0805")).value() == 5);
  CHECK(decode<nothing>(bytes("0805")).has_value());
  CHECK(decode<std::monostate>(bytes("0805")).has_value());
}
