// The part of gRPC's service config that is about policies: timeouts, retries, hedging and their throttling. Config layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/codec/json.hpp>
#include <tenon/config/detail/options_reader.hpp>
#include <tenon/config/detail/options_writer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/option_source.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/struct.hpp>

namespace tenon::inline v0 {
namespace config::detail {

struct grpc_retry_policy {
  std::int32_t max_attempts = 0;
  duration initial_backoff{};
  duration max_backoff{};
  ratio backoff_multiplier{};
  code_set retryable{};
  TENON_STRUCT(grpc_retry_policy, (max_attempts, name("maxAttempts")), (initial_backoff, name("initialBackoff")), (max_backoff, name("maxBackoff")),
               (backoff_multiplier, name("backoffMultiplier")), (retryable, name("retryableStatusCodes")))
};
struct grpc_hedging_policy {
  std::int32_t max_attempts = 0;
  duration hedging_delay{};
  code_set non_fatal{};
  TENON_STRUCT(grpc_hedging_policy, (max_attempts, name("maxAttempts")), (hedging_delay, name("hedgingDelay")), (non_fatal, name("nonFatalStatusCodes")))
};
struct grpc_retry_throttling {
  std::int32_t max_tokens = 0;
  ratio token_ratio{};
  TENON_STRUCT(grpc_retry_throttling, (max_tokens, name("maxTokens")), (token_ratio, name("tokenRatio")))
};
inline constexpr option_range grpc_ranges[] = {{"maxAttempts", 2}, {"initialBackoff", 1}, {"maxBackoff", 1}, {"backoffMultiplier", 1'000'000}, {"maxTokens", 1, 1000}, {"tokenRatio", 1}, {"hedgingDelay", 0}, {"", 1}};

}  // namespace config::detail

/// gRPC's service config, as name services give it out: `m.configure_from(grpc_service_config{text})`.
///
/// Shape   `{"methodConfig": [{"name": [{"service": "market", "method": "buy"}], "timeout": "1s", "retryPolicy": {...}}], "retryThrottling": {...}}`. For each method
///         the one entry that fits it best counts: of the method, of the service, for everything. `timeout`, `retryPolicy` and `hedgingPolicy` become the options of the policies
///         `timeout`, `retry` and `hedge`, `retryThrottling` the budget of the two latter; a method that the config gives one of these has not the other. Where the config says nothing they are as their types have them. Other members are passed over.
///         An entry for everything is passed over where a service has not the policy.
/// Limits  more than 5 attempts count as 5. As in gRPC the listed codes are repeated, and calls hedged, whether or not the method is declared idempotent.
/// Errors  invalid_argument with the path, as in `methodConfig[0].retryPolicy.maxAttempts: expected integer from 2 to 2147483647, found 1`; nothing is changed then.
/// Source  gRPC service_config.proto; gRFC A6.
class grpc_service_config final : public policy::option_source {
  using json = nlohmann::json;
  using writer = config::detail::options_writer;
  using reader = config::detail::options_reader;

 public:
  explicit grpc_service_config(std::string_view text) {
    json whole;
    wrong_ = codec::json::decode(text, whole);
    std::string error;
    if (!wrong_.ok()) wrong_.set_message(detail::join_text({"grpc_service_config: ", wrong_.message()}));
    else if (!read(whole, error)) wrong_ = status{code::invalid_argument, error};
  }

  /// What is wrong with the text itself; OK for one that may be written.
  const status& check_text() const noexcept { return wrong_; }

  status write(policy::option_draft* const* drafts, std::size_t count) const override {
    if (!wrong_.ok()) return wrong_;
    writer::listing places;
    for (std::size_t i = 0; i < count; ++i) drafts[i]->list(places);
    std::string error;
    if (!methods_exist(places.all, error)) return status{code::invalid_argument, error};
    for (auto& one : places.all) {
      if (has_throttling_) write_throttling(one);
      const entry* best = nullptr;
      for (const auto& each : entries_) {
        if (each.fits(one) && (best == nullptr || each.rank() > best->rank())) best = &each;
      }
      if (best != nullptr && !write_entry(*best, one, error)) return status{code::invalid_argument, error};
    }
    return {};
  }

