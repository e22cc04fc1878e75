// The state machine of the breaker, for every set of options. Policy layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/breaker_state.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>
#include <tenon/policy/detail/evidence.hpp>
#include <tenon/policy/detail/window.hpp>
#include <tenon/policy/event.hpp>

namespace tenon::inline v0::policy::detail {

// generation:26 | state:2 | failed:12 | left:12 | pending:12. One word, so that each transition is a single exchange: with the generation in a word of its own,
// a thread that took a probe could book it to the round after.
struct breaker_word {
  std::uint64_t bits = 0;

  static constexpr std::uint64_t state_mask = std::uint64_t{3} << 36;
  static constexpr std::uint64_t probe = 3;    // in a call, never in the breaker: the call is a probe of this generation
  static constexpr std::uint64_t unwatched = ~std::uint64_t{0} & ~state_mask;  // in a call: nobody asks how it ends
  static constexpr std::int32_t most_probes = 4095;

  static constexpr breaker_word make(std::uint64_t generation, std::uint64_t state, std::uint64_t failed = 0, std::uint64_t left = 0, std::uint64_t pending = 0) noexcept {
    return {generation << 38 | state << 36 | failed << 24 | left << 12 | pending};
  }
  static constexpr breaker_word closed(std::uint64_t generation) noexcept { return make(generation, std::uint64_t{0}); }
  static constexpr breaker_word open(std::uint64_t generation) noexcept { return make(generation, std::uint64_t{1}); }
  static constexpr breaker_word half_open(std::uint64_t generation, std::uint64_t failed, std::uint64_t left, std::uint64_t pending) noexcept {
    return make(generation, std::uint64_t{2}, failed, left, pending);
  }

  constexpr std::uint64_t generation() const noexcept { return bits >> 38; }
  constexpr std::uint64_t state() const noexcept { return bits >> 36 & 3; }
  constexpr bool is(breaker_state which) const noexcept { return state() == static_cast<std::uint64_t>(which); }
  constexpr std::uint64_t failed() const noexcept { return bits >> 24 & 0xfff; }
  constexpr std::uint64_t left() const noexcept { return bits >> 12 & 0xfff; }
  constexpr std::uint64_t pending() const noexcept { return bits & 0xfff; }
};

// What one endpoint's breaker knows. `Options` is breaker_options; a parameter, because that stands above this.
template <sharing Mode>
class breaker_core {
 public:
  static constexpr std::size_t most_buckets = 16;
  static constexpr std::size_t most_calls = 1024;

  breaker_word word() const noexcept { return {word_.load()}; }

  /// What an answer that is a success and not slow leaves behind.
  template <class Options, class Info>
  [[gnu::always_inline]] void succeeded(const Options& options, Info& info) noexcept {
    time_.add(info.now, options.window, options.buckets, window::one_call);
    if (trouble_.load() != 0) [[unlikely]] relieved(options, info);
  }

  /// Every other answer to a call that was admitted while the breaker was closed, and has been since.
  template <class Options, class Info>
  [[gnu::cold, gnu::noinline]] void record(const Options& options, Info& info, outcome result) noexcept {
    if (says_nothing(options, info, result)) return;
    const bool bad = options.failures.has(result.code);
    const bool slow = is_slow(options, info);
    if (options.window_calls > 0) {
      calls_.add(options.window_calls, bad, slow);
    } else {
      time_.add(info.now, options.window, options.buckets, window::one_call + (bad ? window::one_mark : 0));
      if (slow) time_.note(info.now, options.window, options.buckets);
    }
    if (bad) trouble_.add(1);
    if (bad || slow) evaluate(options, info);
    else if (trouble_.load() != 0) relieved(options, info);
  }

