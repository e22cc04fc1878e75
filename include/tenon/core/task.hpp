// tenon's own coroutine: eager, resumed by symmetric transfer, its frame recycled. Core layer.
// A co_spawn per call halves a server's throughput; this costs about 10 ns (shared figures in tests/bench/README.md).
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <tenon/core/asio.hpp>
#include <tenon/core/frame_cache.hpp>
#include <tenon/core/fwd.hpp>

namespace tenon::inline v0 {
namespace detail {

class promise_base;

// Something a task waits for that must first know the task's home: an asio::awaitable to spawn there, a call on another loop to come back from.
// A task runs before anybody can tell it its home (it is eager), so such a wait starts once the home is known.
struct wants_home {
  void (*start)(wants_home&, asio::io_context&) = nullptr;
};

template <class T>
inline constexpr bool is_asio_awaitable = false;
template <class T>
inline constexpr bool is_asio_awaitable<asio::awaitable<T>> = true;
template <class T>
class asio_awaitable_awaiter;
template <class T>
asio_awaitable_awaiter<T> awaiter_of(asio::awaitable<T>&& awaitable);  // in core/await_asio.hpp
template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

// Stands for an awaiter that is not a temporary: g++ 12 copies an lvalue that comes out of await_transform, and would wait with the copy.
template <class Awaiter>
struct awaiter_reference {
  Awaiter& awaiter;

  decltype(auto) await_ready() { return awaiter.await_ready(); }
  template <class Promise>
  decltype(auto) await_suspend(std::coroutine_handle<Promise> self) {
    return awaiter.await_suspend(self);
  }
  decltype(auto) await_resume() { return awaiter.await_resume(); }
};

// What every task's promise shares whatever it returns.
class promise_base : public from_frame_cache {
 public:
  std::suspend_never initial_suspend() const noexcept { return {}; }

  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      promise_base& promise = self.promise();
      if (promise.continuation_) return promise.continuation_;
      if (promise.finished_ != nullptr) promise.finished_(promise.owner_);
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  final_awaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  asio::io_context* home() const noexcept { return home_; }

  /// Tells this task, and the one it is waiting for, where it lives.
  void set_home(asio::io_context& io) {
    for (promise_base* each = this; each != nullptr; each = each->child_) {
      if (each->home_ != nullptr) return;
      each->home_ = &io;
      if (wants_home* waiting = std::exchange(each->waiting_, nullptr); waiting != nullptr) return waiting->start(*waiting, io);
    }
  }
  /// Starts `what` as soon as the home is known: now, or from `set_home`.
  void when_home(wants_home& what) {
    if (home_ != nullptr) what.start(what, *home_);
    else waiting_ = &what;
  }
  void wait_for_child(promise_base& child, std::coroutine_handle<> self) {
    child.continuation_ = self;
    if (home_ != nullptr) child.set_home(*home_);
    else child_ = &child;
  }
  void child_done() noexcept { child_ = nullptr; }

  /// `finished(owner)` runs when the task ends; it may destroy the task.
  void on_finish(void (*finished)(void*) noexcept, void* owner) noexcept {
    finished_ = finished;
    owner_ = owner;
  }

  // Other layers make their types awaitable here by a member `awaiter_in_task()`; core/await_asio.hpp does asio::awaitable.
  template <class Awaitable>
  decltype(auto) await_transform(Awaitable&& awaitable) {
    using given = std::remove_cvref_t<Awaitable>;
    static_assert(!(std::is_lvalue_reference_v<Awaitable> && (is_task<given> || is_asio_awaitable<given>)),
                  "tenon::task: a coroutine gives its value once; write co_await std::move(it)");
    if constexpr (requires { std::forward<Awaitable>(awaitable).awaiter_in_task(); }) return std::forward<Awaitable>(awaitable).awaiter_in_task();
    else if constexpr (is_asio_awaitable<given>) return awaiter_of(std::move(awaitable));
    else if constexpr (std::is_lvalue_reference_v<Awaitable> && requires { awaitable.await_ready(); }) return awaiter_reference<std::remove_reference_t<Awaitable>>{awaitable};
    else return std::forward<Awaitable>(awaitable);
  }

 protected:
  void rethrow_if_failed() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::coroutine_handle<> continuation_;
  void (*finished_)(void*) noexcept = nullptr;
  void* owner_ = nullptr;
  asio::io_context* home_ = nullptr;
  promise_base* child_ = nullptr;
  wants_home* waiting_ = nullptr;
  std::exception_ptr exception_;
};

template <class T>
class promise : public promise_base {
 public:
  task<T> get_return_object() noexcept;
  template <class U = T>
    requires std::is_convertible_v<U, T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow_if_failed();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class promise<void> : public promise_base {
 public:
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow_if_failed(); }
};

// Owns the task that is awaited: it can end neither before nor after the one that waits for it does.
template <class T>
struct task_awaiter {
  task<T> awaited;
  promise_base* waiter = nullptr;

  bool await_ready() const noexcept { return awaited.done(); }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    static_assert(std::is_base_of_v<promise_base, Promise>,
                  "tenon::task: only another task can co_await it; from an asio::awaitable use co_await tenon::spawn(io, task, asio::use_awaitable)");
    waiter = &self.promise();
    waiter->wait_for_child(awaited.promise(), self);
  }
  T await_resume() {
    if (waiter != nullptr) waiter->child_done();
    return awaited.take();
  }
};

}  // namespace detail

/// A coroutine that starts at once and gives a `T` to whoever awaits it.
///
/// Inside it `co_await` takes tenon calls, other tasks, `asio::awaitable<T>`, and asio operations given the token `tenon::use_task`.
/// A task continues on its home: the loop that serves it, or the io_context given to `spawn`. An exception leaves through the `co_await`.
/// Destroying a task that has not ended destroys its frame, and cancels what it was waiting for.
template <class T>
class [[nodiscard]] task {
  static_assert(std::is_void_v<T> || (std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>),
                "tenon::task<T>: T must be void or a plain object type; a coroutine cannot give a reference");

 public:
  using promise_type = detail::promise<T>;
  using value_type = T;

  task(task&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  /// Whether it has ended; its value can be taken without waiting then. Not of a task that was moved from or awaited.
  bool done() const noexcept { return handle_.done(); }

  /// The value of a task that is done; rethrows what it threw.
  T take() { return handle_.promise().take(); }

  auto operator co_await() && noexcept { return detail::task_awaiter<T>{std::move(*this)}; }

  /// For those who run tasks: the promise, to set a home and a finish.
  promise_type& promise() const noexcept { return handle_.promise(); }

 private:
  friend promise_type;
  explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>{std::coroutine_handle<promise>::from_promise(*this)};
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<promise>::from_promise(*this)};
}

}  // namespace detail
}  // namespace tenon::inline v0
