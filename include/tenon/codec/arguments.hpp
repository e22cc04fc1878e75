// The arguments of a call as one message: what stands between a service's parameters and a codec. Codec layer.
#pragma once

#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace tenon::inline v0::codec {

/// The parameters of a method by reference, with their names where the contract gives them.
///
/// Shape   written: none as null; one as the bare value; several as an object by `names` when those are given, else as an array.
///         read: none from nothing, null, an empty array or an empty object; one from its bare value, or (when the value cannot be an array) from an array of one,
///         or (when it has a name and cannot be an object) from an object with that name; several from an array of that many, or from an object by `names`,
///         where what is optional may be missing, and a variant whose first alternative is std::monostate.
template <class Tuple>
struct arguments {
  Tuple& values;
  std::span<const std::string_view> names;
};

template <class Tuple>
arguments(Tuple&, std::span<const std::string_view>) -> arguments<Tuple>;

template <class T>
inline constexpr bool is_arguments = false;
template <class Tuple>
inline constexpr bool is_arguments<arguments<Tuple>> = true;

}  // namespace tenon::inline v0::codec