  /// A call that comes while the breaker is not closed. Returns whether it may pass, and marks it when it is a probe.
  template <class Options, class Info>
  bool take_probe(const Options& options, std::uint64_t& call, Info& info) noexcept {
    breaker_word found = word();
    for (;;) {
      if (found.is(breaker_state::closed)) {
        call = found.bits;
        return true;
      }
      const bool was_open = found.is(breaker_state::open);
      const bool new_round = was_open ? info.now.ns >= until_.load() : found.left() == 0 && info.now.ns >= round_ends_.load();
      if (!new_round && (was_open || found.left() == 0)) return false;
      breaker_word wanted = breaker_word::half_open(found.generation(), found.failed(), found.left() - 1, found.pending() + 1);
      if (new_round) {
        wanted = breaker_word::half_open(found.generation() + 1, 0, static_cast<std::uint64_t>(options.half_open_calls) - 1, 1);
        round_ends_.store((options.half_open_max_wait.ns > 0 ? info.now + options.half_open_max_wait : instant::never()).ns);
      }
      if (word_.replace(found.bits, wanted.bits)) {
        call = breaker_word::make(wanted.generation(), breaker_word::probe).bits;
        if (was_open) changed(info, breaker_state::open, breaker_state::half_open);
        return true;
      }
    }
  }

  /// How a probe ended: with a verdict, or given back for another call when it says nothing.
  template <class Options, class Info>
  void probed(const Options& options, std::uint64_t call, Info& info, outcome result) noexcept {
    const bool nothing = says_nothing(options, info, result);
    const std::uint64_t bad = options.failures.has(result.code) || is_slow(options, info) ? 1 : 0;
    breaker_word found = word();
    // A probe of a round that is over has nothing to say any more.
    while (found.generation() == breaker_word{call}.generation() && found.is(breaker_state::half_open)) {
      breaker_word wanted{};
      const std::uint64_t failed = found.failed() + bad;
      if (nothing) wanted = breaker_word::half_open(found.generation(), found.failed(), found.left() + 1, found.pending() - 1);
      else if (bad != 0 && options.half_open_rate.ppm <= 0) wanted = breaker_word::open(found.generation() + 1);
      else if (found.left() > 0 || found.pending() > 1) wanted = breaker_word::half_open(found.generation(), failed, found.left(), found.pending() - 1);
      else if (failed > 0 && reached(failed, static_cast<std::uint64_t>(options.half_open_calls), options.half_open_rate)) wanted = breaker_word::open(found.generation() + 1);
      else wanted = breaker_word::closed(found.generation() + 1);
      // Before the exchange: who sees the new state sees all of it.
      if (wanted.is(breaker_state::open)) until_.store((info.now + open_time(options, info, rounds_.load() + 1)).ns);
      if (wanted.is(breaker_state::closed)) clear();
      if (!word_.replace(found.bits, wanted.bits)) continue;
      if (wanted.is(breaker_state::open)) rounds_.add(1);
      if (wanted.is(breaker_state::closed)) rounds_.store(0);
      if (wanted.state() != found.state()) changed(info, breaker_state::half_open, static_cast<breaker_state>(wanted.state()));
      return;
    }
  }

  /// The operator lets everything pass: whatever was decided is undone.
  std::uint64_t reset() noexcept {
    breaker_word found = word();
    while (!found.is(breaker_state::closed)) {
      clear();
      rounds_.store(0);
      const breaker_word wanted = breaker_word::closed(found.generation() + 1);
      if (word_.replace(found.bits, wanted.bits)) return wanted.bits;
    }
    return found.bits;
  }

  /// Whether a call would pass now; takes nothing.
  bool ready(instant now) const noexcept {
    const breaker_word found = word();
    if (found.is(breaker_state::open)) return now.ns >= until_.load();
    return found.is(breaker_state::closed) || found.left() > 0 || now.ns >= round_ends_.load();
  }

  /// Calls, those that failed (marked), and those that were slow (noted).
  template <class Options>
  window_counts counts(const Options& options, instant now) noexcept {
    return options.window_calls > 0 ? calls_.sum() : time_.sum(now, options.window, options.buckets);
  }

  template <class Options, class Info>
  [[gnu::always_inline]] static bool is_slow(const Options& options, Info& info) noexcept {
    return options.slow_call.ns > 0 && info.now - info.attempt_start > options.slow_call;
  }

