// Policies composed: the fold that a driver runs around each call and each attempt, outermost first. Policy layer.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/policy/concept.hpp>

namespace tenon::inline v0::policy {

/// Policies in order, outermost first. An empty stack compiles to nothing.
///
/// A driver runs `admit_call`; then per attempt `admit_attempt`, the attempt, `observe_attempt`, `decide`; at the end `observe_call`. Policies before the loop policy see
/// the call, those after it see each attempt; without a loop policy everything sees the call, which is its own only attempt.
template <any... Policies>
struct stack {
  static constexpr std::size_t size = sizeof...(Policies);
  template <std::size_t I>
  using at = std::tuple_element_t<I, std::tuple<Policies...>>;

 private:
  static constexpr std::size_t loops = (std::size_t{0} + ... + (Policies::what == kind::loop ? 1U : 0U));
  static constexpr std::size_t find_loop() {
    std::size_t position = 0;
    std::size_t found = size;
    ((Policies::what == kind::loop ? void(found = position++) : void(++position)), ...);
    return found;
  }
  static constexpr bool endpoint_policies_are_inside() {
    std::size_t position = 0;
    bool good = true;
    ((Policies::where == scope::endpoint && position < find_loop() && loops == 1 ? void((good = false, ++position)) : void(++position)), ...);
    return good;
  }
  static_assert(loops <= 1, "tenon: two policies of one client want to repeat the call; keep one retry");
  static_assert(endpoint_policies_are_inside(), "tenon: a policy that keeps state per endpoint stands outside retry; write it after retry, so that it sees each attempt");

 public:
  static constexpr bool has_loop = loops == 1;
  static constexpr std::size_t loop_position = find_loop();
  static constexpr std::size_t call_end = has_loop ? loop_position : size;       // [0, call_end) see the call
  static constexpr std::size_t attempt_begin = has_loop ? loop_position + 1 : size;  // [attempt_begin, size) see each attempt

  using config = std::tuple<typename Policies::options...>;
  static constexpr config defaults() { return {Policies::defaults...}; }
  using call_states = std::tuple<typename Policies::call_state...>;
  using client_states = std::tuple<std::conditional_t<Policies::where == scope::client, typename Policies::state, none>...>;
  using endpoint_states = std::tuple<std::conditional_t<Policies::where == scope::endpoint, typename Policies::state, none>...>;

  /// One call's way through the stack: references only.
  struct view {
    client_states& client;
    endpoint_states& endpoint;
    const config& options;
    call_states& calls;
    call_info& info;

    template <std::size_t I>
    [[gnu::always_inline]] auto& state() const noexcept {
      if constexpr (at<I>::where == scope::client) return std::get<I>(client);
      else return std::get<I>(endpoint);
    }
  };

  [[gnu::always_inline]] static outcome admit_call(const view& call) noexcept { return admit<0, call_end>(call); }
  [[gnu::always_inline]] static void observe_call(const view& call, outcome result) noexcept { observe<0, call_end>(call, result); }
  [[gnu::always_inline]] static outcome admit_attempt(const view& call) noexcept { return admit<attempt_begin, size>(call); }
  [[gnu::always_inline]] static void observe_attempt(const view& call, outcome result) noexcept { observe<attempt_begin, size>(call, result); }
  [[gnu::always_inline]] static decision decide(const view& call, outcome result) noexcept {
    if constexpr (has_loop) {
      constexpr std::size_t l = loop_position;
      return at<l>::decide(call.template state<l>(), std::get<l>(call.options), std::get<l>(call.calls), call.info, result);
    } else {
      return {};
    }
  }

  /// The name of the policy that made `result`; empty when none of these did.
  static constexpr std::string_view producer(outcome result) noexcept {
    std::string_view name;
    std::uint16_t position = 0;
    ((++position == result.producer ? void(name = Policies::name) : void()), ...);
    return name;
  }

 private:
  template <std::size_t Begin, std::size_t End>
  [[gnu::always_inline]] static outcome admit(const view& call) noexcept {
    if constexpr (Begin == End) {
      return {};
    } else {
      outcome result = at<Begin>::admit(call.template state<Begin>(), std::get<Begin>(call.options), std::get<Begin>(call.calls), call.info);
      if (!result.ok()) [[unlikely]] {
        if (result.producer == 0) result.producer = static_cast<std::uint16_t>(Begin + 1);
        return result;
      }
      result = admit<Begin + 1, End>(call);
      // Refused further in: this one was admitted, so it learns how it ended.
      if (!result.ok()) [[unlikely]] observe_one<Begin>(call, result);
      return result;
    }
  }

  template <std::size_t Begin, std::size_t End>
  [[gnu::always_inline]] static void observe(const view& call, outcome result) noexcept {
    if constexpr (Begin != End) {
      observe_one<End - 1>(call, result);
      observe<Begin, End - 1>(call, result);
    }
  }

  template <std::size_t I>
  [[gnu::always_inline]] static void observe_one(const view& call, outcome result) noexcept {
    at<I>::observe(call.template state<I>(), std::get<I>(call.options), std::get<I>(call.calls), call.info, result);
  }
};

}  // namespace tenon::inline v0::policy
