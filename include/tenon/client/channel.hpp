// What a client calls by: connections to one address, made when needed and made again when lost, and the calls that wait for one. Client layer.
// Long because it is one state machine: where a call stands, and what ends it, is decided by the state of the connections.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <tenon/client/backoff.hpp>
#include <tenon/client/call_list.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/connection_state.hpp>
#include <tenon/client/link.hpp>
#include <tenon/client/options.hpp>
#include <tenon/core/clock.hpp>
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

// Laws    every call that is submitted ends exactly once: by its answer, its deadline, a cancel, the loss of the link, or the end of the channel. An end says
//         not_executed exactly when no peer can have got the whole of the request.
//         Everything but `submit_from_elsewhere`, `cancel`, `move_to`, `current` and `late_replies` happens on the loop's thread.
template <class Io>
class basic_channel final : private net::connector::waiter, private link_owner {
 public:
  basic_channel(Io& io, std::unique_ptr<net::connector> to, const client_options& options)
      : destroy_{[](basic_channel* self) noexcept { delete self; }},
        loop_{net::loop::of(io)},
        connector_{std::move(to)},
        options_{options},
        room_{options.max_connections > 1 ? (std::min)(options.calls_per_connection, options.max_pending_calls) : options.max_pending_calls},
        backoff_{options.seed != 0 ? options.seed : static_cast<std::uint64_t>(steady_clock{}.now().ns) ^ reinterpret_cast<std::uintptr_t>(this)},
        dial_watch_{*this},
        redial_{*this} {}
  basic_channel(const basic_channel&) = delete;
  basic_channel& operator=(const basic_channel&) = delete;

  net::loop& loop() const noexcept { return loop_; }
  const client_options& options() const noexcept { return options_; }
  connection_state current() const noexcept { return state_.load(std::memory_order_relaxed); }
  bool ready() const noexcept { return link_ != nullptr; }
  bool open() const noexcept { return current() != connection_state::closed; }
  std::string url() const { return connector_ ? connector_->url() : std::string{}; }
  /// Answers that came when nobody waited for them any more.
  std::uint64_t late_replies() const noexcept { return late_replies_.load(std::memory_order_relaxed); }

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy_(this);
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
  /// From any thread: new calls, and those that wait, go to another address; calls that were sent end where they are.
  [[gnu::cold]] void move_to(std::unique_ptr<net::connector> to) {
    if (loop_.on_this_thread()) return move_here(std::move(to));
    retain();
    detail::post(loop_.io(), [self = std::unique_ptr<channel, releaser>{this}, to = std::move(to)]() mutable { self->move_here(std::move(to)); });
  }

  /// Sends one attempt; `write_payload(buffer&)` appends its payload. The call must be ready() or wait by `queue`.
  ///
  /// Returns false when a hook has refused it: the call has been told by `failed`.
  template <class WritePayload>
  bool send(call_base& call, protocol::outgoing& head, WritePayload&& write_payload) {
    if (options_.hooks.before_send != nullptr) [[unlikely]] {
      if (status veto = options_.hooks.before_send(options_.hooks.object, head); !veto.ok()) return refuse(call, std::move(veto)), false;
    }
    link_->write(call, head, std::forward<WritePayload>(write_payload));
    if (!batching_) link_->flush();
    return true;
  }

  // For calls that stream: each does nothing unless the call is under way on a connection.
  bool streams() const noexcept { return link_->streams(); }
  std::int64_t first_credit() const noexcept { return link_->first_credit(); }
  bool is_sent(const call_base& call) const noexcept { return call.place_ == call_base::place::sent; }
  /// Returns what the item takes of the call's credit.
  template <class WritePayload>
  std::int64_t send_item(call_base& call, protocol::serialization codec, WritePayload&& write_payload) {
    std::int64_t cost = 0;
    with_link(call, [&](link& by) { cost = by.write_item(call, codec, std::forward<WritePayload>(write_payload)); });
    return cost;
  }
  void end_items(call_base& call) {
    with_link(call, [&](link& by) { by.write_end(call); });
  }
  void give_credit(call_base& call, const protocol::items_taken& taken) {
    with_link(call, [&](link& by) { by.write_credit(call, taken); });
  }

