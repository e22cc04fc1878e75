// One accepted connection: reads a batch, hands each request through the router, sends all answers of the batch at once. Server layer.
// Long because it is one state machine: reading, serving, late answers and the end decide on the same few flags. What it sends is in outbox.hpp.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <asio/error.hpp>

#include <tenon/core/buffer.hpp>
#include <tenon/core/kept_memory.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/streaming.hpp>
#include <tenon/server/open_calls.hpp>
#include <tenon/server/outbox.hpp>
#include <tenon/server/ping_strikes.hpp>
#include <tenon/server/serving.hpp>
#include <tenon/server/spoken_session.hpp>
#include <tenon/server/told_hooks.hpp>
#include <tenon/server/watches.hpp>
#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::detail {

/// The driver of one connection. Which of `Protocols` it speaks is told by its first bytes.
///
/// Laws    everything happens on the loop's thread; one read and one write under way at most; it lives until both have ended and every handler it started has.
template <protocol::server_session... Protocols>
class connection final : public served_connection, private net::stream_user, private service::answer_sink, private carrier {
 public:
  static void start(serving& home, std::unique_ptr<net::stream> stream) {
    auto* made = new connection{home, std::move(stream)};
    home.add(*made);
    if (const status welcome = made->hooks_.accept(made->info()); !welcome.ok()) [[unlikely]] return made->turn_away(welcome);
    made->wait_for_first_byte();
    made->read();
  }

  [[gnu::cold]] void drain() override {
    if (closed_) return;
    // Requests may cross the notice: closing at once would destroy the answers before them on their way.
    linger_ = true;
    // What the peer of a fresh connection has sent is still under way; it shall hear that it was refused, and not wonder. Its first byte gives it a message's time.
    if (!greeted_) {
      if (silent_so_far_ || !patience_.armed()) home_.loop.arm(patience_, home_.loop.refresh() + farewell);
      return;
    }
    say_that_we_go();
    if (batching_) return;
    flush();
    if (finished_everything()) end();
  }

  [[gnu::cold, gnu::noinline]] void tear_down() noexcept override {
    // Until the end of this function by the list's reference, or by one of its own when the list has let go already.
    if (std::exchange(left_, true)) retain();
    if (!std::exchange(closed_, true)) hooks_.closed(info(), "the server ends it");
    disarm_all();
    while (service::pending* each = calls_.any()) forget(*each);
    if (handle_ != nullptr) handle_->close();
    // Closed, not destroyed: a write that was cut in two may still come back to its socket.
    stream_->close();
    release();
  }

 private:
  friend patience<connection>;
  friend quiet_watch<connection>;
  friend life_watch<connection>;
  friend deadline_watch<connection>;
  friend turn_watch<connection>;
  using watch = quiet_watch<connection>;
  static constexpr std::size_t enough_to_go_behind = 16;
  static constexpr std::chrono::seconds farewell{1};
  static constexpr std::size_t most_wasted = 1024 * 1024;

  connection(serving& home, std::unique_ptr<net::stream> stream) : answer_sink{home.next_connection_id()}, home_{home}, stream_{std::move(stream)}, peer_{stream_->peer()} {
    retain();  // the list's reference
  }
  ~connection() = default;

  void retain() noexcept override { ++references_; }
  // Not inlined: g++ 12 cannot see that the reference before the last keeps the object, and warns of a use after free.
  [[gnu::noinline]] void release() noexcept override {
    if (--references_ == 0) delete this;
  }

  // --- reading

  [[gnu::noinline]] void read() {
    if (reading_ || closed_ || (stopping_ && !lingering_) || full()) return;
    // While a protocol that answers in order is busy, reading on is how we learn that the caller has gone.
    if (in_order_ && in_.size() >= kept_input::largest_read) return;
    reading_ = true;
    resting_ = false;
    if (lingering_) [[unlikely]] return read_waste();
    const std::size_t room = kept_.make_room(in_);
    stream_->read_some(in_.prepare(room), room, *this);
  }

