// A stream of messages, rpcx's frames or JSON-RPC's lines, that travels inside another connection, in the direction opposite to its calls. Peers layer; on it a whole client, or a whole
// server's connection, stands as on any other stream, so that deadlines, cancels, limits and ends are what they are everywhere.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/post.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/protocol/rpcx_frame.hpp>

namespace tenon::inline v0::detail {

/// Both ends of the carrying: whole messages come in, and whole messages go out, however the stream's user cuts them. On the loop's thread.
class carried : public return_path, public std::enable_shared_from_this<carried> {
 public:
  /// `most_held` bytes may have come and not been read; beyond that the connection is closed.
  carried(std::shared_ptr<connection_handle> by, std::size_t most_held) : by_{std::move(by)}, most_held_{most_held} {}

  const connection_handle& connection() const noexcept { return *by_; }

  void deliver(std::string_view message) override {
    if (ended_) return;
    if (inbox_.size() + message.size() > most_held_) return fail_soon("the peer calls faster than its calls are taken");
    inbox_.append(message);
    read_soon();
  }
  void has_room() override { write_soon(); }
  void gone() noexcept override { end(); }

  // --- the stream's side

  void read_some(char* into, std::size_t space, net::stream_user& user) {
    into_ = into;
    space_ = space;
    reader_.emplace(user);
    read_soon();
  }
  void write_all(std::string_view bytes, net::stream_user& user) {
    if (!ended_) take(bytes);
    writer_.emplace(user);
    writing_ = true;
    write_soon();
  }
  /// The user has closed it: what is carried here is broken, and the connection with it.
  void close() {
    if (!ended_) fail_soon("what it carries has ended");
    end();
  }
  void forget_users() noexcept {
    reader_.reset();
    writer_.reset();
    into_ = nullptr;
    writing_ = false;
  }

 private:
  // Others write between two of these, so only whole messages go out.
  void take(std::string_view bytes) {
    if (partial_.empty()) bytes.remove_prefix(carry_whole(bytes));
    partial_.append(bytes);
    partial_.drop_front(carry_whole(partial_.view()));
  }
  std::size_t carry_whole(std::string_view bytes) {
    std::size_t whole = 0;
    // No text begins with rpcx's first byte.
    if (!bytes.empty() && static_cast<unsigned char>(bytes.front()) != protocol::rpcx::magic) {
      const std::size_t end = bytes.rfind('\n');
      whole = end == std::string_view::npos ? 0 : end + 1;
    } else {
      while (const auto length = protocol::rpcx::frame_length(bytes.substr(whole))) {
        if (*length > bytes.size() - whole) break;
        whole += static_cast<std::size_t>(*length);
      }
    }
    if (whole != 0 && by_->by() != nullptr) by_->by()->carry(bytes.substr(0, whole));
    return whole;
  }

  // Never inside the call that asks, as a stream promises. What is posted takes the user with it: the user has the stream and that has this, and they must let each other go where the loop ends
  // before it comes to it.
  void read_soon() {
    if (!reader_ || (inbox_.empty() && !ended_)) return;
    detail::post(by_->io(), [self = shared_from_this(), user = std::exchange(reader_, std::nullopt)] { self->finish_read(*user); });
  }
  void finish_read(const net::user_reference& user) {
    char* const into = std::exchange(into_, nullptr);
    if (into == nullptr) return;
    const std::size_t count = (std::min)(space_, inbox_.size());
    if (count != 0) std::memcpy(into, inbox_.data(), count);
    inbox_.drop_front(count);
    user->read_done(count != 0 ? std::error_code{} : asio::error::make_error_code(asio::error::eof), count);
  }
  void write_soon() {
    if (!writer_ || (!ended_ && by_->by() != nullptr && by_->by()->full())) return;
    detail::post(by_->io(), [self = shared_from_this(), user = std::exchange(writer_, std::nullopt)] { self->finish_write(*user); });
  }
  void finish_write(const net::user_reference& user) {
    if (!std::exchange(writing_, false)) return;
    user->write_done(ended_ ? asio::error::make_error_code(asio::error::broken_pipe) : std::error_code{});
  }

  void end() noexcept {
    if (std::exchange(ended_, true)) return;
    inbox_.clear();
    read_soon();
    write_soon();
  }
  void fail_soon(std::string_view why) {
    detail::post(by_->io(), [by = by_, text = std::string{why}] {
      if (by->by() != nullptr) by->by()->fail(text);
    });
  }

  std::shared_ptr<connection_handle> by_;
  std::size_t most_held_;
  buffer inbox_;
  buffer partial_;
  char* into_ = nullptr;  // while a read is under way
  std::size_t space_ = 0;
  bool writing_ = false;
  std::optional<net::user_reference> reader_;  // until the end of its operation is posted
  std::optional<net::user_reference> writer_;
  bool ended_ = false;
};

class carried_stream final : public net::stream {
 public:
  explicit carried_stream(std::shared_ptr<carried> by) : by_{std::move(by)} {}
  ~carried_stream() override { by_->forget_users(); }
  void read_some(char* into, std::size_t space, net::stream_user& user) override { by_->read_some(into, space, user); }
  void write_all(const char* from, std::size_t count, net::stream_user& user) override { by_->write_all({from, count}, user); }
  void end_writing() noexcept override {}
  void close() noexcept override { by_->close(); }
  std::string peer() const override { return by_->connection().peer(); }

 private:
  std::shared_ptr<carried> by_;
};

}  // namespace tenon::inline v0::detail
