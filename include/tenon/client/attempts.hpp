// A call's way through its policies: admission, one or more attempts, the end. Client layer; the client's driver of the policy stack.
// Compiled once per client and not per method: a method adds the reading of its answer, nothing else.
// Long, since every step may be the last one, and each of them reads and writes the same few members.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/options.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/net/timer_wheel.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/configuration.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/service/guarded.hpp>

namespace tenon::inline v0::detail {

// What all calls of one client share: the channel, and the policies' state. On the loop's thread.
template <class Stack>
struct client_core {
  /// `table` has the options of `methods` methods, in static storage.
  client_core(channel& owned, std::size_t methods, const typename Stack::config* table)
      : via{owned}, random{owned.options().seed != 0 ? owned.options().seed : static_cast<std::uint64_t>(steady_clock{}.now().ns) ^ reinterpret_cast<std::uintptr_t>(this)}, options{methods, table} {}
  client_core(const client_core&) = delete;
  client_core& operator=(const client_core&) = delete;
  /// By then the calls have ended, or end here: their policies' state is about to go.
  ~client_core() {
    via.close(status{outcome{.code = code::unavailable, .flags = outcome::local}, "the client was closed"});
    via.release();
  }

  channel& via;
  random_source random;
  policy::configuration<Stack> options;
  [[no_unique_address]] typename Stack::client_states client{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint{};
};

// What a call is about, in static storage.
struct called_method {
  std::string_view service;
  std::string_view name;
  std::uint32_t index = 0;
  bool idempotent = false;
  protocol::serialization codec{};
  int arguments = -1;
  bool cacheable = false;
  const call_identity* identity = nullptr;
};

// How a stack that may answer calls by itself sees its driver; nothing for all others.
template <bool Answers>
struct answering_port : policy::answering {
  std::string_view answer_{};  // while a success is observed
  status ending_{};            // while a failure is observed
};
template <>
struct answering_port<false> {};

template <class Stack>
class attempts : private answering_port<Stack::answers> {
 public:
  attempts(const attempts&) = delete;
  attempts& operator=(const attempts&) = delete;

  /// Where the request is kept when it cannot be written to the connection at once, or may be sent again.
  buffer& request() noexcept { return request_; }

  /// Starts with the arguments at hand: they are encoded straight into the connection's buffer. Only when the channel is ready.
  template <class WritePayload>
  void start_with(WritePayload&& write_payload) {
    if (admit_call() && admit_attempt()) send(std::forward<WritePayload>(write_payload));
  }

 protected:
  attempts(call_base& self, client_core<Stack>& core, const called_method& method, const call_options* chosen) : self_{self}, core_{core}, method_{method}, pause_{*this} {
    info_.method = method.index;
    info_.idempotent = method.idempotent;
    if constexpr (Stack::named) info_.identity = method.identity;
    if constexpr (Stack::answers) {
      info_.cacheable = method.cacheable;
      info_.answers = this;
    }
    if constexpr (Stack::size != 0) info_.random = &core.random;
    if constexpr (Stack::can_wait) info_.waiter = &pause_;
    if (chosen == nullptr) return;
    chosen_ = std::make_unique<call_options>(*chosen);
    // Now, in the caller's thread: the parent may be gone when the loop starts the call.
    if (chosen->parent != nullptr && chosen->parent->has_deadline()) {
      const call_info& outer = chosen->parent->info;
      info_.deadline = {outer.deadline.ns - outer.reserve.ns};
    }
  }
  ~attempts() = default;

  /// Reads the value out of an answer that is no error, and keeps it.
  virtual status read_answer(const protocol::reply& answer) = 0;
  /// The one end: with the value that is kept, or with the reason there is none.
  virtual void end(status why) = 0;
  /// Makes and keeps the value that the policy at this position has instead of a failure.
  virtual status recover_value(std::size_t, const typename Stack::view&, const status& why) { return why; }

  // Starts the call, or goes on with it after a pause.
  void go() {
    info_.now = via().now();
    if (Stack::can_wait && waiting_ != nowhere) [[unlikely]] {
      if (!ask_again()) return;
    }
    if (!admitted_ && !admit_call()) return;
    if (!attempting_ && !admit_attempt()) return;
    if (!via().ready()) return via().queue(self_, chosen_ && chosen_->wait_for_ready ? *chosen_->wait_for_ready : via().options().wait_for_ready);
    send([this](buffer& out) { out.append(request_.view()); });
  }

