// A call by GET or HEAD: the message stands in the target's query. Protocol layer; out of line, since calls come by POST.
// Source: Connect protocol, Unary-Get-Request.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

/// What a query says of a call; the values are as they stand, escaped.
struct http_query {
  std::string_view message{};
  std::string_view encoding = "json";
  std::string_view compression{};
  std::string_view base64{};
  std::string_view connect = "v1";
  bool is_connect = false;
};

// Connect allows any order, and parameters of others beside its own.
[[gnu::cold]] inline http_query read_query(std::string_view target) noexcept {
  http_query found;
  const std::size_t mark = target.find('?');
  std::string_view rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view each = rest.substr(0, rest.find('&'));
    rest.remove_prefix(each.size() + (each.size() != rest.size() ? 1 : 0));
    const std::size_t equals = each.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = each.substr(0, equals);
    const std::string_view value = each.substr(equals + 1);
    if (key == "message") found.message = value;
    else if (key == "encoding") found.encoding = value;
    else if (key == "compression") found.compression = value;
    else if (key == "base64") found.base64 = value;
    else if (key == "connect") found.connect = value, found.is_connect = true;
  }
  return found;
}

// The message, escapes and base64 taken off. False when either is broken.
[[gnu::cold]] inline bool read_query_message(const http_query& query, buffer& into) {
  std::string escaped{query.message};
  // Forms write a blank as a plus sign; base64 in a query is the URL-safe one, which has none.
  for (char& c : escaped) c = c == '+' ? ' ' : c;
  std::string plain;
  if (!unescape(escaped, plain)) return false;
  if (query.base64 != "1") {
    into.append(plain);
    return true;
  }
  const std::string_view digits = tenon::detail::base64_unpadded(plain);
  std::string bytes(tenon::detail::base64_bytes(digits.size()), '\0');
  if (tenon::detail::read_base64(digits, reinterpret_cast<std::byte*>(bytes.data())) != digits.size()) return false;
  into.append(bytes);
  return true;
}

/// Decides where a GET or HEAD leads: true when `route` and `message` have been filled in, false when `refusal` has.
[[gnu::cold, gnu::noinline]] inline bool route_query(const http_head& head, http_route& route, std::string& unescaped, buffer& message, http_refusal& refusal) {
  // An offer to upgrade a call may be ignored (RFC 9110 7.8): only GET comes for nothing else.
  if (head.verb == http_verb::get && head.upgrades) {
    return refuse(refusal, 501, code::unimplemented, {"no other protocol is served here to upgrade to"});
  }
  if (!route_path(head.target, route, unescaped, refusal)) return false;
  if (head.has_body()) {
    // RFC 9110 9.3.1: such a body means nothing, and who sends one may mean to smuggle.
    return refuse(refusal, 400, code::invalid_argument, {head.verb_text, " with a body is not read here; expected the message in the query, or POST"});
  }
  const http_query query = read_query(head.target);
  if (query.encoding == "json") {
    route.content_type = "application/json";
    route.codec = serialization::json;
  } else if (query.encoding == "proto") {
    route.content_type = "application/proto";
    route.codec = serialization::protobuf;
  } else if (query.encoding == "msgpack") {
    route.content_type = "application/msgpack";
    route.codec = serialization::msgpack;
  } else {
    return refuse_quoting(refusal, 415, code::invalid_argument, "query: encoding ", query.encoding, " is not read here; expected json, proto or msgpack");
  }
  if (head.inflatable && query.compression == "gzip") {
    route.inflates = true;
  } else if (!query.compression.empty() && query.compression != "identity") {
    return refuse_quoting(refusal, 501, code::unimplemented, "query: compression ", query.compression, " is not read here; expected identity");
  }
  if (query.connect != "v1") return refuse_quoting(refusal, 400, code::invalid_argument, "query: connect is ", query.connect, "; expected v1");
  if (!read_query_message(query, message)) {
    return refuse_quoting(refusal, 400, code::invalid_argument, "query: message ", query.message, query.base64 == "1" ? ": expected URL-safe base64" : ": expected two hexadecimal digits after each percent sign");
  }
  route.safely = true;
  route.proto3_json = route.proto3_json || query.is_connect;
  return route_timeout(head, route, refusal);
}

}  // namespace tenon::inline v0::protocol::detail
