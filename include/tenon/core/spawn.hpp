// Giving a tenon::task to an io_context that runs it to its end: what asio::co_spawn is to an awaitable. Core layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <asio/executor_work_guard.hpp>

#include <tenon/core/frame_cache.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/task.hpp>

namespace tenon::inline v0 {
namespace detail {

// The tasks that were spawned on an io_context and still wait for something. When the io_context goes, they go with it, as a coroutine of asio would.
class spawned_tasks : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  struct member {
    virtual ~member() = default;
    member** previous = nullptr;
    member* next = nullptr;
  };

  explicit spawned_tasks(asio::execution_context& context) : service(context) {}

  void add(member& one) noexcept {
    one.next = first_;
    one.previous = &first_;
    if (first_ != nullptr) first_->previous = &one.next;
    first_ = &one;
  }
  void remove(member& one) noexcept {
    *one.previous = one.next;
    if (one.next != nullptr) one.next->previous = one.previous;
  }

 private:
  void shutdown() noexcept override {
    while (first_ != nullptr) {
      member* one = first_;
      remove(*one);
      delete one;
    }
  }

  member* first_ = nullptr;
};

// The completion of a task that nobody waits for: what it threw leaves io.run().
struct rethrow_failure {
  void operator()(const std::exception_ptr& failure) const {
    if (failure) std::rethrow_exception(failure);
  }
};

// What stands beside an exception in `void(std::exception_ptr, T)`.
template <class T>
T beside_exception() {
  if constexpr (std::is_default_constructible_v<T>) {
    return T{};
  } else {
    static_assert(std::is_constructible_v<T, status>,
                  "tenon::spawn: the task's value has no default constructor, and the completion needs one beside an exception; return std::optional<T> or tenon::result<T>");
    return T{status{code::unknown, "the task threw an exception"}};
  }
}

// Runs a task on an io_context until it ends, then calls `handler(exception_ptr[, value])` where the handler wants to be called.
template <class T, class Handler>
class spawned final : public spawned_tasks::member, public from_frame_cache {
  static constexpr bool nobody_waits = std::is_same_v<Handler, rethrow_failure>;
  using io_executor = asio::io_context::executor_type;

 public:
  spawned(asio::io_context& io, task<T>&& what, Handler&& then)
      : io_{io}, running_{std::move(what)}, handler_{std::move(then)}, io_work_{io.get_executor()}, handler_work_{asio::get_associated_executor(handler_, io.get_executor())} {}

  static void start(std::unique_ptr<spawned> self) {
    if (self->running_.done()) return complete(std::move(self));
    spawned* one = self.release();
    asio::use_service<spawned_tasks>(one->io_).add(*one);
    one->running_.promise().on_finish(&finished, one);
    one->running_.promise().set_home(one->io_);
  }

 private:
  // The task is still under way to its final suspension: its frame is left before it is destroyed.
  static void finished(void* owner) noexcept {
    auto* one = static_cast<spawned*>(owner);
    asio::use_service<spawned_tasks>(one->io_).remove(*one);
    asio::post(one->io_, [self = std::unique_ptr<spawned>{one}]() mutable { complete(std::move(self)); });
  }

  static void complete(std::unique_ptr<spawned> self) {
    std::exception_ptr failure;
    std::optional<std::conditional_t<std::is_void_v<T>, std::nullptr_t, T>> value;
#if defined(__cpp_exceptions)
    try {
      self->take(value);
    } catch (...) {
      failure = std::current_exception();
    }
#else
    self->take(value);
#endif
    Handler then = std::move(self->handler_);
    if constexpr (nobody_waits) {
      self.reset();
      then(failure);
    } else {
      const auto work = std::move(self->handler_work_);
      self.reset();
      if constexpr (std::is_void_v<T>) {
        asio::dispatch(work.get_executor(), [then = std::move(then), failure = std::move(failure)]() mutable { std::move(then)(std::move(failure)); });
      } else {
        asio::dispatch(work.get_executor(), [then = std::move(then), failure = std::move(failure), value = value ? std::move(*value) : beside_exception<T>()]() mutable {
          std::move(then)(std::move(failure), std::move(value));
        });
      }
    }
  }

  template <class Value>
  void take(std::optional<Value>& value) {
    if constexpr (std::is_void_v<T>) running_.take();
    else value.emplace(running_.take());
  }

  asio::io_context& io_;
  task<T> running_;
  Handler handler_;
  // The two contexts are kept running meanwhile, as co_spawn does.
  asio::executor_work_guard<io_executor> io_work_;
  asio::executor_work_guard<asio::associated_executor_t<Handler, io_executor>> handler_work_;
};

template <class T, class Handler>
void spawn_on(asio::io_context& io, task<T>&& what, Handler&& then) {
  using held = spawned<T, Handler>;
  asio::post(io, [self = std::make_unique<held>(io, std::move(what), std::move(then))]() mutable { held::start(std::move(self)); });
}

}  // namespace detail

/// Lets `what` run on `io`, its home from now on. An exception that leaves it leaves `io.run()`.
///
/// One thread runs `io`: a task is not told its home in one thread while it goes on in another. A task that has not ended when `io` is destroyed is destroyed
/// with it.
template <class T>
void spawn(asio::io_context& io, task<T> what) {
  detail::spawn_on(io, std::move(what), detail::rethrow_failure{});
}

/// The same with an asio completion token of signature `void(std::exception_ptr, T)` (or `void(std::exception_ptr)`), as asio::co_spawn takes.
///
/// The completion runs where its token says (its associated executor), on `io` when it does not say.
template <class T, class Token>
auto spawn(asio::io_context& io, task<T> what, Token&& token) {
  const auto initiation = [&io](auto handler, task<T> running) { detail::spawn_on(io, std::move(running), std::move(handler)); };
  if constexpr (std::is_void_v<T>) return asio::async_initiate<Token, void(std::exception_ptr)>(initiation, token, std::move(what));
  else return asio::async_initiate<Token, void(std::exception_ptr, T)>(initiation, token, std::move(what));
}

}  // namespace tenon::inline v0
