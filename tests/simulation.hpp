// A world of one thread for tests: an io_context, a clock that is turned by hand, a network in memory, and a peer that says exactly what it is told to.
#pragma once

#include <tenon/core/asio.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <tenon/core/clock.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/memory.hpp>
#include <tenon/protocol/rpcx_frame.hpp>

namespace simulated {

struct world {
  tenon::manual_clock clock;
  asio::io_context io;
  tenon::net::memory_network wire{io};

  world() { tenon::net::loop::of(io).use(clock); }

  /// Everything that can happen without time passing.
  void run() {
    io.restart();
    io.poll();
  }
  bool run_one() {
    io.restart();
    return io.poll_one() != 0;
  }
  void pass(tenon::duration step) {
    asio::post(io, [this, step] { clock.advance(step); });
    run();
  }
  /// On the loop's thread, as callbacks are.
  template <class F>
  void on_loop(F f) {
    asio::post(io, std::move(f));
    run();
  }
};

/// One end of a connection, without any protocol. As a listener it takes one connection after the other and speaks on the latest.
class peer final : private tenon::net::connector::waiter, private tenon::net::accept_sink, private tenon::net::stream_user {
 public:
  explicit peer(world& in) : world_{in} {}
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;
  ~peer() {
    stream_.reset();
    world_.run();
  }

  bool connect(std::string name) {
    connector_ = world_.wire.connector_to(std::move(name));
    connector_->connect(*this);
    world_.run();
    return stream_ != nullptr;
  }
  void listen(std::string name) {
    listener_ = std::move(*world_.wire.listen(std::move(name)));
    listener_->start(*this);
  }
  void stop_listening() { listener_.reset(); }

  void say(std::string_view bytes) {
    unsent_.append(bytes);
    write();
    world_.run();
  }
  /// What has come since the last time it was asked.
  std::string heard() {
    world_.run();
    return std::exchange(heard_, {});
  }
  bool hung_up() {
    world_.run();
    return ended_;
  }
  /// From now on nothing is read, until `listen_again`.
  void stop_reading() { deaf_ = true; }
  void read_again() {
    deaf_ = false;
    read();
    world_.run();
  }
  /// While nothing else is read: at least so many bytes, as far as there are any.
  void read_some(std::size_t bytes) {
    deaf_ = false;
    for (const std::size_t enough = heard_.size() + bytes; heard_.size() < enough;) {
      const std::size_t before = heard_.size();
      read();
      world_.run_one();
      if (heard_.size() == before && !world_.run_one()) break;
    }
    deaf_ = true;
  }
  void hang_up() {
    if (stream_) stream_->close();
    world_.run();
  }
  int connections() const { return connections_; }

 private:
  void adopt(std::unique_ptr<tenon::net::stream> opened) {
    stream_ = std::move(opened);
    ++connections_;
    reading_ = writing_ = ended_ = false;
    heard_.clear();
    unsent_.clear();
    read();
  }
  void connected(std::unique_ptr<tenon::net::stream> opened) override { adopt(std::move(opened)); }
  void connect_failed(const std::error_code&) override {}
  asio::io_context& next_io() override { return world_.io; }
  void accepted(asio::io_context&, std::unique_ptr<tenon::net::stream> opened) override { adopt(std::move(opened)); }
  void retain() noexcept override {}
  void release() noexcept override {}

  void read() {
    if (reading_ || deaf_ || ended_ || !stream_) return;
    reading_ = true;
    stream_->read_some(space_, sizeof(space_), *this);
  }
  void read_done(const std::error_code& error, std::size_t count) override {
    reading_ = false;
    ended_ = static_cast<bool>(error);
    heard_.append(space_, count);
    read();
  }
  void write() {
    if (writing_ || unsent_.empty() || !stream_) return;
    writing_ = true;
    sending_ = std::exchange(unsent_, {});
    stream_->write_all(sending_.data(), sending_.size(), *this);
  }
  void write_done(const std::error_code&) override {
    writing_ = false;
    write();
  }

  world& world_;
  std::unique_ptr<tenon::net::connector> connector_;
  std::unique_ptr<tenon::net::listener> listener_;
  std::unique_ptr<tenon::net::stream> stream_;
  std::string unsent_;
  std::string sending_;
  std::string heard_;
  char space_[4096];
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;
  bool deaf_ = false;
  int connections_ = 0;
};

// --- rpcx by hand, so that the tests do not believe what they test

inline constexpr std::uint8_t request = 0x00;
inline constexpr std::uint8_t response = 0x80;
inline constexpr std::uint8_t heartbeat = 0x40;
inline constexpr std::uint8_t one_way = 0x20;
inline constexpr std::uint8_t gzip = 0x04;
inline constexpr std::uint8_t error = 0x01;
inline constexpr std::uint8_t json = 1;
inline constexpr std::uint8_t msgpack = 3;

inline std::string big_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) text.push_back(static_cast<char>(number >> shift));
  return text;
}
inline std::string block(std::string_view bytes) { return big_endian(bytes.size(), 4) + std::string{bytes}; }

struct frame {
  std::uint8_t bits = request;
  std::uint8_t codec = msgpack;
  std::uint64_t sequence = 0;
  std::string service{};
  std::string method{};
  std::vector<std::pair<std::string, std::string>> metadata{};
  std::string payload{};

  std::string bytes() const {
    std::string pairs;
    for (const auto& [key, value] : metadata) pairs += block(key) + block(value);
    const std::string body = block(service) + block(method) + block(pairs) + block(payload);
    std::string whole{"\x08\x00", 2};
    whole.push_back(static_cast<char>(bits));
    whole.push_back(static_cast<char>(codec << 4));
    return whole + big_endian(sequence, 8) + block(body);
  }
  std::string value_of(std::string_view key) const {
    for (const auto& [name, value] : metadata) {
      if (name == key) return value;
    }
    return "(no " + std::string{key} + ")";
  }
};

/// The frames in `bytes`, which hold nothing else; one empty frame with the method "?" where they do not.
inline std::vector<frame> frames_in(std::string_view bytes) {
  std::vector<frame> found;
  const auto number = [](std::string_view from) {
    std::uint64_t value = 0;
    for (const char each : from) value = value << 8 | static_cast<unsigned char>(each);
    return value;
  };
  const auto take = [&number](std::string_view& from) {
    const std::size_t size = from.size() < 4 ? 0 : static_cast<std::size_t>(number(from.substr(0, 4)));
    if (from.size() < 4 + size) return from = {}, std::string{"?"};
    const std::string text{from.substr(4, size)};
    from.remove_prefix(4 + size);
    return text;
  };
  while (!bytes.empty()) {
    frame each;
    if (bytes.size() < 16 || bytes[0] != 8) return {frame{.method = "?"}};
    each.bits = static_cast<std::uint8_t>(bytes[2]);
    each.codec = static_cast<std::uint8_t>(static_cast<unsigned char>(bytes[3]) >> 4);
    each.sequence = number(bytes.substr(4, 8));
    bytes.remove_prefix(12);
    const std::string whole = take(bytes);
    std::string_view body = whole;
    each.service = take(body);
    each.method = take(body);
    const std::string pairs = take(body);
    for (std::string_view rest = pairs; !rest.empty();) {
      std::string key = take(rest);
      std::string value = take(rest);
      each.metadata.emplace_back(std::move(key), std::move(value));
    }
    each.payload = take(body);
    if (!body.empty()) return {frame{.method = "?"}};
    found.push_back(std::move(each));
  }
  return found;
}

}  // namespace simulated
