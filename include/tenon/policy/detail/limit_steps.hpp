// How an adaptive limit moves: one step per window of samples. Policy layer; arithmetic only, of the adaptive limit.
#pragma once

#include <algorithm>
#include <cstdint>

#include <tenon/core/units.hpp>

namespace tenon::inline v0::policy::detail {

// What one window of answers amounts to.
struct limit_sample {
  double rtt = 0;  // nanoseconds, on average
  std::int32_t in_flight = 0;
  bool dropped = false;
};

constexpr double part(ratio of) noexcept { return static_cast<double>(of.ppm) / 1e6; }

// The mean of the first so many values, and from then on a mean in which a value fades over `window` others.
class fading_mean {
 public:
  constexpr fading_mean(int window, int first) noexcept : window_{window}, first_{first} {}
  double add(double value) noexcept {
    if (count_ < first_) {
      sum_ += value;
      mean_ = sum_ / ++count_;
    } else {
      const double weight = 2.0 / (window_ + 1);
      mean_ = mean_ * (1 - weight) + value * weight;
    }
    return mean_;
  }
  double value() const noexcept { return mean_; }
  void scale(double factor) noexcept { mean_ *= factor; }

 private:
  int window_;
  int first_;
  int count_ = 0;
  double sum_ = 0;
  double mean_ = 0;
};

constexpr double smoothed(double limit, double wanted, ratio smoothing) noexcept { return limit * (1 - part(smoothing)) + wanted * part(smoothing); }

// Less than half of the limit was used: the answers say nothing about it.
constexpr bool unused(double limit, std::int32_t in_flight) noexcept { return in_flight * 2.0 < limit; }

// Source: Netflix concurrency-limits, Gradient2Limit. A drop counts as the steepest gradient.
struct gradient_step {
  fading_mean usual{600, 10};

  double operator()(double limit, const limit_sample& seen, ratio tolerance, std::int32_t queue, ratio smoothing) noexcept {
    const double rtt = (std::max)(seen.rtt, 1.0);
    usual.add(rtt);
    // After a long time under load the usual is too high; it comes down faster than it went up.
    if (usual.value() / rtt > 2) usual.scale(0.95);
    if (seen.dropped) return smoothed(limit, limit * 0.5, smoothing);
    if (unused(limit, seen.in_flight)) return limit;
    const double gradient = (std::max)(0.5, (std::min)(1.0, part(tolerance) * usual.value() / rtt));
    return smoothed(limit, limit * gradient + queue, smoothing);
  }
};

// Source: Netflix concurrency-limits, VegasLimit.
struct vegas_step {
  double unloaded = 0;  // the rtt without a queue, as far as known
  std::int64_t left = 0;  // samples until it is measured anew

  static std::int32_t magnitude(double limit) noexcept {
    std::int32_t digits = 0;
    for (double rest = limit; rest >= 10; rest /= 10) ++digits;
    return (std::max)(digits, 1);
  }
  /// `spread` in [0, 1): so that clients do not measure together.
  double operator()(double limit, const limit_sample& seen, ratio smoothing, double spread) noexcept {
    if (unloaded <= 0 || seen.rtt < unloaded || --left <= 0) {
      if (unloaded <= 0 || left <= 0) left = static_cast<std::int64_t>(30 * limit * (0.5 + spread / 2));
      unloaded = (std::max)(seen.rtt, 1.0);
      return limit;
    }
    const std::int32_t step = magnitude(limit);
    if (seen.dropped) return smoothed(limit, limit - step, smoothing);
    if (unused(limit, seen.in_flight)) return limit;
    const double exact = limit * (1 - unloaded / seen.rtt);
    const auto queue = static_cast<std::int64_t>(exact) + (exact > static_cast<double>(static_cast<std::int64_t>(exact)) ? 1 : 0);
    if (queue <= step) return smoothed(limit, limit + 6 * step, smoothing);
    if (queue < 3 * step) return smoothed(limit, limit + step, smoothing);
    if (queue > 6 * step) return smoothed(limit, limit - step, smoothing);
    return limit;
  }
};

// Source: Netflix concurrency-limits, AIMDLimit.
constexpr double aimd_step(double limit, const limit_sample& seen, ratio backoff, duration timeout) noexcept {
  if (seen.dropped || seen.rtt > static_cast<double>(timeout.ns)) return static_cast<double>(static_cast<std::int64_t>(limit * part(backoff)));
  return unused(limit, seen.in_flight) ? limit : limit + 1;
}

}  // namespace tenon::inline v0::policy::detail
