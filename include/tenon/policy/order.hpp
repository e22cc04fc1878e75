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
  };
  static constexpr std::array<fact, size + 1> facts{fact{Policies::what, Policies::where, Policies::stands, Policies::name}..., fact{}};
  static constexpr std::size_t loops = (std::size_t{0} + ... + (Policies::what == kind::loop ? 1U : 0U));
  static constexpr std::size_t find_loop() {
    for (std::size_t i = 0; i < size; ++i) {
      if (facts[i].what == kind::loop) return i;
    }
    return size;
  }
  static constexpr bool none_outside(scope where, side stands) {
    for (std::size_t i = 0; loops == 1 && i < find_loop(); ++i) {
      if (facts[i].where == where || facts[i].stands == stands) return false;
    }
    return true;
  }
  static constexpr bool none_inside(side stands) {
    for (std::size_t i = find_loop(); i < size; ++i) {
      if (facts[i].stands == stands) return false;
    }
    return true;
  }
  static constexpr bool names_differ() {
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t other = i + 1; other < size; ++other) {
        const bool same_side = (i < find_loop()) == (other < find_loop());
        if (same_side && facts[i].name == facts[other].name) return false;
      }
    }
    return true;
  }
};

}  // namespace detail
}  // namespace tenon::inline v0::policy
