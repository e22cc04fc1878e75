// Codecs, policies and exceptions for single methods stand in one parameter list, in any order: this picks them apart. Policy layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/core/status.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/stack.hpp>

namespace tenon::inline v0 {

/// Policies for one method: `client<market, retry<>, on_method<&market::buy, retry<retry_options{.max_attempts = 1}>>>`.
///
/// A policy that the list has for all methods gets other options for this one, and keeps its place and its state; where it stands twice, the first is meant.
/// One that the list has not is added for this method alone, at the place where `on_method` stands. For one that is not wanted, say so in its options.
template <auto Method, policy::any... Policies>
struct on_method {
  static_assert(std::is_member_function_pointer_v<decltype(Method)>, "tenon::on_method: the first argument is no method; write on_method<&market::buy, ...>");
  static_assert(sizeof...(Policies) != 0, "tenon::on_method: no policies; write what is different for this method, on_method<&market::buy, timeout<5_s>>");
};

namespace policy {

template <class T>
inline constexpr bool is_on_method = false;
template <auto Method, class... Policies>
inline constexpr bool is_on_method<on_method<Method, Policies...>> = true;

/// A policy that is there for some methods only: its options say for which.
template <class P>
struct switchable : P {
  using original = P;
  static constexpr bool for_some_methods = true;
  struct options : P::options {
    bool enabled = false;
  };
  static constexpr options defaults{P::defaults, false};