  // After a batch, behind the other connections that are ready: asio tries to read at once whenever a read begins. Right after the answers nothing can have come yet, and the attempt would be a
  // system call in vain; when some others have had their turn it finds the next batch. Until then it is as if a read were under way.
  void read_later() {
    if (reading_ || closed_ || home_.connections < enough_to_go_behind) return read();
    reading_ = true;
    post(home_.io, [this, held = net::user_reference{*this}] {
      reading_ = false;
      if (closed_) return;
      drop_taken();
      read();
    });
  }

  [[gnu::noinline]] void read_done(const std::error_code& error, std::size_t count) override {
    reading_ = false;
    if (closed_) return;
    if (error && resting_ && error == asio::error::operation_aborted) [[unlikely]] return read_with_little();
    if (error) return close(error.message());
    hooks_.received(info(), count);
    if (closed_) return;
    if (!lingering_) in_.commit(count);
    drop_taken();
    if (lingering_) return linger_on(count);
    kept_.came(count);
    read_at_ = home_.loop.refresh();
    silence_.looks = 0;
    process();
  }

  [[gnu::cold]] void wait_for_first_byte() {
    const server_options& chosen = home_.chosen;
    if (chosen.first_byte_timeout > duration{}) home_.loop.arm(patience_, home_.loop.refresh() + chosen.first_byte_timeout);
    start(silence_);
    read_at_ = home_.loop.now();
    if (chosen.keepalive.interval > duration{}) home_.loop.arm(life_, read_at_ + chosen.keepalive.interval);
  }

  // Takes everything out of the read buffer that can be taken, then sends what that gave.
  [[gnu::noinline]] void process() {
    batching_ = true;
    held_back_ = false;
    served_any_ = false;
    out_.borrow(home_.loop.spare(), in_.size());
    while (!closed_ && !in_order_ && !stopping_ && taken_ != in_.size()) {
      if (!session_.known() && !recognise()) break;
      const protocol::consumed done = session_.with([this](auto& spoken) {
        sink<std::remove_cvref_t<decltype(spoken)>> requests{*this, spoken};
        return spoken.consume(in_.view(taken_), requests, out_.batch());
      });
      if (closed_) break;
      taken_ += done.bytes;
      greeted_ |= done.bytes != 0;
      if (done.next == protocol::consumed::state::close) {
        hang_up(done.reason);
        break;
      }
      if (done.next != protocol::consumed::state::wait || in_order_) break;
      // The answer came while the session was still on its way out; or the peer asks faster than it reads.
      flush_batch();
      held_back_ = full();
      if (held_back_) break;
    }
    batching_ = false;
    if (closed_) return;
    drop_taken();
    const bool unfinished = taken_ != in_.size() || session_.with([](const auto& spoken) { return spoken.unfinished(); });
    // Each message has its own time, so one that was complete gives the next a new start.
    if (!unfinished || in_order_ || held_back_) patience_.disarm();
    else wait_for_rest();
    if (home_.draining && greeted_) [[unlikely]] say_that_we_go();
    flush_batch();
    give_back();
    if (session_.with([](const auto& spoken) { return spoken.closing(); })) stopping_ = true;
    if (finished_everything()) return end();
    read_later();
  }

  [[gnu::cold, gnu::noinline]] void say_that_we_go() {
    if (std::exchange(said_that_we_go_, true)) return;
    session_.with([this](auto& spoken) {
      if constexpr (requires { spoken.write_going_away(out_.current()); }) spoken.write_going_away(out_.current());
      // A peer that does not take note in time is told the rest without.
      if constexpr (requires { spoken.takes_last_calls(); }) home_.loop.arm(life_, home_.loop.refresh() + farewell);
    });
  }
  bool takes_last_calls() {
    return session_.with([](const auto& spoken) {
      if constexpr (requires { spoken.takes_last_calls(); }) return spoken.takes_last_calls();
      else return false;
    });
  }
  [[gnu::cold, gnu::noinline]] void stop_taking_calls() {
    session_.with([this](auto& spoken) {
      if constexpr (requires { spoken.write_gone(out_.current()); }) spoken.write_gone(out_.current());
    });
    flush();
    if (finished_everything()) end();
  }

