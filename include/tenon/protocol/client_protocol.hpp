// Which protocols a client's URL may name beside rpcx, without any of them. Protocol layer; client_sessions.hpp has what speaks them.
#pragma once

#include <memory>
#include <string_view>

#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::protocol {

/// Makes the session for a connection to `url`: `make_client_session`, or one's own.
using session_maker = std::unique_ptr<client_session> (*)(std::string_view url, const limits& bounds);

/// Whether a client with this codec and this maker can speak the protocol that `url` names.
///
/// Errors  invalid_argument that says what to write instead.
[[gnu::cold]] inline status fits_protocol(std::string_view url, serialization codec, session_maker sessions) {
  const auto has_sessions = [&](std::string_view header, std::string_view maker) -> status {
    if (sessions != nullptr) return {};
    return status{code::invalid_argument,
                  tenon::detail::join_text({"address \"", url, "\": this client was made for rpcx; include <tenon/", header, "> and give it the option .sessions = tenon::", maker})};
  };
  const auto carries = [&](std::string_view protocol, serialization wanted, std::string_view name) -> status {
    if (codec == wanted) return {};
    return status{code::invalid_argument, tenon::detail::join_text({"address \"", url, "\": ", protocol, " carries ", name, " only; write tenon::client<service, tenon::codec::", name, ">"})};
  };
  status fits;
  if (url.starts_with("jsonrpc")) fits = carries("JSON-RPC", serialization::json, "json");
  else if (url.starts_with("msgpackrpc")) fits = carries("MessagePack-RPC", serialization::msgpack, "msgpack");
  else if (url.starts_with("ws")) fits = carries("JSON-RPC over WebSocket", serialization::json, "json");
  else if (!url.starts_with("http")) return url.starts_with("grpc") ? has_sessions("grpc.hpp", "grpc") : fits;
  if (!fits.ok()) return fits;
  return url.starts_with("ws") ? has_sessions("websocket.hpp", "websocket") : has_sessions("protocol/client_sessions.hpp", "protocol::make_client_session");
}

}  // namespace tenon::inline v0::protocol
