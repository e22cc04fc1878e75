// Messages that have arrived and that nobody has read yet, as bytes in one block. Core layer; both sides of streams keep theirs in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <tenon/core/buffer.hpp>

namespace tenon::inline v0::detail {

// First in, first out. One block for all, each message behind its length: a message costs no allocation of its own.
class message_queue {
 public:
  bool empty() const noexcept { return count_ == 0; }
  std::size_t count() const noexcept { return count_; }

  void push(std::string_view message) {
    const std::size_t size = message.size();
    bytes_.append(&size, sizeof size);
    bytes_.append(message);
    ++count_;
  }
  /// Lives until the next `push` or `pop`.
  std::string_view front() const noexcept { return {bytes_.data() + read_ + sizeof(std::size_t), size_of_front()}; }
  void pop() noexcept {
    read_ += sizeof(std::size_t) + size_of_front();
    if (--count_ == 0) {
      read_ = 0;
      bytes_.clear();
      if (bytes_.capacity() > kept) bytes_.release();
    } else if (read_ > bytes_.size() / 2 && read_ > kept) {
      // Each byte is moved once at most for each that was read.
      bytes_.drop_front(read_);
      read_ = 0;
    }
  }
  void clear() noexcept {
    bytes_.release();
    read_ = count_ = 0;
  }

 private:
  static constexpr std::size_t kept = 64 * 1024;

  std::size_t size_of_front() const noexcept {
    std::size_t size = 0;
    std::memcpy(&size, bytes_.data() + read_, sizeof size);
    return size;
  }

  buffer bytes_;
  std::size_t read_ = 0;
  std::size_t count_ = 0;
};

}  // namespace tenon::inline v0::detail
