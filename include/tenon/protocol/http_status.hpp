// Status codes as HTTP spells them: the numbers both ways, and Connect's lower-case names. Protocol layer; all JSON over HTTP.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>

namespace tenon::inline v0::protocol {
namespace detail {

struct http_code_row {
  std::string_view name;
  int status;
};

inline constexpr std::array<http_code_row, code_count> http_code_rows{{
    {"ok", 200},
    {"canceled", 499},
    {"unknown", 500},
    {"invalid_argument", 400},
    {"deadline_exceeded", 504},
    {"not_found", 404},
    {"already_exists", 409},
    {"permission_denied", 403},
    {"resource_exhausted", 429},
    {"failed_precondition", 400},
    {"aborted", 409},
    {"out_of_range", 400},
    {"unimplemented", 501},
    {"internal", 500},
    {"unavailable", 503},
    {"data_loss", 500},
    {"unauthenticated", 401},
}};

}  // namespace detail

/// The HTTP status that answers with this code; 500 for a number outside the table.
///
/// Source  Connect protocol, error codes.
constexpr int http_status_of(code value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < code_count ? detail::http_code_rows[index].status : 500;
}

/// The HTTP status that answers with this outcome: the code's, except that a method nobody serves is a path that does not exist.
///
/// Returns 404 for `unimplemented` with the flag `not_executed`; 501 stays for a handler that says so itself.
constexpr int http_status_of(outcome what) noexcept {
  if (what.code == code::unimplemented && what.has(outcome::not_executed)) return 404;
  return http_status_of(what.code);
}

/// The code for an HTTP status whose body names none. Not the inverse: 400, 409 and 500 stand for several codes.
///
/// 413 is `resource_exhausted`; whoever reads it adds `no_retry`, since the same message stays too big.
constexpr code code_from_http_status(int status) noexcept {
  if (status >= 200 && status < 300) return code::ok;
  switch (status) {
    case 400:
    case 415:
    case 422: return code::invalid_argument;
    case 401: return code::unauthenticated;
    case 403: return code::permission_denied;
    case 404:
    case 410: return code::not_found;
    case 405:
    case 501: return code::unimplemented;
    case 408:
    case 504: return code::deadline_exceeded;
    case 409: return code::aborted;
    case 412:
    case 428: return code::failed_precondition;
    case 413:
    case 429: return code::resource_exhausted;
    case 416: return code::out_of_range;
    case 425:
    case 502:
    case 503: return code::unavailable;
    case 499: return code::cancelled;
    case 500: return code::internal;
    default: return code::unknown;
  }
}

/// The code's name as Connect spells it in JSON: lower case, and `canceled` with one l.
constexpr std::string_view http_code_name(code value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return detail::http_code_rows[index < code_count ? index : 2].name;
}

/// The code with this name (Connect's spelling, exact); nothing when there is none.
constexpr std::optional<code> code_from_http_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < code_count; ++i) {
    if (detail::http_code_rows[i].name == name) return static_cast<code>(i);
  }
  return std::nullopt;
}

/// The words after the number in a status line, for the statuses that tenon sends; empty for others, which HTTP allows.
constexpr std::string_view http_reason(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return {};
  }
}

}  // namespace tenon::inline v0::protocol
