// Writes any value as json, straight from its fields. Codec layer, detail of codec/json.hpp.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/detail/json_default.hpp>
#include <tenon/codec/detail/json_free.hpp>
#include <tenon/codec/detail/json_names.hpp>
#include <tenon/codec/detail/json_record.hpp>
#include <tenon/codec/detail/json_seconds.hpp>
#include <tenon/codec/detail/json_writer.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/codec/json_style.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class Style, class T>
char* write_json(json_writer& to, char* at, const T& value);

// The same for a value that stands alone: types of fixed size rely on room that was asked for.
template <class Style, class T>
char* write_json_with_room(json_writer& to, char* at, const T& value) {
  if constexpr (constexpr std::size_t size = fixed_size<Style, T>(); size != 0) at = to.room(at, size);
  return write_json<Style>(to, at, value);
}

inline char* put(json_writer& to, char* at, char c) {
  at = to.room(at, 1);
  *at = c;
  return at + 1;
}

inline char* copy(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

template <class Style, class T, std::size_t Slot, class Member>
char* write_json_slot(json_writer& to, char* at, char& separator, const Member& member) {
  constexpr const auto& keys = record_keys_of<Style, T>;
  constexpr std::size_t size = keys.begins[Slot + 1] - keys.begins[Slot] - 1;
  at = to.room(at, 1 + size);
  *at = separator;
  std::memcpy(at + 1, keys.text.data() + keys.begins[Slot] + 1, size);
  separator = ',';
  return write_json_with_room<Style>(to, at + 1 + size, member);
}

// The alternative that a variant holds, as a field of the record.
template <class Style, class T, std::size_t Index, class... Alternatives>
char* write_json_flat(json_writer& to, char* at, char& separator, const std::variant<Alternatives...>& value) {
  [&]<std::size_t... Which>(std::index_sequence<Which...>) {
    const auto write = [&]<std::size_t Held>(std::integral_constant<std::size_t, Held>) {
      using alternative = std::variant_alternative_t<Held, std::variant<Alternatives...>>;
      if constexpr (shape_of<alternative> != shape::null) at = write_json_slot<Style, T, slot_of_alternative<Style, T, Index, Held>()>(to, at, separator, *std::get_if<Held>(&value));
      return true;
    };
    static_cast<void>(((value.index() == Which && write(std::integral_constant<std::size_t, Which>{})) || ...));
  }(std::index_sequence_for<Alternatives...>{});
  return at;
}

// The fields that a peer would not take from their absence.
template <class Style, class T>
char* write_json_present_fields(json_writer& to, char* at, const T& value) {
  [[maybe_unused]] const auto& absent = omissible_fields_of<T>();
  char separator = '{';
  for_each_field(value, [&](auto each, const auto& member) {
    constexpr std::size_t index = decltype(each)::index;
    if constexpr (is_hidden<Style, decltype(each)>) {
      return;
    } else if constexpr (is_flat<Style, decltype(each)>) {
      at = write_json_flat<Style, T, index>(to, at, separator, member);
    } else {
      if constexpr (Style::style.omit_defaults) {
        if (absent.has(index) && is_json_default(member)) return;
      }
      at = write_json_slot<Style, T, slots_of<Style, T>.first[index]>(to, at, separator, member);
    }
  });
  if (separator == '{') at = put(to, at, '{');
  return put(to, at, '}');
}

template <class Style, class T>
char* write_json_record(json_writer& to, char* at, const T& value) {
  if constexpr (field_count<T> == 0) {
    return to.write_raw(at, "{}");
  } else if constexpr (Style::style.omit_defaults || has_flat_fields<Style, T>) {
    return write_json_present_fields<Style>(to, at, value);
  } else {
    constexpr const auto& keys = record_keys_of<Style, T>;
    at = to.room(at, keys.rooms[0]);
    for_each_field(value, [&](auto each, const auto& member) {
      constexpr std::size_t index = decltype(each)::index;
      constexpr std::size_t size = keys.begins[index + 1] - keys.begins[index];
      std::memcpy(at, keys.text.data() + keys.begins[index], size);
      at = write_json<Style>(to, at + size, member);
      if constexpr (keys.rooms[index + 1] != 0) at = to.room(at, keys.rooms[index + 1]);
    });
    *at = '}';
    return at + 1;
  }
}

template <class Style, class Range>
char* write_json_sequence(json_writer& to, char* at, const Range& values) {
  using element = typename Range::value_type;
  constexpr std::size_t size = fixed_size<Style, element>();
  char separator = '[';
  for (const auto& each : values) {
    at = to.room(at, 1 + size);
    *at++ = separator;
    separator = ',';
    // Not `each` itself: std::vector<bool> gives a proxy.
    if constexpr (std::is_same_v<element, bool>) at = write_json<Style, bool>(to, at, each);
    else at = write_json<Style>(to, at, each);
  }
  if (separator == '[') at = put(to, at, '[');
  return put(to, at, ']');
}

template <class Key>
char* write_json_key(json_writer& to, char* at, const Key& key) {
  constexpr shape form = shape_of<Key>;
  if constexpr (form == shape::text) {
    return to.write_text(at, key);
  } else if constexpr (form == shape::boolean) {
    return to.write_raw(at, key ? "\"true\"" : "\"false\"");
  } else if constexpr (form == shape::enumeration) {
    if (const std::string_view name = enum_name(key); !name.empty()) return to.write_text(at, name);
    return write_json_key(to, at, static_cast<std::underlying_type_t<Key>>(key));
  } else {
    at = to.room(at, max_integer_size + 2);
    *at = '"';
    at = write_integer(at + 1, key);
    *at = '"';
    return at + 1;
  }
}

template <class Style, class Map>
char* write_json_mapping(json_writer& to, char* at, const Map& values) {
  char separator = '{';
  for (const auto& [key, value] : values) {
    at = put(to, at, separator);
    separator = ',';
    at = write_json_key(to, at, key);
    at = put(to, at, ':');
    at = write_json_with_room<Style>(to, at, value);
  }
  if (separator == '{') at = put(to, at, '{');
  return put(to, at, '}');
}

template <class Style, class Tuple>
char* write_json_tuple(json_writer& to, char* at, const Tuple& values) {
  at = put(to, at, '[');
  std::apply(
      [&](const auto&... each) {
        std::size_t index = 0;
        ((at = index++ == 0 ? at : put(to, at, ','), at = write_json_with_room<Style>(to, at, each)), ...);
      },
      values);
  return put(to, at, ']');
}

template <class Style, class... Alternatives>
char* write_json_variant(json_writer& to, char* at, const std::variant<Alternatives...>& value) {
  using variant = std::variant<Alternatives...>;
  // A variant that an exception left without a value is written as null.
  if (value.valueless_by_exception() || value.index() == null_alternative<variant>) return to.write_raw(at, "null");
  if constexpr (!tells_by_kind<variant, false>) {
    at = put(to, at, '{');
    at = to.write_text(at, alternative_names<variant>::value[value.index()]);
    at = put(to, at, ':');
  }
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    static_cast<void>(((value.index() == Index ? (at = write_json_with_room<alternative_style<Style, variant, Alternatives>>(to, at, *std::get_if<Index>(&value)), true) : false) || ...));
  }(std::index_sequence_for<Alternatives...>{});
  if constexpr (!tells_by_kind<variant, false>) at = put(to, at, '}');
  return at;
}

