// From a service's and a method's wire name to the one function that serves it. Service layer.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/same_text.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/service/exchange.hpp>
#include <tenon/service/route.hpp>

namespace tenon::inline v0::service {

/// A served object with its methods, everything about its type erased but one function pointer per method.
class instance {
 public:
  /// Which sides of a method stream.
  struct directions {
    bool client = false;
    bool server = false;
  };

  using invoke_function = disposition (*)(instance& self, exchange& call);

  virtual ~instance() = default;
  virtual std::string_view name() const noexcept = 0;
  virtual std::span<const std::string_view> methods() const noexcept = 0;
  /// The function that serves `method`; null when there is none.
  virtual invoke_function find(std::string_view method) const noexcept = 0;
  /// The paths of their own that some of the methods have over HTTP.
  virtual route_list routes() const noexcept { return {}; }
  virtual directions streams(std::string_view method) const noexcept { return (void)method, directions{}; }
};

/// The services of one loop.
class router {
 public:
  /// Errors  already_exists when a service of this name is served already, or one of its routes is.
  [[gnu::cold]] status add(std::unique_ptr<instance> served) {
    for (const auto& each : services_) {
      if (each->name() == served->name()) return status{code::already_exists, tenon::detail::join_text({"service \"", served->name(), "\" is served already"})};
    }
    if (const route_list routed = served->routes(); !routed.routes.empty()) [[unlikely]] {
      if (routes_ == nullptr) {
        routes_ = routed.make_finder();
        for (const auto& each : services_) routes_->add_service(*each);
      }
      if (status added = routes_->add(routed.routes); !added.ok()) return added;
    }
    if (routes_ != nullptr) routes_->add_service(*served);
    services_.push_back(std::move(served));
    return {};
  }

  disposition route(exchange& call) {
    if (last_ == nullptr || !tenon::detail::same_text(last_->name(), call.call.service)) [[unlikely]] {
      last_ = find(call.call.service);
      if (last_ == nullptr) return call.refuse(unknown_service(call.call.service));
    }
    const instance::invoke_function invoke = last_->find(call.call.method);
    if (invoke == nullptr) [[unlikely]] return call.refuse(unknown_method(*last_, call.call.method));
    return invoke(*last_, call);
  }

  /// Null while no service has routes.
  const protocol::http_routes* routes() const noexcept { return routes_.get(); }
  /// For protocols that must know it before they can cut a request; neither side where there is no such method.
  instance::directions streams(std::string_view service, std::string_view method) const noexcept {
    const instance* const found = find(service);
    return found != nullptr ? found->streams(method) : instance::directions{};
  }

  std::span<const std::unique_ptr<instance>> services() const noexcept { return services_; }

 private:
  instance* find(std::string_view name) const noexcept {
    for (const auto& each : services_) {
      if (each->name() == name) return each.get();
    }
    return nullptr;
  }

  // What a peer sent is quoted, cut short: names can be as long as a message.
  [[gnu::cold]] static status not_here(std::initializer_list<std::string_view> before, std::string_view name, std::string_view after, const std::string& known) {
    const std::string_view shown = name.substr(0, 80);
    status error{code::unimplemented,
                 tenon::detail::join_text({tenon::detail::join_text(before), "\"", shown, shown.size() < name.size() ? "...\"" : "\"", after, known.empty() ? " none" : known})};
    error.add_flag(outcome::not_executed);
    return error;
  }
  [[gnu::cold]] status unknown_service(std::string_view name) const {
    std::string known;
    for (const auto& each : services_) known.append(" ").append(each->name());
    return not_here({"unknown service "}, name, "; served here:", known);
  }
  [[gnu::cold]] static status unknown_method(const instance& served, std::string_view name) {
    std::string known;
    std::size_t left = 20;
    for (const std::string_view each : served.methods()) {
      known.append(" ").append(left == 0 ? "..." : each);
      if (left-- == 0) break;
    }
    return not_here({served.name(), " has no method "}, name, "; it has:", known);
  }

  std::vector<std::unique_ptr<instance>> services_;
  std::unique_ptr<route_finder> routes_;
  instance* last_ = nullptr;  // most connections talk to one service
};

}  // namespace tenon::inline v0::service
