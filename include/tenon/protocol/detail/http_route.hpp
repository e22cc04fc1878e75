// What a request's head asks for: a method of a service with a codec, or a refusal with its HTTP status. Protocol layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/http_site.hpp>

namespace tenon::inline v0::protocol::detail {

/// What a body is: one message, or something that has rules of its own and rides on HTTP.
enum class http_form : std::uint8_t { message, jsonrpc, grpc_web, grpc_web_text, rpcx, events, connect_stream };

/// Where a request goes. `service` and `method` lie in the head, or in `unescaped` when the path had percent signs.
struct http_route {
  std::string_view service;
  std::string_view method;
  std::string_view content_type = "application/json";  ///< the answer's; a literal
  serialization codec = serialization::json;
  bool proto3_json = false;  ///< json is meant as Connect and gRPC-Web mean it
  bool safely = false;  ///< by GET or HEAD: nothing may change
  bool inflates = false;  ///< the body is compressed, in the way that the session knows
  http_form form = http_form::message;
  std::string_view fault{};  ///< what is wrong, for a form that says so in its own way; a literal
  std::optional<duration> timeout;
};

/// Why a request goes nowhere.
struct http_refusal {
  int http_status = 0;
  code why = code::ok;           ///< OK with 204
  std::string message{};
  std::string_view more_head{};  ///< whole header lines
  const http_page* page = nullptr;  ///< not a refusal at all: something to look at
  bool close = false;            ///< the bytes that follow cannot be trusted to be a request
};

/// Asked first by a session that carries more than messages: whether the head is that, `fields` being its header lines. When refused, `refusal` says why.
enum class http_carried : std::uint8_t { no, yes, refused };
using http_carried_route = http_carried (*)(const http_head& head, std::string_view fields, http_route& route, std::string& unescaped, http_refusal& refusal);

// Fills in `refusal`, out of line and for size: requests are rarely refused. False, so that a decision ends in it.
[[gnu::cold, gnu::noinline]] inline bool refuse(http_refusal& refusal, int http_status, code why, std::initializer_list<std::string_view> message) {
  refusal.http_status = http_status;
  refusal.why = why;
  refusal.message = tenon::detail::join_text(message);
  return false;
}

// A long target is the sender's to know: the answer quotes its beginning.
[[gnu::cold, gnu::noinline]] inline bool refuse_quoting(http_refusal& refusal, int http_status, code why, std::string_view before,
                                                        std::string_view found, std::string_view after) {
  constexpr std::size_t longest = 200;
  return refuse(refusal, http_status, why, {before, "\"", found.substr(0, longest), found.size() > longest ? "...\"" : "\"", after});
}

// The path of an origin-form or absolute-form target; RFC 9112 3.2.2 asks servers to take both.
inline std::string_view path_of(std::string_view target) noexcept {
  for (const std::string_view scheme : {std::string_view{"http://"}, std::string_view{"https://"}}) {
    if (!is_named(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos ? std::string_view{} : target.substr(slash);
    break;
  }
  return target.substr(0, target.find('?'));
}

// Each decision below is false when it has filled in `refusal`.

// Splits `/service/method`, then unescapes: an escaped slash belongs to the name that holds it.
inline bool route_path(std::string_view target, http_route& route, std::string& unescaped, http_refusal& refusal) {
  const std::string_view path = path_of(target);
  const std::size_t slash = path.find('/', 1);
  if (path.size() < 2 || path.front() != '/' || slash == std::string_view::npos || slash == 1 || slash + 1 == path.size() ||
      path.find('/', slash + 1) != std::string_view::npos) {
    return refuse_quoting(refusal, 404, code::unimplemented, "no method at ", path, "; expected /<service>/<method>");
  }
  route.service = path.substr(1, slash - 1);
  route.method = path.substr(slash + 1);
  unescaped.clear();
  if (path.find('%') == std::string_view::npos) return true;
  const bool service_is_fine = unescape(route.service, unescaped);
  const std::size_t middle = unescaped.size();
  if (!service_is_fine || !unescape(route.method, unescaped)) {
    return refuse_quoting(refusal, 400, code::invalid_argument, "path ", path, ": expected two hexadecimal digits after each percent sign");
  }
  route.service = std::string_view{unescaped}.substr(0, middle);
  route.method = std::string_view{unescaped}.substr(middle);
  return true;
}

inline bool route_codec(const http_head& head, http_route& route, http_refusal& refusal) {
  const std::string_view type = trim_blanks(head.content_type.substr(0, head.content_type.find(';')));
  const auto is = [type](std::string_view name) { return is_named(type, name); };
  if (type.empty() || is("application/json") || is("text/plain") || is("application/x-www-form-urlencoded")) {
    // The last is what `curl -d` says of every body.
    route.content_type = "application/json";
    route.codec = serialization::json;
  } else if (is("application/msgpack")) {
    route.content_type = "application/msgpack";
    route.codec = serialization::msgpack;
  } else if (is("application/x-msgpack")) {
    route.content_type = "application/x-msgpack";
    route.codec = serialization::msgpack;
  } else if (is("application/proto")) {
    route.content_type = "application/proto";
    route.codec = serialization::protobuf;
  } else if (is("application/x-protobuf")) {
    route.content_type = "application/x-protobuf";
    route.codec = serialization::protobuf;
  } else {
    refusal.more_head = "Accept: application/json, application/msgpack, application/x-msgpack, application/proto\r\n";
    return refuse_quoting(refusal, 415, code::invalid_argument, "content type ", type,
                          " is not read here; expected application/json, application/msgpack, application/x-msgpack or application/proto");
  }
  if (!head.content_encoding.empty() && !is_named(head.content_encoding, "identity")) {
    // Connect wants this code, and hence 501, where plain HTTP would say 415.
    refusal.more_head = head.inflatable ? "Accept-Encoding: gzip, identity\r\n" : "Accept-Encoding: identity\r\n";
    return refuse_quoting(refusal, 501, code::unimplemented, "content encoding ", head.content_encoding, head.inflatable ? " is not read here; expected gzip or identity" : " is not read here; expected identity");
  }
  return true;
}

inline bool route_timeout(const http_head& head, http_route& route, http_refusal& refusal) {
  route.timeout.reset();
  if (!head.has_timeout) return true;
  std::int64_t milliseconds = 0;
  bool is_number = !head.timeout.empty() && head.timeout.size() <= 10;
  for (const char c : head.timeout.substr(0, 10)) {
    is_number = is_number && c >= '0' && c <= '9';
    milliseconds = milliseconds * 10 + (c - '0');
  }
  if (!is_number) {
    return refuse_quoting(refusal, 400, code::invalid_argument, "connect-timeout-ms: found ", head.timeout, ", expected one to ten digits");
  }
  route.timeout = duration{milliseconds * 1'000'000};
  return true;
}

// Requests whose end, or whose meaning, two readers could see differently. RFC 9112 3.2 and 6.1; RFC 9110 10.1.1.
inline bool trust(const http_head& head, http_refusal& refusal) {
  refusal.close = true;
  if (head.foreign_coding) return refuse(refusal, 501, code::unimplemented, {"the transfer encoding is not read here; expected chunked alone"});
  if (head.chunked && !head.is_http_11) {
    return refuse(refusal, 400, code::invalid_argument, {"HTTP/1.0 has no chunked bodies; expected Content-Length"});
  }
  if (head.hosts > 1 || (head.is_http_11 && head.hosts == 0)) {
    return refuse(refusal, 400, code::invalid_argument, {"found ", head.hosts == 0 ? "no Host header" : "several Host headers", "; expected one"});
  }
  refusal.close = false;
  if (head.is_http_11 && !head.expect.empty() && !is_named(head.expect, "100-continue")) {
    return refuse_quoting(refusal, 417, code::invalid_argument, "expectation ", head.expect, " cannot be met; expected 100-continue");
  }
  return true;
}

// What is asked by another method than POST, GET or HEAD.
[[gnu::cold]] inline bool refuse_verb(const http_head& head, http_route& route, std::string& unescaped, http_refusal& refusal) {
  if (head.verb == http_verb::options) {
    refusal.more_head = "Allow: GET, HEAD, OPTIONS, POST\r\n";
    return refuse(refusal, 204, code::ok, {});
  }
  if (head.verb == http_verb::unknown) {
    return refuse_quoting(refusal, 501, code::unimplemented, "HTTP method ", head.verb_text, " is not known here; expected POST");
  }
  // What leaves HTTP/1.1 on this connection is decided before anything is asked of the path.
  if (head.verb == http_verb::connect) {
    refusal.close = true;
    refusal.more_head = "Allow: POST\r\n";
    return refuse(refusal, 405, code::unimplemented, {"CONNECT is not served here; expected POST"});
  }
  if (!route_path(head.target, route, unescaped, refusal)) return false;
  refusal.more_head = "Allow: POST\r\n";
  return refuse_quoting(refusal, 405, code::unimplemented, "methods are called by POST, found ", head.verb_text, "");
}

/// The value of the first header of this name, which is in lower case; empty when there is none.
[[gnu::cold]] inline std::string_view find_header(std::string_view fields, std::string_view name) noexcept {
  while (fields.size() > 2) {
    const std::string_view line = fields.substr(0, fields.find("\r\n"));
    fields.remove_prefix((line.size() + 2 < fields.size()) ? line.size() + 2 : fields.size());
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && is_named(line.substr(0, colon), name)) return trim_blanks(line.substr(colon + 1));
  }
  return {};
}

// A browser's page may call the server that it came from. Others may look, which the browser hides from them, and change nothing.
[[gnu::cold, gnu::noinline]] inline bool admit_origin(const http_head& head, std::string_view fields, http_refusal& refusal) {
  if (head.verb == http_verb::get || head.verb == http_verb::head) return true;
  const std::size_t scheme = head.origin.find("://");
  const std::string_view host = scheme == std::string_view::npos ? head.origin : head.origin.substr(scheme + 3);
  bool same = host.size() == head.host.size();
  for (std::size_t i = 0; same && i < host.size(); ++i) same = to_lower(host[i]) == to_lower(head.host[i]);
  // A proxy may have written another Host. No script can write this header.
  if (same || find_header(fields, "sec-fetch-site") == "same-origin") return true;
  return refuse_quoting(refusal, 403, code::permission_denied, "pages of the origin ", head.origin, " may not call here; list it in http_options::allowed_origins");
}

/// Decides where the complete head of a POST leads, or of what is refused: true when `route` has been filled in, false when `refusal` has.
inline bool route_request(const http_head& head, http_route& route, std::string& unescaped, http_refusal& refusal) {
  route.safely = false;
  if (head.verb != http_verb::post) return refuse_verb(head, route, unescaped, refusal);
  return route_path(head.target, route, unescaped, refusal) && route_codec(head, route, refusal) && route_timeout(head, route, refusal);
}

}  // namespace tenon::inline v0::protocol::detail
