// The files under google/protobuf/ that descriptions here may import, as reflection hands them out. Service layer, detail of reflection.hpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/text.hpp>
#include <tenon/service/detail/file_descriptor.hpp>

namespace tenon::inline v0::service::detail {

[[gnu::cold]] inline message_descriptor well_known_message(std::string_view name, std::vector<field_descriptor> fields) {
  message_descriptor made{.name = std::string{name}};
  made.field = std::move(fields);
  return made;
}
[[gnu::cold]] inline file_descriptor well_known_file(std::string_view name, std::vector<message_descriptor> messages) {
  file_descriptor made{.name = tenon::detail::join_text({"google/protobuf/", name, ".proto"}), .package = "google.protobuf"};
  made.message_type = std::move(messages);
  return made;
}

// Source  google/protobuf/struct.proto
[[gnu::cold]] inline file_descriptor file_of_struct() {
  using namespace field_type;
  constexpr auto repeated = field_label::repeated;
  message_descriptor free = well_known_message("Struct", {{.name = "fields", .number = 1, .label = repeated, .type = of_message, .type_name = ".google.protobuf.Struct.FieldsEntry"}});
  free.nested_type.push_back(well_known_message(
      "FieldsEntry", {{.name = "key", .number = 1, .type = of_string}, {.name = "value", .number = 2, .type = of_message, .type_name = ".google.protobuf.Value"}}));
  free.nested_type.back().options = message_options_descriptor{.map_entry = true};
  message_descriptor value = well_known_message("Value", {{.name = "null_value", .number = 1, .type = of_enum, .type_name = ".google.protobuf.NullValue"},
                                                          {.name = "number_value", .number = 2, .type = of_double},
                                                          {.name = "string_value", .number = 3, .type = of_string},
                                                          {.name = "bool_value", .number = 4, .type = of_bool},
                                                          {.name = "struct_value", .number = 5, .type = of_message, .type_name = ".google.protobuf.Struct"},
                                                          {.name = "list_value", .number = 6, .type = of_message, .type_name = ".google.protobuf.ListValue"}});
  value.oneof_decl.push_back({"kind"});
  for (field_descriptor& each : value.field) each.oneof_index = 0;
  message_descriptor list = well_known_message("ListValue", {{.name = "values", .number = 1, .label = repeated, .type = of_message, .type_name = ".google.protobuf.Value"}});
  file_descriptor made = well_known_file("struct", {std::move(free), std::move(value), std::move(list)});
  made.enum_type.push_back({.name = "NullValue", .value = {{"NULL_VALUE", 0}}});
  return made;
}

[[gnu::cold]] inline file_descriptor file_of_wrappers() {
  using namespace field_type;
  file_descriptor made = well_known_file("wrappers", {});
  const std::pair<std::string_view, int> wrapped[] = {{"DoubleValue", of_double}, {"FloatValue", of_float}, {"Int64Value", of_int64}, {"UInt64Value", of_uint64}, {"Int32Value", of_int32},
                                                      {"UInt32Value", of_uint32}, {"BoolValue", of_bool},   {"StringValue", of_string}, {"BytesValue", of_bytes}};
  for (const auto& [name, type] : wrapped) made.message_type.push_back(well_known_message(name, {{.name = "value", .number = 1, .type = type}}));
  return made;
}

/// All of them: none imports another.
[[gnu::cold]] inline std::vector<file_descriptor> well_known_files() {
  using namespace field_type;
  std::vector<file_descriptor> all;
  all.push_back(well_known_file("any", {well_known_message("Any", {{.name = "type_url", .number = 1, .type = of_string}, {.name = "value", .number = 2, .type = of_bytes}})}));
  for (const std::string_view name : {"duration", "timestamp"}) {
    const std::string_view message = name == "duration" ? "Duration" : "Timestamp";
    all.push_back(well_known_file(name, {well_known_message(message, {{.name = "seconds", .number = 1, .type = of_int64}, {.name = "nanos", .number = 2, .type = of_int32}})}));
  }
  all.push_back(well_known_file("empty", {well_known_message("Empty", {})}));
  all.push_back(well_known_file("field_mask", {well_known_message("FieldMask", {{.name = "paths", .number = 1, .label = field_label::repeated, .type = of_string}})}));
  all.push_back(file_of_struct());
  all.push_back(file_of_wrappers());
  return all;
}

}  // namespace tenon::inline v0::service::detail
