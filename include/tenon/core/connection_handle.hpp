// The connection by which a call came, as its handler and others may know it: its id, and the way back to the caller. Core layer.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace asio {
class io_context;
}

namespace tenon::inline v0::detail {

/// What may be asked of the other side of a connection, beside answers: in rpcx's frames, or in texts of JSON-RPC, one a line.
enum class reach : std::uint8_t { nothing, notices, calls, texts };

/// A connection that carries messages in the direction opposite to its own calls. On its loop's thread.
class carrier {
 public:
  /// Sends whole messages behind what waits to be sent.
  virtual void carry(std::string_view messages) = 0;
  /// So much waits to be sent that nothing more should be added.
  virtual bool full() const noexcept = 0;
  virtual reach can_ask() = 0;
  /// Closes the connection.
  virtual void fail(std::string_view why) = 0;

 protected:
  ~carrier() = default;
};

/// Who sends by a carrier, and takes what comes back for it. On the loop's thread.
class return_path {
 public:
  virtual ~return_path() = default;
  /// A whole message that answers one of its own, or asks for one.
  virtual void deliver(std::string_view message) = 0;
  /// The carrier is not full any more.
  virtual void has_room() = 0;
  /// The carrier has gone.
  virtual void gone() noexcept = 0;
};

/// What is left of a connection for those who may outlive it. Made when somebody asks for it.
class connection_handle {
 public:
  connection_handle(asio::io_context& io, std::uint64_t id, std::string_view peer, carrier& by) : io_{io}, id_{id}, peer_{peer}, can_ask_{by.can_ask()}, by_{&by} {}
  /// Of a connection that has gone.
  connection_handle(asio::io_context& io, std::uint64_t id, std::string_view peer) : io_{io}, id_{id}, peer_{peer}, open_{false} {}
  connection_handle(const connection_handle&) = delete;
  connection_handle& operator=(const connection_handle&) = delete;

  asio::io_context& io() const noexcept { return io_; }
  std::uint64_t id() const noexcept { return id_; }
  const std::string& peer() const noexcept { return peer_; }
  reach can_ask() const noexcept { return can_ask_; }
  /// Null when the connection has gone. On its loop's thread.
  carrier* by() const noexcept { return by_; }

  /// The one return path of this connection, made by `make()` when there is none. From any thread.
  template <class Make>
  std::shared_ptr<return_path> path(Make&& make) {
    const std::lock_guard guard{mutex_};
    if (path_ != nullptr) return path_;
    std::shared_ptr<return_path> made = make();
    if (open_) path_ = made;
    return made;
  }

  // The connection's own, on its loop's thread.
  void deliver(std::string_view message) {
    if (const auto to = current(); to != nullptr) to->deliver(message);
  }
  void has_room() {
    if (const auto to = current(); to != nullptr) to->has_room();
  }
  void close() noexcept {
    by_ = nullptr;
    std::shared_ptr<return_path> last;
    {
      const std::lock_guard guard{mutex_};
      open_ = false;
      last = std::exchange(path_, nullptr);
    }
    if (last != nullptr) last->gone();
  }

 private:
  std::shared_ptr<return_path> current() {
    const std::lock_guard guard{mutex_};
    return path_;
  }

  asio::io_context& io_;
  const std::uint64_t id_;
  const std::string peer_;
  const reach can_ask_ = reach::nothing;
  carrier* by_ = nullptr;
  std::mutex mutex_;
  std::shared_ptr<return_path> path_;
  bool open_ = true;
};

/// Where a call came from, to those who make its context.
class origin {
 public:
  std::uint64_t connection_id() const noexcept { return connection_id_; }
  /// On the loop's thread; null where there is no connection behind the call.
  virtual std::shared_ptr<connection_handle> handle() = 0;

 protected:
  explicit origin(std::uint64_t connection) noexcept : connection_id_{connection} {}
  origin(const origin&) = default;
  origin& operator=(const origin&) = delete;
  ~origin() = default;

 private:
  std::uint64_t connection_id_;
};

}  // namespace tenon::inline v0::detail