 private:
  struct entry {
    std::string path;
    std::string service;  // empty: for everything
    std::string method;   // empty: for the whole service
    duration timeout{};
    config::detail::grpc_retry_policy retrying{};
    config::detail::grpc_hedging_policy hedging{};

    int rank() const noexcept { return (service.empty() ? 0 : 1) + (method.empty() ? 0 : 1); }
    bool fits(const writer::place& one) const noexcept { return service.empty() || (service == one.service && (method.empty() || method == one.method)); }
  };

  template <class T>
  static bool read_one(const json& from, std::string_view path, T& into, std::string& error) {
    reader it{std::string{path}, std::begin(config::detail::grpc_ranges), std::size(config::detail::grpc_ranges)};
    return it.read(from, into) || (error = it.error(), false);
  }
  // All members of a message, of which the first ones must be there; others are passed over, as protobuf has it.
  template <class T>
  static bool read_message(const json& from, std::string_view path, T& into, std::string& error, std::size_t needed = ~std::size_t{0}) {
    if (!from.is_object()) return writer::fail(error, path, "object", from.type_name());
    json known = json::object();
    std::string missing;
    std::size_t position = 0;
    for_each_field(into, [&](auto field, auto&) {
      const std::string wire{field.name};
      if (const auto found = from.find(wire); found != from.end()) known[wire] = *found;
      else if (missing.empty() && position < needed) missing = wire;
      ++position;
    });
    if (!missing.empty()) return error = detail::join_text({path, ".", missing, ": expected a value, found none"}), false;
    return read_one(known, path, into, error);
  }

  bool read(const json& whole, std::string& error) {
    if (!whole.is_object()) return writer::fail(error, "grpc_service_config", "object", whole.type_name());
    if (const auto found = whole.find("retryThrottling"); found != whole.end()) {
      if (!read_message(*found, "retryThrottling", throttling_, error)) return false;
      has_throttling_ = true;
    }
    const auto configs = whole.find("methodConfig");
    if (configs == whole.end()) return true;
    if (!configs->is_array()) return writer::fail(error, "methodConfig", "array", configs->type_name());
    for (std::size_t i = 0; i < configs->size(); ++i) {
      if (!read_entry((*configs)[i], detail::join_text({"methodConfig[", detail::number_text{i}, "]"}), error)) return false;
    }
    return true;
  }

  bool read_entry(const json& from, const std::string& path, std::string& error) {
    if (!from.is_object()) return writer::fail(error, path, "object", from.type_name());
    entry made;
    made.path = path;
    if (const auto found = from.find("timeout"); found != from.end() && !read_one(*found, path + ".timeout", made.timeout, error)) return false;
    if (const auto found = from.find("retryPolicy"); found != from.end()) {
      if (!read_message(*found, path + ".retryPolicy", made.retrying, error)) return false;
      if (made.retrying.retryable == code_set{}) return error = path + ".retryPolicy.retryableStatusCodes: expected at least one status code, found none", false;
    }
    if (const auto found = from.find("hedgingPolicy"); found != from.end()) {
      if (made.retrying.max_attempts > 0) return writer::fail(error, path, "retryPolicy or hedgingPolicy", "both");
      if (!read_message(*found, path + ".hedgingPolicy", made.hedging, error, 1)) return false;
    }
    const auto names = from.find("name");
    if (names == from.end()) return true;  // for nobody
    if (!names->is_array()) return writer::fail(error, path + ".name", "array", names->type_name());
    for (const json& each : *names) {
      made.service.clear();
      made.method.clear();
      if (!read_text(each, "service", made.service) || !read_text(each, "method", made.method) || (made.service.empty() && !made.method.empty()))
        return error = path + ".name: expected a service and, if it is for one method, a method", false;
      for (const auto& other : entries_) {
        if (other.service == made.service && other.method == made.method) return error = detail::join_text({path, ".name: expected each name once, found one of ", other.path}), false;
      }
      entries_.push_back(made);
    }
    return true;
  }
  static bool read_text(const json& from, const char* member, std::string& into) {
    if (!from.is_object()) return false;
    const auto found = from.find(member);
    if (found == from.end()) return true;
    if (!found->is_string()) return false;
    into = found->get_ref<const std::string&>();
    return true;
  }

