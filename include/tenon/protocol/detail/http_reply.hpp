// What an HTTP/1.1 answer says: its head cut strictly, Connect's error out of its body. Protocol layer, detail of http1_client.hpp.
// Source: RFC 9112; Connect protocol, unary responses and error codes.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <tenon/core/base64.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol::detail {

/// An answer's head. The views lie in the bytes that it was cut from; `fields` is for those of a request that answers share with them.
struct http_reply {
  int http_status = 0;
  http_head fields{};
  bool has_body() const noexcept { return http_status >= 200 && http_status != 204 && http_status != 304; }
};

// Reads a whole head, its empty line included. Returns what is wrong with it; nothing when `into` has been filled in.
inline std::string_view cut_reply_head(std::string_view block, http_reply& into) noexcept {
  const std::string_view version = block.substr(0, 9);
  into.fields.is_http_11 = version == "HTTP/1.1 ";
  if (!into.fields.is_http_11 && version != "HTTP/1.0 ") return "the answer does not begin with HTTP/1.1";
  const auto [end, error] = std::from_chars(block.data() + 9, block.data() + (block.size() < 12 ? block.size() : 12), into.http_status);
  if (error != std::errc{} || end != block.data() + 12 || into.http_status < 100 || (*end != ' ' && *end != '\r')) return "the answer's status is no number of three digits";
  into.fields.fields_at = block.find("\r\n") + 2;
  block.remove_prefix(into.fields.fields_at);
  std::string_view fault;
  http_field field;
  while (fault.empty() && block != "\r\n") {
    fault = cut_field(block, field);
    if (fault.empty()) fault = note_field(field, into.fields);
  }
  if (fault.empty() && into.fields.has_length && into.fields.chunked) return "Content-Length and Transfer-Encoding together; expected one of them";
  return fault;
}

// Connect's table for answers that are not from the service itself: a proxy's, or a server's that knows no Connect.
constexpr code connect_code_of(int http_status) noexcept {
  switch (http_status) {
    case 400: return code::internal;
    case 401: return code::unauthenticated;
    case 403: return code::permission_denied;
    case 404: return code::unimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return code::unavailable;
    default: return code::unknown;
  }
}

// An array of `{"type":...,"value":base64}`.
[[gnu::cold]] inline void read_connect_details(json_text& text, std::string_view raw, status& into) {
  std::string storage;
  json_items all{text, raw.data()};
  while (all.next()) {
    if (all.value.front() != '{') continue;
    status_detail detail;
    json_items members{text, all.value.data()};
    while (members.next()) {
      if (members.value.front() != '"') continue;
      const std::string_view member = json_string_value(members.value, storage);
      if (members.key == "\"type\"") {
        detail.type = member;
      } else if (members.key == "\"value\"") {
        const std::string_view digits = tenon::detail::base64_unpadded(member);
        detail.value.resize(tenon::detail::base64_bytes(digits.size()));
        if (tenon::detail::read_base64(digits, reinterpret_cast<std::byte*>(detail.value.data())) != digits.size()) detail.value.clear();
      }
    }
    into.add_detail(std::move(detail));
  }
}

/// The status that an answer with another number than 200 stands for; never OK.
[[gnu::cold]] inline status read_connect_error(const http_reply& head, std::string_view fields, std::string_view body) {
  code said = code::ok;  // none that an error could have
  std::string message;
  std::string storage;
  std::string_view details;
  json_text text{body, 32};
  const char* const at = text.skip_blanks(text.begin);
  const char* const stop = text.is_at(at, '{') ? text.skip_value(at) : nullptr;
  if (stop != nullptr) {
    json_items members{text, at};
    while (members.next()) {
      const bool is_text = members.value.front() == '"';
      if (members.key == "\"code\"" && is_text) said = code_from_http_name(json_string_value(members.value, storage)).value_or(code::ok);
      else if (members.key == "\"message\"" && is_text) message = json_string_value(members.value, storage);
      else if (members.key == "\"details\"" && members.value.front() == '[') details = members.value;
    }
  }
  if (said == code::ok) {
    if (message.empty()) message = tenon::detail::join_text({"HTTP status ", tenon::detail::number_text{head.http_status}});
    said = connect_code_of(head.http_status);
  }
  status found{outcome{.code = said}, message};
  if (!details.empty()) read_connect_details(text, details, found);
  // 404 and 405 say that there is no such method; 501 may come out of one.
  if (head.http_status == 404 && found.code() == code::unimplemented) found.add_flag(outcome::not_executed);
  if (head.http_status == 405 || head.http_status == 413 || head.http_status == 415) found.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
  std::int64_t wait = 0;
  const auto number_in = [&wait](std::string_view digits) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), wait);
    return !digits.empty() && error == std::errc{} && end == digits.data() + digits.size();
  };
  if (number_in(find_header(fields, "retry-after-ms"))) found.set_pushback(wait < 0 ? -1 : wait > 2'000'000'000 ? 2'000'000'000 : static_cast<std::int32_t>(wait));
  else if (number_in(find_header(fields, "retry-after")) && wait >= 0) found.set_pushback(wait > 2'000'000 ? 2'000'000'000 : static_cast<std::int32_t>(wait * 1000));
  return found;
}

}  // namespace tenon::inline v0::protocol::detail