  [[gnu::noinline]] void wait_for_rest() {
    if (std::exchange(silent_so_far_, false) || !patience_.armed() || served_any_) wait_for_message();
    if (in_.empty() && !reading_ && skipping()) await_turn_to_read();
  }
  [[gnu::noinline]] void wait_for_message() {
    patience_.disarm();
    if (home_.chosen.message_timeout > duration{}) home_.loop.arm(patience_, home_.loop.now() + home_.chosen.message_timeout);
  }

  // The bytes that were handled stay where they are while a read is under way: it writes behind them.
  void drop_taken() noexcept {
    if (reading_) return;
    const std::size_t dropped = std::exchange(taken_, 0);
    in_.drop_front(dropped);
    if (in_.empty()) kept_.emptied(in_, dropped, most_kept());
  }

  // Nothing more can be understood here. What was written is sent first.
  [[gnu::cold, gnu::noinline]] void hang_up(std::string_view why) {
    home_.log(peer_, why);
    stopping_ = true;
    refused_ = true;
    taken_ = in_.size();
  }

  // Everything has been answered and sent. After a refusal the peer may still be sending: closing at once would reset the connection and destroy the
  // answer on its way, so its bytes are read and thrown away for a moment. Whoever was told nothing has nothing to lose.
  [[gnu::cold, gnu::noinline]] void end() {
    if (leaving_) return;
    if (!linger_ && !(refused_ && out_.spoke())) return refused_ ? close_in_turn() : close("everything was answered");
    if (std::exchange(lingering_, true)) return;
    stream_->end_writing();
    home_.loop.arm(patience_, home_.loop.refresh() + farewell);
    read();
  }
  // Much at a time and into one place for all, so that those who only send take few turns of the loop and no memory.
  [[gnu::cold, gnu::noinline]] void read_waste() {
    in_.release();
    stream_->read_some(home_.waste(), serving::waste_bytes, *this);
  }
  [[gnu::cold, gnu::noinline]] void linger_on(std::size_t count) {
    home_.loop.refresh();
    wasted_ += count;
    // A request that crosses the notice has a message's time to arrive: closing in the middle of it would reset the connection, and the notice with it.
    if (!refused_ && wasted_ == count) wait_for_message();
    if (never_stops()) close_in_turn();
    if (leaving_ || closed_) return;
    // Whoever was not refused, and only crossed the notice that the server goes, has nothing to wait for.
    if (refused_) await_turn_to_read();
    read();
  }
  bool never_stops() const noexcept { return wasted_ > most_wasted + 2 * home_.chosen.limits.max_message_bytes; }

  // Reading past a refused message: it was not stored, and neither is what is left of it.
  bool skipping() {
    return session_.with([](const auto& spoken) {
      if constexpr (requires { spoken.skipping(); }) return spoken.skipping();
      else return false;
    });
  }
  // Until its turn comes it is as if a read were under way.
  [[gnu::cold, gnu::noinline]] void await_turn_to_read() { reading_ = await(home_.reads_of_refused); }
  [[gnu::cold, gnu::noinline]] void close_in_turn() {
    if (leaving_) return;
    leaving_ = true;
    if (home_.closings_of_refused.waiting() >= serving::most_waiting_for_closing || !await(home_.closings_of_refused)) turn_comes();
  }
  // False when its turn is now.
  [[gnu::cold]] bool await(ration& of) {
    if (turn_ == nullptr) turn_ = std::make_unique<turn_watch<connection>>(*this);
    return !of.take(*turn_);
  }
  [[gnu::cold]] void turn_comes() {
    if (leaving_) return close(!lingering_ ? "everything was answered" : never_stops() ? "all was said, and the peer does not stop" : "all was said, and the peer did not hang up");
    reading_ = false;
    read();
  }

