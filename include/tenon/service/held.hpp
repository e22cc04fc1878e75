// A call that a policy lets wait before its handler may run. Service layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/message_queue.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/service/answer_port.hpp>
#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::service {

/// Keeps a copy of the request, and once the call is admitted sends it the way it would have gone at first; the handler's own pending call, if it makes one, is passed on.
template <class Home, class Guard>
class held final : public pending, private answer_sink, private cancellation::listener {
 public:
  /// Decodes, calls and encodes; the call has been admitted.
  using go_function = disposition (*)(Home& home, exchange& call, typename Guard::info_type& info, typename Guard::call_state& state);
  using refusal_function = status (*)(const Home& home, outcome refused);

  /// `stand_in` was in a queue in this call's place; `answer` is what the policy said.
  held(Home& home, Guard& guard, go_function go, refusal_function refuse, const exchange& call, const typename Guard::info_type& info, const typename Guard::call_state& state,
       tenon::waiter& stand_in, outcome answer)
      : answer_sink{call.sink.connection_id()}, home_{home}, guard_{guard}, go_{go}, refuse_{refuse}, info_{info}, state_{state}, port_{info, &value_}, node_{*this}, sink_{&call.sink}, bounds_{call.bounds}, service_{call.call.service},
        method_{call.call.method}, payload_{call.call.payload}, metadata_{call.call.metadata_block}, read_metadata_{call.call.read_metadata}, stream_credit_{call.call.stream_credit}, position_{Guard::position_of(answer)} {
    address = call.call.address;
    context.info = info;
    context.place(service_, method_, call.peer, call.io);
    context.set_origin(call.sink);
    info_.waiter = &node_;
    if constexpr (Guard::answers) {
      if (info_.answers != nullptr) info_.answers = &port_;
    }
    node_.replace(stand_in);
  }

  void go_on() override {
    context.cancel.listen(*this);
    arm();
  }
  // It may have gone on before its time came.
  void woken() override {
    if (position_ != nowhere) ask_again();
  }
  status write_value(buffer& out) override {
    if (inner_ != nullptr) return inner_->write_value(out);
    if (error_.ok()) out.append(value_.view());
    return std::move(error_);
  }
  // What comes meanwhile is kept: so much as the protocol grants without being asked.
  void take_item(std::string_view payload) override {
    if (inner_ != nullptr) inner_->take_item(payload);
    else items_.push(payload);
  }
  void items_ended(status why) override {
    if (inner_ != nullptr) return inner_->items_ended(std::move(why));
    no_more_items_ = true;
  }
  void add_credit(std::int64_t bytes) override {
    if (inner_ != nullptr) inner_->add_credit(bytes);
    else stream_credit_ = static_cast<std::uint32_t>(stream_credit_ + bytes);
  }
  void dispose() noexcept override {
    stop_waiting(outcome{.code = code::cancelled, .flags = outcome::local});
    if (inner_ != nullptr) inner_->dispose();
    delete this;
  }

 private:
  // Others end, and it may go on: soon, since they are in the middle of their own answer.
  struct node final : tenon::waiter {
    explicit node(held& owner) noexcept : tenon::waiter{[](tenon::waiter& self) noexcept { static_cast<node&>(self).note(); }}, call{std::make_shared<held*>(&owner)} {}
    void note() noexcept {
      tenon::detail::post(*(*call)->context.io(), [weak = std::weak_ptr<held*>{call}] {
        if (const auto alive = weak.lock(); alive != nullptr && (*alive)->position_ != nowhere) (*alive)->ask_again();
      });
    }
    std::shared_ptr<held*> call;
  };
  static constexpr std::size_t nowhere = ~std::size_t{0};

  void arm() {
    if (info_.wake_at != instant::never()) sink_->wake_at(*this, info_.wake_at);
  }

  void ask_again() {
    info_.now = sink_->read_clock();
    const outcome admitted = guard_.resume(state_, info_, std::exchange(position_, nowhere));
    if (Guard::waits(admitted)) {
      position_ = Guard::position_of(admitted);
      return arm();
    }
    if constexpr (Guard::answers) {
      if (Guard::is_answered(admitted)) return sink_->finished(*this);
    }
    if (!admitted.ok()) {
      error_ = refuse_(home_, admitted);
      return sink_->finished(*this);
    }
    const protocol::request again{.service = service_, .method = method_, .payload = payload_, .address = address, .metadata_block = metadata_, .read_metadata = read_metadata_, .stream_credit = stream_credit_};
    exchange call{.call = again, .out = value_, .bounds = bounds_, .sink = *this, .io = context.io(), .peer = context.peer(), .now = info_.now, .deadline = info_.deadline};
    switch (go_(home_, call, info_, state_)) {
      case disposition::answered: context.response = std::move(call.response); break;
      case disposition::refused:
        error_ = std::move(call.error);
        context.response = std::move(call.response);
        break;
      case disposition::pending:
        inner_ = call.under_way;
        streams = inner_->streams;
        address.streamed = inner_->address.streamed;
        follow_deadline();
        // Before it begins: afterwards it may be gone.
        for (; !items_.empty(); items_.pop()) inner_->take_item(items_.front());
        if (no_more_items_) inner_->items_ended({});
        return inner_->go_on();
    }
    sink_->finished(*this);
  }

  // A timeout behind the policy that let the call wait counts from here on.
  void follow_deadline() {
    if (inner_->context.deadline() == context.deadline()) return;
    context.info.now = info_.now;
    context.info.deadline = inner_->context.deadline();
    sink_->deadline_changed(*this);
  }

  // False when it no longer waits.
  bool stop_waiting(outcome why) noexcept {
    if (position_ == nowhere) return false;
    guard_.abandon(state_, info_, std::exchange(position_, nowhere), why);
    node_.leave();
    return true;
  }

  void cancelled() override {
    if (inner_ != nullptr) {
      inner_->answered = answered;
      return inner_->context.cancel.request();
    }
    if (stop_waiting(outcome{.code = code::cancelled, .flags = outcome::local})) sink_->finished(*this);
  }

  // The handler's own pending call has ended.
  void finished(pending& inner) override {
    context.response = std::move(inner.context.response);
    sink_->finished(*this);
  }
  instant read_clock() override { return sink_->read_clock(); }
  std::shared_ptr<tenon::detail::connection_handle> handle() override { return sink_->handle(); }
  void wake_at(pending&, instant) override {}
  void deadline_changed(pending&) override {}
  std::int64_t open_stream() override { return sink_->open_stream(); }
  bool send_item(pending& inner, tenon::waiter& room, std::int64_t& cost) override { return sink_->send_item(inner, room, cost); }
  void give_credit(pending& inner, const protocol::items_taken& taken) override { sink_->give_credit(inner, taken); }

  Home& home_;
  Guard& guard_;
  go_function go_;
  refusal_function refuse_;
  typename Guard::info_type info_;
  typename Guard::call_state state_;
  [[no_unique_address]] std::conditional_t<Guard::answers, answer_port<Guard>, no_answer_port> port_;
  node node_;
  answer_sink* sink_;
  const limits& bounds_;
  std::string service_;
  std::string method_;
  std::string payload_;
  std::string metadata_;
  protocol::metadata_reader read_metadata_;
  std::uint32_t stream_credit_;
  tenon::detail::message_queue items_;
  bool no_more_items_ = false;
  buffer value_;
  status error_;
  pending* inner_ = nullptr;
  std::size_t position_;
};

}  // namespace tenon::inline v0::service
