// One multiplexed connection of a client: connects when needed, matches answers to calls, sends what a batch produced at once. Client layer.
// Long because it is one state machine: where a call stands, and what ends it, is decided by the connection's state.
#pragma once

#include <tenon/core/asio.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <tenon/client/call_state.hpp>
#include <tenon/client/link.hpp>
#include <tenon/client/options.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/net/timer_wheel.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/rpcx_client.hpp>

namespace tenon::inline v0::detail {

// Laws    every call that is submitted ends exactly once: by its answer, its deadline, a cancel, the loss of the link, or the end of the channel.
//         Everything but `submit_from_elsewhere` and `cancel` happens on the loop's thread.
class channel final : private net::connector::waiter, private link_owner {
 public:
  enum class state : std::uint8_t { idle, connecting, ready, closed };

  channel(asio::io_context& io, std::unique_ptr<net::connector> to, const client_options& options)
      : loop_{net::loop::of(io)}, connector_{std::move(to)}, options_{options}, connect_watch_{*this} {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  net::loop& loop() const noexcept { return loop_; }
  const client_options& options() const noexcept { return options_; }
  state current() const noexcept { return state_; }
  bool ready() const noexcept { return state_ == state::ready; }
  bool open() const noexcept { return state_ != state::closed; }
  std::string url() const { return connector_ ? connector_->url() : std::string{}; }
  /// Answers that came when nobody waited for them any more.
  std::uint64_t late_replies() const noexcept { return late_replies_; }

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// The time for a call that starts now.
  instant now() noexcept { return batching_ ? loop_.now() : loop_.refresh(); }

  /// From any thread: the loop starts the call soon, together with whatever else has been submitted by then.
  void submit_from_elsewhere(call_base& call) {
    post({&call, false});
  }
  /// From any thread: ends the call with `cancelled` unless it has ended.
  void cancel(call_base& call) {
    if (loop_.on_this_thread()) return end(call, cancelled_here());
    post({&call, true});
  }

  /// Sends one attempt; `write_payload(buffer&)` appends its payload. The call must be ready() or wait by `queue`.
  template <class WritePayload>
  void send(call_base& call, protocol::outgoing& head, WritePayload&& write_payload) {
    if (!head.one_way) head.id = take_slot(call);
    link_->write(head, std::forward<WritePayload>(write_payload));
    if (!batching_) link_->flush();
  }

  /// Lets the call wait for the connection, which is made if need be; `call.start()` is called when it stands.
  void queue(call_base& call) {
    if (!refusal_.ok()) return call.failed(refusal_);
    if (state_ == state::closed) return call.failed(status{refused_here(code::unavailable), "the client is closed"});
    if (full()) return call.failed(too_many());
    if (state_ == state::idle) connect();
    call.place_ = call_base::place::waiting;
    call.slot_ = attempt_;
    call.previous_ = last_waiting_;
    *last_waiting_ = &call;
    last_waiting_ = &call.next_;
    ++waiting_count_;
  }
  /// Whether one more call would be more than the options allow.
  bool full() const noexcept {
    return waiting_count_ + sent_count_ >= options_.max_pending_calls || (link_ != nullptr && link_->unsent_bytes() >= options_.max_unsent_bytes);
  }
  [[gnu::cold]] status too_many() const {
    return status{refused_here(code::resource_exhausted), join_text({"too many calls under way on ", url(), "; ", number_text{options_.max_pending_calls}, " calls and ",
                                                                     number_text{options_.max_unsent_bytes}, " unsent bytes are allowed"})};
  }

  /// Keeps a call that is between two attempts, so that the end of the channel ends it too. It withdraws before it goes on.
  void park(call_base& call) noexcept {
    call.place_ = call_base::place::parked;
    call.previous_ = &first_parked_;
    call.next_ = first_parked_;
    if (first_parked_ != nullptr) first_parked_->previous_ = &call.next_;
    first_parked_ = &call;
  }

  /// There is no address: every call fails with this. Before the first call.
  void refuse_all(status why) {
    refusal_ = std::move(why);
    refusal_.add_flag(outcome::local).add_flag(outcome::not_executed).add_flag(outcome::no_retry);
  }

  /// The call leaves the channel, whatever it was at: a later answer to it is dropped. True when it was here.
  bool withdraw(call_base& call) noexcept {
    switch (std::exchange(call.place_, call_base::place::nowhere)) {
      case call_base::place::nowhere: return false;
      case call_base::place::waiting: leave_queue(call); break;
      case call_base::place::sent: free_slot(call.slot_); break;
      case call_base::place::parked: unlink(call); break;
    }
    return true;
  }

  /// Ends every call, whatever it is at, and the connection. Nothing is tried again. Idempotent.
  void close(const status& why) {
    if (state_ == state::closed) return;
    retain();
    const bool was_connecting = std::exchange(state_, state::closed) == state::connecting;
    connect_watch_.disarm();
    if (connector_) connector_->cancel();
    drop_link();
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      if (call_base* call = slots_[index].call; call != nullptr) end(*call, why);
    }
    while (first_waiting_ != nullptr) end(*first_waiting_, why);
    while (first_parked_ != nullptr) end(*first_parked_, why);
    for (const posted& each : take_inbox(true)) {
      end(*each.call, why);
      each.call->release();
    }
    connector_.reset();
    loop_.rest();
    if (was_connecting) release();
    release();
  }

