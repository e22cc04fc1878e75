// All deadlines of a loop in one hierarchical wheel: O(1) to arm and to disarm, no timer per call. Net layer.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <tenon/core/units.hpp>

namespace tenon::inline v0::net {

namespace detail {

// A member of a circular list; a slot of the wheel is the list's head. Taking oneself out needs no head.
struct timer_link {
  timer_link() noexcept : before_{this}, after_{this} {}
  timer_link(const timer_link&) = delete;
  timer_link& operator=(const timer_link&) = delete;

  bool alone() const noexcept { return after_ == this; }
  void unlink() noexcept {
    before_->after_ = after_;
    after_->before_ = before_;
    before_ = after_ = this;
  }
  void append(timer_link& what) noexcept {
    what.before_ = before_;
    what.after_ = this;
    before_->after_ = &what;
    before_ = &what;
  }

  timer_link* before_;
  timer_link* after_;
};

}  // namespace detail

/// Something that happens at an instant unless it is disarmed first. Lives inside what it wakes; disarms itself when destroyed.
class timer : private detail::timer_link {
 public:
  /// Called once, on the loop's thread, after the timer has left the wheel; may arm it again or destroy it.
  virtual void expired() = 0;

  bool armed() const noexcept { return !alone(); }
  void disarm() noexcept { unlink(); }

 protected:
  timer() noexcept = default;
  ~timer() { unlink(); }

 private:
  friend class timer_wheel;
  std::uint64_t tick_ = 0;
};

/// Four levels of 64 slots at one millisecond: 64 ms, 4 s, 4.4 min, 4.7 h; later timers wait in the last level and are placed anew as it turns.
///
/// Laws    a timer never fires before its instant, and fires in the first `advance` that is a tick past it; timers of one tick armed at one level fire in order.
class timer_wheel {
 public:
  static constexpr std::int64_t tick_ns = 1'000'000;

  explicit timer_wheel(instant start) noexcept : origin_{start} {}
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  ~timer_wheel() {
    for (auto& level : slots_) {
      for (auto& slot : level) {
        while (!slot.alone()) slot.after_->unlink();
      }
    }
  }

  /// Arms `what` for `when`, from now on the only instant it has. `never()` disarms.
  void arm(timer& what, instant when) noexcept {
    what.unlink();
    if (when == instant::never()) return;
    // Calls of a batch have the same deadline. A slot that somebody is in has its mark.
    if (when == last_when_ && last_slot_ != nullptr && !last_slot_->alone()) {
      what.tick_ = last_tick_;
      return last_slot_->append(what);
    }
    const std::int64_t distance = (when - origin_).ns;
    const std::uint64_t tick = distance <= 0 ? 0 : static_cast<std::uint64_t>((distance - 1) / tick_ns + 1);
    what.tick_ = (std::max)(tick, now_ + 1);
    last_slot_ = &place(what);
    last_when_ = when;
    last_tick_ = what.tick_;
  }

  /// Fires everything that is due at `now`. A timer may advance the wheel further from within, or throw.
  void advance(instant now) {
    const std::int64_t distance = (now - origin_).ns;
    if (distance < 0) return;
    const std::uint64_t target = static_cast<std::uint64_t>(distance / tick_ns);
    while (now_ < target) {
      last_slot_ = nullptr;
      const std::uint64_t next = next_tick();
      if (next > target) {
        now_ = target;
        return;
      }
      now_ = next;
      bring_down();
      fire();
    }
  }

  /// When `advance` should next be called; `never()` when nothing is armed. May be early, when a level has to be turned.
  instant next() noexcept {
    const std::uint64_t tick = next_tick();
    return tick == none ? instant::never() : origin_ + duration{static_cast<std::int64_t>(tick) * tick_ns};
  }

 private:
  static constexpr unsigned levels = 4;
  static constexpr unsigned digit = 6;
  static constexpr std::uint64_t slots_per_level = 1U << digit;
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  static constexpr std::size_t slot_of(std::uint64_t tick, unsigned level) noexcept { return (tick >> (digit * level)) & (slots_per_level - 1); }

