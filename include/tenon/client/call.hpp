// What a client's method returns: a call under way, to be waited for, awaited, or given a callback. Client layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <asio/use_awaitable.hpp>

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/core/await_asio.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>

namespace tenon::inline v0 {
namespace detail {

// The value type by which asio's coroutines know a tenon call: `awaitable<awaited<T>>` is specialised below.
template <class T>
struct awaited {};

// Calls a completion handler, on the executor it asks for.
template <class T, class Handler>
class handler_consumer final : public consumer<T>, public from_frame_cache {
 public:
  handler_consumer(Handler handler, asio::io_context& io) : handler_{std::move(handler)}, work_{asio::prefer(asio::get_associated_executor(handler_, io.get_executor()), asio::execution::outstanding_work.tracked)} {}

  void completed(call_state<T>& state) override { run(std::unique_ptr<handler_consumer>{this}, state.take()); }

  static void run(std::unique_ptr<handler_consumer> self, result<T> value) {
    auto executor = std::move(self->work_);
    Handler handler = std::move(self->handler_);
    self.reset();
    asio::dispatch(executor, [handler = std::move(handler), value = std::move(value)]() mutable {
      // Here, where its owner may use it as well: what it holds would outlive the call.
      asio::get_associated_cancellation_slot(handler).clear();
      std::move(handler)(std::move(value));
    });
  }

  Handler& handler() noexcept { return handler_; }

 private:
  Handler handler_;
  std::decay_t<decltype(asio::prefer(asio::get_associated_executor(std::declval<Handler&>(), std::declval<asio::io_context&>().get_executor()), asio::execution::outstanding_work.tracked))> work_;
};

// Gives the result of `state` to a completion handler, now or when it comes.
template <class T, class Handler>
void deliver_to(call_reference<call_state<T>> state, asio::io_context& io, Handler&& handler) {
  using handler_type = std::decay_t<Handler>;
  auto slot = asio::get_associated_cancellation_slot(handler);
  auto taker = std::make_unique<handler_consumer<T, handler_type>>(std::forward<Handler>(handler), io);
  if (slot.is_connected()) {
    slot.assign([watched = shared_call{*state.get()}](asio::cancellation_type) { watched.cancel(); });
  }
  if (state->listen(*taker)) {
    taker.release();
    return;
  }
  // There already: a completion handler still must not run inside the call that started it.
  detail::post(io, [taker = std::move(taker), state = std::move(state)]() mutable { handler_consumer<T, handler_type>::run(std::move(taker), state->take_unless_taken()); });
}

// Calls what `then` was given, on the client's loop and in the middle of the batch: it has no executor of its own to ask, as a completion handler has.
// A small one lives in the call.
template <class T, class F>
class function_consumer final : public consumer<T>, public from_frame_cache {
 public:
  static function_consumer& of(call_state<T>& state, F&& f) {
    if constexpr (in_place) return *::new (state.room()) function_consumer{std::move(f)};
    else return *new function_consumer{std::move(f)};
  }

  void completed(call_state<T>& state) override {
    if (loop_of(state).on_this_thread()) [[likely]] {
      const destroyed_after self{*this};
      f_(state.take());
    } else {
      detail::post(io_of(state), [f = take_back(), value = state.take()]() mutable { f(std::move(value)); });
    }
  }
  /// It is not needed any more.
  F take_back() {
    const destroyed_after self{*this};
    return std::move(f_);
  }

 private:
  static constexpr bool in_place = sizeof(F) + sizeof(void*) <= call_state<T>::consumer_room && alignof(F) <= alignof(void*);

  explicit function_consumer(F&& f) : f_{std::move(f)} {}
  ~function_consumer() = default;

  struct destroyed_after {
    explicit destroyed_after(function_consumer& which) noexcept : self{which} {}
    destroyed_after(const destroyed_after&) = delete;
    destroyed_after& operator=(const destroyed_after&) = delete;
    ~destroyed_after() {
      if constexpr (in_place) self.~function_consumer();
      else delete &self;
    }
    function_consumer& self;
  };

