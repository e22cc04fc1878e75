// Looks at a request for a server that has routes, pages or a policy: may its origin ask, what is at its path. Protocol layer.
// Source: Fetch, CORS protocol; RFC 9110 9.3.7 (OPTIONS), 15.5.6 (405), 15.5.15 (414).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/http_options.hpp>
#include <tenon/protocol/http_site.hpp>

namespace tenon::inline v0::protocol::detail {

inline bool is_preflight(std::string_view fields) noexcept { return !find_header(fields, "access-control-request-method").empty(); }

// False when `refusal` says why this origin may not ask; `lines` has what an answer tells the browser.
inline bool admit_listed_origin(const http_options& options, const http_head& head, std::string_view fields, std::string& lines, http_refusal& refusal) {
  bool is_listed = false;
  bool takes_all = false;
  for (const std::string& each : options.allowed_origins) {
    is_listed = is_listed || each == head.origin;
    takes_all = takes_all || each == "*";
  }
  takes_all = takes_all && !options.allow_credentials;
  // Whoever keeps the answer must not give it to another origin.
  if (!options.allowed_origins.empty() && !takes_all) lines.append("Vary: Origin\r\n");
  if (head.origin.empty()) return true;
  if (!is_listed && !takes_all) return (head.verb == http_verb::options && !is_preflight(fields)) || admit_origin(head, fields, refusal);
  lines.append("Access-Control-Allow-Origin: ").append(takes_all ? std::string_view{"*"} : head.origin).append("\r\n");
  if (options.allow_credentials) lines.append("Access-Control-Allow-Credentials: true\r\n");
  if (head.verb == http_verb::options) return true;
  lines.append("Access-Control-Expose-Headers: grpc-status, grpc-message, grpc-status-details-bin, grpc-encoding, grpc-accept-encoding");
  if (!options.allow_credentials) lines.append(", *");
  for (const std::string& each : options.exposed_headers) lines.append(", ").append(each);
  lines.append("\r\n");
  return true;
}

inline http_verdict answer_options(const http_site& site, const http_options& options, const http_head& head, std::string_view fields, std::string_view path, http_visit& visit, http_refusal& refusal) {
  std::string verbs = site.routes == nullptr ? std::string{} : site.routes->verbs_at(path);
  if (verbs.empty()) verbs = "GET, HEAD, POST";
  visit.allow = tenon::detail::join_text({"Allow: ", verbs, ", OPTIONS\r\n"});
  if (!head.origin.empty() && is_preflight(fields)) {
    visit.allow.append("Access-Control-Allow-Methods: ").append(verbs).append("\r\n");
    // What it wants to send is metadata, all of which is taken.
    if (const std::string_view wanted = find_header(fields, "access-control-request-headers"); !wanted.empty()) {
      visit.allow.append("Access-Control-Allow-Headers: ").append(wanted).append("\r\n");
    }
    const std::int64_t seconds = options.preflight_age.ns / 1'000'000'000;
    visit.allow.append(tenon::detail::join_text({"Access-Control-Max-Age: ", tenon::detail::number_text{seconds}, "\r\n"}));
  }
  refusal.more_head = visit.allow;
  refuse(refusal, 204, code::ok, {});
  return http_verdict::refused;
}

inline bool take_route(const http_match& match, const http_head& head, http_route& route, http_refusal& refusal) {
  route.service = match.service;
  route.method = match.method;
  route.safely = false;
  route.form = http_form::message;
  const bool only_asks = head.verb == http_verb::get || head.verb == http_verb::head;
  if (only_asks && head.has_body()) {
    return refuse(refusal, 400, code::invalid_argument, {head.verb_text, " with a body is not read here; expected the parameters in the path and the query"});
  }
  route.content_type = "application/json";
  route.codec = serialization::json;
  if (head.has_body()) {
    if (!route_codec(head, route, refusal)) return false;
    if (route.codec != serialization::json) {
      return refuse_quoting(refusal, 415, code::invalid_argument, "content type ", head.content_type, " is not read at this path; expected application/json");
    }
  }
  return route_timeout(head, route, refusal);
}

/// An `http_look`.
inline http_verdict look_around(const http_site& site, const http_head& head, std::string_view fields, http_visit& visit, http_route& route, http_refusal& refusal) {
  const http_options by_default;
  const http_options& options = site.options == nullptr ? by_default : *site.options;
  if (head.target.size() > options.max_target_bytes) {
    refuse(refusal, 414, code::resource_exhausted, {"the target exceeds ", tenon::detail::number_text{options.max_target_bytes}, " bytes; send the message by POST, or raise http_options::max_target_bytes"});
    return http_verdict::refused;
  }
  if (!admit_listed_origin(options, head, fields, visit.lines, refusal)) return http_verdict::refused;
  const std::string_view path = path_of(head.target);
  if (head.verb == http_verb::options) return answer_options(site, options, head, fields, path, visit, refusal);
  if (site.routes != nullptr) {
    const auto found = site.routes->find(head.verb_text, path, visit.match);
    if (found == http_routes::found::yes) return take_route(visit.match, head, route, refusal) ? http_verdict::routed : http_verdict::refused;
    if (found == http_routes::found::other_verb) visit.allow = tenon::detail::join_text({"Allow: ", site.routes->verbs_at(path), ", OPTIONS\r\n"});
  }
  if (site.pages == nullptr || (head.verb != http_verb::get && head.verb != http_verb::head) || !site.pages->find(path, *site.draining, visit.page)) return http_verdict::pass;
  refusal.http_status = visit.page.http_status;
  refusal.page = &visit.page;
  return http_verdict::refused;
}

}  // namespace tenon::inline v0::protocol::detail
