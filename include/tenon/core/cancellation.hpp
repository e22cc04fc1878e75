// Asking running work to stop: requested at most once, heard by everyone who listens. Core layer; one thread (one loop).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace tenon::inline v0 {

/// A request to stop that reaches whoever listens: a nested call, a sleeping timer, a handler that polls.
///
/// Belongs to one loop and is used on that loop's thread only, unless it was shared: see `share`.
class cancellation {
 public:
  /// One who wants to be told. Leaves by itself when destroyed.
  class listener {
   public:
    listener() noexcept = default;
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    /// Called once, on the loop's thread, after the listener has been taken off the list.
    virtual void cancelled() = 0;
    void leave() noexcept {
      if (previous_ != nullptr) *previous_ = next_;
      if (next_ != nullptr) next_->previous_ = previous_;
      previous_ = nullptr;
      next_ = nullptr;
    }

   protected:
    ~listener() { leave(); }

   private:
    friend class cancellation;
    listener** previous_ = nullptr;
    listener* next_ = nullptr;
  };

  /// A listener that belongs to the cancellation: it goes with it, or some time after nobody needs it any more.
  class follower : public listener {
   public:
    virtual ~follower() = default;
    /// Whether telling it would change nothing any more; asked on the loop's thread.
    virtual bool finished() const noexcept = 0;

   private:
    friend class cancellation;
    follower* next_kept_ = nullptr;
  };

  cancellation() noexcept = default;
  cancellation(const cancellation&) = delete;
  cancellation& operator=(const cancellation&) = delete;
  ~cancellation() {
    if (kept_ != nullptr) [[unlikely]] drop_followers(true);
  }

  /// Whether it was; from any thread.
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

  /// From now on one other thread may add followers while the loop's requests; before that thread knows of it. Listeners that are no followers stay the loop's.
  void share() noexcept { shared_ = true; }

  /// Tells every listener, once. Later requests change nothing. A listener may destroy the cancellation: the others are told all the same.
  void request() {
    if (!begin_request()) return;
    // From here on the listeners hang on this stack frame, not on the cancellation.
    list telling;
    if (list_.first != nullptr) {
      telling.first = std::exchange(list_.first, nullptr);
      telling.first->previous_ = &telling.first;
    }
    while (telling.first != nullptr) {
      listener* told = telling.first;
      told->leave();
      told->cancelled();
    }
  }

  /// Adds `who`; tells it at once when the request was made already.
  void listen(listener& who) {
    who.leave();
    if (requested()) return who.cancelled();
    who.next_ = list_.first;
    who.previous_ = &list_.first;
    if (list_.first != nullptr) list_.first->previous_ = &who.next_;
    list_.first = &who;
  }

  /// Adds `who`, and keeps it.
  void listen(std::unique_ptr<follower> who) {
    follower& added = *who;
    const holding alone{*this};
    // Who is late is told by its own thread; the lists are the requester's then.
    if (shared_ && requested()) return added.cancelled();
    // Every so often those that are finished are thrown out: work that starts many others, one after the other, does not gather their followers.
    if (kept_count_ >= keep_at_most_) {
      drop_followers(false);
      keep_at_most_ = (std::max)(keep_at_most_, kept_count_ * 2);
    }
    added.next_kept_ = std::exchange(kept_, who.release());
    ++kept_count_;
    listen(added);
  }

 private:
  // The few steps in which two threads of a shared one must not meet.
  struct holding {
    explicit holding(cancellation& which) noexcept : of{which.shared_ ? &which : nullptr} {
      while (of != nullptr && of->busy_.test_and_set(std::memory_order_acquire)) of->busy_.wait(true, std::memory_order_relaxed);
    }
    holding(const holding&) = delete;
    holding& operator=(const holding&) = delete;
    ~holding() {
      if (of == nullptr) return;
      of->busy_.clear(std::memory_order_release);
      of->busy_.notify_one();
    }
    cancellation* of;
  };
  // Only the loop's thread writes, so that no exchange is needed.
  bool begin_request() noexcept {
    const holding alone{*this};
    const bool first = !requested();
    requested_.store(true, std::memory_order_relaxed);
    return first;
  }

  [[gnu::cold]] void drop_followers(bool all) noexcept {
    follower** place = &kept_;
    while (*place != nullptr) {
      follower* each = *place;
      if (!all && !each->finished()) {
        place = &each->next_kept_;
        continue;
      }
      *place = each->next_kept_;
      --kept_count_;
      delete each;
    }
  }

  // Lets go of its members when it goes, be it with the cancellation or by an exception of a listener.
  struct list {
    listener* first = nullptr;
    list() noexcept = default;
    list(const list&) = delete;
    list& operator=(const list&) = delete;
    ~list() {
      while (first != nullptr) first->leave();
    }
  };

  list list_;
  follower* kept_ = nullptr;
  std::uint32_t kept_count_ = 0;
  std::uint32_t keep_at_most_ = 16;
  std::atomic<bool> requested_ = false;
  bool shared_ = false;
  std::atomic_flag busy_;
};

}  // namespace tenon::inline v0
