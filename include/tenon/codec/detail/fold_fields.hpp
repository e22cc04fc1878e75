// Visits a record's fields with a state that is handed along by value. Codec layer, shared by codecs.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <tenon/reflect/fields.hpp>

namespace tenon::inline v0::codec::detail {

template <class T, class State, class Visitor, class Indices>
struct field_folder;

// The state is a local of the one function that holds the whole fold: the place that is read or written stays in a register even where the compiler keeps that
// function out of line. A state captured by the visitor would go through memory at every field.
template <class T, class State, class Visitor, std::size_t... Index>
struct field_folder<T, State, Visitor, std::index_sequence<Index...>> {
  const State& initial;
  const Visitor& visit;

  template <class... Members>
  [[gnu::always_inline]] constexpr State operator()(Members&... members) const {
    State state = initial;
    static_cast<void>((visit(state, field<T, Index>{}, members) && ...));
    return state;
  }
};

/// Calls `visit(state, field, member)` for every field in order until one returns false; returns the state. The visitor should be forced inline.
template <class Record, class State, class Visitor>
[[gnu::always_inline]] constexpr State fold_fields(Record& value, const State& initial, const Visitor& visit) {
  using type = std::remove_const_t<Record>;
  return tenon::detail::record_fields<type>::apply(value, field_folder<type, State, Visitor, std::make_index_sequence<field_count<type>>>{initial, visit});
}

}  // namespace tenon::inline v0::codec::detail
