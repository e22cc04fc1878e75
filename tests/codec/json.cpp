#include <tenon/codec/json.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/core/base64.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace json_test {

using tenon::codec::json;
using namespace std::string_literals;
using namespace std::string_view_literals;

enum class color : std::uint8_t { red = 1, green = 2, blue = 3 };
enum class plain : std::int8_t { low = -1, high = 1 };

struct quote {
  std::string symbol;
  double price = 1;
  bool operator==(const quote&) const = default;
};

struct order {
  std::int32_t id = 0;
  std::vector<quote> legs;
  std::optional<quote> hint;
  std::map<std::string, std::vector<int>> notes;
  color paint = color::red;
  bool operator==(const order&) const = default;
};

struct account {
  std::string owner;
  int cents = 5;
  TENON_STRUCT(account, (owner, tenon::required), (cents, tenon::name("minor \"units\""), tenon::required))
};

struct nothing {
  bool operator==(const nothing&) const = default;
};

struct node {
  int value = 0;
  std::unique_ptr<node> next;
};

struct everything {
  bool truth = false;
  char letter = 0;
  std::int8_t i8 = 0;
  std::int16_t i16 = 0;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  float single = 0;
  double real = 0;
  std::string text;
  color paint = color::red;
  std::optional<int> maybe;
  std::unique_ptr<quote> owned;
  std::vector<int> numbers;
  std::vector<bool> bits;
  std::deque<quote> queue;
  std::list<std::string> list;
  std::set<int> set;
  std::array<double, 2> pair_of_doubles{};
  std::map<std::string, int> by_name;
  std::unordered_map<int, std::string> by_number;
  std::map<color, int> by_color;
  std::variant<int, std::string, quote> bare;
  std::variant<std::int32_t, std::int64_t, quote, nothing> tagged;
  std::pair<int, std::string> pair;
  std::tuple<int, bool, std::string> tuple;
  std::chrono::milliseconds wait{};
  std::chrono::duration<double> lag{};
  std::chrono::sys_time<std::chrono::nanoseconds> moment{};
  tenon::bytes data;
  std::array<std::byte, 3> tag{};
  nlohmann::json free;
  std::monostate none;
  nothing empty;
};

template <class T>
std::string text_of(const T& value) {
  return tenon::encode<json>(value);
}

template <class T>
T read(std::string_view text) {
  tenon::result<T> value = tenon::decode<T, json>(text);
  INFO(text);
  REQUIRE_MESSAGE(value.has_value(), (value.has_value() ? ""s : value.error().to_string()));
  return *std::move(value);
}

template <class T>
std::string failure(std::string_view text, const tenon::limits& bounds = {}) {
  const tenon::result<T> value = tenon::decode<T, json>(text, bounds);
  if (value.has_value()) return "none";
  CHECK(value.error().code() == tenon::code::invalid_argument);
  return value.error().message();
}

template <class Tuple, class... Names>
tenon::status read_arguments(std::string_view text, Tuple& values, Names... names) {
  const std::array<std::string_view, sizeof...(Names)> list{names...};
  tenon::codec::arguments<Tuple> call{values, list};
  return tenon::decode_into<json>(text, call);
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

}  // namespace json_test

using namespace json_test;

TEST_CASE("json is a codec with rpcx's number and its content type") {
  static_assert(tenon::codec_type<json>);
  CHECK(json::serialization == 1);
  CHECK(json::content_type == "application/json");
}

TEST_CASE("a struct is written compactly in the order of its fields") {
  CHECK(text_of(quote{"ACME", 1.5}) == R"({"symbol":"ACME","price":1.5})");
  const order all{7, {{"A", 1}, {"B", 2.25}}, quote{"C", -0.5}, {{"x", {1, 2}}, {"y", {}}}, color::blue};
  CHECK(text_of(all) == R"({"id":7,"legs":[{"symbol":"A","price":1},{"symbol":"B","price":2.25}],"hint":{"symbol":"C","price":-0.5},"notes":{"x":[1,2],"y":[]},"paint":"blue"})");
  CHECK(read<order>(text_of(all)) == all);
  CHECK(text_of(nothing{}) == "{}");
  CHECK(read<nothing>(R"({"anything":[1,{"x":null}]})") == nothing{});
}