  /// User code runs in the middle of a batch; what it throws must not tear the batch: it leaves io.run() a moment later.
  template <class F>
  void guard_user_code(F&& f) {
#if defined(__cpp_exceptions)
    // What is run may end this channel.
    asio::io_context& io = loop_.io();
    try {
      f();
    } catch (...) {
      detail::post(io, [thrown = std::current_exception()] { std::rethrow_exception(thrown); });
    }
#else
    f();
#endif
  }

 private:
  struct posted {
    call_base* call;
    bool cancel;
  };
  struct slot {
    call_base* call = nullptr;
    std::uint32_t generation = 0;
    std::uint32_t next_free = 0;
  };
  static constexpr std::uint32_t no_slot = 0xFFFFFFFF;

  // Closed by then: whoever made it closes it.
  ~channel() = default;

  static status cancelled_here() { return status{outcome{.code = code::cancelled, .flags = outcome::local}, "the call was cancelled by its caller"}; }

  void end(call_base& call, status why) {
    withdraw(call);
    if (call.done()) return;
    guard_user_code([&] { call.cancelled(std::move(why)); });
  }

  void post(posted what) {
    {
      const std::lock_guard guard{inbox_mutex_};
      // A channel that is closed has ended its calls.
      if (inbox_closed_) return;
      what.call->retain();
      inbox_.push_back(what);
      if (inbox_.size() > 1) return;
    }
    wake();
  }
  void wake() {
    retain();
    detail::post(loop_.io(), [self = std::unique_ptr<channel, releaser>{this}] {
      self->loop_.refresh();
      self->batching_ = true;
      for (const posted& each : self->take_inbox(false)) {
        if (each.cancel) self->end(*each.call, cancelled_here());
        else if (!each.call->done()) self->guard_user_code([&each] { each.call->start(); });
        each.call->release();
      }
      self->batching_ = false;
      if (self->link_ != nullptr) self->link_->flush();
    });
  }
  std::vector<posted> take_inbox(bool last) {
    const std::lock_guard guard{inbox_mutex_};
    inbox_closed_ = last;
    return std::exchange(inbox_, {});
  }
  struct releaser {
    void operator()(channel* held) const noexcept { held->release(); }
  };

  // --- the table of calls that wait for an answer: the id's low half is the place, its high half tells this use of the place from the last

