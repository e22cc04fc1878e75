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
  const auto needs = [&](std::string_view protocol, serialization wanted, std::string_view name) -> status {
    if (codec != wanted) {
      return status{code::invalid_argument, tenon::detail::join_text({"address \"", url, "\": ", protocol, " carries ", name, " only; write tenon::client<service, tenon::codec::", name, ">"})};
    }
    if (sessions != nullptr) return {};
    return status{code::invalid_argument, tenon::detail::join_text({"address \"", url, "\": this client was made for rpcx; include <tenon/protocol/client_sessions.hpp> and give it the option ",
                                                                    ".sessions = tenon::protocol::make_client_session"})};
  };
  if (url.starts_with("jsonrpc")) return needs("JSON-RPC", serialization::json, "json");
  if (url.starts_with("msgpackrpc")) return needs("MessagePack-RPC", serialization::msgpack, "msgpack");
  if (url.starts_with("grpc") && sessions == nullptr) {
    return status{code::invalid_argument, tenon::detail::join_text({"address \"", url, "\": this client was made for rpcx; include <tenon/grpc.hpp> and give it the option .sessions = tenon::grpc"})};
  }
  return {};
}

}  // namespace tenon::inline v0::protocol