TEST_CASE("every supported type goes out and comes back, and nlohmann reads the same") {
  everything value;
  value.truth = true;
  value.letter = 'x';
  value.i8 = -128;
  value.i16 = -32768;
  value.i32 = (std::numeric_limits<std::int32_t>::min)();
  value.i64 = (std::numeric_limits<std::int64_t>::min)();
  value.u8 = 255;
  value.u16 = 65535;
  value.u32 = (std::numeric_limits<std::uint32_t>::max)();
  value.u64 = (std::numeric_limits<std::uint64_t>::max)();
  value.single = 0.1F;
  value.real = 3.141592653589793;
  value.text = "quote \" backslash \\ slash / \b\f\n\r\t \x01 \x1f \x7f é 許 \U0001F600"s + '\0' + "end";
  value.paint = color::green;
  value.maybe = 4;
  value.owned = std::make_unique<quote>(quote{"ACME", 2});
  value.numbers = {1, -2, 3};
  value.bits = {true, false, true};
  value.queue = {{"Q", 1}};
  value.list = {"a", "b"};
  value.set = {3, 1, 2};
  value.pair_of_doubles = {1.25, -1e300};
  value.by_name = {{"one", 1}, {"two \"2\"", 2}};
  value.by_number = {{-5, "minus five"}};
  value.by_color = {{color::red, 1}, {static_cast<color>(9), 9}};
  value.bare = quote{"V", 3};
  value.tagged.emplace<1>(12);
  value.pair = {1, "p"};
  value.tuple = {2, true, "t"};
  value.wait = std::chrono::milliseconds{1500};
  value.lag = std::chrono::duration<double>{0.25};
  value.moment = std::chrono::sys_time<std::chrono::nanoseconds>{std::chrono::nanoseconds{1'795'170'401'123'456'789}};
  value.data = {std::byte{0}, std::byte{255}, std::byte{16}, std::byte{32}};
  value.tag = {std::byte{1}, std::byte{2}, std::byte{3}};
  value.free = {{"a", {1, -2, 2.5, nullptr, true, "s"}}, {"b", nlohmann::json::object()}, {"c", nlohmann::json::array()}};

  const std::string text = text_of(value);
  const nlohmann::json parsed = nlohmann::json::parse(text);
  CHECK(parsed["i64"] == value.i64);
  CHECK(parsed["u64"] == value.u64);
  CHECK(parsed["real"] == value.real);
  CHECK(parsed["text"] == value.text);
  CHECK(parsed["by_number"]["-5"] == "minus five");
  CHECK(parsed["by_color"] == nlohmann::json{{"red", 1}, {"9", 9}});
  CHECK(parsed["bare"]["symbol"] == "V");
  CHECK(parsed["tagged"] == nlohmann::json{{"int64", 12}});
  CHECK(parsed["moment"] == "2026-11-20T10:26:41.123456789Z");
  CHECK(parsed["data"] == "AP8QIA==");
  CHECK(parsed["tag"] == "AQID");
  CHECK(parsed["free"] == value.free);
  CHECK(parsed["none"] == nullptr);

  // In order as we wrote it, then as nlohmann writes it, sorted by name and with white space: the other way into every field.
  for (const std::string& form : {text, parsed.dump(), parsed.dump(2)}) {
    const auto back = read<everything>(form);
    CHECK(text_of(back) == text);
    CHECK(back.text == value.text);
    CHECK(back.single == value.single);
    CHECK(back.moment == value.moment);
    CHECK(back.data == value.data);
    CHECK(back.bare == value.bare);
    CHECK(back.tagged == value.tagged);
    CHECK(back.free == value.free);
  }
  CHECK(text_of(read<everything>("{}")) == text_of(everything{}));

  // One byte less than a valid message is never one.
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto cut = tenon::decode<everything, json>(std::string_view{text}.substr(0, size));
    if (cut.has_value()) FAIL_CHECK("accepted ", size, " of ", text.size(), " bytes");
  }
}

TEST_CASE("doubles are written as the shortest text that reads back, without exponents where people use none") {
  CHECK(text_of(0.0) == "0");
  CHECK(text_of(-0.0) == "-0");
  CHECK(text_of(100000.0) == "100000");
  CHECK(text_of(101.25) == "101.25");
  CHECK(text_of(-0.1) == "-0.1");
  CHECK(text_of(0.0001) == "0.0001");
  CHECK(text_of(0.00012345) == "0.00012345");
  CHECK(text_of(99999999999.5) == "99999999999.5");
  CHECK(text_of(123456789012345.0) == "123456789012345");
  CHECK(text_of(1e22) == "1e+22");
  CHECK(text_of(5e-324) == "5e-324");
  CHECK(text_of(1.7976931348623157e308) == "1.7976931348623157e+308");
  CHECK(text_of(0.1F) == "0.1");
  CHECK(text_of(16777216.0F) == "16777216");

  std::mt19937_64 random{7};
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const double cents = static_cast<double>(static_cast<std::int64_t>(bits >> 20)) / 1e4;
    const auto narrow = static_cast<float>(cents);
    if (read<double>(text_of(value)) != value || read<double>(text_of(cents)) != cents || read<float>(text_of(narrow)) != narrow) FAIL_CHECK("seed ", i);
    if (nlohmann::json::parse(text_of(cents)).get<double>() != cents) FAIL_CHECK("nlohmann, seed ", i);
  }
}

TEST_CASE("NaN and the infinities are written as null, and null is read as NaN") {
  CHECK(text_of(std::nan("")) == "null");
  CHECK(text_of(std::numeric_limits<double>::infinity()) == "null");
  CHECK(text_of(-std::numeric_limits<float>::infinity()) == "null");
  CHECK(std::isnan(read<double>("null")));
  CHECK(std::isnan(read<float>("null")));
  CHECK(std::isnan(std::get<double>(read<std::variant<std::string, double>>("null"))));
}

TEST_CASE("doubles are read to the nearest value whatever their spelling") {
  CHECK(read<double>("123456789012345678901234567890") == 123456789012345678901234567890.0);
  CHECK(read<double>("0.1e1") == 1.0);
  CHECK(read<double>("9007199254740993") == 9007199254740992.0);
  CHECK(read<double>("2.2250738585072011e-308") == 2.2250738585072011e-308);
  CHECK(read<double>("1e-400") == 0.0);
  CHECK(read<double>("0e999999999999999999999") == 0.0);
  CHECK(read<float>("0.3") == 0.3F);
  CHECK(read<double>("7") == 7.0);
  CHECK(failure<double>("1e400") == "expected number within the range of a double, found 1e400 at byte 0");
  CHECK(failure<float>("1e39") == "expected number within the range of a float, found 1e39 at byte 0");
}

