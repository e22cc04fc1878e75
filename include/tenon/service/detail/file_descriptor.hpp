// descriptor.proto, as far as services need it, in structs of our own: what compilers and reflection say of a .proto file. Service layer, detail of reflection.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/struct.hpp>

namespace tenon::inline v0::service::detail {

/// Source  google/protobuf/descriptor.proto, FieldDescriptorProto.Type and Label.
namespace field_type {
enum number : int {
  of_double = 1, of_float, of_int64, of_uint64, of_int32, of_fixed64, of_fixed32, of_bool, of_string, of_message = 11, of_bytes, of_uint32, of_enum, of_sfixed32, of_sfixed64,
  of_sint32, of_sint64
};
}
namespace field_label {
enum number : int { optional = 1, repeated = 3 };
}

struct field_descriptor {
  std::string name;
  int number = 0;
  int label = field_label::optional;
  int type = 0;
  std::string type_name{};  ///< `.package.Name`, of messages and enums
  std::optional<int> oneof_index{};
  std::string json_name{};
  bool proto3_optional = false;
  TENON_STRUCT(field_descriptor, (name, tenon::number(1)), (number, tenon::number(3)), (label, tenon::number(4)), (type, tenon::number(5)), (type_name, tenon::number(6)),
               (oneof_index, tenon::number(9)), (json_name, tenon::number(10)), (proto3_optional, tenon::number(17)))
};

struct oneof_descriptor {
  std::string name;
  TENON_STRUCT(oneof_descriptor, (name, tenon::number(1)))
};

struct enum_value_descriptor {
  std::string name;
  std::optional<int> number;  ///< always said: readers miss a zero that is not
  TENON_STRUCT(enum_value_descriptor, (name, tenon::number(1)), (number, tenon::number(2)))
};
struct enum_descriptor {
  std::string name;
  std::vector<enum_value_descriptor> value;
  TENON_STRUCT(enum_descriptor, (name, tenon::number(1)), (value, tenon::number(2)))
};

/// Numbers that no field may have, from `start` to before `end`.
struct reserved_range_descriptor {
  int start = 0;
  int end = 0;
  TENON_STRUCT(reserved_range_descriptor, (start, tenon::number(1)), (end, tenon::number(2)))
};
struct message_options_descriptor {
  bool map_entry = false;
  TENON_STRUCT(message_options_descriptor, (map_entry, tenon::number(7)))
};
struct message_descriptor {
  std::string name;
  std::vector<field_descriptor> field{};
  std::vector<message_descriptor> nested_type{};
  std::optional<message_options_descriptor> options{};
  std::vector<oneof_descriptor> oneof_decl{};
  std::vector<reserved_range_descriptor> reserved_range{};
  TENON_STRUCT(message_descriptor, (name, tenon::number(1)), (field, tenon::number(2)), (nested_type, tenon::number(3)), (options, tenon::number(7)),
               (oneof_decl, tenon::number(8)), (reserved_range, tenon::number(9)))
};

struct method_options_descriptor {
  int idempotency_level = 0;  ///< 1: no side effects, 2: idempotent
  TENON_STRUCT(method_options_descriptor, (idempotency_level, tenon::number(34)))
};
struct method_descriptor {
  std::string name;
  std::string input_type;
  std::string output_type;
  std::optional<method_options_descriptor> options{};
  bool client_streaming = false;
  bool server_streaming = false;
  TENON_STRUCT(method_descriptor, (name, tenon::number(1)), (input_type, tenon::number(2)), (output_type, tenon::number(3)), (options, tenon::number(4)),
               (client_streaming, tenon::number(5)), (server_streaming, tenon::number(6)))
};
struct service_descriptor {
  std::string name;
  std::vector<method_descriptor> method;
  TENON_STRUCT(service_descriptor, (name, tenon::number(1)), (method, tenon::number(2)))
};

struct file_descriptor {
  std::string name;
  std::string package{};
  std::vector<std::string> dependency{};
  std::vector<message_descriptor> message_type{};
  std::vector<enum_descriptor> enum_type{};
  std::vector<service_descriptor> service{};
  std::string syntax = "proto3";
  TENON_STRUCT(file_descriptor, (name, tenon::number(1)), (package, tenon::number(2)), (dependency, tenon::number(3)), (message_type, tenon::number(4)),
               (enum_type, tenon::number(5)), (service, tenon::number(6)), (syntax, tenon::number(12)))
};

// As protoc does: who prints messages by a descriptor takes the names in JSON from there.
[[gnu::cold]] inline void set_json_names(std::vector<message_descriptor>& messages) {
  for (message_descriptor& each : messages) {
    for (field_descriptor& one : each.field) {
      one.json_name.clear();
      bool capital = false;
      for (const char c : one.name) {
        if (c != '_') one.json_name += capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        capital = c == '_';
      }
    }
    set_json_names(each.nested_type);
  }
}

}  // namespace tenon::inline v0::service::detail
