// Listening on tcp and local addresses, handing each accepted stream to a loop in turn. Net layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <asio/basic_socket_acceptor.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/core/result.hpp>
#include <tenon/core/text.hpp>
#include <tenon/net/endpoint.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/socket_address.hpp>
#include <tenon/net/socket_stream.hpp>

namespace tenon::inline v0::net {

/// Takes accepted streams; says on which io_context the next one shall live.
class accept_sink {
 public:
  virtual asio::io_context& next_io() = 0;
  /// On the listener's thread; `on` is the io_context that `next_io` gave.
  virtual void accepted(asio::io_context& on, std::unique_ptr<stream> opened) = 0;
  /// Nobody can be accepted for the moment, out of descriptors for instance; it is tried again until it succeeds. Told once for each such time.
  virtual void accepting_failed(const endpoint& where, const std::error_code& why) { (void)where, (void)why; }

 protected:
  ~accept_sink() = default;
};

/// An open listening address.
class listener {
 public:
  virtual ~listener() = default;
  /// Starts accepting. The sink must outlive the io_context's handlers.
  virtual void start(accept_sink& sink) = 0;
  /// Stops accepting; connections that were accepted live on.
  virtual void close() noexcept = 0;
  virtual endpoint address() const = 0;
};

namespace detail {

class socket_listener final : public listener {
 public:
  socket_listener(asio::io_context& io, endpoint where) : state_{std::make_shared<state>(io, std::move(where))} {}
  ~socket_listener() override { close(); }

  [[gnu::cold]] status open(const socket_address& address) {
    std::error_code error;
    acceptor& door = state_->door;
    if (door.open(address.protocol(), error); error) return failed(error);
    // A restarted server gets its port back while old connections linger in TIME_WAIT.
    if (!state_->where.is_local()) door.set_option(asio::socket_base::reuse_address{true}, error);
    if (door.bind(address, error); error) return failed(error);
    if (door.listen(asio::socket_base::max_listen_connections, error); error) return failed(error);
    if (!state_->where.is_local()) state_->where = endpoint::tcp(state_->where.host(), endpoint_of(door.local_endpoint(error)).port());
    return {};
  }

  [[gnu::cold]] void start(accept_sink& sink) override {
    state_->sink = &sink;
    accept(state_);
  }
  [[gnu::cold]] void close() noexcept override {
    if (!state_->door.is_open()) return;
    std::error_code ignored;
    state_->door.close(ignored);
    if (state_->where.is_local() && !state_->where.path().starts_with('@')) ::unlink(state_->where.path().c_str());
  }
  endpoint address() const override { return state_->where; }

 private:
  using acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, asio::io_context::executor_type>;

  // Outlives the listener while an accept is under way; also the timer that waits out what keeps it from accepting.
  struct state final : timer {
    state(asio::io_context& on, endpoint address) : io{on}, where{std::move(address)}, door{on} {}
    asio::io_context& io;
    endpoint where;
    acceptor door;
    accept_sink* sink = nullptr;
    bool failing = false;
    std::weak_ptr<state> self;
    void expired() override {
      if (const auto held = self.lock(); held && held->door.is_open()) accept(held);
    }
  };

  [[gnu::cold]] status failed(const std::error_code& error) {
    std::error_code ignored;
    state_->door.close(ignored);
    return status{code::unavailable, tenon::detail::join_text({"listen ", state_->where.url(), ": ", error.message()})};
  }

  [[gnu::cold]] static void accept(const std::shared_ptr<state>& self) {
    asio::io_context& on = self->sink->next_io();
    self->door.async_accept(on, [self, &on](const std::error_code& error, socket opened) {
      if (!self->door.is_open()) return;
      if (error) return pause(self, error);
      self->failing = false;
      self->sink->accepted(on, make_stream(std::move(opened)));
      accept(self);
    });
  }

  // Out of descriptors or of memory: trying again at once would spin; the backlog keeps the callers meanwhile. A caller that gave up in the backlog is
  // none of this, asio passes over it.
  [[gnu::cold]] static void pause(const std::shared_ptr<state>& self, const std::error_code& why) {
    if (!std::exchange(self->failing, true)) self->sink->accepting_failed(self->where, why);
    loop& mine = loop::of(self->io);
    self->self = self;
    mine.arm(*self, mine.refresh() + std::chrono::milliseconds{100});
  }

  std::shared_ptr<state> state_;
};

// A socket file whose server has died refuses connections and blocks the name: only such a one is removed. A plain file refuses them as well, and stays.
[[gnu::cold]] inline void remove_stale_socket(const std::string& path) {
  struct ::stat found {};
  if (path.starts_with('@') || ::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  const socket_address address = local_address(path);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return;
  const bool refused = ::connect(probe, address.data(), static_cast<::socklen_t>(address.size())) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (refused) ::unlink(path.c_str());
}

}  // namespace detail

/// Opens a listening socket.
///
/// Errors  invalid_argument when the host is neither numeric nor `localhost` nor empty; unavailable with the system's reason (`address already in use`).
[[gnu::cold]] inline result<std::unique_ptr<listener>> listen_on(asio::io_context& io, const endpoint& where) {
  std::optional<socket_address> address;
  if (where.is_local()) {
    detail::remove_stale_socket(where.path());
    address = detail::local_address(where.path());
  } else if (where.host().empty()) {
    address = detail::numeric_address("0.0.0.0", where.port());
  } else {
    address = detail::numeric_address(where.host() == "localhost" ? "127.0.0.1" : where.host(), where.port());
  }
  if (!address) {
    return status{code::invalid_argument,
                  tenon::detail::join_text({"listen ", where.url(), ": expected a numeric address, localhost, or nothing for every interface"})};
  }
  auto opened = std::make_unique<detail::socket_listener>(io, where);
  if (status ready = opened->open(*address); !ready.ok()) return ready;
  return std::unique_ptr<listener>{std::move(opened)};
}

}  // namespace tenon::inline v0::net
