// The items of a streamed answer between the connection and whoever reads them, on any thread. Client layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/client/call.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/core/guarded.hpp>
#include <tenon/core/message_queue.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::detail {

template <class T>
class item_reader;

// One who waits for the next item. The loop's reference is the reader's until it has come.
template <class T>
class item_wait final : public call_state<std::optional<T>> {
 public:
  item_wait(call_base& stream, item_reader<T>& from) noexcept : call_state<std::optional<T>>{stream.via()}, stream_{(stream.retain(), &stream)}, from_{from} {}

  void came(std::optional<T> item) {
    const call_reference<item_wait> held{this};
    this->fresh_value() = std::move(item);
    this->channel_.guard_user_code([this] { this->complete({}); });
  }
  /// It was waited for where that waits for ever: who reads on finds out why there is nothing.
  void break_off(status why) { from_.break_off(std::move(why)); }

 private:
  void start() override {}
  void replied(const protocol::reply&) override {}
  void failed(status) override {}
  void refused(status) override {}
  void expired() override {}
  // It goes before the item came; the stream stays.
  void cancelled(status) override {
    if (from_.forget(*this)) came(std::nullopt);
  }

  call_reference<call_base> stream_;
  item_reader<T>& from_;
};

/// Keeps what has come until it is read: at most a window, and one message.
///
/// Laws    `take`, `status_now` and `wait` from any thread, everything else on the loop's. Items come in order, then the end, once.
template <class T>
class item_reader {
 public:
  using wait_reference = call_reference<call_state<std::optional<T>>>;

  /// Reads the next item, or the end, into `into`; otherwise returns who waits for it. One at a time: an earlier one who waits gets nothing.
  wait_reference take_or_wait(std::optional<T>& into) {
    std::unique_lock guard{mutex_};
    if (!items_.empty()) {
      const status read = take(into);
      protocol::items_taken told;
      if (read.ok() && is_due()) told = std::exchange(taken_, {});
      guard.unlock();
      if (!read.ok()) break_off(read);
      else if (told.items != 0) tell(told);
      return {};
    }
    if (ended_) return into.reset(), wait_reference{};
    auto* const waiting = new item_wait<T>{self_, *this};
    item_wait<T>* const before = std::exchange(waiting_, waiting);
    guard.unlock();
    if (before != nullptr) before->came(std::nullopt);
    return wait_reference{waiting};
  }

  /// OK while items may still come.
  status status_now() const {
    const std::lock_guard guard{mutex_};
    return ended_with_;
  }

  /// Ends the stream from outside. From any thread; the first reason counts.
  void break_off(status why) {
    {
      const std::lock_guard guard{mutex_};
      items_.clear();
      if (ended_) {
        // Everything had come, and this could not be read.
        if (ended_with_.ok()) ended_with_ = std::move(why);
        return;
      }
    }
    if (self_.via().loop().on_this_thread()) {
      if (!self_.done()) self_.cancelled(std::move(why));
      return;
    }
    self_.retain();
    post(self_.via().loop().io(), [held = call_reference<call_base>{&self_}, why = std::move(why)]() mutable {
      if (!held.get()->done()) held.get()->cancelled(std::move(why));
    });
  }

  /// Whoever waits does not any more. False when it was not waiting.
  bool forget(item_wait<T>& one) {
    const std::lock_guard guard{mutex_};
    if (waiting_ != &one) return false;
    waiting_ = nullptr;
    return true;
  }

 protected:
  item_reader(call_base& self, std::uint32_t window) noexcept : self_{self}, window_{window} {}
  ~item_reader() = default;

  virtual status read_item(std::string_view payload, T& into) = 0;

