// A call's way through its policies: admission, one or more attempts, the end. Client layer; the client's driver of the policy stack.
// Compiled once per client and not per method: a method adds the reading of its answer, nothing else.
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
#include <tenon/client/client_core.hpp>
#include <tenon/client/extra_attempts.hpp>
#include <tenon/client/one_attempt.hpp>
#include <tenon/client/options.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/service/guarded.hpp>

namespace tenon::inline v0::detail {

// How a stack that may answer calls by itself sees its driver; nothing for all others.
template <bool Answers>
struct answering_port : policy::answering {
  std::string_view answer_{};  // while a success is observed
  status ending_{};            // while a failure is observed
};
template <>
struct answering_port<false> {};

template <class Stack>
class attempts : private answering_port<Stack::answers>, private one_attempt<Stack, attempts<Stack>> {
  using own = one_attempt<Stack, attempts>;
  using extras = extra_attempts<Stack, attempts>;
  friend own;
  friend extras;
  friend pause<attempts>;

 public:
  /// Where the request is kept when it cannot be written to the connection at once, or may be sent again.
  buffer& request() noexcept { return facts_.request; }

  /// Starts with the arguments at hand: they are encoded straight into the connection's buffer. Only when the channel is ready.
  template <class WritePayload>
  void start_with(WritePayload&& write_payload) {
    if (admit_call() && own::admit_attempt()) own::send(std::forward<WritePayload>(write_payload));
  }

