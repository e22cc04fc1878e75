// Writes options under the names of policies into drafts, and tells where that cannot be. Config layer, detail: what all forms of documents share.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/config/detail/option_kinds.hpp>
#include <tenon/config/detail/options_reader.hpp>
#include <tenon/core/text.hpp>
#include <tenon/policy/option_source.hpp>

namespace tenon::inline v0::config::detail {

class options_writer {
 public:
  using json = nlohmann::json;
  // One method of a service, with the options of its policies.
  struct place {
    std::string_view service;
    std::string_view method;
    std::vector<policy::option_slot> places;

    policy::option_slot* find(std::string_view name) {
      // Of two with one name the first, as in on_method.
      for (auto& each : places) {
        if (each.name == name) return &each;
      }
      return nullptr;
    }
  };
  // All methods of all services that a document is written for.
  struct listing final : policy::option_places {
    std::vector<place> all;
    void add(std::string_view service, std::string_view method, const policy::option_slot* places, std::size_t count) override {
      all.push_back({service, method, {places, places + count}});
    }
  };

  /// Knows the policies of tenon, and these.
  explicit options_writer(std::vector<option_kind> own) : kinds_{std::move(own)} { kinds_.insert(kinds_.end(), std::begin(kinds_of_tenon), std::end(kinds_of_tenon)); }

  static bool fail(std::string& error, std::string_view path, std::string_view expected, std::string_view found) {
    error = tenon::detail::join_text({path, ": expected ", expected, ", found \"", found, "\""});
    return false;
  }
  const option_kind* kind_named(std::string_view name) const noexcept {
    for (const auto& each : kinds_) {
      if (each.name == name) return &each;
    }
    return nullptr;
  }
  const option_kind* kind_of_key(const char* key) const noexcept {
    for (const auto& each : kinds_) {
      if (each.key == key) return &each;
    }
    return nullptr;
  }
  static std::string names_of(const place& one) {
    std::string names;
    for (const auto& each : one.places) names.append(names.empty() ? "" : ", ").append(each.name);
    return names.empty() ? std::string{"no policy, as this service has none"} : tenon::detail::join_text({"one of this service's policies, ", names});
  }

  bool write_policies(place& one, const json& policies, std::string_view path, bool for_method, std::string& error) const {
    for (auto each = policies.begin(); each != policies.end(); ++each) {
      const std::string here = tenon::detail::join_text({path, ".", each.key()});
      policy::option_slot* slot = one.find(each.key());
      if (slot == nullptr) return fail(error, here, names_of(one), each.key());
      if (!write_one(*slot, *each, here, for_method, error)) return false;
    }
    return true;
  }
  bool write_one(policy::option_slot& slot, const json& given, const std::string& path, bool turns_on, std::string& error) const {
    const option_kind* kind = kind_of_key(slot.key);
    if (kind == nullptr) {
      error = tenon::detail::join_text({path, ": the options of this policy are of a type of their own; write json_options<", slot.name, ">"});
      return false;
    }
    json value = given;
    if (slot.enabled != nullptr && value.is_object()) {
      const auto chosen = value.find("enabled");
      if (chosen != value.end() && !chosen->is_boolean()) return fail(error, path + ".enabled", "true or false", chosen->type_name());
      *slot.enabled = chosen != value.end() ? chosen->get<bool>() : turns_on || *slot.enabled;
      value.erase("enabled");
    }
    options_reader reader{path, kind->ranges, kind->range_count};
    if (!kind->read(reader, value, slot.options)) return error = reader.error(), false;
    slot.changed = true;
    slot.by_method |= turns_on;
    return true;
  }
  bool fits(const std::vector<place>& places, std::string& error) const {
    for (const auto& one : places) {
      for (const auto& slot : one.places) {
        const option_kind* kind = slot.changed ? kind_of_key(slot.key) : nullptr;
        const std::string_view wrong = kind == nullptr || kind->wrong == nullptr ? std::string_view{} : kind->wrong(slot);
        if (wrong.empty()) continue;
        error = tenon::detail::join_text({one.service, ".", one.method, ": ", slot.name, ": ", wrong});
        return false;
      }
    }
    return true;
  }

 private:
  std::vector<option_kind> kinds_;
};

}  // namespace tenon::inline v0::config::detail
