// Answers as the bytes they came in, by the bytes of the question. Policy layer; one loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <tenon/core/units.hpp>

namespace tenon::inline v0::policy::detail {

// Bounded in entries and bytes. What was used since it was last looked at gets a second turn before it goes (CLOCK); whole keys are compared, not their hashes.
class answer_table {
 public:
  struct entry {
    std::string key;
    std::string value;
    instant stored{};
    bool used = false;
    bool refreshing = false;  // somebody is fetching it again
  };

  entry* find(std::string_view key) noexcept {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : &*found->second;
  }

  void store(std::string_view key, std::string_view value, instant now, std::size_t most_entries, std::size_t most_bytes) {
    const std::size_t size = size_of(key, value);
    if (entry* known = find(key); known != nullptr) {
      bytes_ += size - size_of(known->key, known->value);
      known->value = value;
      known->stored = now;
      known->refreshing = false;
    } else {
      if (size > most_bytes || most_entries == 0) return;
      entries_.push_back({.key = std::string{key}, .value = std::string{value}, .stored = now});
      by_key_.emplace(entries_.back().key, --entries_.end());
      bytes_ += size;
    }
    while (entries_.size() > most_entries || bytes_ > most_bytes) forget_one();
  }
  void clear() noexcept {
    by_key_.clear();
    entries_.clear();
    bytes_ = 0;
  }
  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  using order = std::list<entry>;

  // With what the containers need for an entry, roughly.
  static std::size_t size_of(std::string_view key, std::string_view value) noexcept { return key.size() + value.size() + 160; }
  void forget_one() noexcept {
    while (std::exchange(entries_.front().used, false)) entries_.splice(entries_.end(), entries_, entries_.begin());
    bytes_ -= size_of(entries_.front().key, entries_.front().value);
    by_key_.erase(entries_.front().key);
    entries_.pop_front();
  }

  order entries_;
  std::unordered_map<std::string_view, order::iterator> by_key_;  // views of the entries' own keys
  std::size_t bytes_ = 0;
};

// The key of a call: its method, and what its driver adds.
template <class Info>
void make_key(std::string& into, const Info& info) {
  into.assign(reinterpret_cast<const char*>(&info.method), sizeof(info.method));
  info.answers->append_key(into);
}

}  // namespace tenon::inline v0::policy::detail
