// How long things took, in few numbers: log-linear, four steps per power of two. Policy layer.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tenon::inline v0::policy::detail {

// Where a number of nanoseconds is counted: exact below 4, within a quarter above.
inline constexpr std::size_t histogram_size = 256;
constexpr std::size_t histogram_index(std::int64_t value) noexcept {
  if (value < 4) return static_cast<std::size_t>((std::max)(value, std::int64_t{0}));
  const auto number = static_cast<std::uint64_t>(value);
  const auto power = static_cast<unsigned>(std::bit_width(number)) - 1;
  return (power - 1) * std::size_t{4} + (number >> (power - 2) & 3);
}
// The smallest number that is counted there.
constexpr std::int64_t histogram_least(std::size_t index) noexcept {
  if (index < 4) return static_cast<std::int64_t>(index);
  const std::size_t power = index / 4 + 1;
  // Above the last place there is no number any more.
  if (power > 62) return INT64_MAX;
  return static_cast<std::int64_t>((std::uint64_t{4} + index % 4) << (power - 2));
}

// Written by one thread, read by any: a load and a store, and no locked instruction.
class counter {
 public:
  [[gnu::always_inline]] void add(std::uint64_t more = 1) noexcept { value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed); }
  std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace tenon::inline v0::policy::detail
