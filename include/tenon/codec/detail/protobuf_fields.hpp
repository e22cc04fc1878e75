// What protobuf knows of a type: wire types, field numbers, and the members that have them. Codec layer, part of protobuf.hpp.
// Everything that has fields is a message here: records, tuples, the arguments of a call, and the wrapper of what is no message of its own.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/shape.hpp>
#include <tenon/reflect/struct.hpp>

namespace tenon::inline v0::codec::detail {

/// Source  protobuf encoding, Message Structure.
namespace protobuf_wire {
enum kind : unsigned { varint = 0, fixed64 = 1, delimited = 2, group = 3, group_end = 4, fixed32 = 5 };
}

inline constexpr int protobuf_largest_number = 536'870'911;

/// How a field's integers are written: as they are, with the sign in the lowest bit (`sint`), in full width (`fixed`).
enum class protobuf_style : unsigned char { plain, zigzag, fixed };

/// What is no message of its own, as one with the value as field 1: the answer of a call, an element that is itself a container.
template <class T>
struct protobuf_wrapped {
  T& value;
};

/// The arguments of a call as a message: fields from 1 in the order of the parameters.
template <class Tuple>
struct protobuf_call {
  Tuple& values;
  std::span<const std::string_view> names;
};

/// One parameter that has fields itself is the request as it stands.
template <class Tuple>
inline constexpr bool protobuf_is_bare_call = false;
template <class T>
inline constexpr bool protobuf_is_bare_call<std::tuple<T>> = shape_of<T> == shape::record || shape_of<T> == shape::tuple;

// An enum that is `bool` underneath is the number it is.
template <class Enum>
using protobuf_enum_number = std::conditional_t<std::is_same_v<std::underlying_type_t<Enum>, bool>, unsigned char, std::underlying_type_t<Enum>>;

template <class M>
inline constexpr bool is_protobuf_wrapped = false;
template <class T>
inline constexpr bool is_protobuf_wrapped<protobuf_wrapped<T>> = true;
template <class M>
inline constexpr bool is_protobuf_call = false;
template <class Tuple>
inline constexpr bool is_protobuf_call<protobuf_call<Tuple>> = true;

template <class T>
inline constexpr bool is_protobuf_message = shape_of<T> == shape::record || shape_of<T> == shape::tuple;
template <class T>
inline constexpr bool is_protobuf_message<protobuf_wrapped<T>> = true;
template <class Tuple>
inline constexpr bool is_protobuf_message<protobuf_call<Tuple>> = true;

/// Whether a value is one field that comes once, so that it can be an element. What is not is wrapped where it has to be.
template <class T>
inline constexpr bool protobuf_is_single = shape_of<T> != shape::optional && shape_of<T> != shape::sequence && shape_of<T> != shape::fixed_sequence &&
                                           shape_of<T> != shape::mapping && shape_of<T> != shape::variant;

template <class T, protobuf_style Style>
consteval protobuf_wire::kind protobuf_wire_of() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::integer && Style == protobuf_style::fixed) {
    return sizeof(T) <= 4 ? protobuf_wire::fixed32 : protobuf_wire::fixed64;
  } else if constexpr (form == shape::boolean || form == shape::integer || form == shape::enumeration) {
    return protobuf_wire::varint;
  } else if constexpr (form == shape::floating) {
    return sizeof(T) == 4 ? protobuf_wire::fixed32 : protobuf_wire::fixed64;
  } else {
    return protobuf_wire::delimited;
  }
}

// Numbers of one width stand side by side in memory as they do on the wire.
template <class T>
inline constexpr bool protobuf_is_number = shape_of<T> == shape::boolean || shape_of<T> == shape::integer || shape_of<T> == shape::enumeration || shape_of<T> == shape::floating;
template <class T, protobuf_style Style>
inline constexpr std::size_t protobuf_width = protobuf_wire_of<T, Style>() == protobuf_wire::fixed32 ? 4 : protobuf_wire_of<T, Style>() == protobuf_wire::fixed64 ? 8 : 0;
template <class T, protobuf_style Style>
concept protobuf_is_block = protobuf_width<typename T::value_type, Style> == sizeof(typename T::value_type) && std::endian::native == std::endian::little &&
                            !std::is_same_v<typename T::value_type, bool> && requires(T& value) { value.data(); };

