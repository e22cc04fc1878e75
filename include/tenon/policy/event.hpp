// What policies tell those who watch: rejections, transitions, repetitions. Policy layer; compiled out where nobody watches.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0::policy {

enum class event_kind : std::uint8_t {
  rejected,   ///< a policy refused; `value` is the code
  changed,    ///< a policy's state; `from` and `to` are the policy's own numbers
  waiting,    ///< a policy lets the call wait
  resumed,    ///< the wait is over
  repeated,   ///< another attempt follows; `from` and `to` are attempts, `value` the delay in nanoseconds, for a hedge since the call began
  exhausted,  ///< there would be another attempt, but a budget or limit says no
  answered,   ///< a policy gave a value in the peer's place; `value` is the code it replaced, or OK
  won,        ///< of several attempts at a time one that was added ended the call: `from` is its attempt, `value` the code
};

/// One thing that happened in one policy.
struct event {
  event_kind kind{};
  std::string_view policy{};  ///< its name
  std::uint32_t method = 0;   ///< filled in by `report`, as is `at`
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t value = 0;
  instant at{};
};

/// A call whose events somebody hears. Policies take `Info&` and need not tell the difference.
struct watched_call_info : call_info {
  void* watchers = nullptr;
  void (*tell)(void* watchers, const event& what) noexcept = nullptr;
};

/// Tells the watchers of this call's stack, if there are any: `policy::report(info, {.kind = event_kind::changed, .policy = name, .from = 0, .to = 1})`.
///
/// A policy that reports is a template on the type of `info`; without a watcher in the stack that type says so, and nothing is left of this.
template <class Info>
[[gnu::always_inline]] inline void report([[maybe_unused]] Info& info, [[maybe_unused]] event what) noexcept {
  if constexpr (std::is_base_of_v<watched_call_info, Info>) {
    what.method = info.method;
    what.at = info.now;
    if (info.tell != nullptr) info.tell(info.watchers, what);
  }
}

/// A policy that hears: it may stand anywhere in the stack, and be a hook besides.
///
/// Model   struct counter : tenon::policy::base {
///           static constexpr std::string_view name = "counter";
///           static constexpr tenon::policy::kind what = tenon::policy::kind::watcher;
///           struct options {};  static constexpr options defaults{};
///           struct state { int rejected = 0; };
///           static void on_event(state& s, const tenon::policy::event& e) noexcept { s.rejected += e.kind == tenon::policy::event_kind::rejected; }
///         };
template <class P>
concept listens = requires(typename P::state& state, const event& what) {
  { P::on_event(state, what) } noexcept;
};

}  // namespace tenon::inline v0::policy
