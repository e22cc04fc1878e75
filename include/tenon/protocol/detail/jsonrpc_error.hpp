// Status codes as JSON-RPC's error objects spell them, both ways. Protocol layer.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>

namespace tenon::inline v0::protocol::detail {

/// The numbers of JSON-RPC 2.0, 5.1.
namespace jsonrpc_number {
inline constexpr int parse_error = -32700;
inline constexpr int invalid_request = -32600;
inline constexpr int method_not_found = -32601;
inline constexpr int invalid_params = -32602;
inline constexpr int internal_error = -32603;
/// Code N that has no number of the specification's own is this minus N, within what is reserved for servers.
inline constexpr int first_of_ours = -32050;
/// Language Server Protocol, ErrorCodes.RequestCancelled.
inline constexpr int request_cancelled = -32800;
}  // namespace jsonrpc_number

constexpr int jsonrpc_number_of(code why) noexcept {
  switch (why) {
    case code::invalid_argument: return jsonrpc_number::invalid_params;
    case code::unimplemented: return jsonrpc_number::method_not_found;
    case code::internal: return jsonrpc_number::internal_error;
    default: return jsonrpc_number::first_of_ours - static_cast<int>(why);
  }
}

/// The inverse, for peers that say nothing more exact. A request that the peer could not read is this side's defect, hence internal.
constexpr code code_of_jsonrpc_number(std::int64_t number) noexcept {
  switch (number) {
    case jsonrpc_number::parse_error:
    case jsonrpc_number::invalid_request:
    case jsonrpc_number::internal_error: return code::internal;
    case jsonrpc_number::method_not_found: return code::unimplemented;
    case jsonrpc_number::invalid_params: return code::invalid_argument;
    case jsonrpc_number::request_cancelled: return code::cancelled;
    default: break;
  }
  const std::int64_t ours = jsonrpc_number::first_of_ours - number;
  return ours > 0 && ours < static_cast<std::int64_t>(code_count) ? static_cast<code>(ours) : code::unknown;
}

[[gnu::cold]] inline void append_jsonrpc_error_head(buffer& out, int number, std::string_view message) {
  out.append(R"({"code":)");
  out.append(tenon::detail::number_text{number});
  out.append(R"(,"message":)");
  append_json_string(out, message);
}

/// The error object; `data` has the exact code by name, and what a policy of the caller would ask for.
[[gnu::cold]] inline void append_jsonrpc_error(buffer& out, const status& error) {
  append_jsonrpc_error_head(out, jsonrpc_number_of(error.code()), error.message().empty() ? code_name(error.code()) : std::string_view{error.message()});
  out.append(R"(,"data":{"code":)");
  append_json_string(out, code_name(error.code()));
  if (error.has(outcome::pushback)) {
    out.append(R"(,"retry_after_ms":)");
    out.append(tenon::detail::number_text{error.outcome().pushback_ms});
  }
  if (error.has(outcome::not_executed)) out.append(R"(,"not_executed":true)");
  append_json_details(out, error);
  out.append("}}");
}

// Whole numbers only, as error codes are.
[[gnu::cold]] inline std::optional<std::int64_t> jsonrpc_integer(std::string_view raw) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (error != std::errc{} || end != raw.data() + raw.size()) return std::nullopt;
  return number;
}

/// Reads a peer's error object, which is well-formed JSON.
///
/// Returns the code that `data.code` names, else the one that the number stands for; the peer's message, and behind it `data` where that is text.
[[gnu::cold]] inline status read_jsonrpc_error(std::string_view raw) {
  if (raw.empty() || raw.front() != '{') return status{code::unknown, tenon::detail::join_text({"the peer's error is no object: ", raw.substr(0, 200)})};
  std::int64_t number = 0;
  std::string message;
  std::string note;
  std::optional<code> exact;
  outcome found;
  std::string storage;
  json_text text{raw, raw.size()};
  const auto read_data = [&](std::string_view data) {
    json_items members{text, data.data()};
    while (members.next()) {
      const std::string_view name = json_string_value(members.key, storage);
      if (name == "code" && members.value.front() == '"') {
        exact = code_from_name(json_string_value(members.value, storage));
      } else if (name == "retry_after_ms") {
        const auto milliseconds = jsonrpc_integer(members.value);
        if (!milliseconds) continue;
        constexpr std::int64_t longest = (std::numeric_limits<std::int32_t>::max)();
        found.pushback_ms = static_cast<std::int32_t>(*milliseconds < 0 ? -1 : *milliseconds > longest ? longest : *milliseconds);
        found.flags |= outcome::pushback;
      } else if (name == "not_executed" && members.value == "true") {
        found.flags |= outcome::not_executed;
      }
    }
  };
  json_items members{text, text.begin};
  while (members.next()) {
    const std::string_view name = json_string_value(members.key, storage);
    if (name == "code") number = jsonrpc_integer(members.value).value_or(0);
    else if (name == "message" && members.value.front() == '"') message = json_string_value(members.value, storage);
    else if (name == "data" && members.value.front() == '{') read_data(members.value);
    else if (name == "data" && members.value.front() == '"') note = json_string_value(members.value, storage);
  }
  // An error that says OK is a lie of the peer; it must not become a success without a value.
  if (exact == code::ok) exact = code::unknown;
  if (!exact && number == jsonrpc_number::method_not_found) found.flags |= outcome::not_executed;
  found.code = exact.value_or(code_of_jsonrpc_number(number));
  if (exact && message == code_name(*exact)) message.clear();
  if (!exact && found.code == code::unknown) message = tenon::detail::join_text({message, message.empty() ? "" : " ", "(error ", tenon::detail::number_text{number}, ")"});
  if (!note.empty()) message = tenon::detail::join_text({message, message.empty() ? "" : ": ", note});
  return status{found, message};
}

}  // namespace tenon::inline v0::protocol::detail
