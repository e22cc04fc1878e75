#include <tenon/codec/json.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace json_oneof_test {

using tenon::codec::basic_json;
using tenon::codec::json;
using tenon::codec::json_style;
using tenon::codec::proto_json;
using namespace std::string_literals;

struct inner_part {
  std::int32_t a = 0;
  std::int32_t b = 0;
  bool operator==(const inner_part&) const = default;
};

struct message {
  std::int32_t before_it = 0;
  std::variant<std::monostate, std::int64_t, std::string, inner_part> some_body;
  std::string after_it;
  bool operator==(const message&) const = default;
};

struct named {
  std::variant<std::monostate, std::uint32_t, std::string, nlohmann::json> choice;
  std::variant<std::int32_t, tenon::bytes> other;
  bool operator==(const named&) const = default;
  TENON_STRUCT(named, (choice, tenon::number(4), tenon::names("choice_one", "plain_text", "anything")), other)
};

struct strict {
  std::variant<std::monostate, std::int32_t, std::string> which;
  int rest = 0;
  TENON_STRUCT(strict, (which, tenon::required), rest)
};

struct parent {
  std::vector<message> messages;
  std::optional<message> maybe;
  bool operator==(const parent&) const = default;
};

template <class T, class Codec = proto_json>
T read(std::string_view text) {
  tenon::result<T> value = tenon::decode<T, Codec>(text);
  INFO(text);
  REQUIRE_MESSAGE(value.has_value(), (value.has_value() ? ""s : value.error().to_string()));
  return *std::move(value);
}
template <class T, class Codec = proto_json>
std::string failure(std::string_view text) {
  const tenon::result<T> value = tenon::decode<T, Codec>(text);
  return value.has_value() ? "none" : value.error().message();
}
template <class T>
void check(const T& value, std::string_view text) {
  CHECK(tenon::encode<proto_json>(value) == text);
  CHECK(read<T>(text) == value);
}

}  // namespace json_oneof_test

using namespace json_oneof_test;

TEST_CASE("proto3: a variant's alternatives are fields of the struct, zero ones written as well") {
  check(message{}, "{}");
  check(message{1, std::int64_t{5}, "x"}, R"({"beforeIt":1,"someBodyInt64":"5","afterIt":"x"})");
  check(message{0, std::int64_t{0}, ""}, R"({"someBodyInt64":"0"})");
  check(message{0, ""s, ""}, R"({"someBodyString":""})");
  check(message{0, inner_part{1, 0}, ""}, R"({"someBodyInnerPart":{"a":1}})");
  check(message{0, inner_part{}, ""}, R"({"someBodyInnerPart":{}})");
  check(parent{{{1, ""s, "x"}, {}}, message{0, std::int64_t{0}, ""}}, R"({"messages":[{"beforeIt":1,"someBodyString":"","afterIt":"x"},{}],"maybe":{"someBodyInt64":"0"}})");
}

TEST_CASE("proto3: the fields of a variant come in any order and by either name") {
  CHECK(read<message>(R"({"afterIt":"x","some_body_int64":5,"before_it":1})") == message{1, std::int64_t{5}, "x"});
  CHECK(read<message>(R"({ "some_body_inner_part" : {"b":2} })") == message{0, inner_part{0, 2}, ""});
}

TEST_CASE("proto3: tenon::names gives the fields of a variant their names, in json and in .proto") {
  check(named{std::uint32_t{7}, 0}, R"({"choiceOne":7,"otherInt32":0})");
  check(named{"t"s, tenon::bytes{std::byte{1}}}, R"({"plainText":"t","otherBytes":"AQ=="})");
  check(named{nlohmann::json{{"a", nullptr}}, 0}, R"({"anything":{"a":null},"otherInt32":0})");
  CHECK(read<named>(R"({"choice_one":7})") == named{std::uint32_t{7}, 0});
  static_assert(tenon::locked_schema<named>(R"(oneof choice { uint32 choice_one = 4; string plain_text = 5; google.protobuf.Value anything = 6; }
                                               oneof other { int32 other_int32 = 4; bytes other_bytes = 5; })"));
}

TEST_CASE("proto3: of the fields of a variant one is there at most") {
  CHECK(failure<message>(R"({"someBodyInt64":"5","someBodyString":"x"})") ==
        R"(field "someBodyString": expected one field of those that exclude each other, found a second one at byte 38)");
  CHECK(failure<message>(R"({"someBodyInt64":"5","some_body_int64":"6"})") == R"(expected a field once, found "someBodyInt64" at byte 39)");
  CHECK(failure<parent>(R"({"messages":[{"someBodyInt64":true}]})") == R"(field "messages[0].someBodyInt64": expected integer, found boolean at byte 30)");
}

TEST_CASE("proto3: null is no choice, but for a field of free form") {
  CHECK(read<message>(R"({"someBodyInt64":null,"someBodyString":"x"})") == message{0, "x"s, ""});
  CHECK(read<message>(R"({"someBodyString":"x","someBodyInt64":null})") == message{0, "x"s, ""});
  CHECK(read<named>(R"({"anything":null})") == named{nlohmann::json{}, 0});
  CHECK(failure<named>(R"({"anything":null,"plainText":"x"})") != "none");
}

TEST_CASE("proto3: a required variant needs one of its fields") {
  CHECK(std::get<std::int32_t>(read<strict>(R"({"whichInt32":0})").which) == 0);
  CHECK(failure<strict>(R"({"rest":1})") == R"(field "which": expected a value (it is required), found none at byte 0)");
  CHECK(failure<strict>(R"({"whichInt32":null})") == R"(field "which": expected a value (it is required), found none at byte 0)");
}

TEST_CASE("proto3: what is reused starts from its defaults") {
  parent value{{{1, "long enough to have memory of its own"s, "x"}}, message{1, std::int64_t{5}, "y"}};
  CHECK(tenon::decode_into<proto_json>(R"({"messages":[{"afterIt":"z"}],"maybe":{"afterIt":"z"}})", value).ok());
  CHECK(value == parent{{{0, std::monostate{}, "z"}}, message{0, std::monostate{}, "z"}});
  CHECK(tenon::decode_into<proto_json>(R"({"messages":[{"someBodyInnerPart":{"a":1}}]})", value).ok());
  CHECK(tenon::decode_into<proto_json>(R"({"messages":[{"someBodyInnerPart":{"b":1}}]})", value).ok());
  CHECK(value.messages == std::vector<message>{{0, inner_part{0, 1}, ""}});
}

TEST_CASE("plain json and other styles leave a variant a value of its own, and flat variants do not need the rest of proto3") {
  CHECK(tenon::encode<json>(message{1, std::int64_t{5}, "x"}) == R"({"before_it":1,"some_body":5,"after_it":"x"})");
  using flat = basic_json<json_style{.flat_variants = true}>;
  const message value{1, std::int64_t{5}, "x"};
  CHECK(tenon::encode<flat>(value) == R"({"before_it":1,"some_body_int64":5,"after_it":"x"})");
  CHECK(read<message, flat>(tenon::encode<flat>(value)) == value);
  CHECK(tenon::encode<flat>(message{}) == R"({"before_it":0,"after_it":""})");
  CHECK(tenon::encode<proto_json>(std::vector<std::variant<std::monostate, std::string>>{"x"}) == R"(["x"])");
}
