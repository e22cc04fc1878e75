// A stream over a tcp or local socket. Net layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <asio/buffer.hpp>

#include <tenon/core/frame_cache.hpp>
#include <tenon/net/socket_address.hpp>
#include <tenon/net/stream.hpp>

namespace tenon::inline v0::net {

/// A stream over any stream socket.
class socket_stream final : public stream {
 public:
  socket_stream(socket connected, std::string peer) : socket_{std::move(connected)}, peer_{std::move(peer)} {
    std::error_code error;
    socket_.non_blocking(true, error);
    waits_never_ = !error;
  }

  void read_some(char* into, std::size_t space, stream_user& user) override {
    socket_.async_read_some(asio::buffer(into, space), read_handler{{user_reference{user}}});
  }
  void write_all(const char* from, std::size_t count, stream_user& user) override {
    write_rest(write_handler{{user_reference{user}}, this, from, count});
  }
  std::size_t write_now(const char* from, std::size_t count) noexcept override {
    if (!waits_never_) [[unlikely]] return 0;
    std::error_code error;
    const std::size_t taken = socket_.write_some(asio::const_buffer{from, count}, error);
    return error ? 0 : taken;
  }
  void stop_reading() noexcept override {
    std::error_code ignored;
    socket_.cancel(ignored);
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
  // asio's own recycling keeps two blocks a thread and drops one that is too small: with many connections the sizes of reads and writes alternate there.
  struct recycled {
    using allocator_type = tenon::detail::frame_allocator<char>;
    allocator_type get_allocator() const noexcept { return {}; }
    user_reference held;
  };
  struct read_handler : recycled {
    void operator()(const std::error_code& error, std::size_t count) const { held->read_done(error, count); }
  };
  // What asio::async_write does, without its many kinds of buffers and conditions, which are compiled at once.
  struct write_handler : recycled {
    socket_stream* self;
    const char* from;
    std::size_t left;
    void operator()(const std::error_code& error, std::size_t count) {
      if (error || count == left) return this->held->write_done(error);
      from += count;
      left -= count;
      self->write_rest(std::move(*this));
    }
  };

  void write_rest(write_handler&& handler) {
    const asio::const_buffer bytes{handler.from, handler.left};
    socket_.async_write_some(bytes, std::move(handler));
  }

  socket socket_;
  std::string peer_;
  bool waits_never_ = false;
};

/// A connected socket as a stream that sends small messages at once.
[[gnu::cold]] inline std::unique_ptr<stream> make_stream(socket connected) {
  std::error_code ignored;
  // Local sockets refuse it, and do not need it.
  connected.set_option(asio::ip::tcp::no_delay{true}, ignored);
  std::error_code nameless;
  const socket_address address = connected.remote_endpoint(nameless);
  std::string peer = nameless ? std::string{"unknown"} : detail::endpoint_of(address).url();
  return std::make_unique<socket_stream>(std::move(connected), std::move(peer));
}

}  // namespace tenon::inline v0::net
