// So many calls per time: for everybody together, or for each method, caller or address. Policy layer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include <tenon/core/code.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>
#include <tenon/policy/detail/evidence.hpp>
#include <tenon/policy/detail/gcra.hpp>
#include <tenon/policy/detail/key_table.hpp>
#include <tenon/policy/detail/warm_up.hpp>

namespace tenon::inline v0 {

enum class limiter_algorithm : std::uint8_t {
  gcra,     ///< up to `burst` at once, the rate on average
  paced,    ///< evenly spaced: no two calls closer than the rate has it; meant for `max_wait`
  warm_up,  ///< as gcra, at a lower rate after a pause, for what is slow while it is cold
};
enum class limiter_cost : std::uint8_t { call, request_bytes };
/// Who has a limit of their own.
enum class limiter_key : std::uint8_t { none, method, principal, peer };

struct limiter_options {
  tenon::rate rate{};                                 ///< `per_second(1000)`; none: no limit. At most 1e9 per second
  std::int64_t burst = 0;                             ///< at once after a pause; 0: a tenth of a second's worth, at least one
  limiter_algorithm algorithm = limiter_algorithm::gcra;
  limiter_cost cost = limiter_cost::call;             ///< what the rate counts
  duration max_wait{};                                ///< a call that comes too early waits so long rather than be refused
  limiter_key key = limiter_key::none;
  std::int32_t max_keys = 65'536;                     ///< 16 bytes each, once there is one
  duration warm_up = std::chrono::seconds{10};        ///< of use, until the full rate is reached
  std::int32_t cold_factor = 3;                       ///< cold, the rate is so many times lower
  code reject_code = code::resource_exhausted;
  bool enabled = true;
  bool operator==(const limiter_options&) const = default;
};

/// How much is left of a limit.
struct limiter_quota {
  std::int64_t remaining = 0;  ///< calls that may come at once
  duration full_in{};          ///< until all of `burst` may
};

/// Admits calls at a rate. Before retry it limits what users ask, after it what is sent.
///
/// Shape   `limiter<per_second(1000)>` or `limiter<limiter_options{.rate = per_second(1000), .burst = 50, .key = limiter_key::peer}>`.
/// Units   the rate counts calls, or bytes of the request; state per loop, or, `sharing::shared`, one for the process.
/// Errors  `reject_code` (resource_exhausted), local and not executed, with the time after which it would pass; `no_retry` when the call costs more than `burst`.
///         A call waits only when it will pass before its deadline. Nothing is given back when a call fails; a call that gives up waiting returns its turn if it was the last.
/// Source  GCRA: ITU-T I.371.
template <auto Options = limiter_options{}, policy::sharing Mode = policy::sharing::per_loop>
struct limiter : policy::base {
  static_assert(std::is_same_v<std::remove_cv_t<decltype(Options)>, limiter_options> || std::is_same_v<std::remove_cv_t<decltype(Options)>, rate>,
                "tenon::limiter: the argument is neither a rate nor limiter_options; write limiter<tenon::per_second(1000)>");

  using options = limiter_options;
  // What follows from the options, worked out when they change: a division costs more than all the rest.
  struct known_shape {
    tenon::rate rate{};
    std::int64_t burst = -1;  // fits no options yet
    policy::detail::gcra shape{};

    bool fits(const options& chosen) const noexcept { return rate.count == chosen.rate.count && rate.per == chosen.rate.per && burst == chosen.burst; }
    [[gnu::cold, gnu::noinline]] void learn(const options& chosen) noexcept {
      *this = {chosen.rate, chosen.burst, policy::detail::gcra::of(policy::detail::gcra::interval_of(chosen.rate), chosen.burst)};
    }
  };
  struct state {
    policy::detail::cell<std::int64_t, Mode> word;
    [[no_unique_address]] std::conditional_t<Mode == policy::sharing::per_loop, known_shape, policy::none> known;
    policy::detail::key_table<Mode> keys;
    policy::detail::warm_up_state<Mode> warmth;
  };
  // Of a call that waits: when its turn is, and what it took.
  struct call_state {
    instant turn{};
    std::int64_t until = 0;
    std::int64_t increment = 0;
  };
  static constexpr std::string_view name = "limiter";
  static constexpr policy::sharing mode = Mode;
  static constexpr bool measures = false;
  static constexpr options defaults = [] {
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(Options)>, limiter_options>) return Options;
    else return limiter_options{.rate = Options};
  }();
  static constexpr bool keyed = defaults.key == limiter_key::peer;

