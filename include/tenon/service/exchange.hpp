// One call on its way between a connection and a handler: what both sides of the router pass to each other. Service layer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/frame_cache.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::service {

class pending;

/// Where the answers of handlers that take their time go: the connection the call came by. It knows the time as well.
class answer_sink : public tenon::detail::origin {
 public:
  /// The time now, not that of the batch.
  virtual instant read_clock() = 0;
  /// Calls `call.woken()` at `when`, unless the call has gone by then; a later `when` replaces an earlier one.
  virtual void wake_at(pending& call, instant when) = 0;
  /// The context's deadline is another one than when the call was kept: after its wait a policy has begun that allows less.
  virtual void deadline_changed(pending& call) = 0;
  /// The handler has ended, on its loop's thread. Writes the answer if anybody still wants it, and disposes of the call.
  virtual void finished(pending& call) = 0;

  // For calls that stream, where the sink lets them.
  /// One more open stream. Returns how many bytes of items the caller may send before they are read; 0 when there are too many streams.
  virtual std::int64_t open_stream() { return 0; }
  /// Writes the item that `call.write_item` appends. False when there is no room: `room` is woken when there is some. Adds to `cost` what it takes of the credit.
  virtual bool send_item(pending& call, tenon::waiter& room, std::int64_t& cost) { return (void)call, (void)room, (void)cost, false; }
  /// The handler has taken items: the caller may send as many more. At first: as many bytes as it may send at all.
  virtual void give_credit(pending& call, const protocol::items_taken& taken) { (void)call, (void)taken; }

 protected:
  using origin::origin;
  ~answer_sink() = default;
};

/// A call whose handler has not ended, being a coroutine, or has not begun, since a policy lets it wait.
class pending : public tenon::detail::from_frame_cache {
 public:
  /// Something the sink keeps beside the call: its deadline's timer.
  struct attachment : tenon::detail::from_frame_cache {
    virtual ~attachment() = default;
  };

  pending() = default;
  pending(const pending&) = delete;
  pending& operator=(const pending&) = delete;
  virtual ~pending() { leave(); }

  /// Appends the handler's value to `out`, or says why there is none. Once, after the handler has ended.
  virtual status write_value(buffer& out) = 0;
  /// The sink is ready for the answer: lets the handler go on. It may end at once.
  virtual void go_on() = 0;
  /// The time has come for which it asked.
  virtual void woken() {}
  /// Nobody wants the call any more: destroys it, or lets it destroy itself when its handler ends. The sink is not told again.
  virtual void dispose() noexcept = 0;

  // Of a call that streams. Each of these may let the handler go on, and so end the call.
  /// Appends the item at which the handler stands. False when that cannot be done: what was appended is to be forgotten.
  virtual bool write_item(buffer& out) { return (void)out, false; }
  virtual void take_item(std::string_view payload) { (void)payload; }
  /// No more items; `why` is not OK when the caller did not mean to end.
  virtual void items_ended(status why) { (void)why; }
  virtual void add_credit(std::int64_t bytes) { (void)bytes; }

  protocol::reply_address address;
  tenon::context context;
  std::unique_ptr<attachment> watch;
  std::unique_ptr<attachment> alarm;
  bool elsewhere = false;  ///< its handler runs on another thread: until it has ended, nobody else looks at what it writes into its context
  bool answered = false;   ///< nobody waits any more: the deadline has passed, or the caller is gone
  bool streams = false;    ///< one of the sink's open streams

  // The sink's list of its open calls.
  void join(pending*& first) noexcept {
    next_ = first;
    previous_ = &first;
    if (first != nullptr) first->previous_ = &next_;
    first = this;
  }
  void leave() noexcept {
    if (previous_ != nullptr) *previous_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    previous_ = nullptr;
    next_ = nullptr;
  }
  pending* next() const noexcept { return next_; }

 private:
  pending** previous_ = nullptr;
  pending* next_ = nullptr;
};

/// What became of a call when the router gives it back.
enum class disposition : std::uint8_t {
  answered,  ///< the value has been appended to `exchange::out`
  refused,   ///< `exchange::error` says why; what was appended is to be forgotten
  pending,   ///< `exchange::under_way` is the sink's from now on: it forgets what was appended, lists the call, lets it `go_on`, and disposes of it in the end
};

/// One request, with everything a handler may need of the connection. Lives on the connection's stack.
struct exchange {
  const protocol::request& call;
  buffer& out;
  const limits& bounds;
  answer_sink& sink;
  asio::io_context* io = nullptr;
  std::string_view peer;
  instant arrived{};  ///< when its last bytes were read
  instant now{};
  instant deadline = instant::never();
  status error{};
  metadata response{};
  pending* under_way = nullptr;

  disposition refuse(status why) {
    error = std::move(why);
    return disposition::refused;
  }
};

}  // namespace tenon::inline v0::service
