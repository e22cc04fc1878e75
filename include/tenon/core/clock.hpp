// Where time comes from: a concept, the steady clock of the machine, and a clock that tests turn by hand. Core layer.
#pragma once

#include <chrono>
#include <concepts>

#include <tenon/core/units.hpp>

namespace tenon::inline v0 {

/// A source of monotonic time.
///
/// Laws    `now()` never fails and never goes backwards as seen by one thread.
/// Model   struct steady_clock { instant now() const noexcept; };
template <class T>
concept clock = requires(const T& source) {
  { source.now() } noexcept -> std::same_as<instant>;
};

/// The machine's monotonic clock.
struct steady_clock {
  instant now() const noexcept {
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()};
  }
};

/// Told when a manual clock has moved; a loop fires its due deadlines then. Unlinks itself when destroyed.
class clock_watcher {
 public:
  clock_watcher() noexcept = default;
  clock_watcher(const clock_watcher&) = delete;
  clock_watcher& operator=(const clock_watcher&) = delete;
  virtual void clock_moved() = 0;

 protected:
  ~clock_watcher() { unlink(); }

 private:
  friend class manual_clock;
  void unlink() noexcept {
    if (previous_ != nullptr) *previous_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    previous_ = nullptr;
    next_ = nullptr;
  }
  clock_watcher** previous_ = nullptr;
  clock_watcher* next_ = nullptr;
};

/// A clock that stands still until it is told to move: what tests and simulations run on. One thread.
class manual_clock {
 public:
  manual_clock() noexcept = default;
  explicit manual_clock(instant start) noexcept : now_{start} {}
  manual_clock(const manual_clock&) = delete;
  manual_clock& operator=(const manual_clock&) = delete;
  ~manual_clock() {
    while (first_ != nullptr) first_->unlink();
    while (pending_ != nullptr) pending_->unlink();
  }

  instant now() const noexcept { return now_; }

  /// Moves time forward, then tells every watcher. A watcher may move the clock again, watch, stop watching, or throw.
  void advance(duration step) { advance_to(now_ + step); }
  void advance_to(instant when) {
    if (when > now_) now_ = when;
    // The watchers yet to be told hang on `pending_`: one that is destroyed meanwhile unlinks itself from there, and an `advance` from within a watcher,
    // or one after a watcher that threw, finds the rest there.
    while (first_ != nullptr) link(pending_, *first_);
    while (pending_ != nullptr) {
      clock_watcher& next = *pending_;
      watch(next);
      next.clock_moved();
    }
  }

  void watch(clock_watcher& watcher) noexcept { link(first_, watcher); }

 private:
  static void link(clock_watcher*& list, clock_watcher& watcher) noexcept {
    watcher.unlink();
    watcher.next_ = list;
    watcher.previous_ = &list;
    if (list != nullptr) list->previous_ = &watcher.next_;
    list = &watcher;
  }

  instant now_{1};
  clock_watcher* first_ = nullptr;
  clock_watcher* pending_ = nullptr;
};

/// Any clock, held by reference: one pointer and one function, read once per batch.
class clock_ref {
 public:
  template <clock Source>
  clock_ref(const Source& source) noexcept
      : source_{&source}, now_{[](const void* self) noexcept { return static_cast<const Source*>(self)->now(); }} {}
  instant now() const noexcept { return now_(source_); }

 private:
  const void* source_;
  instant (*now_)(const void*) noexcept;
};

}  // namespace tenon::inline v0
