// A coroutine that gives many values, one after the other: what a handler returns that streams its answer. Core layer.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <tenon/core/asio.hpp>
#include <tenon/core/fwd.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/task.hpp>

namespace tenon::inline v0 {
namespace detail {

// Who takes what a stream yields. On the stream's thread.
class yield_taker {
 public:
  /// It stands at a `co_yield`, its item in the promise. True: it may go on at once. The stream is not to be destroyed in here.
  virtual bool yielded() = 0;

 protected:
  ~yield_taker() = default;
};

// What every stream's promise shares. Lazy, unlike a task: nothing runs before somebody is there to take.
class stream_promise_base : public promise_base {
 public:
  std::suspend_always initial_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}

  void give_to(yield_taker& who) noexcept { taker_ = &who; }

  /// Why the stream ends at this `co_yield`; OK when it does not.
  const status& ending() const noexcept { return ending_; }
  bool ends_here() const noexcept { return ends_here_; }
  void rethrow() const { rethrow_if_failed(); }

 protected:
  struct step {
    yield_taker* taker;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<>) const { return !taker->yielded(); }
    void await_resume() const noexcept {}
  };
  step end_with(status why) noexcept {
    ending_ = std::move(why);
    ends_here_ = true;
    return {taker_};
  }

  yield_taker* taker_ = nullptr;
  status ending_;
  bool ends_here_ = false;
};

#if !defined(__clang__) && defined(__GNUC__)
// An item in bare braces: `co_yield {"ACME", 42.5}`.
template <class T>
struct braced {
  template <class... Parts>
    requires requires(Parts&&... parts) { T(std::forward<Parts>(parts)...); }
  braced(Parts&&... parts) : value(std::forward<Parts>(parts)...) {
    static_assert(__GNUC__ > 12 || (... && (std::is_lvalue_reference_v<Parts> || !std::is_aggregate_v<Parts> || std::is_trivially_copyable_v<Parts> || std::is_array_v<Parts>)),
                  "tenon::stream: g++ 12 breaks a struct that is made within co_yield, inside the braces too, and one that is moved looks the same; name the item first: "
                  "ticket t{1, seat{\"A\", 2}}; co_yield t;");
  }
  T value;
};
#endif

template <class T>
class stream_promise final : public stream_promise_base {
 public:
  stream<T> get_return_object() noexcept;

#if defined(__clang__) || !defined(__GNUC__)
  step yield_value(T&& item) { return give(std::move(item)); }
  step yield_value(const T& item) { return give(item); }
#else
  // What is made in bare braces is made by a function here, and not in the coroutine's frame: g++ 12 moves an aggregate that is made there byte by byte, and what points
  // into itself, as a short string does, points to where it was.
  step yield_value(braced<T>&& item) { return give(std::move(item.value)); }
  template <class Given>
    requires std::is_same_v<std::remove_cvref_t<Given>, T>
  step yield_value(Given&& item) {
    static_assert(__GNUC__ > 12 || std::is_lvalue_reference_v<Given> || !std::is_aggregate_v<T> || std::is_trivially_copyable_v<T>,
                  "tenon::stream: g++ 12 breaks a struct that is made within co_yield; write it in bare braces, co_yield {a, b}, or name it first: quote q{a, b}; co_yield q;");
    return give(std::forward<Given>(item));
  }
#endif
  // As templates: an item in bare braces is never one of these.
  template <class Given>
    requires std::is_same_v<std::remove_cvref_t<Given>, result<T>>
  step yield_value(Given&& given) {
    if (!given) return end_with(std::forward<Given>(given).error());
    item_.emplace(*std::forward<Given>(given));
    return {taker_};
  }
  template <class Given>
    requires std::is_same_v<std::remove_cvref_t<Given>, status>
  step yield_value(Given&& why) {
    return end_with(std::forward<Given>(why));
  }

  T& item() noexcept { return *item_; }

 private:
  template <class Given>
  step give(Given&& item) {
    item_.emplace(std::forward<Given>(item));
    return {taker_};
  }

  std::optional<T> item_;
};

template <class T>
class stream_awaiter;

template <class T>
struct next_of_stream {
  std::coroutine_handle<stream_promise<T>> stream;
  stream_awaiter<T> awaiter_in_task() const noexcept { return stream_awaiter<T>{stream}; }
};

}  // namespace detail

