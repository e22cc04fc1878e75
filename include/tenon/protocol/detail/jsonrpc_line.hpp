// The usual text of JSON-RPC on a stream, one object on a line, read in one pass: whatever else stands there is for the framer to cut first. Protocol layer; both sides use it.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/protocol/detail/jsonrpc_envelope.hpp>
#include <tenon/protocol/detail/jsonrpc_framing.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>

namespace tenon::inline v0::protocol::detail {

/// An object and what it takes of the bytes, the end of its line included; nothing when there is none that is complete, or it has to be told what is wrong.
struct jsonrpc_line {
  std::string_view object{};
  std::size_t used = 0;
};

/// Laws    what is found is what the framer would have cut and `cut_envelope` read. A text is tried once: one that is not found here is remembered by the framer until it ends.
inline jsonrpc_line read_jsonrpc_line(jsonrpc_framer& framer, std::string_view in, std::size_t levels, jsonrpc_envelope& into) {
  if (!framer.begins_object(in)) return {};
  into.clear();
  json_text text{in, levels};
  const char* const stop = cut_envelope(text, text.begin, into);
  if (stop == nullptr) return {};
  const auto size = static_cast<std::size_t>(stop - text.begin);
  if (size > framer.longest()) return {};
  return {in.substr(0, size), size + (text.is_at(stop, '\n') ? 1U : 0U)};
}

}  // namespace tenon::inline v0::protocol::detail
