// The list of protocols that need no further library. Server layer; outside the door, as the two that are not in the default list add a tenth to a server's compile time.
#pragma once

#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/server/server.hpp>

namespace tenon::inline v0 {

/// rpcx, HTTP/1.1 with JSON-RPC and gRPC-Web on it, JSON-RPC and MessagePack-RPC on every port: `tenon::server<tenon::every_protocol> server;`.
using every_protocol = protocols<protocol::rpcx_session, protocol::web_session, protocol::jsonrpc_session, protocol::msgpack_rpc_session>;

}  // namespace tenon::inline v0
