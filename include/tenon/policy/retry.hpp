// Trying again: when it can help, when it is safe, and never so much that it hurts. Policy layer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/event.hpp>
#include <tenon/policy/retry_budget.hpp>

namespace tenon::inline v0 {

/// How the delay before an attempt is drawn; `n` counts retries from 0, `step` is `min(cap, base * multiplier^n)`.
enum class jitter : std::uint8_t {
  full,          ///< uniform in [0, step)
  equal,         ///< half of step, and uniform in [0, half of step)
  decorrelated,  ///< uniform in [base, 3 * the last delay), at most cap
  grpc,          ///< step, give or take a fifth: up to a fifth above cap
  none,          ///< step
};

/// Units   delays are durations; `max_attempts` includes the first.
struct retry_options {
  std::int32_t max_attempts = 3;
  duration base = std::chrono::milliseconds{25};
  duration cap = std::chrono::milliseconds{250};
  ratio multiplier = percent(200);
  tenon::jitter jitter = tenon::jitter::full;
  code_set on = codes(code::unavailable);                                            ///< of idempotent methods
  code_set on_not_executed = codes(code::unavailable, code::resource_exhausted);     ///< of any method, where it is certain that nothing ran
  bool idempotent_only = true;
  bool respect_pushback = true;                                                      ///< the peer says when, or never
  duration max_pushback = std::chrono::seconds{30};                                  ///< a longer wait is cut to this
  retry_budget_options budget{};
  bool operator==(const retry_options&) const = default;
};

namespace detail {

// Everything but the options, which come at run time: compiled once, whatever stands in the template argument.
struct retrying : policy::base {
  static constexpr std::string_view name = "retry";
  static constexpr policy::kind what = policy::kind::loop;
  static constexpr bool measures = false;
  using options = retry_options;
  using state = retry_budget;
  struct call_state {
    duration last{};             // the last delay
    std::uint8_t repeats = 0;    // those that count
    std::uint8_t step = 0;       // of the backoff: a pushback starts it over
    std::uint8_t elsewhere = 0;  // other endpoints tried without any wait
    bool once_more = false;      // the repeat at once is used up
    bool borrowed = false;       // and was paid for with a token that comes back if it helps
    bool repeating = false;      // this attempt was paid for
  };

  // The call as a whole: what budgets count.
  [[gnu::always_inline]] static outcome admit(state& budget, const options& chosen, call_state&, call_info& info) noexcept {
    budget.call_began(chosen.budget, info.now);
    return {};
  }
  [[gnu::always_inline]] static void observe(state& budget, const options&, call_state& call, call_info&, outcome) noexcept { budget.call_ended(call.repeating); }

  template <class Info>
  [[gnu::always_inline]] static policy::decision decide(state& budget, const options& chosen, call_state& call, Info& info, outcome result) noexcept {
    if (result.ok()) [[likely]] {
      budget.succeeded(chosen.budget, call.borrowed);
      return {};
    }
    return failed(budget, chosen, call, info, result);
  }

 private:
  template <class Info>
  [[gnu::cold, gnu::noinline]] static policy::decision failed(state& budget, const options& chosen, call_state& call, Info& info, outcome result) noexcept {
    const bool told = chosen.respect_pushback && result.has(outcome::pushback);
    if (result.has(outcome::no_retry) || (told && result.pushback_ms < 0)) {
      if (told) budget.failed(chosen.budget);
      return {};
    }
    const bool not_executed = result.has(outcome::not_executed);
    const bool refused_by_policy = result.has(outcome::local) && not_executed && result.producer != 0;
    if (info.now >= info.deadline) return {};
    if (refused_by_policy) {
      if (call.elsewhere < info.other_endpoints) {
        ++call.elsewhere;
        return again(info, {});
      }
      if (!told) return {};
    } else if (not_executed && result.code == code::unavailable && !told && !call.once_more && (info.sent || !result.has(outcome::local))) {
      call.once_more = true;
      // What the connection did not carry is no load. But a peer that is full refuses whatever comes: if asking it twice cost nothing, it would have twice as much to refuse.
      const bool carried = !result.has(outcome::local);
      call.borrowed = carried && pay(budget, chosen, call, info.now);
      if (!carried || call.borrowed) return again(info, {});
    }
    call.borrowed = false;
    if (!may_mend(chosen, result)) return {};
    budget.failed(chosen.budget);
    if (call.repeats + 1 >= chosen.max_attempts) return {};
    if (chosen.idempotent_only && !info.idempotent && !not_executed) return {};
    const duration delay = told ? (std::min)(duration{result.pushback_ms * std::int64_t{1'000'000}}, chosen.max_pushback) : draw(chosen, call, *info.random);
    // Last of all, since taking costs: no wait into the deadline, and the budget.
    if (info.now + delay >= info.deadline) return {};
    if (!pay(budget, chosen, call, info.now)) {
      policy::report(info, {.kind = policy::event_kind::exhausted, .policy = name, .from = info.attempt, .value = static_cast<std::int64_t>(result.code)});
      return {};
    }
    ++call.repeats;
    call.step = told ? std::uint8_t{0} : static_cast<std::uint8_t>(call.step + 1);
    call.last = delay;
    return again(info, delay);
  }

