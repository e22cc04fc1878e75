// The most that was answered in a tenth of a second, and the shortest time it took: their product is what fits in. Policy layer; part of the adaptive limit.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>

namespace tenon::inline v0::policy::detail {

// A hundred buckets of a tenth of a second. The bucket under way is left out, as it is not full yet.
// Source: sentinel and aegis, after TCP BBR.
template <sharing Mode>
class bbr_window {
 public:
  static constexpr std::int64_t width = 100'000'000;
  static constexpr std::int64_t count = 100;

  /// Whether a bucket has ended, so that `fits` may be another.
  [[gnu::always_inline]] bool add(instant now, std::int64_t rtt) noexcept {
    const bool turned = turn_to(now);
    passed_.add(1);
    time_.add(rtt);
    return turned;
  }
  /// Calls that are under way at once when none waits.
  std::int32_t fits() const noexcept { return fits_.load(); }
  duration shortest() const noexcept { return duration{shortest_ms_.load() * 1'000'000}; }

  [[gnu::always_inline]] bool turn_to(instant now) noexcept {
    const std::int64_t ends = ends_.load();
    if (now.ns < ends) [[likely]] return false;
    return turn(ends, now);
  }

 private:
  struct bucket {
    std::int64_t passed = 0;
    std::int64_t mean_ns = 0;
  };

  [[gnu::cold, gnu::noinline]] bool turn(std::int64_t ends, instant now) noexcept {
    if (!busy_.replace_once(0, 1)) return false;
    const std::int64_t number = now.ns / width;
    const bool first = ends_.replace_once(ends, tenon::detail::saturated_sum(number * width, width));
    if (first) close(ends, number);
    busy_.store(0);
    return first;
  }

  void close(std::int64_t ends, std::int64_t number) noexcept {
    const std::int64_t passed = passed_.load();
    const std::int64_t time = time_.load();
    passed_.subtract(passed);
    time_.subtract(time);
    const std::int64_t ended = ends / width - 1;
    for (std::int64_t skipped = (std::max)(ended + 1, number - count + 1); skipped <= number; ++skipped) at(skipped) = {};
    if (ends != 0 && number - ended < count) at(ended) = {passed, passed > 0 ? time / passed : 0};
    std::int64_t most = 1;
    std::int64_t shortest = tenon::detail::most_ns;
    for (const bucket& each : all_) {
      most = (std::max)(most, each.passed);
      if (each.passed > 0) shortest = (std::min)(shortest, each.mean_ns);
    }
    const std::int64_t shortest_ms = shortest == tenon::detail::most_ns ? 1 : (std::max)(shortest / 1'000'000 + (shortest % 1'000'000 != 0 ? 1 : 0), std::int64_t{1});
    shortest_ms_.store(shortest_ms);
    // Ten buckets in a second, a thousand milliseconds in it.
    fits_.store(static_cast<std::int32_t>((std::min)((most * shortest_ms * 10 + 500) / 1000, std::int64_t{0x3fff'ffff})));
  }
  bucket& at(std::int64_t number) noexcept { return all_[static_cast<std::size_t>(number % count)]; }

  cell<std::int64_t, Mode> ends_;
  cell<std::int64_t, Mode> passed_;
  cell<std::int64_t, Mode> time_;
  cell<std::int64_t, Mode> shortest_ms_;
  cell<std::int32_t, Mode> fits_;
  cell<std::int32_t, Mode> busy_;
  std::array<bucket, count> all_{};  // for whoever made it busy
};

}  // namespace tenon::inline v0::policy::detail