 protected:
  attempts(call_base& self, client_core<Stack>& core, const called_method& method, const call_options* chosen) : own{*this, self, core}, facts_{method}, extras_{*this, self} {
    info_.method = method.index;
    info_.idempotent = method.idempotent;
    if constexpr (Stack::named) info_.identity = method.identity;
    if constexpr (Stack::answers) {
      info_.cacheable = method.cacheable;
      // A stream is many values: no policy has them.
      if (!method.streams()) info_.answers = this;
    }
    if constexpr (Stack::size != 0) info_.random = &core.random;
    if (chosen == nullptr) return;
    facts_.chosen = std::make_unique<call_options>(*chosen);
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
  /// The request of a call that streams has been written.
  virtual void opened() {}
  /// From here on the call cannot be tried again: something of it has been taken, or given, that cannot be repeated.
  void commit() noexcept { committed_ = true; }
  /// Makes and keeps the value that the policy at this position has instead of a failure.
  virtual status recover_value(std::size_t, const typename Stack::view&, const status& why) { return why; }

  // Starts the call, or goes on with it after a pause.
  void go() {
    info_.now = via().now();
    if (Stack::can_wait && waiting_ != own::nowhere) [[unlikely]] {
      if (!ask_again()) return;
    }
    if (!admitted_ && !admit_call()) return;
    if (!attempting_ && !own::admit_attempt()) return;
    own::send_kept();
  }

  void answered(const protocol::reply& answer) {
    if (read(answer, [this](status why) { own::attempt_ended(std::move(why)); })) succeed();
  }

  [[gnu::cold]] void attempt_failed(status why) { own::attempt_ended(facts_.about(std::move(why))); }

  // The whole call ends from outside, not by its attempt: what was admitted learns of it, and nothing is tried again.
  [[gnu::cold]] void give_up(status why) {
    if (self_.done()) return;
    info_.now = via().now();
    why = facts_.about(std::move(why));
    outcome ended = why.outcome();
    if constexpr (Stack::answers) this->ending_ = why;
    if constexpr (Stack::has_fan_out) extras_.drop(ended);
    ended = drop_attempt(ended);
    if (std::exchange(admitted_, false)) ended = Stack::observe_call(view(), ended);
    finish_as(ended, std::move(why));
  }
  // The call's time, or only its attempt's. Between two attempts the timer of the last one may still go off.
  [[gnu::cold]] void time_is_up() {
    info_.now = via().now();
    const std::uint8_t never_left = info_.attempt == 0 && !info_.sent ? outcome::not_executed : 0;
    const outcome late{.code = code::deadline_exceeded, .flags = static_cast<std::uint8_t>(outcome::local | never_left)};
    if (info_.deadline <= info_.now) return via().guard_user_code([&] { give_up(status{late, "no answer in time"}); });
    this->armed_until_ = instant::never();
    if (!attempting_ || info_.attempt_deadline > info_.now) return arm((std::min)(info_.deadline, attempting_ ? info_.attempt_deadline : instant::never()));
    via().withdraw(self_);
    via().guard_user_code([&] { own::attempt_ended(facts_.about(status{late, "no answer in the time of one attempt"})); });
  }

  [[gnu::cold]] status about(status why) const { return facts_.about(std::move(why)); }

 private:
  using own::arm;
  using own::attempting_;
  using own::committed_;
  using own::core_;
  using own::drop_attempt;
  using own::entry_;
  using own::info_;
  using own::pause_;
  using own::self_;
  using own::states_;
  using own::via;
  using own::view;
  using own::waiting_;

  const call_facts<Stack>& facts() const noexcept { return facts_; }
  void may_have_run() noexcept { may_have_run_ = true; }
  void go_on() {
    via().withdraw(self_);
    go();
  }

  bool admit_call() {
    info_.now = via().now();
    if (facts_.chosen && facts_.chosen->timeout) [[unlikely]] info_.deadline = (std::min)(info_.deadline, info_.now + *facts_.chosen->timeout);
    if constexpr (Stack::size != 0) info_.request_bytes = facts_.request.size();
    entry_ = &core_.options.of(facts_.method.index);
    return call_admitted(Stack::admit_call(view()));
  }
  bool call_admitted(outcome admitted) {
    if (Stack::can_wait && policy::waits(admitted)) [[unlikely]] return own::wait_there(admitted);
    if (admitted.ok() && info_.deadline <= info_.now) [[unlikely]] {
      admitted = refused_here(code::deadline_exceeded);
      if (Stack::observe_call(view(), admitted).ok()) admitted = policy::answered;
    }
    if (!admitted.ok()) [[unlikely]] {
      const bool has_value = Stack::answers && policy::is_answered(admitted);
      finish_as(has_value ? outcome{} : admitted, facts_.refusal(admitted));
      return false;
    }
    admitted_ = true;
    if constexpr (Stack::has_fan_out) {
      // Of a stream the first item counts, not the end: a second one would give its items as well.
      if (Stack::fans_out(view()) && !facts_.method.streams() && !(facts_.chosen && facts_.chosen->one_way)) extras_.begin();
    }
    return true;
  }
  // True when the call may go on from where it waited.
  [[gnu::cold]] bool ask_again() {
    if constexpr (Stack::can_wait) {
      const std::size_t position = own::stop_waiting();
      const outcome admitted = Stack::resume(view(), position);
      return Stack::is_about_attempt(position) ? own::attempt_admitted(admitted) : call_admitted(admitted);
    }
    return true;
  }

  // True when the value is there and kept; otherwise `failed` is told why not.
  template <class Failed>
  bool read(const protocol::reply& answer, Failed failed) {
    if (facts_.chosen) [[unlikely]] take_metadata(answer);
    if (!answer.error.ok()) [[unlikely]] return failed(answer.error), false;
    if (answer.codec != facts_.method.codec) [[unlikely]] return failed(facts_.wrong_codec(answer.codec)), false;
    // What the value's own code throws must not lose the call.
    if (const status done = service::guarded("exception", [&] { return read_answer(answer); }); !done.ok()) [[unlikely]] return failed(unreadable(done)), false;
    if constexpr (Stack::answers) this->answer_ = answer.payload;
    return true;
  }

  void succeed() {
    info_.now = via().now();
    Stack::observe_attempt(view(), {});
    attempting_ = false;
    if constexpr (Stack::has_fan_out) {
      if (extras_.begun()) return extras_.own_ended({});
    }
    (void)Stack::decide(view(), {});
    call_succeeded();
  }
  void call_succeeded() {
    Stack::observe_call(view(), {});
    admitted_ = false;
    finish({});
  }

  // After an attempt that was not good: another one, or the end.
  [[gnu::cold]] void decide(status why) {
    if constexpr (Stack::has_fan_out) {
      if (extras_.begun()) return extras_.own_ended(std::move(why));
    }
    const policy::decision then = Stack::decide(view(), why.outcome());
    if constexpr (Stack::has_loop) {
      if (then.again && !committed_ && via().open() && info_.now + then.delay < info_.deadline) {
        ++info_.attempt;
        via().park(self_);
        if (then.delay > duration{}) via().loop().arm(pause_, info_.now + then.delay);
        else pause_.go_on_soon();
        return;
      }
    }
    call_failed(std::move(why));
  }
  [[gnu::cold]] void call_failed(status why) {
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
  void finish(status why) {
    if constexpr (own::pauses) pause_.stop();
    if constexpr (Stack::keeps_request) core_.take_back(std::move(facts_.request));
    if constexpr (Stack::repeats) {
      // What holds for the last attempt need not hold for the call.
      if (may_have_run_ && why.has(outcome::not_executed)) [[unlikely]] why.remove_flag(outcome::not_executed);
    }
    end(std::move(why));
  }

  // The policies' side; with `answers` these are what `policy::answering` asks.
  void append_key(std::string& into) const {
    into.append(number_text{info_.principal_key});
    if (facts_.chosen) {
      for (const auto& [key, value] : facts_.chosen->metadata) into.append(join_text({" ", number_text{key.size()}, key, number_text{value.size()}, value}));
    }
    into.append("\n").append(facts_.request.view());
  }
  std::string_view answer() const noexcept { return this->answer_; }
  bool give(std::string_view encoded) noexcept {
    const protocol::reply kept{.codec = facts_.method.codec, .payload = encoded};
    return service::guarded("exception", [&] { return read_answer(kept); }).ok();
  }
  bool recover(std::size_t position, outcome why) noexcept {
    status& ending = this->ending_;
    if (ending.ok()) ending = facts_.refusal(why);
    const status made = service::guarded("exception", [&] { return recover_value(position, view(), ending); });
    if (!made.ok()) {
      // One that was not for this call gives back what it was told.
      if (made.message() != ending.message()) ending.set_message(join_text({ending.message(), "; ", Stack::name_of(position), ": ", made.message().empty() ? code_name(made.code()) : made.message()}));
      return false;
    }
    if (facts_.chosen && facts_.chosen->response_metadata != nullptr) facts_.chosen->response_metadata->set("tenon-degraded", Stack::name_of(position));
    return true;
  }

  [[gnu::cold]] void take_metadata(const protocol::reply& answer) {
    if (facts_.chosen->response_metadata != nullptr && answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, *facts_.chosen->response_metadata);
  }
  // An answer beyond our limits is not the peer's mistake.
  [[gnu::cold]] status unreadable(const status& read) const {
    return status{read.code() == code::resource_exhausted ? read.code() : code::internal,
                  join_text({facts_.method.service, ".", facts_.method.name, ": response ", read.message()})};
  }

  call_facts<Stack> facts_;
  bool admitted_ = false;
  bool may_have_run_ = false;  // an attempt that has ended: its handler, that is
  [[no_unique_address]] std::conditional_t<Stack::has_fan_out, extras, no_extra_attempts> extras_;
};

}  // namespace tenon::inline v0::detail
