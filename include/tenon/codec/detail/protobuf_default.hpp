// Which values protobuf leaves out, and which fields have another default than that. Codec layer, part of protobuf.hpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

// Whether a member holds what protobuf takes a missing field for. Negative zero is not zero.
template <class T>
constexpr bool protobuf_is_zero(const T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::floating) {
    using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    return std::bit_cast<bits>(value) == 0;
  } else if constexpr (form == shape::enumeration || form == shape::integer || form == shape::boolean) {
    return value == T{};
  } else if constexpr (form == shape::duration) {
    return value == T::zero();
  } else if constexpr (form == shape::time_point) {
    return value == T{};
  } else if constexpr (std::is_same_v<T, const char*>) {
    return value == nullptr || *value == '\0';
  } else if constexpr (form == shape::text || form == shape::sequence || form == shape::mapping) {
    return value.empty();
  } else if constexpr (form == shape::binary || form == shape::fixed_sequence) {
    if constexpr (requires { std::tuple_size<T>::value; }) {
      for (const auto& each : value) {
        if constexpr (form == shape::binary) {
          if (each != std::byte{}) return false;
        } else {
          if (!protobuf_is_zero(each)) return false;
        }
      }
      return true;
    } else {
      return value.empty();
    }
  } else if constexpr (form == shape::optional) {
    return !value;
  } else if constexpr (form == shape::null) {
    return true;
  } else if constexpr (form == shape::record || form == shape::tuple) {
    return protobuf_fold(value, true, [](bool& zero, auto, const auto& member) { return zero = protobuf_is_zero(member); });
  } else {
    return false;
  }
}

// The defaults of a record whose construction the compiler can follow are known to it; else one is made at run time, once.
template <class T>
concept protobuf_known_default = requires { typename std::bool_constant<(static_cast<void>(T{}), true)>; };

template <class T>
constexpr auto protobuf_find_zeros() {
  std::array<bool, protobuf_field_count<T> + 1> zeros{};
  T fresh{};
  static_cast<void>(protobuf_fold(fresh, 0, [&zeros](int&, auto each, const auto& member) {
    zeros[decltype(each)::index] = protobuf_is_zero(member);
    return true;
  }));
  return zeros;
}
template <class T>
inline constexpr auto protobuf_zeros = protobuf_find_zeros<T>();

/// Whether the field's default is zero for certain, so that a missing one can be cleared.
template <class M, class Field>
consteval bool protobuf_defaults_to_zero() {
  if constexpr (shape_of<M> != shape::record) return true;
  else if constexpr (protobuf_known_default<M>) return protobuf_zeros<M>[Field::index];
  else return false;
}

/// Whether a zero has to be written: the field is required, or its default is another value.
template <class M, class Field>
[[gnu::always_inline]] inline bool protobuf_writes_zero() {
  if constexpr (Field::is_required) {
    return true;
  } else if constexpr (shape_of<M> == shape::record && !protobuf_known_default<M>) {
    static const auto zeros = protobuf_find_zeros<M>();
    return !zeros[Field::index];
  } else {
    return !protobuf_defaults_to_zero<M, Field>();
  }
}

}  // namespace tenon::inline v0::codec::detail
