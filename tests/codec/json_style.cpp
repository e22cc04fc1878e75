#include <tenon/codec/json.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace json_style_test {

using tenon::codec::basic_json;
using tenon::codec::json;
using tenon::codec::json_style;
using tenon::codec::name_case;
using tenon::codec::proto_json;
using namespace std::string_literals;

enum class color : std::uint8_t { none = 0, red = 1, green = 2 };

struct leg {
  std::string leg_symbol;
  std::int64_t share_count = 0;
  bool operator==(const leg&) const = default;
};

struct order {
  std::int64_t order_id = 0;
  std::uint64_t big_number = 0;
  std::int32_t small_number = 0;
  double unit_price = 0;
  bool is_open = false;
  std::string note;
  color paint = color::none;
  std::vector<leg> legs;
  std::optional<std::int64_t> maybe_count;
  std::map<std::string, std::int64_t> by_name;
  tenon::bytes raw_data;
  std::chrono::milliseconds time_left{};
  std::chrono::sys_time<std::chrono::milliseconds> sent_at{};
  leg first_leg;
  bool operator==(const order&) const = default;
};

struct renamed {
  int user_id = 0;
  int other_id = 0;
  int must_have = 0;
  bool operator==(const renamed&) const = default;
  TENON_STRUCT(renamed, (user_id, tenon::name("user_ID")), other_id, (must_have, tenon::required))
};

struct starts_elsewhere {
  int retries = 3;
  std::string mode = "fast";
  leg best{"A", 1};
  bool operator==(const starts_elsewhere&) const = default;
};

struct keeper {
  int known = 1;
  tenon::bytes rest;
  TENON_STRUCT(keeper, known, (rest, tenon::unknown_fields))
};

struct mixed {
  int userId = 0;
  int HTTPServer = 0;
  int plain = 0;
  int two_words = 0;
  int _hidden = 0;
  int level2Name = 0;
};

struct node {
  int value = 0;
  std::unique_ptr<node> next;
};

template <class Codec, class T>
std::string text_of(const T& value) {
  return tenon::encode<Codec>(value);
}

template <class Codec, class T>
T read(std::string_view text) {
  tenon::result<T> value = tenon::decode<T, Codec>(text);
  INFO(text);
  REQUIRE_MESSAGE(value.has_value(), (value.has_value() ? ""s : value.error().to_string()));
  return *std::move(value);
}

template <class Codec, class T>
std::string failure(std::string_view text) {
  const tenon::result<T> value = tenon::decode<T, Codec>(text);
  return value.has_value() ? "none" : value.error().message();
}

template <name_case Case>
using cased = basic_json<json_style{.names = Case}>;

constexpr json_style make_strict() {
  json_style style = tenon::codec::proto3;
  style.refuse_unknown = true;
  return style;
}
using strict_proto_json = basic_json<make_strict()>;

template <class Codec, class Tuple, class... Names>
tenon::status read_arguments(std::string_view text, Tuple& values, Names... names) {
  const std::array<std::string_view, sizeof...(Names)> list{names...};
  tenon::codec::arguments<Tuple> call{values, list};
  return tenon::decode_into<Codec>(text, call);
}
template <class Codec, class Tuple, class... Names>
std::string arguments_text(Tuple& values, Names... names) {
  const std::array<std::string_view, sizeof...(Names)> list{names...};
  return text_of<Codec>(tenon::codec::arguments<Tuple>{values, list});
}

}  // namespace json_style_test

using namespace json_style_test;

TEST_CASE("a style is a codec of its own, and without options it is plain json") {
  static_assert(tenon::codec_type<proto_json>);
  static_assert(!std::is_same_v<json, basic_json<json_style{}>>);
  const order value{5, 6, 7, 1.5, true, "n", color::red, {{"A", 1}}, 8, {{"k", 9}}, {std::byte{1}}, std::chrono::milliseconds{1500}, {}, {"B", 2}};
  CHECK(text_of<basic_json<json_style{}>>(value) == text_of<json>(value));
}

