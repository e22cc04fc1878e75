// The time a call, and each of its attempts, may take. Policy layer.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include <tenon/policy/concept.hpp>

namespace tenon::inline v0 {

/// Units   zero means "not set", except for `total`.
struct timeout_options {
  duration total = std::chrono::seconds{1};  ///< for the whole call, retries and waiting included; inside retry for each attempt, unless `per_try` says less
  duration per_try{};                        ///< for one attempt; counts when it is below `total`
  duration server_default{};                 ///< on a server, where the caller names no time; `total` when not set
  duration server_max{};                     ///< on a server, the most a caller may ask for; `total` when not set
  duration min_useful{};                     ///< a call that has less time than this is refused at once
  duration reserve{};                        ///< held back from the time that is told to the other side, and from that of nested calls
  bool propagate = true;                     ///< whether the other side is told at all
  bool operator==(const timeout_options&) const = default;
};

/// Ends a call that takes longer: on a client by a local deadline that also travels to the server, on a server by a budget for the handler.
///
/// Shape   `timeout<200_ms>` or `timeout<timeout_options{.total = 200_ms}>`. Its place decides: before retry it is the time of the call, after retry that of each
///         attempt, and both may stand in one list: `timeout<1_s>, retry<>, timeout<200_ms>`.
/// Errors  deadline_exceeded, on a server in words that say whose time was up, the caller's or this one; with `not_executed` when there was no time left to begin with. An attempt that runs out of its own time may be repeated.
template <auto Options = timeout_options{}>
struct timeout : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, duration> || std::is_same_v<std::remove_cv_t<decltype(Options)>, timeout_options>,
                "tenon::timeout: the argument is neither a duration nor timeout_options; write timeout<200_ms> with using namespace tenon::literals");

  static constexpr std::string_view name = "timeout";
  using options = timeout_options;
  static constexpr options defaults = [] {
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(Options)>, timeout_options>) return Options;
    else return timeout_options{.total = Options};
  }();
  static_assert(defaults.total > duration{}, "tenon::timeout: the time is zero or less, so that every call would be refused; write a time above zero");
  static_assert((std::min)({defaults.per_try, defaults.server_default, defaults.server_max, defaults.min_useful, defaults.reserve}) >= duration{},
                "tenon::timeout: a time is below zero; zero means that it is not set");
  static constexpr policy::side stands = defaults.per_try > duration{} ? policy::side::attempt : policy::side::any;
  static constexpr bool measures = false;

  [[gnu::always_inline]] static outcome admit(policy::none&, const options& chosen, policy::none&, call_info& info) noexcept {
    duration allowed = chosen.total;
    if (info.on_server) [[unlikely]] {
      const duration other = info.deadline == instant::never() ? chosen.server_default : chosen.server_max;
      if (other != duration{}) allowed = other;
    }
    info.deadline = (std::min)(info.deadline, later(info.now, allowed));
    if (chosen.per_try > duration{}) info.attempt_deadline = (std::min)(info.attempt_deadline, info.now + chosen.per_try);
    info.reserve = chosen.reserve;
    info.propagate = chosen.propagate;
    if (info.deadline <= later(info.now, chosen.min_useful)) [[unlikely]] return refused_here(code::deadline_exceeded);
    return {};
  }
  /// Inside retry: the time of one attempt.
  [[gnu::always_inline]] static outcome admit_attempt(policy::none&, const options& chosen, policy::none&, call_info& info) noexcept {
    const duration allowed = chosen.per_try > duration{} ? (std::min)(chosen.per_try, chosen.total) : chosen.total;
    info.attempt_deadline = (std::min)(info.attempt_deadline, later(info.now, allowed));
    // The call's own end counts here: an attempt that has no time left is not another attempt's chance.
    if (info.deadline <= later(info.now, chosen.min_useful)) [[unlikely]] return refused_here(code::deadline_exceeded);
    return {};
  }
  [[gnu::always_inline]] static void observe(policy::none&, const options&, policy::none&, call_info&, outcome) noexcept {}

 private:
  // `now` is never `never`: there is no need to ask.
  [[gnu::always_inline]] static instant later(instant now, duration by) noexcept { return {tenon::detail::saturated_sum(now.ns, by.ns)}; }
};

}  // namespace tenon::inline v0
