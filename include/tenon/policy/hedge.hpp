// A second attempt while the first is still under way, for calls that take unusually long: the first answer counts. Policy layer; the client's driver runs it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include <tenon/core/code.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/recent_times.hpp>
#include <tenon/policy/event.hpp>
#include <tenon/policy/retry_budget.hpp>

namespace tenon::inline v0 {

/// Units   `max_attempts` includes the first; `max_extra` and `budget` count hedges among the calls that succeed.
struct hedge_options {
  static constexpr duration at_once{1};

  std::int32_t max_attempts = 2;                      ///< 1: none but the first
  duration delay{};                                   ///< between the starts of two attempts; 0: what all but `max_extra` of the method's calls have taken lately; `at_once`: none
  duration least_delay = std::chrono::milliseconds{1};  ///< of a delay that is measured
  std::int32_t min_calls = 100;                       ///< before there is a measured delay, and a first hedge; at most 512
  ratio max_extra = percent(5);                       ///< no more hedges than this share of the calls, in the long run; 0: only `budget` limits them
  code_set non_fatal = codes(code::unavailable);      ///< another attempt may do better: it starts at once. Everything else is the answer
  bool idempotent_only = true;
  bool respect_pushback = true;                       ///< the peer says when the next one may start, or that none may
  duration max_pushback = std::chrono::seconds{30};   ///< a longer wait is cut to this
  retry_budget_options budget{};                      ///< of each hedge; the same bucket as retry's, where the client has a retry
  bool operator==(const hedge_options&) const = default;
};

namespace detail {

// Everything but the options, which come at run time.
struct hedging : policy::base {
  static constexpr std::string_view name = "hedge";
  static constexpr policy::kind what = policy::kind::fan_out;
  static constexpr bool measures = false;
  using options = hedge_options;
  struct state {
    retry_budget budget;  // unless there is one that retry keeps
    retry_budget extra;   // of `max_extra`
    std::vector<std::unique_ptr<policy::detail::recent_times>> times;  // by method
  };
  struct call_state {
    retry_budget* budget = nullptr;  // null: this call is not hedged
    instant began{};
    instant next = instant::never();
    duration delay{};
    std::int32_t started = 0;    // attempts that count
    std::int32_t under_way = 0;
    std::int32_t paid = 0;       // of those under way
    bool timed = false;          // there is a delay
    bool stopped = false;        // the peer wants no more
    bool once_more = false;      // the repeat at once is used up
    bool borrowed = false;       // and was paid for with a token that comes back if it helps
  };

  static constexpr bool fans_out(const options& chosen, const call_info& info) noexcept { return chosen.max_attempts > 1 && (info.idempotent || !chosen.idempotent_only); }

  // The call as a whole: what budgets count.
  static outcome admit(state& own, const options& chosen, call_state&, call_info& info) noexcept {
    own.budget.call_began(chosen.budget, info.now);
    return {};
  }
  static void observe(state& own, const options&, call_state& call, call_info&, outcome) noexcept {
    own.budget.call_ended(false);
    for (; call.paid > 0; --call.paid) spent(own, call);
  }

  static policy::fan_step on_start(state& own, const options& chosen, call_state& call, call_info& info, retry_budget* shared) noexcept {
    call = {};
    call.budget = shared == nullptr ? &own.budget : shared;
    call.began = info.now;
    call.started = call.under_way = 1;
    call.timed = true;
    if (chosen.delay == options::at_once) call.delay = {};
    else if (chosen.delay > duration{}) call.delay = chosen.delay;
    else call.timed = measured(own, chosen, info.method, call.delay);
    if (call.timed) call.next = info.now + call.delay;
    return {.next = call.next};
  }

  template <class Info>
  static policy::fan_step on_time(state& own, const options& chosen, call_state& call, Info& info) noexcept {
    if (info.now < call.next) return {.next = call.next};
    call.next = instant::never();
    const bool wanted = !call.stopped && call.started < chosen.max_attempts && info.now < info.deadline;
    if (!wanted || !pay(own, chosen, call, info)) return {.finish = call.under_way == 0};
    ++call.started;
    ++call.under_way;
    ++call.paid;
    if (call.timed && call.started < chosen.max_attempts) call.next = info.now + call.delay;
    policy::report(info, {.kind = policy::event_kind::repeated, .policy = name, .from = call.started - 2, .to = call.started - 1, .value = (info.now - call.began).ns});
    return {.start = true, .paid = true, .next = call.next};
  }

