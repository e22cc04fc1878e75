// What a handler takes when its caller sends it a stream: items, one after the other, until the caller has no more. Core layer.
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include <tenon/core/fwd.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0 {
namespace detail {

template <class T>
class source_wait;

// Where a source's items come from: whoever drives the handler. On the handler's loop.
template <class T>
class item_feed {
 public:
  /// Whether `take` has something to say: an item, or that there are no more.
  virtual bool ready() const noexcept = 0;
  virtual std::optional<T> take() = 0;
  virtual const status& how_it_ended() const noexcept = 0;
  virtual bool has_ended() const noexcept = 0;

  /// Lets the one go on who waits, if anybody does; it may end the handler, and whatever the handler belongs to.
  void wake() {
    if (source_wait<T>* one = std::exchange(waiting_, nullptr); one != nullptr) one->go_on();
  }

 protected:
  ~item_feed() = default;

 private:
  friend class source_wait<T>;
  source_wait<T>* waiting_ = nullptr;
};

// Waits for the next item in a coroutine of tenon.
template <class T>
class source_wait {
 public:
  explicit source_wait(item_feed<T>& from) noexcept : feed_{from} {}
  source_wait(const source_wait&) = delete;
  source_wait& operator=(const source_wait&) = delete;
  ~source_wait() {
    if (feed_.waiting_ == this) feed_.waiting_ = nullptr;
  }

  bool await_ready() const noexcept { return feed_.ready(); }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    self_ = self;
    feed_.waiting_ = this;
  }
  std::optional<T> await_resume() { return feed_.take(); }

 private:
  friend class item_feed<T>;
  void go_on() { self_.resume(); }

  item_feed<T>& feed_;
  std::coroutine_handle<> self_;
};

// What `next` gives: a step further than the awaiter, which stays where it is made.
template <class T>
struct next_of_source {
  item_feed<T>& feed;
  source_wait<T> awaiter_in_task() const noexcept { return source_wait<T>{feed}; }
};

}  // namespace detail

/// The items that a caller streams to a handler: the handler's only parameter, aside from a leading `tenon::context&`.
///
/// Shape   `while (auto item = co_await from.next()) ...` in a `tenon::task` or a `tenon::stream`; afterwards `from.status()` says whether the caller said that it
///         was done (OK) or left (cancelled, deadline_exceeded, or why an item could not be read). A handler may answer before it has read everything.
///         Taking an item tells the caller that it may send more: what is not taken holds it back.
template <class T>
class source {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>, "tenon::source<T>: T must be a plain object type");

 public:
  using value_type = T;

  /// For those who drive handlers.
  explicit source(detail::item_feed<T>& from) noexcept : feed_{&from} {}

  /// The next item; nothing when there are no more. Awaited by one at a time.
  [[nodiscard]] detail::next_of_source<T> next() const noexcept { return {*feed_}; }
  /// Whether everything has been taken, and nothing more will come.
  bool ended() const noexcept { return feed_->has_ended(); }
  /// How it ended; OK before that.
  const tenon::status& status() const noexcept { return feed_->how_it_ended(); }

 private:
  detail::item_feed<T>* feed_;
};

}  // namespace tenon::inline v0