  [[gnu::cold, gnu::noinline]] void start(watch& which) {
    const duration whole = which.whole(home_.chosen);
    if (whole > duration{}) home_.loop.arm(which, home_.loop.now() + duration{whole.ns / 4});
  }
  [[gnu::cold, gnu::noinline]] void look(watch& by) {
    const bool at_writing = &by == &stall_;
    if (at_writing && !out_.writing()) return;  // The next write starts it again.
    if (!at_writing && (out_.writing() || calls_.size() != 0)) by.looks = 0;
    else if (++by.looks == 5) return give_up(at_writing ? "the peer did not read its answers in time" : "nothing has happened for the idle time");
    start(by);
  }
  // What nobody would give back on an idle connection is not kept.
  std::size_t most_kept() const noexcept { return home_.chosen.keepalive.interval > duration{} ? home_.chosen.max_write_buffer_bytes / 2 : 0; }
  [[gnu::cold]] void look_for_life() {
    if (said_that_we_go_) return stop_taking_calls();
    const server_keepalive_options& chosen = home_.chosen.keepalive;
    const instant now = home_.loop.now();
    if (now - read_at_ >= chosen.interval) rest();
    // What it has sent may be waiting to be read.
    const instant heard = reading_ ? read_at_ : now;
    if (life_.asked_at != instant::never() && heard >= life_.asked_at) life_.asked_at = instant::never();
    if (life_.asked_at == instant::never() && now - heard >= chosen.interval) {
      const bool asked = session_.with([this](auto& spoken) {
        if constexpr (requires { spoken.write_heartbeat(out_.current()); }) return spoken.write_heartbeat(out_.current());
        else return false;
      });
      if (!asked) return home_.loop.arm(life_, now + chosen.interval);
      life_.asked_at = now;
      flush();
    }
    if (life_.asked_at == instant::never()) return home_.loop.arm(life_, heard + chosen.interval);
    if (now - life_.asked_at >= chosen.timeout && chosen.timeout > duration{}) return give_up("the peer was asked for a sign of life, and gave none in time");
    home_.loop.arm(life_, life_.asked_at + chosen.timeout);
  }
  // Nothing has happened for a while: memory is given back, and what the read under way would fill as well.
  [[gnu::cold]] void rest() {
    kept_.rest();
    out_.rest();
    home_.loop.spare().rest();
    if (!reading_ || lingering_ || out_.writing() || !kept_input::holds_much(in_)) return;
    resting_ = true;
    stream_->stop_reading();
  }
  [[gnu::cold]] void read_with_little() {
    kept_.begin_anew(in_);
    read();
  }
  // The first byte, an unfinished message, or a peer that was refused, has had its time.
  [[gnu::cold]] void patience_ends() {
    if (lingering_) return close_in_turn();
    give_up(silent_so_far_ ? "nothing arrived in the time for a first byte" : "an unfinished message did not arrive in time");
  }
  [[gnu::cold]] void give_up(std::string_view why) {
    home_.log(peer_, why);
    close(why);
  }
  void disarm_all() noexcept {
    patience_.disarm();
    stall_.disarm();
    silence_.disarm();
    life_.disarm();
    if (turn_ != nullptr) turn_->leave();
  }

  // False when more bytes are needed, or when it is nothing we know.
  bool recognise() {
    const protocol::sniffed found = session_.recognise(in_.view(taken_), home_.chosen.limits, [this]([[maybe_unused]] auto& spoken) {
      if constexpr (requires { spoken.use(home_.site()); }) spoken.use(home_.site());
      if constexpr (requires { spoken.use(home_.chosen.compression); }) spoken.use(home_.chosen.compression);
    });
    if (found == protocol::sniffed::no) hang_up(session_.unrecognised(in_.view(taken_)));
    return found == protocol::sniffed::yes;
  }

  // --- requests

  template <class Session>
  struct sink {
    connection& self;
    Session& spoken;
    bool on_request(const protocol::request& call) { return self.serve(spoken, call); }
    bool full() const noexcept { return self.out_.crowded(); }
    void on_cancel(std::uint64_t id) { self.cancel_call(id); }
    void on_cancel_request(std::uint64_t id) { self.answer_cancelled(id); }
    void on_answer(std::string_view message) {
      if (self.handle_ != nullptr) self.handle_->deliver(message);
    }
    void on_peer_left() { self.cancel_calls(); }
    bool on_ping(bool spoken_to, bool calls_under_way) { return !self.pings_.too_many(self.home_.chosen.keepalive, self.home_.loop.now(), spoken_to, calls_under_way); }

