// Attributes: constexpr values that say more about a field, a method, a struct or a service than its type does. Reflect
// layer. A list of attributes is a hana::tuple and may hold values of any type; each layer looks for the types it
// knows.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <tenon/reflect/hana.hpp>

namespace tenon::inline v0 {

struct name_attribute {
  std::string_view value;
};
struct number_attribute {
  int value;
};
struct required_attribute {};
struct idempotent_attribute {};
struct cacheable_attribute {};
struct safe_attribute {};
// Made by tenon::get and the others of <tenon/service/routes.hpp>, which is for those who have routes.
struct route_attribute {
  std::string_view verb;
  std::string_view path;
};
struct blocking_attribute {};
struct doc_attribute {
  std::string_view value;
};
struct sint_attribute {};
struct fixed_attribute {};
struct sint_keys_attribute {};
struct fixed_keys_attribute {};
struct wrapper_attribute {};
struct unknown_fields_attribute {};
template <std::size_t Count>
struct numbers_attribute {
  std::array<int, Count> values;
};
template <std::size_t Count>
struct names_attribute {
  std::array<std::string_view, Count> values;
};
template <std::size_t Count>
struct reserved_attribute {
  std::array<int, Count> numbers;
};
template <std::size_t Count>
struct params_attribute {
  std::array<std::string_view, Count> names;
};

/// The name on the wire, where it differs from the one in C++: `(user_id, tenon::name("userId"))`.
constexpr name_attribute name(std::string_view wire_name) { return {wire_name}; }

/// The field's number, for codecs that number their fields; without it, fields count from 1 in the order of
/// declaration.
constexpr number_attribute number(int value) { return {value}; }

/// The numbers of a variant's alternatives, std::monostate aside, for codecs that number them: `(body,
/// tenon::numbers(4, 7))`. Without it, they count from the variant's own number.
template <class... Values>
constexpr numbers_attribute<sizeof...(Values)> numbers(Values... values) {
  return {{static_cast<int>(values)...}};
}

/// The names of a variant's alternatives, std::monostate aside, where they are fields of their own, as in protobuf's oneof: `(body, tenon::names("text",
/// "picture"))`. Without it, they are the variant's name and the alternative's type: `body_string`.
template <class... Names>
constexpr names_attribute<sizeof...(Names)> names(const Names&... alternative_names) {
  return {{std::string_view(alternative_names)...}};
}

/// Numbers that no field of the struct may have, because an older one had: `TENON_STRUCT((quote, tenon::reserved(2, 5)),
/// symbol, ...)`.
template <class... Values>
constexpr reserved_attribute<sizeof...(Values)> reserved(Values... values) {
  return {{static_cast<int>(values)...}};
}

/// A signed integer that is often negative: protobuf's `sint32` and `sint64`, the sign in the lowest bit. In a container,
/// its elements.
inline constexpr sint_attribute sint{};

/// An integer that is often large: protobuf's `fixed32`, `fixed64`, `sfixed32` and `sfixed64`. In a container, its
/// elements.
inline constexpr fixed_attribute fixed{};

/// The same of a map's keys: `map<sint32, ...>` and `map<fixed32, ...>`.
inline constexpr sint_keys_attribute sint_keys{};
inline constexpr fixed_keys_attribute fixed_keys{};

/// A struct that is in json what its only field is, as google.protobuf.Int32Value, Struct and ListValue are; elsewhere it is a struct: `TENON_STRUCT((int32_value,
/// tenon::wrapper), value)`.
inline constexpr wrapper_attribute wrapper{};

/// A field, tenon::bytes or std::string, that is none on protobuf's wire: it keeps the fields that the struct does not
/// know, and they are written again.
inline constexpr unknown_fields_attribute unknown_fields{};

/// A field that must be present: decoding a message without it is an error instead of leaving the default.
inline constexpr required_attribute required{};

/// A method that may be called twice with the effect of once: policies may repeat it.
inline constexpr idempotent_attribute idempotent{};

/// A method that only reads, as HTTP uses the word: it has no side effects that anybody would answer for. It is idempotent,
/// and HTTP's GET may call it.
inline constexpr safe_attribute safe{};

/// A method whose answer to the same arguments may be kept and given again: `tenon::cache` and `tenon::singleflight` are for these, and leave all others alone.
inline constexpr cacheable_attribute cacheable{};

/// A method that takes its time without being a coroutine: it computes, or waits for a disk. A server runs it on a thread of its own pool, where it holds up
/// nobody but itself (`server_options::blocking_threads`); to a client it is a method like any other.
inline constexpr blocking_attribute blocking{};

/// A sentence for the descriptions (.proto, OpenAPI, JSON Schema).
constexpr doc_attribute doc(std::string_view text) { return {text}; }

/// The names of a method's parameters, which C++ does not tell: `(buy, tenon::params("symbol", "shares"))`.
template <class... Names>
constexpr params_attribute<sizeof...(Names)> params(const Names&... names) {
  return {{std::string_view(names)...}};
}

namespace detail {

template <class Attribute, class... Attributes>
consteval std::size_t attribute_index(const boost::hana::tuple<Attributes...>*) {
  std::size_t index = 0;
  static_cast<void>(((std::is_same_v<Attribute, Attributes> ? true : (++index, false)) || ...));
  return index;
}

// The macros write `attribute_list(a, b)`; arguments are taken by value so that literals and constants work alike.
template <class... Attributes>
constexpr boost::hana::tuple<Attributes...> attribute_list(Attributes... attributes) {
  return boost::hana::tuple<Attributes...>(attributes...);
}
constexpr boost::hana::tuple<> attribute_list() { return {}; }

} // namespace detail

/// True when the list holds a value of type `Attribute`.
template <class Attribute, class... Attributes>
constexpr bool has_attribute(const boost::hana::tuple<Attributes...>&) {
  return (std::is_same_v<Attribute, Attributes> || ...);
}

namespace detail {

// The routes in a list of attributes.
template <class... Attributes>
constexpr auto routes_in(const boost::hana::tuple<Attributes...>& attributes) {
  std::array<route_attribute, (std::size_t{0} + ... + std::size_t{std::is_same_v<route_attribute, Attributes>})> found{};
  if constexpr (found.size() != 0) {
    std::size_t count = 0;
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      const auto look = [&](const auto& each) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(each)>, route_attribute>) found[count++] = each;
      };
      (look(boost::hana::at_c<Index>(attributes)), ...);
    }(std::index_sequence_for<Attributes...>{});
  }
  return found;
}

