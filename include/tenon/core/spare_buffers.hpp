// Memory for messages that goes from one connection to the next. Core layer; each loop has one.
#pragma once

#include <array>
#include <cstddef>

#include <tenon/core/buffer.hpp>

namespace tenon::inline v0::detail {

/// What one connection has sent, the next one writes into: it is in the cache, and an idle connection holds none.
///
/// Laws    at most 16 buffers of at most 256 KiB each are kept, of 1 MiB together. Where there is no room for it a buffer keeps its memory. Beside them two of at most 2 MiB are
///         kept, for servers' large answers: taking their pages from the system for each answer is half the time of a 1 MiB message.
class spare_buffers {
 public:
  static constexpr std::size_t largest = 256 * 1024;
  static constexpr std::size_t most_bytes = 1024 * 1024;
  static constexpr std::size_t largest_of_all = 2 * 1024 * 1024;

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

  /// The same for what is written into next and may be large.
  void lend_large(buffer& empty) noexcept {
    for (buffer& each : large_) {
      if (each.capacity() != 0) return empty.swap(each);
    }
    lend(empty);
  }
  /// The same for one that may be large; one that is and finds no room gives its memory back.
  void take_back_large(buffer& emptied) noexcept {
    if (emptied.capacity() <= largest) [[likely]] return take_back(emptied);
    if (emptied.capacity() <= largest_of_all) {
      for (buffer& each : large_) {
        if (each.capacity() == 0) return each.swap(emptied);
      }
    }
    emptied.release();
  }
  /// Large answers are not to be expected now.
  void rest() noexcept {
    for (buffer& each : large_) each.release();
  }

 private:
  std::array<buffer, 16> kept_;
  std::array<buffer, 2> large_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tenon::inline v0::detail
