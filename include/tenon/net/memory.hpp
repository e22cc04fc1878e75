// A transport inside one process: named listeners and byte pipes, for tests, simulations and embedding. Net layer.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <asio/error.hpp>

#include <tenon/core/buffer.hpp>
#include <tenon/core/post.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/net/listener.hpp>
#include <tenon/net/stream.hpp>

namespace tenon::inline v0::net {

/// One connection of a memory network, for who watches over its wire. Its two ways: 0 leads from the caller to the listener, 1 back.
class memory_line {
 public:
  virtual ~memory_line() = default;
  /// Bytes that were written and have not arrived.
  virtual std::size_t under_way(int way) const noexcept = 0;
  /// Lets the next bytes arrive, at most so many; when none are under way, the end of what the writer had to say.
  virtual void carry(int way, std::size_t bytes) = 0;
  /// So many bytes are taken from the writer before the reader has read any. The default is 256 KiB.
  virtual void set_room(int way, std::size_t bytes) noexcept = 0;
  /// Loses everything that has not been read and ends both ways with connection_reset.
  virtual void reset() = 0;
};

/// An attempt to connect that waits on the wire: it ends by one of these, or, when it is dropped, never.
class memory_dial {
 public:
  virtual ~memory_dial() = default;
  virtual void go_on() = 0;
  virtual void fail(const std::error_code& why) = 0;
};

/// Stands between the two ends of every connection of a memory network: nothing arrives unless it says so. For simulations of slow, cut and silent networks.
///
/// Laws    is told in the middle of other work: it takes notes, and acts later from the io_context's thread. Outlives the network, or leaves it by `watch(nullptr)`.
class memory_wire {
 public:
  virtual void dialed(std::string_view name, std::shared_ptr<memory_dial> attempt) = 0;
  virtual void opened(std::string_view name, std::shared_ptr<memory_line> line) = 0;
  /// There is something under way, or the writer has ended; told again and again until it has arrived.
  virtual void stirred(memory_line& line, int way) = 0;

 protected:
  ~memory_wire() = default;
};

/// A network of named listeners inside one process, on one io_context: no socket, no port, nothing global.
///
/// Model   tenon::net::memory_network wire{io};  server.listen(wire, "a");  tenon::client<market> m{io, wire.connector_to("a")};
///
/// A template only so that a program that never uses it does not compile it; `memory_network` is its one instance.
template <class Io>
class basic_memory_network {
 public:
  explicit basic_memory_network(Io& io) : state_{std::make_shared<state>(io)} {}

  Io& io() const noexcept { return state_->io; }

  /// Puts `wire` between the ends of all connections from now on; null for none.
  void watch(memory_wire* wire) noexcept { state_->wire = wire; }

  /// Opens the name; already_exists when it is taken.
  result<std::unique_ptr<listener>> listen(std::string name) {
    if (state_->open.contains(name)) return status{code::already_exists, "listen memory://" + name + ": the name is taken"};
    return std::unique_ptr<listener>{std::make_unique<memory_listener>(state_, std::move(name))};
  }
  std::unique_ptr<connector> connector_to(std::string name) { return std::make_unique<memory_connector>(state_, std::move(name)); }

 private:
  struct state {
    explicit state(Io& on) : io{on} {}
    Io& io;
    std::map<std::string, accept_sink*> open;
    memory_wire* wire = nullptr;
  };

  // The bytes on their way in one direction, with the read that waits for them and the write that waits for room.
  struct pipe {
    std::size_t room = 256 * 1024;
    buffer held;
    bool closed = false;
    char* into = nullptr;
    std::size_t space = 0;
    std::shared_ptr<user_reference> reader;
    const char* from = nullptr;
    std::size_t left = 0;
    std::shared_ptr<user_reference> writer;
    // Of a wire that is watched only: what has arrived of `held`, whether the end has, and whether anybody is left to read.
    bool watched = false;
    bool ended = false;
    bool deaf = false;
    bool broken = false;
    std::size_t arrived = 0;

    // Moves what can be moved and ends what has ended; completions are posted, as a stream promises.
    void pump(Io& io) {
      while (writer != nullptr && left != 0 && held.size() < room && !closed) {
        const std::size_t step = (std::min)(left, room - held.size());
        held.append(from, step);
        from += step;
        left -= step;
        if (reader != nullptr && !watched) deliver(io);
      }
      if (writer != nullptr && (left == 0 || closed)) {
        const std::error_code error = left == 0 && !broken ? std::error_code{} : lost(asio::error::broken_pipe);
        tenon::detail::post(io, [held_user = std::exchange(writer, nullptr), error] { (*held_user)->write_done(error); });
      }
      if (reader != nullptr && (readable() != 0 || (watched ? ended : closed))) deliver(io);
    }
    void stop_reading(Io& io) {
      if (reader == nullptr) return;
      tenon::detail::post(io, [held_user = std::exchange(reader, nullptr)] { (*held_user)->read_done(asio::error::operation_aborted, 0); });
    }
    bool unsettled() const noexcept { return watched && (held.size() > arrived || (closed && !ended)); }
    void drop() noexcept {
      held.clear();
      arrived = 0;
    }

