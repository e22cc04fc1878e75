// Maps by keys that one format spells otherwise than another: bool, and protobuf's widths of integers.
#include <tenon/codec/protobuf.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/reflect/struct.hpp>

namespace map_keys_test {

using tenon::codec::json;
using packed = tenon::codec::msgpack;
using tenon::codec::proto_json;
using tenon::codec::protobuf;

struct keyed {
  std::map<bool, std::int32_t> by_truth;
  std::map<std::int32_t, std::int32_t> zigzag;
  std::map<std::uint64_t, std::string> wide;
  bool operator==(const keyed&) const = default;
  TENON_STRUCT(keyed, by_truth, (zigzag, tenon::sint, tenon::sint_keys), (wide, tenon::fixed_keys))
};

template <class Codec>
std::string failure(std::string_view text) {
  const auto value = tenon::decode<std::map<bool, int>, Codec>(text);
  return value.has_value() ? "none" : value.error().message();
}

}  // namespace map_keys_test

using namespace map_keys_test;

TEST_CASE("keys that are bool, sint or fixed are on protobuf's wire what .proto says of them") {
  const keyed value{{{false, 1}, {true, 2}}, {{-1, -2}}, {{3, "x"}}};
  const std::string wire = tenon::encode<protobuf>(value);
  using namespace std::string_view_literals;
  CHECK(wire == "\x0a\x04\x08\x00\x10\x01\x0a\x04\x08\x01\x10\x02\x12\x04\x08\x01\x10\x03\x1a\x0c\x09\x03\x00\x00\x00\x00\x00\x00\x00\x12\x01x"sv);
  CHECK(tenon::decode<keyed, protobuf>(wire).value() == value);
  // Twice, so that the second half is read out of order.
  CHECK(tenon::decode<keyed, protobuf>(wire + wire).value() == value);
  static_assert(tenon::locked_schema<keyed>("map<bool, int32> by_truth = 1; map<sint32, sint32> zigzag = 2; map<fixed64, string> wide = 3;"));
}

TEST_CASE("keys that are bool are text in json, and themselves in msgpack, which reads text as well") {
  const keyed value{{{false, 1}, {true, 2}}, {{-1, -2}}, {{3, "x"}}};
  CHECK(tenon::encode<json>(value) == R"({"by_truth":{"false":1,"true":2},"zigzag":{"-1":-2},"wide":{"3":"x"}})");
  CHECK(tenon::decode<keyed, json>(tenon::encode<json>(value)).value() == value);
  CHECK(tenon::decode<keyed, proto_json>(R"({"byTruth":{"tr\u0075e":2,"false":1},"zigzag":{"-1":-2},"wide":{"3":"x"}})").value() == value);
  CHECK(tenon::decode<keyed, packed>(tenon::encode<packed>(value)).value() == value);
  CHECK(tenon::decode<std::map<bool, int>, packed>("\x81\xa4true\x05").value() == std::map<bool, int>{{true, 5}});
  CHECK(failure<json>(R"({"True":1})") == "expected key that is true or false, found \"True\" at byte 1");
  CHECK(failure<json>(R"({"true":"x"})") == "field \"true\": expected integer, found string at byte 8");
  CHECK(failure<packed>("\x81\xa1t\x05") == "expected key that is true or false, found \"t\" at byte 1");
}
