// What a service or a message looks like to others, as text: .proto, JSON Schema. Service layer.
#pragma once

#include <string>

#include <tenon/service/detail/json_schema.hpp>
#include <tenon/service/detail/proto_text.hpp>

namespace tenon::inline v0 {

/// The forms of `describe`.
///
/// proto        a proto3 file for protoc, in which a service's names lead to the same wire as here.
/// json_schema  JSON Schema 2020-12 of what codec::json writes.
namespace schema {
struct proto_form {};
struct json_schema_form {};
inline constexpr proto_form proto{};
inline constexpr json_schema_form json_schema{};
}  // namespace schema

/// The .proto file of a service or a message with everything it needs.
///
/// Shape   messages have the names of their structs, or those of tenon::name on the struct, whose dots are the package; a service's package is that of its name. Arguments
///         that are not one struct become `LastRequest`, answers that are no struct `LastResponse`, nothing is google.protobuf.Empty; what protobuf cannot put into a
///         field becomes a message `RowsItem` beside the field. tenon::doc becomes a comment, tenon::idempotent and tenon::safe the method's option.
template <class T>
std::string describe(schema::proto_form) {
  return service::detail::proto_text_of<T>();
}

/// The JSON Schema of a message, or of what a service's methods take and give.
template <class T>
std::string describe(schema::json_schema_form) {
  return detail::json_schema_of<T>();
}

}  // namespace tenon::inline v0