   private:
    std::size_t readable() const noexcept { return watched ? arrived : held.size(); }
    std::error_code lost(std::error_code otherwise) const { return broken ? asio::error::make_error_code(asio::error::connection_reset) : otherwise; }
    void deliver(Io& io) {
      const std::size_t count = (std::min)(space, readable());
      if (count != 0) std::memcpy(into, held.data(), count);
      held.drop_front(count);
      if (watched) arrived -= count;
      const std::error_code error = count != 0 || space == 0 ? std::error_code{} : lost(asio::error::make_error_code(asio::error::eof));
      tenon::detail::post(io, [held_user = std::exchange(reader, nullptr), error, count] { (*held_user)->read_done(error, count); });
    }
  };

  // The two pipes of a connection.
  class line final : public memory_line {
   public:
    explicit line(std::shared_ptr<state> network) : network_{std::move(network)} {
      for (pipe& each : pipes_) each.watched = network_->wire != nullptr;
    }
    pipe& on(int way) noexcept { return pipes_[static_cast<std::size_t>(way)]; }
    void pump(int way) {
      on(way).pump(network_->io);
      if (on(way).unsettled() && network_->wire != nullptr) [[unlikely]] network_->wire->stirred(*this, way);
    }
    void stop_reading(int way) { on(way).stop_reading(network_->io); }
    // One end has gone: `in` is not read any more, and `out` not written.
    void close(int in, int out) {
      // What has not been read by now never will be.
      pipe& unread = on(in);
      if (unread.watched) [[unlikely]] {
        // The other end finds out when something of its own arrives here.
        unread.held.drop_front(std::exchange(unread.arrived, 0));
        unread.deaf = unread.ended = true;
      } else {
        unread.held.clear();
        unread.closed = true;
      }
      on(out).closed = true;
      pump(in);
      pump(out);
    }

    std::size_t under_way(int way) const noexcept override {
      const pipe& asked = pipes_[static_cast<std::size_t>(way)];
      return asked.held.size() - asked.arrived;
    }
    void carry(int way, std::size_t bytes) override {
      pipe& moved = on(way);
      if (moved.deaf) {
        moved.drop();
        moved.closed = true;
      } else if (under_way(way) != 0) {
        moved.arrived += (std::min)(bytes, under_way(way));
      } else if (moved.closed) {
        moved.ended = true;
      }
      pump(way);
    }
    void set_room(int way, std::size_t bytes) noexcept override { on(way).room = bytes; }
    void reset() override {
      for (pipe& each : pipes_) {
        each.drop();
        each.closed = each.ended = each.broken = true;
        each.pump(network_->io);
      }
    }

   private:
    std::shared_ptr<state> network_;
    std::array<pipe, 2> pipes_;
  };

  // One end of a line. Both ends live on one io_context.
  class end_of_line final : public stream {
   public:
    end_of_line(std::shared_ptr<line> between, int in, std::string peer) : line_{std::move(between)}, in_{in}, peer_{std::move(peer)} {}
    ~end_of_line() override {
      line_->on(in_).reader.reset();
      line_->on(1 - in_).writer.reset();
      close();
    }

    void read_some(char* into, std::size_t space, stream_user& user) override {
      pipe& in = line_->on(in_);
      in.into = into;
      in.space = space;
      in.reader = std::make_shared<user_reference>(user);
      line_->pump(in_);
    }
    void write_all(const char* from, std::size_t count, stream_user& user) override {
      pipe& out = line_->on(1 - in_);
      out.from = from;
      out.left = count;
      out.writer = std::make_shared<user_reference>(user);
      line_->pump(1 - in_);
    }
    void stop_reading() noexcept override { line_->stop_reading(in_); }
    void end_writing() noexcept override {
      line_->on(1 - in_).closed = true;
      line_->pump(1 - in_);
    }
    void close() noexcept override { line_->close(in_, 1 - in_); }
    std::string peer() const override { return peer_; }

   private:
    std::shared_ptr<line> line_;
    int in_;
    std::string peer_;
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

  struct dial final : memory_dial {
    dial(std::shared_ptr<state> on, std::string to, std::shared_ptr<connector::waiter*> who) : network{std::move(on)}, name{std::move(to)}, waiting{std::move(who)} {}
    void go_on() override {
      connector::waiter* told = std::exchange(*waiting, nullptr);
      if (told == nullptr) return;
      const auto found = network->open.find(name);
      if (found == network->open.end() || found->second == nullptr) return told->connect_failed(asio::error::connection_refused);
      const auto made = std::make_shared<line>(network);
      if (network->wire != nullptr) [[unlikely]] network->wire->opened(name, made);
      found->second->accepted(network->io, std::make_unique<end_of_line>(made, 0, "memory://"));
      told->connected(std::make_unique<end_of_line>(made, 1, "memory://" + name));
    }
    void fail(const std::error_code& why) override {
      if (connector::waiter* told = std::exchange(*waiting, nullptr); told != nullptr) told->connect_failed(why);
    }
    std::shared_ptr<state> network;
    std::string name;
    std::shared_ptr<connector::waiter*> waiting;
  };

  class memory_connector final : public connector {
   public:
    memory_connector(std::shared_ptr<state> network, std::string name) : network_{std::move(network)}, name_{std::move(name)} {}
    ~memory_connector() override { cancel(); }
    void connect(waiter& who) override {
      waiting_ = std::make_shared<waiter*>(&who);
      tenon::detail::post(network_->io, [attempt = std::make_shared<dial>(network_, name_, waiting_)] {
        if (attempt->network->wire != nullptr) [[unlikely]] attempt->network->wire->dialed(attempt->name, attempt);
        else attempt->go_on();
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

using memory_network = basic_memory_network<asio::io_context>;

#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_memory_network<asio::io_context>;
#endif

}  // namespace tenon::inline v0::net
