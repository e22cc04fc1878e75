// The 40-field message there and back, in whichever codec the caller speaks.
// usage: typed_server [port=0] [loops=1]    prints `listening 127.0.0.1:PORT`, serves until it is told to stop

#include <cstdio>

#include "load/arguments.hpp"
#include "typed.hpp"

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  tenon::server server{tenon::server_options{.loops = static_cast<unsigned>(given.number("loops", 1))}};
  server.serve<typed_service, tenon::codec::protobuf>(typed_handler{});
  const auto address = server.listen("tcp://127.0.0.1:" + given.word("port", "0"));
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(address.port()));
  std::fflush(stdout);
  return server.run().ok() ? 0 : 1;
}
