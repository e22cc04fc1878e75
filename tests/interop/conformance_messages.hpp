// The messages of protobuf's conformance suite as tenon structs: names, numbers and types are those of test_messages_proto3.proto and conformance.proto.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/core/bytes.hpp>
#include <tenon/reflect/struct.hpp>

namespace conformance {

using tenon::fixed;
using tenon::number;
using tenon::sint;

enum class WireFormat { UNSPECIFIED, PROTOBUF, JSON, JSPB, TEXT_FORMAT };
enum class TestCategory { UNSPECIFIED_TEST, BINARY_TEST, JSON_TEST, JSON_IGNORE_UNKNOWN_PARSING_TEST, JSPB_TEST, TEXT_FORMAT_TEST };

/// What the runner asks. The payloads are a oneof there, which is the same on the wire.
struct Request {
  std::optional<tenon::bytes> protobuf_payload;
  std::optional<std::string> json_payload;
  WireFormat requested_output_format = WireFormat::UNSPECIFIED;
  std::string message_type;
  TestCategory test_category = TestCategory::UNSPECIFIED_TEST;
  TENON_STRUCT(Request, protobuf_payload, json_payload, requested_output_format, message_type, test_category)
};
/// What it is answered.
struct Response {
  std::optional<std::string> parse_error;
  std::optional<std::string> runtime_error;
  std::optional<tenon::bytes> protobuf_payload;
  std::optional<std::string> json_payload;
  std::optional<std::string> skipped;
  std::optional<std::string> serialize_error;
  TENON_STRUCT(Response, parse_error, runtime_error, protobuf_payload, json_payload, skipped, serialize_error)
};

enum class NestedEnum { FOO = 0, BAR = 1, BAZ = 2, NEG = -1 };
enum class AliasedEnum { ALIAS_FOO = 0, ALIAS_BAR = 1, ALIAS_BAZ = 2, MOO = 2, moo = 2, bAz = 2 };
enum class ForeignEnum { FOREIGN_FOO, FOREIGN_BAR, FOREIGN_BAZ };
enum class NullValue { NULL_VALUE };

struct ForeignMessage {
  std::int32_t c = 0;
  tenon::bytes unknown;
  TENON_STRUCT(ForeignMessage, c, (unknown, tenon::unknown_fields))
};

template <class T>
struct Wrapper {
  T value{};
  TENON_STRUCT((Wrapper, tenon::wrapper), value)
};
using BoolValue = Wrapper<bool>;
using Int32Value = Wrapper<std::int32_t>;
using Int64Value = Wrapper<std::int64_t>;
using UInt32Value = Wrapper<std::uint32_t>;
using UInt64Value = Wrapper<std::uint64_t>;
using FloatValue = Wrapper<float>;
using DoubleValue = Wrapper<double>;
using StringValue = Wrapper<std::string>;
using BytesValue = Wrapper<tenon::bytes>;

using Duration = std::chrono::nanoseconds;
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;
using Value = nlohmann::json;
struct FieldMask {
  std::vector<std::string> paths;
};
struct Struct {
  std::map<std::string, Value> fields;
  TENON_STRUCT((Struct, tenon::wrapper), fields)
};
struct ListValue {
  std::vector<Value> values;
  TENON_STRUCT((ListValue, tenon::wrapper), values)
};
struct Any {
  std::string type_url;
  tenon::bytes value;
};
struct Empty {};

struct TestAllTypesProto3;
struct NestedMessage {
  std::int32_t a = 0;
  std::unique_ptr<TestAllTypesProto3> corecursive;
  tenon::bytes unknown;
  TENON_STRUCT(NestedMessage, a, corecursive, (unknown, tenon::unknown_fields))
};

struct TestAllTypesProto3 {
  std::int32_t optional_int32 = 0;
  std::int64_t optional_int64 = 0;
  std::uint32_t optional_uint32 = 0;
  std::uint64_t optional_uint64 = 0;
  std::int32_t optional_sint32 = 0;
  std::int64_t optional_sint64 = 0;
  std::uint32_t optional_fixed32 = 0;
  std::uint64_t optional_fixed64 = 0;
  std::int32_t optional_sfixed32 = 0;
  std::int64_t optional_sfixed64 = 0;
  float optional_float = 0;
  double optional_double = 0;
  bool optional_bool = false;
  std::string optional_string;
  tenon::bytes optional_bytes;
  std::optional<NestedMessage> optional_nested_message;
  std::optional<ForeignMessage> optional_foreign_message;
  NestedEnum optional_nested_enum = {};
  ForeignEnum optional_foreign_enum = {};
  AliasedEnum optional_aliased_enum = {};
  std::string optional_string_piece;
  std::string optional_cord;
  std::unique_ptr<TestAllTypesProto3> recursive_message;
  std::vector<std::int32_t> repeated_int32;
  std::vector<std::int64_t> repeated_int64;
  std::vector<std::uint32_t> repeated_uint32;
  std::vector<std::uint64_t> repeated_uint64;
  std::vector<std::int32_t> repeated_sint32;
  std::vector<std::int64_t> repeated_sint64;
  std::vector<std::uint32_t> repeated_fixed32;
  std::vector<std::uint64_t> repeated_fixed64;
  std::vector<std::int32_t> repeated_sfixed32;
  std::vector<std::int64_t> repeated_sfixed64;
  std::vector<float> repeated_float;
  std::vector<double> repeated_double;
  std::vector<bool> repeated_bool;
  std::vector<std::string> repeated_string;
  std::vector<tenon::bytes> repeated_bytes;
  std::vector<NestedMessage> repeated_nested_message;
  std::vector<ForeignMessage> repeated_foreign_message;
  std::vector<NestedEnum> repeated_nested_enum;
  std::vector<ForeignEnum> repeated_foreign_enum;
  std::vector<std::string> repeated_string_piece;
  std::vector<std::string> repeated_cord;
  std::vector<std::int32_t> packed_int32;
  std::vector<std::int64_t> packed_int64;
  std::vector<std::uint32_t> packed_uint32;
  std::vector<std::uint64_t> packed_uint64;
  std::vector<std::int32_t> packed_sint32;
  std::vector<std::int64_t> packed_sint64;
  std::vector<std::uint32_t> packed_fixed32;
  std::vector<std::uint64_t> packed_fixed64;
  std::vector<std::int32_t> packed_sfixed32;
  std::vector<std::int64_t> packed_sfixed64;
  std::vector<float> packed_float;
  std::vector<double> packed_double;
  std::vector<bool> packed_bool;
  std::vector<NestedEnum> packed_nested_enum;
  std::vector<std::int32_t> unpacked_int32;
  std::vector<std::int64_t> unpacked_int64;
  std::vector<std::uint32_t> unpacked_uint32;
  std::vector<std::uint64_t> unpacked_uint64;
  std::vector<std::int32_t> unpacked_sint32;
  std::vector<std::int64_t> unpacked_sint64;
  std::vector<std::uint32_t> unpacked_fixed32;
  std::vector<std::uint64_t> unpacked_fixed64;
  std::vector<std::int32_t> unpacked_sfixed32;
  std::vector<std::int64_t> unpacked_sfixed64;
  std::vector<float> unpacked_float;
  std::vector<double> unpacked_double;
  std::vector<bool> unpacked_bool;
  std::vector<NestedEnum> unpacked_nested_enum;
  std::map<std::int32_t, std::int32_t> map_int32_int32;
  std::map<std::int64_t, std::int64_t> map_int64_int64;
  std::map<std::uint32_t, std::uint32_t> map_uint32_uint32;
  std::map<std::uint64_t, std::uint64_t> map_uint64_uint64;
  std::map<std::int32_t, std::int32_t> map_sint32_sint32;
  std::map<std::int64_t, std::int64_t> map_sint64_sint64;
  std::map<std::uint32_t, std::uint32_t> map_fixed32_fixed32;
  std::map<std::uint64_t, std::uint64_t> map_fixed64_fixed64;
  std::map<std::int32_t, std::int32_t> map_sfixed32_sfixed32;
  std::map<std::int64_t, std::int64_t> map_sfixed64_sfixed64;
  std::map<std::int32_t, float> map_int32_float;
  std::map<std::int32_t, double> map_int32_double;
  std::map<bool, bool> map_bool_bool;
  std::map<std::string, std::string> map_string_string;
  std::map<std::string, tenon::bytes> map_string_bytes;
  std::map<std::string, NestedMessage> map_string_nested_message;
  std::map<std::string, ForeignMessage> map_string_foreign_message;
  std::map<std::string, NestedEnum> map_string_nested_enum;
  std::map<std::string, ForeignEnum> map_string_foreign_enum;
  std::variant<std::monostate, std::uint32_t, NestedMessage, std::string, tenon::bytes, bool, std::uint64_t, float, double, NestedEnum, NullValue> oneof_field;
  std::optional<BoolValue> optional_bool_wrapper;
  std::optional<Int32Value> optional_int32_wrapper;
  std::optional<Int64Value> optional_int64_wrapper;
  std::optional<UInt32Value> optional_uint32_wrapper;
  std::optional<UInt64Value> optional_uint64_wrapper;
  std::optional<FloatValue> optional_float_wrapper;
  std::optional<DoubleValue> optional_double_wrapper;
  std::optional<StringValue> optional_string_wrapper;
  std::optional<BytesValue> optional_bytes_wrapper;
  std::vector<BoolValue> repeated_bool_wrapper;
  std::vector<Int32Value> repeated_int32_wrapper;
  std::vector<Int64Value> repeated_int64_wrapper;
  std::vector<UInt32Value> repeated_uint32_wrapper;
  std::vector<UInt64Value> repeated_uint64_wrapper;
  std::vector<FloatValue> repeated_float_wrapper;
  std::vector<DoubleValue> repeated_double_wrapper;
  std::vector<StringValue> repeated_string_wrapper;
  std::vector<BytesValue> repeated_bytes_wrapper;
  std::optional<Duration> optional_duration;
  std::optional<Timestamp> optional_timestamp;
  std::optional<FieldMask> optional_field_mask;
  std::optional<Struct> optional_struct;
  std::optional<Any> optional_any;
  std::optional<Value> optional_value;
  NullValue optional_null_value = {};
  std::optional<Empty> optional_empty;
  std::vector<Duration> repeated_duration;
  std::vector<Timestamp> repeated_timestamp;
  std::vector<FieldMask> repeated_fieldmask;
  std::vector<Struct> repeated_struct;
  std::vector<Any> repeated_any;
  std::vector<Value> repeated_value;
  std::vector<ListValue> repeated_list_value;
  std::vector<Empty> repeated_empty;
  std::int32_t fieldname1 = 0;
  std::int32_t field_name2 = 0;
  std::int32_t _field_name3 = 0;
  std::int32_t field__name4_ = 0;
  std::int32_t field0name5 = 0;
  std::int32_t field_0_name6 = 0;
  std::int32_t fieldName7 = 0;
  std::int32_t FieldName8 = 0;
  std::int32_t field_Name9 = 0;
  std::int32_t Field_Name10 = 0;
  std::int32_t FIELD_NAME11 = 0;
  std::int32_t FIELD_name12 = 0;
  std::int32_t __field_name13 = 0;
  std::int32_t __Field_name14 = 0;
  std::int32_t field__name15 = 0;
  std::int32_t field__Name16 = 0;
  std::int32_t field_name17__ = 0;
  std::int32_t Field_name18__ = 0;
  tenon::bytes unknown;
  TENON_STRUCT((TestAllTypesProto3), (optional_int32, number(1)), (optional_int64, number(2)), (optional_uint32, number(3)), (optional_uint64, number(4)),
               (optional_sint32, number(5), sint), (optional_sint64, number(6), sint), (optional_fixed32, number(7), fixed), (optional_fixed64, number(8), fixed),
               (optional_sfixed32, number(9), fixed), (optional_sfixed64, number(10), fixed), (optional_float, number(11)), (optional_double, number(12)),
               (optional_bool, number(13)), (optional_string, number(14)), (optional_bytes, number(15)), (optional_nested_message, number(18)),
               (optional_foreign_message, number(19)), (optional_nested_enum, number(21)), (optional_foreign_enum, number(22)), (optional_aliased_enum, number(23)),
               (optional_string_piece, number(24)), (optional_cord, number(25)), (recursive_message, number(27)), (repeated_int32, number(31)),
               (repeated_int64, number(32)), (repeated_uint32, number(33)), (repeated_uint64, number(34)), (repeated_sint32, number(35), sint),
               (repeated_sint64, number(36), sint), (repeated_fixed32, number(37), fixed), (repeated_fixed64, number(38), fixed),
               (repeated_sfixed32, number(39), fixed), (repeated_sfixed64, number(40), fixed), (repeated_float, number(41)), (repeated_double, number(42)),
               (repeated_bool, number(43)), (repeated_string, number(44)), (repeated_bytes, number(45)), (repeated_nested_message, number(48)),
               (repeated_foreign_message, number(49)), (repeated_nested_enum, number(51)), (repeated_foreign_enum, number(52)), (repeated_string_piece, number(54)),
               (repeated_cord, number(55)), (packed_int32, number(75)), (packed_int64, number(76)), (packed_uint32, number(77)), (packed_uint64, number(78)),
               (packed_sint32, number(79), sint), (packed_sint64, number(80), sint), (packed_fixed32, number(81), fixed), (packed_fixed64, number(82), fixed),
               (packed_sfixed32, number(83), fixed), (packed_sfixed64, number(84), fixed), (packed_float, number(85)), (packed_double, number(86)),
               (packed_bool, number(87)), (packed_nested_enum, number(88)), (unpacked_int32, number(89)), (unpacked_int64, number(90)),
               (unpacked_uint32, number(91)), (unpacked_uint64, number(92)), (unpacked_sint32, number(93), sint), (unpacked_sint64, number(94), sint),
               (unpacked_fixed32, number(95), fixed), (unpacked_fixed64, number(96), fixed), (unpacked_sfixed32, number(97), fixed),
               (unpacked_sfixed64, number(98), fixed), (unpacked_float, number(99)), (unpacked_double, number(100)), (unpacked_bool, number(101)),
               (unpacked_nested_enum, number(102)), (map_int32_int32, number(56)), (map_int64_int64, number(57)), (map_uint32_uint32, number(58)),
               (map_uint64_uint64, number(59)), (map_sint32_sint32, number(60), sint, tenon::sint_keys), (map_sint64_sint64, number(61), sint, tenon::sint_keys),
               (map_fixed32_fixed32, number(62), fixed, tenon::fixed_keys), (map_fixed64_fixed64, number(63), fixed, tenon::fixed_keys), (map_sfixed32_sfixed32, number(64), fixed, tenon::fixed_keys),
               (map_sfixed64_sfixed64, number(65), fixed, tenon::fixed_keys), (map_int32_float, number(66)), (map_int32_double, number(67)), 
               (map_bool_bool, number(68)), (map_string_string, number(69)), (map_string_bytes, number(70)), (map_string_nested_message, number(71)), (map_string_foreign_message, number(72)),
               (map_string_nested_enum, number(73)), (map_string_foreign_enum, number(74)),
               (oneof_field, number(111), tenon::numbers(111, 112, 113, 114, 115, 116, 117, 118, 119, 120),
                tenon::names("oneof_uint32", "oneof_nested_message", "oneof_string", "oneof_bytes", "oneof_bool", "oneof_uint64", "oneof_float", "oneof_double", "oneof_enum",
                             "oneof_null_value")), (optional_bool_wrapper, number(201)),
               (optional_int32_wrapper, number(202)), (optional_int64_wrapper, number(203)), (optional_uint32_wrapper, number(204)),
               (optional_uint64_wrapper, number(205)), (optional_float_wrapper, number(206)), (optional_double_wrapper, number(207)),
               (optional_string_wrapper, number(208)), (optional_bytes_wrapper, number(209)), (repeated_bool_wrapper, number(211)),
               (repeated_int32_wrapper, number(212)), (repeated_int64_wrapper, number(213)), (repeated_uint32_wrapper, number(214)),
               (repeated_uint64_wrapper, number(215)), (repeated_float_wrapper, number(216)), (repeated_double_wrapper, number(217)),
               (repeated_string_wrapper, number(218)), (repeated_bytes_wrapper, number(219)), (optional_duration, number(301)), (optional_timestamp, number(302)),
               (optional_field_mask, number(303)), (optional_struct, number(304)), (optional_any, number(305)), (optional_value, number(306)),
               (optional_null_value, number(307)), (optional_empty, number(308)), (repeated_duration, number(311)), (repeated_timestamp, number(312)),
               (repeated_fieldmask, number(313)), (repeated_struct, number(324)), (repeated_any, number(315)), (repeated_value, number(316)),
               (repeated_list_value, number(317)), (repeated_empty, number(318)), (fieldname1, number(401)), (field_name2, number(402)),
               (_field_name3, number(403)), (field__name4_, number(404)), (field0name5, number(405)), (field_0_name6, number(406)), (fieldName7, number(407)),
               (FieldName8, number(408)), (field_Name9, number(409)), (Field_Name10, number(410)), (FIELD_NAME11, number(411)), (FIELD_name12, number(412)),
               (__field_name13, number(413)), (__Field_name14, number(414)), (field__name15, number(415)), (field__Name16, number(416)),
               (field_name17__, number(417)), (Field_name18__, number(418)), (unknown, tenon::unknown_fields))
};

}  // namespace conformance
