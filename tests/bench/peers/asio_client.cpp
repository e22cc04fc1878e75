// Load for asio_server: frames of `bytes=` bytes.
#include "peers/asio_client.hpp"

#include "peers/frame.hpp"

class echo_call {
 public:
  explicit echo_call(const arguments& given) : bytes_{given.number("bytes", 64)} {
    asio_peer::append_length(frame_, bytes_);
    frame_.append(bytes_, 'x');
  }
  void append(std::string& out) const { out += frame_; }
  bool fits(std::string_view answer) const { return answer.size() == bytes_; }

 private:
  std::size_t bytes_;
  std::string frame_;
};

int main(int argc, char** argv) { return asio_peer::run<echo_call>({argc, argv}); }
