// Finds JSON-RPC, gRPC-Web, Connect's streams and rpcx's gateway among HTTP requests, by their heads. Protocol layer, detail of web.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/detail/rpcx_gateway.hpp>

namespace tenon::inline v0::protocol::detail {

inline std::string_view media_type(const http_head& head) noexcept { return trim_blanks(head.content_type.substr(0, head.content_type.find(';'))); }

// By its content type, by rpcx's header, or by where clients post it: a path of one step or none, which names no method.
inline bool is_jsonrpc(const http_head& head, std::string_view fields) noexcept {
  if (is_named(media_type(head), "application/json-rpc") || is_named(find_header(fields, "x-jsonrpc-2.0"), "true")) return true;
  const std::string_view path = path_of(head.target);
  return path.empty() || path == "/" || path == "/jsonrpc" || path == "/rpc";
}

inline http_carried route_jsonrpc(const http_head& head, http_route& route, http_refusal& refusal) {
  http_head plain = head;
  if (is_named(media_type(head), "application/json-rpc")) plain.content_type = "application/json";
  if (!route_codec(plain, route, refusal)) return http_carried::refused;
  if (route.codec != serialization::json) {
    refuse_quoting(refusal, 415, code::invalid_argument, "JSON-RPC in content type ", head.content_type, "; expected application/json");
    return http_carried::refused;
  }
  // Kept with the head, like a call's names.
  route.service = route.method = head.target;
  route.form = http_form::jsonrpc;
  return route_timeout(head, route, refusal) ? http_carried::yes : http_carried::refused;
}

// `application/grpc-web`, `-text`, with the codec behind a plus sign. The content type of the answer is the request's.
inline http_carried route_grpc_web(const http_head& head, std::string_view fields, http_route& route, std::string& unescaped, http_refusal& refusal) {
  struct row {
    std::string_view type;
    serialization codec;
    http_form form;
  };
  static constexpr row rows[] = {
      {"application/grpc-web+proto", serialization::protobuf, http_form::grpc_web}, {"application/grpc-web+json", serialization::json, http_form::grpc_web},
      {"application/grpc-web+msgpack", serialization::msgpack, http_form::grpc_web}, {"application/grpc-web", serialization::protobuf, http_form::grpc_web},
      {"application/grpc-web-text+proto", serialization::protobuf, http_form::grpc_web_text}, {"application/grpc-web-text", serialization::protobuf, http_form::grpc_web_text}};
  for (const row& each : rows) {
    if (!is_named(media_type(head), each.type)) continue;
    if (!route_path(head.target, route, unescaped, refusal)) return http_carried::refused;
    route.codec = each.codec;
    route.content_type = each.type;
    route.form = each.form;
    route.proto3_json = true;
    route.timeout.reset();
    const std::string_view timeout = find_header(fields, "grpc-timeout");
    if (timeout.empty()) return http_carried::yes;
    route.timeout = parse_grpc_timeout(timeout);
    if (route.timeout) return http_carried::yes;
    refuse_quoting(refusal, 400, code::invalid_argument, "grpc-timeout: found ", timeout, ", expected at most eight digits and one of H M S m u n");
    return http_carried::refused;
  }
  return http_carried::no;
}

// `application/connect+` and a codec. The content type of the answer is the request's.
inline http_carried route_connect_stream(const http_head& head, http_route& route, std::string& unescaped, http_refusal& refusal) {
  struct row {
    std::string_view type;
    serialization codec;
  };
  static constexpr row rows[] = {{"application/connect+json", serialization::json}, {"application/connect+proto", serialization::protobuf}, {"application/connect+msgpack", serialization::msgpack}};
  for (const row& each : rows) {
    if (!is_named(media_type(head), each.type)) continue;
    if (!route_path(head.target, route, unescaped, refusal)) return http_carried::refused;
    route.codec = each.codec;
    route.content_type = each.type;
    route.form = http_form::connect_stream;
    route.proto3_json = true;
    return route_timeout(head, route, refusal) ? http_carried::yes : http_carried::refused;
  }
  return http_carried::no;
}

/// An `http_carried_route`.
[[gnu::cold]] inline http_carried find_carried(const http_head& head, std::string_view fields, http_route& route, std::string& unescaped, http_refusal& refusal) {
  // Any verb that rpcx's own gateway takes. What is wrong with such a request is answered by whoever takes it.
  if (!find_header(fields, "x-rpcx-servicemethod").empty() || !find_header(fields, "x-rpcx-serializetype").empty()) {
    if (head.verb == http_verb::post || head.verb == http_verb::get || head.verb == http_verb::put) {
      std::string_view fault;
      unescaped.clear();
      route_rpcx_gateway(head, read_rpcx_gateway(fields), route, fault);
      route.fault = fault;
      return http_carried::yes;
    }
  }
  if (head.verb != http_verb::post) return http_carried::no;
  route.safely = false;
  if (is_named(media_type(head).substr(0, std::string_view{"application/grpc-web"}.size()), "application/grpc-web")) {
    return route_grpc_web(head, fields, route, unescaped, refusal);
  }
  if (is_named(media_type(head).substr(0, std::string_view{"application/connect+"}.size()), "application/connect+")) {
    return route_connect_stream(head, route, unescaped, refusal);
  }
  return is_jsonrpc(head, fields) ? route_jsonrpc(head, route, refusal) : http_carried::no;
}

}  // namespace tenon::inline v0::protocol::detail
