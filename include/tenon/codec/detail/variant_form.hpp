// How a variant crosses the wire: bare when the wire shows which alternative it is, else as an object of one entry `{"name": value}`; in json std::monostate is null
// either way.
// Codec layer, shared by the codecs that describe themselves.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/detail/record_fields.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/names.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

// What the wire itself tells apart, as bits of a set.
enum wire_kind : unsigned { null_kind = 1, boolean_kind = 2, number_kind = 4, text_kind = 8, binary_kind = 16, array_kind = 32, object_kind = 64, any_kind = 127 };

template <class T>
struct pointed_to;
template <class T>
struct pointed_to<std::optional<T>> {
  using type = T;
};
template <class T>
struct pointed_to<std::unique_ptr<T>> {
  using type = std::remove_const_t<T>;
};

// Whether `T` is in json what its only field is.
template <class T>
consteval bool find_wrapper() {
  if constexpr (shape_of<T> == shape::record && tenon::detail::declares_fields<T>) {
    if constexpr (has_attribute<wrapper_attribute>(boost::hana::at_c<0>(tenon::detail::record_fields<T>::attributes))) {
      static_assert(field_count<T> == 1, "tenon: a struct with tenon::wrapper has one field, whose json is the struct's; it has more, or none");
      return true;
    }
  }
  return false;
}
template <class T>
inline constexpr bool is_wrapper = find_wrapper<std::remove_cv_t<T>>();

template <class Variant, bool HasBinary>
struct variant_kinds;

// The kinds that a `T` is written as. `HasBinary` is false for a codec that writes binary data as text.
template <class T, bool HasBinary>
constexpr unsigned wire_kinds() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return boolean_kind;
  else if constexpr (form == shape::integer || form == shape::duration) return number_kind;
  // A codec without words for NaN writes null for it.
  else if constexpr (form == shape::floating) return number_kind;
  else if constexpr (form == shape::text) return text_kind;
  else if constexpr (form == shape::time_point) return text_kind;
  else if constexpr (form == shape::binary) return HasBinary ? binary_kind : text_kind;
  else if constexpr (form == shape::enumeration) return text_kind | number_kind;
  else if constexpr (form == shape::optional) return null_kind | wire_kinds<typename pointed_to<T>::type, HasBinary>();
  else if constexpr (form == shape::sequence || form == shape::fixed_sequence || form == shape::tuple) return array_kind;
  // A codec that writes binary data as text is json.
  else if constexpr (!HasBinary && is_wrapper<T>) return wire_kinds<std::remove_cvref_t<decltype(get_field<0>(std::declval<T&>()))>, HasBinary>();
  else if constexpr (form == shape::mapping || form == shape::record) return object_kind;
  else if constexpr (form == shape::null) return null_kind;
  else if constexpr (form == shape::variant) return variant_kinds<T, HasBinary>::value;
  else return any_kind;
}

// Which alternative says nothing; std::variant_npos where each says something.
template <class Variant>
inline constexpr std::size_t null_alternative = std::variant_npos;
template <class... Alternatives>
inline constexpr std::size_t null_alternative<std::variant<Alternatives...>> = [] {
  constexpr std::array<bool, sizeof...(Alternatives)> says_nothing{shape_of<Alternatives> == shape::null...};
  for (std::size_t i = 0; i < says_nothing.size(); ++i) {
    if (says_nothing[i]) return i;
  }
  return std::variant_npos;
}();

// Whether an argument may be missing where arguments have names: what it is by itself says nothing then.
template <class T>
inline constexpr bool can_be_left_out = shape_of<T> == shape::optional;
template <class... Alternatives>
inline constexpr bool can_be_left_out<std::variant<Alternatives...>> = null_alternative<std::variant<Alternatives...>> == 0;

template <class... Alternatives, bool HasBinary>
struct variant_kinds<std::variant<Alternatives...>, HasBinary> {
  static constexpr std::array<unsigned, sizeof...(Alternatives)> of{wire_kinds<Alternatives, HasBinary>()...};
  static constexpr bool differ = [] {
    unsigned seen = 0;
    for (const unsigned each : of) {
      if ((seen & each) != 0) return false;
      seen |= each;
    }
    return true;
  }();
  // Only json writes the name of no alternative for null.
  static constexpr bool takes_null = !HasBinary && null_alternative<std::variant<Alternatives...>> != std::variant_npos;
  static constexpr unsigned value = differ ? (wire_kinds<Alternatives, HasBinary>() | ...) : object_kind | (takes_null ? unsigned{null_kind} : 0U);
};

// Whether the variant is written bare.
template <class Variant, bool HasBinary>
inline constexpr bool tells_by_kind = variant_kinds<Variant, HasBinary>::differ;

template <class T>
constexpr std::string_view integer_name() {
  constexpr bool is_signed = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 1) return is_signed ? "int8" : "uint8";
  else if constexpr (sizeof(T) == 2) return is_signed ? "int16" : "uint16";
  else if constexpr (sizeof(T) == 4) return is_signed ? "int32" : "uint32";
  else return is_signed ? "int64" : "uint64";
}

// The name of an alternative on the wire: the same on every platform for the types that C++ spells in several ways.
template <class T>
constexpr std::string_view make_alternative_name() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return "boolean";
  else if constexpr (form == shape::integer) return integer_name<T>();
  else if constexpr (std::is_same_v<T, float>) return "float";
  else if constexpr (form == shape::floating) return "double";
  else if constexpr (form == shape::text) return "string";
  else if constexpr (form == shape::binary) return "binary";
  else if constexpr (form == shape::time_point) return "time_point";
  else if constexpr (form == shape::null) return "null";
  else if constexpr (form == shape::optional) return make_alternative_name<typename pointed_to<T>::type>();
  else return type_name<T>;
}

template <class T>
inline constexpr std::string_view alternative_name = make_alternative_name<T>();

template <class Variant>
struct alternative_names;

template <class... Alternatives>
struct alternative_names<std::variant<Alternatives...>> {
  static constexpr std::size_t count = sizeof...(Alternatives);
  static constexpr std::array<std::string_view, count> value{alternative_name<Alternatives>...};
  static constexpr bool differ = [] {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (value[i] == value[j]) return false;
      }
    }
    return true;
  }();
  static_assert(differ, "tenon: two alternatives of a variant have the same name on the wire, so that nothing tells them apart; wrap one of them in a struct");
};

}  // namespace tenon::inline v0::codec::detail
