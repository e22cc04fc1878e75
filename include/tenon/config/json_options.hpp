// Policies' options from a json document, per service and per method. Config layer; the door people type.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/codec/json.hpp>
#include <tenon/config/detail/option_kinds.hpp>
#include <tenon/config/detail/options_reader.hpp>
#include <tenon/config/detail/options_writer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/option_source.hpp>

namespace tenon::inline v0 {
namespace config::detail {

// The document, whatever policies it knows.
class options_document : public policy::option_source, options_writer {
 public:
  /// What is wrong with the text itself; OK for a document that may be written.
  const status& check_text() const noexcept { return wrong_; }

  status write(policy::option_draft* const* drafts, std::size_t count) const override {
    if (!wrong_.ok()) return wrong_;
    listing places;
    for (std::size_t i = 0; i < count; ++i) drafts[i]->list(places);
    std::string error;
    if (write_defaults(places.all, error) && write_services(places.all, error) && write_methods(places.all, error) && fits(places.all, error)) return {};
    return status{code::invalid_argument, error};
  }

 protected:
  options_document(std::string_view text, std::vector<option_kind> own) : options_writer{std::move(own)} {
    wrong_ = codec::json::decode(text, whole_);
    std::string error;
    if (!wrong_.ok()) wrong_.set_message(tenon::detail::join_text({"json_options: ", wrong_.message()}));
    else if (!check_sections(error)) wrong_ = status{code::invalid_argument, error};
  }

 private:
  // What can be told without any service: the sections, and what stands under the names of policies that are known.
  bool check_sections(std::string& error) const {
    if (!whole_.is_object()) return fail(error, "document", "object", whole_.type_name());
    for (auto section = whole_.begin(); section != whole_.end(); ++section) {
      const std::string& name = section.key();
      if (name != "defaults" && name != "services" && name != "methods") return fail(error, name, "one of defaults, services, methods", name);
      if (!section->is_object()) return fail(error, name, "object", section->type_name());
      if (name == "defaults") {
        if (!check_policies(*section, name, error)) return false;
        continue;
      }
      for (auto named = section->begin(); named != section->end(); ++named) {
        const std::string path = tenon::detail::join_text({name, ".", named.key()});
        if (!named->is_object()) return fail(error, path, "object", named->type_name());
        if (name == "methods" && named.key().find('.') == std::string::npos) return fail(error, path, "a service and a method, such as \"market.buy\"", named.key());
        if (!check_policies(*named, path, error)) return false;
      }
    }
    return true;
  }
  bool check_policies(const json& policies, std::string_view path, std::string& error) const {
    for (auto each = policies.begin(); each != policies.end(); ++each) {
      const option_kind* kind = kind_named(each.key());
      if (kind == nullptr) continue;
      // The switch of a policy that is there for some methods only; whether there is one, the service knows.
      json value = *each;
      if (value.is_object() && value.contains("enabled") && value["enabled"].is_boolean()) value.erase("enabled");
      options_reader reader{tenon::detail::join_text({path, ".", each.key()}), kind->ranges, kind->range_count};
      if (!kind->read(reader, value, nullptr)) return error = reader.error(), false;
    }
    return true;
  }

  bool write_defaults(std::vector<place>& places, std::string& error) const {
    const auto defaults = whole_.find("defaults");
    if (defaults == whole_.end()) return true;
    for (auto each = defaults->begin(); each != defaults->end(); ++each) {
      const std::string path = tenon::detail::join_text({"defaults.", each.key()});
      bool known = kind_named(each.key()) != nullptr;
      for (auto& one : places) {
        policy::option_slot* slot = one.find(each.key());
        if (slot == nullptr) continue;
        known = true;
        if (!write_one(*slot, *each, path, false, error)) return false;
      }
      if (!known) return fail(error, path, places.empty() ? std::string{"a policy"} : names_of(places.front()), each.key());
    }
    return true;
  }
  bool write_services(std::vector<place>& places, std::string& error) const {
    const auto services = whole_.find("services");
    if (services == whole_.end()) return true;
    for (auto& one : places) {
      const auto named = services->find(one.service);
      if (named != services->end() && !write_policies(one, *named, tenon::detail::join_text({"services.", one.service}), false, error)) return false;
    }
    return true;
  }
  bool write_methods(std::vector<place>& places, std::string& error) const {
    const auto methods = whole_.find("methods");
    if (methods == whole_.end()) return true;
    for (auto named = methods->begin(); named != methods->end(); ++named) {
      const std::string_view name = named.key();
      // Names of services may have points, those of methods have none.
      const std::size_t point = name.rfind('.');
      const std::string path = tenon::detail::join_text({"methods.", name});
      bool found = false;
      std::string others;
      for (auto& one : places) {
        if (one.service != name.substr(0, point)) continue;
        others.append(others.empty() ? "" : ", ").append(one.method);
        if (one.method != name.substr(point + 1)) continue;
        found = true;
        if (!write_policies(one, *named, path, true, error)) return false;
      }
      if (!found && !others.empty()) return fail(error, path, tenon::detail::join_text({"one of this service's methods, ", others}), name.substr(point + 1));
    }
    return true;
  }

  json whole_;
  status wrong_;
};

}  // namespace config::detail

/// The options of policies as a json document: `m.configure_from(json_options{text})`, `server.configure_from(json_options{text})`.
///
/// Shape   `{"defaults": {"timeout": {"total": "1s"}}, "services": {"market": {"retry": {"base": "25ms"}}}, "methods": {"market.buy": {"retry": {"max_attempts": 1}}}}`:
///         policies and their options by name; over the policies' own types `defaults` count, over these `services`, over these `methods`.
///         What a document does not name is as the types have it, whatever an earlier document or `configure` said.
///         `defaults` may name policies of tenon that a service has not; elsewhere only what the service has, and what is said of other services is passed over.
///         Policies of your own are named here: `json_options<my_policy>{text}`. One that `on_method` added has `"enabled"`, and is turned on by being named for a method.
/// Units   durations "25ms", "0.1s", "5min", or whole nanoseconds; ratios 0.2 or "20%"; rates "1000/s"; codes by name or number.
/// Errors  invalid_argument with the path, as in `methods.market.buy.retry.max_attempts: expected integer from 1 to 10, found "x"`; nothing is changed then.
template <policy::any... Policies>
class json_options final : public config::detail::options_document {
 public:
  explicit json_options(std::string_view text) : options_document{text, {config::detail::kind_of_own<Policies>()...}} {}
};
json_options(std::string_view) -> json_options<>;

}  // namespace tenon::inline v0