  bool methods_exist(const std::vector<writer::place>& places, std::string& error) const {
    for (const auto& each : entries_) {
      std::string others;
      bool found = each.method.empty();
      for (const auto& one : places) {
        if (one.service != each.service) continue;
        others.append(others.empty() ? "" : ", ").append(one.method);
        found = found || one.method == each.method;
      }
      if (!found && !others.empty()) return writer::fail(error, each.path + ".name", detail::join_text({"one of this service's methods, ", others}), each.method);
    }
    return true;
  }

  // The options of the policy, or nullptr when the service has it not.
  template <class Options>
  static Options* find(writer::place& one, bool turn_on = true) {
    for (auto& slot : one.places) {
      if (slot.key != &detail::type_key<Options>) continue;
      if (slot.enabled != nullptr && turn_on) *slot.enabled = true;
      return static_cast<Options*>(slot.options);
    }
    return nullptr;
  }
  // The method has the other one of retry and hedge.
  template <class Options>
  static void stand_back(writer::place& one) {
    for (auto& slot : one.places) {
      if (slot.key != &detail::type_key<Options>) continue;
      if (slot.enabled != nullptr) *slot.enabled = false;
      else static_cast<Options*>(slot.options)->max_attempts = 1;
    }
  }
  bool write_entry(const entry& from, writer::place& one, std::string& error) const {
    const auto lacks = [&](std::string_view policy) { return from.service.empty() || writer::fail(error, from.path, writer::names_of(one), policy); };
    if (from.timeout > duration{}) {
      auto* const options = find<timeout_options>(one);
      if (options != nullptr) options->total = from.timeout;
      else if (!lacks("timeout")) return false;
    }
    if (from.retrying.max_attempts > 0) {
      auto* const options = find<retry_options>(one);
      if (options == nullptr) return lacks("retry");
      stand_back<hedge_options>(one);
      options->max_attempts = (std::min)(from.retrying.max_attempts, 5);
      options->base = (std::min)(from.retrying.initial_backoff, from.retrying.max_backoff);
      options->cap = from.retrying.max_backoff;
      options->multiplier = from.retrying.backoff_multiplier;
      options->jitter = jitter::grpc;
      options->on = from.retrying.retryable;
      options->idempotent_only = false;
    }
    if (from.hedging.max_attempts > 0) {
      auto* const options = find<hedge_options>(one);
      if (options == nullptr) return lacks("hedge");
      stand_back<retry_options>(one);
      options->max_attempts = (std::min)(from.hedging.max_attempts, 5);
      options->delay = from.hedging.hedging_delay == duration{} ? hedge_options::at_once : from.hedging.hedging_delay;
      options->max_extra = {};
      options->non_fatal = from.hedging.non_fatal;
      options->idempotent_only = false;
    }
    return true;
  }
  void write_throttling(writer::place& one) const {
    const retry_budget_options budget{.form = budget_form::grpc, .share = throttling_.token_ratio, .tokens = throttling_.max_tokens};
    if (auto* const options = find<retry_options>(one, false)) options->budget = budget;
    if (auto* const options = find<hedge_options>(one, false)) options->budget = budget;
  }

  std::vector<entry> entries_;
  config::detail::grpc_retry_throttling throttling_{};
  bool has_throttling_ = false;
  status wrong_;
};

}  // namespace tenon::inline v0
