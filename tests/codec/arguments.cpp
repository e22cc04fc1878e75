#include <tenon/codec/arguments.hpp>

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <tenon/codec.hpp>

namespace {

using tenon::code;
using tenon::codec::json;
using packed = tenon::codec::msgpack;  // The bare name is the namespace of msgpack-c.

struct order {
  std::string symbol;
  int shares = 0;
  bool operator==(const order&) const = default;
};
struct batch {
  std::vector<order> orders;
  bool operator==(const batch&) const = default;
};

struct shuffled {
  int shares = 3;
  std::vector<std::vector<int>> more{{1}, {}};
  std::string symbol = "A";
};

using names = std::vector<std::string_view>;

template <class Codec, class... Values>
std::string encode(const names& given, const Values&... values) {
  std::tuple<const Values&...> tuple{values...};
  tenon::buffer out;
  Codec::encode(out, tenon::codec::arguments{tuple, std::span<const std::string_view>{given}});
  return std::string{out.view()};
}

template <class Codec, class... Values>
tenon::result<std::tuple<Values...>> decode(const names& given, std::string_view in) {
  std::tuple<Values...> tuple{};
  tenon::codec::arguments target{tuple, std::span<const std::string_view>{given}};
  if (tenon::status read = tenon::decode_into<Codec>(in, target); !read.ok()) return read;
  return tuple;
}

template <class Codec, class... Values>
std::string error_of(const names& given, std::string_view in) {
  const auto read = decode<Codec, Values...>(given, in);
  if (read) return "no error";
  CHECK(read.error().code() == code::invalid_argument);
  return read.error().message();
}

}  // namespace

TEST_CASE("no arguments are written as null and read from nothing, null, an empty array or an empty object") {
  CHECK(encode<json>({}) == "null");
  CHECK(encode<packed>({}) == "\xc0");
  for (const char* text : {"", "null", "[]", "{}"}) CHECK(decode<json>({}, text).has_value());
  for (const char* text : {"", "\xc0", "\x90", "\x80"}) CHECK(decode<packed>({}, text).has_value());
  CHECK_FALSE(decode<json>({}, "1").has_value());
  CHECK(error_of<packed>({}, "\x01") == "expected no arguments, found integer at byte 0");
  CHECK(error_of<packed>({}, "\x91\x01") == "expected no arguments, found array at byte 0");
  CHECK(error_of<packed>({}, "\xc0\xc0") == "expected end of input, found 1 more bytes at byte 1");
}

TEST_CASE("one argument is written as its bare value") {
  CHECK(encode<json>({"symbol"}, std::string{"A"}) == "\"A\"");
  CHECK(encode<packed>({"symbol"}, std::string{"A"}) == "\xa1" "A");
  CHECK(encode<packed>({}, std::vector<int>{1, 2}) == "\x92\x01\x02");
  CHECK(encode<json>({}, std::vector<int>{1, 2}) == "[1,2]");
}

TEST_CASE("one argument is read from its bare value, from an array of one, or from an object by its name") {
  const names given{"symbol"};
  CHECK(decode<json, std::string>(given, R"("A")").value() == std::tuple{"A"});
  CHECK(decode<json, std::string>(given, R"(["A"])").value() == std::tuple{"A"});
  CHECK(decode<json, std::string>(given, R"({"other": [1], "symbol": "A"})").value() == std::tuple{"A"});
  CHECK(decode<packed, std::string>(given, "\xa1" "A").value() == std::tuple{"A"});
  CHECK(decode<packed, std::string>(given, "\x91\xa1" "A").value() == std::tuple{"A"});
  CHECK(decode<packed, std::string>(given, "\x82\xa5" "other\x91\x01\xa6symbol\xa1" "A").value() == std::tuple{"A"});

  CHECK(error_of<packed, std::string>(given, "\x05") == "field \"symbol\": expected string, found integer at byte 0");
  CHECK(error_of<packed, std::string>(given, "\x80") == "field \"symbol\": expected a value (it is required), found none at byte 1");
  CHECK(error_of<packed, std::string>(given, "") == "field \"symbol\": expected string, found end of input at byte 0");
  CHECK(error_of<packed, std::string>({}, "\x81\xa6symbol\xa1" "A") == "expected string, found object at byte 0");
  CHECK(error_of<packed, std::string>({}, "\x92\xa1" "A\xa1" "B") == "expected 1 argument, found 2 at byte 0");
  CHECK(error_of<packed, std::string>({}, "\x91\x05") == "field \"arguments[0]\": expected string, found integer at byte 1");
  CHECK_FALSE(decode<json, std::string>(given, R"({})").has_value());
  CHECK_FALSE(decode<json, std::string>(given, R"(["A", "B"])").has_value());
  CHECK_FALSE(decode<json, std::string>({}, "").has_value());
}

TEST_CASE("one argument that may itself be an array or an object is the whole value") {
  CHECK(decode<json, std::vector<int>>({"list"}, "[1]").value() == std::tuple{std::vector<int>{1}});
  CHECK(decode<packed, std::vector<int>>({"list"}, "\x91\x01").value() == std::tuple{std::vector<int>{1}});
  CHECK(decode<packed, std::vector<int>>({"list"}, "\x81\xa4list\x91\x01").value() == std::tuple{std::vector<int>{1}});
  using map = std::map<std::string, int>;
  CHECK(decode<json, map>({"map"}, R"({"map": 1})").value() == std::tuple{map{{"map", 1}}});
  CHECK(decode<packed, map>({"map"}, "\x81\xa3map\x01").value() == std::tuple{map{{"map", 1}}});
  CHECK(decode<packed, map>({"map"}, "\x91\x81\xa3map\x01").value() == std::tuple{map{{"map", 1}}});
  CHECK(decode<json, order>({"order"}, R"({"symbol": "A", "shares": 3})").value() == std::tuple{order{"A", 3}});
  CHECK(decode<json, order>({"order"}, R"([{"symbol": "A", "shares": 3}])").value() == std::tuple{order{"A", 3}});
}