  /// Lets the call wait for the connection, which is made if need be; `call.start()` is called when it stands. A patient one waits however often that fails.
  void queue(call_base& call) { queue(call, options_.wait_for_ready); }
  [[gnu::cold]] void queue(call_base& call, bool patient) {
    if (!refusal_.ok()) return call.failed(refusal_);
    if (!open()) return call.failed(closed_here());
    if (waiting_.size() + patient_.size() >= options_.max_pending_calls) return call.failed(too_many());
    const bool early = current() == connection_state::backoff && loop_.now() < next_dial_;
    if (early && !patient) return call.failed(too_early());
    call.place_ = call_base::place::waiting;
    call.patient_ = patient;
    call.slot_ = dialing_ ? attempt_ : attempt_ + 1;
    (patient ? patient_ : waiting_).push_back(call);
    if (early) loop_.arm(redial_, next_dial_);
    else if (!dialing_) dial();
  }
  /// Whether one more call would be more than the options allow, on every connection there is. Makes another one when those are busy.
  bool full() {
    if (link_->calls() + waiting_.size() < room_ && link_->unsent_bytes() < options_.max_unsent_bytes) [[likely]] return false;
    return !make_room();
  }
  [[gnu::cold]] status too_many() const {
    return status{refused_here(code::resource_exhausted), join_text({"too many calls under way on ", url(), "; ", number_text{options_.max_pending_calls}, " calls and ",
                                                                     number_text{options_.max_unsent_bytes}, " unsent bytes are allowed"})};
  }

  /// Keeps a call that is between two attempts, so that the end of the channel ends it too. It withdraws before it goes on.
  void park(call_base& call) noexcept {
    call.place_ = call_base::place::parked;
    parked_.push_back(call);
  }

  /// There is no address: every call fails with this, until the channel moves to one. Before the first call.
  void refuse_all(status why) {
    refusal_ = std::move(why);
    refusal_.add_flag(outcome::local).add_flag(outcome::not_executed).add_flag(outcome::no_retry);
  }

  /// Whether the attempt that is under way waits for a connection: no peer has heard of it.
  bool waits(const call_base& call) const noexcept { return call.place_ == call_base::place::waiting; }

  /// The call leaves the channel, whatever it was at: a later answer to it is dropped, and the peer is told not to go on. True when it was here.
  bool withdraw(call_base& call) {
    switch (std::exchange(call.place_, call_base::place::nowhere)) {
      case call_base::place::nowhere: return false;
      case call_base::place::waiting: (call.patient_ ? patient_ : waiting_).remove(call); break;
      case call_base::place::sent: cancel_sent(call); break;
      case call_base::place::parked: parked_.remove(call); break;
    }
    return true;
  }

  /// Ends every call, whatever it is at, and the connections. Nothing is tried again. Idempotent.
  [[gnu::cold]] void close(const status& why) {
    if (!open()) return;
    retain();
    // What they belong to may be gone by now.
    options_.hooks = {};
    const bool was_dialing = stop_dialing();
    link_ = nullptr;
    become(connection_state::closed);
    status unsent = why;
    unsent.add_flag(outcome::not_executed);
    for (link* each : std::exchange(links_, {})) {
      // One that is lost at this moment is dropped where its end began.
      if (each->end([&](call_base& call, bool is_unsent) { end(call, is_unsent ? unsent : why); })) each->drop();
    }
    for (call_list* list : {&waiting_, &patient_}) {
      while (!list->empty()) end(*list->front(), unsent);
    }
    while (!parked_.empty()) end(*parked_.front(), why);
    for (const posted& each : take_inbox(true)) {
      end(*each.call, each.cancel ? cancelled_here() : unsent);
      each.call->release();
    }
    connector_.reset();
    loop_.rest();
    if (was_dialing) release();
    release();
  }

  static status cancelled_here() { return status{outcome{.code = code::cancelled, .flags = outcome::local}, "the call was cancelled by its caller"}; }

  template <class F>
  void guard_user_code(F&& f) {
    detail::guard_user_code(loop_.io(), std::forward<F>(f));
  }