  static_assert(defaults.rate.count >= 0 && defaults.rate.per >= duration{} && (defaults.rate.count == 0 || defaults.rate.per > duration{}),
                "tenon::limiter: the rate is negative, or per no time; write per_second(1000)");
  static_assert(defaults.rate.count <= defaults.rate.per.ns, "tenon::limiter: the rate is above 1e9 per second, finer than the clock; leave the limiter out");
  static_assert(defaults.burst >= 0, "tenon::limiter: burst is negative; write 0 for a tenth of a second's worth");
  static_assert(defaults.algorithm != limiter_algorithm::warm_up || (defaults.cold_factor >= 2 && defaults.warm_up > duration{}),
                "tenon::limiter: warm_up needs a time above zero and a cold_factor of at least 2");
  static_assert(defaults.algorithm != limiter_algorithm::warm_up || defaults.key == limiter_key::none,
                "tenon::limiter: warm_up is about the one who serves, not about each caller; leave out the key");
  static_assert(defaults.key == limiter_key::none || defaults.max_keys > 0, "tenon::limiter: max_keys is zero or less; write how many callers to remember");

  [[gnu::always_inline]] static outcome admit(state& of, const options& chosen, call_state& call, call_info& info) noexcept {
    if (chosen.key != limiter_key::none || chosen.algorithm != limiter_algorithm::gcra || chosen.cost != limiter_cost::call || !chosen.enabled) [[unlikely]]
      return admit_otherwise(of, chosen, call, info);
    policy::detail::gcra shape;
    if (__builtin_constant_p(chosen.rate.count) && __builtin_constant_p(chosen.rate.per.ns) && __builtin_constant_p(chosen.burst)) {
      // Around a function whose options are those of the type: what follows from them is a constant as well.
      if (!limits(chosen)) return {};
      shape = policy::detail::gcra::of(policy::detail::gcra::interval_of(chosen.rate), chosen.burst);
    } else if constexpr (Mode == policy::sharing::per_loop) {
      if (!of.known.fits(chosen)) [[unlikely]] {
        if (!limits(chosen)) return {};
        of.known.learn(chosen);
      }
      shape = of.known.shape;
    } else {
      if (!limits(chosen)) [[unlikely]] return {};
      shape = policy::detail::gcra::of(policy::detail::gcra::interval_of(chosen.rate), chosen.burst);
    }
    const auto taken = policy::detail::gcra::take(of.word, info.now.ns, shape.interval, shape.tolerance, longest_wait(chosen, info));
    if (!taken.granted || taken.wait > 0) [[unlikely]] return not_now(chosen, call, info, shape.interval, taken);
    return {};
  }
  [[gnu::always_inline]] static void observe(state&, const options&, call_state&, call_info&, outcome) noexcept {}

  static outcome admit_again(state&, const options&, call_state& call, call_info& info) noexcept {
    if (info.now >= call.turn) return {};
    info.wake_at = call.turn;
    return policy::wait;
  }
  // The turn goes back only to where it was taken from: when another one has been taken since, that one stands.
  static void abandon(state& of, const options& chosen, call_state& call, call_info& info) noexcept {
    with_word(of, chosen, info, [&](auto& word) noexcept {
      (void)word.replace_once(call.until, call.until - call.increment);
      return 0;
    });
  }

