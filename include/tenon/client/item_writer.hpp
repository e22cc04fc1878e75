// The items that a caller streams, between whoever writes them, on any thread, and the connection. Client layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

#include <tenon/client/call.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/guarded.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::detail {

class item_writer;

// One item on its way: written when there is credit for it. The loop's reference is the writer's until then.
class item_write final : public call_state<void> {
 public:
  item_write(call_base& stream, item_writer& by) noexcept : call_state<void>{stream.via()}, stream_{(stream.retain(), &stream)}, by_{by} {}

  buffer& bytes() noexcept { return bytes_; }
  inline void start() override;
  /// On any thread: it has not been begun, so nobody waits for it yet, and the loop may be gone.
  void refused(status why) override {
    const call_reference<item_write> held{this};
    this->complete(std::move(why));
  }
  void over(status why) {
    const call_reference<item_write> held{this};
    this->channel_.guard_user_code([&] { this->complete(std::move(why)); });
  }

 private:
  friend item_writer;
  void replied(const protocol::reply&) override {}
  void failed(status) override {}
  void expired() override {}
  inline void cancelled(status why) override;

  call_reference<call_base> stream_;
  item_writer& by_;
  item_write* next_ = nullptr;
  buffer bytes_;
  bool begun_ = false;  // its turn has come on the loop
  bool queued_ = false;
};

/// Sends items in order as the server grants credit, then the end of them. What has no type of it: on the loop's thread.
class item_writer {
 public:
  void enqueue(item_write& one) {
    if (ended_ || closing_) return one.over(refusal());
    one.queued_ = true;
    *last_ = &one;
    last_ = &one.next_;
    drain();
  }
  void forget(item_write& one, status why) {
    if (!std::exchange(one.queued_, false)) return;
    for (item_write** each = &first_; *each != nullptr; each = &(*each)->next_) {
      if (*each != &one) continue;
      *each = one.next_;
      if (last_ == &one.next_) last_ = each;
      break;
    }
    one.over(std::move(why));
  }
  /// No item follows those that wait. From any thread.
  void close_from_anywhere() {
    if (outlived_its_client(self_)) return;
    if (self_.via().loop().on_this_thread()) return close();
    self_.retain();
    post(self_.via().loop().io(), [held = call_reference<call_base>{&self_}, this] { close(); });
  }

 protected:
  item_writer(call_base& self, protocol::serialization codec) noexcept : self_{self}, codec_{codec} {}
  ~item_writer() = default;

  /// From here on the call cannot be tried again.
  virtual void item_sent() = 0;

  // The request has been written: perhaps once more, by another connection.
  void began(std::int64_t credit) {
    credit_ = credit;
    drain();
  }
  void granted(std::int64_t bytes) {
    credit_ = (std::min)(credit_ + bytes, protocol::most_credit);
    drain();
  }
  void ended(const status& why) {
    ended_ = true;
    ended_with_ = why;
    while (item_write* each = first_) {
      take_first();
      each->over(refusal());
    }
  }

 private:
  void close() {
    if (std::exchange(closing_, true) || ended_) return;
    drain();
  }
  void take_first() noexcept {
    item_write* const taken = first_;
    first_ = taken->next_;
    if (first_ == nullptr) last_ = &first_;
    taken->queued_ = false;
  }
  // What is told of an item may write the next one, or end everything.
  void drain() {
    if (std::exchange(draining_, true)) return;
    self_.retain();
    const call_reference<call_base> held{&self_};
    while (!ended_ && first_ != nullptr && credit_ > 0 && self_.via().is_sent(self_)) {
      item_write& next = *first_;
      take_first();
      item_sent();
      credit_ -= self_.via().send_item(self_, codec_, [&next](buffer& out) { out.append(next.bytes().view()); });
      next.over({});
    }
    if (closing_ && !ended_ && first_ == nullptr && !closed_ && self_.via().is_sent(self_)) {
      closed_ = true;
      item_sent();
      self_.via().end_items(self_);
    }
    draining_ = false;
  }
  status refusal() const {
    if (ended_ && !ended_with_.ok()) return ended_with_;
    return status{outcome{.code = code::failed_precondition, .flags = outcome::local}, ended_ ? "the server has answered already; take its answer" : "the stream was closed for writing"};
  }

  call_base& self_;
  item_write* first_ = nullptr;
  item_write** last_ = &first_;
  std::int64_t credit_ = 0;
  status ended_with_;
  protocol::serialization codec_;
  bool closing_ = false;   // no item follows
  bool closed_ = false;    // and the server was told
  bool ended_ = false;
  bool draining_ = false;
};

inline void item_write::start() {
  begun_ = true;
  by_.enqueue(*this);
}
inline void item_write::cancelled(status why) {
  // The client was closed while this was on its way from another thread.
  if (!begun_) return over(std::move(why));
  by_.forget(*this, std::move(why));
}

// What encodes them.
template <class T>
class typed_writer : public item_writer {
 public:
  call<void> write(const T& item) {
    auto* const one = new item_write{stream_, *this};
    call_reference<call_state<void>> held{one};
    status written = guarded("exception", [&] { return encode_item(item, one->bytes()); });
    if (!written.ok()) return one->refused(std::move(written)), call<void>{std::move(held)};
    channel& via = stream_.via();
    if (!outlived_its_client(stream_) && via.loop().on_this_thread()) one->start();
    else via.submit_from_elsewhere(*one);
    return call<void>{std::move(held)};
  }

 protected:
  typed_writer(call_base& self, protocol::serialization codec) noexcept : item_writer{self, codec}, stream_{self} {}
  ~typed_writer() = default;
  virtual status encode_item(const T& item, buffer& out) = 0;

 private:
  call_base& stream_;
};

}  // namespace tenon::inline v0::detail