 private:
  using window = time_window<most_buckets, Mode>;
  static constexpr std::uint32_t too_few_calls = 1U << 31;

  template <class Options, class Info>
  static bool says_nothing(const Options& options, Info& info, outcome result) noexcept {
    if (!tells_of_peer(result) || options.ignored.has(result.code)) return true;
    // A caller that came with a millisecond left must not close the way for everybody.
    return result.code == code::deadline_exceeded && attempt_time(info) < options.deadline_counts_after;
  }

  static constexpr bool reached(std::uint64_t some, std::uint64_t all, ratio limit) noexcept { return some * 1'000'000 >= all * static_cast<std::uint64_t>(limit.ppm); }

  // A success after failures: the row of failures ends, and it may be the call that makes enough of them.
  template <class Options, class Info>
  [[gnu::cold, gnu::noinline]] void relieved(const Options& options, Info& info) noexcept {
    const bool enough_now = (trouble_.load() & too_few_calls) != 0;
    trouble_.store(enough_now ? too_few_calls : 0);
    if (enough_now) evaluate(options, info);
  }

  template <class Options, class Info>
  [[gnu::cold, gnu::noinline]] void evaluate(const Options& options, Info& info) noexcept {
    const window_counts counted = counts(options, info.now);
    const std::uint32_t row = trouble_.load() & ~too_few_calls;
    const bool in_a_row = options.consecutive > 0 && row >= static_cast<std::uint32_t>(options.consecutive);
    const bool too_bad = (options.failure_rate.ppm > 0 && counted.marked > 0 && reached(counted.marked, counted.total, options.failure_rate)) ||
                         (options.slow_call.ns > 0 && counted.noted > 0 && reached(counted.noted, counted.total, options.slow_rate));
    const bool enough = counted.total >= static_cast<std::uint64_t>((std::max)(options.min_calls, 1));
    (void)trouble_.set_bits(too_few_calls, too_bad && !enough);
    if (in_a_row || (too_bad && enough)) open(options, info);
  }

  template <class Options, class Info>
  void open(const Options& options, Info& info) noexcept {
    breaker_word found = word();
    if (!found.is(breaker_state::closed)) return;
    const bool only_say = options.mode == breaker_mode::metrics_only;
    if (only_say) clear();
    else until_.store((info.now + open_time(options, info, 0)).ns);
    const breaker_word wanted = only_say ? breaker_word::closed(found.generation() + 1) : breaker_word::open(found.generation() + 1);
    if (word_.replace_once(found.bits, wanted.bits)) changed(info, breaker_state::closed, breaker_state::open);
  }

  // Doubles with every round of probes that failed; endpoints that fell together do not come back together.
  template <class Options, class Info>
  static duration open_time(const Options& options, Info& info, std::uint32_t rounds) noexcept {
    const duration longest = (std::max)(options.open_max, options.open_for);
    const duration time = (std::min)(options.open_for * (std::int64_t{1} << (std::min)(rounds, std::uint32_t{30})), longest);
    const std::int64_t spread = time.ns / 1'000'000 * options.open_jitter.ppm;
    return spread > 0 ? time + duration{static_cast<std::int64_t>(info.random->below(static_cast<std::uint64_t>(spread)))} : time;
  }

  void clear() noexcept {
    time_.clear();
    calls_.clear();
    trouble_.store(0);
  }

  template <class Info>
  static void changed(Info& info, breaker_state from, breaker_state to) noexcept {
    report(info, {.kind = event_kind::changed, .policy = "breaker", .from = static_cast<std::int64_t>(from), .to = static_cast<std::int64_t>(to)});
  }

  cell<std::uint64_t, Mode> word_;
  cell<std::uint32_t, Mode> trouble_;  // failures in a row, and `too_few_calls` when the rate is reached and only calls are missing
  cell<std::uint32_t, Mode> rounds_;   // of probes that failed since the breaker was closed
  cell<std::int64_t, Mode> until_;
  cell<std::int64_t, Mode> round_ends_;
  window time_;
  call_window<most_calls, Mode> calls_;
};

}  // namespace tenon::inline v0::policy::detail
