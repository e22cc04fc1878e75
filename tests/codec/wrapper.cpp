#include <tenon/codec/json.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/reflect/struct.hpp>

namespace wrapper_test {

using tenon::codec::json;
using packed = tenon::codec::msgpack;
using tenon::codec::proto_json;
using tenon::codec::protobuf;

template <class T>
struct holder {
  T value{};
  bool operator==(const holder&) const = default;
  TENON_STRUCT((holder, tenon::wrapper), value)
};
using int64_value = holder<std::int64_t>;
using struct_value = holder<std::map<std::string, nlohmann::json>>;
using list_value = holder<std::vector<nlohmann::json>>;

struct settings {
  std::optional<int64_value> limit;
  std::vector<holder<std::string>> names;
  std::optional<struct_value> extra;
  std::optional<list_value> list;
  bool operator==(const settings&) const = default;
};

}  // namespace wrapper_test

using namespace wrapper_test;

TEST_CASE("a wrapper is its only field in json, absent or null where it is optional, and a message on protobuf's wire") {
  const settings value{int64_value{0}, {{"a"}, {""}}, struct_value{{{"k", nullptr}}}, list_value{{1, "x"}}};
  CHECK(tenon::encode<json>(value) == R"({"limit":0,"names":["a",""],"extra":{"k":null},"list":[1,"x"]})");
  CHECK(tenon::encode<proto_json>(value) == R"({"limit":"0","names":["a",""],"extra":{"k":null},"list":[1,"x"]})");
  CHECK(tenon::encode<proto_json>(settings{}) == "{}");
  CHECK(tenon::decode<settings, json>(tenon::encode<json>(value)).value() == value);
  CHECK(tenon::decode<settings, proto_json>(tenon::encode<proto_json>(value)).value() == value);
  CHECK(tenon::decode<settings, proto_json>(R"({"limit":null,"extra":null,"list":null,"names":null})").value() == settings{});
  CHECK(tenon::decode<settings, protobuf>(tenon::encode<protobuf>(value)).value() == value);
  using namespace std::string_view_literals;
  CHECK(tenon::encode<protobuf>(settings{int64_value{5}, {{"a"}}, {}, {}}) == "\x0a\x02\x08\x05\x12\x03\x0a\x01\x61"sv);
}

TEST_CASE("MessagePack keeps a wrapper the struct it is") {
  CHECK(tenon::decode<settings, packed>(tenon::encode<packed>(settings{int64_value{5}, {}, {}, {}})).value() == settings{int64_value{5}, {}, {}, {}});
  CHECK(tenon::encode<packed>(int64_value{5}) == "\x81\xa5value\x05");
}

TEST_CASE("the errors of a wrapper are those of its field, and a variant tells it by what the field is") {
  const auto read = tenon::decode<settings, proto_json>(R"({"names":["a",null]})");
  CHECK(read.error().message() == R"(field "names[1]": expected string, found null at byte 14)");
  using either = std::variant<int64_value, std::string>;
  CHECK(tenon::encode<json>(either{int64_value{5}}) == "5");
  CHECK(tenon::decode<either, json>("5").value() == either{int64_value{5}});
}
