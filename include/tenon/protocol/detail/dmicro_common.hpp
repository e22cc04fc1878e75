// What dmicro's framings have in common: kinds of message, names, statuses, and what is refused. Protocol layer; internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/rpc_name.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol::detail {

enum class dmicro_type : std::uint8_t { call = 1, reply = 2, push = 3, auth_call = 4, auth_reply = 5 };

inline constexpr std::string_view dmicro_heartbeat = "/heartbeat";
inline constexpr std::string_view dmicro_fine = R"({"code":0,"msg":"","cause":""})";

inline rpc_name split_dmicro_name(std::string_view method) noexcept { return split_rpc_name(method.starts_with('/') ? method.substr(1) : method); }

// Source: dmicro's own codes, which follow HTTP where HTTP has one.
inline std::int32_t dmicro_number_of(const status& error) noexcept {
  switch (error.code()) {
    case code::unknown: return -1;
    case code::deadline_exceeded: return 408;
    case code::unavailable: return 502;
    default: return http_status_of(error.outcome());
  }
}

[[gnu::cold]] inline void append_dmicro_status(buffer& out, const status& error) {
  // Room for the longest status that the raw form's two bytes can tell of, escapes included.
  constexpr std::size_t longest = 10'000;
  out.append(R"({"code":)");
  out.append(tenon::detail::number_text{std::int64_t{dmicro_number_of(error)}});
  out.append(R"(,"msg":)");
  append_json_string(out, std::string_view{error.message()}.substr(0, longest));
  out.append(R"(,"cause":)");
  append_json_string(out, code_name(error.code()));
  out.push_back('}');
}

[[gnu::cold]] inline status dmicro_refusal(code why, std::initializer_list<std::string_view> text) {
  status error{why, tenon::detail::join_text(text)};
  error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
  return error;
}

// Why a call is refused before anybody is asked; OK when it is not.
inline status dmicro_fault(std::uint8_t codec, bool is_json, std::size_t body, std::size_t metadata, const limits& bounds) {
  using tenon::detail::number_text;
  if (!is_json && codec != 'p') return dmicro_refusal(code::invalid_argument, {"body codec ", number_text{std::size_t{codec}}, " is not spoken here; expected j (106) or p (112)"});
  if (body > bounds.max_message_bytes) return dmicro_refusal(code::resource_exhausted, {"the body exceeds the limit of ", number_text{bounds.max_message_bytes}, " bytes"});
  if (metadata > bounds.max_metadata_bytes) return dmicro_refusal(code::resource_exhausted, {"the metadata exceed the limit of ", number_text{bounds.max_metadata_bytes}, " bytes"});
  return {};
}

}  // namespace tenon::inline v0::protocol::detail
