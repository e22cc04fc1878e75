// A coroutine handler between its start and its answer. Service layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/core/task.hpp>
#include <tenon/service/answer_port.hpp>
#include <tenon/service/exchange.hpp>
#include <tenon/service/guarded.hpp>
#include <tenon/service/handler.hpp>

namespace tenon::inline v0::service {

/// Keeps what the coroutine may use (its context, its arguments, the object) and what its answer needs, in one recycled block.
template <class S, class Implementation, class Guard, std::size_t Index, class Codec>
class running final : public pending {
  using handled = handler<S, Implementation, Index>;
  using coroutine = typename handled::returned;
  using kind = handler_return<coroutine>;
  using given = typename kind::given;

 public:
  running(std::shared_ptr<Implementation> object, Guard& guard, const exchange& call, const typename Guard::info_type& info, const typename Guard::call_state& state)
      : object_{std::move(object)}, guard_{&guard}, info_{info}, state_{state}, port_{info, nullptr}, sink_{&call.sink}, peer_{call.peer} {
    if constexpr (answers) info_.answers = &port_;
    address = call.call.address;
    context.info = info;
    if constexpr (Guard::identifies) context.set_principal(info.principal);
    context.place(service_name<S>, method<S, Index>::name, peer_, call.io);
    context.set_origin(call.sink);
    if (!call.call.metadata_block.empty() && call.call.read_metadata != nullptr) call.call.read_metadata(call.call.metadata_block, context.request);
  }
  ~running() override {
    // The frame goes first: it may use the context.
    task_.reset();
  }

  /// Starts the handler with `arguments`. Returns true when it has ended already, without ever waiting.
  bool begin() {
    if constexpr (kind::in_task) {
      task_.emplace(handled::call(*object_, &context, arguments));
      if (task_->done()) return true;
      task_->promise().on_finish([](void* self) noexcept { static_cast<running*>(self)->end(); }, this);
      return false;
    } else {
      // In two steps: a handler that throws before it is a coroutine must not take the call with it.
      coroutine started = handled::call(*object_, &context, arguments);
      // It owns the call from here on; without the memory for that there would be two owners, so running out of it here ends the program.
      [&]() noexcept { asio::co_spawn(*context.io(), std::move(started), completion{std::unique_ptr<running>{this}}); }();
      return false;
    }
  }

  // Here rather than on the stack: an implementation that is not the contract itself may take them by reference.
  typename handled::values arguments{};

  // Told its home only now: what it waits for may end at once then, and so may the task.
  void go_on() override {
    if constexpr (kind::in_task) task_->promise().set_home(*context.io());
  }

  status write_value(buffer& out) override {
    [[maybe_unused]] const std::size_t begin = out.size();
    status ended = guarded(full_name<S, Index>, [&]() -> status {
      if constexpr (kind::in_task) {
        if constexpr (std::is_void_v<given>) {
          task_->take();
          Codec::encode(out, nullptr);
          return {};
        } else {
          return write_given<Codec>(out, task_->take());
        }
      } else {
#if defined(__cpp_exceptions)
        if (failure_) std::rethrow_exception(failure_);
#endif
        return write_given<Codec>(out, std::move(*value_));
      }
    });
    if constexpr (answers) {
      if (ended.ok()) port_.answered(out.view().substr(begin), context.response);
    }
    observe(ended.outcome());
    return ended;
  }

  // An awaitable's frame cannot be destroyed from here: its completion owns the call, and goes together with the frame. It is asked to end.
  void dispose() noexcept override {
    sink_ = nullptr;
    context.forget_origin();
    const bool under_way = !observed_;
    if (under_way) observe(outcome{.code = code::cancelled, .flags = outcome::local});
    if constexpr (kind::in_task) delete this;
    else if (under_way) context.cancel.request();
  }

 private:
  static constexpr bool answers = Guard::answers && method<S, Index>::is_cacheable;
  using port_type = std::conditional_t<answers, answer_port<Guard>, no_answer_port>;

  // The completion of co_spawn: called or dropped exactly once.
  struct completion {
    std::unique_ptr<running> self;
    void operator()(std::exception_ptr failure) const { end(std::move(failure)); }
    template <class Value>
    void operator()(std::exception_ptr failure, Value&& value) const {
      end(std::move(failure), std::forward<Value>(value));
    }
    template <class... Value>
    void end(std::exception_ptr failure, Value&&... value) const {
      self->failure_ = std::move(failure);
      if (!self->failure_) self->value_.emplace(std::forward<Value>(value)...);
      self->end();
    }
  };

  void end() noexcept {
    if (sink_ != nullptr) sink_->finished(*this);
  }
  void observe(outcome result) noexcept {
    observed_ = true;
    if constexpr (Guard::measures) {
      if (sink_ != nullptr) {
        info_.now = sink_->read_clock();
        // Its caller was told that the time was up, and policies learn the same, whatever the handler says that late: a limit on a server that is too slow would hear of
        // successes only, or of nothing. Times travel in whole milliseconds and timers tick in such: the caller's request to stop may come a moment before ours.
        // A good value remains one for those who wait for the same answer.
        const bool of_use = answers && result.ok();
        if (answered && !of_use && info_.deadline - info_.now <= duration{2'000'000}) result = {.code = code::deadline_exceeded};
      }
    }
    guard_->observe(state_, info_, result);
  }

  std::shared_ptr<Implementation> object_;
  Guard* guard_;
  typename Guard::info_type info_;
  typename Guard::call_state state_;
  [[no_unique_address]] port_type port_;
  answer_sink* sink_;
  // The connection's own text is enough for a task, which goes before the connection does; an awaitable may outlive it.
  std::conditional_t<kind::in_task, std::string_view, std::string> peer_;
  bool observed_ = false;
  std::optional<std::conditional_t<kind::in_task, coroutine, std::nullptr_t>> task_;
  std::optional<std::conditional_t<std::is_void_v<given>, std::nullptr_t, given>> value_;
  std::exception_ptr failure_;
};

}  // namespace tenon::inline v0::service
