// A call that streams, whatever its types: items in, items out, and what ends it early. Service layer; streaming.hpp adds the types.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <tenon/core/cancellation.hpp>
#include <tenon/core/message_queue.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/protocol/streaming.hpp>
#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::service {

namespace detail {

[[gnu::cold]] inline status too_many_streams(std::string_view method) {
  status why{refused_here(code::resource_exhausted), tenon::detail::join_text({method, ": too many streams under way on this connection"})};
  return std::move(why.remove_flag(outcome::local));
}

}  // namespace detail

/// Keeps the credit of both directions. Both are counted in bytes of items, each with `protocol::item_overhead` more: what is received and not read stays below the
/// window and one message, what is sent waits at its `co_yield`.
class streamed : public pending, protected cancellation::listener {
 public:
  /// Takes a place among the connection's open streams. False when there is none.
  bool open() {
    window_ = sink_->open_stream();
    streams = window_ != 0;
    return streams;
  }

  void take_item(std::string_view payload) final {
    if (no_more_items_ || answered || stopped_) return;
    const std::int64_t cost = protocol::cost_of_item(payload.size());
    // One message may go beyond what is granted, and protocols count differently what a message is beside its bytes. This is neither.
    if (unread_ > 8 * (std::max)(window_, largest_window)) return items_ended(status{code::resource_exhausted, "the caller sends more than it was granted"});
    unread_ += cost;
    items_.push(payload);
    wake_reader();
  }
  void items_ended(status why) final {
    if (std::exchange(no_more_items_, true)) return;
    items_ended_ = std::move(why);
    if (!stopped_) wake_reader();
  }
  void add_credit(std::int64_t bytes) final {
    credit_ = (std::min)(credit_ + bytes, protocol::most_credit);
    if (standing_) write_and_go_on();
  }

 protected:
  /// `answers`: the handler streams them; it is destroyed where it stands when nobody wants them any more.
  streamed(const exchange& call, bool answers) : sink_{&call.sink}, room_{*this}, credit_{call.call.stream_credit}, answers_{answers} {
    address = call.call.address;
    address.streamed = answers;
  }

  /// Lets the handler go on that waits for an item.
  virtual void wake_reader() {}
  /// Lets the handler go on from its `co_yield`.
  virtual void go_on_from_yield() {}

  // --- items in

  bool has_item() const noexcept { return !items_.empty(); }
  bool is_over() const noexcept { return no_more_items_ && items_.empty(); }
  const status& how_items_ended() const noexcept { return items_ended_; }
  std::string_view next_item() const noexcept { return items_.front(); }
  void item_taken() {
    taken_.bytes += static_cast<std::int64_t>(items_.front().size());
    ++taken_.items;
    unread_ -= protocol::cost_of_item(items_.front().size());
    items_.pop();
    // Told now and then: half a window is enough for the sender to go on meanwhile.
    if (protocol::cost_of_items(taken_) >= window_ / 2 && !no_more_items_ && !answered && sink_ != nullptr) sink_->give_credit(*this, std::exchange(taken_, {}));
  }
  [[gnu::cold]] void refuse_items(status why) {
    items_.clear();
    unread_ = 0;
    items_ended_ = std::move(why);
    no_more_items_ = true;
  }
  void grant_window() { sink_->give_credit(*this, {.bytes = window_, .items = 0}); }

  // --- items out

  /// The handler stands at a `co_yield`. True when it may go on at once.
  bool item_is_there() {
    if (stopped_ || answered || sink_ == nullptr) return false;
    standing_ = !try_to_write();
    return !standing_ && !stopped_;
  }

  /// Ends the call soon, never at once: the handler may be running, and this may be in the middle of it.
  void stop_soon(status why) {
    if (std::exchange(stopped_, true)) return;
    stopped_with_ = std::move(why);
    standing_ = false;
    room_.leave();
    self_ = std::make_shared<streamed*>(this);
    tenon::detail::post(*context.io(), [weak = std::weak_ptr<streamed*>{self_}] {
      if (const auto alive = weak.lock(); alive != nullptr) (*alive)->finish();
    });
  }
  void finish() {
    if (sink_ != nullptr) sink_->finished(*this);
  }

  // Its caller has gone, cancelled, or run out of time.
  void cancelled() override {
    const bool late = context.has_deadline() && sink_ != nullptr && sink_->read_clock() >= context.deadline();
    status why{outcome{.code = late ? code::deadline_exceeded : code::cancelled, .flags = outcome::local}, late ? "the caller's time is up" : "the caller has gone"};
    if (answers_) return stop_soon(std::move(why));
    // Whoever reads gets to know; what it answers is of no interest. Items that it did not read are lost, even where the caller had said that they were all.
    if (is_over()) return;
    refuse_items(std::move(why));
    if (!stopped_) wake_reader();
  }

  answer_sink* sink_;
  status stopped_with_;
  bool stopped_ = false;

 private:
  // That a protocol grants by itself.
  static constexpr std::int64_t largest_window = 1024 * 1024;

  // Told by the connection that there is room again.
  struct room final : tenon::waiter {
    explicit room(streamed& owner) noexcept : tenon::waiter{[](tenon::waiter& woken) noexcept { static_cast<room&>(woken).self.write_and_go_on(); }}, self{owner} {}
    streamed& self;
  };

  bool try_to_write() {
    if (credit_ <= 0) return false;
    std::int64_t cost = 0;
    if (!sink_->send_item(*this, room_, cost)) return false;
    credit_ -= cost;
    return true;
  }
  void write_and_go_on() {
    if (!standing_ || room_.queued() || stopped_ || answered) return;
    standing_ = !try_to_write();
    if (!standing_ && !stopped_) go_on_from_yield();
  }

  room room_;
  tenon::detail::message_queue items_;
  status items_ended_;
  std::shared_ptr<streamed*> self_;
  std::int64_t credit_;
  std::int64_t window_ = 0;
  std::int64_t unread_ = 0;
  protocol::items_taken taken_;
  bool answers_;
  bool standing_ = false;  // at a co_yield, its item unwritten
  bool no_more_items_ = false;
};

}  // namespace tenon::inline v0::service
