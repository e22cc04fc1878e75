// tenon's gRPC server for the comparison: one thread, a plain handler.
// usage: grpc_server    prints `listening tcp://127.0.0.1:PORT`, serves until its standard input ends
#include <tenon.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/grpc.hpp>

#include <cstdio>
#include <string>
#include <utility>

struct payload {
  tenon::bytes body;
};

struct echo {
  payload Say(payload said) { return said; }
  TENON_SERVICE((echo, tenon::name("bench.Echo")), Say)
};

int main() {
  tenon::server<tenon::grpc_protocols> server;
  server.serve<tenon::codec::protobuf>(echo{});
  const tenon::bound where = server.listen("tcp://127.0.0.1:0");
  if (!server.start().ok()) return 1;
  std::printf("listening %s\n", where.url().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {}
  server.stop();
}
