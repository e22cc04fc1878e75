// The routes of a router: finding one by verb and path, and binding its parameters. Service layer; compiled where a service has routes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/http_look.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/service/detail/route_binder.hpp>
#include <tenon/service/detail/route_path.hpp>
#include <tenon/service/route.hpp>
#include <tenon/service/router.hpp>

namespace tenon::inline v0::service {

/// The routes in the order in which they are asked: a literal step before a capture, from the left. `/service/method` is a literal, too.
class route_table final : public route_finder {
 public:
  static std::unique_ptr<route_finder> make() { return std::make_unique<route_table>(); }

  status add(std::span<const route> routes) override {
    for (const route& each : routes) {
      for (const route* known : routes_) {
        if (known->verb != each.verb || detail::compare_paths(known->path, each.path) != 0) continue;
        return status{code::already_exists, tenon::detail::join_text({"route ", each.verb, " ", each.path, " of ", each.full_name, " takes what ", known->path, " of ", known->full_name, " takes already"})};
      }
    }
    for (const route& each : routes) {
      const auto before = [](const route* one, const route* other) { return detail::compare_paths(one->path, other->path) < 0; };
      routes_.insert(std::upper_bound(routes_.begin(), routes_.end(), &each, before), &each);
    }
    return {};
  }

  void add_service(const instance& served) override { services_.push_back(&served); }

  protocol::http_look look() const noexcept override { return &protocol::detail::look_around; }
  found find(std::string_view verb, std::string_view path, protocol::http_match& match) const override {
    found answer = found::no;
    const std::string_view wanted = verb == "HEAD" ? "GET" : verb;
    for (const route* each : routes_) {
      if (!takes(each->path, path)) continue;
      if (each->verb == wanted) {
        if (detail::count_captures(each->path) != 0 && (wanted == "GET" || wanted == "POST") && is_method(path)) return found::no;
        match = {.route = each, .service = each->service, .method = each->method};
        return found::yes;
      }
      answer = found::other_verb;
    }
    return answer;
  }

  std::string verbs_at(std::string_view path) const override {
    std::string all;
    const bool method_is_here = is_method(path);
    for (const std::string_view verb : std::array<std::string_view, 6>{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}) {
      const bool calls_method = method_is_here && (verb == "GET" || verb == "HEAD" || verb == "POST");
      if (protocol::http_match match; calls_method || find(verb, path, match) == found::yes) all.append(all.empty() ? "" : ", ").append(verb);
    }
    return all;
  }

  status bind(const protocol::http_match& match, std::string_view target, std::string_view body, const limits& bounds, buffer& payload) const override {
    const std::size_t mark = target.find('?');
    detail::route_binder binder{*static_cast<const route*>(match.route), bounds, payload};
    return binder.bind(protocol::detail::path_of(target), mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1), body);
  }

 private:
  // A capture takes any step but an empty one. What cannot be unescaped is nobody's.
  static bool takes(std::string_view pattern, std::string_view path) {
    std::string_view wanted;
    std::string_view step;
    std::string plain;
    while (detail::take_step(pattern, wanted)) {
      if (!detail::take_step(path, step)) return false;
      if (step.find('%') != std::string_view::npos) {
        plain.clear();
        if (!protocol::detail::unescape(step, plain)) return false;
        step = plain;
      }
      if (detail::is_capture(wanted) ? step.empty() : wanted != step) return false;
    }
    return path.empty();
  }

  bool is_method(std::string_view path) const {
    std::string_view service;
    std::string_view method;
    if (!detail::take_step(path, service) || !detail::take_step(path, method) || !path.empty()) return false;
    for (const instance* each : services_) {
      if (each->name() == service) return each->find(method) != nullptr;
    }
    return false;
  }

  std::vector<const instance*> services_;
  std::vector<const route*> routes_;
};

}  // namespace tenon::inline v0::service