template <class Style>
char* write_argument_name(json_writer& to, char* at, std::string_view name) {
  if constexpr (Style::style.names == name_case::as_is) return to.write_text(at, name);
  else return to.write_text(at, styled_name(name, Style::style.names));
}

template <class Style, class Tuple>
char* write_json_arguments(json_writer& to, char* at, const arguments<Tuple>& call) {
  constexpr std::size_t count = std::tuple_size_v<Tuple>;
  if constexpr (count == 0) {
    return to.write_raw(at, Style::style.calls_as_objects ? "{}" : "null");
  } else if constexpr (count == 1 && !(Style::style.calls_as_objects && (wire_kinds<std::remove_cvref_t<std::tuple_element_t<0, Tuple>>, false>() & object_kind) == 0)) {
    return write_json_with_room<Style>(to, at, std::get<0>(call.values));
  } else {
    if (call.names.size() != count) {
      if constexpr (count == 1) return write_json_with_room<Style>(to, at, std::get<0>(call.values));
      else return write_json_tuple<Style>(to, at, call.values);
    }
    std::apply(
        [&](const auto&... each) {
          std::size_t index = 0;
          ((at = put(to, at, index == 0 ? '{' : ','), at = write_argument_name<Style>(to, at, call.names[index++]), at = put(to, at, ':'), at = write_json_with_room<Style>(to, at, each)), ...);
        },
        call.values);
    return put(to, at, '}');
  }
}

