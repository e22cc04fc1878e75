// Stops asking an endpoint that fails, and finds out by a few probes when it is well again. Policy layer.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/breaker_state.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/breaker_core.hpp>

namespace tenon::inline v0 {

struct breaker_options {
  duration window = std::chrono::seconds{10};  ///< what is remembered
  std::int32_t buckets = 16;                   ///< the window moves in so many steps; 1 to 16
  std::int32_t window_calls = 0;               ///< above 0: the window is the last so many calls, at most 1024, however old
  ratio failure_rate = percent(50);            ///< opens when at least so many of the calls failed; 0: however many
  ratio slow_rate = percent(100);              ///< opens when at least so many of the calls were slow
  duration slow_call{};                        ///< what takes longer is slow; 0: nothing is
  std::int32_t consecutive = 0;                ///< opens after so many failures in a row; 0: however many
  std::int32_t min_calls = 20;                 ///< in the window, before rates mean anything
  duration open_for = std::chrono::seconds{5};
  duration open_max = std::chrono::seconds{60};  ///< `open_for` doubles with every round of probes that fails, up to this
  ratio open_jitter = percent(20);               ///< up to so much longer, at random
  std::int32_t half_open_calls = 3;              ///< probes; when all of them succeed, the breaker closes
  ratio half_open_rate{};                        ///< opens again when so many of the probes failed; 0: at the first
  duration half_open_max_wait = std::chrono::seconds{5};  ///< probes that stay without answer are replaced after this; 0: never
  code_set failures = codes(code::unknown, code::deadline_exceeded, code::internal, code::unavailable, code::data_loss);
  code_set ignored = codes(code::cancelled, code::resource_exhausted, code::aborted);  ///< neither failure nor success
  duration deadline_counts_after = std::chrono::milliseconds{100};  ///< DEADLINE_EXCEEDED of a shorter attempt says nothing
  code reject_code = code::unavailable;
  breaker_mode mode = breaker_mode::automatic;

  bool operator==(const breaker_options&) const = default;
};

/// Refuses calls to an endpoint while too many of them fail. One per endpoint; stands inside retry, so that it counts attempts, and a retry goes elsewhere.
///
/// Shape   closed, open, half open. Opens when the failure rate, the rate of slow calls, or a row of failures is reached; after `open_for` lets `half_open_calls` probes
///         through, closes when they succeed, opens for longer when one fails. An answer to a call from before the last change counts for nothing.
///         What this process decided (a refusal further in, a cancel) is no failure and gives a probe back; a connection refused or lost is one, and so is an attempt that
///         timed out after `deadline_counts_after`.
/// Errors  `reject_code` (unavailable), local and not executed.
template <auto Options = breaker_options{}, policy::sharing Mode = policy::sharing::per_loop>
struct breaker : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, breaker_options>,
                "tenon::breaker: the argument is no breaker_options; write breaker<breaker_options{.open_for = 2_s}> with using namespace tenon::literals");

  using options = breaker_options;
  using state = policy::detail::breaker_core<Mode>;
  struct call_state {
    std::uint64_t word = 0;
  };
  static constexpr std::string_view name = "breaker";
  static constexpr policy::scope where = policy::scope::endpoint;
  static constexpr policy::sharing mode = Mode;
  static constexpr options defaults = Options;

  static_assert(defaults.window_calls >= 0 && defaults.window_calls <= 1024, "tenon::breaker: window_calls is outside 0 to 1024; write a window in time instead");
  static_assert(defaults.buckets >= 1 && defaults.buckets <= 16, "tenon::breaker: buckets is outside 1 to 16");
  static_assert(defaults.window > duration{} || defaults.window_calls > 0, "tenon::breaker: the window is empty; write a window above zero, or window_calls");
  static_assert(defaults.open_for > duration{}, "tenon::breaker: open_for is zero or less, so that the breaker would never be open");
  static_assert(defaults.half_open_calls >= 1 && defaults.half_open_calls <= 4095, "tenon::breaker: half_open_calls is outside 1 to 4095; without a probe it would never close again");
  static_assert(defaults.failure_rate.ppm > 0 || defaults.consecutive > 0 || defaults.slow_call > duration{},
                "tenon::breaker: nothing opens it; give it a failure_rate, consecutive or slow_call");
  static_assert(!defaults.failures.has(code::ok), "tenon::breaker: OK is among the failures");

  template <class Info>
  [[gnu::always_inline]] static outcome admit(state& endpoint, const options& chosen, call_state& call, Info& info) noexcept {
    const policy::detail::breaker_word found = endpoint.word();
    call.word = found.bits;
    if (!found.is(breaker_state::closed) || chosen.mode != breaker_mode::automatic) [[unlikely]] return admit_otherwise(endpoint, chosen, call, info);
    return {};
  }

  template <class Info>
  [[gnu::always_inline]] static void observe(state& endpoint, const options& chosen, call_state& call, Info& info, outcome result) noexcept {
    if (call.word != endpoint.word().bits) [[unlikely]] return observe_otherwise(endpoint, chosen, call, info, result);
    if (!result.ok() || state::is_slow(chosen, info) || chosen.window_calls > 0) [[unlikely]] return endpoint.record(chosen, info, result);
    endpoint.succeeded(chosen, info);
  }

  /// Whether a call would pass now. Takes no probe, so that a balancer may look at every endpoint.
  static bool ready(const state& endpoint, const options& chosen, instant now) noexcept {
    if (chosen.mode == breaker_mode::automatic) return endpoint.ready(now);
    return chosen.mode != breaker_mode::forced_open;
  }

 private:
  template <class Info>
  [[gnu::cold, gnu::noinline]] static outcome admit_otherwise(state& endpoint, const options& chosen, call_state& call, Info& info) noexcept {
    bool passes = chosen.mode != breaker_mode::forced_open;
    if (chosen.mode == breaker_mode::automatic) passes = endpoint.take_probe(chosen, call.word, info);
    else if (chosen.mode == breaker_mode::metrics_only) call.word = endpoint.reset();
    else call.word = policy::detail::breaker_word::unwatched;
    return passes ? outcome{} : refused_here(chosen.reject_code);
  }

  template <class Info>
  [[gnu::cold, gnu::noinline]] static void observe_otherwise(state& endpoint, const options& chosen, call_state& call, Info& info, outcome result) noexcept {
    if (policy::detail::breaker_word{call.word}.state() == policy::detail::breaker_word::probe) endpoint.probed(chosen, call.word, info, result);
  }
};

}  // namespace tenon::inline v0
