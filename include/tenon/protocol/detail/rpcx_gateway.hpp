// rpcx's gateway: a call of rpcx as an HTTP request, its header in fields `X-RPCX-...`. Protocol layer, detail of web.hpp.
// Source: rpcx, server/gateway.go and server/converter.go.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

// What the answer repeats of the request, and what the request wants.
struct rpcx_gateway_call {
  std::string_view version{};
  std::string_view id{};
  std::string_view service{};
  std::string_view method{};
  std::string_view codec{};
  std::string_view compression{};
  bool one_way = false;
  bool heartbeat = false;
};

[[gnu::cold]] inline rpcx_gateway_call read_rpcx_gateway(std::string_view fields) noexcept {
  return {.version = find_header(fields, "x-rpcx-version"),
          .id = find_header(fields, "x-rpcx-messageid"),
          .service = find_header(fields, "x-rpcx-servicepath"),
          .method = find_header(fields, "x-rpcx-servicemethod"),
          .codec = find_header(fields, "x-rpcx-serializetype"),
          .compression = find_header(fields, "x-rpcx-compresstype"),
          .one_way = !find_header(fields, "x-rpcx-oneway").empty(),
          .heartbeat = !find_header(fields, "x-rpcx-heartbeat").empty()};
}

// Calls `each(name, value)` for what `name=value&...` says, escapes taken off. False where an escape is none.
template <class Each>
[[gnu::cold]] bool for_each_pair(std::string_view query, Each&& each) {
  std::string name;
  std::string value;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size() + (pair.size() != query.size() ? 1 : 0));
    std::string spaced{pair};
    for (char& c : spaced) c = c == '+' ? ' ' : c;
    const std::string_view whole = spaced;
    const std::size_t equals = whole.find('=');
    name.clear();
    value.clear();
    if (!unescape(whole.substr(0, equals), name) || (equals != std::string_view::npos && !unescape(whole.substr(equals + 1), value))) return false;
    each(std::string_view{name}, std::string_view{value});
  }
  return true;
}

/// Metadata is what `X-RPCX-Meta` has, and `Authorization` as rpcx calls it.
[[gnu::cold]] inline void read_rpcx_gateway_metadata(std::string_view fields, metadata& into) {
  for_each_pair(find_header(fields, "x-rpcx-meta"), [&into](std::string_view name, std::string_view value) {
    if (name != "__ServerTimeout") into.add(name, value);
  });
  if (const std::string_view token = find_header(fields, "authorization"); !token.empty()) into.add("__AUTH", token);
}

[[gnu::cold]] inline std::optional<duration> rpcx_gateway_timeout(std::string_view fields) {
  std::optional<duration> found;
  for_each_pair(find_header(fields, "x-rpcx-meta"), [&found](std::string_view name, std::string_view value) {
    std::int64_t milliseconds = 0;
    if (name != "__ServerTimeout" || std::from_chars(value.data(), value.data() + value.size(), milliseconds).ec != std::errc{}) return;
    found = std::chrono::milliseconds{milliseconds < 0 ? 0 : milliseconds > 1'000'000'000'000 ? 1'000'000'000'000 : milliseconds};
  });
  return found;
}

// As url.Values.Encode of Go writes it, but for the order.
[[gnu::cold]] inline std::string rpcx_gateway_meta(const metadata& extra) {
  std::string text;
  const auto append = [&text](std::string_view plain) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : plain) {
      const char low = to_lower(c);
      if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~') text += c;
      else if (c == ' ') text += '+';
      else text.append({'%', digits[static_cast<unsigned char>(c) >> 4], digits[static_cast<unsigned char>(c) & 15]});
    }
  };
  for (const auto& [name, value] : extra) {
    if (!text.empty()) text += '&';
    append(name);
    text += '=';
    append(value);
  }
  return text;
}

/// Fills in `route`, or says in `fault` what rpcx's gateway would: such a request is answered with 200 and the fault in a header.
[[gnu::cold]] inline void route_rpcx_gateway(const http_head& head, const rpcx_gateway_call& call, http_route& route, std::string_view& fault) {
  route.form = http_form::rpcx;
  route.safely = false;
  route.timeout.reset();
  route.content_type = "application/octet-stream";
  std::string_view path = path_of(head.target);
  while (path.starts_with('/')) path.remove_prefix(1);
  // Even what is empty lies in the head, and moves with it.
  route.service = call.service.empty() ? path : call.service;
  if (route.service.empty()) route.service = head.target.substr(0, 0);
  route.method = call.method.empty() ? head.target.substr(0, 0) : call.method;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(call.codec.data(), call.codec.data() + call.codec.size(), number);
  const bool is_number = !call.codec.empty() && error == std::errc{} && end == call.codec.data() + call.codec.size() && number < 16;
  route.codec = is_number ? static_cast<serialization>(number) : serialization::raw;
  if (route.codec == serialization::json) route.content_type = "application/json";
  if (call.heartbeat) return;
  if (route.service.empty()) fault = "empty servicepath";
  else if (call.method.empty()) fault = "empty servicemethod";
  else if (call.codec.empty()) fault = "empty serialized type";
  else if (!is_number) fault = "the serialize type is no number from 0 to 15";
  else if (!call.compression.empty() && call.compression != "0" && (call.compression != "1" || !head.inflatable)) fault = "the payload is compressed in a way that is not read here";
  else route.inflates = route.inflates || call.compression == "1";
}

}  // namespace tenon::inline v0::protocol::detail