  static bool pay(state& budget, const options& chosen, call_state& call, instant now) noexcept {
    if (call.repeating) budget.repeat_ended();
    return call.repeating = budget.take(chosen.budget, now);
  }

  template <class Info>
  static policy::decision again(Info& info, duration delay) noexcept {
    policy::report(info, {.kind = policy::event_kind::repeated, .policy = name, .from = info.attempt, .to = info.attempt + 1, .value = delay.ns});
    return {.again = true, .delay = delay};
  }

  static bool may_mend(const options& chosen, outcome result) noexcept {
    if (result.has(outcome::not_executed) && chosen.on_not_executed.has(result.code)) return true;
    if (result.code == code::resource_exhausted && result.has(outcome::pushback)) return true;
    // An attempt that ran out of its own time, not of the call's.
    if (result.code == code::deadline_exceeded) return result.has(outcome::local) && !result.has(outcome::not_executed);
    return chosen.on.has(result.code);
  }

  static duration draw(const options& chosen, call_state& call, random_source& random) noexcept {
    const auto below = [&random](std::int64_t bound) { return bound <= 0 ? std::int64_t{0} : static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound))); };
    // In doubles, and only here: exact for every delay below a hundred days.
    double grown = static_cast<double>(chosen.base.ns);
    const auto cap = static_cast<double>(chosen.cap.ns);
    for (int i = 0; i < call.step && grown < cap; ++i) grown *= chosen.multiplier.ppm / 1e6;
    const auto step = static_cast<std::int64_t>((std::min)(grown, cap));
    switch (chosen.jitter) {
      case jitter::full: return duration{below(step)};
      case jitter::equal: return duration{step / 2 + below(step / 2)};
      case jitter::decorrelated: {
        const std::int64_t before = call.last.ns == 0 ? chosen.base.ns : call.last.ns;
        return duration{(std::min)(chosen.cap.ns, chosen.base.ns + below(3 * before - chosen.base.ns))};
      }
      case jitter::grpc: return duration{step / 5 * 4 + below(step / 5 * 2)};
      case jitter::none: break;
    }
    return duration{step};
  }
};

}  // namespace detail

/// Repeats attempts that failed in a way that another one may mend.
///
/// Shape   `retry<>`, `retry<retry_options{.max_attempts = 4, .base = 10_ms}>`. What stands before it in the list sees the call, what stands after it each attempt.
/// Laws    a method that is not declared idempotent is repeated only when nothing ran. No attempt starts at or after the deadline: a wait that would reach it is not begun,
///         and the call ends with the last real status. An attempt that certainly never ran is repeated once at once, without counting: free of charge where the
///         connection did not carry it, and where the peer refused it for a token of the budget, which comes back when the repeat succeeds. A refusal by a policy of this
///         client is repeated where another endpoint may accept it or where it says when, and not otherwise: there is no use in waiting for one's own open breaker.
/// Source  gRPC A6; delays as in Envoy's tests.
template <retry_options Options = retry_options{}>
struct retry : detail::retrying {
  static_assert(Options.max_attempts >= 1 && Options.max_attempts <= 10, "tenon::retry: max_attempts includes the first and is from 1 to 10");
  static_assert(Options.base > duration{} && Options.cap >= Options.base, "tenon::retry: base is above zero, and cap is not below base");
  static_assert(Options.multiplier.ppm >= 1'000'000, "tenon::retry: a multiplier below 1 would make the waits shorter; write percent(200) for twice as long each time");
  static_assert(Options.budget.tokens >= 1 && Options.budget.share.ppm >= 0 && Options.budget.per_second >= 0,
                "tenon::retry: a budget has at least one token, and earns nothing below zero; for none at all write budget_form::unlimited");

  static constexpr options defaults = Options;
};

}  // namespace tenon::inline v0
