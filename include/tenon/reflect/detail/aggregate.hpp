// How many members a plain aggregate has, its base's included. Reflect layer, detail of fields.hpp.
#pragma once

#include <cstddef>
#include <tenon/reflect/detail/tie.hpp>
#include <type_traits>
#include <utility>

namespace tenon::inline v0::detail {

template <class T>
consteval std::size_t aggregate_size();

// Converts to whatever a member wants to be initialised with. Used in unevaluated operands only; it has a body because
// clang wants one for types without linkage.
struct anything {
  template <class U>
  operator U() const noexcept {
    __builtin_unreachable();
  }
};

template <class Derived, class Base>
concept proper_base = std::is_base_of_v<Base, Derived> && !std::is_same_v<Base, Derived>;

template <class Derived>
struct any_base {
  template <class Base>
    requires proper_base<Derived, Base>
  operator Base() const noexcept {
    __builtin_unreachable();
  }
};

template <class Derived>
struct any_base_with_members {
  template <class Base>
    requires(proper_base<Derived, Base> && !std::is_empty_v<Base>)
  operator Base() const noexcept {
    __builtin_unreachable();
  }
};

template <class Derived, std::size_t Count>
struct any_base_of_at_most {
  template <class Base>
    requires(proper_base<Derived, Base> && !std::is_empty_v<Base> && std::is_aggregate_v<Base> &&
             aggregate_size<Base>() <= Count)
  operator Base() const noexcept {
    __builtin_unreachable();
  }
};

template <class Initializer>
Initializer repeat(std::size_t);

template <class T, std::size_t... Index>
consteval bool braces_take(std::index_sequence<Index...>) {
  return requires { T{repeat<anything>(Index)...}; };
}

#if defined(__cpp_aggregate_paren_init)
// Parentheses, unlike braces, do not spread over the elements of an array member.
template <class T, std::size_t... Index>
consteval bool has_no_arrays(std::index_sequence<Index...>) {
  return sizeof...(Index) < 2 || requires { T(repeat<anything>(Index)...); };
}
#else
template <class T, std::size_t... Before, std::size_t... After>
consteval bool is_one_member(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires { T{repeat<anything>(Before)..., {}, repeat<anything>(After)...}; };
}

// An empty pair of braces takes a whole array, after which the initialisers meant for its other elements are too many.
template <class T, std::size_t... Index>
consteval bool has_no_arrays(std::index_sequence<Index...>) {
  return (
      is_one_member<T>(std::make_index_sequence<Index>{}, std::make_index_sequence<sizeof...(Index) - Index - 1>{}) &&
      ...);
}
#endif

template <class T, class Last, std::size_t... Index>
consteval bool braces_take_base(std::index_sequence<Index...>) {
  return requires { T{repeat<any_base<T>>(Index)..., Last{}}; };
}

// The largest count of initialisers in [Low, High) that T takes; T takes Low.
template <class T, std::size_t Low, std::size_t High>
consteval std::size_t initializer_count() {
  if constexpr (Low + 1 >= High) {
    return Low;
  } else {
    constexpr std::size_t middle = Low + (High - Low) / 2;
    if constexpr (braces_take<T>(std::make_index_sequence<middle>{})) {
      return initializer_count<T, middle, High>();
    } else {
      return initializer_count<T, Low, middle>();
    }
  }
}

// Most messages are small: doubling first keeps the tried packs near the answer.
template <class T, std::size_t Low = 0, std::size_t Guess = 4>
consteval std::size_t initializer_count_from() {
  constexpr std::size_t limit = max_bound_members + 2;
  if constexpr (Guess >= limit) {
    return initializer_count<T, Low, limit>();
  } else if constexpr (braces_take<T>(std::make_index_sequence<Guess>{})) {
    return initializer_count_from<T, Guess, Guess * 2>();
  } else {
    return initializer_count<T, Low, Guess>();
  }
}

// Bases are initialised before the members, one initialiser each.
template <class T, std::size_t Found = 0>
consteval std::size_t base_count() {
  if constexpr (braces_take_base<T, any_base<T>>(std::make_index_sequence<Found>{})) {
    return base_count<T, Found + 1>();
  } else {
    return Found;
  }
}

template <class T, std::size_t... Index>
consteval std::size_t bases_with_members(std::index_sequence<Index...>) {
  return (std::size_t{0} + ... +
          (braces_take_base<T, any_base_with_members<T>>(std::make_index_sequence<Index>{}) ? 1U : 0U));
}

// The size of the only base with members, which cannot be named, by asking for a base of at most so many.
template <class T, std::size_t Position, std::size_t Low = 0, std::size_t High = max_bound_members>
consteval std::size_t base_size() {
  if constexpr (Low == High) {
    return Low;
  } else {
    constexpr std::size_t middle = Low + (High - Low) / 2;
    if constexpr (braces_take_base<T, any_base_of_at_most<T, middle>>(std::make_index_sequence<Position>{})) {
      return base_size<T, Position, Low, middle>();
    } else {
      return base_size<T, Position, middle + 1, High>();
    }
  }
}

template <class T, std::size_t Position = 0>
consteval std::size_t inherited_size() {
  if constexpr (braces_take_base<T, any_base_with_members<T>>(std::make_index_sequence<Position>{})) {
    return base_size<T, Position>();
  } else {
    return inherited_size<T, Position + 1>();
  }
}

// True when T adds no members to those of its bases.
template <class T>
consteval bool adds_no_members() {
  return initializer_count_from<T>() == base_count<T>();
}

template <class T>
consteval std::size_t aggregate_size() {
  constexpr std::size_t total = initializer_count_from<T>();
  constexpr std::size_t bases = base_count<T>();
  static_assert(total <= max_bound_members, "tenon: T has more than 100 fields; list them with TENON_STRUCT");
  if constexpr (total > max_bound_members) {
    return 0;
  } else if constexpr (bases == 0) {
    constexpr bool no_arrays = has_no_arrays<T>(std::make_index_sequence<total>{});
    static_assert(no_arrays, "tenon: T has a C array among its fields; use std::array");
    return no_arrays ? total : 0;
  } else {
    constexpr std::size_t with_members = bases_with_members<T>(std::make_index_sequence<bases>{});
    constexpr bool from_one_class = with_members == 0 || (with_members == 1 && total == bases);
    static_assert(from_one_class, "tenon: T has a base with fields and fields of its own; list them with TENON_STRUCT");
    if constexpr (!from_one_class) {
      return 0;
    } else if constexpr (with_members == 0) {
      return total - bases;
    } else {
      return inherited_size<T>();
    }
  }
}

} // namespace tenon::inline v0::detail