  F f_;
};

// Brings the news of a call's end from its loop to the home of the task that waits: the task may be gone by then, and only its home knows.
template <class T>
class mailbox final : public consumer<T>, public from_frame_cache {
 public:
  mailbox(asio::io_context& home, std::coroutine_handle<> waiter) noexcept : home_{home}, waiter_{waiter} {}
  /// On the home's thread: the task does not wait any more. Afterwards nobody touches the home, which may go: a post that is being made has returned.
  void forget() noexcept {
    waiter_ = nullptr;
    stage expected = stage::waiting;
    if (!stage_.compare_exchange_strong(expected, stage::settled, std::memory_order_acq_rel)) stage_.wait(stage::posting, std::memory_order_acquire);
    release();
  }
  /// The result was there already.
  void deliver() {
    detail::post(home_, [self = std::unique_ptr<mailbox, releaser>{this}] {
      if (self->waiter_) self->waiter_.resume();
    });
  }

 private:
  enum class stage : std::uint32_t { waiting, posting, settled };
  struct releaser {
    void operator()(mailbox* held) const noexcept { held->release(); }
  };

  void completed(call_state<T>&) override {
    stage expected = stage::waiting;
    if (!stage_.compare_exchange_strong(expected, stage::posting, std::memory_order_acq_rel)) return release();
    references_.fetch_add(1, std::memory_order_relaxed);
    deliver();
    stage_.store(stage::settled, std::memory_order_release);
    stage_.notify_all();
    release();
  }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  asio::io_context& home_;
  std::coroutine_handle<> waiter_;
  std::atomic<stage> stage_{stage::waiting};
  std::atomic<int> references_{2};  // the waiting task's, and the call's
};

// Waits for a call inside a tenon::task. A task continues at home: on the client's own loop that is in the middle of the batch, so that its next calls leave with it.
template <class T>
class call_awaiter final : consumer<T>, wants_home {
 public:
  explicit call_awaiter(call_reference<call_state<T>> state) noexcept : state_{std::move(state)} {}
  call_awaiter(call_awaiter&&) = delete;
  ~call_awaiter() {
    if (mailbox_ != nullptr) mailbox_->forget();
    if (!state_ || state_->done()) return;
    if (mailbox_ == nullptr) state_->unlisten();
    abandon(*state_.get());
  }

  bool await_ready() const noexcept { return !state_ || state_->done(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    waiter_ = self;
    if (asio::io_context* home = self.promise().home(); home == &io_of(*state_.get())) return state_->listen(*this);
    // On another loop, or nobody knows yet: where to come back to depends on it.
    start = [](wants_home& base, asio::io_context& home) { static_cast<call_awaiter&>(base).listen_from(home); };
    self.promise().when_home(*this);
    return true;
  }
  result<T> await_resume() { return state_ ? state_->take_unless_taken() : taken_already<T>(); }

 private:
  void listen_from(asio::io_context& home) {
    if (outlived_its_client(*state_.get())) return waiter_.resume();
    if (&home == &io_of(*state_.get())) {
      if (!state_->listen(*this)) waiter_.resume();
      return;
    }
    mailbox_ = new mailbox<T>{home, waiter_};
    if (!state_->listen(*mailbox_)) mailbox_->deliver();
  }
  void completed(call_state<T>&) override { waiter_.resume(); }

  call_reference<call_state<T>> state_;
  std::coroutine_handle<> waiter_;
  mailbox<T>* mailbox_ = nullptr;
};

}  // namespace detail
}  // namespace tenon::inline v0

// How an asio coroutine awaits a tenon call: its await_transform takes awaitable<T> and what derives from it, and nothing else.
// The coroutine frame that asio wants is made only when the call is awaited there, so other callers do not pay for it.
template <class T>
class asio::awaitable<tenon::detail::awaited<T>, asio::any_io_executor> {
 public:
  using value_type = tenon::result<T>;
  using executor_type = asio::any_io_executor;

  awaitable(awaitable&&) noexcept = default;
  awaitable& operator=(awaitable&&) noexcept = default;

  bool await_ready() const noexcept { return false; }
  template <class Handle>
  void await_suspend(Handle handle) {
    inner_ = wait(std::move(state_));
    inner_.await_suspend(handle);
  }
  tenon::result<T> await_resume() { return inner_.await_resume(); }

 protected:
  explicit awaitable(tenon::detail::call_reference<tenon::detail::call_state<T>> state) noexcept : state_{std::move(state)} {}

