// The calls of one connection whose handlers have not ended, found by their ids when their callers cancel them. Server layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::detail {

// A few lists instead of one, and no table: adding and removing cost what they cost in one list, and ten thousand calls that are cancelled one by one are
// found in hundreds of steps each, not in thousands.
class open_calls {
 public:
  open_calls() = default;
  open_calls(const open_calls&) = delete;  // Each first call points back to its list.
  open_calls& operator=(const open_calls&) = delete;

  std::size_t size() const noexcept { return size_; }

  void add(service::pending& call) noexcept {
    call.join(lists_[list_of(call.address.id)]);
    ++size_;
  }
  void remove(service::pending& call) noexcept {
    call.leave();
    --size_;
  }

  /// The call whose caller waits for the answer to this id; null when there is none.
  [[gnu::cold]] service::pending* find(std::uint64_t id) const noexcept {
    for (service::pending* each = lists_[list_of(id)]; each != nullptr; each = each->next()) {
      if (each->address.id == id && !each->address.one_way && !each->answered) return each;
    }
    return nullptr;
  }
  /// Any of them; null when there is none.
  [[gnu::cold]] service::pending* any() const noexcept {
    for (service::pending* first : lists_) {
      if (first != nullptr) return first;
    }
    return nullptr;
  }
  /// One that was not asked to stop yet; null when all were. The calls may end between two questions: `from`, 0 at first, says only which lists are done.
  [[gnu::cold]] service::pending* next_uncancelled(std::size_t& from) const noexcept {
    for (; from < lists_.size(); ++from) {
      for (service::pending* each = lists_[from]; each != nullptr; each = each->next()) {
        if (!each->context.cancelled()) return each;
      }
    }
    return nullptr;
  }

 private:
  // Spreads ids that count up in steps of one as evenly as those of gRPC, which are all odd.
  static std::size_t list_of(std::uint64_t id) noexcept { return static_cast<std::size_t>((id ^ (id >> 1)) % 32); }

  std::array<service::pending*, 32> lists_{};
  std::size_t size_ = 0;
};

}  // namespace tenon::inline v0::detail
