// One connection of a client while it stands: sends requests, gives answers to their calls, both a batch at a time, and notices when the peer is gone. Client layer.
// Long because it is one state machine: reading, writing, silence and leaving decide on the same few flags.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <asio/error.hpp>

#include <tenon/client/call_state.hpp>
#include <tenon/client/offered.hpp>
#include <tenon/client/options.hpp>
#include <tenon/client/pending_table.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/kept_memory.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/net/timer_wheel.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::detail {

// Who owns a link: told once of its end. Not told anything after `link::end`.
class link_owner {
 public:
  virtual void link_lost(link& which, std::string_view why) = 0;
  /// The peer takes no new calls here; those that it will not serve end after this.
  virtual void link_going_away(link& which) = 0;
  /// It is not needed any more: nothing is under way on it.
  virtual void link_finished(link& which) = 0;
  virtual void answer_came_late() noexcept = 0;
  /// Around each batch of answers, always both: what is sent meanwhile leaves together, and the owner stays alive.
  virtual void batch_begins() = 0;
  virtual void batch_ended(link& which) noexcept = 0;

 protected:
  ~link_owner() = default;
};

// User code runs in the middle of a batch; what it throws must not tear the batch: it leaves io.run() a moment later.
template <class F>
void guard_user_code([[maybe_unused]] asio::io_context& io, F&& f) {
#if defined(__cpp_exceptions)
  try {
    f();
  } catch (...) {
    detail::post(io, [thrown = std::current_exception()] { std::rethrow_exception(thrown); });
  }
#else
  f();
#endif
}

// Used on the loop's thread. Lives until its last operation has ended, which may be after its owner has ended it.
template <class Io>
class basic_link final : private net::stream_user, private protocol::reply_sink, private carrier {
 public:
  basic_link(net::loop& loop, std::unique_ptr<net::stream> stream, std::unique_ptr<protocol::client_session> session, const client_options& options, link_owner& owner,
       std::string url)
      : loop_{loop}, stream_{std::move(stream)}, session_{std::move(session)}, options_{options}, owner_{&owner}, url_{std::move(url)},
        keepalive_{chosen(options.keepalive, *session_)}, watch_{*this} {}
  basic_link(const basic_link&) = delete;
  basic_link& operator=(const basic_link&) = delete;

  /// Sends nothing yet: the session's greeting leaves with the first requests.
  void start() {
    session_->begin(out_);
    heard_ = used_ = loop_.now();
    look();
    read();
  }

  /// Writes one request behind those that wait to be sent; `write_payload(buffer&)` appends its payload.
  template <class WritePayload>
  void write(call_base& call, protocol::outgoing& head, WritePayload&& write_payload) {
    if (!head.one_way) {
      head.id = calls_.take(call);
      call.link_ = this;
    } else {
      head.id = calls_.last_id();
    }
    if (out_.capacity() == 0) [[unlikely]] loop_.spare().lend(out_);
    const protocol::mark at = session_->begin_request(out_, head);
    write_payload(out_);
    session_->end_request(out_, at);
  }

  // For calls that stream, while they are under way here.
  bool streams() const noexcept { return session_->streams(); }
  std::int64_t first_credit() const noexcept { return session_->first_credit(); }
  /// Returns what the item takes of the call's credit.
  template <class WritePayload>
  std::int64_t write_item(call_base& call, protocol::serialization codec, WritePayload&& write_payload) {
    const std::uint64_t id = calls_.id_of(call.slot_);
    const protocol::mark at = session_->begin_item(out_, id, codec);
    write_payload(out_);
    return session_->end_item(out_, at, id);
  }
  void write_end(call_base& call) { session_->write_end(out_, calls_.id_of(call.slot_)); }
  void write_credit(call_base& call, const protocol::items_taken& taken) { session_->write_credit(out_, calls_.id_of(call.slot_), taken); }

  /// Sends what is written, unless a write is under way: that one's end sends it.
  void flush() {
    if (writing_ || out_.empty() || owner_ == nullptr) return;
    sending_.swap(out_);
    used_ = loop_.now();
    write_some();
  }

