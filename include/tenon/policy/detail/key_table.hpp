// One number per key, for at most so many keys: what a limiter remembers of each caller. Policy layer.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>

namespace tenon::inline v0::policy::detail {

// The number is an instant, and one that has passed is worth as much as none: so a set of eight that is full forgets the earliest, which loses nothing as long as one
// of the eight is free. Keys are hashes; two callers with one hash share a limit.
template <sharing Mode>
class key_table {
 public:
  using value = cell<std::int64_t, sharing::per_loop>;

  key_table() noexcept = default;
  key_table(const key_table&) = delete;
  key_table& operator=(const key_table&) = delete;
  ~key_table() { std::free(entries_.load()); }

  /// Calls `f(value&)` with the number of `key`; shared, nobody else does so meanwhile.
  template <class F>
  auto use(std::uint64_t key, std::int32_t most_keys, F&& f) noexcept {
    entry* all = entries(most_keys);
    // The hash may be a small number itself, as a method's is.
    const std::uint64_t place = key * 0x9E37'79B9'7F4A'7C15;
    const std::size_t set = static_cast<std::size_t>((place >> 32) * sets_.load() >> 32);
    const locked guard{lock_of(set)};
    return f(all == nullptr ? spare_ : find(all + set * ways, key).until);
  }

 private:
  static constexpr std::size_t ways = 8;
  struct entry {
    std::uint64_t key;
    value until;
  };
  static_assert(std::is_trivially_destructible_v<entry>);

  struct lock {
    std::atomic_flag taken{};
  };
  struct no_lock {};
  static constexpr bool shared = Mode == sharing::shared;
  using lock_type = std::conditional_t<shared, lock, no_lock>;

  struct locked {
    explicit locked(lock_type& on) noexcept : held{on} {
      if constexpr (shared) {
        while (held.taken.test_and_set(std::memory_order_acquire)) held.taken.wait(true, std::memory_order_relaxed);
      }
    }
    locked(const locked&) = delete;
    locked& operator=(const locked&) = delete;
    ~locked() {
      if constexpr (shared) {
        held.taken.clear(std::memory_order_release);
        held.taken.notify_one();
      }
    }
    lock_type& held;
  };
  lock_type& lock_of(std::size_t set) noexcept { return locks_[set % locks_.size()]; }

  static entry& find(entry* set, std::uint64_t key) noexcept {
    entry* least = set;
    for (entry* each = set; each != set + ways; ++each) {
      if (each->key == key) return *each;
      if (each->until.load() < least->until.load()) least = each;
    }
    least->key = key;
    least->until.store(0);
    return *least;
  }

  entry* entries(std::int32_t most_keys) noexcept {
    entry* found = entries_.load();
    if (found != nullptr) [[likely]] return found;
    return allocate(most_keys);
  }
  // Pages of zeros from the system, which take no memory until a key lives there. Without memory all keys share one limit.
  [[gnu::cold, gnu::noinline]] entry* allocate(std::int32_t most_keys) noexcept {
    const std::size_t sets = (static_cast<std::size_t>((std::max)(most_keys, 1)) + ways - 1) / ways;
    auto* made = static_cast<entry*>(std::calloc(sets * ways, sizeof(entry)));
    std::uint64_t none = 0;
    if (made == nullptr) return nullptr;
    // Two loops that come first at once ask for the same number of sets, or differ for one call.
    (void)sets_.replace_once(none, sets);
    if (sets_.load() == sets && entries_.replace_once(nullptr, made)) return made;
    std::free(made);
    return entries_.load();
  }

  cell<entry*, Mode> entries_;
  cell<std::uint64_t, Mode> sets_;
  value spare_;
  std::array<lock_type, shared ? 64 : 1> locks_{};
};

}  // namespace tenon::inline v0::policy::detail
