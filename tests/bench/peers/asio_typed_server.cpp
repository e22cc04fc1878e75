// The raw asio echo of a typed message: libprotobuf's generated code reads it into an object that is reused, and writes that object again.
#include "peers/asio_server.hpp"

#include "codec.pb.h"
#include "peers/frame.hpp"

struct message_back {
  codec_bench_peer::Message message{};

  void operator()(std::string_view frame, std::string& out) {
    if (message.ParseFromArray(frame.data() + 4, static_cast<int>(frame.size() - 4))) asio_peer::append_message(out, message);
  }
};

int main(int argc, char** argv) { asio_peer::serve<message_back>({argc, argv}); }
