// A transport inside one process: named listeners and byte pipes, for tests, simulations and embedding. Net layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <asio/error.hpp>

#include <tenon/core/buffer.hpp>
#include <tenon/core/post.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/net/listener.hpp>
#include <tenon/net/stream.hpp>

namespace tenon::inline v0::net {

namespace detail {

class memory_stream;

// The bytes on their way in one direction, with the read that waits for them and the write that waits for room.
struct memory_pipe {
  static constexpr std::size_t room = 256 * 1024;

  buffer held;
  bool closed = false;
  char* into = nullptr;
  std::size_t space = 0;
  std::shared_ptr<user_reference> reader;
  const char* from = nullptr;
  std::size_t left = 0;
  std::shared_ptr<user_reference> writer;

  // Moves what can be moved and ends what has ended; completions are posted, as a stream promises.
  void pump(asio::io_context& io) {
    while (writer != nullptr && left != 0 && held.size() < room && !closed) {
      const std::size_t step = (std::min)(left, room - held.size());
      held.append(from, step);
      from += step;
      left -= step;
      if (reader != nullptr) deliver(io);
    }
    if (writer != nullptr && (left == 0 || closed)) {
      const std::error_code error = left == 0 ? std::error_code{} : asio::error::make_error_code(asio::error::broken_pipe);
      tenon::detail::post(io, [held_user = std::exchange(writer, nullptr), error] { (*held_user)->write_done(error); });
    }
    if (reader != nullptr && (!held.empty() || closed)) deliver(io);
  }

 private:
  void deliver(asio::io_context& io) {
    const std::size_t count = (std::min)(space, held.size());
    if (count != 0) std::memcpy(into, held.data(), count);
    held.drop_front(count);
    const std::error_code error = count != 0 || space == 0 ? std::error_code{} : asio::error::make_error_code(asio::error::eof);
    tenon::detail::post(io, [held_user = std::exchange(reader, nullptr), error, count] { (*held_user)->read_done(error, count); });
  }
};

// One end of two pipes. Both ends live on one io_context.
class memory_stream final : public stream {
 public:
  memory_stream(asio::io_context& io, std::shared_ptr<memory_pipe> in, std::shared_ptr<memory_pipe> out, std::string peer)
      : io_{io}, in_{std::move(in)}, out_{std::move(out)}, peer_{std::move(peer)} {}
  ~memory_stream() override {
    in_->reader.reset();
    out_->writer.reset();
    close();
  }

  void read_some(char* into, std::size_t space, stream_user& user) override {
    in_->into = into;
    in_->space = space;
    in_->reader = std::make_shared<user_reference>(user);
    in_->pump(io_);
  }
  void write_all(const char* from, std::size_t count, stream_user& user) override {
    out_->from = from;
    out_->left = count;
    out_->writer = std::make_shared<user_reference>(user);
    out_->pump(io_);
  }
  void end_writing() noexcept override {
    out_->closed = true;
    out_->pump(io_);
  }
  void close() noexcept override {
    in_->held.clear();  // What has not been read by now never will be.
    for (memory_pipe* pipe : {in_.get(), out_.get()}) {
      pipe->closed = true;
      pipe->pump(io_);
    }
  }
  std::string peer() const override { return peer_; }

 private:
  asio::io_context& io_;
  std::shared_ptr<memory_pipe> in_;
  std::shared_ptr<memory_pipe> out_;
  std::string peer_;
};

}  // namespace detail

/// A network of named listeners inside one process, on one io_context: no socket, no port, nothing global.
///
/// Model   tenon::net::memory_network wire{io};  server.listen(wire, "a");  tenon::client<market> m{io, wire.connector_to("a")};
class memory_network {
 public:
  explicit memory_network(asio::io_context& io) : state_{std::make_shared<state>(io)} {}

  asio::io_context& io() const noexcept { return state_->io; }

  /// Opens the name; already_exists when it is taken.
  result<std::unique_ptr<listener>> listen(std::string name) {
    if (state_->open.contains(name)) return status{code::already_exists, "listen memory://" + name + ": the name is taken"};
    return std::unique_ptr<listener>{std::make_unique<memory_listener>(state_, std::move(name))};
  }
  std::unique_ptr<connector> connector_to(std::string name) { return std::make_unique<memory_connector>(state_, std::move(name)); }

 private:
  class memory_listener;
  struct state {
    explicit state(asio::io_context& on) : io{on} {}
    asio::io_context& io;
    std::map<std::string, accept_sink*> open;
  };

  class memory_listener final : public listener {
   public:
    memory_listener(std::shared_ptr<state> network, std::string name) : network_{std::move(network)}, name_{std::move(name)} { network_->open[name_] = nullptr; }
    ~memory_listener() override { close(); }
    void start(accept_sink& sink) override { network_->open[name_] = &sink; }
    void close() noexcept override {
      if (!std::exchange(closed_, true)) network_->open.erase(name_);
    }
    endpoint address() const override { return endpoint::tcp("memory." + name_, 0); }

   private:
    std::shared_ptr<state> network_;
    std::string name_;
    bool closed_ = false;
  };

  class memory_connector final : public connector {
   public:
    memory_connector(std::shared_ptr<state> network, std::string name) : network_{std::move(network)}, name_{std::move(name)} {}
    ~memory_connector() override { cancel(); }
    void connect(waiter& who) override {
      waiting_ = std::make_shared<waiter*>(&who);
      tenon::detail::post(network_->io, [network = network_, name = name_, waiting = waiting_] {
        waiter* told = std::exchange(*waiting, nullptr);
        if (told == nullptr) return;
        const auto found = network->open.find(name);
        if (found == network->open.end() || found->second == nullptr) return told->connect_failed(asio::error::connection_refused);
        const auto there = std::make_shared<detail::memory_pipe>();
        const auto back = std::make_shared<detail::memory_pipe>();
        found->second->accepted(network->io, std::make_unique<detail::memory_stream>(network->io, there, back, "memory://"));
        told->connected(std::make_unique<detail::memory_stream>(network->io, back, there, "memory://" + name));
      });
    }
    void cancel() noexcept override {
      if (waiting_) *waiting_ = nullptr;
    }
    std::string url() const override { return "memory://" + name_; }

   private:
    std::shared_ptr<state> network_;
    std::string name_;
    std::shared_ptr<waiter*> waiting_;
  };

  std::shared_ptr<state> state_;
};

}  // namespace tenon::inline v0::net