template <class T>
inline constexpr std::size_t protobuf_alternatives = 1;
template <class... Alternatives>
inline constexpr std::size_t protobuf_alternatives<std::variant<Alternatives...>> = (std::size_t{0} + ... + (shape_of<Alternatives> == shape::null ? 0 : 1));

template <class... Attributes>
consteval protobuf_style protobuf_style_in(const boost::hana::tuple<Attributes...>& list) {
  if (has_attribute<sint_attribute>(list)) return protobuf_style::zigzag;
  return has_attribute<fixed_attribute>(list) ? protobuf_style::fixed : protobuf_style::plain;
}

template <class... Attributes>
consteval protobuf_style protobuf_key_style_in(const boost::hana::tuple<Attributes...>& list) {
  if (has_attribute<sint_keys_attribute>(list)) return protobuf_style::zigzag;
  return has_attribute<fixed_keys_attribute>(list) ? protobuf_style::fixed : protobuf_style::plain;
}

template <class T>
consteval const auto& protobuf_record_attributes() {
  if constexpr (tenon::detail::declares_fields<T>) return boost::hana::at_c<0>(tenon::detail::record_fields<T>::attributes);
  else return tenon::detail::no_attributes;
}

// The numbers of a record's fields; those of a variant's alternatives follow its own, and the fields after it move up. 0: no field on the wire.
template <class... Fields>
consteval auto protobuf_make_numbers(const boost::hana::tuple<Fields...>&) {
  std::array<int, sizeof...(Fields)> numbers{};
  int shift = 0;
  const auto number = [&](auto each) {
    using field_type = decltype(each);
    if constexpr (has_attribute<unknown_fields_attribute>(field_type::attributes)) {
      --shift;
      return;
    } else {
      numbers[field_type::index] = has_attribute<number_attribute>(field_type::attributes) ? field_type::number : field_type::number + shift;
      shift += static_cast<int>(protobuf_alternatives<std::remove_cv_t<typename field_type::type>>) - 1;
    }
  };
  (number(Fields{}), ...);
  return numbers;
}
template <class T>
inline constexpr auto protobuf_numbers = protobuf_make_numbers(fields_of<T>);

template <class Attribute>
inline constexpr bool is_numbers_attribute = false;
template <std::size_t Count>
inline constexpr bool is_numbers_attribute<numbers_attribute<Count>> = true;
template <class Attribute>
inline constexpr bool is_reserved_attribute = false;
template <std::size_t Count>
inline constexpr bool is_reserved_attribute<reserved_attribute<Count>> = true;

// The number of alternative `rank` of a field, std::monostate not counted.
template <class... Attributes>
constexpr int protobuf_alternative_number(const boost::hana::tuple<Attributes...>& list, int first, std::size_t rank) {
  int number = first + static_cast<int>(rank);
  [[maybe_unused]] const auto look = [&](const auto* attribute) {
    if constexpr (is_numbers_attribute<std::remove_cvref_t<decltype(*attribute)>>) number = rank < attribute->values.size() ? attribute->values[rank] : 0;
  };
  (look(find_attribute<Attributes>(list)), ...);
  return number;
}

template <class... Attributes>
constexpr bool protobuf_is_reserved(const boost::hana::tuple<Attributes...>& list, int number) {
  bool found = false;
  [[maybe_unused]] const auto look = [&](const auto* attribute) {
    if constexpr (is_reserved_attribute<std::remove_cvref_t<decltype(*attribute)>>) {
      for (const int each : attribute->numbers) found = found || each == number;
    }
  };
  (look(find_attribute<Attributes>(list)), ...);
  static_cast<void>(number);
  return found;
}

