// What all refused peers of a loop together may take of it in one stretch of time, in turns. Server layer.
#pragma once

#include <tenon/core/units.hpp>

namespace tenon::inline v0::detail {

/// Deals out turns in a line that is only an instant: who asks is told when its turn is, and waits for that by a timer of its own.
///
/// Laws    within any time t there are at most `turns` * (t / `stretch` + 2), in the order in which they were asked for; who would wait longer than `longest` has its turn
///         at once, outside the line.
/// Model   ration closings{4, 250_ms};  if (const instant mine = closings.turn(now); mine > now) wheel.arm(timer, mine);
class ration {
 public:
  /// One tick of the loop's timers: those whose turns fall into it have them together, and nothing in between.
  static constexpr duration stretch{1'000'000};

  constexpr ration(unsigned turns, duration longest) noexcept : each_{stretch / turns}, longest_{longest} {}

  /// When the next turn is, which is taken with that; not later than `now` when it may be had at once.
  constexpr instant turn(instant now) noexcept {
    if (end_ < now) end_ = now;
    const instant mine = end_;
    if (mine - now > longest_) return now;
    end_ = mine + each_;
    return mine - now < stretch ? now : mine;
  }

 private:
  duration each_;
  duration longest_;
  instant end_{};  // of the line
};

}  // namespace tenon::inline v0::detail
