// A call that waits until another call lets it go on: a node in the caller's own memory, and queues of them. Core layer; one thread (one loop).
#pragma once

#include <cstddef>

namespace tenon::inline v0 {

class waiter_queue;

/// One who waits in at most one queue. Lives inside the call it belongs to; leaves by itself when destroyed.
class waiter {
 public:
  /// `resume` is what `wake` does: it must only take note, and let the call go on later; the one who wakes is in the middle of its own work.
  explicit waiter(void (*resume)(waiter& self) noexcept) noexcept : resume_{resume} {}
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;
  ~waiter() { leave(); }

  bool queued() const noexcept { return queue_ != nullptr; }
  inline void leave() noexcept;
  /// Takes the place of `other`, in its queue if it is in one: a node itself cannot move.
  inline void replace(waiter& other) noexcept;
  /// Takes it out of its queue and lets it go on.
  void wake() noexcept {
    leave();
    resume_(*this);
  }

 private:
  friend class waiter_queue;
  waiter* before_ = nullptr;
  waiter* after_ = nullptr;
  waiter_queue* queue_ = nullptr;
  void (*resume_)(waiter&) noexcept;
};

/// Those who wait for the same thing, in order of arrival.
class waiter_queue {
 public:
  waiter_queue() noexcept = default;
  waiter_queue(const waiter_queue&) = delete;
  waiter_queue& operator=(const waiter_queue&) = delete;
  ~waiter_queue() {
    while (first_ != nullptr) remove(*first_);
  }

  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t size() const noexcept { return size_; }
  waiter* first() const noexcept { return first_; }
  waiter* last() const noexcept { return last_; }

  /// Behind all others; `who` waits nowhere yet.
  void append(waiter& who) noexcept {
    who.queue_ = this;
    who.before_ = last_;
    who.after_ = nullptr;
    (last_ == nullptr ? first_ : last_->after_) = &who;
    last_ = &who;
    ++size_;
  }
  void remove(waiter& who) noexcept {
    (who.before_ == nullptr ? first_ : who.before_->after_) = who.after_;
    (who.after_ == nullptr ? last_ : who.after_->before_) = who.before_;
    who.before_ = who.after_ = nullptr;
    who.queue_ = nullptr;
    --size_;
  }
  /// `who` gets the place of `other`, who is in this queue.
  void replace(waiter& other, waiter& who) noexcept {
    who.queue_ = this;
    who.before_ = other.before_;
    who.after_ = other.after_;
    (who.before_ == nullptr ? first_ : who.before_->after_) = &who;
    (who.after_ == nullptr ? last_ : who.after_->before_) = &who;
    other.before_ = other.after_ = nullptr;
    other.queue_ = nullptr;
  }
  /// Lets everyone go on who waits now.
  void wake_all() noexcept {
    for (std::size_t left = size_; left != 0 && first_ != nullptr; --left) first_->wake();
  }

 private:
  waiter* first_ = nullptr;
  waiter* last_ = nullptr;
  std::size_t size_ = 0;
};

inline void waiter::leave() noexcept {
  if (queue_ != nullptr) queue_->remove(*this);
}
inline void waiter::replace(waiter& other) noexcept {
  leave();
  if (other.queue_ != nullptr) other.queue_->replace(other, *this);
}

}  // namespace tenon::inline v0
