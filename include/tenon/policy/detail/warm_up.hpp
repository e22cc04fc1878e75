// A rate that is low while the other side is cold, and grows while it is used. Policy layer; part of the limiter.
#pragma once

#include <algorithm>
#include <cstdint>

#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>

namespace tenon::inline v0::policy::detail {

// Tokens are stored while calls are few. Above `warning` each costs more time the more there are, so that a cold start gives rate / cold_factor, and the full
// rate is reached after the warm-up time of continuous use.
// Source: Guava's SmoothWarmingUp, as sentinel counts it.
struct warm_up_curve {
  double rate;     // per second
  double warning;
  double most;
  double slope;    // seconds per call and token
  double cold_factor;

  static warm_up_curve of(tenon::rate limit, duration time, std::int32_t cold_factor) noexcept {
    const double per_second = static_cast<double>(limit.count) * 1e9 / static_cast<double>(limit.per.ns);
    const double seconds = static_cast<double>(time.ns) * 1e-9;
    const double cold = (std::max)(cold_factor, 2);
    const double warning = whole(seconds * per_second / (cold - 1));
    const double most = warning + (std::max)(whole(2 * seconds * per_second / (1 + cold)), 1.0);
    return {.rate = per_second, .warning = warning, .most = most, .slope = (cold - 1) / per_second / (most - warning), .cold_factor = cold};
  }
  std::int64_t interval(double stored) const noexcept {
    const double seconds = 1 / rate + (stored > warning ? (stored - warning) * slope : 0);
    return static_cast<std::int64_t>(seconds * 1e9 + 0.5);
  }

 private:
  static double whole(double value) noexcept { return value < 9e15 ? static_cast<double>(static_cast<std::int64_t>(value)) : value; }
};

template <sharing Mode>
class warm_up_state {
 public:
  /// The interval between calls now; looked at again every second.
  std::int64_t interval(tenon::rate limit, duration time, std::int32_t cold_factor, instant now) noexcept {
    const std::int64_t next = next_.load();
    if (now.ns >= next) [[unlikely]] turn(warm_up_curve::of(limit, time, cold_factor), next, now);
    return interval_.load();
  }
  void passed(std::int64_t calls) noexcept { passed_.add(calls); }
  double stored() const noexcept { return stored_.load(); }

 private:
  static constexpr std::int64_t second = 1'000'000'000;

  [[gnu::cold, gnu::noinline]] void turn(const warm_up_curve& curve, std::int64_t next, instant now) noexcept {
    if (!next_.replace_once(next, tenon::detail::saturated_sum(now.ns, second))) return;
    double stored = curve.most;
    if (next != 0) {
      const std::int64_t passed = passed_.load();
      passed_.subtract(passed);
      const double seconds = static_cast<double>(now.ns - next + second) * 1e-9;
      const double before = stored_.load();
      const bool idle = static_cast<double>(passed) / seconds < curve.rate / curve.cold_factor;
      const bool fills = before < curve.warning || (before > curve.warning && idle);
      // Drained first: what passed did so before the pause that fills.
      stored = (std::min)((std::max)(before - static_cast<double>(passed), 0.0) + (fills ? seconds * curve.rate : 0), curve.most);
    }
    stored_.store(stored);
    interval_.store(curve.interval(stored));
  }

  cell<std::int64_t, Mode> next_;
  cell<std::int64_t, Mode> interval_;
  cell<std::int64_t, Mode> passed_;
  cell<double, Mode> stored_;
};

}  // namespace tenon::inline v0::policy::detail
