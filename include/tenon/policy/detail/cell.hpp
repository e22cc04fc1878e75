// A number of a policy's state: plain for one loop, atomic for many. One text of a policy serves both. Policy layer.
#pragma once

#include <atomic>
#include <type_traits>
#include <utility>

#include <tenon/policy/concept.hpp>

namespace tenon::inline v0::policy::detail {

template <class T, sharing Mode>
class cell {
  static constexpr bool shared = Mode == sharing::shared;

 public:
  constexpr cell() noexcept = default;
  constexpr explicit cell(T value) noexcept : value_{value} {}

  [[gnu::always_inline]] T load() const noexcept {
    if constexpr (shared) return value_.load(std::memory_order_acquire);
    else return value_;
  }
  [[gnu::always_inline]] void store(T value) noexcept {
    if constexpr (shared) value_.store(value, std::memory_order_release);
    else value_ = value;
  }
  /// Adds, and returns what was there before. Orders nothing else: for counters.
  [[gnu::always_inline]] T add(T value) noexcept {
    if constexpr (shared) return value_.fetch_add(value, std::memory_order_relaxed);
    else return std::exchange(value_, static_cast<T>(value_ + value));
  }
  [[gnu::always_inline]] T subtract(T value) noexcept {
    if constexpr (shared) return value_.fetch_sub(value, std::memory_order_relaxed);
    else return std::exchange(value_, static_cast<T>(value_ - value));
  }
  /// Turns the bits of `mask` on or off, and returns what was there before.
  T set_bits(T mask, bool on) noexcept {
    if constexpr (shared) return on ? value_.fetch_or(mask, std::memory_order_relaxed) : value_.fetch_and(static_cast<T>(~mask), std::memory_order_relaxed);
    else return std::exchange(value_, static_cast<T>(on ? value_ | mask : value_ & ~mask));
  }
  /// Stores `wanted` when `expected` is still there, and otherwise says in `expected` what is. May fail for no reason: for loops.
  [[gnu::always_inline]] bool replace(T& expected, T wanted) noexcept {
    if constexpr (shared) {
      return value_.compare_exchange_weak(expected, wanted, std::memory_order_acq_rel, std::memory_order_acquire);
    } else {
      const bool same = value_ == expected;
      if (same) value_ = wanted;
      else expected = value_;
      return same;
    }
  }
  /// The same, once, and it fails only when something else is there.
  bool replace_once(T expected, T wanted) noexcept {
    if constexpr (shared) return value_.compare_exchange_strong(expected, wanted, std::memory_order_acq_rel, std::memory_order_acquire);
    else return replace(expected, wanted);
  }

 private:
  std::conditional_t<shared, std::atomic<T>, T> value_{};
};

}  // namespace tenon::inline v0::policy::detail