  void answered(const protocol::reply& answer) {
    if (chosen_) [[unlikely]] take_metadata(answer);
    if (!answer.error.ok()) [[unlikely]] return attempt_ended(answer.error);
    if (answer.codec != method_.codec) [[unlikely]] return attempt_ended(wrong_codec(answer.codec));
    // What the value's own code throws must not lose the call.
    if (const status read = service::guarded("exception", [&] { return read_answer(answer); }); !read.ok()) [[unlikely]] {
      // An answer beyond our limits is not the peer's mistake.
      return attempt_ended(status{read.code() == code::resource_exhausted ? read.code() : code::internal, join_text({method_.service, ".", method_.name, ": response ", read.message()})});
    }
    if constexpr (Stack::answers) this->answer_ = answer.payload;
    succeed();
  }

  [[gnu::cold]] void attempt_failed(status why) { attempt_ended(about(std::move(why))); }

  // The whole call ends from outside, not by its attempt: what was admitted learns of it, and nothing is tried again.
  [[gnu::cold]] void give_up(status why) {
    if (self_.done()) return;
    via().withdraw(self_);
    info_.now = via().now();
    why = about(std::move(why));
    outcome ended = why.outcome();
    if constexpr (Stack::answers) this->ending_ = why;
    if constexpr (Stack::can_wait) {
      if (waiting_ != nowhere) ended = Stack::abandon(view(), std::exchange(waiting_, nowhere), ended);
    }
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), ended);
    if (std::exchange(admitted_, false)) ended = Stack::observe_call(view(), ended);
    finish_as(ended, std::move(why));
  }
  // The call's time, or only its attempt's. Between two attempts the timer of the last one may still go off.
  [[gnu::cold]] void time_is_up() {
    info_.now = via().now();
    const std::uint8_t never_left = info_.attempt == 0 && !info_.sent ? outcome::not_executed : 0;
    const outcome late{.code = code::deadline_exceeded, .flags = static_cast<std::uint8_t>(outcome::local | never_left)};
    if (info_.deadline <= info_.now) return via().guard_user_code([&] { give_up(status{late, "no answer in time"}); });
    armed_until_ = instant::never();
    if (!attempting_ || info_.attempt_deadline > info_.now) return arm((std::min)(info_.deadline, attempting_ ? info_.attempt_deadline : instant::never()));
    via().withdraw(self_);
    via().guard_user_code([&] { attempt_ended(about(status{late, "no answer in the time of one attempt"})); });
  }

 private:
  static constexpr std::size_t nowhere = ~std::size_t{0};

  channel& via() const noexcept { return core_.via; }
  typename Stack::view view() noexcept { return {core_.client, core_.endpoint, *entry_, states_, info_}; }

  // Without policies nobody sets the attempt's own.
  instant attempt_end() const noexcept { return Stack::size == 0 ? info_.deadline : (std::min)(info_.deadline, info_.attempt_deadline); }
  void arm(instant when) {
    if (when == armed_until_) return;
    armed_until_ = when;
    via().loop().arm(self_, when);
  }

  bool admit_call() {
    info_.now = via().now();
    if (chosen_ && chosen_->timeout) [[unlikely]] info_.deadline = (std::min)(info_.deadline, info_.now + *chosen_->timeout);
    if constexpr (Stack::size != 0) info_.request_bytes = request_.size();
    entry_ = &core_.options.of(method_.index);
    return call_admitted(Stack::admit_call(view()));
  }
  bool call_admitted(outcome admitted) {
    if (Stack::can_wait && policy::waits(admitted)) [[unlikely]] return wait_there(admitted);
    if (admitted.ok() && info_.deadline <= info_.now) [[unlikely]] {
      admitted = refused_here(code::deadline_exceeded);
      if (Stack::observe_call(view(), admitted).ok()) admitted = policy::answered;
    }
    if (!admitted.ok()) [[unlikely]] {
      const bool has_value = Stack::answers && policy::is_answered(admitted);
      finish_as(has_value ? outcome{} : admitted, refusal(admitted));
      return false;
    }
    admitted_ = true;
    return true;
  }

  bool admit_attempt() {
    info_.attempt_start = info_.now;
    info_.sent = false;
    return attempt_admitted(Stack::admit_attempt(view()));
  }
  bool attempt_admitted(outcome admitted) {
    if (Stack::can_wait && policy::waits(admitted)) [[unlikely]] return wait_there(admitted);
    if (!admitted.ok()) [[unlikely]] {
      decide(refusal(admitted));
      return false;
    }
    attempting_ = true;
    arm(attempt_end());
    return true;
  }

