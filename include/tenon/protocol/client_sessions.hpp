// Every protocol a client can speak, by the scheme of its URL. Protocol layer; outside the door, as it costs a client that speaks rpcx a seventh of its compile time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tenon/core/limits.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/http1_client.hpp>
#include <tenon/protocol/jsonrpc_client.hpp>
#include <tenon/protocol/msgpack_rpc_client.hpp>
#include <tenon/protocol/rpcx_client.hpp>

namespace tenon::inline v0::protocol {

/// The session for a connection to `url`: `tenon::client<market, tenon::codec::json> m{"jsonrpc+tcp://...", {.sessions = tenon::protocol::make_client_session}}`.
///
/// Shape   `jsonrpc+tcp`, `jsonrpc+unix`: JSON-RPC by lines; `jsonrpc+lsp+tcp`: the same with Content-Length headers; `msgpackrpc+tcp`, `msgpackrpc+unix`: MessagePack-RPC;
///         `http`, `http+unix`: Connect over HTTP/1.1; rpcx for every other scheme.
[[gnu::cold]] inline std::unique_ptr<client_session> make_client_session(std::string_view url, const limits& bounds) {
  if (url.starts_with("jsonrpc+lsp")) return std::make_unique<jsonrpc_client_session>(bounds, jsonrpc_framing::headers);
  if (url.starts_with("jsonrpc")) return std::make_unique<jsonrpc_client_session>(bounds);
  if (url.starts_with("msgpackrpc")) return std::make_unique<msgpack_rpc_client_session>(bounds);
  if (url.starts_with("http")) {
    // A path of a local socket is no authority.
    const bool is_path = url.find("unix://") != std::string_view::npos;
    return std::make_unique<http1_client_session>(bounds, std::string{is_path ? std::string_view{"localhost"} : url.substr(url.find("://") + 3)});
  }
  return std::make_unique<rpcx_client_session>(bounds);
}

}  // namespace tenon::inline v0::protocol