  detail::timer_link& place(timer& what) noexcept {
    // A timer beyond the horizon waits at its edge; turning the last level places it anew.
    const std::uint64_t tick = (std::min)(what.tick_, now_ + (std::uint64_t{1} << (digit * levels)) - 1);
    // Its level is the highest digit in which it differs from now: there it lies ahead in the current turn.
    const std::uint64_t difference = tick ^ now_;
    const unsigned level = difference == 0 ? 0 : (std::min)(levels - 1, static_cast<unsigned>(std::bit_width(difference) - 1) / digit);
    const std::size_t slot = slot_of(tick, level);
    slots_[level][slot].append(what);
    occupied_[level] |= std::uint64_t{1} << slot;
    return slots_[level][slot];
  }

  // The first tick at which a slot falls due or has to be brought down. Clears marks of slots that emptied by disarming.
  std::uint64_t next_tick() noexcept {
    std::uint64_t best = none;
    for (unsigned level = 0; level < levels; ++level) {
      const std::size_t here = slot_of(now_, level);
      const std::uint64_t unit = std::uint64_t{1} << (digit * level);
      const std::uint64_t turn = now_ & ~(unit * slots_per_level - 1);
      while (occupied_[level] != 0) {
        const std::uint64_t ahead = here + 1 < slots_per_level ? occupied_[level] & (~std::uint64_t{0} << (here + 1)) : 0;
        const auto slot = static_cast<std::size_t>(std::countr_zero(ahead != 0 ? ahead : occupied_[level]));
        if (slots_[level][slot].alone()) {
          occupied_[level] &= ~(std::uint64_t{1} << slot);
          continue;
        }
        best = (std::min)(best, turn + slot * unit + (slot <= here ? unit * slots_per_level : 0));
        break;
      }
    }
    return best;
  }

  // Spreads the higher slots that begin at this tick over the levels below.
  void bring_down() noexcept {
    for (unsigned level = levels - 1; level > 0; --level) {
      if ((now_ & ((std::uint64_t{1} << (digit * level)) - 1)) != 0) continue;
      detail::timer_link moved;
      splice(slots_[level][slot_of(now_, level)], moved);
      while (!moved.alone()) {
        timer& each = static_cast<timer&>(*moved.after_);
        each.unlink();
        place(each);
      }
    }
  }

  // What is left when a timer throws waits for the next tick.
  struct due_timers {
    explicit due_timers(timer_wheel& from) noexcept : wheel{from} { splice(from.slots_[0][slot_of(from.now_, 0)], head); }
    due_timers(const due_timers&) = delete;
    due_timers& operator=(const due_timers&) = delete;
    ~due_timers() {
      while (!head.alone()) {
        timer& each = take();
        each.tick_ = wheel.now_ + 1;
        wheel.place(each);
      }
    }
    timer& take() noexcept {
      timer& each = static_cast<timer&>(*head.after_);
      each.unlink();
      return each;
    }
    timer_wheel& wheel;
    detail::timer_link head;
  };

  void fire() {
    due_timers due{*this};
    while (!due.head.alone()) due.take().expired();
  }

  static void splice(detail::timer_link& from, detail::timer_link& to) noexcept {
    if (from.alone()) return;
    to.after_ = from.after_;
    to.before_ = from.before_;
    to.after_->before_ = &to;
    to.before_->after_ = &to;
    from.before_ = from.after_ = &from;
  }

  instant origin_;
  std::uint64_t now_ = 0;
  // Where the last timer was put, until the wheel turns.
  instant last_when_{};
  std::uint64_t last_tick_ = 0;
  detail::timer_link* last_slot_ = nullptr;
  std::array<std::uint64_t, levels> occupied_{};
  std::array<std::array<detail::timer_link, slots_per_level>, levels> slots_;
};

}  // namespace tenon::inline v0::net
