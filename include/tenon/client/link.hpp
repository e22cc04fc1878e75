// One connection of a client while it stands: reads answers, sends requests, both a batch at a time. Client layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::detail {

// Who owns a link: told of answers, and once of its end. Not told anything after `link::drop`.
class link_owner : public protocol::reply_sink {
 public:
  virtual void link_lost(const std::string& why) = 0;
  /// Around each batch of answers, always both: what is sent meanwhile leaves together, and the owner stays alive.
  virtual void batch_begins() = 0;
  virtual void batch_ended() noexcept = 0;

 protected:
  ~link_owner() = default;
};

// Used on the loop's thread. Lives until its last operation has ended, which may be after its owner has dropped it.
class link final : private net::stream_user {
 public:
  link(net::loop& loop, std::unique_ptr<net::stream> stream, std::unique_ptr<protocol::client_session> session, link_owner& owner)
      : loop_{loop}, stream_{std::move(stream)}, session_{std::move(session)}, owner_{&owner} {}
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  void start() { read(); }

  /// Writes one request behind those that wait to be sent; `write_payload(buffer&)` appends its payload.
  template <class WritePayload>
  void write(const protocol::outgoing& head, WritePayload&& write_payload) {
    const protocol::mark at = session_->begin_request(out_, head);
    write_payload(out_);
    session_->end_request(out_, at);
  }

  /// Sends what is written, unless a write is under way: that one's end sends it.
  void flush() {
    if (writing_ || out_.empty() || owner_ == nullptr) return;
    writing_ = true;
    sending_.swap(out_);
    stream_->write_all(sending_.data(), sending_.size(), *this);
  }
  std::size_t unsent_bytes() const noexcept { return out_.size(); }

  /// Closes; the owner hears nothing any more, and gives up its reference.
  void drop() noexcept {
    owner_ = nullptr;
    stream_->close();
    release();
  }

 private:
  static constexpr std::size_t smallest_read = 2 * 1024;
  static constexpr std::size_t largest_read = 64 * 1024;
  static constexpr std::size_t kept_buffer = 256 * 1024;

  ~link() = default;
  void retain() noexcept override { ++references_; }
  void release() noexcept override {
    if (--references_ == 0) delete this;
  }

  void read() {
    // Room grows with what has arrived, never with what a header announces.
    read_space_ = (std::max)(read_size_, (std::min)(in_.size(), largest_read));
    stream_->read_some(in_.prepare(read_space_), read_space_, *this);
  }

  void read_done(const std::error_code& error, std::size_t count) override {
    if (owner_ == nullptr) return;
    if (error) return owner_->link_lost(error.message());
    in_.commit(count);
    if (count == read_space_) read_size_ = (std::min)(read_size_ * 2, largest_read);
    loop_.refresh();
    link_owner& told = *owner_;
    told.batch_begins();
    const protocol::consumed done = session_->consume(in_.view(), told);
    // A caller may have closed the client in the middle of the batch.
    const bool dropped = owner_ == nullptr;
    told.batch_ended();
    if (dropped) return;
    in_.drop_front(done.bytes);
    if (done.next == protocol::consumed::state::close) return owner_->link_lost(done.reason);
    if (in_.empty() && in_.capacity() > kept_buffer) in_.release();
    flush();
    read();
  }

  void write_done(const std::error_code& error) override {
    writing_ = false;
    if (owner_ == nullptr) return;
    if (error) return owner_->link_lost(error.message());
    sending_.clear();
    if (sending_.capacity() > kept_buffer) sending_.release();
    flush();
  }

  net::loop& loop_;
  std::unique_ptr<net::stream> stream_;
  std::unique_ptr<protocol::client_session> session_;
  link_owner* owner_;
  buffer in_;
  buffer out_;
  buffer sending_;
  std::size_t read_size_ = smallest_read;
  std::size_t read_space_ = 0;
  std::size_t references_ = 1;
  bool writing_ = false;
};

}  // namespace tenon::inline v0::detail
