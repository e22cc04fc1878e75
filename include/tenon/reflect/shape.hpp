// What a C++ type is on the wire: one classification that every codec and every schema shares. Reflect layer.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tenon/reflect/fields.hpp>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#include <tenon/reflect/free_form.hpp>

// msgpack's own forward declarations leave out the owner of an object. Its class lives in v1 whatever the version.
namespace tenon::inline v0 {

/// The kinds of values that cross the wire.
///
/// integer       plain char and every signed and unsigned width up to 64 bits.
/// text          std::string; std::string_view and const char* can be sent only.
/// binary        vector and array of std::byte; a span of const std::byte can be sent only. std::uint8_t is a number,
///               not data.
/// optional      std::optional and std::unique_ptr.
/// sequence      a container that grows: vector, deque, list, set, ... `fixed_sequence` is std::array.
/// mapping       map and unordered_map from strings, integers, bool or enums.
/// time_point    of std::chrono::system_clock; other clocks mean nothing to another machine.
/// free_json     nlohmann::json: whatever the peer sent.
/// free_msgpack  msgpack::object_handle; a msgpack::object, which owns nothing, can be sent only.
/// null          std::monostate and std::nullptr_t.
enum class shape {
  boolean,
  integer,
  floating,
  text,
  binary,
  enumeration,
  optional,
  sequence,
  fixed_sequence,
  mapping,
  variant,
  tuple,
  duration,
  time_point,
  record,
  free_json,
  free_msgpack,
  null,
  unsupported
};

namespace detail {

template <class T, class... Candidates>
concept one_of = (std::is_same_v<T, Candidates> || ...);

template <class T>
concept wire_integer = one_of<T, char, signed char, unsigned char, short, unsigned short, int, unsigned int, long,
                              unsigned long, long long, unsigned long long>;

template <class T>
concept wire_enum = std::is_enum_v<T> && !std::is_same_v<T, std::byte>;

template <class T>
concept wire_key = wire_integer<T> || wire_enum<T> || one_of<T, bool, std::string, std::string_view>;

template <class T>
concept map_like = iterable<T> && requires {
  typename T::key_type;
  typename T::mapped_type;
};

template <class T>
concept unique_map = map_like<T> && requires(T& map, const typename T::key_type& key) { map.try_emplace(key); };

template <class T>
concept text_like = requires { typename T::traits_type; };

template <class T>
concept growing_range = iterable<T> && !text_like<T> && !map_like<T> && requires(T& range) {
  typename T::value_type;
  range.clear();
  range.size();
};

// Types that are known by the template they come from. A partial specialisation is cheaper than a requires-expression
// per question.
template <class T>
inline constexpr shape shape_by_template = shape::unsupported;

template <class T>
inline constexpr shape shape_by_template<std::optional<T>> = shape::optional;
template <class T>
inline constexpr shape shape_by_template<std::unique_ptr<T>> =
    std::is_array_v<T> ? shape::unsupported : shape::optional;
template <class T, class Allocator>
inline constexpr shape shape_by_template<std::vector<T, Allocator>> = shape::sequence;
template <class Allocator>
inline constexpr shape shape_by_template<std::vector<std::byte, Allocator>> = shape::binary;
template <class T, std::size_t Count>
inline constexpr shape shape_by_template<std::array<T, Count>> = shape::fixed_sequence;
template <std::size_t Count>
inline constexpr shape shape_by_template<std::array<std::byte, Count>> = shape::binary;
template <>
inline constexpr shape shape_by_template<std::span<const std::byte>> = shape::binary;
template <class... Alternatives>
inline constexpr shape shape_by_template<std::variant<Alternatives...>> = shape::variant;
template <class... Elements>
inline constexpr shape shape_by_template<std::tuple<Elements...>> = shape::tuple;
template <class First, class Second>
inline constexpr shape shape_by_template<std::pair<First, Second>> = shape::tuple;
template <class Count, class Period>
inline constexpr shape shape_by_template<std::chrono::duration<Count, Period>> = shape::duration;
template <class Duration>
inline constexpr shape shape_by_template<std::chrono::time_point<std::chrono::system_clock, Duration>> =
    shape::time_point;

template <class T>
inline constexpr bool is_shared_pointer = false;
template <class T>
inline constexpr bool is_shared_pointer<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_shared_pointer<std::weak_ptr<T>> = true;

template <class T>
inline constexpr bool is_foreign_time_point = false;
template <class Clock, class Duration>
inline constexpr bool is_foreign_time_point<std::chrono::time_point<Clock, Duration>> =
    !std::is_same_v<Clock, std::chrono::system_clock>;

template <class T>
consteval shape shape_of_type() {
  if constexpr (std::is_same_v<T, bool>) {
    return shape::boolean;
  } else if constexpr (wire_integer<T>) {
    return shape::integer;
  } else if constexpr (one_of<T, float, double>) {
    return shape::floating;
  } else if constexpr (wire_enum<T>) {
    return shape::enumeration;
  } else if constexpr (one_of<T, std::string, std::string_view, const char*>) {
    return shape::text;
  } else if constexpr (one_of<T, std::monostate, std::nullptr_t>) {
    return shape::null;
  } else if constexpr (one_of<T, nlohmann::json, nlohmann::ordered_json>) {
    return shape::free_json;
  } else if constexpr (one_of<T, msgpack::object, msgpack::v1::object_handle>) {
    return shape::free_msgpack;
  } else if constexpr (!std::is_class_v<T>) {
    return shape::unsupported;
  } else if constexpr (shape_by_template<T> != shape::unsupported) {
    return shape_by_template<T>;
  } else if constexpr (is_shared_pointer<T> || is_foreign_time_point<T>) {
    return shape::unsupported;
  } else if constexpr (declares_fields<T>) {
    return std::is_default_constructible_v<T> ? shape::record : shape::unsupported;
  } else if constexpr (map_like<T>) {
    if constexpr (unique_map<T> && wire_key<typename T::key_type>) {
      return shape::mapping;
    } else {
      return shape::unsupported;
    }
  } else if constexpr (growing_range<T>) {
    return shape::sequence;
  } else if constexpr (record<T>) {
    return shape::record;
  } else {
    return shape::unsupported;
  }
}

} // namespace detail

/// What `T`, without its reference and const, is on the wire; `shape::unsupported` when it cannot cross.
template <class T>
inline constexpr shape shape_of = detail::shape_of_type<std::remove_cvref_t<T>>();

/// Stops the compilation with a sentence when `T` cannot cross the wire. Looks at `T` alone: codecs call it for each
/// type they meet.
template <class T>
consteval bool assert_wire_type() {
  using type = std::remove_cv_t<T>;
  static_assert(!std::is_reference_v<type>, "tenon: references cannot cross the wire; use a value");
  static_assert(!std::is_void_v<type>, "tenon: void is not a value; use std::monostate for a value that says nothing");
  static_assert(!std::is_array_v<type>,
                "tenon: C arrays cannot cross the wire; use std::array, or std::string for text");
  static_assert(!std::is_pointer_v<type> || std::is_same_v<type, const char*>,
                "tenon: raw pointers cannot cross the wire; use std::optional<T> or std::unique_ptr<T>");
  static_assert(!std::is_member_pointer_v<type> && !std::is_function_v<type>,
                "tenon: functions and member pointers cannot cross the wire; send what names them");
  static_assert(!std::is_union_v<type>,
                "tenon: unions cannot cross the wire, nothing says which member lives; use std::variant");
  static_assert(
      !std::is_same_v<type, std::byte>,
      "tenon: a single std::byte is no message; use std::uint8_t for a number, std::vector<std::byte> for data");
  static_assert(!std::is_same_v<type, long double>, "tenon: long double differs between machines; use double");
  static_assert(!detail::one_of<type, wchar_t, char8_t, char16_t, char32_t>,
                "tenon: wide characters cannot cross the wire; use char, and std::string in UTF-8");
  static_assert(!detail::is_shared_pointer<type>,
                "tenon: shared ownership cannot cross the wire; use std::unique_ptr<T> or std::optional<T>");
  static_assert(!detail::is_foreign_time_point<type>, "tenon: only system_clock's time points mean the same on another "
                                                      "machine; use std::chrono::system_clock::time_point");
  // Without the dialect's extensions the traits do not count a 128-bit integer as arithmetic, nor as anything else.
  constexpr bool is_named_by_a_trait = std::is_fundamental_v<type> || std::is_class_v<type> || std::is_union_v<type> ||
                                       std::is_enum_v<type> || std::is_pointer_v<type> ||
                                       std::is_member_pointer_v<type> || std::is_reference_v<type> ||
                                       std::is_array_v<type> || std::is_function_v<type>;
  if constexpr (std::is_integral_v<type> || !is_named_by_a_trait) {
    static_assert(sizeof(type) <= 8,
                  "tenon: integers wider than 64 bits cannot cross the wire; use two fields, or std::string");
  }
  if constexpr (std::is_class_v<type> && shape_of<type> == shape::unsupported) {
    constexpr bool is_map = detail::map_like<type>;
    constexpr bool is_text = detail::text_like<type>;
    constexpr bool is_constructible = std::is_default_constructible_v<type>;
    static_assert(
        !is_map,
        "tenon: only maps with unique keys that are strings, integers, bool or enums cross the wire; use a vector of pairs");
    static_assert(!is_text, "tenon: wide strings cannot cross the wire; use std::string in UTF-8");
    static_assert(
        is_map || is_text || is_constructible,
        "tenon: a message must be default-constructible, so that it can be read into; give T a default constructor");
    static_assert(is_map || is_text || !is_constructible || detail::is_shared_pointer<type> ||
                      detail::is_foreign_time_point<type>,
                  "tenon: the fields of T are not known; make T an aggregate, or list its fields with TENON_STRUCT");
  }
  return true;
}

/// The same for a type that is to be read: views can be sent and not received, as they own nothing.
template <class T>
consteval bool assert_readable_type() {
  static_assert(!detail::one_of<std::remove_cv_t<T>, std::string_view, const char*>,
                "tenon: a view of text can be sent only; read into std::string");
  static_assert(!std::is_same_v<std::remove_cv_t<T>, std::span<const std::byte>>,
                "tenon: a view of bytes can be sent only; read into std::vector<std::byte>");
  static_assert(!std::is_same_v<std::remove_cv_t<T>, msgpack::object>,
                "tenon: msgpack::object owns nothing; read into msgpack::object_handle");
  return assert_wire_type<T>();
}

} // namespace tenon::inline v0
