// What happened lately, in a fixed piece of memory: over a length of time, or over a number of calls. Policy layer; breaker and throttle count in these.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>

namespace tenon::inline v0::policy::detail {

// Calls, those of them that were marked, and those that were noted; what that means is the policy's business.
struct window_counts {
  std::uint64_t total = 0;
  std::uint64_t marked = 0;
  std::uint64_t noted = 0;
};

// Buckets of equal width that begin at multiples of it. Adding is one comparison and one addition; whoever crosses the edge of a bucket tidies up.
// Shared, that is one thread; what the others add meanwhile may be counted in the bucket before, or be lost when the window is as old as it is long.
template <std::size_t MostBuckets, sharing Mode>
class time_window {
 public:
  /// `weight` is `one_call`, `one_mark`, or their sum.
  static constexpr std::uint64_t one_call = 1;
  static constexpr std::uint64_t one_mark = std::uint64_t{1} << 32;

  [[gnu::always_inline]] void add(instant now, duration length, std::int32_t buckets, std::uint64_t weight) noexcept {
    turn_to(now, length, buckets);
    buckets_[current_.load()].calls.add(weight);
  }
  void note(instant now, duration length, std::int32_t buckets) noexcept {
    turn_to(now, length, buckets);
    buckets_[current_.load()].noted.add(1);
  }

  /// Everything that is at most `length` old, the bucket under way included.
  window_counts sum(instant now, duration length, std::int32_t buckets) noexcept { return sum_then_add(now, length, buckets, 0); }
  /// The same, and adds after that.
  [[gnu::always_inline]] window_counts sum_then_add(instant now, duration length, std::int32_t buckets, std::uint64_t weight) noexcept {
    turn_to(now, length, buckets);
    bucket& last = buckets_[current_.load()];
    const std::uint64_t calls = last.calls.add(weight);
    return {.total = past_total_.load() + (calls & low_half), .marked = past_marked_.load() + (calls >> 32), .noted = past_noted_.load() + last.noted.load()};
  }

  /// What `sum` says of those that are noted, as of the last time that anything was added or asked.
  std::uint64_t noted() const noexcept { return past_noted_.load() + buckets_[current_.load()].noted.load(); }

  void clear() noexcept {
    for (bucket& each : buckets_) each.clear();
    past_total_.store(0);
    past_marked_.store(0);
    past_noted_.store(0);
  }

 private:
  static constexpr std::uint64_t low_half = 0xffff'ffff;
  struct bucket {
    cell<std::uint64_t, Mode> calls;  // total, and from bit 32 on those that are marked
    cell<std::uint32_t, Mode> noted;
    void clear() noexcept {
      calls.store(0);
      noted.store(0);
    }
  };

  [[gnu::always_inline]] void turn_to(instant now, duration length, std::int32_t buckets) noexcept {
    if (now.ns >= ends_.load()) [[unlikely]] turn(now, length, buckets);
  }

  // A new bucket begins: what is too old goes, and the rest is added up.
  [[gnu::cold, gnu::noinline]] void turn(instant now, duration length, std::int32_t buckets) noexcept {
    const auto count = static_cast<std::int64_t>((std::clamp)(buckets, 1, static_cast<std::int32_t>(MostBuckets)));
    const std::int64_t width = (std::max)(length.ns / count, std::int64_t{1});
    std::int64_t ended = ends_.load();
    const std::int64_t number = now.ns / width;
    const std::int64_t ends = tenon::detail::saturated_sum(number * width, width);
    if (now.ns < ended || !ends_.replace_once(ended, ends)) return;
    // Another length or number of buckets: nothing that was counted fits any more.
    const std::int64_t passed = width != width_.load() || count != count_.load() ? count : (std::min)((ends - ended) / width, count);
    width_.store(width);
    count_.store(static_cast<std::int32_t>(count));
    for (std::int64_t back = 0; back < passed; ++back) buckets_[static_cast<std::size_t>((number - back + count) % count)].clear();
    window_counts past{};
    for (std::int64_t back = 1; back < count; ++back) {
      const bucket& each = buckets_[static_cast<std::size_t>((number - back + count) % count)];
      const std::uint64_t calls = each.calls.load();
      past.total += calls & low_half;
      past.marked += calls >> 32;
      past.noted += each.noted.load();
    }
    past_total_.store(past.total);
    past_marked_.store(past.marked);
    past_noted_.store(past.noted);
    current_.store(static_cast<std::uint32_t>(number % count));
  }

  std::array<bucket, MostBuckets> buckets_{};
  cell<std::int64_t, Mode> ends_;  // when the bucket under way is full; whoever replaces this turns to the next
  cell<std::int64_t, Mode> width_;
  cell<std::int32_t, Mode> count_;
  cell<std::uint32_t, Mode> current_;
  // What the other buckets hold, added up when the bucket under way began.
  cell<std::uint64_t, Mode> past_total_;
  cell<std::uint64_t, Mode> past_marked_;
  cell<std::uint64_t, Mode> past_noted_;
};

// The last so many calls, two bits each, and their sums.
template <std::size_t MostCalls, sharing Mode>
class call_window {
 public:
  void add(std::int32_t length, bool marked, bool noted) noexcept {
    const auto size = static_cast<std::uint64_t>((std::clamp)(length, 1, static_cast<std::int32_t>(MostCalls)));
    if (size != size_.load()) [[unlikely]] {
      clear();
      size_.store(size);
    }
    const std::uint64_t place = seen_.add(1) % size;
    marked_.mark(place, marked);
    noted_.mark(place, noted);
  }
  window_counts sum() const noexcept { return {.total = (std::min)(seen_.load(), size_.load()), .marked = marked_.sum(), .noted = noted_.sum()}; }
  void clear() noexcept {
    seen_.store(0);
    marked_.clear();
    noted_.clear();
  }

 private:
  class marks {
   public:
    void mark(std::uint64_t place, bool on) noexcept {
      const std::uint64_t mask = std::uint64_t{1} << (place % 64);
      const bool was = (bits_[place / 64].set_bits(mask, on) & mask) != 0;
      if (was != on) sum_.add(on ? 1 : -1);
    }
    // Another thread may clear between the two halves of `mark`.
    std::uint64_t sum() const noexcept { return static_cast<std::uint64_t>((std::max)(sum_.load(), std::int64_t{0})); }
    void clear() noexcept {
      for (auto& each : bits_) each.store(0);
      sum_.store(0);
    }

   private:
    std::array<cell<std::uint64_t, Mode>, MostCalls / 64> bits_{};
    cell<std::int64_t, Mode> sum_;
  };

  cell<std::uint64_t, Mode> seen_;
  cell<std::uint64_t, Mode> size_;
  marks marked_;
  marks noted_;
};

}  // namespace tenon::inline v0::policy::detail
