// The metadata of a JSON-RPC call that HTTP carries: the header lines, and the call's own `meta`. Protocol layer; for JSON-RPC in HTTP bodies and over WebSocket.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/core/metadata.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/jsonrpc_envelope.hpp>

namespace tenon::inline v0::protocol::detail {

/// A `metadata_reader` for header lines between two zeros, which none of them holds, and what `meta` says behind them.
inline void read_headers_and_meta(std::string_view block, metadata& into) {
  const std::size_t middle = block.find('\0', 1);
  read_http_metadata(block.substr(1, middle - 1), into);
  if (const std::string_view meta = block.substr(middle + 1); !meta.empty()) read_jsonrpc_metadata(meta, into);
}

}  // namespace tenon::inline v0::protocol::detail