TEST_CASE("names follow the case that the style asks for") {
  CHECK(text_of<cased<name_case::as_is>>(mixed{}) == R"({"userId":0,"HTTPServer":0,"plain":0,"two_words":0,"_hidden":0,"level2Name":0})");
  CHECK(text_of<cased<name_case::camel>>(mixed{}) == R"({"userId":0,"HTTPServer":0,"plain":0,"twoWords":0,"Hidden":0,"level2Name":0})");
  CHECK(text_of<cased<name_case::pascal>>(mixed{}) == R"({"UserId":0,"HTTPServer":0,"Plain":0,"TwoWords":0,"Hidden":0,"Level2Name":0})");
  CHECK(text_of<cased<name_case::snake>>(mixed{}) == R"({"user_id":0,"http_server":0,"plain":0,"two_words":0,"_hidden":0,"level2_name":0})");
  CHECK(text_of<cased<name_case::kebab>>(mixed{}) == R"({"user-id":0,"http-server":0,"plain":0,"two-words":0,"-hidden":0,"level2-name":0})");
}

TEST_CASE("names are read in the style's case and as they are, in any order") {
  for (const std::string_view text : {R"({"legSymbol":"A","shareCount":3})", R"({"leg_symbol":"A","share_count":3})", R"({"share_count":3,"legSymbol":"A","more":1})"}) {
    CHECK(read<cased<name_case::camel>, leg>(text) == leg{"A", 3});
  }
  CHECK(read<json, leg>(R"({"legSymbol":"A","share_count":3})") == leg{"", 3});
}

TEST_CASE("a name that was given is not changed") {
  CHECK(text_of<cased<name_case::camel>>(renamed{1, 2, 3}) == R"({"user_ID":1,"otherId":2,"mustHave":3})");
  CHECK(read<cased<name_case::camel>, renamed>(R"({"user_ID":1,"other_id":2,"mustHave":3})") == renamed{1, 2, 3});
  CHECK(failure<cased<name_case::camel>, renamed>(R"({"user_ID":1,"otherId":"x","mustHave":3})") == R"(field "otherId": expected integer, found string at byte 23)");
}

TEST_CASE("proto3: wide integers are text, and any number may come as text") {
  const order value{-5, 18446744073709551615U, 7, 1.5, true, "n", color::red, {{"A", 1}}, 8, {{"k", 9}}, {}, {}, {}, {}};
  CHECK(text_of<proto_json>(value) ==
        R"({"orderId":"-5","bigNumber":"18446744073709551615","smallNumber":7,"unitPrice":1.5,"isOpen":true,"note":"n","paint":"red","legs":[{"legSymbol":"A","shareCount":"1"}],"maybeCount":"8","byName":{"k":"9"}})");
  CHECK(read<proto_json, order>(text_of<proto_json>(value)) == value);
  const order numbers = read<proto_json, order>(R"({"orderId":-5,"bigNumber":18446744073709551615,"smallNumber":"7","unitPrice":"1.5","maybeCount":8.0,"byName":{"k":"9e0"}})");
  CHECK(numbers.order_id == -5);
  CHECK(numbers.big_number == 18446744073709551615U);
  CHECK(numbers.small_number == 7);
  CHECK(numbers.unit_price == 1.5);
  CHECK(numbers.maybe_count == 8);
  CHECK(numbers.by_name.at("k") == 9);
  for (const std::string_view text : {"\"\"", "\" 1\"", "\"1 \"", "\"0x1\"", "\"1.5\"", "\"null\"", "\"2147483648\"", "\"+1\"", "\"01\""}) {
    CHECK(failure<proto_json, std::int32_t>(text) == "expected integer from -2147483648 to 2147483647, found " + std::string{text} + " at byte 0");
  }
  CHECK(failure<proto_json, std::uint64_t>("\"18446744073709551616\"") == "expected integer from 0 to 18446744073709551615, found \"18446744073709551616\" at byte 0");
  CHECK(failure<proto_json, double>("\"null\"") == "expected number, NaN, Infinity or -Infinity, found \"null\" at byte 0");
  CHECK(failure<proto_json, double>("\"inf\"") == "expected number, NaN, Infinity or -Infinity, found \"inf\" at byte 0");
}

TEST_CASE("proto3: NaN and the infinities are text") {
  using limit = std::numeric_limits<double>;
  CHECK(text_of<proto_json>(std::vector<double>{limit::quiet_NaN(), limit::infinity(), -limit::infinity(), 1}) == R"(["NaN","Infinity","-Infinity",1])");
  CHECK(std::isnan(read<proto_json, float>("\"NaN\"")));
  CHECK(read<proto_json, std::vector<double>>(R"(["Infinity","-Infinity"])") == std::vector<double>{limit::infinity(), -limit::infinity()});
}

