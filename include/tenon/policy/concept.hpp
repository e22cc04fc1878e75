// What a policy is: a stateless type with options, state and two or three functions that the stack inlines. Policy layer.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0::policy {

/// How a policy takes part in a call.
enum class kind : std::uint8_t {
  hook,  ///< decides before (`admit`) and learns after (`observe`)
  loop,  ///< decides whether there is another attempt (`decide`); at most one per stack
};

/// Whose state a policy keeps: the client's (or the served service's), or each endpoint's.
enum class scope : std::uint8_t { client, endpoint };

/// No state at all.
struct none {};

/// What a policy may leave out, by deriving from this.
struct base {
  using state = none;       ///< lives as long as the client, the endpoint or the served service; one per loop
  using call_state = none;  ///< lives as long as one call
  static constexpr policy::kind what = policy::kind::hook;
  static constexpr policy::scope where = policy::scope::client;
};

/// A loop policy's answer.
struct decision {
  bool again = false;
  duration delay{};
};

/// A policy that stands around a call or an attempt.
///
/// Laws    every `admit` that answers OK is followed by exactly one `observe` of the same call state, whatever happens in between: an answer, a refusal further in, an
///         exception, a cancel. `admit` that refuses is not observed. Neither reads a clock, blocks, or allocates on the success path.
/// Model   struct at_most_one : tenon::policy::base {
///           static constexpr std::string_view name = "at_most_one";
///           struct options {};  static constexpr options defaults{};
///           struct state { int running = 0; };
///           static tenon::outcome admit(state& s, const options&, tenon::policy::none&, tenon::call_info&) noexcept {
///             if (s.running == 1) return tenon::refused_here(tenon::code::resource_exhausted);
///             ++s.running; return {};
///           }
///           static void observe(state& s, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept { --s.running; }
///         };
template <class P>
concept hook = P::what == kind::hook && requires(typename P::state& state, const typename P::options& options, typename P::call_state& call, call_info& info, outcome result) {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::defaults } -> std::convertible_to<typename P::options>;
  { P::admit(state, options, call, info) } noexcept -> std::same_as<outcome>;
  { P::observe(state, options, call, info, result) } noexcept -> std::same_as<void>;
};

/// A policy that may ask for another attempt.
///
/// Laws    `decide` is asked once per attempt that was admitted to the loop, with its result; `again` starts one more attempt after `delay`.
template <class P>
concept loop = P::what == kind::loop && requires(typename P::state& state, const typename P::options& options, typename P::call_state& call, call_info& info, outcome result) {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::defaults } -> std::convertible_to<typename P::options>;
  { P::decide(state, options, call, info, result) } noexcept -> std::same_as<decision>;
};

template <class P>
concept any = requires { typename P::options; { P::what } -> std::convertible_to<kind>; } && (hook<P> || loop<P>);

}  // namespace tenon::inline v0::policy
