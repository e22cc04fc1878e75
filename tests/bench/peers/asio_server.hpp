// The strong raw echo that tenon is measured against: asio with nothing above it but a length. For tests/bench only.
// A frame is a u32 big-endian length and that many bytes. What has arrived is read in one call, every complete frame is answered into one
// buffer, and one write is in flight: the same technique as tenon's own connections, without protocol, routing, codec and policies.
// `Answer` appends to a string what it makes of the bytes of one frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <asio.hpp>

#include "load/arguments.hpp"

namespace asio_peer {

using asio::ip::tcp;

constexpr std::size_t max_frame_bytes = 4 << 20;
constexpr std::size_t max_unsent_bytes = 4 << 20;

inline std::size_t load_length(const char* from) {
  const auto at = [from](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])); };
  return at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
}

template <class Answer>
class connection : public std::enable_shared_from_this<connection<Answer>> {
 public:
  explicit connection(tcp::socket socket) : socket_{std::move(socket)} {}

  void read() {
    socket_.async_read_some(asio::buffer(in_.data() + filled_, in_.size() - filled_), [self = this->shared_from_this()](asio::error_code error, std::size_t count) {
      if (!error) self->arrived(count);
    });
  }

 private:
  void arrived(std::size_t count) {
    filled_ += count;
    std::size_t used = 0;
    while (filled_ - used >= 4) {
      const std::size_t length = load_length(in_.data() + used);
      if (length > max_frame_bytes) return;
      if (filled_ - used < 4 + length) {
        if (in_.size() < 4 + length) in_.resize(4 + length);
        break;
      }
      answer_(std::string_view{in_.data() + used, 4 + length}, out_);
      used += 4 + length;
    }
    filled_ -= used;
    if (used != 0 && filled_ != 0) std::memmove(in_.data(), in_.data() + used, filled_);
    flush();
    if (out_.size() < max_unsent_bytes) read();
    else stalled_ = true;
  }

  void flush() {
    if (writing_ || out_.empty()) return;
    writing_ = true;
    std::swap(out_, in_flight_);
    asio::async_write(socket_, asio::buffer(in_flight_), [self = this->shared_from_this()](asio::error_code error, std::size_t) {
      if (error) return;
      self->writing_ = false;
      self->in_flight_.clear();
      self->flush();
      // A peer that sends and never reads waits here.
      if (std::exchange(self->stalled_, false)) self->read();
    });
  }

  tcp::socket socket_;
  std::vector<char> in_ = std::vector<char>(std::size_t{64} << 10);
  std::size_t filled_ = 0;
  std::string out_;
  std::string in_flight_;
  bool writing_ = false;
  bool stalled_ = false;
  Answer answer_;
};

// Connections are dealt out to the loops in turn.
template <class Answer>
void accept(tcp::acceptor& acceptor, std::vector<std::unique_ptr<asio::io_context>>& loops, std::size_t next) {
  acceptor.async_accept(*loops[next], [&acceptor, &loops, next](asio::error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay{true}, error);
      asio::dispatch(*loops[next], [made = std::make_shared<connection<Answer>>(std::move(socket))] { made->read(); });
    }
    accept<Answer>(acceptor, loops, (next + 1) % loops.size());
  });
}

/// port=0 loops=1; prints `listening 127.0.0.1:PORT` and serves until it is killed.
template <class Answer>
void serve(const arguments& given) {
  std::vector<std::unique_ptr<asio::io_context>> loops;
  for (std::size_t i = 0; i < given.number("loops", 1); ++i) loops.push_back(std::make_unique<asio::io_context>(1));
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < loops.size(); ++i) {
    threads.emplace_back([&io = *loops[i]] {
      const auto work = asio::make_work_guard(io);
      io.run();
    });
  }
  tcp::acceptor acceptor{*loops[0], tcp::endpoint{asio::ip::address_v4::loopback(), static_cast<unsigned short>(given.number("port", 0))}};
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  accept<Answer>(acceptor, loops, 0);
  loops[0]->run();
  for (std::thread& each : threads) each.join();
}

}  // namespace asio_peer