/// What is known of one field of a message.
template <class M, std::size_t Index>
struct protobuf_field {
  using of_record = field<M, Index>;
  using type = std::remove_cv_t<typename of_record::type>;
  static constexpr std::size_t index = Index;
  static constexpr bool keeps_unknown = has_attribute<unknown_fields_attribute>(of_record::attributes);
  static constexpr bool is_required = of_record::is_required;
  static constexpr protobuf_style style = protobuf_style_in(of_record::attributes);
  static constexpr protobuf_style key_style = protobuf_key_style_in(of_record::attributes);
  static constexpr int number = protobuf_numbers<M>[Index];
  static constexpr int alternative_number(std::size_t rank) { return protobuf_alternative_number(of_record::attributes, number, rank); }
};

template <std::size_t Index, class T>
struct protobuf_bare_field {
  using type = std::remove_cvref_t<T>;
  static constexpr std::size_t index = Index;
  static constexpr bool keeps_unknown = false;
  static constexpr bool is_required = false;
  static constexpr protobuf_style style = protobuf_style::plain;
  static constexpr protobuf_style key_style = protobuf_style::plain;
  static constexpr int number = static_cast<int>(Index) + 1;
  static constexpr int alternative_number(std::size_t rank) { return number + static_cast<int>(rank); }
};
// A variant among parameters or in a tuple takes more than one number, too.
template <class Tuple, std::size_t Index>
struct protobuf_tuple_field : protobuf_bare_field<Index, std::tuple_element_t<Index, Tuple>> {
  template <std::size_t... Before>
  static consteval int number_after(std::index_sequence<Before...>) {
    return static_cast<int>((std::size_t{1} + ... + protobuf_alternatives<std::remove_cvref_t<std::tuple_element_t<Before, Tuple>>>));
  }
  static constexpr int number = number_after(std::make_index_sequence<Index>{});
  static constexpr int alternative_number(std::size_t rank) { return number + static_cast<int>(rank); }
};
template <class M, std::size_t Index>
  requires(shape_of<M> == shape::tuple)
struct protobuf_field<M, Index> : protobuf_tuple_field<M, Index> {};
template <class Tuple, std::size_t Index>
struct protobuf_field<protobuf_call<Tuple>, Index> : protobuf_tuple_field<std::remove_const_t<Tuple>, Index> {};
template <class T, std::size_t Index>
struct protobuf_field<protobuf_wrapped<T>, Index> : protobuf_bare_field<Index, T> {};

template <class M>
consteval std::size_t protobuf_count_fields() {
  if constexpr (is_protobuf_wrapped<M>) return 1;
  else if constexpr (is_protobuf_call<M>) return std::tuple_size_v<std::remove_cvref_t<decltype(std::declval<M&>().values)>>;
  else if constexpr (shape_of<M> == shape::tuple) return std::tuple_size_v<M>;
  else return field_count<M>;
}
template <class M>
inline constexpr std::size_t protobuf_field_count = protobuf_count_fields<M>();
template <class M>
using protobuf_indices = std::make_index_sequence<protobuf_field_count<M>>;

/// Hands all members of a message to `visit`.
template <class M, class Visitor>
[[gnu::always_inline]] constexpr decltype(auto) protobuf_apply(M& message, const Visitor& visit) {
  using plain = std::remove_const_t<M>;
  if constexpr (is_protobuf_wrapped<plain>) return visit(message.value);
  else if constexpr (is_protobuf_call<plain>) return std::apply(visit, message.values);
  else if constexpr (shape_of<plain> == shape::tuple) return std::apply(visit, message);
  else return tenon::detail::record_fields<plain>::apply(message, visit);
}

template <class M, class State, class Visitor, class Indices>
struct protobuf_folder;
// As in fold_fields.hpp: the state is a local of the function that holds the fold, so that the place read or written stays in a register.
template <class M, class State, class Visitor, std::size_t... Index>
struct protobuf_folder<M, State, Visitor, std::index_sequence<Index...>> {
  const State& initial;
  const Visitor& visit;

