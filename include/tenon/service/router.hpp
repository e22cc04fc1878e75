// From a service's and a method's wire name to the one function that serves it. Service layer.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/status.hpp>
#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::service {

/// A served object with its methods, everything about its type erased but one function pointer per method.
class instance {
 public:
  using invoke_function = disposition (*)(instance& self, exchange& call);

  virtual ~instance() = default;
  virtual std::string_view name() const noexcept = 0;
  virtual std::span<const std::string_view> methods() const noexcept = 0;
  /// The function that serves `method`; null when there is none.
  virtual invoke_function find(std::string_view method) const noexcept = 0;
};

/// The services of one loop.
class router {
 public:
  /// Errors  already_exists when a service of this name is served already.
  status add(std::unique_ptr<instance> served) {
    for (const auto& each : services_) {
      if (each->name() == served->name()) return status{code::already_exists, "service \"" + std::string{served->name()} + "\" is served already"};
    }
    services_.push_back(std::move(served));
    return {};
  }

  disposition route(exchange& call) {
    if (last_ == nullptr || last_->name() != call.call.service) [[unlikely]] {
      last_ = find(call.call.service);
      if (last_ == nullptr) return call.refuse(unknown_service(call.call.service));
    }
    const instance::invoke_function invoke = last_->find(call.call.method);
    if (invoke == nullptr) [[unlikely]] return call.refuse(unknown_method(*last_, call.call.method));
    return invoke(*last_, call);
  }

  std::span<const std::unique_ptr<instance>> services() const noexcept { return services_; }

 private:
  instance* find(std::string_view name) const noexcept {
    for (const auto& each : services_) {
      if (each->name() == name) return each.get();
    }
    return nullptr;
  }

  static status not_here(std::string text) {
    status error{code::unimplemented, text};
    error.add_flag(outcome::not_executed);
    return error;
  }
  // What a peer sent is quoted, cut short: names can be as long as a message.
  static std::string quoted(std::string_view name) { return "\"" + std::string{name.substr(0, 80)} + (name.size() > 80 ? "...\"" : "\""); }

  status unknown_service(std::string_view name) const {
    std::string text = "unknown service " + quoted(name) + "; served here:";
    for (const auto& each : services_) text.append(" ").append(each->name());
    if (services_.empty()) text += " none";
    return not_here(std::move(text));
  }
  static status unknown_method(const instance& served, std::string_view name) {
    std::string text = std::string{served.name()} + " has no method " + quoted(name) + "; it has:";
    std::size_t shown = 0;
    for (const std::string_view each : served.methods()) {
      if (++shown > 20) {
        text += " ...";
        break;
      }
      text.append(" ").append(each);
    }
    return not_here(std::move(text));
  }

  std::vector<std::unique_ptr<instance>> services_;
  instance* last_ = nullptr;  // most connections talk to one service
};

}  // namespace tenon::inline v0::service
