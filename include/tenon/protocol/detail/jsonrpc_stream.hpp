// Streams as JSON-RPC carries them: notifications with the id of their call, as the Language Server Protocol has its own ones. Protocol layer.
//
//   caller                                                            callee
//   {"method":"market.watch","id":7,"meta":{"stream_credit":65536}}
//                                                                     {"method":"$/item","params":{"id":7,"value":...}}
//   {"method":"$/credit","params":{"id":7,"bytes":4096}}
//   {"method":"$/input","params":{"id":7,"value":...}}                {"method":"$/inputCredit","params":{"id":7,"bytes":65536}}
//   {"method":"$/inputEnd","params":{"id":7}}
//   {"method":"$/cancelRequest","params":{"id":7}}                    {"id":7,"result":null}, or the error: the one end of everything
//
// A caller that says nothing of credit takes whatever comes, as fast as the connection does. What an item takes is `cost_of_item` of its value's text. Whose turn a message
// belongs to is told by its name, so that both sides of one connection may call, each with ids of its own.
// Source: Language Server Protocol, "$/" notifications, which a peer that does not know them ignores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/jsonrpc_envelope.hpp>
#include <tenon/protocol/detail/jsonrpc_error.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol::detail {

/// As the text of an envelope has them: with their quotes.
namespace jsonrpc_notice {
inline constexpr std::string_view prefix = R"("$/)";
inline constexpr std::string_view item = R"("$/item")";
inline constexpr std::string_view credit = R"("$/credit")";
inline constexpr std::string_view input = R"("$/input")";
inline constexpr std::string_view input_end = R"("$/inputEnd")";
inline constexpr std::string_view input_credit = R"("$/inputCredit")";
inline constexpr std::string_view cancel = R"("$/cancelRequest")";
}  // namespace jsonrpc_notice

/// What a notice says, raw; `bytes` is 0 where it says none.
struct jsonrpc_notice_params {
  std::string_view id{};
  std::string_view value{};
  std::int64_t bytes = 0;
};

inline jsonrpc_notice_params cut_jsonrpc_notice(std::string_view params) {
  jsonrpc_notice_params found;
  if (params.empty() || params.front() != '{') return found;
  json_text text{params, params.size()};
  json_items members{text, text.begin};
  while (members.next()) {
    if (members.key == R"("id")") found.id = members.value;
    else if (members.key == R"("value")") found.value = members.value;
    else if (members.key == R"("bytes")") found.bytes = jsonrpc_integer(members.value).value_or(0);
  }
  if (found.bytes < 0) found.bytes = 0;
  if (found.bytes > most_credit) found.bytes = most_credit;
  return found;
}

/// How much a caller takes before it says more; nothing when it does not count.
inline std::optional<std::uint32_t> jsonrpc_stream_credit(std::string_view meta) {
  if (meta.find(meta_credit_key) == std::string_view::npos || meta.front() != '{') return std::nullopt;
  json_text text{meta, meta.size()};
  std::optional<std::uint32_t> found;
  json_items members{text, text.begin};
  while (members.next()) {
    if (members.key != R"("stream_credit")") continue;
    const std::int64_t bytes = jsonrpc_integer(members.value).value_or(1);
    found = static_cast<std::uint32_t>(bytes < 1 ? 1 : bytes > 0x7FFFFFFF ? 0x7FFFFFFF : bytes);
  }
  return found;
}

// Up to the id, which the caller of this appends, and what else there is: `,"value":` and the value, then `}}`.
inline void begin_jsonrpc_notice(buffer& out, std::string_view quoted_method) {
  out.append(R"({"jsonrpc":"2.0","method":)");
  out.append(quoted_method);
  out.append(R"(,"params":{"id":)");
}
inline void append_jsonrpc_credit(buffer& out, const items_taken& taken) {
  out.append(R"(,"bytes":)");
  out.append(tenon::detail::number_text{cost_of_items(taken)});
}

}  // namespace tenon::inline v0::protocol::detail
