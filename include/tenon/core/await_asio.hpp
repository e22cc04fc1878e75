// What joins tenon::task and asio: awaiting an asio::awaitable or an asio operation inside a task, and spawning a task on an io_context. Core layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>

namespace tenon::inline v0 {

/// A system's or asio's error as a status: aborted operations are `cancelled`, timeouts `deadline_exceeded`, everything else `unavailable`.
inline status to_status(const std::error_code& error, std::string_view attempted) {
  if (!error) return {};
  code why = code::unavailable;
  if (error == std::errc::operation_canceled) why = code::cancelled;
  else if (error == std::errc::timed_out) why = code::deadline_exceeded;
  return status{why, error.message()}.prefixed(attempted);
}

namespace detail {

// One operation under way for a suspended task. Shared with the operation's handler: whoever of the two goes last frees it.
template <class Value>
struct operation_state : from_frame_cache {
  std::coroutine_handle<> waiter;
  asio::cancellation_signal cancel;
  std::exception_ptr failure;
  std::optional<Value> value;
  bool started = false;
  bool finished = false;
  bool abandoned = false;
};

// The task's side: destroys itself together with the frame, and cancels what is still running then.
template <class Value>
class operation_owner {
 public:
  operation_owner() : state_{new operation_state<Value>} {}
  operation_owner(operation_owner&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  operation_owner& operator=(operation_owner&&) = delete;
  ~operation_owner() {
    if (state_ == nullptr) return;
    if (!state_->started || state_->finished) {
      delete state_;
      return;
    }
    state_->abandoned = true;
    cancel_everything(state_->cancel);
  }
  operation_state<Value>* operator->() const noexcept { return state_; }
  operation_state<Value>* get() const noexcept { return state_; }

 private:
  operation_state<Value>* state_;
};

// The operation's side: called or dropped exactly once.
template <class Value>
class operation_handler {
 public:
  using cancellation_slot_type = asio::cancellation_slot;

  explicit operation_handler(operation_state<Value>* state) noexcept : state_{state} { state_->started = true; }
  operation_handler(operation_handler&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  operation_handler& operator=(operation_handler&&) = delete;
  ~operation_handler() {
    // Dropped without being called: the io_context is going away, and the task with it.
    if (state_ != nullptr) finish(nullptr);
  }

  cancellation_slot_type get_cancellation_slot() const noexcept { return state_->cancel.slot(); }

  template <class... Results>
  void operator()(Results&&... results) {
    operation_state<Value>* state = std::exchange(state_, nullptr);
    if (!state->abandoned) assign(*state, std::forward<Results>(results)...);
    finish_and_resume(state);
  }

 private:
  static void assign(operation_state<Value>& state) { state.value.emplace(); }
  template <class... Rest>
  static void assign(operation_state<Value>& state, const std::error_code& error, Rest&&... rest) {
    if (error) state.value.emplace(to_status(error, "asio operation"));
    else state.value.emplace(std::forward<Rest>(rest)...);
  }
  template <class... Rest>
  static void assign(operation_state<Value>& state, std::exception_ptr failure, Rest&&... rest) {
    state.failure = std::move(failure);
    if (!state.failure) state.value.emplace(std::forward<Rest>(rest)...);
  }
  template <class First, class... Rest>
    requires(!std::is_convertible_v<First, std::error_code> && !std::is_convertible_v<First, std::exception_ptr>)
  static void assign(operation_state<Value>& state, First&& first, Rest&&... rest) {
    state.value.emplace(std::forward<First>(first), std::forward<Rest>(rest)...);
  }

  void finish(std::nullptr_t) {
    operation_state<Value>* state = std::exchange(state_, nullptr);
    if (state->abandoned) delete state;
    else state->finished = true;
  }
  static void finish_and_resume(operation_state<Value>* state) {
    if (state->abandoned) {
      delete state;
      return;
    }
    state->finished = true;
    state->waiter.resume();
  }

  operation_state<Value>* state_;
};

struct nothing_value {};

template <class T>
class asio_awaitable_awaiter : wants_home {
  using value = std::conditional_t<std::is_void_v<T>, nothing_value, T>;

 public:
  explicit asio_awaitable_awaiter(asio::awaitable<T>&& awaitable) : awaitable_{std::move(awaitable)} {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    operation_->waiter = self;
    start = [](wants_home& base, asio::io_context& io) {
      auto& me = static_cast<asio_awaitable_awaiter&>(base);
      asio::co_spawn(io, std::move(me.awaitable_), operation_handler<value>{me.operation_.get()});
    };
    self.promise().when_home(*this);
  }
  T await_resume() {
    if (operation_->failure) std::rethrow_exception(operation_->failure);
    if constexpr (!std::is_void_v<T>) return std::move(*operation_->value);
  }