template <class Style, class T>
char* write_json(json_writer& to, char* at, const T& value) {
  constexpr shape form = owning_object<const T> ? shape::free_msgpack : shape_of<T>;
  if constexpr (is_arguments<T>) {
    return write_json_arguments<Style>(to, at, value);
  } else if constexpr (form == shape::free_msgpack) {
    return write_free_msgpack(to, at, value);
  } else if constexpr (!assert_wire_type<T>()) {
    return at;
  } else if constexpr (form == shape::boolean) {
    return value ? copy(at, "true") : copy(at, "false");
  } else if constexpr (form == shape::null) {
    return copy(at, "null");
  } else if constexpr (form == shape::integer) {
    if constexpr (Style::style.wide_integers_as_text && sizeof(T) == 8) {
      *at = '"';
      at = write_integer(at + 1, value);
      *at = '"';
      return at + 1;
    } else {
      return write_integer(at, value);
    }
  } else if constexpr (form == shape::floating) {
    if constexpr (Style::style.special_numbers_as_text) {
      if (!std::isfinite(value)) [[unlikely]] return copy(at, std::isnan(value) ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    }
    return write_floating(at, value);
  } else if constexpr (form == shape::text) {
    if constexpr (std::is_pointer_v<T>) return to.write_text(at, value == nullptr ? std::string_view{} : std::string_view{value});
    else return to.write_text(at, value);
  } else if constexpr (form == shape::binary) {
    return to.write_binary(at, value.data(), value.size());
  } else if constexpr (form == shape::enumeration) {
    const std::string_view name = enum_name(value);
    if (name.empty()) return write_integer(at, static_cast<std::underlying_type_t<T>>(value));
    *at = '"';
    at = copy(at + 1, name);
    *at = '"';
    return at + 1;
  } else if constexpr (form == shape::duration) {
    if constexpr (Style::style.seconds_as_text) {
      *at = '"';
      at = write_seconds(at + 1, to_seconds_value(value), Style::style.grouped_fractions);
      *at = '"';
      return at + 1;
    } else if constexpr (std::is_floating_point_v<typename T::rep>) {
      return write_floating(at, static_cast<double>(value.count()));
    } else {
      return write_integer(at, value.count());
    }
  } else if constexpr (form == shape::time_point) {
    *at = '"';
    at = write_timestamp(at + 1, to_timestamp(value), Style::style.grouped_fractions ? 3 : 1);
    *at = '"';
    return at + 1;
  } else if constexpr (form == shape::optional) {
    if (!value) return to.write_raw(at, "null");
    return write_json_with_room<Style>(to, at, *value);
  } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    return write_json_sequence<Style>(to, at, value);
  } else if constexpr (form == shape::mapping) {
    return write_json_mapping<Style>(to, at, value);
  } else if constexpr (form == shape::tuple) {
    return write_json_tuple<Style>(to, at, value);
  } else if constexpr (form == shape::variant) {
    return write_json_variant<Style>(to, at, value);
  } else if constexpr (is_wrapper<T>) {
    return write_json_with_room<Style>(to, at, get_field<0>(value));
  } else if constexpr (form == shape::record) {
    return write_json_record<Style>(to, at, value);
  } else if constexpr (form == shape::free_json) {
    return write_free_json(to, at, value);
  } else {
    return at;
  }
}

template <class Style, class T>
void encode_json(buffer& out, const T& value) {
  json_writer to{out};
  to.finish(write_json_with_room<Style>(to, to.start(), value));
}

}  // namespace tenon::inline v0::codec::detail