    // Of streams.
    auto streams(std::string_view service, std::string_view method) const { return self.home_.router.streams(service, method); }
    void on_item(std::uint64_t id, std::string_view payload) {
      if (service::pending* of = self.calls_.find(id); of != nullptr) of->take_item(payload);
    }
    void on_items_end(std::uint64_t id) {
      if (service::pending* of = self.calls_.find(id); of != nullptr) of->items_ended({});
    }
    void on_refused_item(std::uint64_t id, status why) {
      if (service::pending* of = self.calls_.find(id); of != nullptr) of->items_ended(std::move(why));
    }
    void on_credit(std::uint64_t id, std::int64_t bytes) {
      if (service::pending* of = self.calls_.find(id); of != nullptr) of->add_credit(bytes);
    }
  };

  template <class Session>
  bool serve(Session& spoken, const protocol::request& call) {
    served_any_ = true;
    buffer& out = out_.batch();
    const std::size_t start = out.size();
    const instant now = home_.loop.now();
    service::exchange exchange{.call = call, .out = out, .bounds = home_.chosen.limits, .sink = *this, .io = &home_.io, .peer = peer_, .arrived = read_at_, .now = now};
    if (call.timeout) exchange.deadline = now + *call.timeout;
    protocol::mark at{};
    if (!call.address.one_way) at = spoken.begin_reply(out, call.address);
    out_.begin_reply();
    const service::disposition became = admissible(exchange, spoken) ? route(exchange) : service::disposition::refused;
    out_.end_reply();
    if (became == service::disposition::answered && !call.address.one_way) [[likely]] {
      spoken.end_reply(out, at, call.address, exchange.response);
      out_.append_aside();
      return true;
    }
    out.truncate(start);
    out_.append_aside();
    if (became == service::disposition::pending) {
      // Protocols that answer in order wait; the others go on.
      in_order_ = !Session::answers_in_any_order;
      keep(*exchange.under_way, exchange.deadline);
      exchange.under_way->go_on();
      return !in_order_;
    }
    if (became == service::disposition::refused) {
      if (exchange.error.has(outcome::threw)) [[unlikely]] log_exception(exchange.error);
      if (!call.address.one_way) spoken.write_error(out, call.address, exchange.error, exchange.response);
    }
    return true;
  }

  service::disposition route(service::exchange& exchange) {
    if (!hooks_.before(exchange)) [[unlikely]] return service::disposition::refused;
    const service::disposition became = home_.router.route(exchange);
    hooks_.after(exchange, became);
    return became;
  }

  template <class Session>
  bool admissible(service::exchange& exchange, [[maybe_unused]] const Session& spoken) const {
    const auto refuse = [&exchange](code why, std::string_view text) {
      exchange.error = status{refused_here(why), text};
      return false;
    };
    if (stopping_ || home_.draining) [[unlikely]] {
      bool taken = false;
      if constexpr (requires { spoken.takes_last_calls(); }) taken = spoken.takes_last_calls();
      if (!taken) return refuse(code::unavailable, "the server is stopping");
    }
    if (exchange.deadline <= exchange.now) return refuse(code::deadline_exceeded, "the caller's time was up when the call arrived");
    if (calls_.size() >= home_.chosen.max_pending_calls) return refuse(code::resource_exhausted, "too many calls under way on this connection");
    return true;
  }

  // --- answers that come later

  void keep(service::pending& call, instant callers_deadline) {
    retain();
    calls_.add(call);
    if (call.context.has_deadline()) watch_deadline(call, callers_deadline);
  }

  instant read_clock() override { return home_.loop.refresh(); }
  void watch_deadline(service::pending& call, instant callers) {
    auto until = std::make_unique<deadline_watch<connection>>(*this, call, callers);
    home_.loop.arm(*until, call.context.deadline());
    call.watch = std::move(until);
  }
  [[gnu::cold]] void deadline_changed(service::pending& call) override {
    if (!closed_ && !call.answered) watch_deadline(call, call.watch != nullptr ? static_cast<deadline_watch<connection>&>(*call.watch).callers() : instant::never());
  }
  void wake_at(service::pending& call, instant when) override {
    if (call.alarm == nullptr) call.alarm = std::make_unique<waiting_alarm>(call);
    home_.loop.arm(static_cast<waiting_alarm&>(*call.alarm), when);
  }

