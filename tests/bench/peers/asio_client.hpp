// Load for the raw asio echo: every connection keeps the same number of calls in flight and sends the next one when an answer arrives, or, with `rate=`, sends when a
// call is due. Answers come in order, so a queue of start times is all the bookkeeping; the clock is read once for each batch that arrives. For tests/bench only.
// `Call` appends a frame to a string, and says whether an answer is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio.hpp>

#include "load/measurement.hpp"
#include "load/ring.hpp"

namespace asio_peer {

using asio::ip::tcp;

template <class Call>
struct load {
  explicit load(const arguments& given) : all{given}, call{given} {}

  asio::io_context io{1};
  measurement all;
  Call call;
  bool open = false;  // the next call does not wait for an answer
  std::size_t under_way = 0;
  bool failed = false;

  void fail(const char* what) {
    if (!failed) std::fprintf(stderr, "asio_client: %s\n", what);
    failed = true;
    io.stop();
  }
};

inline std::size_t length_at(const char* from) {
  const auto at = [from](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])); };
  return at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
}

template <class Call>
class connection {
 public:
  connection(load<Call>& all, tcp::socket socket) : all_{all}, socket_{std::move(socket)} { read(); }

  // Written by the flush() after it.
  void send(std::int64_t time) {
    started_.push_back(time);
    ++all_.under_way;
    all_.call.append(out_);
  }

  void flush() {
    if (writing_ || out_.empty()) return;
    writing_ = true;
    std::swap(out_, in_flight_);
    asio::async_write(socket_, asio::buffer(in_flight_), [this](asio::error_code error, std::size_t) {
      if (error) return all_.fail("a write failed");
      writing_ = false;
      in_flight_.clear();
      flush();
    });
  }

 private:
  void read() {
    socket_.async_read_some(asio::buffer(in_.data() + filled_, in_.size() - filled_), [this](asio::error_code error, std::size_t count) {
      if (error) return all_.fail("the server closed a connection");
      arrived(count);
    });
  }

  void arrived(std::size_t count) {
    const std::int64_t time = nanoseconds_now();
    filled_ += count;
    std::size_t used = 0;
    while (filled_ - used >= 4) {
      const std::size_t length = length_at(in_.data() + used);
      if (filled_ - used < 4 + length) {
        if (in_.size() < 4 + length) in_.resize(4 + length);
        break;
      }
      if (!all_.call.fits(std::string_view{in_.data() + used + 4, length})) return all_.fail("a wrong answer");
      used += 4 + length;
      --all_.under_way;
      const std::int64_t started = started_.pop_front();
      if (all_.open) {
        all_.all.count_due(started, time);
      } else {
        if (!all_.all.count(started, time)) return all_.io.stop();
        send(time);
      }
    }
    filled_ -= used;
    if (used != 0 && filled_ != 0) std::memmove(in_.data(), in_.data() + used, filled_);
    flush();
    read();
  }

  load<Call>& all_;
  tcp::socket socket_;
  std::vector<char> in_ = std::vector<char>(std::size_t{64} << 10);
  std::size_t filled_ = 0;
  std::string out_;
  std::string in_flight_;
  bool writing_ = false;
  ring started_;
};

template <class Call>
using connections = std::vector<std::unique_ptr<connection<Call>>>;

// Sends what is due, and comes again after whatever has arrived: the client's core never sleeps, so that its own waking is no part of what is measured.
template <class Call>
void pace(load<Call>& all, connections<Call>& to, arrivals& calls, std::size_t next) {
  const std::int64_t now = nanoseconds_now();
  for (; calls.due() <= now && calls.due() < all.all.ends(); calls.next(), next = (next + 1) % to.size()) {
    to[next]->send(calls.due());
    to[next]->flush();
  }
  if (now >= all.all.ends() && all.under_way == 0) return all.io.stop();
  if (now >= all.all.ends() + patience) return all.fail("calls were not answered: the rate is above what the server can do");
  asio::post(all.io, [&all, &to, &calls, next] { pace(all, to, calls, next); });
}

/// port= connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3 [rate=CALLS_PER_SECOND]
template <class Call>
int run(const arguments& given) {
  load<Call> all{given};
  const tcp::endpoint server{asio::ip::address_v4::loopback(), static_cast<unsigned short>(given.number("port", 0))};
  connections<Call> to;
  for (std::size_t i = 0; i < given.number("connections", 1); ++i) {
    tcp::socket socket{all.io};
    asio::error_code error;
    socket.connect(server, error);
    if (error) {
      all.fail("the server does not accept connections");
      return 1;
    }
    socket.set_option(tcp::no_delay{true});
    to.push_back(std::make_unique<connection<Call>>(all, std::move(socket)));
  }
  arrivals calls{given.real("rate", 1)};
  all.open = given.real("rate", 0) > 0;
  const std::int64_t now = nanoseconds_now();
  all.all.begin(now);
  calls.begin(now);
  if (all.open) {
    pace(all, to, calls, 0);
  } else {
    for (const auto& each : to) {
      for (std::size_t i = 0; i < given.number("in_flight", 1); ++i) each->send(now);
      each->flush();
    }
  }
  all.io.run();
  return all.all.finish(all.failed);
}

}  // namespace asio_peer