TEST_CASE("integers are range-checked, and numbers with integral value are integers") {
  CHECK(read<int>("3.0") == 3);
  CHECK(read<int>("1e3") == 1000);
  CHECK(read<int>("-25.0e1") == -250);
  CHECK(read<int>("-0") == 0);
  CHECK(read<unsigned>("-0") == 0);
  CHECK(read<int>("3.0000000000000000000000000") == 3);
  CHECK(read<std::uint64_t>("18446744073709551615") == 18446744073709551615U);
  CHECK(read<std::int64_t>("-9223372036854775808") == (std::numeric_limits<std::int64_t>::min)());
  CHECK(failure<std::int8_t>("300") == "expected integer from -128 to 127, found 300 at byte 0");
  CHECK(failure<std::int8_t>("-129") == "expected integer from -128 to 127, found -129 at byte 0");
  CHECK(failure<std::uint8_t>("-1") == "expected integer from 0 to 255, found -1 at byte 0");
  CHECK(failure<std::int64_t>("9223372036854775808") == "expected integer from -9223372036854775808 to 9223372036854775807, found 9223372036854775808 at byte 0");
  CHECK(failure<std::uint64_t>("18446744073709551616") == "expected integer from 0 to 18446744073709551615, found 18446744073709551616 at byte 0");
  CHECK(failure<int>("1e400") == "expected integer from -2147483648 to 2147483647, found 1e400 at byte 0");
  CHECK(failure<int>("3.5") == "expected integer, found 3.5 at byte 0");
  CHECK(failure<int>("1e-1") == "expected integer, found 1e-1 at byte 0");
  CHECK(failure<int>("\"3\"") == "expected integer, found string at byte 0");
  CHECK(failure<int>(std::string(60, '9')) == "expected integer from -2147483648 to 2147483647, found " + std::string(40, '9') + "... at byte 0");
}

TEST_CASE("fields may come in any order, be missing, unknown or doubled") {
  CHECK(read<quote>(R"({"price":2,"symbol":"X"})") == quote{"X", 2});
  CHECK(read<quote>(R"({"symbol":"X"})") == quote{"X", 1});
  CHECK(read<quote>(R"( { "price" : 2 , "symbol" : "X" } )") == quote{"X", 2});
  CHECK(read<quote>(R"({"more":{"deep":[1,"\u00e9",null,true,{}]},"symbol":"X","price":2,"last":-1.5e3})") == quote{"X", 2});
  CHECK(read<quote>(R"({"symbol":"X","symbol":"Y","price":1,"price":2})") == quote{"Y", 2});
  CHECK(read<quote>(R"({"\u0073ymbol":"X"})") == quote{"X", 1});
  CHECK(read<std::map<std::string, quote>>(R"({"a":{"price":9},"a":{"symbol":"X"}})").at("a") == quote{"X", 1});
}

TEST_CASE("of doubled keys the last counts alone, and nothing of the earlier one shines through") {
  CHECK(read<order>(R"({"hint":{"symbol":"X"},"hint":{"price":2}})").hint == quote{"", 2});
  CHECK(read<order>(R"({"legs":[{"symbol":"X"},{}],"legs":[{"price":2}]})").legs == std::vector<quote>{{"", 2}});
  CHECK(read<order>(R"({"notes":{"a":[1]},"notes":{"b":[]}})").notes == std::map<std::string, std::vector<int>>{{"b", {}}});
  CHECK(read<order>(R"({"hint":{"symbol":"X"},"hint":null})").hint == std::nullopt);
  // What was there before the message stays what decode_into keeps.
  order kept{1, {}, quote{"K", 5}, {}, color::blue};
  REQUIRE(tenon::decode_into<json>(R"({"hint":{"price":2},"id":3,"id":4})", kept).ok());
  CHECK(kept == order{4, {}, quote{"K", 2}, {}, color::blue});
  REQUIRE(tenon::decode_into<json>(R"({"hint":{},"hint":{}})", kept).ok());
  CHECK(kept.hint == quote{});
}

TEST_CASE("a required field must be there") {
  const auto good = read<account>(R"({"minor \"units\"":3,"owner":"me"})");
  CHECK(good.owner == "me");
  CHECK(good.cents == 3);
  CHECK(text_of(good) == R"({"owner":"me","minor \"units\"":3})");
  CHECK(failure<account>(R"({"owner":"me"})") == R"(field "minor "units"": expected a value (it is required), found none at byte 0)");
  CHECK(failure<account>("null") == R"(field "owner": expected a value (it is required), found none at byte 0)");
  CHECK(failure<std::vector<account>>(R"([{"owner":"a","minor \"units\"":1},{}])") == R"(field "[1].owner": expected a value (it is required), found none at byte 35)");
}

TEST_CASE("null empties what can be empty and leaves a struct alone") {
  order value{7, {{"A", 1}}, quote{"C", 2}, {{"x", {1}}}, color::blue};
  CHECK(tenon::decode_into<json>(R"({"legs":null,"hint":null,"notes":null})", value).ok());
  CHECK(value == order{7, {}, std::nullopt, {}, color::blue});
  CHECK(tenon::decode_into<json>("null", value).ok());
  CHECK(value.id == 7);
  CHECK(read<tenon::bytes>("null").empty());
  CHECK(read<std::unique_ptr<int>>("null") == nullptr);
  CHECK(failure<std::string>("null") == "expected string, found null at byte 0");
  CHECK(failure<int>("null") == "expected integer, found null at byte 0");
  CHECK(failure<bool>("null") == "expected boolean, found null at byte 0");
  CHECK(failure<color>("null") == "expected one of red, green, blue, found null at byte 0");
  CHECK(failure<std::array<int, 2>>("null") == "expected array, found null at byte 0");
  CHECK(failure<std::pair<int, int>>("null") == "expected array, found null at byte 0");
}

TEST_CASE("decode_into reuses memory and keeps what the input does not mention") {
  order value{7, {{"a text too long for the small buffer", 1}, {"B", 2}}, quote{"C", 2}, {{"x", {1}}}, color::blue};
  const quote* const first = value.legs.data();
  const char* const characters = value.legs[0].symbol.data();
  REQUIRE(tenon::decode_into<json>(R"({"legs":[{"symbol":"another text of that length"}],"hint":{"price":3}})", value).ok());
  CHECK(value.legs.data() == first);
  CHECK(value.legs[0].symbol.data() == characters);
  CHECK(value.hint == quote{"C", 3});
  CHECK(value.id == 7);
  CHECK(value.paint == color::blue);
}