/// A coroutine that gives many values of type `T`: `co_yield` one after the other, and end.
///
/// Inside it `co_await` takes whatever a `tenon::task` takes. A `co_yield` waits until the one who reads can take more, so a slow reader slows the stream and no memory
/// fills up. `co_yield` of a `tenon::status`, or of a `result<T>` without a value, ends the stream with that status; so does an exception, with its text.
/// When the reader leaves, be it by cancelling, by its deadline or with its connection, the coroutine is destroyed where it stands: destructors run, nothing after.
///
/// Under g++ 12 an item that is an aggregate is yielded by its name or, where no member is made in braces of its own, in bare braces, `co_yield {"ACME", 42.5}`: a struct that is
/// made within the `co_yield` would be broken, and is refused, as is one that is moved there, which looks the same.
///
/// Shape   a handler's return type, driven by the server. Anybody else reads it in a task: `while (auto item = co_await numbers.next()) ...`, where an exception
///         leaves through the `co_await` and a status is `numbers.status()`.
template <class T>
class [[nodiscard]] stream {
  static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>, "tenon::stream<T>: T must be a plain object type; a stream cannot give references");
  static_assert(!detail::is_result<T> && !std::is_same_v<T, tenon::status>, "tenon::stream<T>: T is a result or a status; write the value's type, and co_yield an error to end the stream with it");

 public:
  using promise_type = detail::stream_promise<T>;
  using value_type = T;

  stream(stream&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
  stream& operator=(stream&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~stream() {
    if (handle_) handle_.destroy();
  }

  /// The next item in a task or another stream; nothing when there are no more.
  [[nodiscard]] detail::next_of_stream<T> next() const noexcept { return {handle_}; }
  /// Why it ended early; OK otherwise.
  const tenon::status& status() const noexcept { return handle_.promise().ending(); }

  /// For those who drive streams.
  promise_type& promise() const noexcept { return handle_.promise(); }
  void resume() const { handle_.resume(); }
  bool done() const noexcept { return handle_.done(); }

 private:
  friend promise_type;
  explicit stream(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
stream<T> stream_promise<T>::get_return_object() noexcept {
  return stream<T>{std::coroutine_handle<stream_promise>::from_promise(*this)};
}

// Reads one item in a task. The stream runs inside the one who waits as long as it does not wait itself: no call is nested in another for each item.
template <class T>
class stream_awaiter final : yield_taker, wants_home {
 public:
  explicit stream_awaiter(std::coroutine_handle<stream_promise<T>> stream) noexcept : stream_{stream} {}
  stream_awaiter(const stream_awaiter&) = delete;
  stream_awaiter& operator=(const stream_awaiter&) = delete;

  bool await_ready() const noexcept { return stream_.done() || stream_.promise().ends_here(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    self_ = self;
    stream_.promise().give_to(*this);
    stream_.promise().on_finish([](void* me) noexcept { static_cast<stream_awaiter*>(me)->arrived(); }, this);
    // Its home is that of the one who waits, known now or later.
    if (asio::io_context* home = self.promise().home(); home != nullptr) {
      stream_.promise().set_home(*home);
    } else if (stream_.promise().home() == nullptr) {
      start = [](wants_home& me, asio::io_context& io) { static_cast<stream_awaiter&>(me).stream_.promise().set_home(io); };
      self.promise().when_home(*this);
    }
    inside_ = true;
    stream_.resume();
    inside_ = false;
    return !there_;
  }
  std::optional<T> await_resume() {
    promise_is_done();
    if (stream_.done() || stream_.promise().ends_here()) return std::nullopt;
    return std::optional<T>{std::move(stream_.promise().item())};
  }

 private:
  void promise_is_done() const {
    if (stream_.done()) stream_.promise().rethrow();
  }
  bool yielded() override {
    arrived();
    return false;
  }
  void arrived() noexcept {
    there_ = true;
    if (!inside_) self_.resume();
  }

  std::coroutine_handle<stream_promise<T>> stream_;
  std::coroutine_handle<> self_;
  bool there_ = false;
  bool inside_ = false;
};

}  // namespace detail
}  // namespace tenon::inline v0
