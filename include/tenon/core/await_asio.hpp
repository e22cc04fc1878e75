// What a tenon::task may await of asio: an asio::awaitable, and any operation given the token `tenon::use_task`. Core layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <atomic>
#include <coroutine>
#include <exception>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <asio/error.hpp>

#include <tenon/core/frame_cache.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>

namespace tenon::inline v0 {

/// A system's or asio's error as a status: aborted operations are `cancelled`, timeouts `deadline_exceeded`, everything else `unavailable`.
inline status to_status(const std::error_code& error, std::string_view attempted) {
  if (!error) return {};
  code why = code::unavailable;
  // asio 1.22 does not map its errors to std::errc (its check for std::error_code names a macro that nothing defines).
  if (error == std::errc::operation_canceled || error == asio::error::operation_aborted) why = code::cancelled;
  else if (error == std::errc::timed_out || error == asio::error::timed_out) why = code::deadline_exceeded;
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
  // An operation may end while it is being started, on this thread or on another: whoever of the two comes second lets the task go on.
  std::atomic<bool> one_of_two{true};
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
    else if constexpr (sizeof...(Rest) > 1) state.value.emplace(typename Value::value_type(std::forward<Rest>(rest)...));
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
    if (state->one_of_two.exchange(true, std::memory_order_acq_rel)) state->waiter.resume();
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
template <>
struct operation_value<std::exception_ptr> : operation_value<> {};
template <class Value>
struct operation_value<std::exception_ptr, Value> : operation_value<Value> {};
template <class First, class Second, class... Rest>
struct operation_value<std::exception_ptr, First, Second, Rest...> : operation_value<First, Second, Rest...> {};

template <class Value, class Initiation, class... Arguments>
class asio_operation_awaiter {
 public:
  template <class Start, class... Given>
  explicit asio_operation_awaiter(Start&& initiation, Given&&... arguments)
      : initiation_{std::forward<Start>(initiation)}, arguments_{std::forward<Given>(arguments)...} {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> self) {
    operation_state<Value>* state = operation_.get();
    state->waiter = self;
    state->one_of_two.store(false, std::memory_order_relaxed);
    std::apply([this, state](auto&... arguments) { std::move(initiation_)(operation_handler<Value>{state}, std::move(arguments)...); }, arguments_);
    return !state->one_of_two.exchange(true, std::memory_order_acq_rel);
  }
  decltype(auto) await_resume() {
    if (operation_->failure) std::rethrow_exception(operation_->failure);
    if constexpr (!std::is_same_v<Value, nothing_value>) return Value(std::move(*operation_->value));
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