TEST_CASE("elements of a reused sequence do not keep fields of the message before") {
  std::vector<order> values{{7, {{"A", 5}}, quote{"C", 2}, {}, color::blue}};
  REQUIRE(tenon::decode_into<json>(R"([{"legs":[{"symbol":"B"}],"hint":{}},{"id":2}])", values).ok());
  CHECK(values == std::vector<order>{{0, {{"B", 1}}, quote{}, {}, color::red}, {2, {}, std::nullopt, {}, color::red}});
  REQUIRE(tenon::decode_into<json>("[null]", values).ok());
  CHECK(values == std::vector<order>{order{}});
  std::list<quote> list{{"A", 5}, {"B", 6}, {"C", 7}};
  REQUIRE(tenon::decode_into<json>(R"([{"symbol":"X"}])", list).ok());
  CHECK(list == std::list<quote>{{"X", 1}});
}

TEST_CASE("enums are read by name and by number") {
  CHECK(read<color>("\"green\"") == color::green);
  CHECK(read<color>("3") == color::blue);
  CHECK(read<color>("77") == static_cast<color>(77));
  CHECK(text_of(static_cast<color>(77)) == "77");
  CHECK(text_of(plain::low) == "\"low\"");
  CHECK(failure<color>("\"purple\"") == "expected one of red, green, blue, found \"purple\" at byte 0");
  CHECK(failure<color>("256") == "expected integer from 0 to 255, found 256 at byte 0");
  CHECK(failure<color>("[]") == "expected one of red, green, blue, found array at byte 0");
}

TEST_CASE("keys of mappings are strings, and integers and enums within them") {
  CHECK(text_of(std::map<int, bool>{{-1, true}, {2, false}}) == R"({"-1":true,"2":false})");
  CHECK(read<std::map<std::uint8_t, int>>(R"({"255":1})").at(255) == 1);
  CHECK(read<std::map<color, int>>(R"({"blue":1,"9":2})") == std::map<color, int>{{color::blue, 1}, {static_cast<color>(9), 2}});
  CHECK(failure<std::map<std::uint8_t, int>>(R"({"256":1})") == "expected key that is an integer from 0 to 255, found \"256\" at byte 1");
  CHECK(failure<std::map<std::uint8_t, int>>(R"({"1 ":1})") == "expected key that is an integer from 0 to 255, found \"1 \" at byte 1");
  CHECK(failure<std::map<std::uint8_t, int>>(R"({"":1})") == "expected key that is an integer from 0 to 255, found \"\" at byte 1");
  CHECK(failure<std::map<color, int>>(R"({"mauve":1})") == "expected key that is one of red, green, blue, found \"mauve\" at byte 1");
  CHECK(failure<std::map<int, quote>>(R"({"5":{"price":"x"}})") == R"(field "5.price": expected number, found string at byte 14)");
}

TEST_CASE("a variant is bare when kinds tell its alternatives apart, else named") {
  using bare = std::variant<std::monostate, bool, double, std::string, std::vector<int>, quote>;
  for (const bare& value : {bare{}, bare{true}, bare{2.5}, bare{"s"s}, bare{std::vector<int>{1}}, bare{quote{"A", 2}}}) CHECK(read<bare>(text_of(value)) == value);
  CHECK(text_of(bare{2.5}) == "2.5");
  using named = std::variant<int, double, quote, order>;
  CHECK(text_of(named{2.5}) == R"({"double":2.5})");
  CHECK(text_of(named{quote{"A", 2}}) == R"({"quote":{"symbol":"A","price":2}})");
  CHECK(std::get<int>(read<named>(R"({"int32":4})")) == 4);
  using narrow = std::variant<bool, std::vector<int>>;
  CHECK(failure<narrow>("1") == "expected boolean or array, found number at byte 0");
  CHECK(failure<narrow>("[\"x\"]") == "field \"[0]\": expected integer, found string at byte 1");
  CHECK(failure<named>("1") == "expected object that names the alternative, found number at byte 0");
  CHECK(failure<named>("{}") == "expected object that names the alternative, found empty object at byte 0");
  CHECK(failure<named>(R"({"what":1})") == "expected one of int32, double, quote, order, found \"what\" at byte 1");
  CHECK(failure<named>(R"({"int32":1,"double":2})") == "expected one alternative, found several at byte 10");
  CHECK(failure<named>(R"({"quote":{"price":[]}})") == R"(field "quote.price": expected number, found array at byte 18)");
}

TEST_CASE("std::monostate in a variant is null, in a named one as well as in a bare one") {
  using named = std::variant<std::monostate, quote, order>;
  CHECK(text_of(named{}) == "null");
  CHECK(text_of(named{quote{"A", 2}}) == R"({"quote":{"symbol":"A","price":2}})");
  named value = quote{"A", 2};
  REQUIRE(tenon::decode_into<json>("null", value).ok());
  CHECK(value == named{});
  // As it was written once.
  value = quote{"A", 2};
  REQUIRE(tenon::decode_into<json>(R"({"null":null})", value).ok());
  CHECK(value == named{});
  CHECK(failure<named>("1") == "expected null or object that names the alternative, found number at byte 0");
  CHECK(failure<named>("nul") != "none");
  CHECK(failure<named>(R"({"null":1})") == R"(field "null": expected null, found number at byte 8)");
  CHECK(failure<std::variant<quote, order>>("null") == "expected object that names the alternative, found null at byte 0");
  CHECK(text_of(std::vector<std::variant<int, double, std::monostate>>{{}, std::monostate{}}) == R"([{"int32":0},null])");
  // It is null or an object, so that another null beside it needs its name.
  using nested = std::variant<named, bool>;
  CHECK(text_of(nested{}) == "null");
  CHECK(std::get<named>(read<nested>("null")) == named{});
  using ambiguous = std::variant<std::optional<int>, named>;
  CHECK(text_of(ambiguous{std::in_place_index<0>}) == R"({"int32":null})");
}