  template <class Info>
  static policy::fan_step on_result(state& own, const options& chosen, call_state& call, Info& info, outcome result, bool paid) noexcept {
    --call.under_way;
    if (paid) {
      --call.paid;
      spent(own, call);
    }
    if (result.ok()) {
      call.budget->succeeded(chosen.budget, call.borrowed);
      if (chosen.max_extra.ppm > 0) own.extra.succeeded(extra_of(chosen));
      if (policy::detail::recent_times* times = times_of(own, info.method); times != nullptr) times->add(info.now - call.began);
      if (paid) policy::report(info, {.kind = policy::event_kind::won, .policy = name, .from = info.attempt});
      return {.finish = true};
    }
    const bool told = chosen.respect_pushback && result.has(outcome::pushback);
    const bool refused_by_policy = result.has(outcome::local) && result.has(outcome::not_executed) && result.producer != 0;
    if (paid && refused_by_policy) give_back(own, chosen, call, info.now);
    if (!refused_by_policy && !may_mend(chosen, result, told)) return {.finish = true};
    const bool never = result.has(outcome::no_retry) || (told && result.pushback_ms < 0);
    if (!refused_by_policy && (told || !never)) call.budget->failed(chosen.budget);
    if (never) call.stopped = true;
    else if (told) call.next = info.now + (std::min)(duration{result.pushback_ms * std::int64_t{1'000'000}}, chosen.max_pushback);
    else if (refused_by_policy) return {.finish = call.under_way == 0, .next = call.next};
    else if (may_borrow(result, call, info) && call.budget->take(chosen.budget, info.now)) return once_more(call);
    else call.next = info.now;
    const bool more = !call.stopped && call.started < chosen.max_attempts && call.next < info.deadline;
    if (!more) return {.finish = call.under_way == 0};
    return on_time(own, chosen, call, info);
  }

 private:
  // An attempt that a peer refused before anything ran is repeated once at once without counting, for a token that comes back when it helps: as retry does.
  static bool may_borrow(outcome result, const call_state& call, const call_info& info) noexcept {
    return result.has(outcome::not_executed) && result.code == code::unavailable && !result.has(outcome::local) && !call.once_more && info.now < info.deadline;
  }
  static policy::fan_step once_more(call_state& call) noexcept {
    call.once_more = call.borrowed = true;
    call.budget->repeat_ended();  // it takes the place of an attempt that has ended
    ++call.under_way;
    return {.start = true, .next = call.next};
  }

  // What is no answer to the question, beside `non_fatal`: that somebody is busy, and that an attempt ran out of its own time, not of the call's.
  static bool may_mend(const options& chosen, outcome result, bool told) noexcept {
    if (result.code == code::resource_exhausted && (told || result.has(outcome::not_executed))) return true;
    if (result.code == code::deadline_exceeded && result.has(outcome::local)) return true;
    return chosen.non_fatal.has(result.code);
  }

  static retry_budget_options extra_of(const options& chosen) noexcept { return {.share = chosen.max_extra, .per_second = 0}; }

  template <class Info>
  static bool pay(state& own, const options& chosen, call_state& call, Info& info) noexcept {
    const bool limited = chosen.max_extra.ppm > 0;
    bool paid = !limited || own.extra.take(extra_of(chosen), info.now);
    if (paid && !call.budget->take(chosen.budget, info.now)) {
      if (limited) {
        own.extra.repeat_ended();
        own.extra.give_back(extra_of(chosen), info.now);
      }
      paid = false;
    }
    if (!paid) policy::report(info, {.kind = policy::event_kind::exhausted, .policy = name, .from = call.started - 1});
    return paid;
  }
  // What was paid for has ended, one way or another.
  static void spent(state& own, call_state& call) noexcept {
    call.budget->repeat_ended();
    own.extra.repeat_ended();
  }
  static void give_back(state& own, const options& chosen, call_state& call, instant now) noexcept {
    call.budget->give_back(chosen.budget, now);
    if (chosen.max_extra.ppm > 0) own.extra.give_back(extra_of(chosen), now);
  }

