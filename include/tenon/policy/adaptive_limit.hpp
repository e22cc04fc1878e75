// As many calls at once as the other side can work on, found out from how long they take. Policy layer.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/adaptive_algorithm.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/adaptive_core.hpp>
#include <tenon/policy/detail/evidence.hpp>

namespace tenon::inline v0 {

struct adaptive_limit_options {
  adaptive_algorithm algorithm = adaptive_algorithm::gradient2;
  std::int32_t initial = 20;
  std::int32_t min = 20;
  std::int32_t max = 200;
  duration window = std::chrono::seconds{1};         ///< of samples for one step, and at least two round trips; 0: each sample is a step
  std::int32_t min_samples = 10;                     ///< for one step
  duration ignore_below = std::chrono::microseconds{100};  ///< an answer as fast as that says nothing about load
  ratio tolerance = percent(150);                    ///< gradient2: the time of a call may be so many times its long mean
  std::int32_t queue = 4;                            ///< gradient2: so many may wait on the other side
  ratio smoothing = percent(20);                     ///< gradient2, vegas: the part of the way that one step goes
  ratio backoff = percent(90);                       ///< aimd: what is left of the limit after a drop
  duration timeout = std::chrono::seconds{5};        ///< aimd: what takes longer is a drop
  std::int32_t max_factor = 5;                       ///< grows to so many times the calls that were under way, no further
  ratio cpu = percent(80);                           ///< bbr: refuses only when this process keeps its processors so busy
  std::int32_t shed_level = 0;                       ///< 0 to 3: for methods that are refused a tenth of the limit earlier each
  code_set dropped = codes(code::deadline_exceeded, code::resource_exhausted, code::unavailable);  ///< signs of too much load
  code_set ignored = codes(code::cancelled, code::invalid_argument, code::permission_denied, code::unimplemented, code::data_loss, code::unauthenticated);
  code reject_code = code::unavailable;
  bool enabled = true;
  bool operator==(const adaptive_limit_options&) const = default;
};

/// A bulkhead that finds its own limit: per endpoint on a client, per loop (or, shared, for all) on a server.
///
/// Shape   `adaptive_limit<>` or `adaptive_limit<adaptive_limit_options{.algorithm = adaptive_algorithm::bbr}>`. Stands innermost, so that it measures the work and no wait.
///         The limit moves only while at least half of it is in use.
/// Errors  `reject_code` (unavailable), local and not executed, with the time of a call as the time to come back.
template <auto Options = adaptive_limit_options{}, policy::sharing Mode = policy::sharing::per_loop>
struct adaptive_limit : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, adaptive_limit_options>,
                "tenon::adaptive_limit: the argument is no adaptive_limit_options; write adaptive_limit<adaptive_limit_options{.max = 500}>");

  using options = adaptive_limit_options;
  using state = policy::detail::adaptive_core<Mode>;
  struct call_state {
    instant began{};             // here, after whatever wait further out
    std::int32_t in_flight = 0;  // by then, itself included
  };
  static constexpr std::string_view name = "adaptive_limit";
  static constexpr policy::scope where = policy::scope::endpoint;
  static constexpr policy::sharing mode = Mode;
  static constexpr options defaults = Options;

  static_assert(defaults.min > 0, "tenon::adaptive_limit: min is zero or less; without a call under way nothing could find out that the other side is well again");
  static_assert(defaults.min <= defaults.initial && defaults.initial <= defaults.max, "tenon::adaptive_limit: min, initial and max are not in this order");
  static_assert(defaults.tolerance.ppm >= 1'000'000, "tenon::adaptive_limit: tolerance is below 100 %, so that the limit would fall without load; write percent(150)");
  static_assert(defaults.smoothing.ppm > 0 && defaults.smoothing.ppm <= 1'000'000, "tenon::adaptive_limit: smoothing is outside 0 to 100 %");
  static_assert(defaults.backoff.ppm > 0 && defaults.backoff.ppm < 1'000'000, "tenon::adaptive_limit: backoff is outside 0 to 100 %");
  static_assert(defaults.shed_level >= 0 && defaults.shed_level <= 3, "tenon::adaptive_limit: shed_level is outside 0 to 3");
  static_assert(!defaults.dropped.has(code::ok) && !defaults.ignored.has(code::ok), "tenon::adaptive_limit: OK can be neither dropped nor ignored");

  template <class Info>
  [[gnu::always_inline]] static outcome admit(state& of, const options& chosen, call_state& call, Info& info) noexcept {
    if (!chosen.enabled) [[unlikely]] return {};
    const std::int32_t before = of.enter();
    call.began = info.now;
    call.in_flight = before + 1;
    if (before >= of.limit() || chosen.shed_level > 0) [[unlikely]] return admit_at_limit(of, chosen, info, before);
    return {};
  }
  template <class Info>
  [[gnu::always_inline]] static void observe(state& of, const options& chosen, call_state& call, Info& info, outcome result) noexcept {
    if (!chosen.enabled) [[unlikely]] return;
    of.leave();
    if (!result.ok()) [[unlikely]] return observe_failure(of, chosen, call, info, result);
    of.answered(chosen, info, call.in_flight, call.began);
  }

  /// Whether a call would pass now.
  static bool ready(const state& of, const options& chosen, instant) noexcept {
    return !chosen.enabled || chosen.algorithm == adaptive_algorithm::bbr || of.limit() == 0 || of.in_flight() < of.limit();
  }

 private:
  template <class Info>
  [[gnu::cold, gnu::noinline]] static outcome admit_at_limit(state& of, const options& chosen, Info& info, std::int32_t before) noexcept {
    if (of.may_pass(chosen, info, before)) return {};
    of.leave();
    return policy::detail::refused_until(chosen.reject_code, of.pause());
  }
  template <class Info>
  [[gnu::cold, gnu::noinline]] static void observe_failure(state& of, const options& chosen, call_state& call, Info& info, outcome result) noexcept {
    if (!policy::detail::tells_of_peer(result) || chosen.ignored.has(result.code)) return;
    if (chosen.dropped.has(result.code)) of.dropped(chosen, info, call.in_flight, call.began);
    else of.answered(chosen, info, call.in_flight, call.began);
  }
};

}  // namespace tenon::inline v0
