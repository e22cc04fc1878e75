// A histogram of latencies. For tests/bench only.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

// 64 steps for each power of two of nanoseconds: percentiles are exact to 1.6 %, a count costs two nanoseconds and no memory.
class latencies {
 public:
  void add(std::int64_t nanoseconds) {
    const auto value = static_cast<std::uint64_t>(nanoseconds < 1 ? 1 : nanoseconds);
    const auto shift = value < 64 ? 0U : static_cast<unsigned>(std::bit_width(value)) - 7U;
    ++counts_[shift * 64 + static_cast<std::size_t>(value >> shift)];
    ++total_;
  }

  std::uint64_t total() const { return total_; }

  double microseconds_at(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) {
        // Index i holds the values v with shift s and v >> s == m, where m is 64 to 127 unless s is 0.
        const auto shift = i < 128 ? 0U : static_cast<unsigned>(i / 64 - 1);
        return static_cast<double>((i - std::size_t{shift} * 64) << shift) / 1e3;
      }
    }
    return 0;
  }

 private:
  std::array<std::uint64_t, 64 * 64> counts_{};
  std::uint64_t total_ = 0;
};
