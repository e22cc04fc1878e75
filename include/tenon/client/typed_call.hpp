// One call of one method: its policies, its attempts, its answer. Client layer; this is the client's driver of the policy stack.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/options.hpp>
#include <tenon/codec/arguments.hpp>
#include <tenon/core/context.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/reflect/service.hpp>

namespace tenon::inline v0::detail {

// What all calls of one client share: the channel, and the policies' state. On the loop's thread.
template <class Stack>
struct client_core {
  explicit client_core(channel& owned) noexcept : via{owned} {}
  client_core(const client_core&) = delete;
  client_core& operator=(const client_core&) = delete;
  ~client_core() { via.release(); }

  channel& via;
  [[no_unique_address]] typename Stack::client_states client{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint{};
  [[no_unique_address]] typename Stack::config options = Stack::defaults();
};

template <class S, std::size_t Index, class Codec, class Stack>
class typed_call final : public call_state<typename method<S, Index>::response> {
  using described = method<S, Index>;
  using response = typename described::response;
  using base = call_state<response>;

 public:
  typed_call(client_core<Stack>& core, const call_options* chosen) : base{core.via}, core_{core} {
    info_.method = Index;
    info_.idempotent = described::is_idempotent;
    if (chosen != nullptr) options_ = std::make_unique<call_options>(*chosen);
  }

  /// Where the request is kept when it cannot be written to the connection at once, or may be sent again.
  buffer& request() noexcept { return request_; }

  /// Starts with the arguments at hand: they are encoded straight into the connection's buffer. Only when the channel is ready.
  template <class WritePayload>
  void start_with(WritePayload&& write_payload) {
    if (!admit_call()) return;
    if (!admit_attempt()) return;
    send(std::forward<WritePayload>(write_payload));
  }

  void start() override {
    info_.now = this->channel_.now();
    if (!admitted_ && !admit_call()) return;
    if (!attempting_ && !admit_attempt()) return;
    if (!this->channel_.ready()) return this->channel_.queue(*this);
    send([this](buffer& out) { out.append(request_.view()); });
  }

  void replied(const protocol::reply& answer) override {
    if (answer.error.ok()) [[likely]] {
      if (answer.codec != static_cast<protocol::serialization>(Codec::serialization)) [[unlikely]] {
        return attempt_ended(status{code::internal, text("the answer is in serialization " + std::to_string(static_cast<unsigned>(answer.codec)) + ", expected " + std::string{Codec::name})});
      }
      if constexpr (std::is_void_v<response>) {
        take_metadata(answer);
        succeed({});
      } else {
        response value{};
        status read = Codec::decode(answer.payload, value, this->channel_.options().limits);
        if (!read.ok()) [[unlikely]] {
          return attempt_ended(status{code::internal, text("response " + read.message())});
        }
        take_metadata(answer);
        succeed(std::move(value));
      }
    } else {
      take_metadata(answer);
      attempt_ended(answer.error);
    }
  }

  void failed(status why) override { attempt_ended(std::move(why).prefixed(name())); }
  void cancelled(status why) override {
    if (this->done()) return;
    this->channel_.withdraw(*this);
    give_up(std::move(why).prefixed(name()));
  }

 private:
  // `market.buy`
  static const std::string& name() {
    static const std::string full = std::string{service_name<S>} + "." + std::string{described::name};
    return full;
  }
  static std::string text(std::string_view what) { return name() + ": " + std::string{what}; }

  typename Stack::view view() noexcept { return {core_.client, core_.endpoint, core_.options, states_, info_}; }

  bool admit_call() {
    info_.now = this->channel_.now();
    if (options_) [[unlikely]] {
      if (options_->timeout) info_.deadline = info_.now + *options_->timeout;
      if (options_->parent != nullptr) info_.deadline = (std::min)(info_.deadline, options_->parent->deadline());
    }
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
    if (info_.deadline != instant::never()) this->channel_.loop().arm(*this, info_.deadline);
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
    if (this->channel_.full()) [[unlikely]] {
      return attempt_ended(status{refused_here(code::resource_exhausted), text("too many calls under way on " + this->channel_.url())});
    }
    protocol::outgoing head{.service = service_name<S>, .method = described::name, .codec = static_cast<protocol::serialization>(Codec::serialization)};
    if (info_.deadline != instant::never()) head.timeout = info_.deadline - info_.now;
    if (options_) [[unlikely]] {
      head.one_way = options_->one_way;
      if (!options_->metadata.empty()) head.extra = &options_->metadata;
    }
    this->channel_.send(*this, head, std::forward<WritePayload>(write_payload));
    if (head.one_way) [[unlikely]] {
      if constexpr (std::is_void_v<response>) succeed({});
      else succeed(response{});
    }
  }

  void take_metadata(const protocol::reply& answer) {
    if (options_ && options_->response_metadata != nullptr && answer.read_metadata != nullptr) [[unlikely]] {
      answer.read_metadata(answer.metadata_block, *options_->response_metadata);
    }
  }

  void succeed(result<response> value) {
    info_.now = this->channel_.now();
    if (attempting_) Stack::observe_attempt(view(), {});
    (void)Stack::decide(view(), {});
    Stack::observe_call(view(), {});
    admitted_ = attempting_ = false;
    finish(std::move(value));
  }

  void attempt_ended(status why) {
    info_.now = this->channel_.now();
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    decide(std::move(why));
  }

  // After an attempt: another one, or the end.
  void decide(status why) {
    const policy::decision next = Stack::decide(view(), why.outcome());
    if constexpr (Stack::has_loop) {
      if (next.again && info_.now + next.delay < info_.deadline) {
        ++info_.attempt;
        pause_.owner = this;
        this->channel_.loop().arm(pause_, info_.now + next.delay);
        return;
      }
    }
    Stack::observe_call(view(), why.outcome());
    admitted_ = false;
    finish(std::move(why));
  }

  void expired() override {
    this->channel_.withdraw(*this);
    this->channel_.guard_user_code([this] { give_up(status{outcome{.code = code::deadline_exceeded, .flags = outcome::local}, text("no answer in time")}); });
  }

  // The whole call ends from here, not by its attempt: what was admitted learns of it, and nothing is tried again.
  void give_up(status why) {
    info_.now = this->channel_.now();
    if (std::exchange(attempting_, false)) Stack::observe_attempt(view(), why.outcome());
    if (std::exchange(admitted_, false)) Stack::observe_call(view(), why.outcome());
    finish(std::move(why));
  }

  status refusal(outcome refused) const {
    std::string why = refused.code == code::deadline_exceeded ? text("the time was up before the call was sent") : text("refused before the call was sent");
    if (const std::string_view by = Stack::producer(refused); !by.empty()) why.append(" (").append(by).append(")");
    return status{refused, why};
  }

  void finish(result<response> value) {
    if constexpr (Stack::has_loop) pause_.disarm();
    this->complete(std::move(value));
    this->release();
  }

  // Waits out the time between two attempts.
  struct pause final : net::timer {
    typed_call* owner = nullptr;
    void expired() override {
      owner->info_.now = owner->channel_.now();
      owner->channel_.guard_user_code([this] { owner->start(); });
    }
  };
  struct no_pause {};

  client_core<Stack>& core_;
  call_info info_{};
  [[no_unique_address]] typename Stack::call_states states_{};
  std::unique_ptr<call_options> options_;
  buffer request_;
  [[no_unique_address]] std::conditional_t<Stack::has_loop, pause, no_pause> pause_;
  bool admitted_ = false;
  bool attempting_ = false;
};

}  // namespace tenon::inline v0::detail
