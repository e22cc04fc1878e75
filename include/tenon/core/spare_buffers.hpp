// Memory for messages that goes from one connection to the next. Core layer; each loop has one.
#pragma once

#include <array>
#include <cstddef>

#include <tenon/core/buffer.hpp>

namespace tenon::inline v0::detail {

/// What one connection has sent, the next one writes into: it is in the cache, and an idle connection holds none.
///
/// Laws    at most 16 buffers of at most 256 KiB each are kept, of 1 MiB together. Where there is no room for it a buffer keeps its memory.
class spare_buffers {
 public:
  static constexpr std::size_t largest = 256 * 1024;
  static constexpr std::size_t most_bytes = 1024 * 1024;

  /// Memory for a buffer that has none, if there is any.
  void lend(buffer& empty) noexcept {
    if (count_ == 0) return;
    empty.swap(kept_[--count_]);
    bytes_ -= empty.capacity();
  }
  /// The memory of a buffer that has been emptied.
  void take_back(buffer& emptied) noexcept {
    const std::size_t more = emptied.capacity();
    if (more == 0 || more > largest || bytes_ + more > most_bytes || count_ == kept_.size()) return;
    kept_[count_++].swap(emptied);
    bytes_ += more;
  }

 private:
  std::array<buffer, 16> kept_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tenon::inline v0::detail
