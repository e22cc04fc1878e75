// What a client's method that streams returns: the caller's ends of a stream. Client layer.
#pragma once

#include <optional>
#include <utility>

#include <tenon/client/call.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/item_reader.hpp>
#include <tenon/client/item_writer.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0 {
namespace detail {

// Owns a call that streams: whoever lets go of it before its end cancels it.
template <class R>
class stream_handle {
 public:
  explicit stream_handle(call_reference<call_state<R>> state) noexcept : state_{std::move(state)} {}
  stream_handle(stream_handle&&) noexcept = default;
  stream_handle& operator=(stream_handle&& other) noexcept {
    if (this == &other) return *this;
    const stream_handle replaced{std::move(*this)};
    state_ = std::move(other.state_);
    handed_on_ = other.handed_on_;
    return *this;
  }
  ~stream_handle() {
    if (state_ && !handed_on_ && !state_->done()) abandon(*state_.get());
  }

  /// Ends the call with `cancelled`, here and at the server; it may still end otherwise. From any thread. So does destroying this.
  void cancel() {
    if (state_) shared_call{*state_.get()}.cancel();
  }

 protected:
  /// The same call for whoever takes its answer, once: from here on it is theirs to cancel.
  call_reference<call_state<R>> hand_on() noexcept {
    if (!state_ || std::exchange(handed_on_, true)) return {};
    state_->retain();
    return call_reference<call_state<R>>{state_.get()};
  }

  call_reference<call_state<R>> state_;

 private:
  bool handed_on_ = false;
};

template <class T>
next_item<T> next_of(call_base& stream, item_reader<T>& from) {
  std::optional<T> there;
  auto waiting = from.take_or_wait(there);
  return next_item<T>{stream, std::move(there), std::move(waiting)};
}

}  // namespace detail

/// A streamed answer under way: `auto s = m.watch("ACME"); while (auto q = co_await s.next()) ...`, or `s.next().get()`; then `s.status()`.
///
/// Items come as fast as they are read: what is not read holds the server back. One reads at a time, from any thread. Destroying it ends the stream.
template <class T>
class [[nodiscard]] stream_reader : public detail::stream_handle<void> {
 public:
  using value_type = T;

  stream_reader(detail::call_reference<detail::call_state<void>> state, detail::item_reader<T>& from) noexcept : stream_handle<void>{std::move(state)}, from_{&from} {}

  /// The next item; nothing when there are no more.
  next_item<T> next() { return detail::next_of(*this->state_.get(), *from_); }
  /// Why there are no more; OK when the server said all it had to say, and while items may still come.
  tenon::status status() const { return from_->status_now(); }

 private:
  detail::item_reader<T>* from_;
};

/// A call whose caller streams: `auto s = m.upload(); co_await s.write(part); auto sum = co_await s.finish();`
///
/// Destroying it before `finish` cancels the call.
template <class T, class R>
class [[nodiscard]] stream_writer : public detail::stream_handle<R> {
 public:
  using value_type = T;

  stream_writer(detail::call_reference<detail::call_state<R>> state, detail::typed_writer<T>& to) noexcept : detail::stream_handle<R>{std::move(state)}, to_{&to} {}

  /// Sends one item. The call it returns ends when the item has left: that waits while the server has not read what was sent before. Wait for it, so that no memory fills up.
  /// In a coroutine under g++ 12 name a struct first: one that is made within a `co_await` is copied byte by byte there.
  ///
  /// Errors  the call's own when it has ended; failed_precondition when the server has answered already, and after `finish`.
  call<void> write(const T& item) { return to_->write(item); }
  /// No item follows: gives the call, with the server's answer. Once: a second call says that the result was taken.
  call<R> finish() {
    to_->close_from_anywhere();
    return call<R>{this->hand_on()};
  }

 private:
  detail::typed_writer<T>* to_;
};

/// A call whose both sides stream, each at its own pace: `write` and `next` as those of the two others.
template <class T, class U>
class [[nodiscard]] stream_pair : public detail::stream_handle<void> {
 public:
  stream_pair(detail::call_reference<detail::call_state<void>> state, detail::typed_writer<T>& to, detail::item_reader<U>& from) noexcept
      : stream_handle<void>{std::move(state)}, to_{&to}, from_{&from} {}

  call<void> write(const T& item) { return to_->write(item); }
  /// No item follows. The server's may still come.
  void end_writing() { to_->close_from_anywhere(); }
  next_item<U> next() { return detail::next_of(*this->state_.get(), *from_); }
  tenon::status status() const { return from_->status_now(); }

 private:
  detail::typed_writer<T>* to_;
  detail::item_reader<U>* from_;
};

}  // namespace tenon::inline v0