 private:
  asio::awaitable<T> awaitable_;
  operation_owner<value> operation_;
};

template <class T>
asio_awaitable_awaiter<T> awaiter_of(asio::awaitable<T>&& awaitable) {
  return asio_awaitable_awaiter<T>{std::move(awaitable)};
}

// What `co_await op(use_task)` gives: an error_code becomes a result, an exception_ptr is thrown, several values come as a tuple.
template <class... Values>
struct operation_value {
  using type = std::tuple<Values...>;
};
template <>
struct operation_value<> {
  using type = nothing_value;
};
template <class Value>
struct operation_value<Value> {
  using type = Value;
};
template <class... Values>
struct operation_value<std::error_code, Values...> {
  using type = result<std::tuple<Values...>>;
};
template <>
struct operation_value<std::error_code> {
  using type = result<void>;
};
template <class Value>
struct operation_value<std::error_code, Value> {
  using type = result<Value>;
};
template <class... Values>
struct operation_value<std::exception_ptr, Values...> : operation_value<Values...> {};

template <class Value, class Initiation, class... Arguments>
class asio_operation_awaiter {
 public:
  template <class Start, class... Given>
  explicit asio_operation_awaiter(Start&& initiation, Given&&... arguments)
      : initiation_{std::forward<Start>(initiation)}, arguments_{std::forward<Given>(arguments)...} {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    operation_->waiter = self;
    std::apply(
        [this](auto&... arguments) { std::move(initiation_)(operation_handler<Value>{operation_.get()}, std::move(arguments)...); }, arguments_);
  }
  decltype(auto) await_resume() {
    if (operation_->failure) std::rethrow_exception(operation_->failure);
    if constexpr (!std::is_same_v<Value, nothing_value>) return Value{std::move(*operation_->value)};
  }

 private:
  Initiation initiation_;
  std::tuple<Arguments...> arguments_;
  operation_owner<Value> operation_;
};

}  // namespace detail

/// The asio completion token for use inside a `tenon::task`: `auto n = co_await socket.async_read_some(buffer, tenon::use_task);`
///
/// Returns an error_code as `result<...>`; rethrows an exception_ptr. The operation starts when it is awaited.
struct use_task_t {
  constexpr use_task_t() noexcept = default;
};
inline constexpr use_task_t use_task{};

namespace detail {

// Runs a task on an io_context until it ends, then calls `handler(exception_ptr[, value])`.
template <class T, class Handler>
struct spawned : from_frame_cache {
  task<T> running;
  Handler handler;
  asio::io_context& io;
  decltype(asio::prefer(std::declval<asio::io_context::executor_type>(), asio::execution::outstanding_work.tracked)) work;

  spawned(asio::io_context& on, task<T>&& what, Handler&& then)
      : running{std::move(what)}, handler{std::move(then)}, io{on}, work{asio::prefer(on.get_executor(), asio::execution::outstanding_work.tracked)} {}

  static void finish(void* owner) noexcept {
    auto* self = static_cast<spawned*>(owner);
    // The frame is suspended for good; leave it before it is destroyed, and let exceptions of the handler reach io.run().
    asio::post(self->io, [held = std::unique_ptr<spawned>{self}]() mutable { complete(std::move(held)); });
  }
  static void complete(std::unique_ptr<spawned> self) {
    Handler then = std::move(self->handler);
    std::exception_ptr failure;
    if constexpr (std::is_void_v<T>) {
#if defined(__cpp_exceptions)
      try {
        self->running.take();
      } catch (...) {
        failure = std::current_exception();
      }
#else
      self->running.take();
#endif
      self.reset();
      then(std::move(failure));
    } else {
      std::optional<T> value;
#if defined(__cpp_exceptions)
      try {
        value.emplace(self->running.take());
      } catch (...) {
        failure = std::current_exception();
      }
#else
      value.emplace(self->running.take());
#endif
      self.reset();
      if constexpr (std::is_default_constructible_v<T>) then(std::move(failure), value ? std::move(*value) : T{});
      else then(std::move(failure), std::move(*value));
    }
  }
};

struct rethrow_failure {
  template <class... Values>
  void operator()(std::exception_ptr failure, Values&&...) const {
    if (failure) std::rethrow_exception(failure);
  }
};

template <class T, class Handler>
void spawn_on(asio::io_context& io, task<T>&& what, Handler&& then) {
  using held_type = spawned<T, std::decay_t<Handler>>;
  auto held = std::make_unique<held_type>(io, std::move(what), std::decay_t<Handler>(std::forward<Handler>(then)));
  asio::post(io, [held = std::move(held)]() mutable {
    held_type* self = held.release();
    if (self->running.done()) return held_type::finish(self);
    self->running.promise().on_finish(&held_type::finish, self);
    self->running.promise().set_home(self->io);
  });
}

}  // namespace detail

/// Lets `what` run on `io`, its home from now on. An exception that leaves it leaves `io.run()`.
template <class T>
void spawn(asio::io_context& io, task<T> what) {
  detail::spawn_on(io, std::move(what), detail::rethrow_failure{});
}

/// The same with an asio completion token of signature `void(std::exception_ptr, T)` (or `void(std::exception_ptr)`), as asio::co_spawn takes.
template <class T, class Token>
auto spawn(asio::io_context& io, task<T> what, Token&& token) {
  const auto initiation = [&io](auto handler, task<T> running) { detail::spawn_on(io, std::move(running), std::move(handler)); };
  if constexpr (std::is_void_v<T>) return asio::async_initiate<Token, void(std::exception_ptr)>(initiation, token, std::move(what));
  else return asio::async_initiate<Token, void(std::exception_ptr, T)>(initiation, token, std::move(what));
}

}  // namespace tenon::inline v0

template <class R, class... Results>
struct asio::async_result<tenon::use_task_t, R(Results...)> {
  template <class Initiation, class... Arguments>
  static auto initiate(Initiation&& initiation, tenon::use_task_t, Arguments&&... arguments) {
    using value = typename tenon::detail::operation_value<std::decay_t<Results>...>::type;
    return tenon::detail::asio_operation_awaiter<value, std::decay_t<Initiation>, std::decay_t<Arguments>...>{std::forward<Initiation>(initiation),
                                                                                                              std::forward<Arguments>(arguments)...};
  }
};
