// The calls of one connection that wait for their answer. Client layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tenon/client/call_state.hpp>

namespace tenon::inline v0::detail {

// A call's id is its place, and above that its number in the order of sending: the number tells one use of a place
// from the next, and which of two calls was sent first.
class pending_table {
 public:
  std::size_t size() const noexcept { return size_; }
  std::size_t places() const noexcept { return slots_.size(); }

  std::uint64_t take(call_base& call) {
    if (first_free_ == none) grow();
    const std::uint32_t index = first_free_;
    slot& taken = slots_[index];
    first_free_ = taken.next_free;
    taken.call = &call;
    taken.number = ++last_number_;
    call.place_ = call_base::place::sent;
    call.slot_ = index;
    ++size_;
    return id_of(index);
  }
  void free(std::uint32_t index) noexcept {
    slot& freed = slots_[index];
    freed.call = nullptr;
    freed.next_free = first_free_;
    first_free_ = index;
    --size_;
  }

  /// The call that waits for this id; null when there is none.
  call_base* find(std::uint64_t id) const noexcept {
    const auto index = static_cast<std::uint32_t>(id);
    return index < slots_.size() && slots_[index].number == number_of(id) ? slots_[index].call : nullptr;
  }
  call_base* at(std::size_t index) const noexcept { return slots_[index].call; }
  std::uint64_t id_of(std::uint32_t index) const noexcept { return std::uint64_t{slots_[index].number} << 32 | index; }
  /// An id of nobody, with the number of the call that was sent last.
  std::uint64_t last_id() const noexcept { return std::uint64_t{last_number_} << 32 | none; }
  /// Whether the call at this place was sent after the one with this id; the numbers may have gone round once between them.
  bool sent_after(std::size_t index, std::uint64_t id) const noexcept { return static_cast<std::int32_t>(slots_[index].number - number_of(id)) > 0; }

  /// Marks on calls, for one walk: they take the room of a free place's link.
  void clear_marks() noexcept {
    for (slot& each : slots_) {
      if (each.call != nullptr) each.next_free = 0;
    }
  }
  void mark(std::uint64_t id) noexcept {
    if (find(id) != nullptr) slots_[static_cast<std::uint32_t>(id)].next_free = 1;
  }
  bool marked(std::size_t index) const noexcept { return slots_[index].next_free == 1; }

 private:
  struct slot {
    call_base* call = nullptr;
    std::uint32_t number = 0;
    std::uint32_t next_free = none;
  };
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  static std::uint32_t number_of(std::uint64_t id) noexcept { return static_cast<std::uint32_t>(id >> 32); }
  [[gnu::cold]] void grow() {
    slots_.emplace_back();
    first_free_ = static_cast<std::uint32_t>(slots_.size() - 1);
  }

  std::vector<slot> slots_;
  std::uint32_t first_free_ = none;
  std::uint32_t last_number_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tenon::inline v0::detail
