// Load for HTTP servers, whoever's: POST /echo_service/echo with a JSON string, the same bytes each time; of an answer it reads status and Content-Length.
// usage: http_client port= connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3    more than one in flight means pipelined requests
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio.hpp>

#include "load/measurement.hpp"
#include "load/ring.hpp"

namespace {

using asio::ip::tcp;

struct everything {
  asio::io_context io{1};
  measurement all;
  std::string request;
  std::size_t answer_bytes;  // of the body
  bool failed = false;

  void fail(const char* what) {
    if (!failed) std::fprintf(stderr, "http_client: %s\n", what);
    failed = true;
    io.stop();
  }
};

class connection {
 public:
  connection(everything& all, tcp::socket socket, std::size_t in_flight) : all_{all}, socket_{std::move(socket)} {
    const std::int64_t time = nanoseconds_now();
    for (std::size_t i = 0; i < in_flight; ++i) send(time);
    flush();
    read();
  }

 private:
  void send(std::int64_t time) {
    started_.push_back(time);
    out_ += all_.request;
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

  void read() {
    socket_.async_read_some(asio::buffer(in_.data() + filled_, in_.size() - filled_), [this](asio::error_code error, std::size_t count) {
      if (error) return all_.fail("the server closed a connection");
      filled_ += count;
      arrived();
    });
  }

  void arrived() {
    const std::int64_t time = nanoseconds_now();
    std::size_t used = 0;
    while (true) {
      const std::string_view rest{in_.data() + used, filled_ - used};
      const std::size_t head = rest.find("\r\n\r\n");
      if (head == std::string_view::npos) break;
      const std::string_view fields = rest.substr(0, head + 2);
      std::size_t at = fields.find("Content-Length: ");
      if (at == std::string_view::npos) at = fields.find("content-length: ");
      if (!fields.starts_with("HTTP/1.1 200") || at == std::string_view::npos) return all_.fail("an answer that is not 200 with a length");
      const auto length = static_cast<std::size_t>(std::atoll(fields.data() + at + 16));
      if (rest.size() < head + 4 + length) break;
      if (length != all_.answer_bytes) return all_.fail("an answer of another length");
      used += head + 4 + length;
      if (!all_.all.count(started_.pop_front(), time)) return all_.io.stop();
      send(time);
    }
    filled_ -= used;
    if (used != 0 && filled_ != 0) std::memmove(in_.data(), in_.data() + used, filled_);
    flush();
    read();
  }

  everything& all_;
  tcp::socket socket_;
  std::vector<char> in_ = std::vector<char>(std::size_t{64} << 10);
  std::size_t filled_ = 0;
  std::string out_;
  std::string in_flight_;
  bool writing_ = false;
  ring started_;
};

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  const std::string body = '"' + std::string(given.number("bytes", 64), 'x') + '"';
  everything all{.all = measurement{given}, .request = {}, .answer_bytes = body.size()};
  all.request = "POST /echo_service/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const tcp::endpoint server{asio::ip::address_v4::loopback(), static_cast<unsigned short>(given.number("port", 0))};
  all.all.begin(nanoseconds_now());
  std::vector<std::unique_ptr<connection>> connections;
  for (std::size_t i = 0; i < given.number("connections", 1); ++i) {
    tcp::socket socket{all.io};
    asio::error_code error;
    socket.connect(server, error);
    if (error) {
      all.fail("the server does not accept connections");
      return 1;
    }
    socket.set_option(tcp::no_delay{true});
    connections.push_back(std::make_unique<connection>(all, std::move(socket), given.number("in_flight", 1)));
  }
  all.io.run();
  return all.all.finish(all.failed);
}
