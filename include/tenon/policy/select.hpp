// Codecs and policies stand in one parameter list, in any order: this picks them apart. Policy layer.
#pragma once

#include <tuple>
#include <type_traits>

#include <tenon/policy/concept.hpp>
#include <tenon/policy/stack.hpp>

namespace tenon::inline v0::policy {

namespace detail {

template <class Tuple>
struct as_stack;
template <class... Policies>
struct as_stack<std::tuple<Policies...>> {
  using type = stack<Policies...>;
};

template <class T>
using kept_if_policy = std::conditional_t<any<T>, std::tuple<T>, std::tuple<>>;

}  // namespace detail

/// The policies among `Parameters`, in their order, as a stack.
template <class... Parameters>
using stack_of = typename detail::as_stack<decltype(std::tuple_cat(std::declval<detail::kept_if_policy<Parameters>>()...))>::type;

}  // namespace tenon::inline v0::policy
