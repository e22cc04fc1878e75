// One attempt of a call: its admission, its way to the connection, its end. Client layer; a call is its own first attempt, a hedge adds others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/client_core.hpp>
#include <tenon/client/options.hpp>
#include <tenon/client/pause.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::detail {

// What all attempts of a call have in common.
template <class Stack>
struct call_facts {
  explicit call_facts(const called_method& to) noexcept : method{to} {}

  const called_method& method;
  std::unique_ptr<call_options> chosen;
  buffer request;  // the encoded arguments, where they cannot be written to the connection at once, or may be sent again

  // `market.buy: ...`, in front of every message about the call.
  [[gnu::cold]] status about(status why) const {
    why.set_message(join_text({method.service, ".", method.name, why.message().empty() ? "" : ": ", why.message()}));
    return why;
  }
  [[gnu::cold]] status refusal(outcome refused) const {
    const std::string_view by = Stack::producer(refused);
    return about(status{refused, join_text({refused.code == code::deadline_exceeded ? "the time was up" : "refused", " before the call was sent",
                                            by.empty() ? "" : " (", by, by.empty() ? "" : ")"})});
  }
  [[gnu::cold]] status wrong_codec(protocol::serialization found) const {
    return about(status{code::internal, join_text({"the answer is in serialization ", number_text{static_cast<unsigned>(found)}, ", expected ",
                                                   number_text{static_cast<unsigned>(method.codec)}})});
  }
};

// `Derived` is the one whose attempt this is. It has the `facts()` of its call, and is told how the attempt ends: by `succeed()`, or by `decide(status)` once the policies know;
// after either it may be gone. `may_have_run()` tells it that a handler of the peer may have, `opened()` that a
// call that streams has sent its request.
template <class Stack, class Derived>
class one_attempt {
 public:
  one_attempt(const one_attempt&) = delete;
  one_attempt& operator=(const one_attempt&) = delete;

 protected:
  static constexpr std::size_t nowhere = ~std::size_t{0};
  static constexpr bool pauses = Stack::repeats || Stack::can_wait || Stack::attaches;

  // `derived` is the object itself, which has not begun to be one yet.
  one_attempt(Derived& derived, call_base& self, client_core<Stack>& core) noexcept : self_{self}, core_{core}, pause_{derived, self} {
    if constexpr (Stack::can_wait) info_.waiter = &pause_;
  }
  ~one_attempt() = default;

  channel& via() const noexcept { return core_.via; }
  typename Stack::view view() noexcept { return {core_.client, core_.endpoint, *entry_, states_, info_}; }

  // Without policies nobody sets the attempt's own.
  instant attempt_end() const noexcept { return Stack::size == 0 ? info_.deadline : (std::min)(info_.deadline, info_.attempt_deadline); }
  void arm(instant when) {
    if (when == armed_until_) return;
    armed_until_ = when;
    via().loop().arm(self_, when);
  }

  bool admit_attempt() {
    info_.attempt_start = info_.now;
    info_.sent = false;
    return attempt_admitted(Stack::admit_attempt(view()));
  }
  bool attempt_admitted(outcome admitted) {
    if (Stack::can_wait && policy::waits(admitted)) [[unlikely]] return wait_there(admitted);
    if (!admitted.ok()) [[unlikely]] {
      derived().decide(derived().facts().refusal(admitted));
      return false;
    }
    attempting_ = true;
    arm(attempt_end());
    return true;
  }

  // A policy lets the attempt, or the call, wait: until its time, until another call wakes it, or until the deadline.
  [[gnu::cold]] bool wait_there(outcome answer) {
    if constexpr (Stack::can_wait) {
      waiting_ = Stack::position_of(answer);
      arm(info_.deadline);
      if (info_.wake_at != instant::never()) via().loop().arm(pause_, info_.wake_at);
      via().park(self_);
    }
    return false;
  }
  // Whoever waited there answers for the place it is at.
  [[gnu::cold]] std::size_t stop_waiting() {
    if constexpr (Stack::can_wait) pause_.disarm();
    return std::exchange(waiting_, nowhere);
  }

