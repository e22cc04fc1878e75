// The strong raw echo that tenon is measured against: asio with nothing above it but a length.
// A frame is a u32 big-endian length and that many bytes. What has arrived is read in one call, every complete frame is answered into one
// buffer, and one write is in flight: the same technique as tenon's own connections, without protocol, routing, codec and policies.

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

namespace {

using asio::ip::tcp;

constexpr std::size_t max_frame_bytes = 4 << 20;
constexpr std::size_t max_unsent_bytes = 4 << 20;

std::size_t load_length(const char* from) {
  const auto at = [from](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])); };
  return at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3);
}

class connection : public std::enable_shared_from_this<connection> {
 public:
  explicit connection(tcp::socket socket) : socket_{std::move(socket)} {}

  void read() {
    socket_.async_read_some(asio::buffer(in_.data() + filled_, in_.size() - filled_),
                            [self = shared_from_this()](asio::error_code error, std::size_t count) {
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
      out_.append(in_.data() + used, 4 + length);
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
    asio::async_write(socket_, asio::buffer(in_flight_), [self = shared_from_this()](asio::error_code error, std::size_t) {
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
};

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay{true}, error);
      std::make_shared<connection>(std::move(socket))->read();
    }
    accept(acceptor);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: raw_echo_server PORT\n");
    return 2;
  }
  asio::io_context io{1};
  tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1]))}};
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  accept(acceptor);
  io.run();
}
