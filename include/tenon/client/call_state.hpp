// A call as the client's loop holds it: what the channel sees, and where the result waits for whoever takes it. Client layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/core/frame_cache.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/net/timer_wheel.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::detail {

// Templates with one instance each: a program that has no client does not compile them.
template <class Io>
class basic_channel;
using channel = basic_channel<asio::io_context>;
template <class Io>
class basic_link;
using link = basic_link<asio::io_context>;
class call_list;
class pending_table;

// What the channel knows of a call. Two own it: the caller's handle, and until it has ended the loop. Its timer is its deadline.
class call_base : public from_frame_cache, public net::timer {
 public:
  call_base(const call_base&) = delete;
  call_base& operator=(const call_base&) = delete;

  /// Starts or restarts it; on the loop's thread.
  virtual void start() = 0;
  /// The answer of the attempt that is under way.
  virtual void replied(const protocol::reply& answer) = 0;
  /// The attempt that is under way ends without an answer.
  virtual void failed(status why) = 0;
  /// Ends a call that was never started, on any thread.
  virtual void refused(status why) = 0;
  /// Ends the whole call, whatever it is at.
  virtual void cancelled(status why) = 0;
  // Of a call that streams: an item of its answer; how many bytes more it may send.
  virtual void item(protocol::serialization codec, std::string_view payload) { (void)codec, (void)payload; }
  virtual void credit(std::int64_t bytes) { (void)bytes; }

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // The last owner need not write what nobody will read: nobody else is left who could retain.
    if (references_.load(std::memory_order_acquire) == 1 || references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  /// Of an owner on the loop's thread. With two of them both are there, and no other thread counts.
  void release_here() noexcept {
    if (references_.load(std::memory_order_acquire) == 2) references_.store(1, std::memory_order_relaxed);
    else release();
  }
  /// It is next. With many calls under way the first of its lines would be waited for, and then the next.
  void expect() const noexcept {
    for (std::size_t at = 0; at < expected_bytes; at += 64) __builtin_prefetch(reinterpret_cast<const char*>(this) + at, 1);
  }
  channel& via() const noexcept { return channel_; }
  bool done() const noexcept { return phase_.load(std::memory_order_acquire) >= phase::done; }

 protected:
  static constexpr std::size_t expected_bytes = 384;
  enum class phase : std::uint32_t { open, listened, done, taken };

  explicit call_base(channel& via) noexcept;
  virtual ~call_base();

  channel& channel_;
  std::atomic<phase> phase_{phase::open};

 private:
  friend channel;
  friend link;
  friend class call_list;
  friend class pending_table;
  std::atomic<std::uint32_t> references_{2};  // the caller's, and the loop's until the call has ended
  // The channel's: where this call stands there.
  enum class place : std::uint8_t { nowhere, waiting, sent, parked };
  place place_ = place::nowhere;
  bool patient_ = false;      // waiting: for a connection however often connecting fails
  std::uint32_t slot_ = 0;    // sent: its slot; waiting: for which attempt to connect
  link* link_ = nullptr;      // sent: by which connection
  call_base* next_ = nullptr;
  call_base** previous_ = nullptr;
};

// Keeps one of a call's references.
template <class State>
class call_reference {
 public:
  call_reference() noexcept = default;
  explicit call_reference(State* adopted) noexcept : state_{adopted} {}
  call_reference(call_reference&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  call_reference& operator=(call_reference&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~call_reference() {
    if (state_ != nullptr) state_->release();
  }
  State* operator->() const noexcept { return state_; }
  State* get() const noexcept { return state_; }
  /// On the loop's thread.
  void reset_here() noexcept {
    if (State* const held = std::exchange(state_, nullptr); held != nullptr) held->release_here();
  }
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  State* state_ = nullptr;
};

template <class T>
class call_state;

// Who takes the result: told once, on the loop's thread.
template <class T>
class consumer {
 public:
  virtual void completed(call_state<T>& state) = 0;

 protected:
  ~consumer() = default;
};

// What a call gives whose result somebody has had.
template <class T>
[[gnu::cold, gnu::noinline]] result<T> taken_already() {
  return status{code::failed_precondition, "the call's result was taken already; it is given once, by get(), then() or co_await"};
}

// The typed half: the result, and the one who waits for it.
template <class T>
class call_state : public call_base {
 public:
  /// False when the result is there already; the consumer is not told then.
  bool listen(consumer<T>& who) noexcept {
    consumer_ = &who;
    phase expected = phase::open;
    return phase_.compare_exchange_strong(expected, phase::listened, std::memory_order_acq_rel);
  }
  /// The same on the loop's thread, where nobody else ends the call meanwhile.
  bool listen_here(consumer<T>& who) noexcept {
    consumer_ = &who;
    if (phase_.load(std::memory_order_relaxed) != phase::open) return false;
    phase_.store(phase::listened, std::memory_order_relaxed);
    return true;
  }
  /// The consumer goes before the result came; on the loop's thread.
  void unlisten() noexcept {
    phase expected = phase::listened;
    phase_.compare_exchange_strong(expected, phase::open, std::memory_order_acq_rel);
  }
  void block() const noexcept { phase_.wait(phase::open, std::memory_order_acquire); }
  result<T> take() { return std::move(*value_); }
  /// Of a caller who keeps the call: only the first gets the result. The state stays its own, since another thread may be about to cancel it.
  result<T> take_and_mark() {
    result<T> given = take_unless_taken();
    phase_.store(phase::taken, std::memory_order_relaxed);
    return given;
  }
  result<T> take_unless_taken() {
    if (phase_.load(std::memory_order_relaxed) == phase::taken) [[unlikely]] return taken_already<T>();
    return take();
  }
  /// Where a small consumer may live: it goes before the call does.
  static constexpr std::size_t consumer_room = 32;
  void* room() noexcept { return room_.data(); }

 protected:
  using call_base::call_base;

  /// Where an answer is read into: a value as it was made.
  auto& fresh_value()
    requires(!std::is_void_v<T>)
  {
    return *value_.emplace();
  }

  /// The one end of every call: OK keeps the value that was read, or a default one when none was.
  void complete(status why) {
    if (!why.ok()) [[unlikely]] value_.emplace(std::move(why));
    else if (!value_) [[unlikely]] value_.emplace(default_value());
    disarm();
    // Once somebody listens nobody else changes the phase, and nobody blocks: no exchange, no waking.
    if (phase_.load(std::memory_order_acquire) == phase::listened) phase_.store(phase::done, std::memory_order_release);
    else if (phase_.exchange(phase::done, std::memory_order_acq_rel) != phase::listened) return phase_.notify_all();
    consumer_->completed(*this);
  }

 private:
  static result<T> default_value() {
    if constexpr (std::is_void_v<T>) return {};
    else return T{};
  }

  std::optional<result<T>> value_;
  consumer<T>* consumer_ = nullptr;
  alignas(std::max_align_t) std::array<std::byte, consumer_room> room_;
};

}  // namespace tenon::inline v0::detail