  template <class State, class Call, class Info>
    requires requires(State& s, const options& o, Call& c, Info& i) { P::admit(s, o, c, i); }
  [[gnu::always_inline]] static outcome admit(State& state, const options& chosen, Call& call, Info& info) noexcept {
    return chosen.enabled ? P::admit(state, chosen, call, info) : outcome{};
  }
  template <class State, class Call, class Info>
    requires requires(State& s, const options& o, Call& c, Info& i) { P::admit_attempt(s, o, c, i); }
  [[gnu::always_inline]] static outcome admit_attempt(State& state, const options& chosen, Call& call, Info& info) noexcept {
    return chosen.enabled ? P::admit_attempt(state, chosen, call, info) : outcome{};
  }
  template <class State, class Call, class Info>
    requires requires(State& s, const options& o, Call& c, Info& i) { P::observe(s, o, c, i, outcome{}); }
  [[gnu::always_inline]] static void observe(State& state, const options& chosen, Call& call, Info& info, outcome result) noexcept {
    if (chosen.enabled) P::observe(state, chosen, call, info, result);
  }
  template <class State, class Call, class Info>
    requires requires(State& s, const options& o, Call& c, Info& i) { P::decide(s, o, c, i, outcome{}); }
  [[gnu::always_inline]] static decision decide(State& state, const options& chosen, Call& call, Info& info, outcome result) noexcept {
    return chosen.enabled ? P::decide(state, chosen, call, info, result) : decision{};
  }
  static constexpr bool fans_out(const options& chosen, const call_info& info) noexcept
    requires fan_out<P>
  {
    return chosen.enabled && P::fans_out(chosen, info);
  }
  static bool replaces(const options& chosen, outcome result) noexcept
    requires recovers<P>
  {
    return chosen.enabled && P::replaces(chosen, result);
  }
  // The driver asks for every method; which of them it is for, the options know.
  template <class Response, class State, class Info, class... Into>
  static status recover(State& state, const options& chosen, Info& info, const status& why, Into&... into) {
    if constexpr (P::template fits<Response>) return P::template recover<Response>(state, chosen, info, why, into...);
    else return why;
  }
};

namespace detail {

template <class P>
struct without_switch {
  using type = P;
};
template <class P>
struct without_switch<switchable<P>> {
  using type = P;
};

// What one name in a list, and in a document, stands for: the same policy with whatever options.
template <class A, class B>
inline constexpr bool same_policy = std::is_same_v<typename without_switch<A>::type::options, typename without_switch<B>::type::options> &&
                                    std::string_view{without_switch<A>::type::name} == std::string_view{without_switch<B>::type::name};

template <class... Types>
struct list {};

template <class P, class List>
inline constexpr bool has_policy = false;
template <class P, class... Members>
inline constexpr bool has_policy<P, list<Members...>> = [] {
  if constexpr (any<P>) {
    // Codecs and the like have no options to compare.
    const auto is_it = [](auto member) {
      using other = typename decltype(member)::type;
      if constexpr (any<other>) return same_policy<P, other>;
      else return false;
    };
    return (is_it(std::type_identity<Members>{}) || ...);
  } else {
    return false;
  }
}();

// Takes the parameters one by one: policies as they are, those of an on_method unless they are known.
template <class Taken, class All, class... Rest>
struct take;
template <class... Taken, class All>
struct take<list<Taken...>, All> {
  using type = stack<Taken...>;
};
template <class... Taken, class All, class Other, class... Rest>
struct take<list<Taken...>, All, Other, Rest...> : take<std::conditional_t<any<Other>, list<Taken..., Other>, list<Taken...>>, All, Rest...> {};
template <class... Taken, class All, auto Method, class... Rest>
struct take<list<Taken...>, All, on_method<Method>, Rest...> : take<list<Taken...>, All, Rest...> {};
template <class... Taken, class All, auto Method, class First, class... More, class... Rest>
struct take<list<Taken...>, All, on_method<Method, First, More...>, Rest...>
    : take<std::conditional_t<has_policy<First, All> || has_policy<First, list<Taken...>>, list<Taken...>, list<Taken..., switchable<First>>>, All,
           std::conditional_t<sizeof...(More) == 0, list<>, on_method<Method, More...>>, Rest...> {};

}  // namespace detail

/// The policies among `Parameters`, in their order, as a stack.
template <class... Parameters>
using stack_of = typename detail::take<detail::list<>, detail::list<Parameters...>, Parameters...>::type;

namespace detail {

template <class Stack, class P>
constexpr void override_one(typename Stack::config& entry) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    bool found = false;
    const auto look = [&](auto at, auto& mine) {
      using member = typename Stack::template at<decltype(at)::value>;
      if constexpr (same_policy<member, P>) {
        if (std::exchange(found, true)) return;
        static_cast<typename P::options&>(mine) = P::defaults;
        if constexpr (!std::is_same_v<typename without_switch<member>::type, member>) mine.enabled = true;
      }
    };
    (look(std::integral_constant<std::size_t, I>{}, std::get<I>(entry)), ...);
  }(std::make_index_sequence<Stack::size>{});
}

template <class Stack, class IndexOf, class Table, class Parameter>
struct apply_override {
  static constexpr void to(Table&) {}
};
template <class Stack, class IndexOf, class Table, auto Method, class... Policies>
struct apply_override<Stack, IndexOf, Table, on_method<Method, Policies...>> {
  static_assert(IndexOf::template of<Method> < std::tuple_size_v<Table>, "tenon::on_method: the method is none of those that TENON_SERVICE lists for this service");
  static constexpr void to(Table& table) {
    if constexpr (IndexOf::template of<Method> < std::tuple_size_v<Table>) (override_one<Stack, Policies>(std::get<IndexOf::template of<Method>>(table)), ...);
  }
};

}  // namespace detail

/// The options of each of `Count` methods before anybody changes them: those of the policies' types, and what `on_method` says. `IndexOf::of<Method>` is a method's number.
template <class Stack, std::size_t Count, class IndexOf, class... Parameters>
inline constexpr auto table_of = [] {
  using table_type = std::array<typename Stack::config, Count>;
  table_type table{};
  for (auto& each : table) each = Stack::defaults();
  (detail::apply_override<Stack, IndexOf, table_type, Parameters>::to(table), ...);
  return table;
}();

}  // namespace policy
}  // namespace tenon::inline v0