TEST_CASE("proto3: durations are seconds with a fraction of 3, 6 or 9 digits, and every fraction is read") {
  using std::chrono::duration;
  using std::chrono::milliseconds;
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  CHECK(text_of<proto_json>(milliseconds{1500}) == "\"1.500s\"");
  CHECK(text_of<proto_json>(milliseconds{-500}) == "\"-0.500s\"");
  CHECK(text_of<proto_json>(std::chrono::hours{2}) == "\"7200s\"");
  CHECK(text_of<proto_json>(nanoseconds{1}) == "\"0.000000001s\"");
  CHECK(text_of<proto_json>(std::chrono::microseconds{-1'000'001}) == "\"-1.000001s\"");
  CHECK(text_of<proto_json>(nanoseconds{(std::numeric_limits<std::int64_t>::min)()}) == "\"-9223372036.854775808s\"");
  CHECK(text_of<proto_json>(seconds{(std::numeric_limits<std::int64_t>::min)()}) == "\"-9223372036854775808s\"");
  CHECK(text_of<proto_json>(duration<double>{0.25}) == "\"0.250s\"");
  CHECK(text_of<proto_json>(duration<double>{-0.9999999999}) == "\"-1s\"");
  CHECK(text_of<proto_json>(duration<double>{std::nan("")}) == "\"0s\"");
  CHECK(text_of<proto_json>(duration<std::int64_t, std::ratio<1001, 1000>>{1000}) == "\"1001s\"");
  CHECK(text_of<basic_json<json_style{.seconds_as_text = true}>>(milliseconds{1500}) == "\"1.5s\"");
  CHECK(text_of<proto_json>(std::vector<milliseconds>(20, milliseconds{(std::numeric_limits<std::int64_t>::min)()})).size() == 20 * 24 + 21);

  CHECK(read<proto_json, milliseconds>("\"1.5s\"") == milliseconds{1500});
  CHECK(read<proto_json, milliseconds>("\"-0.5s\"") == milliseconds{-500});
  CHECK(read<proto_json, milliseconds>("\"0.0009s\"") == milliseconds{0});
  CHECK(read<proto_json, nanoseconds>("\"1.000000001s\"") == nanoseconds{1'000'000'001});
  CHECK(read<proto_json, std::chrono::hours>("\"7200s\"") == std::chrono::hours{2});
  CHECK(read<proto_json, duration<double>>("\"-0.25s\"") == duration<double>{-0.25});
  CHECK(read<proto_json, seconds>("\"315576000000s\"") == seconds{315'576'000'000});
  CHECK(read<proto_json, duration<std::int8_t>>("\"-128s\"").count() == -128);
  for (const std::string_view text : {"\"\"", "\"1\"", "\"s\"", "\"1.s\"", "\".5s\"", "\"+1s\"", "\"1s \"", "\"1.0000000001s\"", "\"315576000001s\"", "\"1e3s\"", "\"--1s\""}) {
    CHECK(failure<proto_json, seconds>(text) == "expected duration like 1.5s, found " + std::string{text} + " at byte 0");
  }
  CHECK(failure<proto_json, seconds>("1") == "expected string, found number at byte 0");
  CHECK(failure<proto_json, nanoseconds>("\"315576000000s\"") == "expected duration within the range of its type, found \"315576000000s\" at byte 0");
  CHECK(failure<proto_json, duration<std::int8_t>>("\"128s\"") == "expected duration within the range of its type, found \"128s\" at byte 0");
  CHECK(failure<proto_json, duration<std::uint32_t>>("\"-1s\"") == "expected duration within the range of its type, found \"-1s\" at byte 0");
}

TEST_CASE("proto3: time points are RFC 3339 with grouped fractions") {
  using nanoseconds = std::chrono::sys_time<std::chrono::nanoseconds>;
  CHECK(text_of<proto_json>(nanoseconds{std::chrono::nanoseconds{1'500'000'000}}) == "\"1970-01-01T00:00:01.500Z\"");
  CHECK(text_of<proto_json>(nanoseconds{std::chrono::nanoseconds{1'000'001'000}}) == "\"1970-01-01T00:00:01.000001Z\"");
  CHECK(text_of<proto_json>(nanoseconds{std::chrono::nanoseconds{1}}) == "\"1970-01-01T00:00:00.000000001Z\"");
  CHECK(text_of<json>(nanoseconds{std::chrono::nanoseconds{1'500'000'000}}) == "\"1970-01-01T00:00:01.5Z\"");
  CHECK(read<proto_json, nanoseconds>("\"1970-01-01T01:00:01.5+01:00\"").time_since_epoch() == std::chrono::nanoseconds{1'500'000'000});
}

TEST_CASE("proto3: what a peer takes from absence is left out") {
  CHECK(text_of<proto_json>(order{}) == "{}");
  CHECK(read<proto_json, order>("{}") == order{});
  CHECK(text_of<proto_json>(renamed{}) == R"({"mustHave":0})");
  CHECK(text_of<proto_json>(node{}) == "{}");
  order some;
  some.unit_price = -0.0;
  some.maybe_count = 0;
  some.first_leg.share_count = 1;
  CHECK(text_of<proto_json>(some) == R"({"unitPrice":-0,"maybeCount":"0","firstLeg":{"shareCount":"1"}})");
  CHECK(read<proto_json, order>(text_of<proto_json>(some)) == some);
  node chain;
  chain.next = std::make_unique<node>();
  CHECK(text_of<proto_json>(chain) == R"({"next":{}})");
}

TEST_CASE("proto3: a field whose struct starts from another value is always written, so that it comes back") {
  CHECK(text_of<proto_json>(starts_elsewhere{0, "", {}}) == R"({"retries":0,"mode":"","best":{}})");
  CHECK(text_of<proto_json>(starts_elsewhere{}) == R"({"retries":3,"mode":"fast","best":{"legSymbol":"A","shareCount":"1"}})");
  CHECK(read<proto_json, starts_elsewhere>(R"({"retries":0,"mode":"","best":{"legSymbol":"","shareCount":"0"}})") == starts_elsewhere{0, "", {}});
}

TEST_CASE("proto3: what was kept of protobuf's wire is not written") {
  CHECK(text_of<proto_json>(keeper{2, {std::byte{8}}}) == R"({"known":2})");
  // Nor is it a name that a peer could write protobuf's bytes with.
  CHECK(read<proto_json, keeper>(R"({"rest":"CAE=","known":3})").rest.empty());
  CHECK(read<proto_json, keeper>(R"({"known":3,"rest":[1,{}]})").known == 3);
  CHECK(failure<strict_proto_json, keeper>(R"({"rest":"CAE="})") == R"(expected a known field, found "rest" at byte 1)");
}

TEST_CASE("proto3: null is no struct where it is not a field's default") {
  CHECK(failure<proto_json, leg>("null") == "expected object, found null at byte 0");
  CHECK(failure<proto_json, order>(R"({"legs":[{},null]})") == R"(field "legs[1]": expected object, found null at byte 12)");
  CHECK(read<json, leg>("null") == leg{});
}

TEST_CASE("proto3: null is a Value, and sets an optional one") {
  CHECK(read<proto_json, std::optional<nlohmann::json>>("null") == std::optional{nlohmann::json{}});
  CHECK(text_of<proto_json>(std::optional{nlohmann::json{}}) == "null");
  CHECK(read<json, std::optional<nlohmann::json>>("null") == std::nullopt);
}

TEST_CASE("proto3: a field that comes twice is an error, by whichever of its names") {
  CHECK(failure<proto_json, leg>(R"({"legSymbol":"A","legSymbol":"B"})") == R"(expected a field once, found "legSymbol" at byte 29)");
  CHECK(failure<proto_json, leg>(R"({"leg_symbol":"A","legSymbol":"B"})") != "none");
  CHECK(read<json, leg>(R"({"leg_symbol":"A","leg_symbol":"B"})").leg_symbol == "B");
}

TEST_CASE("proto3: the letters of a time are capitals") {
  using seconds = std::chrono::sys_seconds;
  CHECK(read<proto_json, seconds>("\"1970-01-01T00:00:01Z\"") == seconds{std::chrono::seconds{1}});
  for (const std::string_view text : {"\"1970-01-01t00:00:01Z\"", "\"1970-01-01T00:00:01z\"", "\"1970-01-01 00:00:01Z\""}) {
    CHECK(failure<proto_json, seconds>(text) == "expected date and time like 2026-11-20T10:26:41Z, found " + std::string{text} + " at byte 0");
    CHECK(read<json, seconds>(text) == seconds{std::chrono::seconds{1}});
  }
}

TEST_CASE("proto3: null is the default of the field's type") {
  order value{5, 6, 7, 1.5, true, "n", color::red, {{"A", 1}}, 8, {{"k", 9}}, {std::byte{1}}, std::chrono::milliseconds{1500}, {}, {"B", 2}};
  CHECK(tenon::decode_into<proto_json>(
            R"({"orderId":null,"bigNumber":null,"smallNumber":null,"unitPrice":null,"isOpen":null,"note":null,"paint":null,"legs":null,"maybeCount":null,"byName":null,"rawData":null,"timeLeft":null,"sentAt":null,"firstLeg":null})",
            value)
            .ok());
  CHECK(value == order{});
  CHECK(failure<proto_json, std::vector<int>>("[null]") == "field \"[0]\": expected integer, found null at byte 1");
  const std::optional<nlohmann::json> kept = read<proto_json, std::optional<nlohmann::json>>("{\"a\":null}");
  CHECK(kept == nlohmann::json{{"a", nullptr}});
}

TEST_CASE("proto3: enums come by name or number, binary in either alphabet") {
  CHECK(read<proto_json, color>("\"green\"") == color::green);
  CHECK(read<proto_json, color>("2") == color::green);
  CHECK(read<proto_json, tenon::bytes>("\"-_8=\"") == read<proto_json, tenon::bytes>("\"+/8\""));
}

TEST_CASE("proto3: numbers in a bare variant stay numbers, so that its text is told apart from them") {
  using bare = std::variant<std::monostate, std::int64_t, std::string, leg>;
  for (const bare& value : {bare{}, bare{std::int64_t{5}}, bare{"5"s}, bare{leg{"A", 1}}}) CHECK(read<proto_json, bare>(text_of<proto_json>(value)) == value);
  CHECK(text_of<proto_json>(bare{std::int64_t{5}}) == "5");
  CHECK(text_of<proto_json>(bare{leg{"A", 1}}) == R"({"legSymbol":"A","shareCount":"1"})");
  using named = std::variant<std::int64_t, double>;
  CHECK(text_of<proto_json>(named{std::int64_t{5}}) == R"({"int64":"5"})");
}

TEST_CASE("unknown fields are skipped, or refused where the style says so") {
  CHECK(read<proto_json, leg>(R"({"legSymbol":"A","more":[1,{}]})") == leg{"A", 0});
  CHECK(failure<strict_proto_json, leg>(R"({"legSymbol":"A","more":[1,{}]})") == R"(expected a known field, found "more" at byte 17)");
  CHECK(failure<strict_proto_json, order>(R"({"legs":[{"more":1}]})") == R"(field "legs[0]": expected a known field, found "more" at byte 10)");
  CHECK(failure<strict_proto_json, leg>(R"({"leg_symbol":"A"})") == "none");
}

TEST_CASE("proto3: arguments are an object whose names follow the style") {
  std::tuple<> none;
  CHECK(arguments_text<proto_json>(none) == "{}");
  CHECK(read_arguments<proto_json>("{}", none).ok());
  std::tuple<std::string> one{"A"};
  CHECK(arguments_text<proto_json>(one, "order_name") == R"({"orderName":"A"})");
  CHECK(arguments_text<proto_json>(one) == "\"A\"");
  CHECK(arguments_text<json>(one, "order_name") == "\"A\"");
  CHECK(read_arguments<proto_json>(R"({"orderName":"B"})", one, "order_name").ok());
  CHECK(std::get<0>(one) == "B");
  CHECK(read_arguments<proto_json>(R"({"order_name":"C"})", one, "order_name").ok());
  CHECK(std::get<0>(one) == "C");
  std::tuple<leg> record{leg{"A", 1}};
  CHECK(arguments_text<proto_json>(record, "what") == R"({"legSymbol":"A","shareCount":"1"})");
  std::tuple<std::string, std::int64_t> two{"A", 2};
  CHECK(arguments_text<proto_json>(two, "order_name", "share_count") == R"({"orderName":"A","shareCount":"2"})");
  // A peer leaves out what is zero.
  std::tuple<std::string, std::int64_t> fresh;
  CHECK(read_arguments<proto_json>(R"({"shareCount":"2"})", fresh, "order_name", "share_count").ok());
  CHECK(fresh == std::tuple{""s, std::int64_t{2}});
}
