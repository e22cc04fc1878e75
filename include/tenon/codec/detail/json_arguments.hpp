// Reads a whole message of json: a value, or the arguments of a call in every form that callers write them. Codec layer, detail of codec/json.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/detail/json_names.hpp>
#include <tenon/codec/detail/json_read.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/member_lookup.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

inline const char* read_no_json_arguments(json_reader& from, const char* at) {
  if (at == from.end()) return at;
  if (from.is_null(at)) return at + 4;
  if (from.is_at(at, '[') || from.is_at(at, '{')) {
    const char* inside = from.skip_space(at + 1);
    if (from.is_at(inside, *at == '[' ? ']' : '}')) return inside + 1;
  }
  return from.fail(at, "no arguments");
}

[[gnu::cold]] inline const char* fail_argument_count(json_reader& from, const char* at, std::size_t expected, std::size_t found) {
  return from.fail(at, tenon::detail::join_text({tenon::detail::number_text{expected}, expected == 1 ? " argument" : " arguments"}), tenon::detail::number_text{found});
}

// The step of an error's path for one argument: its name, or its position when it has none.
[[gnu::cold]] inline const char* fail_at_argument(json_reader& from, std::span<const std::string_view> names, std::size_t index) {
  if (index < names.size()) return from.error().at_field(names[index]), nullptr;
  from.error().at_index(index);
  return from.error().at_field("arguments"), nullptr;
}

template <class Style, class Tuple>
const char* read_json_argument(json_reader& from, const char* at, const arguments<Tuple>& call, std::size_t index) {
  const char* stop = nullptr;
  std::apply(
      [&](auto&... each) {
        std::size_t turn = 0;
        static_cast<void>(((turn++ == index ? (stop = read_json<Style>(from, at, each), true) : false) || ...));
      },
      call.values);
  return stop == nullptr ? fail_at_argument(from, call.names, index) : stop;
}

template <class Style, class Tuple>
const char* read_positional_json_arguments(json_reader& from, const char* at, const arguments<Tuple>& call) {
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  const char* const start = at;
  std::size_t count = 0;
  bool closed = false;
  at = from.first_element(at, ']', closed);
  while (at != nullptr && !closed) {
    at = count < expected ? read_json_argument<Style>(from, at, call, count) : from.skip_value(at);
    if (at == nullptr) return nullptr;
    ++count;
    at = from.next_element(at, ']', closed);
  }
  from.leave();
  return at == nullptr || count == expected ? at : fail_argument_count(from, start, expected, count);
}

template <class Style, class Tuple>
const char* read_named_json_arguments(json_reader& from, const char* at, const arguments<Tuple>& call) {
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  const char* const start = at;
  std::array<bool, expected> seen{};
  bool closed = false;
  at = from.first_element(at, '}', closed);
  while (at != nullptr && !closed) {
    std::string_view key;
    at = from.read_key(at, key);
    if (at == nullptr) return nullptr;
    std::size_t index = 0;
    while (index < expected && !is_argument_name<Style>(key, call.names[index])) ++index;
    if (index < expected) {
      seen[index] = true;
      at = read_json_argument<Style>(from, at, call, index);
    } else {
      at = from.skip_value(at);
      if (at == nullptr) from.error().at_field(key);
    }
    if (at == nullptr) return nullptr;
    at = from.next_element(at, '}', closed);
  }
  from.leave();
  if (at == nullptr) return nullptr;
  const bool complete = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    return ((seen[Index] || Style::style.omit_defaults || can_be_left_out<std::tuple_element_t<Index, Tuple>> || from.fail_missing(start, call.names[Index])) && ...);
  }(std::make_index_sequence<expected>{});
  return complete ? at : nullptr;
}

// Whether the object at `at` holds the one argument under its parameter's name, `{"order": {...}}`, and not the argument itself: a field of that name would be the struct's.
template <class Style, class Record>
bool is_named_argument(json_reader& from, const char* at, std::string_view name) {
  std::string_view rest{at, static_cast<std::size_t>(from.end() - at)};
  const auto skip = [&rest](std::size_t count) {
    rest.remove_prefix(count);
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t' || rest.front() == '\n' || rest.front() == '\r')) rest.remove_prefix(1);
  };
  skip(1);
  if (!rest.starts_with('"')) return false;
  const std::size_t quote = rest.find('"', 1);
  if (quote == std::string_view::npos) return false;
  const std::string_view key = rest.substr(1, quote - 1);
  if (!is_argument_name<Style>(key, name)) return false;
  if (const member_index& fields = json_index_of<Style, Record>(); fields.find(key, 0) != fields.count) return false;
  skip(key.size() + 2);
  if (!rest.starts_with(':')) return false;
  skip(1);
  return rest.starts_with('{') || rest.starts_with("null");
}

template <class Style, class Tuple>
const char* read_json_arguments(json_reader& from, const char* at, const arguments<Tuple>& call) {
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  const bool named = call.names.size() == expected;
  if constexpr (expected == 0) {
    return read_no_json_arguments(from, at);
  } else if constexpr (expected == 1) {
    using parameter = std::tuple_element_t<0, Tuple>;
    constexpr unsigned kinds = wire_kinds<parameter, false>();
    // A value that cannot be an array or an object may be wrapped in one.
    if ((kinds & array_kind) == 0 && from.is_at(at, '[')) return read_positional_json_arguments<Style>(from, at, call);
    if ((kinds & object_kind) == 0 && named && from.is_at(at, '{')) return read_named_json_arguments<Style>(from, at, call);
    if constexpr (shape_of<parameter> == shape::record) {
      if (named && from.is_at(at, '{') && is_named_argument<Style, parameter>(from, at, call.names[0])) [[unlikely]] return read_named_json_arguments<Style>(from, at, call);
    }
    const char* stop = read_json<Style>(from, at, std::get<0>(call.values));
    // Within a struct the path begins with its fields, which are what the caller wrote.
    if (stop == nullptr && named && (kinds & object_kind) == 0) from.error().at_field(call.names[0]);
    return stop;
  } else {
    if (from.is_at(at, '[')) return read_positional_json_arguments<Style>(from, at, call);
    if (named && from.is_at(at, '{')) return read_named_json_arguments<Style>(from, at, call);
    return from.fail(at, named ? "object or array of arguments" : "array of arguments");
  }
}

// Reads the whole of `in` into a value or into the arguments of a call.
template <class Style, class T>
status decode_json(std::string_view in, T& value, const limits& bounds) {
  json_reader from{in, bounds};
  // What a writer in such a style leaves out is a default, which a used value must not hide.
  from.set_resetting(Style::style.omit_defaults);
  const char* at = from.skip_space(from.begin());
  if constexpr (is_arguments<std::remove_const_t<T>>) at = read_json_arguments<Style>(from, at, value);
  else at = read_json<Style>(from, at, value);
  if (at != nullptr) from.finish(at);
  return from.error().to_status();
}

}  // namespace tenon::inline v0::codec::detail