  [[gnu::noinline]] void finished(service::pending& call) override {
    if (!closed_ && !call.answered) {
      answer(call);
    } else {
      end_unheard(call);
    }
    const bool resume = !call.answered && in_order_;
    forget_and_continue(call, resume);
  }

  void answer(service::pending& call) {
    if (call.address.one_way) return end_unheard(call);
    session_.with([&](auto& spoken) {
      buffer& out = out_.current();
      const std::size_t start = out.size();
      const protocol::mark at = spoken.begin_reply(out, call.address);
      const status error = call.write_value(out);
      hooks_.after(call, error);
      if (error.ok()) {
        spoken.end_reply(out, at, call.address, call.context.response);
      } else {
        out.truncate(start);
        if (error.has(outcome::threw)) [[unlikely]] log_exception(error);
        spoken.write_error(out, call.address, error, call.context.response);
      }
    });
  }
  // Nobody is there to be answered; who operates the server hears of an exception nevertheless.
  void end_unheard(service::pending& call) {
    buffer nobody;
    const status error = call.write_value(nobody);
    hooks_.after(call, error);
    if (error.has(outcome::threw)) [[unlikely]] log_exception(error);
  }
  // `market.last: text` is what the caller is told, `market.last threw: text` what the log is.
  [[gnu::cold, gnu::noinline]] void log_exception(const status& error) const {
    const std::string_view text = error.message();
    const std::string_view who = text.substr(0, text.find(": "));
    home_.log(peer_, join_text({who, who.ends_with(" threw") ? "" : " threw", text.substr(who.size())}));
  }