 private:
  struct posted {
    call_base* call;
    bool cancel;
  };
  struct releaser {
    void operator()(channel* held) const noexcept { held->release(); }
  };

  // Closed by then: whoever made it closes it.
  ~basic_channel() = default;

  [[gnu::cold]] static status closed_here() { return status{refused_here(code::unavailable), "the client is closed"}; }

  void end(call_base& call, status why) {
    if (waits(call)) why.add_flag(outcome::not_executed);
    withdraw(call);
    if (call.done()) return;
    guard_user_code([&] { call.cancelled(std::move(why)); });
  }
  void fail(call_base& call, const status& why) {
    withdraw(call);
    guard_user_code([&] { call.failed(why); });
  }
  [[gnu::cold]] static void refuse(call_base& call, status why) {
    why.add_flag(outcome::local).add_flag(outcome::not_executed);
    call.failed(std::move(why));
  }
  [[gnu::cold]] void cancel_sent(call_base& call) {
    link& by = *call.link_;
    by.cancel(call);
    if (batching_ && &by == link_) return;
    now();
    by.flush();
  }

  template <class F>
  void with_link(call_base& call, F&& f) {
    if (!is_sent(call)) return;
    link& by = *call.link_;
    f(by);
    if (batching_ && &by == link_) return;
    now();
    by.flush();
  }

  // --- calls from other threads

