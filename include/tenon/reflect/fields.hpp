// The fields of a message: what is known of a struct at compile time, as a Hana tuple of (name, accessor) pairs, and
// the visiting of a value's fields. Reflect layer; codecs, schemas and descriptions are written on top of it.
#pragma once

#include <cstddef>
#include <string_view>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/detail/record_fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/struct.hpp>
#include <type_traits>
#include <utility>

namespace tenon::inline v0 {

/// A type whose fields are known: the messages.
///
/// Laws    a default-constructible class that is, in this order, listed by TENON_STRUCT or TENON_STRUCT_FOR, a Hana
///         Struct, or a plain aggregate that is neither tuple-like nor a range. Aggregates take their fields from one
///         class: their own, or one base's.
/// Model   `struct quote { std::string symbol; double price = 0; };`
template <class T>
concept record = std::is_class_v<T> && std::is_default_constructible_v<T> &&
                 (detail::declares_fields<T> || boost::hana::Struct<T>::value || detail::plain_aggregate<T>);

/// How many fields the record has.
template <record T>
inline constexpr std::size_t field_count = detail::record_fields<T>::count;

/// Returns the field number `Index` of `value`, as an lvalue.
template <std::size_t Index, class Record>
[[gnu::always_inline]] constexpr auto& get_field(Record& value) {
  return detail::referenced_member<Index>(
      detail::record_fields<std::remove_const_t<Record>>::apply(value, detail::reference_collector{}));
}

namespace detail {

struct field_tag {};

} // namespace detail

/// The name half of a field's pair: what the wire calls it (`value`) and what C++ calls it (`identifier`).
template <class T, std::size_t Index>
struct field_name {
  static constexpr std::string_view identifier = detail::record_fields<T>::member_name(Index);
  static constexpr std::string_view value =
      detail::name_or(detail::record_fields<T>::template field_attributes<Index>(), identifier);
  constexpr operator std::string_view() const { return value; }
};

/// The accessor half of a field's pair: called with a record it returns the member.
template <class T, std::size_t Index>
struct field_accessor {
  constexpr auto& operator()(T& from) const { return get_field<Index>(from); }
  constexpr auto& operator()(const T& from) const { return get_field<Index>(from); }
};

/// What is known of one field: the Hana pair of its name and its accessor, and the details.
///
/// Shape   `name` on the wire, `identifier` in C++, `index` from 0, `number` from 1 or as given, `attributes`, `type`;
///         called with a record it returns the member.
template <class T, std::size_t Index>
struct field {
  using hana_tag = detail::field_tag;
  using record_type = T;
  using type =
      typename decltype(detail::member_type<Index>(static_cast<const detail::references_of<T>*>(nullptr)))::type;

  static constexpr std::size_t index = Index;
  static constexpr const auto& attributes = detail::record_fields<T>::template field_attributes<Index>();
  static constexpr std::string_view identifier = field_name<T, Index>::identifier;
  static constexpr std::string_view name = field_name<T, Index>::value;
  static constexpr int number = detail::number_or(attributes, static_cast<int>(Index) + 1);
  static constexpr bool is_required = has_attribute<required_attribute>(attributes);

  constexpr auto& operator()(T& from) const { return get_field<Index>(from); }
  constexpr auto& operator()(const T& from) const { return get_field<Index>(from); }
};

namespace detail {

template <class T, std::size_t... Index>
constexpr boost::hana::tuple<field<T, Index>...> make_fields(std::index_sequence<Index...>) {
  return {};
}

template <class T, class Visitor, class Indices>
struct field_visitor;

template <class T, class Visitor, std::size_t... Index>
struct field_visitor<T, Visitor, std::index_sequence<Index...>> {
  Visitor& visit;

  template <class... Members>
  [[gnu::always_inline]] constexpr void operator()(Members&... members) const {
    (static_cast<void>(visit(field<T, Index>{}, members)), ...);
  }
};

template <class T, class Visitor, class Indices>
struct field_tester;

template <class T, class Visitor, std::size_t... Index>
struct field_tester<T, Visitor, std::index_sequence<Index...>> {
  Visitor& visit;

  template <class... Members>
  [[gnu::always_inline]] constexpr bool operator()(Members&... members) const {
    return (static_cast<bool>(visit(field<T, Index>{}, members)) && ...);
  }
};

// What hana::accessors gives for a listed struct: hana's own algorithms on structs want hana::string keys.
template <class T, std::size_t Index, std::size_t... Character>
constexpr auto hana_key(std::index_sequence<Character...>) {
  return boost::hana::string<record_fields<T>::member_name(Index)[Character]...>{};
}

template <class T, std::size_t... Index>
constexpr auto hana_accessors(std::index_sequence<Index...>) {
  return boost::hana::make_tuple(boost::hana::make_pair(
      hana_key<T, Index>(std::make_index_sequence<record_fields<T>::member_name(Index).size()>{}),
      field_accessor<T, Index>{})...);
}

} // namespace detail

/// The fields of a record in their order: a hana::tuple of `field<T, Index>`.
template <record T>
inline constexpr auto fields_of = detail::make_fields<T>(std::make_index_sequence<field_count<T>>{});

/// Calls `visit(field, member)` for every field in order: one structured binding and one fold, which inline away.
template <class Record, class Visitor>
[[gnu::always_inline]] constexpr void for_each_field(Record&& value, Visitor&& visit) {
  using type = std::remove_cvref_t<Record>;
  using indices = std::make_index_sequence<detail::record_fields<type>::count>;
  detail::record_fields<type>::apply(value,
                                     detail::field_visitor<type, std::remove_reference_t<Visitor>, indices>{visit});
}

/// The same for a visitor that returns false to stop.
///
/// Returns true when no call returned false.
template <class Record, class Visitor>
[[gnu::always_inline]] constexpr bool for_each_field_while(Record&& value, Visitor&& visit) {
  using type = std::remove_cvref_t<Record>;
  using indices = std::make_index_sequence<detail::record_fields<type>::count>;
  return detail::record_fields<type>::apply(
      value, detail::field_tester<type, std::remove_reference_t<Visitor>, indices>{visit});
}

} // namespace tenon::inline v0

// A field is a Hana Product by its own tag: hana::pair's constructors cost more compile time than all the rest of a
// field.
template <>
struct boost::hana::first_impl<tenon::detail::field_tag> {
  template <class T, std::size_t Index>
  static constexpr auto apply(const tenon::field<T, Index>&) {
    return tenon::field_name<T, Index>{};
  }
};
template <>
struct boost::hana::second_impl<tenon::detail::field_tag> {
  template <class T, std::size_t Index>
  static constexpr auto apply(const tenon::field<T, Index>&) {
    return tenon::field_accessor<T, Index>{};
  }
};

/// Makes every struct listed by TENON_STRUCT or TENON_STRUCT_FOR a Hana Struct: hana::accessors, members, keys, at_key,
/// equal, ...
template <class Listed>
struct boost::hana::accessors_impl<Listed, boost::hana::when<tenon::detail::declares_fields<Listed>>> {
  static constexpr auto apply() {
    return tenon::detail::hana_accessors<Listed>(
        std::make_index_sequence<tenon::detail::record_fields<Listed>::count>{});
  }
};
