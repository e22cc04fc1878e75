// WebSocket: beside tenon.hpp, for whoever links wslay (the CMake target tenon::websocket). A server that browsers' pages call on its port with all the others, and a client.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tenon/client.hpp>
#include <tenon/net/endpoint.hpp>
#include <tenon/protocol/websocket.hpp>
#include <tenon/protocol/websocket_client.hpp>
#include <tenon/server.hpp>

namespace tenon::inline v0 {

/// Every default protocol, and JSON-RPC over WebSocket, on one port: `tenon::server<tenon::websocket_protocols> server;`. Who may connect from other sites' pages is a
/// parameter of the session: `tenon::protocols<protocol::rpcx_session, protocol::basic_websocket_session<our_pages>, protocol::http1_session>`.
using websocket_protocols = protocols<protocol::rpcx_session, protocol::websocket_session, protocol::http1_session>;

/// For a client's options: `tenon::client<market, tenon::codec::json> m{"ws://127.0.0.1:9000/rpc", {.sessions = tenon::websocket}};`.
[[gnu::cold]] inline std::unique_ptr<protocol::client_session> websocket(std::string_view url, const limits& bounds) {
  const auto at = endpoint::parse(url);
  std::string authority = "localhost";
  std::string target = "/";
  // A path of a local socket is no authority.
  if (at && !at->is_local()) {
    authority = at->url().substr(at->url().find("://") + 3);
    authority.resize(authority.size() - at->target().size());
    if (!at->target().empty()) target = at->target();
  }
  return std::make_unique<protocol::websocket_client_session>(bounds, authority, target);
}

}  // namespace tenon::inline v0
