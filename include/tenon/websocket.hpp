// WebSocket: beside tenon.hpp, for whoever links wslay (the CMake target tenon::websocket). A server that browsers' pages call on its port with all the others.
#pragma once

#include <tenon/protocol/websocket.hpp>
#include <tenon/server.hpp>

namespace tenon::inline v0 {

/// Every default protocol, and JSON-RPC over WebSocket, on one port: `tenon::server<tenon::websocket_protocols> server;`. Who may connect from other sites' pages is a
/// parameter of the session: `tenon::protocols<protocol::rpcx_session, protocol::basic_websocket_session<our_pages>, protocol::http1_session>`.
using websocket_protocols = protocols<protocol::rpcx_session, protocol::websocket_session, protocol::http1_session>;

}  // namespace tenon::inline v0