  // A policy lets the call wait: until its time, until another call wakes it, or until the deadline.
  [[gnu::cold]] bool wait_there(outcome answer) {
    if constexpr (Stack::can_wait) {
      waiting_ = Stack::position_of(answer);
      arm(info_.deadline);
      if (info_.wake_at != instant::never()) via().loop().arm(pause_, info_.wake_at);
      via().park(self_);
    }
    return false;
  }
  // True when the call may go on from where it waited.
  [[gnu::cold]] bool ask_again() {
    if constexpr (Stack::can_wait) {
      const std::size_t position = std::exchange(waiting_, nowhere);
      pause_.disarm();
      const outcome admitted = Stack::resume(view(), position);
      return Stack::is_about_attempt(position) ? attempt_admitted(admitted) : call_admitted(admitted);
    }
    return true;
  }

  template <class WritePayload>
  void send(WritePayload&& write_payload) {
    if (via().full()) [[unlikely]] return attempt_ended(about(via().too_many()));
    protocol::outgoing head{.service = method_.service, .method = method_.name, .codec = method_.codec, .arguments = method_.arguments};
    if (const instant until = attempt_end(); until != instant::never() && (Stack::size == 0 || info_.propagate)) head.timeout = (std::max)(until - info_.now - info_.reserve, duration{});
    if (chosen_) [[unlikely]] {
      head.one_way = chosen_->one_way;
      if (!chosen_->metadata.empty()) head.extra = &chosen_->metadata;
    }
    info_.sent = true;
    if constexpr (Stack::has_loop || Stack::attaches) {
      if (Stack::attaches || info_.attempt != 0) [[unlikely]] return send_with_more(head);
    }
    if (via().send(self_, head, std::forward<WritePayload>(write_payload)) && head.one_way) [[unlikely]] succeed();
  }
  // What policies attach; and how often the call was sent before, by gRPC's name on every protocol.
  void send_with_more(protocol::outgoing& head) {
    metadata extra;
    if (head.extra != nullptr) extra = *head.extra;
    if constexpr (Stack::attaches) Stack::attach(view(), extra);
    if (info_.attempt != 0) extra.set("grpc-previous-rpc-attempts", number_text{info_.attempt});
    head.extra = &extra;
    if (via().send(self_, head, [this](buffer& out) { out.append(request_.view()); }) && head.one_way) succeed();
  }

  void succeed() {
    info_.now = via().now();
    Stack::observe_attempt(view(), {});
    (void)Stack::decide(view(), {});
    Stack::observe_call(view(), {});
    admitted_ = attempting_ = false;
    finish({});
  }

  [[gnu::cold]] void attempt_ended(status why) {
    info_.now = via().now();
    if (info_.sent && !why.has(outcome::not_executed)) may_have_run_ = true;
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    if constexpr (Stack::attaches) {
      // The peer did not know the caller, so nothing ran: once more with new credentials, whatever retry thinks.
      if (why.code() == code::unauthenticated && !why.has(outcome::local) && !renewed_ && via().open() && Stack::renew(view())) {
        renewed_ = true;
        ++info_.attempt;
        via().park(self_);
        return pause_.go_on_soon();
      }
    }
    decide(std::move(why));
  }

  // After an attempt: another one, or the end.
  [[gnu::cold]] void decide(status why) {
    const policy::decision then = Stack::decide(view(), why.outcome());
    if constexpr (Stack::has_loop) {
      if (then.again && via().open() && info_.now + then.delay < info_.deadline) {
        ++info_.attempt;
        via().park(self_);
        if (then.delay > duration{}) via().loop().arm(pause_, info_.now + then.delay);
        else pause_.go_on_soon();
        return;
      }
    }
    if constexpr (Stack::answers) this->ending_ = why;
    const outcome ended = Stack::observe_call(view(), why.outcome());
    admitted_ = false;
    finish_as(ended, std::move(why));
  }

  // After its policies have learnt of `why`, and one of them may have had a value instead.
  void finish_as(outcome ended, status why) {
    if constexpr (Stack::answers) {
      if (ended.ok()) return finish({});
      // With what a policy that tried in vain has added.
      if (!this->ending_.ok()) why = std::move(this->ending_);
    }
    finish(std::move(why));
  }

