// What the server around a session says of one request: whether its origin may ask, which route or page it found. Protocol layer, detail of http1.hpp.
// Source: Fetch, CORS protocol; RFC 9110 9.3.7 (OPTIONS), 15.5.6 (405), 15.5.15 (414).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/http_site.hpp>

namespace tenon::inline v0::protocol::detail {

/// From a request's head to its answer. Without a site it says nothing.
class http_visit {
 public:
  enum class verdict : std::uint8_t { pass, routed, refused };

  void use(const http_site& site) noexcept { site_ = &site; }

  /// `pass`: it is for whoever asks next. `routed`: `route` has been filled in, and `bind` makes the payload. `refused`: `refusal` is the answer, a page too.
  verdict look(const http_head& head, std::string_view fields, http_route& route, http_refusal& refusal) {
    match_ = {};
    if (!lines_.empty()) lines_.clear();
    if (!verbs_.empty()) verbs_.clear();
    if (site_ == nullptr) return verdict::pass;
    if (head.target.size() > site_->options->max_target_bytes) [[unlikely]] return refuse_long(refusal);
    const bool asks_for_page = site_->pages != nullptr && (head.verb == http_verb::get || head.verb == http_verb::head);
    if (head.origin.empty() && site_->options->allowed_origins.empty() && site_->routes == nullptr && !asks_for_page) [[likely]] return verdict::pass;
    return look_around(head, fields, route, refusal);
  }

  const http_match& match() const noexcept { return match_; }
  bool routed() const noexcept { return match_.route != nullptr; }
  status bind(std::string_view target, std::string_view body, const limits& bounds, buffer& payload) const { return site_->routes->bind(match_, target, body, bounds, payload); }

  /// Header lines that belong into the answer, whatever that is.
  std::string_view lines() const noexcept { return lines_; }
  /// By which verbs there is something at the path, where there is nothing by this one: `Allow: GET\r\n`. Makes a 404 a 405.
  std::string_view allow_line() const noexcept { return verbs_; }

 private:
  [[gnu::cold, gnu::noinline]] verdict look_around(const http_head& head, std::string_view fields, http_route& route, http_refusal& refusal) {
    if (!admit_origin(head, fields, refusal)) return verdict::refused;
    const std::string_view path = path_of(head.target);
    if (head.verb == http_verb::options) return answer_options(head, fields, path, refusal);
    if (site_->routes != nullptr) {
      const auto found = site_->routes->find(head.verb_text, path, match_);
      if (found == http_routes::found::yes) return take_route(head, route, refusal) ? verdict::routed : verdict::refused;
      if (found == http_routes::found::other_verb) verbs_ = tenon::detail::join_text({"Allow: ", site_->routes->verbs_at(path), ", OPTIONS\r\n"});
    }
    if (site_->pages == nullptr || (head.verb != http_verb::get && head.verb != http_verb::head) || !site_->pages->find(path, *site_->draining, page_)) return verdict::pass;
    refusal.http_status = page_.http_status;
    refusal.page = &page_;
    return verdict::refused;
  }

  [[gnu::cold, gnu::noinline]] verdict refuse_long(http_refusal& refusal) const {
    refuse(refusal, 414, code::resource_exhausted, {"the target exceeds ", tenon::detail::number_text{site_->options->max_target_bytes}, " bytes; send the message by POST, or raise http_options::max_target_bytes"});
    return verdict::refused;
  }

  // --- the origin

  static bool is_own_origin(const http_head& head, std::string_view fields) noexcept {
    const std::size_t scheme = head.origin.find("://");
    const std::string_view host = scheme == std::string_view::npos ? head.origin : head.origin.substr(scheme + 3);
    bool same = host.size() == head.host.size();
    for (std::size_t i = 0; same && i < host.size(); ++i) same = to_lower(host[i]) == to_lower(head.host[i]);
    // A proxy may have written another Host. No script can write this header.
    return same || find_header(fields, "sec-fetch-site") == "same-origin";
  }
  bool admit_origin(const http_head& head, std::string_view fields, http_refusal& refusal) {
    const http_options& options = *site_->options;
    bool is_listed = false;
    bool takes_all = false;
    for (const std::string& each : options.allowed_origins) {
      is_listed = is_listed || each == head.origin;
      takes_all = takes_all || each == "*";
    }
    takes_all = takes_all && !options.allow_credentials;
    // Whoever keeps the answer must not give it to another origin.
    if (!options.allowed_origins.empty() && !takes_all) lines_.append("Vary: Origin\r\n");
    if (head.origin.empty()) return true;
    if (is_listed || takes_all) {
      lines_.append("Access-Control-Allow-Origin: ").append(takes_all ? std::string_view{"*"} : head.origin).append("\r\n");
      if (options.allow_credentials) lines_.append("Access-Control-Allow-Credentials: true\r\n");
      if (head.verb == http_verb::options) return true;
      lines_.append("Access-Control-Expose-Headers: grpc-status, grpc-message, grpc-status-details-bin");
      if (!options.allow_credentials) lines_.append(", *");
      for (const std::string& each : options.exposed_headers) lines_.append(", ").append(each);
      lines_.append("\r\n");
      return true;
    }
    const bool only_asks = head.verb == http_verb::get || head.verb == http_verb::head || (head.verb == http_verb::options && !is_preflight(fields));
    if (only_asks || is_own_origin(head, fields)) return true;
    return refuse_quoting(refusal, 403, code::permission_denied, "pages of the origin ", head.origin, " may not call here; list it in server_options::http.allowed_origins");
  }

  // --- OPTIONS

  static bool is_preflight(std::string_view fields) noexcept { return !find_header(fields, "access-control-request-method").empty(); }

  verdict answer_options(const http_head& head, std::string_view fields, std::string_view path, http_refusal& refusal) {
    std::string verbs = site_->routes == nullptr ? std::string{} : site_->routes->verbs_at(path);
    if (verbs.empty()) verbs = "GET, HEAD, POST";
    verbs_ = tenon::detail::join_text({"Allow: ", verbs, ", OPTIONS\r\n"});
    if (!head.origin.empty() && is_preflight(fields)) {
      verbs_.append("Access-Control-Allow-Methods: ").append(verbs).append("\r\n");
      // What it wants to send is metadata, all of which is taken.
      if (const std::string_view wanted = find_header(fields, "access-control-request-headers"); !wanted.empty()) {
        verbs_.append("Access-Control-Allow-Headers: ").append(wanted).append("\r\n");
      }
      const std::int64_t seconds = site_->options->preflight_age.ns / 1'000'000'000;
      verbs_.append(tenon::detail::join_text({"Access-Control-Max-Age: ", tenon::detail::number_text{seconds}, "\r\n"}));
    }
    refusal.more_head = verbs_;
    refuse(refusal, 204, code::ok, {});
    return verdict::refused;
  }

  // --- a route

  bool take_route(const http_head& head, http_route& route, http_refusal& refusal) const {
    route.service = match_.service;
    route.method = match_.method;
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

  const http_site* site_ = nullptr;
  http_match match_;
  http_page page_;
  std::string lines_;
  std::string verbs_;
};

}  // namespace tenon::inline v0::protocol::detail
