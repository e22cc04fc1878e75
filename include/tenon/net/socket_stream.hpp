// A stream over a tcp or local socket, and how one comes about: connecting and accepting. Net layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>

#include <tenon/net/endpoint.hpp>
#include <tenon/net/stream.hpp>

namespace tenon::inline v0::net {

using generic_socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
using local_socket = asio::basic_stream_socket<asio::local::stream_protocol, asio::io_context::executor_type>;

/// A stream over any stream socket.
class socket_stream final : public stream {
 public:
  socket_stream(generic_socket socket, std::string peer) : socket_{std::move(socket)}, peer_{std::move(peer)} {}

  void read_some(char* into, std::size_t space, stream_user& user) override {
    socket_.async_read_some(asio::buffer(into, space), [held = user_reference{user}](const std::error_code& error, std::size_t count) { held->read_done(error, count); });
  }
  void write_all(const char* from, std::size_t count, stream_user& user) override {
    asio::async_write(socket_, asio::buffer(from, count), [held = user_reference{user}](const std::error_code& error, std::size_t) { held->write_done(error); });
  }
  void end_writing() noexcept override {
    std::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
  void close() noexcept override {
    std::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_both, ignored);
    socket_.close(ignored);
  }
  std::string peer() const override { return peer_; }

 private:
  generic_socket socket_;
  std::string peer_;
};

namespace detail {

inline std::string url_of(const asio::ip::tcp::endpoint& address) { return endpoint::tcp(address.address().to_string(), address.port()).url(); }

inline std::unique_ptr<stream> make_stream(tcp_socket socket) {
  std::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
  const auto address = socket.remote_endpoint(ignored);
  return std::make_unique<socket_stream>(generic_socket{std::move(socket)}, url_of(address));
}
inline std::unique_ptr<stream> make_stream(local_socket socket) { return std::make_unique<socket_stream>(generic_socket{std::move(socket)}, "unix://"); }

inline asio::local::stream_protocol::endpoint local_address(const endpoint& where) {
  std::string path = where.path();
  // An abstract socket's name starts with a zero byte.
  if (path.starts_with('@')) path[0] = '\0';
  return {path};
}

}  // namespace detail

/// Opens one stream at a time: what a client needs of a transport.
class connector {
 public:
  /// Told once: a stream, or why there is none.
  class waiter {
   public:
    virtual void connected(std::unique_ptr<stream> opened) = 0;
    virtual void connect_failed(const std::error_code& error) = 0;

   protected:
    ~waiter() = default;
  };

  virtual ~connector() = default;
  /// Ends exactly once, never inside this call, unless `cancel` comes first.
  virtual void connect(waiter& who) = 0;
  virtual void cancel() noexcept = 0;
  /// The address that is tried, for messages.
  virtual std::string url() const = 0;
};

/// Connects to a tcp or local address; names are resolved at each attempt, and every address they have is tried in turn.
class socket_connector final : public connector {
 public:
  socket_connector(asio::io_context& io, endpoint where) : state_{std::make_shared<state>(io, std::move(where))} {}
  ~socket_connector() override { cancel(); }

  void connect(waiter& who) override {
    state_->who = &who;
    if (state_->where.is_local()) connect_local(state_);
    else resolve(state_);
  }
  void cancel() noexcept override {
    state_->who = nullptr;
    std::error_code ignored;
    state_->resolver.cancel();
    if (state_->tcp) state_->tcp->close(ignored);
    if (state_->local) state_->local->close(ignored);
  }
  std::string url() const override { return state_->where.url(); }

 private:
  // Outlives the connector while an operation is under way.
  struct state {
    state(asio::io_context& on, endpoint address) : io{on}, where{std::move(address)}, resolver{on.get_executor()} {}
    asio::io_context& io;
    endpoint where;
    waiter* who = nullptr;
    asio::ip::basic_resolver<asio::ip::tcp, asio::io_context::executor_type> resolver;
    std::optional<tcp_socket> tcp;
    std::optional<local_socket> local;
    asio::ip::tcp::resolver::results_type found;
    asio::ip::tcp::resolver::results_type::const_iterator next;

    void fail(const std::error_code& error) {
      if (waiter* told = std::exchange(who, nullptr); told != nullptr) told->connect_failed(error);
    }
  };
  using shared = std::shared_ptr<state>;

  static void resolve(const shared& self) {
    const std::string host = self->where.host().empty() ? "localhost" : self->where.host();
    std::error_code not_numeric;
    const auto address = asio::ip::make_address(host, not_numeric);
    if (!not_numeric) {
      // A numeric address needs no resolver, and so no resolver thread.
      return connect_tcp(self, {address, self->where.port()}, {});
    }
    self->resolver.async_resolve(host, std::to_string(self->where.port()), [self](const std::error_code& error, asio::ip::tcp::resolver::results_type found) {
      if (self->who == nullptr) return;
      if (error) return self->fail(error);
      self->found = std::move(found);
      self->next = self->found.begin();
      try_next(self, asio::error::host_not_found);
    });
  }

  static void try_next(const shared& self, const std::error_code& last) {
    if (self->next == self->found.end()) return self->fail(last);
    const auto address = (self->next++)->endpoint();
    connect_tcp(self, address, last);
  }

  static void connect_tcp(const shared& self, const asio::ip::tcp::endpoint& address, const std::error_code&) {
    self->tcp.emplace(self->io);
    self->tcp->async_connect(address, [self](const std::error_code& error) {
      if (self->who == nullptr) return;
      if (error) return try_next(self, error);
      waiter* told = std::exchange(self->who, nullptr);
      told->connected(detail::make_stream(std::move(*self->tcp)));
    });
  }

  static void connect_local(const shared& self) {
    self->local.emplace(self->io);
    self->local->async_connect(detail::local_address(self->where), [self](const std::error_code& error) {
      if (self->who == nullptr) return;
      if (error) return self->fail(error);
      waiter* told = std::exchange(self->who, nullptr);
      told->connected(detail::make_stream(std::move(*self->local)));
    });
  }

  shared state_;
};

}  // namespace tenon::inline v0::net