  // The caller keeps the call.
  void arrived(std::string_view payload) {
    std::unique_lock guard{mutex_};
    if (ended_) return;
    unread_ += protocol::cost_of_item(payload.size());
    items_.push(payload);
    if (waiting_ == nullptr) {
      if (unread_ <= 8 * (std::max)(window_, largest_window)) return;
      guard.unlock();
      return break_off(status{outcome{.code = code::resource_exhausted, .flags = outcome::local | outcome::no_retry}, "the server sends more than it was granted"});
    }
    item_wait<T>& waiting = *std::exchange(waiting_, nullptr);
    std::optional<T> item;
    const status read = take(item);
    protocol::items_taken told;
    if (read.ok() && is_due()) told = std::exchange(taken_, {});
    guard.unlock();
    if (told.items != 0) self_.via().give_credit(self_, told);
    if (!read.ok()) break_off(read);
    waiting.came(std::move(item));
  }
  void ended(const status& why) {
    std::unique_lock guard{mutex_};
    ended_ = true;
    ended_with_ = why;
    item_wait<T>* const waiting = std::exchange(waiting_, nullptr);
    guard.unlock();
    if (waiting != nullptr) waiting->came(std::nullopt);
  }

 private:
  // That a protocol grants by itself.
  static constexpr std::int64_t largest_window = 1024 * 1024;

  status take(std::optional<T>& into) {
    into.emplace();
    taken_.bytes += static_cast<std::int64_t>(items_.front().size());
    ++taken_.items;
    unread_ -= protocol::cost_of_item(items_.front().size());
    status read = guarded("exception", [&] { return read_item(items_.front(), *into); });
    items_.pop();
    if (read.ok()) return read;
    into.reset();
    return status{read.code() == code::resource_exhausted ? read.code() : code::internal, join_text({"item ", read.message()})}.add_flag(outcome::local).add_flag(outcome::no_retry);
  }
  // Told now and then: half a window is enough for the server to go on meanwhile.
  bool is_due() const noexcept { return !ended_ && protocol::cost_of_items(taken_) >= window_ / 2; }
  void tell(const protocol::items_taken& taken) {
    if (self_.via().loop().on_this_thread()) return self_.via().give_credit(self_, taken);
    self_.retain();
    post(self_.via().loop().io(), [held = call_reference<call_base>{&self_}, taken] { held.get()->via().give_credit(*held.get(), taken); });
  }

  call_base& self_;
  mutable std::mutex mutex_;
  message_queue items_;
  item_wait<T>* waiting_ = nullptr;
  status ended_with_;
  std::int64_t window_;
  std::int64_t unread_ = 0;
  protocol::items_taken taken_;
  bool ended_ = false;
};

// The value type by which asio's coroutines know that they wait for an item.
template <class T>
struct awaited_item {};

// A wait that gave nothing because it was given up, or could not be, gives no item.
template <class T>
std::optional<T> item_of_wait(result<std::optional<T>>&& waited) {
  if (!waited) return std::nullopt;
  return std::move(*waited);
}

// Waits in a coroutine of tenon.
template <class T>
class item_awaiter {
 public:
  explicit item_awaiter(std::optional<T>&& there) : there_{std::move(there)} {}
  explicit item_awaiter(call_reference<call_state<std::optional<T>>> waiting) { waiting_.emplace(std::move(waiting)); }
  item_awaiter(const item_awaiter&) = delete;
  item_awaiter& operator=(const item_awaiter&) = delete;

  bool await_ready() const noexcept { return !waiting_ || waiting_->await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    return waiting_->await_suspend(self);
  }
  std::optional<T> await_resume() { return waiting_ ? item_of_wait<T>(waiting_->await_resume()) : std::move(there_); }

 private:
  std::optional<T> there_;
  std::optional<call_awaiter<std::optional<T>>> waiting_;
};

}  // namespace tenon::inline v0::detail

// As for a call: asio's await_transform takes awaitable<T> and what derives from it, and nothing else.
template <class T>
class asio::awaitable<tenon::detail::awaited_item<T>, asio::any_io_executor> {
 public:
  using value_type = std::optional<T>;
  using executor_type = asio::any_io_executor;

  awaitable(awaitable&&) noexcept = default;
  awaitable& operator=(awaitable&&) noexcept = default;

