// How long the calls of one method took lately, and what so many of them did not exceed. Policy layer; one loop.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <tenon/core/units.hpp>
#include <tenon/policy/detail/histogram.hpp>

namespace tenon::inline v0::policy::detail {

// Counts that are halved as they grow: an old call weighs half of one that came a thousand calls later.
class recent_times {
 public:
  void add(duration took) noexcept {
    ++counts_[histogram_index(took.ns)];
    ++age_;
    if (++total_ < largest) return;
    total_ = 0;
    for (std::uint16_t& each : counts_) total_ += each = static_cast<std::uint16_t>(each / 2);
  }

  /// Whether there have been so many.
  bool known(std::int32_t least) const noexcept { return total_ >= static_cast<std::uint32_t>((std::min)(least, std::int32_t{largest / 4})); }

  /// What all but `rest` of them did not exceed, at most a quarter too long; looked up anew every now and then only.
  duration all_but(ratio rest) noexcept {
    if (rest != asked_ || age_ >= stale) {
      asked_ = rest;
      age_ = 0;
      found_ = look(rest);
    }
    return found_;
  }

 private:
  static constexpr std::int32_t largest = 2048;
  static constexpr std::uint32_t stale = 32;

  duration look(ratio rest) const noexcept {
    const std::uint64_t above = std::uint64_t{total_} * static_cast<std::uint64_t>(std::clamp(rest.ppm, 0, 1'000'000)) / 1'000'000;
    std::uint64_t sum = 0;
    for (std::size_t i = counts_.size(); i-- > 0;) {
      sum += counts_[i];
      if (sum > above) return duration{i + 1 == counts_.size() ? histogram_least(i) : histogram_least(i + 1) - 1};
    }
    return {};
  }

  std::array<std::uint16_t, histogram_size> counts_{};
  std::uint32_t total_ = 0;
  std::uint32_t age_ = stale;  // since it was looked up
  ratio asked_{-1};
  duration found_{};
};

}  // namespace tenon::inline v0::policy::detail
