// Reads any value from json, straight into its fields. Codec layer, detail of codec/json.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

#include <tenon/codec/detail/json_free.hpp>
#include <tenon/codec/detail/json_read_container.hpp>
#include <tenon/codec/detail/json_read_record.hpp>
#include <tenon/codec/detail/json_read_scalar.hpp>
#include <tenon/codec/detail/json_read_variant.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class Style, class T>
const char* read_json(json_reader& from, const char* at, T& value) {
  constexpr shape form = owning_object<T> ? shape::free_msgpack : shape_of<T>;
  if constexpr (form == shape::free_msgpack) {
    static_assert(owning_object<T>, "tenon: msgpack::object owns nothing; read into msgpack::object_handle");
    if constexpr (owning_object<T>) return read_free_msgpack(from, at, value);
    else return nullptr;
  } else if constexpr (!assert_readable_type<T>()) {
    return nullptr;
  } else if constexpr (form == shape::boolean) {
    return from.read_boolean(at, value);
  } else if constexpr (form == shape::null) {
    return from.is_null(at) ? at + 4 : from.fail(at, "null");
  } else if constexpr (form == shape::integer) {
    if constexpr (Style::style.wide_integers_as_text) {
      if (from.is_at(at, '"')) return read_json_number_text(from, at, value);
    }
    return read_json_integer(from, at, value);
  } else if constexpr (form == shape::floating) {
    if constexpr (Style::style.wide_integers_as_text || Style::style.special_numbers_as_text) {
      if (from.is_at(at, '"')) return read_json_number_text(from, at, value);
    }
    return from.read_floating(at, value);
  } else if constexpr (form == shape::text && std::is_same_v<T, std::string>) {
    return from.read_text(at, value);
  } else if constexpr (form == shape::binary && requires { value.data()[0] = std::byte{}; }) {
    return read_json_binary(from, at, value);
  } else if constexpr (form == shape::enumeration) {
    return read_json_enum(from, at, value);
  } else if constexpr (form == shape::duration && Style::style.seconds_as_text) {
    return read_json_seconds(from, at, value);
  } else if constexpr (form == shape::duration) {
    typename T::rep count{};
    if constexpr (std::is_floating_point_v<typename T::rep>) {
      double number = 0;
      at = from.read_floating(at, number);
      count = static_cast<typename T::rep>(number);
    } else {
      at = read_json_integer(from, at, count);
    }
    if (at != nullptr) value = T{count};
    return at;
  } else if constexpr (form == shape::time_point) {
    return read_json_time_point<Style>(from, at, value);
  } else if constexpr (form == shape::optional) {
    return read_json_optional<Style>(from, at, value);
  } else if constexpr (form == shape::sequence) {
    return read_json_sequence<Style>(from, at, value);
  } else if constexpr (form == shape::fixed_sequence) {
    return read_json_array<Style>(from, at, value);
  } else if constexpr (form == shape::mapping) {
    return read_json_mapping<Style>(from, at, value);
  } else if constexpr (form == shape::tuple) {
    return read_json_tuple<Style>(from, at, value);
  } else if constexpr (form == shape::variant) {
    return read_json_variant<Style>(from, at, value);
  } else if constexpr (is_wrapper<T>) {
    return read_json<Style>(from, at, get_field<0>(value));
  } else if constexpr (form == shape::record) {
    return read_json_record<Style>(from, at, value);
  } else if constexpr (form == shape::free_json) {
    return read_free_json(from, at, value);
  } else {
    return nullptr;
  }
}

}  // namespace tenon::inline v0::codec::detail