  /// The same at the end of a batch. Where the peer takes all of it there is no write to wait for; calls that are made one by one gather behind one that is under way.
  void flush_batch() {
    if (writing_ || out_.empty() || owner_ == nullptr || leaving_ || handle_ != nullptr) [[unlikely]] return flush();
    used_ = loop_.now();
    const std::size_t taken = stream_->write_now(out_.data(), (std::min)(out_.size(), largest_write));
    if (taken != out_.size()) [[unlikely]] {
      sending_.swap(out_);
      handed_over_ = taken;
      return write_some();
    }
    emptied(out_);
  }

  /// Nobody waits for this call any more; the peer is told where it can be.
  [[gnu::cold]] void cancel(call_base& call) {
    const std::uint64_t id = calls_.id_of(call.slot_);
    calls_.free(call.slot_);
    if (owner_ == nullptr) return;
    session_->write_cancel(out_, id);
    finish_if_leaving();
  }

  /// No new calls: it is finished when those that are under way have ended.
  [[gnu::cold]] void leave() {
    leaving_ = true;
    finish_if_leaving();
  }

  /// Closes; the owner hears nothing any more. `each(call, unsent)` is told of every call that is under way; `unsent` when it is certain that the peer has not got the
  /// whole of its request. What it runs may end the link again, which ends the calls that are left in the other way.
  ///
  /// Returns whether this was the first time. The owner gives up its reference by `drop` then.
  template <class Each>
  [[gnu::cold]] bool end(Each&& each) {
    const bool first = std::exchange(owner_, nullptr) != nullptr;
    if (handle_ != nullptr) handle_->close();
    watch_.disarm();
    stream_->close();
    calls_.clear_marks();
    mark_unsent(sending_.view(), handed_over_);
    mark_unsent(out_.view(), 0);
    for (std::size_t place = 0; place < calls_.places(); ++place) {
      call_base* call = calls_.at(place);
      if (call == nullptr) continue;
      const bool unsent = calls_.marked(place);
      take_out(*call);
      each(*call, unsent);
    }
    return first;
  }
  void drop() noexcept { release(); }
  /// From here on it is none of the owner's choice for new calls.
  void set_aside() noexcept { leaving_ = true; }

  std::size_t calls() const noexcept { return calls_.size(); }
  std::size_t unsent_bytes() const noexcept { return out_.size(); }
  bool leaving() const noexcept { return leaving_; }
  /// Whether the peer has said anything that makes sense.
  bool proven() const noexcept { return proven_; }
  bool asked_too_often() const noexcept { return session_->asked_too_often(); }
  const keepalive_options& keepalive() const noexcept { return keepalive_; }
  const std::string& url() const noexcept { return url_; }

 private:
  static constexpr std::size_t largest_write = 1024 * 1024;
  static constexpr std::size_t largest_kept = 4 * 1024 * 1024;

  ~basic_link() = default;
  void retain() noexcept override { ++references_; }
  void release() noexcept override {
    if (--references_ == 0) delete this;
  }

  void take_out(call_base& call) noexcept {
    call.place_ = call_base::place::nowhere;
    calls_.free(call.slot_);
  }

  // --- reading

  void read() {
    resting_ = false;
    const std::size_t room = kept_.make_room(in_);
    stream_->read_some(in_.prepare(room), room, *this);
  }

  void read_done(const std::error_code& error, std::size_t count) override {
    if (owner_ == nullptr) return;
    if (error && resting_ && error == asio::error::operation_aborted) [[unlikely]] return read_with_little();
    if (error) return owner_->link_lost(*this, error.message());
    in_.commit(count);
    kept_.came(count);
    heard_ = loop_.refresh();
    link_owner& told = *owner_;
    told.batch_begins();
    const protocol::consumed done = session_->consume(in_.view(), *this, out_);
    proven_ |= done.bytes != 0;
    // A caller may have closed the client in the middle of the batch.
    const bool ended = owner_ == nullptr;
    told.batch_ended(*this);
    if (ended) return;
    in_.drop_front(done.bytes);
    if (done.next == protocol::consumed::state::close) return owner_->link_lost(*this, done.reason);
    if (in_.empty()) kept_.emptied(in_, done.bytes, most_kept());
    flush_batch();
    read();
    if (leaving_) [[unlikely]] finish_if_leaving();
  }

