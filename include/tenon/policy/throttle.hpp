// Sends less to who accepts less, by chance and without a state to fall into. Policy layer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/core/code.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/evidence.hpp>
#include <tenon/policy/detail/window.hpp>

namespace tenon::inline v0 {

struct throttle_options {
  ratio k = percent(200);                      ///< so many requests are sent for each that is accepted; at least 100 %
  duration window = std::chrono::seconds{30};  ///< what is remembered; longer than the slowest call
  std::int32_t buckets = 30;                   ///< the window moves in so many steps; 1 to 30
  std::int32_t padding = 8;                    ///< requests that are added in thought, so that few of them mean little
  std::int32_t min_requests = 20;              ///< in the window, before any is refused
  ratio max_reject = percent(90);              ///< what is left finds out when the other side is well again
  code_set throttled = codes(code::deadline_exceeded, code::resource_exhausted, code::unavailable);  ///< not accepted
  code_set ignored = codes(code::cancelled);   ///< as if never sent
  bool enabled = true;
  bool operator==(const throttle_options&) const = default;
};

/// Refuses a part of the calls while the other side accepts less than one in `k`: the probability is (requests - k accepts) / (requests + padding).
///
/// Shape   one for the whole client; inside retry it counts attempts, so that retries are throttled too. What it refuses counts as a request.
///         What this process decided counts as never sent, except a connection refused or lost and an attempt that timed out.
/// Errors  unavailable, local and not executed.
/// Source  Site Reliability Engineering, chapter 21, Client-Side Throttling.
template <auto Options = throttle_options{}, policy::sharing Mode = policy::sharing::per_loop>
struct throttle : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, throttle_options>,
                "tenon::throttle: the argument is no throttle_options; write throttle<throttle_options{.k = percent(150)}>");

  using options = throttle_options;
  // Requests; marked are those that were accepted, noted those that count for nothing.
  using window = policy::detail::time_window<30, Mode>;
  using state = window;
  static constexpr std::string_view name = "throttle";
  static constexpr policy::sharing mode = Mode;
  static constexpr options defaults = Options;

  static_assert(defaults.k.ppm >= 1'000'000, "tenon::throttle: k is below 100 %, so that a healthy peer would be throttled; write percent(100) or more");
  static_assert(defaults.window > duration{}, "tenon::throttle: the window is empty; write a time above zero");
  static_assert(defaults.buckets >= 1 && defaults.buckets <= 30, "tenon::throttle: buckets is outside 1 to 30");
  static_assert(defaults.padding >= 0 && defaults.min_requests >= 0, "tenon::throttle: padding and min_requests cannot be negative");
  static_assert(defaults.max_reject.ppm >= 0 && defaults.max_reject.ppm < 1'000'000,
                "tenon::throttle: max_reject is outside 0 to 100 %; if everything were refused, nothing could find out that the peer is well again");
  static_assert(!defaults.throttled.has(code::ok) && !defaults.ignored.has(code::ok), "tenon::throttle: OK can be neither throttled nor ignored");

  [[gnu::always_inline]] static outcome admit(state& of, const options& chosen, policy::none&, call_info& info) noexcept {
    if (!chosen.enabled) [[unlikely]] return {};
    const policy::detail::window_counts seen = of.sum_then_add(info.now, chosen.window, chosen.buckets, window::one_call);
    if (seen.total * 1'000'000 > seen.marked * static_cast<std::uint64_t>(chosen.k.ppm)) [[unlikely]] return draw(of, seen.total, seen.marked, chosen, info);
    return {};
  }
  [[gnu::always_inline]] static void observe(state& of, const options& chosen, policy::none&, call_info& info, outcome result) noexcept {
    if (!chosen.enabled) [[unlikely]] return;
    if (!result.ok()) [[unlikely]] return observe_failure(of, chosen, info, result);
    of.add(info.now, chosen.window, chosen.buckets, window::one_mark);
  }

  /// The part of the calls that would be refused now.
  static ratio refuses(state& of, const options& chosen, instant now) noexcept { return probability(of.sum(now, chosen.window, chosen.buckets), chosen); }

 private:
  static ratio probability(const policy::detail::window_counts& seen, const options& chosen) noexcept {
    const std::uint64_t requests = seen.total - (std::min)(seen.total, seen.noted);
    const std::uint64_t accepted = seen.marked * static_cast<std::uint64_t>(chosen.k.ppm) / 1'000'000;
    if (requests <= accepted || requests < static_cast<std::uint64_t>((std::max)(chosen.min_requests, 0))) return {};
    const std::uint64_t exact = (requests * 1'000'000 - seen.marked * static_cast<std::uint64_t>(chosen.k.ppm)) / (requests + static_cast<std::uint64_t>((std::max)(chosen.padding, 0)));
    return (std::min)(ratio{static_cast<std::int32_t>(exact)}, chosen.max_reject);
  }

  // The sums by value, so that where they are not needed they never leave their registers.
  [[gnu::cold, gnu::noinline]] static outcome draw(state& of, std::uint64_t total, std::uint64_t marked, const options& chosen, call_info& info) noexcept {
    const ratio refused = probability({.total = total, .marked = marked, .noted = of.noted()}, chosen);
    if (refused.ppm > 0 && info.random->below(1'000'000) < static_cast<std::uint64_t>(refused.ppm)) return refused_here(code::unavailable);
    return {};
  }
  [[gnu::cold, gnu::noinline]] static void observe_failure(state& of, const options& chosen, call_info& info, outcome result) noexcept {
    if (!policy::detail::tells_of_peer(result) || chosen.ignored.has(result.code)) return of.note(info.now, chosen.window, chosen.buckets);
    if (!chosen.throttled.has(result.code)) of.add(info.now, chosen.window, chosen.buckets, window::one_mark);
  }
};

}  // namespace tenon::inline v0