  template <class... Members>
  [[gnu::always_inline]] constexpr State operator()(Members&... members) const {
    State state = initial;
    static_cast<void>((visit(state, protobuf_field<M, Index>{}, members) && ...));
    return state;
  }
};
/// Calls `visit(state, field, member)` for every field in order until one returns false; returns the state.
template <class M, class State, class Visitor>
[[gnu::always_inline]] constexpr State protobuf_fold(M& message, const State& initial, const Visitor& visit) {
  using plain = std::remove_const_t<M>;
  return protobuf_apply(message, protobuf_folder<plain, State, Visitor, protobuf_indices<plain>>{initial, visit});
}

/// One number on the wire: whose it is, and which alternative of a variant.
struct protobuf_place {
  int number = 0;
  std::uint8_t field = 0;
  std::uint8_t alternative = 0;
};

template <class Field, class T>
struct protobuf_field_places {
  static constexpr std::size_t count = Field::keeps_unknown ? 0 : 1;
  static constexpr std::array<protobuf_place, 1> value{protobuf_place{Field::number, static_cast<std::uint8_t>(Field::index), 0}};
};
template <class Field, class... Alternatives>
struct protobuf_field_places<Field, std::variant<Alternatives...>> {
  static constexpr std::size_t count = protobuf_alternatives<std::variant<Alternatives...>>;
  static constexpr auto make() {
    std::array<protobuf_place, count + 1> places{};
    std::size_t rank = 0;
    std::uint8_t alternative = 0;
    const auto take = [&](bool is_null) {
      if (!is_null) {
        places[rank] = {Field::alternative_number(rank), static_cast<std::uint8_t>(Field::index), alternative};
        ++rank;
      }
      ++alternative;
    };
    (take(shape_of<Alternatives> == shape::null), ...);
    return places;
  }
  static constexpr auto value = make();
};

template <class M, std::size_t... Index>
consteval auto protobuf_make_places(std::index_sequence<Index...>) {
  std::array<protobuf_place, (std::size_t{0} + ... + protobuf_field_places<protobuf_field<M, Index>, typename protobuf_field<M, Index>::type>::count)> all{};
  std::size_t count = 0;
  [[maybe_unused]] const auto take = [&]<class Places>(std::type_identity<Places>) {
    for (std::size_t i = 0; i < Places::count; ++i) all[count++] = Places::value[i];
  };
  (take(std::type_identity<protobuf_field_places<protobuf_field<M, Index>, typename protobuf_field<M, Index>::type>>{}), ...);
  return all;
}
/// Every number of a message, in the order of the fields.
template <class M>
inline constexpr auto protobuf_places = protobuf_make_places<M>(protobuf_indices<M>{});

/// Stops the compilation with a sentence when the numbers of a record cannot be told apart or are not allowed.
template <class M>
consteval bool assert_protobuf_numbers() {
  if constexpr (shape_of<M> == shape::record) {
    constexpr const auto& places = protobuf_places<M>;
    constexpr bool in_range = [] {
      for (const protobuf_place& each : places) {
        if (each.number < 1 || each.number > protobuf_largest_number || (each.number >= 19'000 && each.number <= 19'999)) return false;
      }
      return true;
    }();
    constexpr bool differ = [] {
      for (std::size_t one = 0; one < places.size(); ++one) {
        for (std::size_t other = 0; other < one; ++other) {
          if (places[one].number == places[other].number) return false;
        }
      }
      return true;
    }();
    constexpr bool allowed = [] {
      for (const protobuf_place& each : places) {
        if (protobuf_is_reserved(protobuf_record_attributes<M>(), each.number)) return false;
      }
      return true;
    }();
    static_assert(in_range, "tenon: protobuf numbers its fields from 1 to 536870911 without 19000 to 19999; give the field another tenon::number");
    static_assert(differ, "tenon: two fields of a struct have the same number, so that protobuf could not tell them apart; give each its own by tenon::number");
    static_assert(allowed, "tenon: a field has a number that tenon::reserved keeps for an older one; give it another tenon::number");
  }
  return true;
}

}  // namespace tenon::inline v0::codec::detail