  void on_reply(const protocol::reply& answer) override {
    if (owner_ == nullptr) return;
    call_base* call = calls_.find(answer.id);
    if (call == nullptr) [[unlikely]] return owner_->answer_came_late();
    if (const call_base* next = calls_.find(answer.next); next != nullptr) next->expect();
    take_out(*call);
    if (options_.hooks.after_reply != nullptr) [[unlikely]] return watched_reply(*call, answer);
    guard_user_code(loop_.io(), [&] { call->replied(answer); });
  }
  void on_item(std::uint64_t id, protocol::serialization codec, std::string_view payload) override {
    if (owner_ == nullptr) return;
    if (call_base* call = calls_.find(id); call != nullptr) guard_user_code(loop_.io(), [&] { call->item(codec, payload); });
  }
  void on_credit(std::uint64_t id, std::int64_t bytes) override {
    if (owner_ == nullptr) return;
    if (call_base* call = calls_.find(id); call != nullptr) guard_user_code(loop_.io(), [&] { call->credit(bytes); });
  }
  [[gnu::cold]] void watched_reply(call_base& call, const protocol::reply& answer) {
    status veto = options_.hooks.after_reply(options_.hooks.object, answer);
    protocol::reply changed = answer;
    if (!veto.ok()) changed.error = std::move(veto.add_flag(outcome::local));
    guard_user_code(loop_.io(), [&] { call.replied(changed); });
  }

  [[gnu::cold]] void on_going_away(std::uint64_t last) override {
    if (owner_ == nullptr) return;
    leaving_ = true;
    owner_->link_going_away(*this);
    // Local, for the connection did not carry them that far: nobody has to be asked twice for it.
    const status refused{outcome{.code = code::unavailable, .flags = outcome::local | outcome::not_executed}, "the server is going away"};
    for (std::size_t place = 0; place < calls_.places() && owner_ != nullptr; ++place) {
      call_base* call = calls_.at(place);
      if (call == nullptr || !calls_.sent_after(place, last)) continue;
      take_out(*call);
      guard_user_code(loop_.io(), [&] { call->failed(refused); });
    }
  }

  // --- calls in the other direction

  [[gnu::cold]] bool on_request(std::string_view message) override {
    if (options_.offers == nullptr || owner_ == nullptr) return false;
    used_ = heard_;
    if (handle_ == nullptr) {
      handle_ = std::make_shared<connection_handle>(loop_.io(), 0, url_, static_cast<carrier&>(*this));
      options_.offers->open(handle_);
    }
    handle_->deliver(message);
    return true;
  }
  [[gnu::cold]] void carry(std::string_view messages) override {
    session_->carry(out_, messages);
    flush();
  }
  bool full() const noexcept override { return out_.size() >= options_.max_unsent_bytes; }
  reach can_ask() override { return reach::nothing; }
  [[gnu::cold]] void fail(std::string_view why) override {
    if (owner_ != nullptr) owner_->link_lost(*this, why);
  }

  [[gnu::cold]] void finish_if_leaving() {
    if (leaving_ && owner_ != nullptr && calls_.size() == 0 && !writing_ && out_.empty()) owner_->link_finished(*this);
  }

  // --- writing

  // A part of a large batch at a time: how long each takes says whether the peer still takes anything.
  void write_some() {
    const std::size_t count = (std::min)(sending_.size() - handed_over_, largest_write);
    const char* from = sending_.data() + handed_over_;
    handed_over_ += count;
    writing_ = true;
    write_began_ = loop_.now();
    stream_->write_all(from, count, *this);
  }

  void write_done(const std::error_code& error) override {
    writing_ = false;
    if (owner_ == nullptr) return;
    if (error) return owner_->link_lost(*this, error.message());
    if (handed_over_ != sending_.size()) [[unlikely]] {
      loop_.refresh();
      return write_some();
    }
    handed_over_ = 0;
    emptied(sending_);
    if (handle_ != nullptr) [[unlikely]] handle_->has_room();
    if (!out_.empty()) {
      loop_.refresh();
      flush();
    }
    if (leaving_) [[unlikely]] finish_if_leaving();
  }

  // All that was in it has been taken.
  void emptied(buffer& which) noexcept {
    const std::size_t sent = which.size();
    which.clear();
    kept_out_.emptied(which, sent, most_kept());
    loop_.spare().take_back(which);
  }

