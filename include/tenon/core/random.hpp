// Numbers for jitter and sampling: a counter and a mix, one per loop, the same sequence from the same seed. Core layer.
#pragma once

#include <cstdint>

namespace tenon::inline v0 {

/// A cheap source of uniform numbers. For spreading load, not for secrets. Belongs to one thread.
///
/// Source  splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
class random_source {
 public:
  constexpr random_source() noexcept = default;
  constexpr explicit random_source(std::uint64_t seed) noexcept : state_{seed} {}
  /// One that always gives `value`: for tests that compute what must follow.
  static constexpr random_source constant(std::uint64_t value) noexcept {
    random_source made{value};
    made.step_ = 0;
    return made;
  }

  constexpr std::uint64_t next() noexcept {
    if (step_ == 0) [[unlikely]] return state_;
    state_ += step_;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
  }
  /// Uniform in [0, bound); 0 when `bound` is 0.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<wide>(next()) * bound >> 64);
  }
  /// Uniform in [0, 1).
  constexpr double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_ = 0;
  std::uint64_t step_ = 0x9E3779B97F4A7C15;
};

}  // namespace tenon::inline v0
