// The three sources of a record's fields behind one shape: listed by TENON_STRUCT, a Hana Struct, a plain aggregate.
// Reflect layer, detail of fields.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tenon/reflect/detail/aggregate.hpp>
#include <tenon/reflect/detail/field_names.hpp>
#include <tenon/reflect/detail/tie.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/struct.hpp>
#include <type_traits>
#include <utility>

namespace tenon::inline v0::detail {

template <class T>
concept tuple_like = requires { sizeof(std::tuple_size<T>); };

template <class T>
concept iterable = requires(T& range) {
  range.begin();
  range.end();
};

template <class T>
concept plain_aggregate = std::is_aggregate_v<T> && !tuple_like<T> && !iterable<T>;

inline constexpr boost::hana::tuple<> no_attributes{};

enum class field_source { declaration, hana_struct, aggregate };

template <class T>
consteval field_source field_source_of() {
  if constexpr (declares_fields<T>) {
    return field_source::declaration;
  } else if constexpr (boost::hana::Struct<T>::value) {
    return field_source::hana_struct;
  } else {
    return field_source::aggregate;
  }
}

// What one source of fields knows of T: count, the members' names, their attributes, and how to hand the members to a
// visitor.
template <class T, field_source = field_source_of<T>()>
struct record_fields;

template <class T>
struct record_fields<T, field_source::declaration> {
  using declaration = fields_declaration<T>;
  static constexpr std::size_t count = std::size(declaration::tenon_names) - 1;
  static constexpr auto attributes = declaration::tenon_attributes();

  static consteval bool lists_all() {
    if constexpr (std::is_same_v<typename declaration::tenon_type, T>) {
      return true;
    } else if constexpr (std::is_aggregate_v<T>) {
      return adds_no_members<T>();
    } else {
      return sizeof(T) == sizeof(typename declaration::tenon_type);
    }
  }
  static_assert(lists_all(), "tenon: T has a base with fields and fields of its own; list them with TENON_STRUCT");

  static constexpr std::string_view member_name(std::size_t index) { return declaration::tenon_names[index + 1]; }

  template <std::size_t Index>
  static constexpr const auto& field_attributes() {
    return boost::hana::at_c<Index + 1>(attributes);
  }

  template <class Record, class Visitor>
  [[gnu::always_inline]] static constexpr decltype(auto) apply(Record& value, Visitor&& visit) {
    return declaration::tenon_apply(value, visit);
  }
};

template <class T>
struct record_fields<T, field_source::hana_struct> {
  static constexpr auto accessors = boost::hana::accessors<T>();
  static constexpr std::size_t count = decltype(boost::hana::length(accessors))::value;

  template <std::size_t... Index>
  static consteval std::array<std::string_view, count> names(std::index_sequence<Index...>) {
    return {std::string_view(boost::hana::first(boost::hana::at_c<Index>(accessors)).c_str())...};
  }
  static constexpr std::array<std::string_view, count> names_of_members = names(std::make_index_sequence<count>{});
  static constexpr std::string_view member_name(std::size_t index) { return names_of_members[index]; }

  template <std::size_t>
  static constexpr const boost::hana::tuple<>& field_attributes() {
    return no_attributes;
  }

  template <class Record, class Visitor, std::size_t... Index>
  [[gnu::always_inline]] static constexpr decltype(auto) apply_each(Record& value, Visitor& visit,
                                                                    std::index_sequence<Index...>) {
    static_assert(
        (std::is_lvalue_reference_v<decltype(boost::hana::second(boost::hana::at_c<Index>(accessors))(value))> && ...),
        "tenon: a Hana Struct's accessors must return references; list the fields with TENON_STRUCT_FOR");
    return visit(boost::hana::second(boost::hana::at_c<Index>(accessors))(value)...);
  }
  template <class Record, class Visitor>
  [[gnu::always_inline]] static constexpr decltype(auto) apply(Record& value, Visitor&& visit) {
    return apply_each(value, visit, std::make_index_sequence<count>{});
  }
};

template <class T>
struct record_fields<T, field_source::aggregate> {
  static constexpr std::size_t count = aggregate_size<T>();
  static constexpr auto names = aggregate_names<T>(std::make_index_sequence<count>{});
  static constexpr std::string_view member_name(std::size_t index) { return names[index]; }

  template <std::size_t>
  static constexpr const boost::hana::tuple<>& field_attributes() {
    return no_attributes;
  }

  template <class Record, class Visitor>
  [[gnu::always_inline]] static constexpr decltype(auto) apply(Record& value, Visitor&& visit) {
    return member_binder<count>::apply(value, visit);
  }
};

// References to all members, each reachable by its index through a base class: one pack per record instead of one per
// field.
template <std::size_t Index, class Member>
struct member_reference {
  Member& value;
};

template <class Indices, class... Members>
struct member_references;

template <std::size_t... Index, class... Members>
struct member_references<std::index_sequence<Index...>, Members...> : member_reference<Index, Members>... {};

template <std::size_t Index, class Member>
constexpr Member& referenced_member(const member_reference<Index, Member>& reference) {
  return reference.value;
}

struct reference_collector {
  template <class... Members>
  [[gnu::always_inline]] constexpr auto operator()(Members&... members) const {
    return member_references<std::make_index_sequence<sizeof...(Members)>, Members...>{{members}...};
  }
};

template <std::size_t Index, class Member>
std::type_identity<Member> member_type(const member_reference<Index, Member>*);

template <class T>
using references_of = decltype(record_fields<T>::apply(std::declval<T&>(), reference_collector{}));

} // namespace tenon::inline v0::detail
