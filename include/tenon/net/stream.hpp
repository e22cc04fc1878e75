// A two-way run of bytes, whatever carries it: sockets, memory, later TLS. Net layer; the one virtual interface of the I/O path, called once per batch.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>

namespace tenon::inline v0::net {

/// Who uses a stream: told when an operation has ended. A stream keeps its user alive while an operation is under way.
class stream_user {
 public:
  /// `count` bytes were read into the space given to `read_some`; with an error, none will come any more.
  virtual void read_done(const std::error_code& error, std::size_t count) = 0;
  /// Everything given to `write_all` has been taken, or the stream has failed.
  virtual void write_done(const std::error_code& error) = 0;

  virtual void retain() noexcept = 0;
  virtual void release() noexcept = 0;

 protected:
  ~stream_user() = default;
};

/// One connection's bytes.
///
/// Laws    at most one read and one write are under way; each ends exactly once, never inside the call that started it; after `close` they end with an error;
///         `write_now`, `stop_reading` and `end_writing` are for when no write is;
///         destroying a stream with operations under way is sound: its user is told of an error, or released without being told.
class stream {
 public:
  virtual ~stream() = default;
  virtual void read_some(char* into, std::size_t space, stream_user& user) = 0;
  virtual void write_all(const char* from, std::size_t count, stream_user& user) = 0;
  /// Ends the read under way soon, by asio::error::operation_aborted unless bytes come first: the memory it would fill can be given back then. Nothing where a stream cannot.
  virtual void stop_reading() noexcept {}
  /// Takes as much of it as goes without waiting, and returns how much that was: 0 as well where there is an error, which a `write_all` brings to light.
  virtual std::size_t write_now(const char* from, std::size_t count) noexcept {
    (void)from, (void)count;
    return 0;
  }
  /// Says that nothing more will be written; reading goes on.
  virtual void end_writing() noexcept = 0;
  /// Ends both directions. Idempotent.
  virtual void close() noexcept = 0;
  /// The other side's address as a URL.
  virtual std::string peer() const = 0;
};

/// Keeps a stream_user alive in the handler of an operation.
class user_reference {
 public:
  explicit user_reference(stream_user& user) noexcept : user_{&user} { user.retain(); }
  user_reference(user_reference&& other) noexcept : user_{other.user_} { other.user_ = nullptr; }
  user_reference(const user_reference& other) noexcept : user_{other.user_} {
    if (user_ != nullptr) user_->retain();
  }
  user_reference& operator=(const user_reference&) = delete;
  ~user_reference() {
    if (user_ != nullptr) user_->release();
  }
  stream_user* operator->() const noexcept { return user_; }

 private:
  stream_user* user_;
};

}  // namespace tenon::inline v0::net
