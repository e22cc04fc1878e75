// What may stand where in a list of policies, and how two of a kind are told apart. Policy layer; the sentences are in stack.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <tenon/policy/concept.hpp>

namespace tenon::inline v0::policy {

/// A name in a template argument.
template <std::size_t Size>
struct tag {
  char text[Size]{};
  consteval tag(const char (&given)[Size]) { std::copy_n(given, Size, text); }
  constexpr std::string_view view() const noexcept { return {text, Size - 1}; }
};

/// A policy under a name of its own, where a stack has two of a kind: `policy::tagged<"per user", limiter<...>>`.
template <tag Name, class P>
struct tagged : P {
  static constexpr std::string_view name = Name.view();
};

namespace detail {

// One instantiation per stack, over plain tables: the checks themselves cost the compiler nothing worth counting.
template <class... Policies>
struct order {
  static constexpr std::size_t size = sizeof...(Policies);
  struct fact {
    kind what{};
    scope where{};
    side stands{};
    std::string_view name{};
    bool for_some_methods = false;
  };
  static constexpr std::array<fact, size + 1> facts{fact{Policies::what, Policies::where, Policies::stands, Policies::name, Policies::for_some_methods}..., fact{}};
  static constexpr std::size_t loops = (std::size_t{0} + ... + (Policies::what == kind::loop ? 1U : 0U));
  static constexpr std::size_t fans = (std::size_t{0} + ... + (Policies::what == kind::fan_out ? 1U : 0U));
  static constexpr std::size_t repeaters = loops + fans;
  static constexpr std::size_t find(kind what) {
    for (std::size_t i = 0; i < size; ++i) {
      if (facts[i].what == what) return i;
    }
    return size;
  }
  // Where the call ends and its attempts begin: a loop policy, a fan-out policy, or one behind the other.
  static constexpr std::size_t first_repeater() { return (std::min)(find(kind::loop), find(kind::fan_out)); }
  static constexpr bool side_by_side() {
    const std::size_t first = first_repeater();
    return repeaters < 2 || (facts[first + 1].what != facts[first].what && (facts[first + 1].what == kind::loop || facts[first + 1].what == kind::fan_out));
  }
  static constexpr bool told_apart() {
    for (std::size_t i = 0; repeaters == 2 && i < size; ++i) {
      if (facts[i].what != kind::hook && facts[i].what != kind::watcher && facts[i].for_some_methods) return true;
    }
    return repeaters < 2;
  }
  static constexpr bool none_outside(scope where, side stands) {
    for (std::size_t i = 0; repeaters != 0 && i < first_repeater(); ++i) {
      if (facts[i].where == where || facts[i].stands == stands) return false;
    }
    return true;
  }
  static constexpr bool none_inside(side stands) {
    for (std::size_t i = first_repeater(); i < size; ++i) {
      if (facts[i].stands == stands) return false;
    }
    return true;
  }
  static constexpr bool names_differ() {
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t other = i + 1; other < size; ++other) {
        const bool same_side = (i < first_repeater()) == (other < first_repeater());
        if (same_side && facts[i].name == facts[other].name) return false;
      }
    }
    return true;
  }
};

}  // namespace detail
}  // namespace tenon::inline v0::policy
