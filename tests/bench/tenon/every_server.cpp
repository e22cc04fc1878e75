// Every protocol of tenon on one port: rpcx, HTTP/1.1, JSON-RPC, MessagePack-RPC and gRPC.
// usage: every_server [port=0] [loops=1]    prints `listening 127.0.0.1:PORT`, serves until it is told to stop

#include <cstdio>

#include <tenon.hpp>
#include <tenon/grpc.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>

#include "echo.hpp"
#include "load/arguments.hpp"
#include "typed.hpp"

using every = tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::http1_session, tenon::protocol::jsonrpc_session, tenon::protocol::msgpack_rpc_session,
                               tenon::protocol::grpc_session>;

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  tenon::server<every> server{tenon::server_options{.loops = static_cast<unsigned>(given.number("loops", 1))}};
  server.serve<echo_service>(plain_echo{});
  server.serve<grpc_service, tenon::codec::protobuf>(grpc_handler{});
  const auto address = server.listen("tcp://127.0.0.1:" + given.word("port", "0"));
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(address.port()));
  std::fflush(stdout);
  return server.run().ok() ? 0 : 1;
}
