// The ids of JSON-RPC calls that wait for their answers, and the batches they came in. Protocol layer, detail of jsonrpc.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/core/buffer.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>

namespace tenon::inline v0::protocol::detail {

/// From a request to the number in its `reply_address`, and back.
///
/// Shape   an id that is a plain number (eighteen digits stay below the highest bit), outside a batch, is that number; every other one lies in a slot, whose index is the number's low half under
///         its highest bit.
class jsonrpc_pending {
 public:
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  struct batch {
    buffer answers{};          ///< so far, with commas between them
    std::size_t due = 0;       ///< calls that are under way
    std::uint32_t next_free = none;
    bool is_being_read = true;
    bool is_array = true;      ///< false for a text of one call whose answer is collected all the same
  };

  std::uint64_t keep(std::string_view id, std::uint32_t in_batch) {
    if (std::uint64_t number = 0; in_batch == none && read_plain_number(id, number)) return number;
    if (free_slot_ == none) {
      free_slot_ = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    }
    const std::uint32_t index = free_slot_;
    slot& taken = slots_[index];
    free_slot_ = taken.next_free;
    taken.id.assign(id);
    taken.in_batch = in_batch;
    id_bytes_ += id.size();
    if (in_batch != none) ++batches_[in_batch].due;
    return in_slot | index;
  }
  /// What `keep` returned for this id; of several calls that share one it is anybody's. A plain number is taken for one that was kept.
  [[gnu::cold]] std::optional<std::uint64_t> find(std::string_view id) const noexcept {
    if (id.empty()) return std::nullopt;
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      if (slots_[index].id == id) return in_slot | index;
    }
    std::uint64_t number = 0;
    return read_plain_number(id, number) ? std::optional{number} : std::nullopt;
  }
  /// What all ids that are kept take.
  std::size_t id_bytes() const noexcept { return id_bytes_; }

  /// Whether anything is kept for this call beside its number.
  static constexpr bool is_kept(std::uint64_t key) noexcept { return (key & in_slot) != 0; }
  std::uint32_t batch_of(std::uint64_t key) const noexcept { return is_kept(key) ? slots_[static_cast<std::uint32_t>(key)].in_batch : none; }

  void append_id(buffer& out, std::uint64_t key) const {
    if (is_kept(key)) return out.append(slots_[static_cast<std::uint32_t>(key)].id);
    append_plain_number(out, key);
  }

  /// The call has been answered.
  void forget(std::uint64_t key) noexcept {
    if (!is_kept(key)) return;
    const auto index = static_cast<std::uint32_t>(key);
    slot& freed = slots_[index];
    if (freed.in_batch != none) --batches_[freed.in_batch].due;
    id_bytes_ -= freed.id.size();
    // A long id was an exception; its memory is not kept for the next.
    if (freed.id.capacity() > 256) freed.id = std::string{};
    freed.id.clear();
    freed.next_free = free_slot_;
    free_slot_ = index;
  }

  std::uint32_t open_batch(bool is_array) {
    if (free_batch_ == none) {
      free_batch_ = static_cast<std::uint32_t>(batches_.size());
      batches_.emplace_back();
    }
    const std::uint32_t index = free_batch_;
    free_batch_ = batches_[index].next_free;
    batches_[index] = batch{};
    batches_[index].is_array = is_array;
    return index;
  }
  batch& at(std::uint32_t index) noexcept { return batches_[index]; }
  void close_batch(std::uint32_t index) noexcept {
    batches_[index] = batch{};
    batches_[index].next_free = free_batch_;
    free_batch_ = index;
  }

 private:
  static constexpr std::uint64_t in_slot = std::uint64_t{1} << 63;

  struct slot {
    std::string id{};
    std::uint32_t in_batch = none;
    std::uint32_t next_free = none;
  };

  std::vector<slot> slots_;
  std::vector<batch> batches_;
  std::size_t id_bytes_ = 0;
  std::uint32_t free_slot_ = none;
  std::uint32_t free_batch_ = none;
};

}  // namespace tenon::inline v0::protocol::detail