  void post(posted what) {
    bool taken = false;
    {
      const std::lock_guard guard{inbox_mutex_};
      if (!inbox_closed_) {
        what.call->retain();
        inbox_.push_back(what);
        if (inbox_.size() > 1) return;
        taken = true;
      }
    }
    // Between these two the channel may be closed, which ends what was taken.
    if (taken) return wake();
    // A channel that is closed has ended its calls; this one comes after that.
    if (!what.cancel) what.call->refused(refusal_.ok() ? closed_here() : refusal_);
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
      if (self->link_ != nullptr) self->link_->flush_batch();
    });
  }
  std::vector<posted> take_inbox(bool last) {
    const std::lock_guard guard{inbox_mutex_};
    inbox_closed_ = inbox_closed_ || last;
    return std::exchange(inbox_, {});
  }

  // --- the state

  void become(connection_state next) {
    if (state_.exchange(next, std::memory_order_relaxed) == next) return;
    if (options_.hooks.state_changed != nullptr) [[unlikely]] (void)options_.hooks.state_changed(options_.hooks.object, next);
  }

  // --- dialing: one attempt at a time

  // Ends an attempt to connect that takes too long.
  struct dial_watch final : net::timer {
    explicit dial_watch(channel& owner) : self{owner} {}
    void expired() override {
      self.connector_->cancel();
      self.connect_failed(std::make_error_code(std::errc::timed_out));
    }
    channel& self;
  };
  // The next attempt, for those that wait for it.
  struct redial final : net::timer {
    explicit redial(channel& owner) : self{owner} {}
    void expired() override {
      if (self.wanted()) self.dial();
      else self.become(connection_state::idle);
    }
    channel& self;
  };

  bool wanted() const noexcept { return options_.reconnect.stay_connected || !waiting_.empty() || !patient_.empty(); }

  [[gnu::cold]] void dial() {
    redial_.disarm();
    dialing_ = true;
    ++attempt_;
    retain();
    if (link_ == nullptr) become(connection_state::connecting);
    if (options_.hooks.dial != nullptr) {
      if (const status veto = options_.hooks.dial(options_.hooks.object, connector_->url()); !veto.ok()) {
        return dial_failed(status{veto}.set_message(join_text({"connect ", url(), ": ", veto.message()})));
      }
    }
    loop_.arm(dial_watch_, loop_.refresh() + options_.connect_timeout);
    connector_->connect(*this);
  }
  // Returns whether an attempt was under way; its reference is the caller's then.
  bool stop_dialing() noexcept {
    redial_.disarm();
    dial_watch_.disarm();
    if (connector_) connector_->cancel();
    return std::exchange(dialing_, false);
  }

  [[gnu::cold]] void connected(std::unique_ptr<net::stream> opened) override {
    dial_watch_.disarm();
    dialing_ = false;
    std::unique_ptr<protocol::client_session> session;
    if (options_.sessions != nullptr) session = options_.sessions(url(), options_.limits);
    else session = std::make_unique<protocol::rpcx_client_session>(options_.limits);
    if (options_.compression != nullptr) session->use(*options_.compression, options_.compress_from_bytes);
    link_ = new link{loop_, std::move(opened), std::move(session), options_, *this, url()};
    links_.push_back(link_);
    loop_.refresh();
    batching_ = true;
    link_->start();
    if (options_.hooks.connected != nullptr) (void)options_.hooks.connected(options_.hooks.object, link_->url());
    become(connection_state::ready);
    // In the order in which they came, the patient ones last; a call that is started may queue others behind.
    for (call_list* list : {&waiting_, &patient_}) {
      while (!list->empty() && link_ != nullptr) {
        call_base& next = *list->front();
        withdraw(next);
        guard_user_code([&] { next.start(); });
      }
    }
    batching_ = false;
    if (link_ != nullptr) link_->flush();
    release();
  }

  [[gnu::cold]] void connect_failed(const std::error_code& error) override {
    dial_failed(status{code::unavailable, join_text({"connect ", url(), ": ", error.message()})});
  }
  [[gnu::cold]] void dial_failed(status why) {
    dial_watch_.disarm();
    dialing_ = false;
    why.add_flag(outcome::local).add_flag(outcome::not_executed);
    if (options_.hooks.dial_failed != nullptr) (void)options_.hooks.dial_failed(options_.hooks.object, url(), why);
    back_off(why);
    // Those that waited for this attempt, or for one that was given up for it; callers may try again at once, and are told when the next one is due.
    const std::uint32_t attempt = attempt_;
    while (link_ == nullptr && !waiting_.empty() && static_cast<std::int32_t>(waiting_.front()->slot_ - attempt) <= 0) fail(*waiting_.front(), why);
    release();
  }
  [[gnu::cold]] void back_off(const status& why) {
    next_dial_ = loop_.refresh() + backoff_.next(options_.reconnect);
    last_failure_ = why;
    if (link_ != nullptr) return;
    become(connection_state::backoff);
    if (options_.reconnect.stay_connected || !patient_.empty()) loop_.arm(redial_, next_dial_);
    else loop_.rest();
  }
  [[gnu::cold]] status too_early() const {
    const std::int64_t tenths = ((next_dial_ - loop_.now()).milliseconds() + 50) / 100;
    return status{last_failure_.outcome(), join_text({last_failure_.message(), "; next attempt in ", number_text{tenths / 10}, ".", number_text{tenths % 10}, " s"})};
  }

  [[gnu::cold]] void move_here(std::unique_ptr<net::connector> to) {
    if (!open()) return;
    const std::unique_ptr<channel, releaser> attempt_reference{stop_dialing() ? this : nullptr};
    connector_ = std::move(to);
    refusal_ = {};
    backoff_.start_over();
    flighty_ = false;
    link_ = nullptr;
    become(connection_state::idle);
    // A link that has nothing under way leaves the list at once.
    const std::vector<link*> old = links_;
    for (link* each : old) each->leave();
    if (wanted()) dial();
  }

  // --- the links

  void batch_begins() override {
    retain();
    batching_ = true;
  }
  void batch_ended(link& which) noexcept override {
    batching_ = false;
    // Calls made in this batch may have gone by another link.
    if (link_ != nullptr && link_ != &which) [[unlikely]] link_->flush();
    release();
  }
  void answer_came_late() noexcept override { late_replies_.fetch_add(1, std::memory_order_relaxed); }

  [[gnu::cold]] void link_lost(link& which, std::string_view why) override {
    const std::unique_ptr<channel, releaser> held{(retain(), this)};
    batching_ = false;
    const status lost{outcome{.code = code::unavailable, .flags = outcome::local}, join_text({"the connection to ", which.url(), " was lost: ", why})};
    status unsent = lost;
    unsent.add_flag(outcome::not_executed);
    if (which.proven()) {
      backoff_.start_over();
      flighty_ = false;
    }
    set_aside(which);
    // A peer that hangs up before it has said anything may do so once; from then on that is an attempt that failed.
    if (link_ == nullptr && !which.proven() && std::exchange(flighty_, true)) back_off(unsent);
    which.end([&](call_base& call, bool is_unsent) { fail(call, is_unsent ? unsent : lost); });
    discard(which, lost);
    if (current() == connection_state::idle && wanted() && !dialing_) dial();
  }
  [[gnu::cold]] void link_going_away(link& which) override { set_aside(which); }
  [[gnu::cold]] void link_finished(link& which) override {
    const std::unique_ptr<channel, releaser> held{(retain(), this)};
    set_aside(which);
    which.end([](call_base&, bool) {});
    discard(which, {});
  }

  // No new calls on this one.
  void set_aside(link& which) {
    which.set_aside();
    if (which.asked_too_often()) [[unlikely]] {
      // For the next ones: the same peer will bear no more of them.
      options_.keepalive.interval = (std::max)(options_.keepalive.interval, which.keepalive().interval * 2);
      options_.keepalive.without_calls = false;
    }
    if (link_ != &which) return;
    link_ = least_busy();
    if (link_ == nullptr) become(dialing_ ? connection_state::connecting : connection_state::idle);
  }
  void discard(link& which, const status& why) {
    if (const auto found = std::find(links_.begin(), links_.end(), &which); found != links_.end()) links_.erase(found);
    if (links_.empty()) loop_.rest();
    if (options_.hooks.closed != nullptr) (void)options_.hooks.closed(options_.hooks.object, which.url(), why);
    which.drop();
  }
  link* least_busy() const noexcept {
    link* found = nullptr;
    for (link* each : links_) {
      if (!each->leaving() && (found == nullptr || each->calls() < found->calls())) found = each;
    }
    return found;
  }
  [[gnu::cold]] bool make_room() {
    link* best = least_busy();
    if (best != link_) {
      link_->flush();
      link_ = best;
    }
    const bool blocked = best->unsent_bytes() >= options_.max_unsent_bytes;
    if ((best->calls() >= options_.calls_per_connection || blocked) && links_.size() < options_.max_connections && !dialing_ && loop_.now() >= next_dial_) dial();
    return best->calls() + waiting_.size() < options_.max_pending_calls && !blocked;
  }
  // By a pointer, so that only a program that makes a channel compiles its end.
  void (*destroy_)(basic_channel*) noexcept;
  net::loop& loop_;
  std::unique_ptr<net::connector> connector_;
  client_options options_;
  link* link_ = nullptr;  // for new calls
  std::size_t room_;      // calls on it, before others are looked at
  bool batching_ = false;
  bool dialing_ = false;
  bool flighty_ = false;  // the last connection was lost before the peer had said anything
  std::vector<link*> links_;
  call_list waiting_;
  call_list patient_;
  call_list parked_;
  std::uint32_t attempt_ = 0;  // to connect
  backoff backoff_;
  instant next_dial_{};
  status last_failure_;
  status refusal_;
  dial_watch dial_watch_;
  redial redial_;
  std::atomic<connection_state> state_{connection_state::idle};
  std::atomic<std::uint64_t> late_replies_{0};
  std::atomic<std::uint32_t> references_{1};
  std::mutex inbox_mutex_;
  std::vector<posted> inbox_;
  bool inbox_closed_ = false;
};

inline net::loop& loop_of(const call_base& call) noexcept { return call.via().loop(); }
inline asio::io_context& io_of(const call_base& call) noexcept { return call.via().loop().io(); }
// Its client has been closed, and a loop of the client's own has gone with it: what is asked of the call from here on is answered at once, where it is asked.
inline bool outlived_its_client(const call_base& call) noexcept { return call.done() && !call.via().open(); }

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
  bool done() const noexcept { return call_->done(); }

 private:
  call_base* call_;
};

// Nobody will take the result any more.
inline void abandon(call_base& call) noexcept { shared_call{call}.cancel(); }

inline call_base::call_base(channel& via) noexcept : channel_{via} { via.retain(); }
inline call_base::~call_base() { channel_.release(); }

#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_channel<asio::io_context>;
#endif

}  // namespace tenon::inline v0::detail
