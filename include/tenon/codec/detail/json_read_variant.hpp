// Reads variants from json, by the kind of the value or by the name of the alternative. Codec layer, detail of codec/json.hpp.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/codec/detail/json_default.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/json_scanner.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class Style, class T>
const char* read_json(json_reader& from, const char* at, T& value);

// The kind of what stands at `at`; 0 for what begins no value.
inline unsigned json_kind(const json_reader& from, const char* at) {
  if (at == from.end()) return 0;
  switch (*at) {
    case '{': return object_kind;
    case '[': return array_kind;
    case '"': return text_kind;
    case 't':
    case 'f': return boolean_kind;
    case 'n': return null_kind;
    default: return *at == '-' || is_digit(*at) ? static_cast<unsigned>(number_kind) : 0U;
  }
}

template <class Style, class... Alternatives>
const char* read_json_alternative(json_reader& from, const char* at, std::variant<Alternatives...>& value, std::size_t index) {
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    const auto read = [&]<std::size_t Which>(std::integral_constant<std::size_t, Which>) {
      // The alternative it has already keeps its memory.
      if (value.index() != Which) value.template emplace<Which>();
      using variant = std::variant<Alternatives...>;
      at = read_json<alternative_style<Style, variant, std::variant_alternative_t<Which, variant>>>(from, at, *std::get_if<Which>(&value));
      return true;
    };
    static_cast<void>(((index == Index && read(std::integral_constant<std::size_t, Index>{})) || ...));
  }(std::index_sequence_for<Alternatives...>{});
  return at;
}

inline std::string expected_kinds(unsigned kinds) {
  constexpr std::string_view names[] = {"null", "boolean", "number", "string", "binary", "array", "object"};
  std::string text;
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if ((kinds >> i & 1U) == 0) continue;
    if (!text.empty()) text += " or ";
    text += names[i];
  }
  return text;
}

template <class Style, class... Alternatives>
const char* read_json_variant(json_reader& from, const char* at, std::variant<Alternatives...>& value) {
  using variant = std::variant<Alternatives...>;
  using kinds = variant_kinds<variant, false>;
  if constexpr (kinds::differ) {
    unsigned kind = json_kind(from, at);
    // A NaN is written as null.
    if (kind == null_kind && (kinds::value & null_kind) == 0 && ((shape_of<Alternatives> == shape::floating) || ...)) kind = number_kind;
    for (std::size_t i = 0; i < kinds::of.size(); ++i) {
      if ((kinds::of[i] & kind) != 0) return read_json_alternative<Style>(from, at, value, i);
    }
    return from.fail(at, expected_kinds(kinds::value));
  } else {
    using names = alternative_names<variant>;
    constexpr bool takes_null = null_alternative<variant> != std::variant_npos;
    if (!from.is_at(at, '{')) {
      if (takes_null && from.is_null(at)) return read_json_alternative<Style>(from, at, value, null_alternative<variant>);
      return from.fail(at, takes_null ? "null or object that names the alternative" : "object that names the alternative");
    }
    bool closed = false;
    const char* const start = at;
    at = from.first_element(at, '}', closed);
    if (at == nullptr) return nullptr;
    if (closed) return from.fail(start, "object that names the alternative", "empty object");
    const char* const key_start = at;
    std::string_view key;
    at = from.read_key(at, key);
    if (at == nullptr) return nullptr;
    for (std::size_t i = 0; i < names::count; ++i) {
      if (names::value[i] != key) continue;
      at = read_json_alternative<Style>(from, at, value, i);
      if (at == nullptr) return from.error().at_field(names::value[i]), nullptr;
      const char* const rest = at;
      at = from.next_element(at, '}', closed);
      if (at == nullptr) return nullptr;
      if (!closed) return from.fail(rest, "one alternative", "several");
      from.leave();
      return at;
    }
    std::string expected = "one of ";
    for (std::size_t i = 0; i < names::count; ++i) expected.append(i == 0 ? "" : ", ").append(names::value[i]);
    return from.fail_name(key_start, expected, key);
  }
}

}  // namespace tenon::inline v0::codec::detail
