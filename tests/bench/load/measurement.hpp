// What is measured, when, and the line that every load generator here prints. For tests/bench only.
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>

#include "arguments.hpp"
#include "latencies.hpp"

inline std::int64_t nanoseconds_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A warm-up of `warm_up=` seconds, then `seconds=` in which answers count.
class measurement {
 public:
  explicit measurement(const arguments& given) : seconds_{given.real("seconds", 1)}, warm_up_{given.real("warm_up", 0.3)}, lingers_{given.number("linger", 0) != 0} {}

  void begin(std::int64_t now) {
    begins_ = now + static_cast<std::int64_t>(warm_up_ * 1e9);
    ends_ = begins_ + static_cast<std::int64_t>(seconds_ * 1e9);
  }
  std::int64_t ends() const { return ends_; }

  /// Closed loop: counts an answer that came at `now`. False when the time is over.
  bool count(std::int64_t started, std::int64_t now) {
    if (now >= ends_) return false;
    if (now >= begins_) found_.add(now - started);
    return true;
  }
  /// Open loop: a call counts by when it was due, however late its answer is.
  void count_due(std::int64_t due, std::int64_t now) {
    if (due >= begins_) found_.add(now - due);
  }
  /// Things that come many at a time: items of a stream.
  void add_items(std::size_t count, std::int64_t now) {
    if (now >= begins_ && now < ends_) items_ += count;
  }

  /// Prints what was found, and with `linger=1` stays until standard input ends, its connections open and idle.
  int finish(bool failed = false) const {
    if (failed) return 1;
    const double count = static_cast<double>(items_ != 0 ? items_ : found_.total());
    std::printf("calls_per_second=%.0f p50_us=%.1f p99_us=%.1f p999_us=%.1f\n", count / seconds_, found_.microseconds_at(0.50), found_.microseconds_at(0.99),
                found_.microseconds_at(0.999));
    std::fflush(stdout);
    while (lingers_ && std::getchar() != EOF) {
    }
    return 0;
  }

 private:
  double seconds_;
  double warm_up_;
  bool lingers_;
  std::int64_t begins_ = 0;
  std::int64_t ends_ = 0;
  std::uint64_t items_ = 0;
  latencies found_;
};

/// When calls are due in an open loop of `rate=` calls per second: at random like the calls of many independent callers, the same in every run.
///
/// Nothing here waits for an answer. What a stalled server makes others wait counts for each of them, which a closed loop omits.
class arrivals {
 public:
  explicit arrivals(double per_second) : between_{per_second / 1e9} {}

  void begin(std::int64_t now) { due_ = static_cast<double>(now); }
  std::int64_t due() const { return static_cast<std::int64_t>(due_); }
  void next() { due_ += between_(random_); }

 private:
  std::minstd_rand random_{1};
  std::exponential_distribution<double> between_;
  double due_ = 0;
};

/// How long an open loop waits at its end for what has not been answered.
inline constexpr std::int64_t patience = 2'000'000'000;
