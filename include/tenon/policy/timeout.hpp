// The time a call may take. Policy layer.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include <tenon/policy/concept.hpp>

namespace tenon::inline v0 {

struct timeout_options {
  duration total = std::chrono::seconds{1};  ///< for the whole call, retries and waiting included
  bool operator==(const timeout_options&) const = default;
};

/// Ends a call that takes longer: on a client by a local deadline that also travels to the server, on a server by a budget for the handler.
///
/// Shape   `timeout<200_ms>` or `timeout<timeout_options{.total = 200_ms}>`.
/// Errors  deadline_exceeded; with `not_executed` when there was no time left to begin with.
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

  [[gnu::always_inline]] static outcome admit(policy::none&, const options& chosen, policy::none&, call_info& info) noexcept {
    info.deadline = (std::min)(info.deadline, info.now + chosen.total);
    if (info.deadline <= info.now) [[unlikely]] return refused_here(code::deadline_exceeded);
    return {};
  }
  [[gnu::always_inline]] static void observe(policy::none&, const options&, policy::none&, call_info&, outcome) noexcept {}
};

}  // namespace tenon::inline v0
