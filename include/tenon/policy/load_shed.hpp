// Refuses calls that have waited too long to be worth the work, before their arguments are read. Policy layer; for servers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/core/code.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>
#include <tenon/policy/detail/evidence.hpp>
#include <tenon/policy/detail/memory_use.hpp>

namespace tenon::inline v0 {

struct load_shed_options {
  duration max_queue_delay = std::chrono::milliseconds{50};  ///< a call that has waited longer is refused at once; 0: however long
  duration target = std::chrono::milliseconds{5};            ///< a wait that is fine
  duration interval = std::chrono::milliseconds{100};        ///< when no call waited less than `target` for so long, those above it are refused
  std::int64_t max_memory_bytes = 0;                         ///< above this much resident memory every call is refused; 0: however much
  code reject_code = code::unavailable;
  bool enabled = true;
  bool operator==(const load_shed_options&) const = default;
};

/// Keeps the line short in front of a server that cannot keep up: a burst may wait, a line that stays may not.
///
/// Shape   outermost but for what watches. How long a call has waited is `info.now - info.attempt_start`: from when its bytes were read to when it is its turn.
///         On a server that is the wait for the handlers of its own batch; what waits unread in a socket, behind the work of other connections, is not seen.
/// Errors  `reject_code` (unavailable), local and not executed, to come back after `interval`.
/// Source  Nichols and Jacobson, Controlling Queue Delay, 2012 (RFC 8289).
template <auto Options = load_shed_options{}, policy::sharing Mode = policy::sharing::per_loop>
struct load_shed : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, load_shed_options>,
                "tenon::load_shed: the argument is no load_shed_options; write load_shed<load_shed_options{.max_queue_delay = 20_ms}>");

  using options = load_shed_options;
  struct state {
    policy::detail::cell<std::int64_t, Mode> above_since;  // 0: the last call was below the target
    policy::detail::cell<std::int64_t, Mode> last_above;
    policy::detail::memory_use<Mode> memory;
  };
  static constexpr std::string_view name = "load_shed";
  static constexpr policy::sharing mode = Mode;
  static constexpr bool measures = true;  // For the call behind: those of one batch were read together, and wait for one another's handlers.
  static constexpr options defaults = Options;

  static_assert(defaults.target > duration{} && defaults.interval > duration{}, "tenon::load_shed: target and interval must be above zero");
  static_assert(defaults.max_queue_delay == duration{} || defaults.max_queue_delay >= defaults.target,
                "tenon::load_shed: max_queue_delay is below target, so that calls whose wait is fine would be refused; write a longer one, or 0 for none");
  static_assert(defaults.max_memory_bytes >= 0, "tenon::load_shed: max_memory_bytes is negative; write 0 for no limit");

  [[gnu::always_inline]] static outcome admit(state& of, const options& chosen, policy::none&, call_info& info) noexcept {
    if (info.now - info.attempt_start > chosen.target || chosen.max_memory_bytes > 0) [[unlikely]] return look(of, chosen, info);
    // No store where nothing changes: shared, the line stays with everybody.
    if (of.above_since.load() != 0) [[unlikely]] of.above_since.store(0);
    return {};
  }
  [[gnu::always_inline]] static void observe(state&, const options&, policy::none&, call_info&, outcome) noexcept {}

 private:
  [[gnu::cold, gnu::noinline]] static outcome look(state& of, const options& chosen, const call_info& info) noexcept {
    if (!chosen.enabled) return {};
    if (chosen.max_memory_bytes > 0 && of.memory.bytes(info.now) > chosen.max_memory_bytes) return refused(chosen);
    const duration waited = info.now - info.attempt_start;
    if (waited <= chosen.target) {
      of.above_since.store(0);
      return {};
    }
    // After a pause the line was empty, whatever the call before it saw.
    const bool alone = info.now - instant{of.last_above.load()} > chosen.interval;
    std::int64_t since = of.above_since.load();
    if (since == 0 || alone) {
      since = (std::max)(info.now.ns, std::int64_t{1});
      of.above_since.store(since);
    }
    of.last_above.store(info.now.ns);
    if (chosen.max_queue_delay > duration{} && waited > chosen.max_queue_delay) return refused(chosen);
    return info.now - instant{since} >= chosen.interval ? refused(chosen) : outcome{};
  }
  static outcome refused(const options& chosen) noexcept { return policy::detail::refused_until(chosen.reject_code, chosen.interval); }
};

}  // namespace tenon::inline v0
