// What an adaptive limit knows: calls under way, the samples of the window, and the limit they lead to. Policy layer.
#pragma once

#include <algorithm>
#include <cstdint>

#include <tenon/core/random.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/adaptive_algorithm.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/bbr_window.hpp>
#include <tenon/policy/detail/cell.hpp>
#include <tenon/policy/detail/cpu_load.hpp>
#include <tenon/policy/detail/limit_steps.hpp>
#include <tenon/policy/event.hpp>

namespace tenon::inline v0::policy::detail {

// `Options` is adaptive_limit_options; a parameter, because that stands above this.
template <sharing Mode>
class adaptive_core {
 public:
  std::int32_t in_flight() const noexcept { return in_flight_.load(); }
  /// As many calls may be under way; 0 before the first.
  std::int32_t limit() const noexcept { return limit_.load(); }
  cpu_load<Mode>& cpu() noexcept { return cpu_; }

  /// One more call under way; returns how many were. Nothing else when that is below the limit.
  [[gnu::always_inline]] std::int32_t enter() noexcept { return in_flight_.add(1); }
  [[gnu::always_inline]] void leave() noexcept { in_flight_.subtract(1); }

  /// Whether a call may pass although `before` calls have reached the limit, or a part of it.
  template <class Options, class Info>
  [[gnu::cold, gnu::noinline]] bool may_pass(const Options& options, Info& info, std::int32_t before) noexcept {
    if (limit_.load() == 0) begin(options, info);
    const std::int64_t limit = limit_.load();
    if (before < limit * (10 - options.shed_level) / 10) return true;
    if (options.algorithm != adaptive_algorithm::bbr) return false;
    // Above what fits a call still passes, as long as the processors keep up.
    turn_bbr(info);
    return before <= 1 || !overloaded(options, info.now) || before < limit_.load();
  }

  template <class Options, class Info>
  [[gnu::always_inline]] void answered(const Options& options, Info& info, std::int32_t in_flight, instant began) noexcept {
    const duration rtt = info.now - began;
    if (rtt < options.ignore_below) return;
    if (options.algorithm == adaptive_algorithm::bbr) [[unlikely]] {
      if (bbr_.add(info.now, rtt.ns)) take_bbr(info);
      return;
    }
    rtts_.add(rtt.ns);
    sample(options, info, in_flight);
  }
  template <class Options, class Info>
  [[gnu::cold, gnu::noinline]] void dropped(const Options& options, Info& info, std::int32_t in_flight, instant began) noexcept {
    if (options.algorithm == adaptive_algorithm::bbr) return;
    drops_.add(1);
    rtts_.add((std::max)(info.now - began, duration{}).ns);
    sample(options, info, in_flight);
  }

  /// When a refused call may try again: once one of those under way has probably ended.
  duration pause() const noexcept {
    const duration known = (std::max)(bbr_.shortest(), duration{usual_ns_.load()});
    return (std::max)(known, duration{1'000'000});
  }

 private:
  template <class Options, class Info>
  [[gnu::always_inline]] void sample(const Options& options, Info& info, std::int32_t in_flight) noexcept {
    const std::int32_t samples = samples_.add(1) + 1;
    if (in_flight > most_in_flight_.load()) most_in_flight_.store(in_flight);
    if (info.now.ns >= window_ends_.load() && samples >= options.min_samples) [[unlikely]] turn(options, info);
  }

  template <class Options, class Info>
  void begin(const Options& options, Info& info) noexcept {
    if (!busy_.replace_once(0, 1)) return;
    if (limit_.load() == 0) {
      exact_ = (std::max)(options.initial, 1);
      limit_.store((std::max)(options.initial, 1));
      window_ends_.store((info.now + options.window).ns);
    }
    busy_.store(0);
  }