  /// What is left for such a call; takes nothing.
  [[gnu::cold]] static limiter_quota quota(state& of, const options& chosen, const call_info& info) noexcept {
    if (!limits(chosen)) return {.remaining = (std::numeric_limits<std::int64_t>::max)()};
    const policy::detail::gcra shape = shape_of(of, chosen, info);
    const std::int64_t full_in = with_word(of, chosen, info, [&](auto& word) noexcept { return (std::max)(word.load() - info.now.ns, std::int64_t{0}); });
    return {.remaining = (std::max)((shape.tolerance - full_in) / shape.interval, std::int64_t{0}), .full_in = duration{full_in}};
  }

 private:
  [[gnu::always_inline]] static bool limits(const options& chosen) noexcept { return chosen.enabled && chosen.rate.count > 0 && chosen.rate.per.ns > 0; }

  [[gnu::always_inline]] static std::int64_t longest_wait(const options& chosen, const call_info& info) noexcept {
    return chosen.max_wait.ns == 0 ? 0 : (std::min)(chosen.max_wait, (std::max)(info.deadline - info.now - duration{1}, duration{})).ns;
  }

  static policy::detail::gcra shape_of(state& of, const options& chosen, const call_info& info) noexcept {
    std::int64_t interval = policy::detail::gcra::interval_of(chosen.rate);
    if (chosen.algorithm == limiter_algorithm::warm_up) interval = (std::max)(interval, of.warmth.interval(chosen.rate, chosen.warm_up, chosen.cold_factor, info.now));
    return policy::detail::gcra::of(interval, chosen.algorithm == limiter_algorithm::paced ? 1 : chosen.burst);
  }

  template <class F>
  static auto with_word(state& of, const options& chosen, const call_info& info, F&& f) noexcept {
    switch (chosen.key) {
      case limiter_key::method: return of.keys.use(info.method + std::uint64_t{1}, chosen.max_keys, f);
      case limiter_key::principal: return of.keys.use(info.principal_key, chosen.max_keys, f);
      case limiter_key::peer: return of.keys.use(info.peer_key, chosen.max_keys, f);
      case limiter_key::none: break;
    }
    return f(of.word);
  }

  [[gnu::noinline]] static outcome admit_otherwise(state& of, const options& chosen, call_state& call, call_info& info) noexcept {
    if (!limits(chosen)) return {};
    const policy::detail::gcra shape = shape_of(of, chosen, info);
    const std::int64_t cost = chosen.cost == limiter_cost::call ? 1 : static_cast<std::int64_t>((std::min)(info.request_bytes, std::uint64_t{1} << 62));
    const std::int64_t increment = tenon::detail::saturated_product(shape.interval, cost);
    // More than a full bucket holds never passes. Paced, it does: it takes that many turns, and goes at the last of them.
    if (increment > shape.tolerance && chosen.algorithm != limiter_algorithm::paced) {
      return {.code = chosen.reject_code, .flags = outcome::local | outcome::not_executed | outcome::no_retry};
    }
    const std::int64_t longest = longest_wait(chosen, info);
    const auto taken = with_word(of, chosen, info, [&](auto& word) noexcept { return policy::detail::gcra::take(word, info.now.ns, increment, shape.tolerance, longest); });
    if (taken.granted && chosen.algorithm == limiter_algorithm::warm_up) of.warmth.passed(cost);
    return taken.granted && taken.wait <= 0 ? outcome{} : not_now(chosen, call, info, increment, taken);
  }

  [[gnu::cold, gnu::noinline]] static outcome not_now(const options& chosen, call_state& call, call_info& info, std::int64_t increment, policy::detail::gcra::taken taken) noexcept {
    if (!taken.granted) return policy::detail::refused_until(chosen.reject_code, duration{taken.wait});
    call = {.turn = info.now + duration{taken.wait}, .until = taken.until, .increment = increment};
    info.wake_at = call.turn;
    return policy::wait;
  }
};

}  // namespace tenon::inline v0