  // Marks the calls whose requests in `written` have not been handed to the stream to their last byte.
  [[gnu::cold]] void mark_unsent(std::string_view written, std::size_t handed_over) {
    struct marker final : protocol::request_visitor {
      marker(pending_table& all, std::size_t reached) : calls{all}, handed_over{reached} {}
      void request(std::uint64_t id, std::size_t end) override {
        if (end > handed_over) calls.mark(id);
      }
      pending_table& calls;
      std::size_t handed_over;
    };
    marker visitor{calls_, handed_over};
    session_->visit_requests(written, visitor);
  }

  // --- the watch: one timer, armed for the first of all that might have to be noticed; traffic only leaves the time at which it was there

  struct watch final : net::timer {
    explicit watch(link& owner) : self{owner} {}
    void expired() override { self.look(); }
    link& self;
  };

  // What nobody would give back on an idle connection is not kept: the watch does, if there is one.
  std::size_t most_kept() const noexcept { return options_.write_timeout > duration{} || keepalive_.interval > duration{} ? largest_kept : 0; }

  [[gnu::cold]] void look() {
    const instant now = loop_.now();
    if (calls_.size() == 0 && !writing_) rest();
    instant next = instant::never();
    if (options_.write_timeout > duration{}) {
      if (writing_ && now - write_began_ >= options_.write_timeout) return lost_after("it took nothing of what was sent", options_.write_timeout);
      next = (writing_ ? write_began_ : now) + options_.write_timeout;
    }
    if (options_.idle_timeout > duration{}) {
      if (calls_.size() != 0 || writing_) used_ = now;
      if (now - used_ >= options_.idle_timeout) return owner_->link_finished(*this);
      next = (std::min)(next, used_ + options_.idle_timeout);
    }
    if (keepalive_.interval > duration{}) {
      if (asked_ && heard_ < asked_at_ && now - asked_at_ >= keepalive_.timeout) return lost_after("it was silent", now - heard_);
      asked_ = asked_ && heard_ < asked_at_;
      instant due = asked_ ? asked_at_ + keepalive_.timeout : heard_ + keepalive_.interval;
      if (due <= now && !asked_) due = ask(now);
      next = (std::min)(next, due);
    }
    loop_.arm(watch_, next);
  }
  // Nothing is under way: memory is given back, and what the read under way would fill as well.
  [[gnu::cold]] void rest() {
    kept_.rest();
    kept_memory::rest(sending_);
    kept_memory::rest(out_);
    if (!kept_input::holds_much(in_)) return;
    resting_ = true;
    stream_->stop_reading();
  }
  [[gnu::cold]] void read_with_little() {
    kept_.begin_anew(in_);
    read();
  }
  // Returns when to look again.
  instant ask(instant now) {
    if ((calls_.size() == 0 && !keepalive_.without_calls) || !session_->write_heartbeat(out_)) return now + keepalive_.interval;
    asked_ = true;
    asked_at_ = now;
    // The heartbeat alone is no use.
    const instant used = used_;
    flush();
    used_ = used;
    return now + keepalive_.timeout;
  }
  void lost_after(std::string_view what, duration time) {
    owner_->link_lost(*this, join_text({what, " for ", number_text{time.milliseconds()}, " ms"}));
  }

  static keepalive_options chosen(keepalive_options wanted, const protocol::client_session& session) {
    if (wanted.interval != keepalive_options::by_protocol) return wanted;
    const protocol::heartbeats usual = session.usual_heartbeats();
    return {.interval = usual.interval, .timeout = wanted.timeout, .without_calls = usual.without_calls && wanted.without_calls};
  }

  net::loop& loop_;
  std::unique_ptr<net::stream> stream_;
  std::unique_ptr<protocol::client_session> session_;
  const client_options& options_;
  link_owner* owner_;
  pending_table calls_;
  std::shared_ptr<connection_handle> handle_;  // made when the server calls
  buffer in_;
  buffer out_;
  buffer sending_;
  kept_input kept_;
  kept_memory kept_out_;
  std::size_t handed_over_ = 0;  // bytes of `sending_` that the stream has been given
  std::size_t references_ = 1;
  bool writing_ = false;
  bool leaving_ = false;
  bool proven_ = false;
  bool resting_ = false;  // the read under way is ended, to be begun anew with little memory
  bool asked_ = false;  // for a sign of life
  instant asked_at_{};
  instant heard_{};
  instant used_{};
  instant write_began_{};
  std::string url_;
  keepalive_options keepalive_;
  watch watch_;
};

#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_link<asio::io_context>;
#endif

}  // namespace tenon::inline v0::detail