  bool await_ready() const noexcept { return !waiting_; }
  template <class Handle>
  void await_suspend(Handle handle) {
    inner_ = wait(std::move(waiting_));
    waits_ = true;
    inner_.await_suspend(handle);
  }
  std::optional<T> await_resume() {
    if (!waits_) return std::move(there_);
    return inner_.await_resume();
  }

 protected:
  explicit awaitable(std::optional<T> there, tenon::detail::call_reference<tenon::detail::call_state<std::optional<T>>> waiting)
      : there_{std::move(there)}, waiting_{std::move(waiting)} {}

  std::optional<T> there_;
  tenon::detail::call_reference<tenon::detail::call_state<std::optional<T>>> waiting_;

 private:
  static asio::awaitable<std::optional<T>> wait(tenon::detail::call_reference<tenon::detail::call_state<std::optional<T>>> waiting) {
    tenon::call<std::optional<T>> call{std::move(waiting)};
    tenon::result<std::optional<T>> waited = co_await std::move(call);
    co_return tenon::detail::item_of_wait<T>(std::move(waited));
  }

  asio::awaitable<std::optional<T>> inner_;
  bool waits_ = false;
};

namespace tenon::inline v0 {

/// The next item of a stream, to be waited for: `.get()` blocks; `co_await` works in a `tenon::task` and in an `asio::awaitable`; `.then(f)` calls
/// `f(std::optional<T>)` on the client's loop. Nothing when there are no more: the stream's `status()` says why.
///
/// Destroying it gives up waiting; on the client's loop the item is the next one's then, from another thread it may be lost in that moment.
template <class T>
class [[nodiscard]] next_item : public asio::awaitable<detail::awaited_item<T>, asio::any_io_executor> {
  using base = asio::awaitable<detail::awaited_item<T>, asio::any_io_executor>;

 public:
  next_item(detail::call_base& stream, std::optional<T> there, detail::call_reference<detail::call_state<std::optional<T>>> waiting)
      : base{std::move(there), std::move(waiting)}, stream_{(stream.retain(), &stream)} {}
  next_item(next_item&&) noexcept = default;
  next_item& operator=(next_item&&) = delete;
  ~next_item() {
    if (this->waiting_ && !this->waiting_->done()) detail::abandon(*this->waiting_.get());
  }

  /// Blocks until it is there. On the client's own loop, where waiting would wait for ever, an item that has not come ends the stream with failed_precondition.
  std::optional<T> get() {
    if (!this->waiting_) return std::move(this->there_);
    auto& waiting = static_cast<detail::item_wait<T>&>(*this->waiting_.get());
    if (!waiting.done() && detail::loop_of(waiting).on_this_thread()) {
      waiting.break_off(status{code::failed_precondition, "get() on the thread that would have to bring the item waits for ever; co_await next(), or give it then()"});
      return std::nullopt;
    }
    call<std::optional<T>> waits{std::move(this->waiting_)};
    return detail::item_of_wait<T>(waits.get());
  }

  /// Calls `f(std::optional<T>)` when it is there, on the client's loop and never inside this call; here and now where the client has gone already.
  template <class F>
  void then(F f) {
    static_assert(std::is_invocable_v<F&, std::optional<T>>, "tenon::next_item::then: the function does not take the item; write .then([](std::optional<T> item) { ... })");
    if (!this->waiting_ && detail::outlived_its_client(*stream_.get())) return static_cast<void>(f(std::move(this->there_)));
    if (!this->waiting_) return detail::post(detail::io_of(*stream_.get()), [f = std::move(f), there = std::move(this->there_)]() mutable { f(std::move(there)); });
    call<std::optional<T>>{std::move(this->waiting_)}.then([f = std::move(f)](result<std::optional<T>> waited) mutable { f(detail::item_of_wait<T>(std::move(waited))); });
  }

  /// For tenon::task.
  detail::item_awaiter<T> awaiter_in_task() && {
    if (!this->waiting_) return detail::item_awaiter<T>{std::move(this->there_)};
    return detail::item_awaiter<T>{std::move(this->waiting_)};
  }

 private:
  detail::call_reference<detail::call_base> stream_;
};

}  // namespace tenon::inline v0
