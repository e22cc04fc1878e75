// When a buffer that has been emptied gives its memory back. Core layer; both ends of a connection use it.
#pragma once

#include <algorithm>
#include <cstddef>

#include <tenon/core/buffer.hpp>

namespace tenon::inline v0::detail {

/// One for each buffer.
///
/// Laws    a little memory stays for ever. More stays, up to the bound, while large messages need it: giving it back after each of them costs a page fault for every 4 KiB
///         of the next, which is half the time of a 1 MiB message. It goes when sixteen in a row were not large, or when nothing has happened for a while.
class kept_memory {
 public:
  static constexpr std::size_t little = 256 * 1024;

  /// `used`: how many bytes of it were needed. The buffer is empty.
  void emptied(buffer& which, std::size_t used, std::size_t bound) noexcept {
    if (which.capacity() <= little) [[likely]] return;
    small_in_a_row_ = used >= large ? 0 : (std::min)(small_in_a_row_ + 1, enough);
    if (which.capacity() > bound || small_in_a_row_ == enough) which.release();
  }
  /// Nothing has happened for a while.
  static void rest(buffer& which) noexcept {
    if (which.empty() && which.capacity() > little) which.release();
  }

 private:
  static constexpr std::size_t large = 512 * 1024;
  static constexpr unsigned enough = 16;
  unsigned small_in_a_row_ = enough;
};

/// The same for a buffer that is read into: an idle connection waits in a read, whose memory cannot be given back. So it waits with little, and the rest stands aside.
class kept_input {
 public:
  /// Before `more` bytes are read behind what `in` holds.
  void widen(buffer& in, std::size_t more) {
    if (in.size() + more <= kept_memory::little || aside_.capacity() <= in.capacity()) [[likely]] return;
    aside_.append(in.view());
    in.swap(aside_);
    aside_.clear();
  }
  /// As `kept_memory::emptied`.
  void emptied(buffer& in, std::size_t used, std::size_t bound) noexcept {
    if (in.capacity() > kept_memory::little) [[unlikely]] in.swap(aside_);
    kept_.emptied(aside_, used, bound);
  }
  void rest() noexcept { kept_memory::rest(aside_); }

 private:
  buffer aside_;
  kept_memory kept_;
};

}  // namespace tenon::inline v0::detail