  // A window has ended: its samples become one, and the limit takes one step.
  template <class Options, class Info>
  [[gnu::cold, gnu::noinline]] void turn(const Options& options, Info& info) noexcept {
    if (!busy_.replace_once(0, 1)) return;
    const std::int32_t samples = samples_.load();
    const std::int64_t rtts = rtts_.load();
    const std::int32_t drops = drops_.load();
    samples_.subtract(samples);
    rtts_.subtract(rtts);
    drops_.subtract(drops);
    const limit_sample seen{.rtt = static_cast<double>(rtts) / (std::max)(samples, 1), .in_flight = most_in_flight_.load(), .dropped = drops > 0};
    most_in_flight_.store(0);
    usual_ns_.store(static_cast<std::int64_t>(seen.rtt));
    // Two round trips at least, so that the answers of a window are to calls of the same limit.
    window_ends_.store((info.now + (options.window.ns > 0 ? (std::max)(options.window, duration{static_cast<std::int64_t>(seen.rtt)} * 2) : duration{})).ns);
    const std::int32_t before = limit_.load();
    double wanted = step(options, info, seen);
    // On a quiet service nothing would ever stop the limit from growing.
    if (wanted > exact_) wanted = (std::max)((std::min)(wanted, static_cast<double>(options.max_factor) * seen.in_flight), exact_);
    exact_ = (std::max)((std::min)(wanted, static_cast<double>(options.max)), static_cast<double>((std::max)(options.min, 1)));
    const auto after = static_cast<std::int32_t>(exact_);
    limit_.store(after);
    busy_.store(0);
    if (after != before) report(info, {.kind = event_kind::changed, .policy = "adaptive_limit", .from = before, .to = after});
  }

  template <class Options, class Info>
  double step(const Options& options, Info& info, const limit_sample& seen) noexcept {
    switch (options.algorithm) {
      case adaptive_algorithm::vegas: return vegas_(exact_, seen, options.smoothing, info.random->unit());
      case adaptive_algorithm::aimd: return aimd_step(exact_, seen, options.backoff, options.timeout);
      case adaptive_algorithm::gradient2: break;
      case adaptive_algorithm::bbr: return exact_;
    }
    return gradient_(exact_, seen, options.tolerance, options.queue, options.smoothing);
  }

  template <class Info>
  void turn_bbr(Info& info) noexcept {
    if (bbr_.turn_to(info.now)) take_bbr(info);
  }
  template <class Info>
  [[gnu::cold, gnu::noinline]] void take_bbr(Info& info) noexcept {
    cpu_.sample(info.now);
    const std::int32_t before = limit_.load();
    // Nothing was answered lately: what was known stays.
    if (bbr_.fits() == 0 && before != 0) return;
    const std::int32_t after = (std::max)(bbr_.fits(), 1) + 1;
    limit_.store(after);
    if (after != before) report(info, {.kind = event_kind::changed, .policy = "adaptive_limit", .from = before, .to = after});
  }

  // Busy, or so a moment ago: what was refused has made the load fall, and would let it rise again at once.
  template <class Options>
  bool overloaded(const Options& options, instant now) noexcept {
    cpu_.sample(now);
    const std::int64_t since = overloaded_since_.load();
    if (cpu_.load() >= options.cpu) {
      if (since == 0) overloaded_since_.store(now.ns);
      return true;
    }
    if (since == 0) return false;
    if (now - instant{since} <= duration{1'000'000'000}) return true;
    overloaded_since_.store(0);
    return false;
  }

  cell<std::int32_t, Mode> in_flight_;
  cell<std::int32_t, Mode> limit_;
  // The window under way.
  cell<std::int64_t, Mode> window_ends_;
  cell<std::int64_t, Mode> rtts_;
  cell<std::int32_t, Mode> samples_;
  cell<std::int32_t, Mode> drops_;
  cell<std::int32_t, Mode> most_in_flight_;
  cell<std::int64_t, Mode> usual_ns_;
  cell<std::int64_t, Mode> overloaded_since_;
  cell<std::int32_t, Mode> busy_;
  // For whoever made it busy.
  double exact_ = 0;
  gradient_step gradient_{};
  vegas_step vegas_{};
  bbr_window<Mode> bbr_;
  cpu_load<Mode> cpu_;
};

}  // namespace tenon::inline v0::policy::detail