  static bool measured(state& own, const options& chosen, std::uint32_t method, duration& into) noexcept {
    if (own.times.size() <= method) own.times.resize(method + std::size_t{1});
    std::unique_ptr<policy::detail::recent_times>& times = own.times[method];
    if (times == nullptr) times = std::make_unique<policy::detail::recent_times>();
    if (!times->known(chosen.min_calls)) return false;
    into = (std::max)(times->all_but(chosen.max_extra), chosen.least_delay);
    return true;
  }
  // Kept only where somebody measures.
  static policy::detail::recent_times* times_of(state& own, std::uint32_t method) noexcept { return method < own.times.size() ? own.times[method].get() : nullptr; }
};

}  // namespace detail

/// Sends a call once more while its first attempt is still under way, when that takes longer than calls of this method usually do, and takes the first answer.
///
/// Shape   `client<market, hedge<>>` with a delay that is measured; `hedge<50_ms>`; `hedge<hedge_options{.max_attempts = 3, .delay = 10_ms}>`. It stands where retry would,
///         and instead of it: a method has one of them. `client<market, retry<>, on_method<&market::last, hedge<>>>` hedges one method and retries the others, from one budget.
/// Laws    only methods that are declared idempotent are hedged, all others are sent once. The first result that is good, or that no other attempt can better, is the call's;
///         the attempts that are left are cancelled, and their servers told. No attempt starts at or after the deadline, or when the budget is empty. When all have failed, the last
///         real status is the call's. A refusal by a policy of this client costs nothing, and ends nothing while another attempt is under way.
/// Limits  a peer that cannot be told to stop does the work twice: MessagePack-RPC and plain HTTP/1.1 have no word for it, and rpcx has it between two tenon only.
///         Per loop; every attempt goes to the same endpoint, as long as a client has one.
/// Source  gRPC A6 (hedging, pushback); finagle's BackupRequestFilter (the delay as a percentile, `max_extra`).
template <auto Options = hedge_options{}>
struct hedge : detail::hedging {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, duration> || std::is_same_v<std::remove_cv_t<decltype(Options)>, hedge_options>,
                "tenon::hedge: the argument is neither a duration nor hedge_options; write hedge<50_ms> with using namespace tenon::literals");

  static constexpr options defaults = [] {
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(Options)>, duration>) return hedge_options{.delay = Options};
    else return Options;
  }();
  static_assert(!std::is_same_v<std::remove_cv_t<decltype(Options)>, duration> || defaults.delay > duration{},
                "tenon::hedge: a delay of zero; write hedge<> for one that is measured, hedge_options{.delay = hedge_options::at_once} for all attempts at the same time");
  static_assert(defaults.max_attempts >= 1 && defaults.max_attempts <= 5, "tenon::hedge: max_attempts includes the first and is from 1 to 5");
  static_assert((std::min)({defaults.delay, defaults.least_delay, defaults.max_pushback}) >= duration{}, "tenon::hedge: a time is below zero");
  static_assert(defaults.min_calls >= 1 && defaults.min_calls <= 512, "tenon::hedge: min_calls is from 1 to 512");
  static_assert(defaults.max_extra.ppm >= 0 && defaults.max_extra.ppm <= 1'000'000 && (defaults.max_extra.ppm > 0 || defaults.delay > duration{}),
                "tenon::hedge: max_extra is a share of the calls, percent(5), and a measured delay needs it: it is what all but so many calls take");
  static_assert(!defaults.non_fatal.has(code::ok), "tenon::hedge: OK is among the codes that another attempt may better");
  static_assert(defaults.budget.tokens >= 1 && defaults.budget.share.ppm >= 0 && defaults.budget.per_second >= 0,
                "tenon::hedge: a budget has at least one token, and earns nothing below zero; for none at all write budget_form::unlimited");
};

}  // namespace tenon::inline v0
