// The policies of tenon as a document sees them: their names, and the bounds of their options, which the types themselves assert. Config layer, detail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <tenon/config/detail/options_reader.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/adaptive_limit.hpp>
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/load_shed.hpp>
#include <tenon/policy/option_source.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/throttle.hpp>
#include <tenon/policy/timeout.hpp>

namespace tenon::inline v0::config::detail {

// What a document may say of one type of policy, and how it is read.
struct option_kind {
  std::string_view name;
  const char* key = nullptr;
  bool (*read)(options_reader& from, const nlohmann::json& value, void* into) = nullptr;  // into null: only whether it can be read
  std::string_view (*wrong)(const policy::option_slot& with) = nullptr;  // one sentence; empty when nothing is
  const option_range* ranges = nullptr;
  std::size_t range_count = 0;
};

template <class Policy>
bool read_options(options_reader& from, const nlohmann::json& value, void* into) {
  if (into != nullptr) return from.read(value, *static_cast<typename Policy::options*>(into));
  typename Policy::options unused = Policy::defaults;
  return from.read(value, unused);
}

// The same bounds as the policies' own static_asserts have, field by field ...
inline constexpr option_range retry_ranges[] = {{"max_attempts", 1, 10}, {"base", 1}, {"multiplier", 1'000'000}, {"budget.tokens", 1}};
inline constexpr option_range hedge_ranges[] = {{"max_attempts", 1, 5}, {"min_calls", 1, 512}, {"max_extra", 0, 1'000'000}, {"budget.tokens", 1}};
inline constexpr option_range timeout_ranges[] = {{"total", 1}};
inline constexpr option_range breaker_ranges[] = {{"window_calls", 0, 1024}, {"buckets", 1, 16}, {"failure_rate", 0, 1'000'000}, {"slow_rate", 0, 1'000'000},
                                                         {"open_for", 1}, {"half_open_calls", 1, 4095}, {"half_open_rate", 0, 1'000'000}};
inline constexpr option_range bulkhead_ranges[] = {{"max_in_flight", 1}};
inline constexpr option_range limiter_ranges[] = {{"max_keys", 1}};
inline constexpr option_range adaptive_ranges[] = {{"min", 1}, {"tolerance", 1'000'000}, {"smoothing", 1, 1'000'000}, {"backoff", 1, 999'999}, {"cpu", 0, 1'000'000}, {"shed_level", 0, 3}};
inline constexpr option_range throttle_ranges[] = {{"k", 1'000'000}, {"window", 1}, {"buckets", 1, 30}, {"max_reject", 0, 999'999}};
inline constexpr option_range load_shed_ranges[] = {{"target", 1}, {"interval", 1}};

// ... and where fields must fit each other, or the place of the policy.
inline std::string_view wrong_with(const retry_options& chosen, const policy::option_slot&) {
  return chosen.cap < chosen.base ? "cap is below base" : "";
}
inline std::string_view wrong_with(const hedge_options& chosen, const policy::option_slot& at) {
  if (at.by_method && chosen.idempotent_only && chosen.max_attempts > 1 && !at.idempotent) return "the method is not declared tenon::idempotent, so that it would never be sent twice";
  if (chosen.max_extra.ppm == 0 && chosen.delay == duration{}) return "max_extra is zero, and delay is to be measured by it";
  return chosen.non_fatal.has(code::ok) ? "OK is among the codes of non_fatal" : "";
}
inline std::string_view wrong_with(const timeout_options& chosen, const policy::option_slot& at) {
  return at.outside_loop && chosen.per_try > duration{} ? "per_try is about one attempt, and this timeout stands before retry" : "";
}
inline std::string_view wrong_with(const breaker_options& chosen, const policy::option_slot&) {
  if (chosen.window == duration{} && chosen.window_calls == 0) return "window is empty, and so is window_calls";
  if (chosen.failure_rate.ppm == 0 && chosen.consecutive == 0 && chosen.slow_call == duration{}) return "nothing opens it: failure_rate, consecutive and slow_call are zero";
  return chosen.failures.has(code::ok) ? "OK is among the failures" : "";
}
inline std::string_view wrong_with(const bulkhead_options& chosen, const policy::option_slot& at) {
  return at.shared && chosen.max_queue > 0 ? "its state is shared by all loops, and calls can wait on their own loop only: max_queue must be 0" : "";
}
inline std::string_view wrong_with(const limiter_options& chosen, const policy::option_slot& at) {
  if (chosen.key == limiter_key::peer && !at.keyed) return "key can become peer only where the policy's type says so: limiter_options{.key = limiter_key::peer}";
  if (chosen.algorithm != limiter_algorithm::warm_up) return "";
  if (chosen.cold_factor < 2 || chosen.warm_up == duration{}) return "the algorithm warm_up needs a warm_up above zero and a cold_factor of at least 2";
  return chosen.key != limiter_key::none ? "the algorithm warm_up is about the one who serves: key must be none" : "";
}
inline std::string_view wrong_with(const adaptive_limit_options& chosen, const policy::option_slot&) {
  if (chosen.initial < chosen.min || chosen.max < chosen.initial) return "min, initial and max are not in this order";
  return chosen.dropped.has(code::ok) || chosen.ignored.has(code::ok) ? "OK is among dropped or ignored" : "";
}
inline std::string_view wrong_with(const throttle_options& chosen, const policy::option_slot&) {
  return chosen.throttled.has(code::ok) || chosen.ignored.has(code::ok) ? "OK is among throttled or ignored" : "";
}
inline std::string_view wrong_with(const load_shed_options& chosen, const policy::option_slot&) {
  return chosen.max_queue_delay > duration{} && chosen.max_queue_delay < chosen.target ? "max_queue_delay is below target" : "";
}
template <class Options>
std::string_view wrong_with_erased(const policy::option_slot& at) {
  return wrong_with(*static_cast<const Options*>(at.options), at);
}

template <class Policy, std::size_t Count>
constexpr option_kind kind_of(const option_range (&ranges)[Count]) {
  using options = typename Policy::options;
  return {Policy::name, &tenon::detail::type_key<options>, &read_options<Policy>, &wrong_with_erased<options>, ranges, Count};
}
template <class Policy>
constexpr option_kind kind_of_own() {
  return {Policy::name, &tenon::detail::type_key<typename Policy::options>, &read_options<Policy>, nullptr, nullptr, 0};
}

inline constexpr option_kind kinds_of_tenon[] = {
    kind_of<retry<>>(retry_ranges),       kind_of<timeout<>>(timeout_ranges),          kind_of<breaker<>>(breaker_ranges),   kind_of<bulkhead<>>(bulkhead_ranges),
    kind_of<limiter<>>(limiter_ranges),   kind_of<adaptive_limit<>>(adaptive_ranges),  kind_of<throttle<>>(throttle_ranges), kind_of<load_shed<>>(load_shed_ranges),
    kind_of<hedge<>>(hedge_ranges)};

}  // namespace tenon::inline v0::config::detail
