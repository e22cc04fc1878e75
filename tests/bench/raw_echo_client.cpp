// Load for raw_echo_server: every connection keeps the same number of calls in flight and sends the next one when an answer arrives.
// Answers come in order, so a ring of start times is all the bookkeeping; the clock is read once for each batch that arrives.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <asio.hpp>

#include "latencies.hpp"

namespace {

using asio::ip::tcp;

std::int64_t now() { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct measurement {
  asio::io_context io{1};
  std::string frame;
  std::size_t in_flight = 1;
  std::int64_t begins = 0;
  std::int64_t ends = 0;
  latencies found;
  bool failed = false;

  void fail(const char* what) {
    if (!failed) std::fprintf(stderr, "raw_echo_client: %s\n", what);
    failed = true;
    io.stop();
  }
};

class connection {
 public:
  connection(measurement& all, tcp::socket socket) : all_{all}, socket_{std::move(socket)}, started_(all.in_flight) {}

  void start() {
    const std::int64_t time = now();
    for (std::int64_t& each : started_) {
      each = time;
      out_ += all_.frame;
    }
    flush();
    read();
  }

 private:
  void read() {
    socket_.async_read_some(asio::buffer(in_.data() + filled_, in_.size() - filled_), [this](asio::error_code error, std::size_t count) {
      if (error) return all_.fail("the server closed a connection");
      arrived(count);
    });
  }

  void arrived(std::size_t count) {
    const std::int64_t time = now();
    if (time >= all_.ends) return all_.io.stop();
    filled_ += count;
    const std::size_t length = all_.frame.size();
    std::size_t used = 0;
    while (filled_ - used >= length) {
      if (std::memcmp(in_.data() + used, all_.frame.data(), 4) != 0) return all_.fail("an answer of another length");
      used += length;
      if (time >= all_.begins) all_.found.add(time - started_[next_]);
      started_[next_] = time;
      next_ = next_ + 1 == started_.size() ? 0 : next_ + 1;
      out_ += all_.frame;
    }
    filled_ -= used;
    if (used != 0 && filled_ != 0) std::memmove(in_.data(), in_.data() + used, filled_);
    if (in_.size() < length) in_.resize(length);
    flush();
    read();
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

  measurement& all_;
  tcp::socket socket_;
  std::vector<char> in_ = std::vector<char>(std::size_t{64} << 10);
  std::size_t filled_ = 0;
  std::string out_;
  std::string in_flight_;
  bool writing_ = false;
  std::vector<std::int64_t> started_;
  std::size_t next_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: raw_echo_client PORT CONNECTIONS IN_FLIGHT BYTES SECONDS\n");
    return 2;
  }
  measurement all;
  const tcp::endpoint server{asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1]))};
  const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
  all.in_flight = static_cast<std::size_t>(std::atoi(argv[3]));
  const auto bytes = static_cast<std::uint32_t>(std::atoi(argv[4]));
  const double seconds = std::atof(argv[5]);
  for (int shift = 24; shift >= 0; shift -= 8) all.frame.push_back(static_cast<char>(bytes >> shift));
  all.frame.append(bytes, 'x');

  std::vector<std::unique_ptr<connection>> connections;
  for (std::size_t i = 0; i < count; ++i) {
    tcp::socket socket{all.io};
    asio::error_code error;
    socket.connect(server, error);
    if (error) {
      all.fail("the server does not accept connections");
      return 1;
    }
    socket.set_option(tcp::no_delay{true});
    connections.push_back(std::make_unique<connection>(all, std::move(socket)));
  }
  // A second to warm up, or less when the measurement itself is short.
  const double warm_up = seconds < 1 ? seconds : 1;
  all.begins = now() + static_cast<std::int64_t>(warm_up * 1e9);
  all.ends = all.begins + static_cast<std::int64_t>(seconds * 1e9);
  for (const auto& each : connections) each->start();
  all.io.run();
  if (all.failed) return 1;
  all.found.print(seconds);
}
