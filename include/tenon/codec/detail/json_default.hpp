// What proto3's json says by absence, by null and by kind: the styled forms' questions about a type or value. Codec layer, detail of codec/json.hpp.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <variant>

#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/codec/json_style.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

// Null says something of its own to these types; to all others it is the default where the style says so.
template <class T>
inline constexpr bool takes_null = [] {
  constexpr shape form = shape_of<T>;
  return form == shape::optional || form == shape::sequence || form == shape::mapping || form == shape::variant || form == shape::null || form == shape::free_json ||
         form == shape::free_msgpack;
}();

// A bare variant is told by its kind: numbers in it must stay numbers.
template <class Style, class Variant, class Alternative>
using alternative_style = std::conditional_t<tells_by_kind<Variant, false> && (wire_kinds<Alternative, false>() & number_kind) != 0, plain_json, Style>;

// One bit per field.
template <std::size_t Count>
struct omissible_fields {
  std::array<std::uint64_t, (Count + 63) / 64> bits{};
  bool has(std::size_t index) const noexcept { return (bits[index / 64] >> (index % 64) & 1U) != 0; }
};

template <class T>
const omissible_fields<field_count<T>>& omissible_fields_of();

// Whether the value is what a peer takes from the field's absence: zero, empty, unset.
template <class T>
bool is_json_default(const T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean || form == shape::integer || form == shape::enumeration) {
    return value == T{};
  } else if constexpr (form == shape::floating) {
    return value == 0 && !std::signbit(value);
  } else if constexpr (form == shape::text) {
    if constexpr (std::is_pointer_v<T>) return value == nullptr || *value == '\0';
    else return value.empty();
  } else if constexpr (form == shape::binary) {
    return value.size() == 0;
  } else if constexpr (form == shape::optional) {
    return !value;
  } else if constexpr (form == shape::sequence || form == shape::mapping) {
    return value.empty();
  } else if constexpr (form == shape::duration) {
    return value.count() == 0;
  } else if constexpr (form == shape::time_point) {
    return value.time_since_epoch().count() == 0;
  } else if constexpr (form == shape::variant) {
    return std::visit([](const auto& held) { return shape_of<decltype(held)> == shape::null; }, value);
  } else if constexpr (form == shape::record) {
    const auto& absent = omissible_fields_of<T>();
    return for_each_field_while(value, [&absent](auto each, const auto& member) { return absent.has(decltype(each)::index) && is_json_default(member); });
  } else if constexpr (form == shape::free_json) {
    return value.is_null();
  } else {
    return form == shape::null;
  }
}

// The fields that may be left out: those that are not required, and have in `T{}` what a peer takes from absence.
template <class T>
const omissible_fields<field_count<T>>& omissible_fields_of() {
  static const omissible_fields<field_count<T>> known = [] {
    omissible_fields<field_count<T>> found;
    const T fresh{};
    for_each_field(fresh, [&found](auto each, const auto& member) {
      constexpr std::size_t index = decltype(each)::index;
      if (!decltype(each)::is_required && is_json_default(member)) found.bits[index / 64] |= std::uint64_t{1} << (index % 64);
    });
    return found;
  }();
  return known;
}

}  // namespace tenon::inline v0::codec::detail