TEST_CASE("arrays, tuples and pairs have the count they have") {
  CHECK(failure<std::array<int, 3>>("[1,2]") == "expected array of 3 elements, found array of 2 elements at byte 0");
  CHECK(failure<std::array<int, 1>>("[1,2,\"x\"]") == "expected array of 1 elements, found array of 3 elements at byte 0");
  CHECK(failure<std::pair<int, bool>>("[1]") == "expected array of 2 elements, found array of 1 elements at byte 0");
  CHECK(failure<std::tuple<int, bool>>("[1,true,null]") == "expected array of 2 elements, found array of 3 elements at byte 0");
  CHECK(failure<std::tuple<int, bool>>("[1,2]") == "field \"[1]\": expected boolean, found number at byte 3");
  CHECK(text_of(std::tuple<>{}) == "[]");
}

TEST_CASE("text is escaped as little as may be and read in every spelling") {
  CHECK(text_of("a/b"s) == "\"a/b\"");
  CHECK(text_of("\x01\x1f\x7f"s) == "\"\\u0001\\u001f\x7f\"");
  CHECK(text_of("\"\\\b\f\n\r\t"s) == R"("\"\\\b\f\n\r\t")");
  CHECK(text_of("view"sv) == "\"view\"");
  const char* literal = "literal";
  CHECK(text_of(literal) == "\"literal\"");
  literal = nullptr;
  CHECK(text_of(literal) == "\"\"");
  CHECK(read<std::string>(R"("\u00e9\/\ud83d\ude00\u0000x")") == "é/\U0001F600\0x"s);
  CHECK(read<std::string>(R"("\uD83D\uDE00 tail")") == "\U0001F600 tail");
  // Escapes and odd characters at every distance from the start of a word of eight.
  for (std::size_t before = 0; before < 20; ++before) {
    for (const std::string_view odd : {"\""sv, "\\"sv, "\n"sv, "é"sv, "許"sv, "\U0001F600"sv}) {
      const std::string text = std::string(before, 'a') + std::string{odd} + std::string(before % 11, 'b') + std::string{odd};
      CHECK(read<std::string>(text_of(text)) == text);
      CHECK(nlohmann::json::parse(text_of(text)) == text);
    }
  }
  const std::string controls(1000, '\x02');
  CHECK(read<std::string>(text_of(controls)) == controls);
}

TEST_CASE("text that is no UTF-8 is written with U+FFFD and refused when read") {
  CHECK(text_of("a\xff\xfe z"s) == "\"a\xEF\xBF\xBD z\"");
  CHECK(text_of("\xC3"s) == "\"\xEF\xBF\xBD\"");
  CHECK(text_of("\xED\xA0\x80é"s) == "\"\xEF\xBF\xBDé\"");
  CHECK(nlohmann::json::accept(text_of(std::string(100, '\xff') + "\n")));
  CHECK(failure<std::string>("\"ab\xff\"") == "expected UTF-8 text, found byte 0xff at byte 3");
  for (const std::string_view bad : {"\x80"sv, "\xC0\x80"sv, "\xC3"sv, "\xE0\x80\x80"sv, "\xED\xA0\x80"sv, "\xF0\x80\x80\x80"sv, "\xF4\x90\x80\x80"sv, "\xF8\x88\x80\x80\x80"sv, "\xE2\x82"sv}) {
    CHECK(failure<std::string>('"' + std::string{bad} + '"') != "none");
    CHECK(failure<quote>("{\"" + std::string{bad} + "\":1}") != "none");
  }
  CHECK(failure<std::string>(R"("\ud800")") == "expected both halves of a surrogate pair, found one at byte 1");
  CHECK(failure<std::string>(R"("\ud800\u0041")") == "expected both halves of a surrogate pair, found one at byte 1");
  CHECK(failure<std::string>(R"("\udc00")") == "expected both halves of a surrogate pair, found one at byte 1");
  CHECK(failure<std::string>("\"a\nb\"") == "expected control character written as an escape, found byte 0x0a at byte 2");
  CHECK(failure<std::string>(R"("\x")") == "expected escape, found character 'x' at byte 2");
  CHECK(failure<std::string>(R"("\u12g4")") == "expected four hexadecimal digits, found character 'g' at byte 5");
}