template <class... Attributes>
constexpr bool has_route(const boost::hana::tuple<Attributes...>& attributes, std::string_view verb) {
  for (const route_attribute& each : routes_in(attributes)) {
    if (each.verb == verb) return true;
  }
  return false;
}

} // namespace detail

/// Finds the first attribute of type `Attribute`.
///
/// Returns a pointer into `attributes`, or nullptr when there is none.
template <class Attribute, class... Attributes>
constexpr const Attribute* find_attribute(const boost::hana::tuple<Attributes...>& attributes) {
  if constexpr ((std::is_same_v<Attribute, Attributes> || ...)) {
    constexpr std::size_t index =
        detail::attribute_index<Attribute>(static_cast<const boost::hana::tuple<Attributes...>*>(nullptr));
    return &boost::hana::at_c<index>(attributes);
  } else {
    static_cast<void>(attributes);
    return nullptr;
  }
}

namespace detail {

// By type and not by asking a pointer: g++'s undefined behaviour sanitizer does not compare addresses in constant
// expressions.
template <class... Attributes>
constexpr std::string_view name_or(const boost::hana::tuple<Attributes...>& attributes, std::string_view otherwise) {
  if constexpr ((std::is_same_v<name_attribute, Attributes> || ...)) {
    return find_attribute<name_attribute>(attributes)->value;
  } else {
    static_cast<void>(attributes);
    return otherwise;
  }
}

template <class... Attributes>
constexpr int number_or(const boost::hana::tuple<Attributes...>& attributes, int otherwise) {
  if constexpr ((std::is_same_v<number_attribute, Attributes> || ...)) {
    return find_attribute<number_attribute>(attributes)->value;
  } else {
    static_cast<void>(attributes);
    return otherwise;
  }
}

} // namespace detail

} // namespace tenon::inline v0
