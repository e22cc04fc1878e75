// Key-value pairs that travel beside a message, in both directions. Core layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/whole.hpp>

namespace tenon::inline v0 {

/// What metadata is made of: `{"key", "value"}`.
struct metadata_entry {
  std::string_view key{};
  std::string_view value{};
};

/// Metadata of a request or a response (HTTP headers, rpcx and gRPC metadata). Keeps order and duplicates; empty costs nothing.
///
/// Keys are kept as they were given and compared without regard to ASCII case, as HTTP and gRPC do.
class metadata {
 public:
  using value_type = std::pair<std::string, std::string>;
  using const_iterator = std::vector<value_type>::const_iterator;

  metadata() noexcept = default;
  /// Up to sixteen at once; `add` takes any number. No initializer_list: g++ 12 does not compile one within a `co_await`.
  metadata(metadata_entry a, metadata_entry b = {}, metadata_entry c = {}, metadata_entry d = {}, metadata_entry e = {}, metadata_entry f = {}, metadata_entry g = {},
           metadata_entry h = {}, metadata_entry i = {}, metadata_entry j = {}, metadata_entry k = {}, metadata_entry l = {}, metadata_entry m = {}, metadata_entry n = {},
           metadata_entry o = {}, metadata_entry p = {}) {
    for (const metadata_entry& each : {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p}) {
      if (each.key.data() != nullptr) add(each.key, each.value);
    }
  }

  bool empty() const noexcept { return entries_->empty(); }
  std::size_t size() const noexcept { return entries_->size(); }
  const_iterator begin() const noexcept { return entries_->begin(); }
  const_iterator end() const noexcept { return entries_->end(); }

  /// The first value of `key`; nothing when there is none.
  std::optional<std::string_view> get(std::string_view key) const noexcept {
    for (const auto& [name, value] : *entries_) {
      if (same_key(name, key)) return value;
    }
    return std::nullopt;
  }
  bool contains(std::string_view key) const noexcept { return get(key).has_value(); }

  /// Adds one more value, after those `key` already has.
  void add(std::string_view key, std::string_view value) { entries_->emplace_back(key, value); }
  /// Replaces all values of `key` by this one. Both may be views of what this metadata holds.
  void set(std::string_view key, std::string_view value) {
    value_type entry{key, value};
    erase(entry.first);
    entries_->push_back(std::move(entry));
  }
  void erase(std::string_view key) {
    // A copy: erasing moves the entries, and `key` may be a view of one.
    std::erase_if(*entries_, [key = std::string{key}](const value_type& entry) { return same_key(entry.first, key); });
  }
  void clear() noexcept { entries_->clear(); }

  bool operator==(const metadata&) const = default;

  /// Whether two keys name the same thing: equal but for ASCII case.
  static constexpr bool same_key(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [lower](char x, char y) { return lower(x) == lower(y); });
  }

 private:
  detail::whole<std::vector<value_type>> entries_;
};

}  // namespace tenon::inline v0
