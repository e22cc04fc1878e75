// A call's way through its policies: admission, one or more attempts, the end. Client layer; the client's driver of the policy stack.
// Compiled once per client and not per method: a method adds the reading of its answer, nothing else.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/options.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/net/timer_wheel.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/service/guarded.hpp>

namespace tenon::inline v0::detail {

// What all calls of one client share: the channel, and the policies' state. On the loop's thread.
template <class Stack>
struct client_core {
  explicit client_core(channel& owned) noexcept : via{owned} {}
  client_core(const client_core&) = delete;
  client_core& operator=(const client_core&) = delete;
  /// By then the calls have ended, or end here: their policies' state is about to go.
  ~client_core() {
    via.close(status{outcome{.code = code::unavailable, .flags = outcome::local}, "the client was closed"});
    via.release();
  }

  channel& via;
  [[no_unique_address]] typename Stack::client_states client{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint{};
  typename Stack::config options = Stack::defaults();
};

// What a call is about, in static storage.
struct called_method {
  std::string_view service;
  std::string_view name;
  std::uint32_t index = 0;
  bool idempotent = false;
  protocol::serialization codec{};
};

template <class Stack>
class attempts {
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
  attempts(call_base& self, client_core<Stack>& core, const called_method& method, const call_options* chosen) : self_{self}, core_{core}, method_{method} {
    info_.method = method.index;
    info_.idempotent = method.idempotent;
    if (chosen == nullptr) return;
    options_ = std::make_unique<call_options>(*chosen);
    // Now, in the caller's thread: the parent may be gone when the loop starts the call.
    if (chosen->parent != nullptr) info_.deadline = chosen->parent->deadline();
  }
  ~attempts() = default;

  /// Reads the value out of an answer that is no error, and keeps it.
  virtual status read_answer(const protocol::reply& answer) = 0;
  /// The one end: with the value that is kept, or with the reason there is none.
  virtual void end(status why) = 0;

  void go() {
    info_.now = via().now();
    if (!admitted_ && !admit_call()) return;
    if (!attempting_ && !admit_attempt()) return;
    if (!via().ready()) return via().queue(self_);
    send([this](buffer& out) { out.append(request_.view()); });
  }

  void answered(const protocol::reply& answer) {
    if (options_) [[unlikely]] take_metadata(answer);
    if (!answer.error.ok()) [[unlikely]] return attempt_ended(answer.error);
    if (answer.codec != method_.codec) [[unlikely]] return attempt_ended(wrong_codec(answer.codec));
    // What the value's own code throws must not lose the call.
    if (const status read = service::guarded("exception", [&] { return read_answer(answer); }); !read.ok()) [[unlikely]] {
      return attempt_ended(status{code::internal, join_text({method_.service, ".", method_.name, ": response ", read.message()})});
    }
    succeed();
  }

  [[gnu::cold]] void attempt_failed(status why) { attempt_ended(about(std::move(why))); }

  // The whole call ends from outside, not by its attempt: what was admitted learns of it, and nothing is tried again.
  [[gnu::cold]] void give_up(status why) {
    if (self_.done()) return;
    via().withdraw(self_);
    info_.now = via().now();
    why = about(std::move(why));
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    if (std::exchange(admitted_, false)) Stack::observe_call(view(), why.outcome());
    finish(std::move(why));
  }
  [[gnu::cold]] void time_is_up() {
    via().guard_user_code([this] { give_up(status{outcome{.code = code::deadline_exceeded, .flags = outcome::local}, "no answer in time"}); });
  }

 private:
  channel& via() const noexcept { return core_.via; }
  typename Stack::view view() noexcept { return {core_.client, core_.endpoint, core_.options, states_, info_}; }

  bool admit_call() {
    info_.now = via().now();
    if (options_ && options_->timeout) [[unlikely]] info_.deadline = (std::min)(info_.deadline, info_.now + *options_->timeout);
    outcome admitted = Stack::admit_call(view());
    if (admitted.ok() && info_.deadline <= info_.now) [[unlikely]] {
      admitted = refused_here(code::deadline_exceeded);
      Stack::observe_call(view(), admitted);
    }
    if (!admitted.ok()) [[unlikely]] {
      finish(refusal(admitted));
      return false;
    }
    admitted_ = true;
    if (info_.deadline != instant::never()) via().loop().arm(self_, info_.deadline);
    return true;
  }

  bool admit_attempt() {
    info_.attempt_start = info_.now;
    if (const outcome admitted = Stack::admit_attempt(view()); !admitted.ok()) [[unlikely]] {
      decide(refusal(admitted));
      return false;
    }
    attempting_ = true;
    return true;
  }

  template <class WritePayload>
  void send(WritePayload&& write_payload) {
    if (via().full()) [[unlikely]] return attempt_ended(about(via().too_many()));
    protocol::outgoing head{.service = method_.service, .method = method_.name, .codec = method_.codec};
    if (info_.deadline != instant::never()) head.timeout = info_.deadline - info_.now;
    if (options_) [[unlikely]] {
      head.one_way = options_->one_way;
      if (!options_->metadata.empty()) head.extra = &options_->metadata;
    }
    via().send(self_, head, std::forward<WritePayload>(write_payload));
    if (head.one_way) [[unlikely]] succeed();
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
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    decide(std::move(why));
  }

  // After an attempt: another one, or the end.
  [[gnu::cold]] void decide(status why) {
    const policy::decision then = Stack::decide(view(), why.outcome());
    if constexpr (Stack::has_loop) {
      if (then.again && via().open() && info_.now + then.delay < info_.deadline) {
        ++info_.attempt;
        pause_.owner = this;
        via().loop().arm(pause_, info_.now + then.delay);
        via().park(self_);
        return;
      }
    }
    Stack::observe_call(view(), why.outcome());
    admitted_ = false;
    finish(std::move(why));
  }

  void finish(status why) {
    if constexpr (Stack::has_loop) pause_.disarm();
    end(std::move(why));
  }

  [[gnu::cold]] void take_metadata(const protocol::reply& answer) {
    if (options_->response_metadata != nullptr && answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, *options_->response_metadata);
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

  // Waits out the time between two attempts.
  struct pause final : net::timer {
    attempts* owner = nullptr;
    void expired() override {
      owner->via().withdraw(owner->self_);
      owner->via().guard_user_code([this] { owner->go(); });
    }
  };
  struct no_pause {};

  call_base& self_;
  client_core<Stack>& core_;
  const called_method& method_;
  call_info info_{};
  [[no_unique_address]] typename Stack::call_states states_{};
  std::unique_ptr<call_options> options_;
  buffer request_;
  [[no_unique_address]] std::conditional_t<Stack::has_loop, pause, no_pause> pause_;
  bool admitted_ = false;
  bool attempting_ = false;
};

}  // namespace tenon::inline v0::detail
