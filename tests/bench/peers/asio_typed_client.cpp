// Load for asio_typed_server: the 40-field message, written and read by libprotobuf's generated code for every call.
#include "peers/asio_client.hpp"

#include "peers/frame.hpp"
#include "peers/message.hpp"

class message_call {
 public:
  explicit message_call(const arguments&) {}
  void append(std::string& out) const { asio_peer::append_message(out, sent_); }
  bool fits(std::string_view answer) { return answer_.ParseFromArray(answer.data(), static_cast<int>(answer.size())) && answer_.field280() == sent_.field280(); }

 private:
  codec_bench_peer::Message sent_ = bench_peers::make_message();
  codec_bench_peer::Message answer_;
};

int main(int argc, char** argv) { return asio_peer::run<message_call>({argc, argv}); }
