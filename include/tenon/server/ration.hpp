// What all refused peers of a loop together may take of it in one stretch of time, in turns; who finds none left waits in a line. Server layer.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <tenon/core/post.hpp>
#include <tenon/core/units.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/timer_wheel.hpp>

namespace tenon::inline v0::detail {

/// One who waits for a turn. Lives in what it belongs to; leaves the line by itself when destroyed.
class turn {
 public:
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

  bool in_line() const noexcept { return length_ != nullptr; }
  void leave() noexcept {
    if (!in_line()) return;
    before_->after_ = after_;
    after_->before_ = before_;
    --*length_;
    length_ = nullptr;
  }

 protected:
  turn() noexcept = default;
  ~turn() { leave(); }

 private:
  friend class ration;
  /// Called once, when it has left the line; may ask for another turn, or destroy it.
  virtual void comes() {}

  turn* before_ = this;
  turn* after_ = this;
  std::size_t* length_ = nullptr;  // of the line in which it is
};

/// So many turns in each stretch of time, on one loop's thread.
///
/// Laws    in any two stretches there are at most three times as many turns as in one; those in line have theirs in its order; between one and the next the loop looks for other
///         work, so that who is served waits for one of them and not for all.
class ration {
 public:
  /// One tick of the loop's timers.
  static constexpr duration stretch{net::timer_wheel::tick_ns};

  ration(net::loop& of, unsigned turns) : loop_{of}, turns_{turns}, left_{turns} {}
  ration(const ration&) = delete;
  ration& operator=(const ration&) = delete;
  ~ration() {
    while (length_ != 0) line_.after_->leave();
  }

  std::size_t waiting() const noexcept { return length_; }

  /// True when `who` has its turn now. Otherwise it waits in line, for no turns are left, or others wait already.
  bool take(turn& who) {
    if (length_ == 0) {
      if (const instant now = loop_.now(); now - since_ >= stretch) renew(now);
      if (left_ != 0) return --left_, true;
    }
    who.leave();
    who.before_ = line_.before_;
    who.after_ = &line_;
    line_.before_ = line_.before_->after_ = &who;
    who.length_ = &length_;
    ++length_;
    if (!std::exchange(goes_on_, true)) wait();
    return false;
  }

 private:
  struct head final : turn {};
  struct tick final : net::timer {
    explicit tick(ration& of) noexcept : owner{of} {}
    void expired() override {
      owner.renew(owner.loop_.now());
      owner.next();
    }
    ration& owner;
  };

  void renew(instant now) noexcept {
    since_ = now;
    left_ = turns_;
  }
  void wait() { loop_.arm(tick_, since_ + stretch); }
  void next() {
    // Whoever this was meant for may have left, and another have had its turn.
    if (length_ != 0 && left_ != 0) {
      turn& first = *line_.after_;
      first.leave();
      --left_;
      const std::weak_ptr<ration*> still = self_;
      first.comes();
      if (still.expired()) return;  // it was the last connection of a server that goes
    }
    goes_on_ = length_ != 0;
    if (!goes_on_) return;
    if (left_ == 0) return wait();
    post(loop_.io(), [self = std::weak_ptr<ration*>{self_}] {
      // Not held meanwhile: a turn may be the end of the server, and of this.
      ration* to = nullptr;
      if (const auto still = self.lock()) to = *still;
      if (to != nullptr) to->next();
    });
  }

  net::loop& loop_;
  unsigned turns_;
  unsigned left_;         // in this stretch
  bool goes_on_ = false;  // the next turn is on its way, by the timer or by a post
  instant since_{};       // when the stretch began
  head line_;
  std::size_t length_ = 0;
  tick tick_{*this};
  std::shared_ptr<ration*> self_ = std::make_shared<ration*>(this);
};

}  // namespace tenon::inline v0::detail
