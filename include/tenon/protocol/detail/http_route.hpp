// What a request's head asks for: a method of a service with a codec, or a refusal with its HTTP status. Protocol layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/code.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/beast.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_parser.hpp>

namespace tenon::inline v0::protocol::detail {

/// Where a request goes. `service` and `method` lie in the head, or in `unescaped` when the path had percent signs.
struct http_route {
  std::string_view service;
  std::string_view method;
  std::string_view content_type = "application/json";  ///< the answer's; a literal
  serialization codec = serialization::json;
  std::optional<duration> timeout;
};

/// Why a request goes nowhere. What makes and writes refusals is marked cold: compiled for size, it takes less of the compile time.
struct http_refusal {
  int http_status = 0;
  status error{};                ///< OK with 204
  std::string_view more_head{};  ///< whole header lines
  bool close = false;            ///< the bytes that follow cannot be trusted to be a request
};

[[gnu::cold]] inline http_refusal refuse(int http_status, code why, std::string_view message, std::string_view more_head = {}) {
  status error{why, message};
  error.add_flag(outcome::not_executed);
  return {.http_status = http_status, .error = std::move(error), .more_head = more_head};
}

[[gnu::cold]] inline http_refusal refuse_and_close(int http_status, code why, std::string_view message, std::string_view more_head = {}) {
  http_refusal refusal = refuse(http_status, why, message, more_head);
  refusal.close = true;
  return refusal;
}

[[gnu::cold]] inline std::string quoted(std::string_view before, std::string_view found, std::string_view after) {
  // A long target is the sender's to know: the answer quotes its beginning.
  constexpr std::size_t longest = 200;
  std::string text{before};
  text.append("\"").append(found.substr(0, longest)).append(found.size() > longest ? "...\"" : "\"").append(after);
  return text;
}

// False when a percent sign is not followed by two hexadecimal digits.
[[gnu::cold]] inline bool unescape(std::string_view from, std::string& into) {
  const auto digit = [](char c) {
    const char low = to_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != '%') {
      into.push_back(from[i]);
      continue;
    }
    if (from.size() - i < 3) return false;
    const int high = digit(from[i + 1]);
    const int low = digit(from[i + 2]);
    if (high < 0 || low < 0) return false;
    into.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// The path of an origin-form or absolute-form target; RFC 9112 3.2.2 asks servers to take both.
inline std::string_view path_of(std::string_view target) noexcept {
  for (const std::string_view scheme : {std::string_view{"http://"}, std::string_view{"https://"}}) {
    if (target.size() < scheme.size() || !metadata::same_key(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos ? std::string_view{} : target.substr(slash);
    break;
  }
  return target.substr(0, target.find('?'));
}

// Splits `/service/method`, then unescapes: an escaped slash belongs to the name that holds it.
inline std::optional<http_refusal> route_path(std::string_view target, http_route& route, std::string& unescaped) {
  const std::string_view path = path_of(target);
  const std::size_t slash = path.find('/', 1);
  if (path.size() < 2 || path.front() != '/' || slash == std::string_view::npos || slash == 1 || slash + 1 == path.size() ||
      path.find('/', slash + 1) != std::string_view::npos) {
    return refuse(404, code::unimplemented, quoted("no method at ", path, "; expected /<service>/<method>"));
  }
  route.service = path.substr(1, slash - 1);
  route.method = path.substr(slash + 1);
  unescaped.clear();
  if (path.find('%') == std::string_view::npos) return std::nullopt;
  const bool service_is_fine = unescape(route.service, unescaped);
  const std::size_t middle = unescaped.size();
  if (!service_is_fine || !unescape(route.method, unescaped)) {
    return refuse(400, code::invalid_argument, quoted("path ", path, ": expected two hexadecimal digits after each percent sign"));
  }
  route.service = std::string_view{unescaped}.substr(0, middle);
  route.method = std::string_view{unescaped}.substr(middle);
  return std::nullopt;
}

inline std::optional<http_refusal> route_codec(const http_head& head, http_route& route) {
  const std::string_view type = trim_blanks(head.content_type.substr(0, head.content_type.find(';')));
  const auto is = [type](std::string_view name) { return metadata::same_key(type, name); };
  route.codec = serialization::msgpack;
  if (is("application/msgpack")) {
    route.content_type = "application/msgpack";
  } else if (is("application/x-msgpack")) {
    route.content_type = "application/x-msgpack";
  } else if (is("application/proto")) {
    route.content_type = "application/proto";
    route.codec = serialization::protobuf;
  } else if (type.empty() || is("application/json") || is("text/plain") || is("application/x-www-form-urlencoded")) {
    // The last is what `curl -d` says of every body.
    route.content_type = "application/json";
    route.codec = serialization::json;
  } else {
    return refuse(415, code::invalid_argument,
                  quoted("content type ", type,
                         " is not read here; expected application/json, application/msgpack, application/x-msgpack or "
                         "application/proto"),
                  "Accept: application/json, application/msgpack, application/x-msgpack, application/proto\r\n");
  }
  if (!head.content_encoding.empty() && !metadata::same_key(head.content_encoding, "identity")) {
    // Connect wants this code, and hence 501, where plain HTTP would say 415.
    return refuse(501, code::unimplemented, quoted("content encoding ", head.content_encoding, " is not read here; expected identity"),
                  "Accept-Encoding: identity\r\n");
  }
  return std::nullopt;
}

inline std::optional<http_refusal> route_timeout(const http_head& head, http_route& route) {
  route.timeout.reset();
  if (!head.has_timeout) return std::nullopt;
  std::int64_t milliseconds = 0;
  bool is_number = !head.timeout.empty() && head.timeout.size() <= 10;
  for (const char c : head.timeout.substr(0, 10)) {
    is_number = is_number && c >= '0' && c <= '9';
    milliseconds = milliseconds * 10 + (c - '0');
  }
  if (!is_number) {
    return refuse(400, code::invalid_argument, quoted("connect-timeout-ms: found ", head.timeout, ", expected one to ten digits"));
  }
  route.timeout = duration{milliseconds * 1'000'000};
  return std::nullopt;
}

// Requests whose end, or whose meaning, two readers could see differently. RFC 9112 3.2 and 6.1; RFC 9110 10.1.1.
inline std::optional<http_refusal> distrust(const http_head& head, bool chunked) {
  if (head.foreign_transfer_encoding) {
    return refuse_and_close(501, code::unimplemented, "the transfer encoding is not read here; expected chunked alone");
  }
  if (chunked && !head.is_http_11) {
    return refuse_and_close(400, code::invalid_argument, "HTTP/1.0 has no chunked bodies; expected Content-Length");
  }
  if (head.hosts > 1 || (head.is_http_11 && head.hosts == 0)) {
    return refuse_and_close(400, code::invalid_argument,
                            head.hosts == 0 ? "found no Host header; expected one" : "found several Host headers; expected one");
  }
  if (head.is_http_11 && !head.expect.empty() && !metadata::same_key(head.expect, "100-continue")) {
    return refuse(417, code::invalid_argument, quoted("expectation ", head.expect, " cannot be met; expected 100-continue"));
  }
  return std::nullopt;
}

/// Decides where a complete head leads; nothing when `route` has been filled in.
inline std::optional<http_refusal> route_request(const http_parser& parser, http_route& route, std::string& unescaped) {
  using boost::beast::http::verb;
  const http_head& head = parser.head();
  if (auto refusal = distrust(head, parser.chunked())) return refusal;
  // What leaves HTTP/1.1 on this connection is decided here, before anything is asked of the path.
  if (head.verb == verb::connect) {
    return refuse_and_close(405, code::unimplemented, "CONNECT is not served here; expected POST", "Allow: POST\r\n");
  }
  // An offer to upgrade a call may be ignored (RFC 9110 7.8): only GET comes for nothing else.
  if (head.verb == verb::get && parser.upgrade()) {
    return refuse(501, code::unimplemented, "no other protocol is served here to upgrade to; expected POST");
  }
  switch (head.verb) {
    case verb::post: break;
    case verb::options: return http_refusal{.http_status = 204, .more_head = "Allow: OPTIONS, POST\r\n"};
    case verb::get:
    case verb::head:
    case verb::put:
    case verb::delete_:
    case verb::patch:
    case verb::trace:
      if (auto refusal = route_path(head.target, route, unescaped)) return refusal;
      return refuse(405, code::unimplemented, quoted("methods are called by POST, found ", head.verb_text, ""), "Allow: POST\r\n");
    default: return refuse(501, code::unimplemented, quoted("HTTP method ", head.verb_text, " is not known here; expected POST"));
  }
  if (auto refusal = route_path(head.target, route, unescaped)) return refusal;
  if (auto refusal = route_codec(head, route)) return refusal;
  return route_timeout(head, route);
}

}  // namespace tenon::inline v0::protocol::detail
