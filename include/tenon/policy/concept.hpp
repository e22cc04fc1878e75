// What a policy is: a stateless type with options, state and two or three functions that the stack inlines. Policy layer.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/event.hpp>
#include <tenon/policy/retry_budget.hpp>

namespace tenon::inline v0::policy {

/// How a policy takes part in a call.
enum class kind : std::uint8_t {
  hook,     ///< decides before (`admit`) and learns after (`observe`)
  loop,     ///< decides whether there is another attempt (`decide`); at most one per stack
  fan_out,  ///< decides whether there is another attempt while the first is under way (`on_time`, `on_result`); at most one per stack
  watcher,  ///< hears what the others report (`on_event`), and nothing else
};

/// Whose state a policy keeps: the client's (or the served service's), or each endpoint's.
enum class scope : std::uint8_t { client, endpoint };

/// Who touches a policy's state: one loop, each having its own, or all loops of a server.
///
/// Shared state is atomic: about 5 ns for each write, and 40 ns and more when threads meet. Only limits that must hold for the whole process need it.
enum class sharing : std::uint8_t { per_loop, shared };

/// On which side of the loop or fan-out policy it makes sense.
enum class side : std::uint8_t {
  any,
  call,     ///< it is about the whole call: before retry
  attempt,  ///< it is about one attempt: after retry
};

/// No state at all.
struct none {};

/// What a policy may leave out, by deriving from this.
struct base {
  using state = none;       ///< lives as long as the client, the endpoint or the served service; one per loop
  using call_state = none;  ///< lives as long as one call
  static constexpr policy::kind what = policy::kind::hook;
  static constexpr policy::scope where = policy::scope::client;
  static constexpr policy::sharing mode = policy::sharing::per_loop;
  static constexpr policy::side stands = policy::side::any;
  static constexpr bool measures = true;  ///< `observe` reads `info.now`; where nobody does, a server need not read the clock at the end of a call
  static constexpr bool named = false;    ///< reads `info.identity`
  static constexpr bool attaches = false;    ///< has `attach`, which adds metadata to each attempt of a client
  static constexpr bool identifies = false;  ///< asks a server's callers who they are: see identified.hpp
  static constexpr bool answers = false;     ///< may answer in the peer's place: see answering.hpp
  static constexpr bool for_some_methods = false;  ///< its options say for which; so it is where `on_method` has added it
  static constexpr bool keyed = false;    ///< reads `info.peer_key`, which a server computes for those who do
};

/// A loop policy's answer.
struct decision {
  bool again = false;
  duration delay{};
};

/// What `admit` answers when the call has to wait. It is neither admission nor refusal: the driver asks `admit_again` once `info.wake_at` is there or the call's waiter
/// was woken.
inline constexpr outcome wait{.code = code::cancelled, .flags = 0x80};
constexpr bool waits(outcome result) noexcept { return (result.flags & 0x80U) != 0; }

/// What `admit` and `admit_again` answer when the call need not go on, since its value is there. The policy itself is not observed; those before it learn of a success.
inline constexpr outcome answered{.code = code::cancelled, .flags = 0x40};
constexpr bool is_answered(outcome result) noexcept { return (result.flags & 0x40U) != 0; }

/// A policy that stands around a call or an attempt.
///
/// Laws    every `admit` that answers OK is followed by exactly one `observe` of the same call state, whatever happens in between: an answer, a refusal further in, an
///         exception, a cancel. `admit` that refuses is not observed. Neither reads a clock, blocks, or allocates on the success path.
///         A policy that has `admit_attempt` is asked that instead where it stands inside a loop policy.
///         Options with defaults are a struct beside the policy, not within: C++ reads a nested one's defaults too late for `defaults`.
///         A policy that reports takes `template <class Info> ... Info& info` and calls `policy::report(info, ...)`; the stack reports refusals by itself.
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

/// A hook that may let a call wait.
///
/// Laws    after `admit` answered `wait`, with `info.wake_at` set, or with `*info.waiter` in a queue of the policy's own, or both, exactly one of these follows: `admit_again`,
///         which may answer as `admit` does, `wait` included; or `abandon`, when the call ends while it waits, by its deadline or a cancel. `admit_again` comes at `wake_at`
///         or after the waiter was woken; `info.waiter->queued()` tells which. What was handed over by waking (a permit) is given back in `abandon`.
///         `info.waiter` is null where a driver cannot wait for other calls: the policy refuses then, unless it knows the time.
template <class P>
concept waiting_hook = hook<P> && requires(typename P::state& state, const typename P::options& options, typename P::call_state& call, call_info& info) {
  { P::admit_again(state, options, call, info) } noexcept -> std::same_as<outcome>;
  { P::abandon(state, options, call, info) } noexcept -> std::same_as<void>;
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

/// A fan-out policy's answer.
struct fan_step {
  bool start = false;                 ///< one more attempt begins now
  bool paid = false;                  ///< a budget paid for it: its end is told with `paid` as well
  bool finish = false;                ///< the call ends with the last result; the attempts that are left are cancelled
  instant next = instant::never();    ///< when to ask `on_time`, instead of the time before
};

/// A policy that may have several attempts of one call under way.
///
/// Laws    `fans_out` says whether it is there for a call at all. If so, `on_start` comes with the first attempt; `on_time` at the time that the last answer said, and again at
///         once while it says so; `on_result` once per attempt that has ended by itself. After `finish`, and after the call has ended for another reason, nothing more is asked.
///         `shared` is the budget of the stack's loop policy, null where it has none.
template <class P>
concept fan_out = P::what == kind::fan_out && requires(typename P::state& state, const typename P::options& options, typename P::call_state& call, call_info& info, outcome result, retry_budget* shared) {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::defaults } -> std::convertible_to<typename P::options>;
  { P::fans_out(options, info) } noexcept -> std::same_as<bool>;
  { P::on_start(state, options, call, info, shared) } noexcept -> std::same_as<fan_step>;
  { P::on_time(state, options, call, info) } noexcept -> std::same_as<fan_step>;
  { P::on_result(state, options, call, info, result, true) } noexcept -> std::same_as<fan_step>;
};

/// A policy that only hears.
template <class P>
concept watcher = P::what == kind::watcher && listens<P> && requires {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::defaults } -> std::convertible_to<typename P::options>;
};

template <class P>
concept any = requires { typename P::options; { P::what } -> std::convertible_to<kind>; } && (hook<P> || loop<P> || fan_out<P> || watcher<P>);

}  // namespace tenon::inline v0::policy