TEST_CASE("binary data is base64, read padded or not and in both alphabets") {
  const auto data = [](std::string_view text) {
    tenon::bytes bytes;
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
  };
  for (const auto& [plain_text, coded] : {std::pair{""sv, ""sv}, {"f"sv, "Zg=="sv}, {"fo"sv, "Zm8="sv}, {"foo"sv, "Zm9v"sv}, {"foob"sv, "Zm9vYg=="sv}, {"fooba"sv, "Zm9vYmE="sv}, {"foobar"sv, "Zm9vYmFy"sv}}) {
    CHECK(text_of(data(plain_text)) == '"' + std::string{coded} + '"');
    CHECK(read<tenon::bytes>('"' + std::string{coded} + '"') == data(plain_text));
    CHECK(read<tenon::bytes>('"' + std::string{coded.substr(0, coded.find('='))} + '"') == data(plain_text));
  }
  CHECK(text_of(data("\xfb\xff\xfe")) == R"("+//+")");
  CHECK(read<tenon::bytes>(R"("-__-")") == data("\xfb\xff\xfe"));
  const tenon::bytes source = data("foo");
  CHECK(text_of(std::span<const std::byte>{source}) == "\"Zm9v\"");
  CHECK(read<std::array<std::byte, 3>>("\"Zm9v\"")[2] == std::byte{'o'});
  CHECK(failure<std::array<std::byte, 2>>("\"Zm9v\"") == "expected 2 bytes of binary, found 3 at byte 0");
  for (const std::string_view bad : {"Z"sv, "Zm9vY"sv, "Zm9v!"sv, "Zm=v"sv, "Zg="sv, "===="sv, "Zm 9v"sv}) CHECK(failure<tenon::bytes>('"' + std::string{bad} + '"') != "none");
}

TEST_CASE("time points are RFC 3339 with the fraction they need") {
  using std::chrono::sys_time;
  using nanoseconds = sys_time<std::chrono::nanoseconds>;
  using seconds = sys_time<std::chrono::seconds>;
  const auto at = [](std::int64_t whole, std::int64_t rest) { return nanoseconds{std::chrono::seconds{whole} + std::chrono::nanoseconds{rest}}; };
  CHECK(text_of(at(0, 0)) == R"("1970-01-01T00:00:00Z")");
  CHECK(text_of(at(1'795'170'401, 500'000'000)) == R"("2026-11-20T10:26:41.5Z")");
  CHECK(text_of(at(-1, 1)) == R"("1969-12-31T23:59:59.000000001Z")");
  CHECK(text_of(at(951'782'400, 0)) == R"("2000-02-29T00:00:00Z")");
  CHECK(text_of((seconds::max)()) == R"("9999-12-31T23:59:59.999999999Z")");
  for (const nanoseconds each : {(nanoseconds::min)(), (nanoseconds::max)(), at(0, 0), at(-1, 0), at(1, 999'999'999)}) CHECK(read<nanoseconds>(text_of(each)) == each);

  CHECK(read<nanoseconds>(R"("2026-11-20T10:26:41+01:30")") == at(1'795'170'401 - 5400, 0));
  CHECK(read<nanoseconds>(R"("2026-11-20t10:26:41.25-00:30")") == at(1'795'170'401 + 1800, 250'000'000));
  CHECK(read<nanoseconds>(R"("2026-11-20 10:26:41.1234567899z")") == at(1'795'170'401, 123'456'789));
  CHECK(read<nanoseconds>(R"("2016-12-31T23:59:60Z")") == at(1'483'228'800, 0));
  CHECK(read<seconds>(R"("2026-11-20T10:26:41.9Z")") == seconds{std::chrono::seconds{1'795'170'401}});
  CHECK(read<std::chrono::sys_days>(R"("1969-12-31T10:00:00Z")") == std::chrono::sys_days{std::chrono::days{-1}});
  CHECK(read<seconds>(R"("0001-01-01T00:00:00Z")") == seconds{std::chrono::seconds{-62'135'596'800}});
  // Go's unset time.
  CHECK(read<nanoseconds>(R"("0001-01-01T00:00:00Z")") == nanoseconds{});
  CHECK(failure<nanoseconds>(R"("0002-01-01T00:00:00Z")") == "expected date within the range of the time point, found \"0002-01-01T00:00:00Z\" at byte 0");
  for (const std::string_view bad : {""sv, "2026"sv, "2026-11-20"sv, "2026-11-20T10:26:41"sv, "2026-13-20T10:26:41Z"sv, "2026-02-29T10:26:41Z"sv, "2026-11-20T24:00:00Z"sv, "2026-11-20T10:60:00Z"sv,
                                     "2026-11-20T10:26:41.Z"sv, "2026-11-20T10:26:41+0100"sv, "2026-11-20T10:26:41Z "sv, "2026-11-20T10:26:61Z"sv, "20261120T102641Z"sv, "x026-11-20T10:26:41Z"sv}) {
    CHECK(failure<nanoseconds>('"' + std::string{bad} + '"') == "expected date and time like 2026-11-20T10:26:41Z, found \"" + std::string{bad} + "\" at byte 0");
  }
  CHECK(failure<nanoseconds>("5") == "expected string, found number at byte 0");
}

TEST_CASE("free-form json keeps integers, order of what is ordered, and the last of duplicates") {
  const auto value = read<nlohmann::json>(R"({"a":[1,-2,1.5,1e2,18446744073709551615,-9223372036854775808,18446744073709551616],"b":{"x":null},"b":true,"s":"\u00e9"})");
  CHECK(value == nlohmann::json::parse(R"({"a":[1,-2,1.5,1e2,18446744073709551615,-9223372036854775808,18446744073709551616],"b":true,"s":"é"})"));
  CHECK(value["a"][0].is_number_unsigned());
  CHECK(value["a"][1].is_number_integer());
  CHECK(value["a"][3].is_number_float());
  CHECK(value["a"][6].is_number_float());
  CHECK(text_of(nlohmann::json::binary({102, 111, 111})) == "\"Zm9v\"");
  CHECK(text_of(read<nlohmann::ordered_json>(R"({"z":1,"a":2})")) == R"({"z":1,"a":2})");
  CHECK(failure<nlohmann::json>(R"({"a":[1,{"b":tru}]})") == R"(field "a[1].b": expected boolean, found character 't' at byte 13)");
}

TEST_CASE("free-form msgpack goes out as json and comes back into a handle that owns it") {
  const std::string text = R"({"a":[1,-2,2.5,true,null,"s\u00e9"],"b":{}})";
  const auto handle = read<msgpack::object_handle>(text);
  CHECK(text_of(handle) == "{\"a\":[1,-2,2.5,true,null,\"sé\"],\"b\":{}}");
  CHECK(text_of(*handle) == text_of(handle));

  msgpack::sbuffer packed;
  msgpack::packer<msgpack::sbuffer> packer{packed};
  packer.pack_map(3);
  packer.pack(7);
  packer.pack_bin(3);
  packer.pack_bin_body("foo", 3);
  packer.pack_nil();
  packer.pack(1.5F);
  packer.pack("t");
  packer.pack_ext(8, -1);
  packer.pack_ext_body("\x77\x35\x94\x00\x6b\x01\x00\x00", 8);
  const msgpack::object_handle unpacked = msgpack::unpack(packed.data(), packed.size());
  CHECK(text_of(unpacked) == R"({"7":"Zm9v","null":1.5,"t":"2026-11-21T02:20:48.5Z"})");
  CHECK(failure<msgpack::object_handle>(R"({"a":[1,{"b":tru}]})") == R"(field "a[1].b": expected boolean, found character 't' at byte 13)");
  CHECK(failure<msgpack::object_handle>(nested(101)).ends_with("found more at byte 100"));
}

TEST_CASE("errors name the path, what was expected, what was found, and the byte") {
  const std::string legs = R"({"legs":[{},{},{},{"symbol":"A","price":"high"}]})";
  CHECK(failure<order>(legs) == R"(field "legs[3].price": expected number, found string at byte 40)");
  CHECK(failure<order>(R"({"notes":{"key":[1,true]}})") == R"(field "notes.key[1]": expected integer, found boolean at byte 19)");
  CHECK(failure<order>("") == "expected object, found end of input at byte 0");
  CHECK(failure<order>("[]") == "expected object, found array at byte 0");
  CHECK(failure<order>("{") == "expected string, found end of input at byte 1");
  CHECK(failure<order>(R"({"id")") == "expected ':', found end of input at byte 5");
  CHECK(failure<order>(R"({"id":})") == R"(field "id": expected integer, found character '}' at byte 6)");
  CHECK(failure<order>(R"({"id":1)") == R"(expected ',' or '}', found end of input at byte 7)");
  CHECK(failure<order>(R"({"id":1,})") == "expected string, found character '}' at byte 8");
  CHECK(failure<order>(R"({"id":1}x)") == "expected end of input, found 1 more byte at byte 8");
  CHECK(failure<order>(R"({"id":1} {})") == "expected end of input, found 2 more bytes at byte 9");
  CHECK(failure<order>(R"({"other":[1,}]})") == R"(field "other": expected value, found character '}' at byte 12)");
  CHECK(failure<std::vector<int>>("[1 2]") == "expected ',' or ']', found number at byte 3");
  CHECK(failure<std::vector<int>>("[1,]") == "field \"[1]\": expected integer, found character ']' at byte 3");
  CHECK(failure<std::vector<int>>("[1") == "expected ',' or ']', found end of input at byte 2");
  CHECK(failure<bool>("True") == "expected boolean, found character 'T' at byte 0");
  CHECK(failure<std::string>("\"open") == "expected '\"' at the end of the string, found end of input at byte 5");
  CHECK(failure<int>("01") == "expected number without leading zeros, found digit at byte 1");
  CHECK(failure<int>("-") == "expected digit, found end of input at byte 1");
  CHECK(failure<double>("1.") == "expected digit, found end of input at byte 2");
  CHECK(failure<double>("1e+") == "expected digit, found end of input at byte 3");
  CHECK(failure<double>("+1") == "expected number, found character '+' at byte 0");
  CHECK(failure<double>(".5") == "expected number, found character '.' at byte 0");
  CHECK(failure<double>("NaN") == "expected number, found character 'N' at byte 0");
  CHECK(failure<int>("\xEF\xBB\xBF" "1") == "expected integer, found byte 0xef at byte 0");
}

TEST_CASE("nesting is bounded wherever it is met") {
  tenon::limits three;
  three.max_nesting = 3;
  CHECK(failure<std::vector<std::vector<std::vector<int>>>>("[[[1]]]", three) == "none");
  CHECK(failure<std::vector<std::vector<std::vector<std::vector<int>>>>>("[[[[]]]]", three) == "field \"[0][0][0]\": expected at most 3 levels of nesting, found more at byte 3");
  CHECK(failure<nlohmann::json>("[[[[]]]]", three) == "field \"[0][0][0]\": expected at most 3 levels of nesting, found more at byte 3");
  CHECK(failure<quote>(R"({"x":[[[]]]})", three) == R"(field "x": expected at most 3 levels of nesting, found more at byte 7)");
  CHECK(failure<quote>(R"({"x":[[],[]],"y":[[],[]]})", three) == "none");
  CHECK(failure<nlohmann::json>(nested(100)) == "none");
  CHECK(failure<nlohmann::json>(nested(101)).ends_with("expected at most 100 levels of nesting, found more at byte 100"));
  CHECK(failure<nlohmann::json>(std::string(1'000'000, '[')).ends_with("found more at byte 100"));
  CHECK(failure<quote>("{\"x\":" + std::string(1'000'000, '[')).ends_with("found more at byte 104"));
  std::string chain = "null";
  for (int i = 0; i < 100; ++i) chain = "{\"value\":1,\"next\":" + chain + "}";
  CHECK(failure<node>(chain) == "none");
  CHECK(failure<node>("{\"value\":1,\"next\":" + chain + "}").ends_with("expected at most 100 levels of nesting, found more at byte 1800"));
}

TEST_CASE("a message above the limit is refused before it is read") {
  tenon::limits small;
  small.max_message_bytes = 8;
  const auto value = tenon::decode<std::string, json>("\"1234567\"", small);
  REQUIRE(!value.has_value());
  CHECK(value.error().code() == tenon::code::resource_exhausted);
}

TEST_CASE("no arguments are written as null and read from every way to say nothing") {
  std::tuple<> none;
  CHECK(text_of(tenon::codec::arguments<std::tuple<>>{none, {}}) == "null");
  for (const std::string_view text : {""sv, "  "sv, "null"sv, "[]"sv, "{ }"sv}) CHECK(read_arguments(text, none).ok());
  CHECK(read_arguments("[1]", none).message() == "expected no arguments, found array at byte 0");
  CHECK(read_arguments("[", none).message() == "expected no arguments, found array at byte 0");
}

TEST_CASE("one argument is its bare value, or wrapped when that cannot be mistaken") {
  std::tuple<std::string> text;
  CHECK(text_of(tenon::codec::arguments<std::tuple<std::string>>{text, {}}) == "\"\"");
  for (const std::string_view form : {"\"A\""sv, "[\"A\"]"sv, "{\"symbol\":\"A\"}"sv}) {
    std::get<0>(text).clear();
    CHECK(read_arguments(form, text, "symbol").ok());
    CHECK(std::get<0>(text) == "A");
  }
  CHECK(read_arguments("5", text, "symbol").message() == R"(field "symbol": expected string, found number at byte 0)");
  CHECK(read_arguments("5", text).message() == "expected string, found number at byte 0");
  CHECK(read_arguments("", text, "symbol").message() == R"(field "symbol": expected string, found end of input at byte 0)");
  CHECK(read_arguments("{}", text, "symbol").message() == R"(field "symbol": expected a value (it is required), found none at byte 0)");
  CHECK(read_arguments("{}", text).message() == "expected string, found object at byte 0");
  CHECK(read_arguments("[]", text, "symbol").message() == "expected 1 argument, found 0 at byte 0");
  std::tuple<std::vector<int>> list;
  CHECK(read_arguments("[1,2]", list, "numbers").ok());
  CHECK(std::get<0>(list).size() == 2);
  CHECK(read_arguments(R"({"numbers":[1]})", list, "numbers").ok());
  std::tuple<quote> record;
  CHECK(read_arguments(R"({"price":2})", record, "what").ok());
  CHECK(read_arguments(R"([{"price":3}])", record, "what").ok());
  CHECK(std::get<0>(record).price == 3);
  CHECK(read_arguments(R"({"price":""})", record, "what").message() == R"(field "price": expected number, found string at byte 9)");
}

TEST_CASE("several arguments come by position or by name") {
  std::tuple<std::string, int, std::optional<quote>> values;
  CHECK(read_arguments(R"(["A",3,{"symbol":"Q"}])", values, "symbol", "shares", "hint").ok());
  CHECK(values == std::tuple{"A"s, 3, std::optional{quote{"Q", 1}}});
  CHECK(read_arguments(R"({"unknown":[],"shares":4,"symbol":"B"})", values, "symbol", "shares", "hint").ok());
  CHECK(std::get<1>(values) == 4);
  const std::array<std::string_view, 3> names{"symbol", "shares", "hint"};
  std::get<2>(values).reset();
  const std::tuple<const std::string&, const int&, const std::optional<quote>&> view{std::get<0>(values), std::get<1>(values), std::get<2>(values)};
  CHECK(text_of(tenon::codec::arguments{view, std::span<const std::string_view>{names}}) == R"({"symbol":"B","shares":4,"hint":null})");
  CHECK(text_of(tenon::codec::arguments{view, std::span<const std::string_view>{}}) == R"(["B",4,null])");

  CHECK(read_arguments(R"(["A"])", values, "symbol", "shares", "hint").message() == "expected 3 arguments, found 1 at byte 0");
  CHECK(read_arguments(R"(["A",1,null,{},5])", values, "symbol", "shares", "hint").message() == "expected 3 arguments, found 5 at byte 0");
  CHECK(read_arguments(R"({"symbol":"B"})", values, "symbol", "shares", "hint").message() == R"(field "shares": expected a value (it is required), found none at byte 0)");
  CHECK(read_arguments(R"(["A","x",null])", values, "symbol", "shares", "hint").message() == R"(field "shares": expected integer, found string at byte 5)");
  CHECK(read_arguments(R"(["A",1,{"price":true}])", values).message() == R"(field "arguments[2].price": expected number, found boolean at byte 16)");
  CHECK(read_arguments(R"({"symbol":"B"})", values).message() == "expected array of arguments, found object at byte 0");
  CHECK(read_arguments("5", values, "symbol", "shares", "hint").message() == "expected object or array of arguments, found number at byte 0");
  CHECK(read_arguments("", values, "symbol", "shares", "hint").message() == "expected object or array of arguments, found end of input at byte 0");
  CHECK(read_arguments("[]x", values).message() == "expected 3 arguments, found 0 at byte 0");
}

TEST_CASE("damaged messages are accepted exactly when nlohmann accepts them, and never crash a reader") {
  const std::string good = R"({"legs":[{"symbol":"A\u00e9\n\ud83d\ude00","price":-1.5e3},{"x":[null,true,false,{}]}],"id":100,"hint":{"symbol":"é許"},"notes":{"k":[1,2]},"paint":"blue","u":0.25})";
  constexpr std::string_view interesting = "{}[]\",:\\/u0123456789.eE+-ntf \t\n\x80\xC3\xED\xFF\x01";
  std::mt19937 random{11};
  int accepted = 0;
  for (int seed = 0; seed < 100'000; ++seed) {
    std::string text = good;
    const std::size_t changes = 1 + random() % 3;
    for (std::size_t i = 0; i < changes; ++i) {
      const std::size_t place = random() % text.size();
      const char c = interesting[random() % interesting.size()];
      switch (random() % 3) {
        case 0: text[place] = c; break;
        case 1: text.insert(place, 1, c); break;
        default: text.erase(place, 1); break;
      }
    }
    nlohmann::json free;
    const bool ours = tenon::decode_into<json>(text, free).ok();
    if (ours != nlohmann::json::accept(text)) FAIL_CHECK(text);
    accepted += ours ? 1 : 0;
    // What is skipped must be as well-formed as what is wanted.
    nothing skipped;
    if (text.front() == '{' && tenon::decode_into<json>(text, skipped).ok() != ours) FAIL_CHECK("skipped: ", text);
    order typed;
    if (tenon::decode_into<json>(text, typed).ok() && !ours) FAIL_CHECK("typed: ", text);
  }
  CHECK(accepted > 1000);
}

TEST_CASE("random bytes never crash a reader") {
  std::mt19937 random{13};
  for (int seed = 0; seed < 100'000; ++seed) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = static_cast<char>(random());
    everything value;
    if (tenon::decode_into<json>(text, value).ok()) FAIL_CHECK("accepted seed ", seed);
  }
}
