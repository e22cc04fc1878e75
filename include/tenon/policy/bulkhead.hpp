// So many calls at once and no more, so that one endpoint or method cannot take everything with it. Policy layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/core/code.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>

namespace tenon::inline v0 {

struct bulkhead_options {
  std::int32_t max_in_flight = 1024;
  std::int32_t max_queue = 0;     ///< so many more wait for a place; 0: none does
  duration max_wait{};            ///< in the queue, and then refused; 0: until the call's own deadline
  bool lifo = false;              ///< the one that came last goes first: those who came long ago may have given up by then
  code reject_code = code::ok;    ///< OK: resource_exhausted on a client, unavailable on a server
  bool enabled = true;
  bool operator==(const bulkhead_options&) const = default;
};

namespace policy::detail {

struct no_queue {
  static constexpr bool empty() noexcept { return true; }
};

// Who is inside, and who waits. Waiting is for one loop: a call is resumed on its own.
template <sharing Mode>
struct bulkhead_state {
  cell<std::int32_t, Mode> inside;
  std::conditional_t<Mode == sharing::per_loop, waiter_queue, no_queue> queue;

  std::int32_t in_flight() const noexcept { return inside.load(); }
};

}  // namespace policy::detail

/// Admits at most `max_in_flight` calls at once, per endpoint on a client, per loop (or, shared, in all) on a server.
///
/// Shape   `bulkhead<64>` or `bulkhead<bulkhead_options{.max_in_flight = 64, .max_queue = 100}>`. Lowering the limit lets running calls end.
/// Errors  `reject_code`, local and not executed, when all places are taken and the queue is full, or the wait was too long.
template <auto Options = bulkhead_options{}, policy::sharing Mode = policy::sharing::per_loop>
struct bulkhead : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, bulkhead_options> || std::is_same_v<std::remove_cv_t<decltype(Options)>, int>,
                "tenon::bulkhead: the argument is neither a number nor bulkhead_options; write bulkhead<64>");

  using options = bulkhead_options;
  using state = policy::detail::bulkhead_state<Mode>;
  struct call_state {
    instant until{};  // while it waits: how long at most
  };
  static constexpr std::string_view name = "bulkhead";
  static constexpr policy::scope where = policy::scope::endpoint;
  static constexpr policy::sharing mode = Mode;
  static constexpr bool measures = false;
  static constexpr options defaults = [] {
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(Options)>, int>) return bulkhead_options{.max_in_flight = Options};
    else return Options;
  }();
  static_assert(defaults.max_in_flight > 0, "tenon::bulkhead: max_in_flight is zero or less, so that every call would be refused; write a number above zero");
  static_assert(defaults.max_queue >= 0, "tenon::bulkhead: max_queue is negative; write 0 for no queue");
  static_assert(defaults.max_queue == 0 || Mode == policy::sharing::per_loop,
                "tenon::bulkhead: a queue and sharing::shared exclude each other, as a call is resumed on its own loop; leave out max_queue");

  template <class Info>
  [[gnu::always_inline]] static outcome admit(state& of, const options& chosen, call_state& call, Info& info) noexcept {
    if (!chosen.enabled) [[unlikely]] return {};
    if (of.inside.add(1) >= chosen.max_in_flight) [[unlikely]] return full(of, chosen, call, info);
    return {};
  }
  template <class Info>
  [[gnu::always_inline]] static void observe(state& of, const options& chosen, call_state&, Info&, outcome) noexcept {
    if (!chosen.enabled) [[unlikely]] return;
    of.inside.subtract(1);
    if (!of.queue.empty()) [[unlikely]] hand_over(of, chosen);
  }

  static outcome admit_again(state&, const options& chosen, call_state& call, call_info& info) noexcept {
    if (!info.waiter->queued()) return {};  // woken, and the place is its own
    if (info.now < call.until) {
      info.wake_at = call.until;
      return policy::wait;
    }
    info.waiter->leave();
    return refused(chosen, info);
  }
  static void abandon(state& of, const options& chosen, call_state&, call_info& info) noexcept {
    if (info.waiter->queued()) return info.waiter->leave();
    of.inside.subtract(1);
    hand_over(of, chosen);
  }

  /// Whether a call would pass now.
  static bool ready(const state& of, const options& chosen, instant) noexcept { return !chosen.enabled || of.in_flight() < chosen.max_in_flight; }

 private:
  [[gnu::cold, gnu::noinline]] static outcome full(state& of, const options& chosen, call_state& call, call_info& info) noexcept {
    of.inside.subtract(1);
    if constexpr (Mode == policy::sharing::per_loop) {
      if (chosen.max_queue > 0 && info.waiter != nullptr && of.queue.size() < static_cast<std::size_t>(chosen.max_queue)) {
        call.until = chosen.max_wait > duration{} ? info.now + chosen.max_wait : instant::never();
        info.wake_at = call.until;
        of.queue.append(*info.waiter);
        return policy::wait;
      }
    }
    return refused(chosen, info);
  }
  static outcome refused(const options& chosen, const call_info& info) noexcept {
    if (chosen.reject_code != code::ok) return refused_here(chosen.reject_code);
    return refused_here(info.on_server ? code::unavailable : code::resource_exhausted);
  }

  // The place goes straight to one who waits: a call that comes meanwhile cannot take it.
  [[gnu::cold, gnu::noinline]] static void hand_over(state& of, const options& chosen) noexcept {
    if constexpr (Mode == policy::sharing::per_loop) {
      while (!of.queue.empty() && of.inside.load() < chosen.max_in_flight) {
        of.inside.add(1);
        (chosen.lifo ? of.queue.last() : of.queue.first())->wake();
      }
    }
  }
};

}  // namespace tenon::inline v0
