// How json may be spelled: the options of basic_json, and the set of them that proto3's json mapping asks for. Codec layer.
#pragma once

namespace tenon::inline v0::codec {

/// How a field's name is spelled, from what C++ or TENON_STRUCT says.
///
/// as_is   unchanged.
/// camel   an underscore makes the next letter a capital and goes: `user_id` is `userId`; everything else stays, as protoc does it.
/// pascal  the same, with a capital in front: `UserId`.
/// snake   an underscore between words, small letters: `userId` is `user_id`, `HTTPServer` is `http_server`.
/// kebab   the same with a hyphen: `user-id`.
enum class name_case : unsigned char { as_is, camel, snake, pascal, kebab };

/// What differs between one json and another: a template argument of basic_json.
///
/// Shape   `constexpr tenon::codec::json_style style{.names = tenon::codec::name_case::camel};`
struct json_style {
  name_case names = name_case::as_is;    ///< of fields and arguments; a name given by tenon::name stays, and the name in C++ is read as well
  bool wide_integers_as_text = false;    ///< 64-bit integers are written as "5"; any number may be read from text
  bool special_numbers_as_text = false;  ///< NaN, Infinity and -Infinity are written as text; else as null, which is read as NaN
  bool seconds_as_text = false;          ///< durations are seconds, "1.500s"; else the count of their own unit
  bool grouped_fractions = false;        ///< fractions of seconds have 3, 6 or 9 digits; else as many as they need
  bool omit_defaults = false;            ///< zero, empty and unset fields are left out, unless they are required or T{} has something else there; what is missing is T{}'s
  bool null_is_default = false;          ///< null is the default of any field's type; else only what can be empty takes it
  bool refuse_unknown = false;           ///< a field that the struct does not have is an error; else it is skipped
  bool refuse_doubled = false;           ///< a field that comes twice is an error; else the last one counts
  bool flat_variants = false;            ///< a variant in a struct is a oneof: its alternatives are fields of the struct, `bodyText`, of which at most one is there; see tenon::names
  bool capital_times = false;            ///< time points have a capital T and Z; else small ones and a blank are read as well
  bool calls_as_objects = false;         ///< a call's arguments are an object, even when there is one, or none
  bool operator==(const json_style&) const = default;
};

/// The json that gRPC and Connect peers speak.
///
/// Reads   unknown fields are skipped, as Connect does it. What a struct kept of protobuf's wire (tenon::unknown_fields) is neither written nor read. Null stands for
///         a field's default and for a Value that is null; it is no struct of its own.
/// Limits  a variant that is no struct's own field, an element or an argument, stays what it is in plain json, and so does what .proto has no other place for than a
///         message around it: a list in a list, an optional in a list. google.protobuf.Any and FieldMask are the structs they are.
/// Source  protobuf.dev, ProtoJSON format.
inline constexpr json_style proto3{.names = name_case::camel,
                                   .wide_integers_as_text = true,
                                   .special_numbers_as_text = true,
                                   .seconds_as_text = true,
                                   .grouped_fractions = true,
                                   .omit_defaults = true,
                                   .null_is_default = true,
                                   .refuse_doubled = true,
                                   .flat_variants = true,
                                   .capital_times = true,
                                   .calls_as_objects = true};

namespace detail {

// Styles reach the templates as types: a value of class type would spell all its members in every mangled name.
struct plain_json {
  static constexpr json_style style{};
};
template <json_style Style>
struct styled_json {
  static constexpr json_style style = Style;
};

}  // namespace detail

}  // namespace tenon::inline v0::codec
