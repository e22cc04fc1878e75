// gRPC: beside tenon.hpp, for whoever links nghttp2 (the CMake target tenon::grpc). A server that speaks it on its port with all the others, and a client.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tenon/client.hpp>
#include <tenon/protocol/grpc.hpp>
#include <tenon/protocol/grpc_client.hpp>
#include <tenon/server.hpp>

namespace tenon::inline v0 {

/// Every default protocol, and gRPC, on one port: `tenon::server<tenon::grpc_protocols> server;`.
using grpc_protocols = protocols<protocol::rpcx_session, protocol::http1_session, protocol::grpc_session>;

/// For a client's options: `tenon::client<Greeter, tenon::codec::protobuf> m{"grpc://127.0.0.1:50051", {.sessions = tenon::grpc}};`.
[[gnu::cold]] inline std::unique_ptr<protocol::client_session> grpc(std::string_view url, const limits& bounds) {
  const std::size_t mark = url.find("://");
  const std::string_view rest = mark == std::string_view::npos ? url : url.substr(mark + 3);
  // A path of a local socket is no authority; gRPC's clients send this name then.
  const bool is_path = url.substr(0, mark).find("unix") != std::string_view::npos;
  return std::make_unique<protocol::grpc_client_session>(bounds, std::string{is_path ? std::string_view{"localhost"} : rest});
}

}  // namespace tenon::inline v0