  // Admitted: to the connection, once it stands.
  void send_kept() {
    const auto& call = derived().facts();
    if (!via().ready()) return via().queue(self_, call.chosen && call.chosen->wait_for_ready ? *call.chosen->wait_for_ready : via().options().wait_for_ready);
    send([&call](buffer& out) { out.append(call.request.view()); });
  }
  template <class WritePayload>
  void send(WritePayload&& write_payload) {
    const auto& call = derived().facts();
    if (via().full()) [[unlikely]] return attempt_ended(call.about(via().too_many()));
    protocol::outgoing head{.service = call.method.service, .method = call.method.name, .codec = call.method.codec, .arguments = call.method.arguments};
    if (const instant until = attempt_end(); until != instant::never() && (Stack::size == 0 || info_.propagate)) head.timeout = (std::max)(until - info_.now - info_.reserve, duration{});
    if (call.chosen) [[unlikely]] {
      head.one_way = call.chosen->one_way;
      if (!call.chosen->metadata.empty()) head.extra = &call.chosen->metadata;
      if (call.method.streams()) {
        if (!via().streams()) return attempt_ended(call.about(no_streams()));
        head.one_way = false;
        head.extra = &call.chosen->metadata;
        head.stream_credit = (std::max)(via().options().stream_window_bytes, std::uint32_t{1});
        head.client_streams = call.method.client_streams;
        head.server_streams = call.method.server_streams;
      }
    }
    info_.sent = true;
    if constexpr (Stack::repeats || Stack::attaches) {
      if (Stack::attaches || info_.attempt != 0) [[unlikely]] return send_with_more(head);
    }
    if (via().send(self_, head, std::forward<WritePayload>(write_payload)) && call.chosen) [[unlikely]] after_sending(head);
  }

  // The attempt is over and was not good; what follows is decided by whoever wants another.
  [[gnu::cold]] void attempt_ended(status why) {
    info_.now = via().now();
    if (info_.sent && !why.has(outcome::not_executed)) derived().may_have_run();
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    if constexpr (Stack::attaches) {
      // The peer did not know the caller, so nothing ran: once more with new credentials, whatever retry thinks.
      if (why.code() == code::unauthenticated && !why.has(outcome::local) && !renewed_ && !committed_ && via().open() && Stack::renew(view())) {
        renewed_ = true;
        ++info_.attempt;
        via().park(self_);
        return pause_.go_on_soon();
      }
    }
    derived().decide(std::move(why));
  }
  // The attempt is over because the call is. Returns what a policy that had a value instead has made of it.
  [[gnu::cold]] outcome drop_attempt(outcome ended) {
    via().withdraw(self_);
    if constexpr (Stack::can_wait) {
      if (waiting_ != nowhere) ended = Stack::abandon(view(), stop_waiting(), ended);
    }
    if (attempting_ && info_.sent) derived().may_have_run();
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), ended);
    return ended;
  }

  call_base& self_;
  client_core<Stack>& core_;
  begun<typename Stack::info_type> info_;
  instant armed_until_ = instant::never();
  const typename Stack::config* entry_ = nullptr;
  [[no_unique_address]] typename Stack::call_states states_{};
  std::size_t waiting_ = nowhere;  // the position of the policy that lets the call wait
  [[no_unique_address]] std::conditional_t<pauses, pause<Derived>, no_pause> pause_;
  bool attempting_ = false;
  bool renewed_ = false;
  bool committed_ = false;  // a stream's items have come or gone: there is no second attempt

 private:
  Derived& derived() noexcept { return static_cast<Derived&>(*this); }

  [[gnu::cold]] void after_sending(const protocol::outgoing& head) {
    if (head.one_way) derived().succeed();
    else if (head.stream_credit != 0) derived().opened();
  }
  [[gnu::cold]] static status no_streams() {
    return status{outcome{.code = code::unimplemented, .flags = outcome::local | outcome::not_executed | outcome::no_retry},
                  "the method streams, and this protocol carries no streams here; call it over rpcx (tcp://), gRPC (grpc://), WebSocket (ws://) or JSON-RPC (jsonrpc+tcp://)"};
  }

  // What policies attach; and how often the call was sent before, by gRPC's name on every protocol.
  void send_with_more(protocol::outgoing& head) {
    metadata extra;
    if (head.extra != nullptr) extra = *head.extra;
    if constexpr (Stack::attaches) Stack::attach(view(), extra);
    if (info_.attempt != 0) extra.set("grpc-previous-rpc-attempts", number_text{info_.attempt});
    head.extra = &extra;
    if (via().send(self_, head, [this](buffer& out) { out.append(derived().facts().request.view()); })) after_sending(head);
  }
};

}  // namespace tenon::inline v0::detail