  tenon::detail::call_reference<tenon::detail::call_state<T>> state_;

 private:
  static asio::awaitable<tenon::result<T>> wait(tenon::detail::call_reference<tenon::detail::call_state<T>> state) {
    if (!state) co_return tenon::detail::taken_already<T>();
    if (tenon::detail::outlived_its_client(*state.get())) co_return state->take_unless_taken();
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(tenon::result<T>)>(
        [](auto handler, tenon::detail::call_reference<tenon::detail::call_state<T>> started) {
          asio::io_context& io = tenon::detail::io_of(*started.get());
          tenon::detail::deliver_to<T>(std::move(started), io, std::move(handler));
        },
        asio::use_awaitable, std::move(state));
  }

  asio::awaitable<tenon::result<T>> inner_;
};

namespace tenon::inline v0 {

/// A call under way. Take its result in one of these ways, once:
/// `.get()` blocks; `co_await` works in a `tenon::task` and in an `asio::awaitable`; `.then(f)` calls `f(result<T>)` on the client's loop.
///
/// Destroying a call whose result was not taken cancels it. It may outlive its client, which ended it; a client that ends on another thread has to have ended before the call is used again.
template <class T>
class [[nodiscard]] call : public asio::awaitable<detail::awaited<T>, asio::any_io_executor> {
  using base = asio::awaitable<detail::awaited<T>, asio::any_io_executor>;

 public:
  using value_type = T;

  explicit call(detail::call_reference<detail::call_state<T>> state) noexcept : base{std::move(state)} {}
  call(call&&) noexcept = default;
  call& operator=(call&& other) noexcept {
    if (this == &other) return *this;
    const call replaced{std::move(*this)};
    base::operator=(std::move(other));
    return *this;
  }
  ~call() {
    if (this->state_ && !this->state_->done()) detail::abandon(*this->state_.get());
  }

  /// Whether the result is there, or has been taken.
  bool done() const noexcept { return !this->state_ || this->state_->done(); }

  /// Blocks until the result is there; for ever where nobody runs the io_context that the client was given, as before its `run()`.
  ///
  /// Errors  failed_precondition on the client's own loop, where waiting would wait for ever, and where the result was taken already.
  result<T> get() {
    if (!this->state_) [[unlikely]] return detail::taken_already<T>();
    detail::call_state<T>& state = *this->state_.get();
    if (!state.done()) {
      if (detail::loop_of(state).on_this_thread()) {
        return status{code::failed_precondition, "get() on the thread that would have to bring the answer waits for ever; co_await the call, or give it then()"};
      }
      state.block();
    }
    return state.take_and_mark();
  }

  /// Calls `f(result<T>)` when the result is there, on the client's loop; here and now where the client has gone already.
  ///
  /// Errors  failed_precondition where the result was taken already; after another then(), whose the call is now, at once and on this thread.
  template <class F>
  void then(F f) {
    static_assert(std::is_invocable_v<F&, result<T>>, "tenon::call::then: the function does not take the result; write .then([](tenon::result<T> r) { ... })");
    if (!this->state_) [[unlikely]] return static_cast<void>(f(detail::taken_already<T>()));
    detail::call_reference<detail::call_state<T>> state = std::move(this->state_);
    if (detail::outlived_its_client(*state.get())) [[unlikely]] return static_cast<void>(f(state->take_unless_taken()));
    asio::io_context& io = detail::io_of(*state.get());
    auto& taker = detail::function_consumer<T, F>::of(*state.get(), std::move(f));
    if (detail::loop_of(*state.get()).on_this_thread()) {
      if (state->listen_here(taker)) return state.reset_here();
    } else if (state->listen(taker)) {
      return;
    }
    // There already: the function still must not run inside the call that started it.
    detail::post(io, [f = taker.take_back(), state = std::move(state)]() mutable { f(state->take_unless_taken()); });
  }

  /// Asks the call to end with `cancelled`; it may still end otherwise. From any thread.
  void cancel() {
    if (this->state_) detail::shared_call{*this->state_.get()}.cancel();
  }

  /// For tenon::task.
  detail::call_awaiter<T> awaiter_in_task() && { return detail::call_awaiter<T>{std::move(this->state_)}; }
};

}  // namespace tenon::inline v0
