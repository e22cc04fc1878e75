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

/// The same for a buffer that is read into, and how much is read at a time. A connection waits in a read, whose memory cannot be given back before it ends: so large memory stands aside,
/// and one that was busy and rests ends its read to begin it anew with little.
class kept_input {
 public:
  static constexpr std::size_t smallest_read = 512;
  static constexpr std::size_t largest_read = 64 * 1024;

  /// Makes room behind what `in` holds, and returns how many bytes to read there. It grows with what has arrived, never with what a header announces.
  std::size_t make_room(buffer& in) {
    room_ = (std::max)(size_, (std::min)(in.size(), largest_read));
    widen(in);
    in.prepare(room_);
    return room_;
  }
  /// So many bytes came.
  void came(std::size_t count) noexcept {
    if (count == room_) size_ = (std::min)(size_ * 2, largest_read);
  }
  /// Whether the memory that a read under way waits with is more than an idle connection needs.
  static bool holds_much(const buffer& in) noexcept { return in.empty() && in.capacity() > smallest_read; }
  /// After that read: the next one waits with little.
  void begin_anew(buffer& in) noexcept {
    in.release();
    size_ = smallest_read;
  }
  /// As `kept_memory::emptied`.
  void emptied(buffer& in, std::size_t used, std::size_t bound) noexcept {
    if (in.capacity() > kept_memory::little) [[unlikely]] in.swap(aside_);
    kept_.emptied(aside_, used, bound);
  }
  void rest() noexcept { kept_memory::rest(aside_); }

 private:
  void widen(buffer& in) {
    if (in.size() + room_ <= kept_memory::little || aside_.capacity() <= in.capacity()) [[likely]] return;
    aside_.append(in.view());
    in.swap(aside_);
    aside_.clear();
  }

  buffer aside_;
  kept_memory kept_;
  std::size_t size_ = smallest_read;
  std::size_t room_ = 0;
};

}  // namespace tenon::inline v0::detail