  [[gnu::cold, gnu::noinline]] void expire(service::pending& call, instant callers_deadline) {
    const instant ended = call.context.deadline();
    if (callers_deadline <= ended) return give_up_on(call, code::deadline_exceeded, ": the caller's time was up while the handler ran");
    const duration allowed = ended - call.context.info.now;
    const bool short_one = allowed < duration{std::chrono::milliseconds{1}};
    give_up_on(call, code::deadline_exceeded,
               join_text({": the server's timeout of ", number_text{short_one ? allowed.ns / 1'000 : allowed.milliseconds()}, short_one ? " us" : " ms", " was up while the handler ran"}));
  }
  // The caller does not wait any more, and is told so.
  [[gnu::cold, gnu::noinline]] void answer_cancelled(std::uint64_t id) {
    service::pending* found = calls_.find(id);
    if (found == nullptr) return;
    found->watch.reset();
    give_up_on(*found, code::cancelled, ": cancelled by its caller");
  }
  [[gnu::cold]] void give_up_on(service::pending& call, code why, std::string_view text) {
    call.answered = true;
    if (!call.address.one_way) {
      const status error{outcome{.code = why, .flags = 0}, join_text({call.context.service(), ".", call.context.method(), text})};
      session_.with([&](auto& spoken) { spoken.write_error(out_.current(), call.address, error, call.elsewhere ? metadata{} : call.context.response); });
    }
    retain();
    const bool resume = std::exchange(in_order_, false);
    // Last: the handler may end, and the call with it, inside the request to stop.
    call.context.cancel.request();
    settle(resume);
    release();
  }

  // --- streams

  std::int64_t open_stream() override {
    if (open_streams_ >= home_.chosen.max_open_streams) return 0;
    ++open_streams_;
    return (std::max)(home_.chosen.stream_window_bytes, std::uint32_t{1});
  }

  [[gnu::noinline]] bool send_item(service::pending& call, tenon::waiter& room, std::int64_t& cost) override {
    if (closed_) return false;
    if (full()) {
      for_room_.append(room);
      return false;
    }
    session_.with([&](auto& spoken) {
      if constexpr (protocol::streaming_session<std::remove_cvref_t<decltype(spoken)>>) {
        buffer& out = out_.current();
        const std::size_t start = out.size();
        const protocol::mark at = spoken.begin_item(out, call.address);
        if (call.write_item(out)) cost += spoken.end_item(out, at, call.address, call.context.response);
        else out.truncate(start);
      }
    });
    if (!batching_) flush();
    return true;
  }

  [[gnu::noinline]] void give_credit(service::pending& call, const protocol::items_taken& taken) override {
    if (closed_) return;
    session_.with([&](auto& spoken) {
      if constexpr (protocol::streaming_session<std::remove_cvref_t<decltype(spoken)>>) spoken.write_credit(out_.current(), call.address, taken);
    });
    if (!batching_) flush();
  }

  // The peer has read: streams that waited for that go on, in one batch.
  [[gnu::cold, gnu::noinline]] void resume_streams() {
    batching_ = true;
    for_room_.wake_all();
    batching_ = false;
  }

  // The caller does not wait for this one any more, and says so.
  [[gnu::cold]] void cancel_call(std::uint64_t id) {
    service::pending* found = calls_.find(id);
    if (found == nullptr) return;
    found->answered = true;
    found->watch.reset();
    // Last: the handler may end, and the call with it, inside the request to stop.
    found->context.cancel.request();
  }

  void forget_and_continue(service::pending& call, bool resume) {
    retain();
    if (resume) in_order_ = false;
    forget(call);
    settle(resume);
    release();
  }

  [[gnu::noinline]] void forget(service::pending& call) noexcept {
    calls_.remove(call);
    if (call.streams) [[unlikely]] --open_streams_;
    call.dispose();
    leave_when_done();
    release();
  }

  // After an answer that came outside a batch: send it, and go on reading where an in-order protocol had stopped.
  void settle(bool resume) {
    if (closed_ || batching_) return;
    if (resume) return go_on();
    flush();
    if (finished_everything()) end();
  }

  // With what was held up. It was not the server that let it wait, so its time begins now.
  void go_on() {
    if (taken_ != in_.size()) read_at_ = home_.loop.refresh();
    process();
  }

  // --- writing

  [[gnu::noinline]] void flush() {
    if (out_.flush(*stream_, *this) && !stall_.armed()) [[unlikely]] start(stall_);
  }

  // Where the peer takes all of a batch there is no write to wait for.
  void flush_batch() {
    if (!for_room_.empty() || handle_ != nullptr) [[unlikely]] return flush();
    const std::size_t taken = out_.flush_now(*stream_, *this);
    if (out_.writing() && !stall_.armed()) [[unlikely]] start(stall_);
    // Nothing is taken while a write is under way: only what the peer reads keeps it from being given up.
    if (taken == 0) return;
    stall_.looks = silence_.looks = 0;
    hooks_.sent(info(), taken);
  }

  void give_back() { out_.give_back(home_.loop.spare(), open_streams_ == 0 && !held_back_); }

  [[gnu::noinline]] void write_done(const std::error_code& error) override {
    out_.write_ended();
    if (closed_) return;
    if (error) return close(error.message());
    hooks_.sent(info(), out_.last_piece());
    if (closed_) return;
    stall_.looks = silence_.looks = 0;
    if (out_.settle(home_.chosen.max_write_buffer_bytes) == outbox::progress::more) [[unlikely]] return out_.write_on(*stream_, *this);
    give_back();
    if (!for_room_.empty()) [[unlikely]] resume_streams();
    flush();
    if (handle_ != nullptr) [[unlikely]] handle_->has_room();
    if (held_back_) return go_on();
    if (finished_everything()) return end();
    read();
  }

  bool full() const noexcept override { return out_.full(); }
  bool finished_everything() { return !closed_ && (stopping_ || (home_.draining && greeted_)) && calls_.size() == 0 && out_.idle() && (stopping_ || !takes_last_calls()); }

  connection_info info() const noexcept { return {connection_id(), peer_}; }
  [[gnu::cold, gnu::noinline]] void turn_away(const status& why) {
    home_.log(peer_, join_text({"turned away by a hook: ", why.to_string()}));
    close("turned away by a hook");
  }

  // --- calls in the other direction

  std::shared_ptr<connection_handle> handle() override {
    if (closed_ && handle_ == nullptr) return std::make_shared<connection_handle>(home_.io, connection_id(), peer_);
    if (handle_ == nullptr) handle_ = std::make_shared<connection_handle>(home_.io, connection_id(), peer_, static_cast<carrier&>(*this));
    return handle_;
  }
  [[gnu::cold]] void carry(std::string_view messages) override {
    session_.with([&](auto& spoken) {
      buffer& out = out_.current();
      if constexpr (requires { spoken.carry(out, messages); }) spoken.carry(out, messages);
      else out.append(messages);
    });
    if (!batching_) flush();
  }
  [[gnu::cold]] reach can_ask() override {
    return session_.with([](const auto& spoken) {
      if constexpr (requires { spoken.takes_texts(); }) return reach::texts;
      else if constexpr (requires { spoken.takes_calls(); }) return spoken.takes_calls() ? reach::calls : reach::notices;
      else return reach::nothing;
    });
  }
  [[gnu::cold]] void fail(std::string_view why) override { give_up(why); }

  // --- the end

  [[gnu::cold, gnu::noinline]] void close(std::string_view why) {
    if (std::exchange(closed_, true)) return;
    retain();
    hooks_.closed(info(), why);
    disarm_all();
    stream_->close();
    cancel_calls();
    if (handle_ != nullptr) handle_->close();
    leave_when_done();
    release();
  }
  // Nobody waits for any answer any more.
  [[gnu::cold]] void cancel_calls() {
    std::size_t from = 0;
    while (service::pending* each = calls_.next_uncancelled(from)) {
      each->answered = true;
      each->watch.reset();
      each->context.cancel.request();
    }
  }
  // A closed connection stays on the loop's list while handlers it started still run.
  void leave_when_done() {
    if (!closed_ || calls_.size() != 0 || left_) return;
    left_ = true;
    home_.remove(*this);
    release();
  }

  serving& home_;
  std::unique_ptr<net::stream> stream_;
  std::string peer_;
  spoken_session<Protocols...> session_;
  told_hooks hooks_{home_.chosen.hooks};
  buffer in_;
  outbox out_{home_.chosen.max_write_buffer_bytes};
  open_calls calls_;
  std::shared_ptr<connection_handle> handle_;  // made when somebody wants to call back
  tenon::waiter_queue for_room_;  // streams that wait until the peer has read
  kept_input kept_;
  ping_strikes pings_;
  std::size_t open_streams_ = 0;
  instant read_at_{};      // when the last bytes of `in_` were read
  std::size_t taken_ = 0;  // bytes at the front of `in_` that were handled
  std::size_t references_ = 0;
  std::size_t wasted_ = 0;  // bytes that came after everything had been said
  bool reading_ = false;
  bool resting_ = false;  // the read under way is ended, to be begun anew with little memory
  bool batching_ = false;
  bool in_order_ = false;  // a call is under way on a protocol that answers in order: nothing is read meanwhile
  bool stopping_ = false;  // no more requests; closes when everything has been answered and sent
  bool held_back_ = false;      // requests wait in `in_` until the peer has read answers
  bool served_any_ = false;     // in this batch
  bool greeted_ = false;          // the peer has said something whole
  bool said_that_we_go_ = false;
  bool silent_so_far_ = true;   // no message was begun that is still unfinished
  bool linger_ = false;
  bool refused_ = false;  // nothing more of what it sends can be understood
  bool lingering_ = false;
  bool leaving_ = false;  // will be closed when its turn comes
  bool closed_ = false;
  bool left_ = false;
  patience<connection> patience_{*this};
  watch stall_{*this, &server_options::write_timeout};
  watch silence_{*this, &server_options::idle_timeout};
  life_watch<connection> life_{*this};
  std::unique_ptr<turn_watch<connection>> turn_;  // of who was refused, and had to wait for once
};

}  // namespace tenon::inline v0::detail