TEST_CASE("one record by its parameter's name is not mistaken for the record itself, whose unknown fields would be skipped") {
  CHECK(decode<json, order>({"order"}, R"( { "order" : {"symbol": "A", "shares": 3} } )").value() == std::tuple{order{"A", 3}});
  CHECK(decode<json, order>({"order"}, R"({"order": null})").value() == std::tuple{order{}});
  CHECK(decode<packed, order>({"order"}, "\x81\xa5order\x81\xa6symbol\xa1" "A").value() == std::tuple{order{"A", 0}});
  // A field of that name is the record's own.
  CHECK(decode<json, batch>({"orders"}, R"({"orders": []})").value() == std::tuple{batch{}});
  CHECK(decode<json, order>({"order"}, R"({"order": 1, "symbol": "A"})").value() == std::tuple{order{"A", 0}});
  CHECK(decode<json, order>({"order"}, R"({"order)").error().code() == code::invalid_argument);
}

TEST_CASE("a record in MessagePack is told from a list of one record, as both may be arrays") {
  CHECK(decode<packed, order>({}, "\x91\x81\xa6symbol\xa1" "A").value() == std::tuple{order{"A", 0}});
  CHECK(decode<packed, order>({}, "\x92\xa1" "A\x03").value() == std::tuple{order{"A", 3}});
  CHECK(decode<packed, order>({}, "\x91\xa1" "A").value() == std::tuple{order{"A", 0}});
  CHECK(decode<packed, order>({}, "\x91\x92\xa1" "A\x03").value() == std::tuple{order{"A", 3}});
  // The record's first field is an array: then the array is the record by position.
  CHECK(decode<packed, batch>({}, "\x91\x91\x92\xa1" "A\x03").value() == std::tuple{batch{{order{"A", 3}}}});
  CHECK(decode<packed, batch>({}, "\x91\x81\xa6orders\x91\x92\xa1" "A\x03").value() == std::tuple{batch{{order{"A", 3}}}});
}

TEST_CASE_TEMPLATE("several arguments are an object by names where those are given, else an array", Codec, json, packed) {
  const names given{"symbol", "shares"};
  const std::tuple expected{std::string{"A"}, 3};
  const std::string named = encode<Codec>(given, std::string{"A"}, 3);
  const std::string listed = encode<Codec>({}, std::string{"A"}, 3);
  CHECK(named.size() > listed.size());
  CHECK(decode<Codec, std::string, int>(given, named).value() == expected);
  CHECK(decode<Codec, std::string, int>(given, listed).value() == expected);
  CHECK(decode<Codec, std::string, int>({}, listed).value() == expected);
  CHECK_FALSE(decode<Codec, std::string, int>({}, named).has_value());
  CHECK_FALSE(decode<Codec, std::string, int>(given, "").has_value());
  CHECK_FALSE(decode<Codec, std::string, int>(given, encode<Codec>({}, 3)).has_value());
  CHECK(error_of<Codec, std::string, int>(given, encode<Codec>({}, std::string{"A"}, 3, 3)).find("expected 2 arguments, found 3") == 0);
  CHECK(error_of<Codec, std::string, int>(given, encode<Codec>({}, std::string{"A"}, true)).find("field \"shares\": expected integer, found boolean") == 0);
  CHECK(error_of<Codec, std::string, int>({}, encode<Codec>({}, std::string{"A"}, true)).find("field \"arguments[1]\": expected integer, found boolean") == 0);
  CHECK(error_of<Codec, std::string, int>(given, encode<Codec>({"symbol", "price"}, std::string{"A"}, 3)).find("field \"shares\": expected a value (it is required), found none") == 0);
  CHECK(decode<Codec, std::string, std::optional<int>>(given, encode<Codec>({"symbol", "price"}, std::string{"A"}, 3)).value() == std::tuple{std::string{"A"}, std::optional<int>{}});
  using perhaps = std::variant<std::monostate, order, std::vector<order>>;
  CHECK(decode<Codec, std::string, perhaps>(given, encode<Codec>({"symbol", "price"}, std::string{"A"}, 3)).value() == std::tuple{std::string{"A"}, perhaps{}});
  // Left out it would be an order.
  CHECK(error_of<Codec, std::string, std::variant<order, std::monostate>>(given, encode<Codec>({"symbol", "price"}, std::string{"A"}, 3)).find("field \"shares\": expected a value (it is required)") == 0);
  CHECK(error_of<Codec, order, int>({"order", "limit"}, encode<Codec>({}, std::map<std::string, bool>{{"shares", true}}, 3)).find("field \"order.shares\": expected integer, found boolean") == 0);
}

TEST_CASE_TEMPLATE("arguments are read in any order, and unknown ones are skipped", Codec, json, packed) {
  const shuffled message;
  const std::string in = tenon::encode<Codec>(message);
  CHECK(decode<Codec, std::string, int>({"symbol", "shares"}, in).value() == std::tuple{std::string{"A"}, 3});
}