  std::uint64_t take_slot(call_base& call) {
    if (first_free_ == no_slot) {
      slots_.push_back({nullptr, 1, no_slot});
      first_free_ = static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t index = first_free_;
    slot& taken = slots_[index];
    first_free_ = taken.next_free;
    taken.call = &call;
    call.place_ = call_base::place::sent;
    call.slot_ = index;
    ++sent_count_;
    return static_cast<std::uint64_t>(taken.generation) << 32 | index;
  }

  void free_slot(std::uint32_t index) noexcept {
    slot& freed = slots_[index];
    freed.call = nullptr;
    ++freed.generation;
    freed.next_free = first_free_;
    first_free_ = index;
    --sent_count_;
  }

  static void unlink(call_base& call) noexcept {
    *call.previous_ = call.next_;
    if (call.next_ != nullptr) call.next_->previous_ = call.previous_;
    call.next_ = nullptr;
    call.previous_ = nullptr;
  }
  void leave_queue(call_base& call) noexcept {
    if (call.next_ == nullptr) last_waiting_ = call.previous_;
    unlink(call);
    --waiting_count_;
  }

  // --- connecting

  // Ends an attempt to connect that takes too long.
  struct connect_watch final : net::timer {
    explicit connect_watch(channel& owner) : self{owner} {}
    void expired() override {
      self.connector_->cancel();
      self.connect_failed(std::make_error_code(std::errc::timed_out));
    }
    channel& self;
  };

  void connect() {
    state_ = state::connecting;
    ++attempt_;
    retain();
    loop_.arm(connect_watch_, loop_.refresh() + options_.connect_timeout);
    connector_->connect(*this);
  }

  void connected(std::unique_ptr<net::stream> opened) override {
    connect_watch_.disarm();
    link_ = new link{loop_, std::move(opened), std::make_unique<protocol::rpcx_client_session>(options_.limits), *this};
    state_ = state::ready;
    loop_.refresh();
    batching_ = true;
    link_->start();
    // In the order in which they came; a call that is started may queue others behind.
    while (first_waiting_ != nullptr && state_ == state::ready) {
      call_base& next = *first_waiting_;
      withdraw(next);
      guard_user_code([&] { next.start(); });
    }
    batching_ = false;
    if (link_ != nullptr) link_->flush();
    release();
  }

  void connect_failed(const std::error_code& error) override {
    connect_watch_.disarm();
    state_ = state::idle;
    const status why{refused_here(code::unavailable), join_text({"connect ", url(), ": ", error.message()})};
    // Those that waited for this attempt; callers may try again at once, and queue behind them for the next.
    const std::uint32_t attempt = attempt_;
    while (first_waiting_ != nullptr && first_waiting_->slot_ == attempt) fail(*first_waiting_, why);
    release();
  }

  // --- the link

  void batch_begins() override {
    retain();
    batching_ = true;
  }
  void batch_ended() noexcept override {
    batching_ = false;
    release();
  }

  void on_reply(const protocol::reply& answer) override {
    const auto index = static_cast<std::uint32_t>(answer.id);
    const auto generation = static_cast<std::uint32_t>(answer.id >> 32);
    if (state_ != state::ready || index >= slots_.size() || slots_[index].generation != generation || slots_[index].call == nullptr) {
      ++late_replies_;
      return;
    }
    call_base& call = *slots_[index].call;
    withdraw(call);
    guard_user_code([&] { call.replied(answer); });
  }

  void link_lost(const std::string& why) override {
    batching_ = false;
    drop_link();
    state_ = state::idle;
    const status lost{outcome{.code = code::unavailable, .flags = outcome::local}, join_text({"the connection to ", url(), " was lost: ", why})};
    // Only calls that were sent are here: those that callers start meanwhile wait for the next connection.
    retain();
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      if (call_base* call = slots_[index].call; call != nullptr) fail(*call, lost);
    }
    release();
  }

  void drop_link() noexcept {
    if (link* dropped = std::exchange(link_, nullptr); dropped != nullptr) dropped->drop();
  }

  void fail(call_base& call, const status& why) {
    withdraw(call);
    guard_user_code([&] { call.failed(why); });
  }

  net::loop& loop_;
  std::unique_ptr<net::connector> connector_;
  client_options options_;
  state state_ = state::idle;
  status refusal_;
  link* link_ = nullptr;
  bool batching_ = false;
  std::vector<slot> slots_;
  std::uint32_t first_free_ = no_slot;
  std::size_t sent_count_ = 0;
  call_base* first_waiting_ = nullptr;
  call_base** last_waiting_ = &first_waiting_;
  std::size_t waiting_count_ = 0;
  std::uint32_t attempt_ = 0;  // to connect
  call_base* first_parked_ = nullptr;
  std::uint64_t late_replies_ = 0;
  connect_watch connect_watch_;
  std::atomic<std::uint32_t> references_{1};
  std::mutex inbox_mutex_;
  std::vector<posted> inbox_;
  bool inbox_closed_ = false;
};

inline net::loop& loop_of(const call_base& call) noexcept { return call.via().loop(); }
inline asio::io_context& io_of(const call_base& call) noexcept { return call.via().loop().io(); }

// A reference to a call by which others may cancel it.
class shared_call {
 public:
  explicit shared_call(call_base& call) noexcept : call_{&call} { call.retain(); }
  shared_call(const shared_call& other) noexcept : call_{other.call_} { call_->retain(); }
  shared_call& operator=(const shared_call&) = delete;
  ~shared_call() { call_->release(); }
  void cancel() const {
    if (!call_->done()) call_->via().cancel(*call_);
  }

 private:
  call_base* call_;
};

// Nobody will take the result any more.
inline void abandon(call_base& call) noexcept { shared_call{call}.cancel(); }

inline call_base::call_base(channel& via) noexcept : channel_{via} { via.retain(); }
inline call_base::~call_base() { channel_.release(); }

}  // namespace tenon::inline v0::detail
