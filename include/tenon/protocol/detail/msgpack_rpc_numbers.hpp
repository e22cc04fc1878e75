// Ids of 32 bits for calls that their owner numbers with 64: what MessagePack-RPC has room for, and what every JSON parser brings back unchanged. Protocol layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tenon::inline v0::protocol::detail {

/// Laws    a number names one id until `take`, or until a million later calls are without an answer as well: calls that nobody answers are forgotten then, oldest first.
class msgpack_rpc_numbers {
 public:
  std::uint32_t give(std::uint64_t id) {
    if (cells_.empty()) cells_.resize(64);
    for (int tries = 0;; ++tries) {
      const std::uint32_t number = ++last_;
      cell& place = at(number);
      if (place.is_taken && tries < 8) continue;
      if (place.is_taken && cells_.size() < most) {
        grow();
        tries = 0;
        continue;
      }
      place = {id, number, true};
      return number;
    }
  }
  std::optional<std::uint64_t> find(std::uint64_t number) const noexcept {
    if (cells_.empty()) return std::nullopt;
    const cell& place = cells_[number & (cells_.size() - 1)];
    return place.is_taken && place.number == number ? std::optional{place.id} : std::nullopt;
  }
  /// The number of an id, looked for among all.
  [[gnu::cold]] std::optional<std::uint32_t> number_of(std::uint64_t id) const noexcept {
    for (const cell& each : cells_) {
      if (each.is_taken && each.id == id) return each.number;
    }
    return std::nullopt;
  }
  std::optional<std::uint64_t> take(std::uint64_t number) noexcept {
    const auto found = find(number);
    if (found) at(static_cast<std::uint32_t>(number)).is_taken = false;
    return found;
  }

 private:
  static constexpr std::size_t most = std::size_t{1} << 20;

  struct cell {
    std::uint64_t id = 0;
    std::uint32_t number = 0;
    bool is_taken = false;
  };

  cell& at(std::uint32_t number) noexcept { return cells_[number & (cells_.size() - 1)]; }
  // Numbers that differ in fewer bits differ in more: nobody is pushed out.
  [[gnu::noinline]] void grow() {
    std::vector<cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (const cell& each : old) {
      if (each.is_taken) at(each.number) = each;
    }
  }

  std::vector<cell> cells_;  // a power of two of them
  std::uint32_t last_ = 0;
};

}  // namespace tenon::inline v0::protocol::detail
