// The last answer that was good, when there is no better one. Policy layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/answer_table.hpp>

namespace tenon::inline v0 {

/// Units   as `cache_options`.
struct last_good_options {
  duration max_age = std::chrono::hours{1};
  code_set on = codes(code::unavailable, code::deadline_exceeded, code::resource_exhausted, code::internal, code::unknown);  ///< what is replaced
  std::int32_t max_entries = 1024;
  std::int64_t max_bytes = 16 * 1024 * 1024;
  bool operator==(const last_good_options&) const = default;
};

/// Answers a call that failed for good with what the same question was answered last.
///
/// Shape   `client<market, last_good<>, retry<>>`, for the methods that are declared `tenon::cacheable`; all others pass. Every call is made, unlike with a cache; the two may
///         stand together. A question is the same as for `tenon::cache`.
/// Laws    as `tenon::fallback`, and marked by `tenon-degraded` in the same way; a question that was never answered, or too long ago, keeps its failure.
template <last_good_options Options = last_good_options{}>
struct last_good : policy::base {
  static_assert(Options.max_entries >= 1 && Options.max_bytes >= 1, "tenon::last_good: max_entries and max_bytes are at least one");
  static_assert(!Options.on.has(code::ok), "tenon::last_good: OK is among the failures");

  using options = last_good_options;
  static constexpr std::string_view name = "last_good";
  static constexpr options defaults = Options;
  static constexpr policy::side stands = policy::side::call;
  static constexpr bool answers = true;
  /// What came by the wire, whatever it is.
  template <class Response>
  static constexpr bool fits = true;
  struct state {
    policy::detail::answer_table table;
    std::string key;  // of the call that is just being looked at
  };

  static outcome admit(state&, const options&, policy::none&, call_info&) noexcept { return {}; }
  template <class Info>
  static void observe([[maybe_unused]] state& own, [[maybe_unused]] const options& chosen, policy::none&, [[maybe_unused]] Info& info, [[maybe_unused]] outcome result) noexcept {
    if constexpr (requires { info.answers; }) {
      if (!result.ok() || !info.cacheable || info.answers == nullptr) return;
      const std::string_view answer = info.answers->answer();
      if (answer.data() == nullptr) return;
      policy::detail::make_key(own.key, info);
      own.table.store(own.key, answer, info.now, static_cast<std::size_t>(chosen.max_entries), static_cast<std::size_t>(chosen.max_bytes));
    }
  }

  static bool replaces(const options& chosen, outcome result) noexcept { return chosen.on.has(result.code); }
  // The bytes are read by the driver, into the place that `into` is.
  template <class Response, class Info, class... Into>
  static status recover(state& own, const options& chosen, Info& info, const status& why, Into&...) {
    if (!info.cacheable) return why;
    policy::detail::make_key(own.key, info);
    policy::detail::answer_table::entry* known = own.table.find(own.key);
    if (known == nullptr || info.now - known->stored > chosen.max_age) return status{code::not_found, "there was none"};
    known->used = true;
    return info.answers->give(known->value) ? status{} : status{code::internal, "it cannot be read any more"};
  }
};

}  // namespace tenon::inline v0