  // The policies' side; with `answers` these are what `policy::answering` asks.
  void append_key(std::string& into) const {
    into.append(number_text{info_.principal_key});
    if (chosen_) {
      for (const auto& [key, value] : chosen_->metadata) into.append(join_text({" ", number_text{key.size()}, key, number_text{value.size()}, value}));
    }
    into.append("\n").append(request_.view());
  }
  std::string_view answer() const noexcept { return this->answer_; }
  bool give(std::string_view encoded) noexcept {
    const protocol::reply kept{.codec = method_.codec, .payload = encoded};
    return service::guarded("exception", [&] { return read_answer(kept); }).ok();
  }
  bool recover(std::size_t position, outcome why) noexcept {
    status& ending = this->ending_;
    if (ending.ok()) ending = refusal(why);
    const status made = service::guarded("exception", [&] { return recover_value(position, view(), ending); });
    if (!made.ok()) {
      // One that was not for this call gives back what it was told.
      if (made.message() != ending.message()) ending.set_message(join_text({ending.message(), "; ", Stack::name_of(position), ": ", made.message().empty() ? code_name(made.code()) : made.message()}));
      return false;
    }
    if (chosen_ && chosen_->response_metadata != nullptr) chosen_->response_metadata->set("tenon-degraded", Stack::name_of(position));
    return true;
  }

  void finish(status why) {
    if constexpr (pauses) pause_.stop();
    if constexpr (Stack::has_loop) {
      // What holds for the last attempt need not hold for the call.
      if (may_have_run_ && why.has(outcome::not_executed)) [[unlikely]] why.remove_flag(outcome::not_executed);
    }
    end(std::move(why));
  }

  [[gnu::cold]] void take_metadata(const protocol::reply& answer) {
    if (chosen_->response_metadata != nullptr && answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, *chosen_->response_metadata);
  }

  // `market.buy: ...`, in front of every message about the call.
  [[gnu::cold]] status about(status why) const {
    why.set_message(join_text({method_.service, ".", method_.name, why.message().empty() ? "" : ": ", why.message()}));
    return why;
  }
  [[gnu::cold]] status refusal(outcome refused) const {
    const std::string_view by = Stack::producer(refused);
    return about(status{refused, join_text({refused.code == code::deadline_exceeded ? "the time was up" : "refused", " before the call was sent",
                                            by.empty() ? "" : " (", by, by.empty() ? "" : ")"})});
  }
  [[gnu::cold]] status wrong_codec(protocol::serialization found) const {
    return about(status{code::internal, join_text({"the answer is in serialization ", number_text{static_cast<unsigned>(found)}, ", expected ",
                                                   number_text{static_cast<unsigned>(method_.codec)}})});
  }

  static constexpr bool pauses = Stack::has_loop || Stack::can_wait || Stack::attaches;

  // What lets the call go on: a time that has come, another call that woke it, or the loop's next turn.
  struct pause final : net::timer, tenon::waiter {
    explicit pause(attempts& owner) noexcept : tenon::waiter{[](tenon::waiter& woken) noexcept { static_cast<pause&>(woken).go_on_soon(); }}, self{owner} {}

    void expired() override {
      soon = false;
      self.via().withdraw(self.self_);
      self.via().guard_user_code([this] { self.go(); });
    }
    // Never at once: whoever says so is in the middle of another call, or of this one's last attempt.
    void go_on_soon() {
      soon = true;
      self.self_.retain();
      post(self.via().loop().io(), [this, held = call_reference<call_base>{&self.self_}] {
        // Meanwhile it may have ended, or have gone on by its time.
        if (held.get()->done() || !soon) return;
        disarm();
        expired();
      });
    }
    void stop() noexcept {
      soon = false;
      disarm();
      leave();
    }
    attempts& self;
    bool soon = false;
  };
  struct no_pause {
    explicit no_pause(attempts&) noexcept {}
  };

  call_base& self_;
  client_core<Stack>& core_;
  const called_method& method_;
  typename Stack::info_type info_{};
  instant armed_until_ = instant::never();
  const typename Stack::config* entry_ = nullptr;
  [[no_unique_address]] typename Stack::call_states states_{};
  std::unique_ptr<call_options> chosen_;
  buffer request_;
  std::size_t waiting_ = nowhere;  // the position of the policy that lets the call wait
  [[no_unique_address]] std::conditional_t<pauses, pause, no_pause> pause_;
  bool admitted_ = false;
  bool attempting_ = false;
  bool renewed_ = false;
  bool may_have_run_ = false;  // an attempt that has ended: its handler, that is
};

}  // namespace tenon::inline v0::detail
