// The options that a stack's policies run with: one entry per method, exchanged as a whole while calls run. Policy layer.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>

namespace tenon::inline v0::policy {

/// The options of every method, behind one pointer that a call reads once: it never sees half of a change.
///
/// Laws    `of` may be called from any thread, `edit` too. What was published stays until the configuration goes: changes are rare, and a call may still hold the old one.
template <class Stack>
class configuration {
 public:
  using entry = typename Stack::config;

  /// The options of the policies' own types, the same for `methods` methods, or the first `methods` entries at `initial`, which must outlive this.
  explicit configuration(std::size_t methods = 1, const entry* initial = nullptr) : methods_{methods} {
    if (initial == nullptr) {
      if constexpr (!std::is_empty_v<entry>) edit([](entry*, std::size_t) {});
    } else {
      current_.store(initial, std::memory_order_relaxed);
    }
  }
  configuration(const configuration&) = delete;
  configuration& operator=(const configuration&) = delete;
  ~configuration() {
    for (published* each = newest_.load(std::memory_order_acquire); each != nullptr;) {
      const std::unique_ptr<published> gone{each};
      each = each->older;
    }
  }

  std::size_t methods() const noexcept { return methods_; }

  /// Hold it for the length of a call.
  [[gnu::always_inline]] const entry& of(std::uint32_t method) const noexcept {
    // Nothing to be told: not even a load remains.
    if constexpr (std::is_empty_v<entry>) return nothing;
    else return current_.load(std::memory_order_acquire)[method];
  }

  /// Publishes a copy of the present options as `change(entries, count)` leaves it. It may be called again, on a fresh copy, when another thread was faster.
  template <class Change>
  void edit(Change&& change) {
    auto made = std::make_unique<published>();
    made->entries = std::make_unique<entry[]>(methods_);
    const entry* before = current_.load(std::memory_order_acquire);
    do {
      for (std::size_t i = 0; i < methods_; ++i) made->entries[i] = before == nullptr ? Stack::defaults() : before[i];
      change(made->entries.get(), methods_);
    } while (!current_.compare_exchange_weak(before, made->entries.get(), std::memory_order_acq_rel, std::memory_order_acquire));
    published* kept = made.release();
    kept->older = newest_.load(std::memory_order_relaxed);
    while (!newest_.compare_exchange_weak(kept->older, kept, std::memory_order_acq_rel)) {
    }
  }

  /// Publishes `options` for those policies that take this type, for one method or, without one, for all. False when no policy does.
  template <class Options>
  bool set(const Options& options, std::size_t method = all_methods) {
    bool found = false;
    edit([&](entry* entries, std::size_t count) {
      for (std::size_t i = method == all_methods ? 0 : method; i < (method == all_methods ? count : (std::min)(count, method + 1)); ++i) {
        std::apply([&](auto&... each) { ((found = set_one(each, options) || found), ...); }, entries[i]);
      }
    });
    return found;
  }
  static constexpr std::size_t all_methods = ~std::size_t{0};

 private:
  struct published {
    std::unique_ptr<entry[]> entries;
    published* older = nullptr;
  };
  template <class Mine, class Given>
  static bool set_one(Mine& mine, const Given& given) {
    // A policy that stands for some methods only adds a switch to its options.
    if constexpr (std::is_base_of_v<Given, Mine>) return static_cast<Given&>(mine) = given, true;
    else return false;
  }

  static constexpr std::conditional_t<std::is_empty_v<entry>, entry, std::array<char, 0>> nothing{};
  std::size_t methods_;
  std::atomic<const entry*> current_{nullptr};
  std::atomic<published*> newest_{nullptr};
};

}  // namespace tenon::inline v0::policy
