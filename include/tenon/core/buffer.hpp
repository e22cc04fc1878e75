// A growing run of bytes that is never zeroed: what codecs and protocols write into and sockets send from. Core layer.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace tenon::inline v0 {

/// Contiguous bytes with a cheap append. Growth doubles; memory is kept until `release`.
///
/// Units   bytes. Throws std::bad_alloc when the machine has no more. What is appended must not lie in the buffer itself: growing moves it away.
class buffer {
 public:
  buffer() noexcept = default;
  buffer(buffer&& other) noexcept
      : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)}, capacity_{std::exchange(other.capacity_, 0)} {}
  buffer& operator=(buffer&& other) noexcept {
    if (this != &other) {
      std::free(data_);
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;
  ~buffer() { std::free(data_); }

  char* data() noexcept { return data_; }
  const char* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {data_, size_}; }
  std::string_view view(std::size_t offset) const noexcept { return {data_ + offset, size_ - offset}; }

  void push_back(char byte) {
    if (size_ == capacity_) [[unlikely]] grow(1);
    data_[size_++] = byte;
  }
  void append(const void* from, std::size_t count) {
    if (capacity_ - size_ < count) [[unlikely]] grow(count);
    if (count != 0) std::memcpy(data_ + size_, from, count);
    size_ += count;
  }
  void append(std::string_view text) { append(text.data(), text.size()); }

  /// Makes room for `count` more bytes, returns where they start and counts them as written: the caller fills them all.
  char* extend(std::size_t count) {
    if (capacity_ - size_ < count) [[unlikely]] grow(count);
    char* start = data_ + size_;
    size_ += count;
    return start;
  }
  /// Makes room for `count` more bytes without counting them; `commit` counts those that were filled.
  char* prepare(std::size_t count) {
    if (capacity_ - size_ < count) [[unlikely]] grow(count);
    return data_ + size_;
  }
  void commit(std::size_t count) noexcept { size_ += count; }
  /// Makes the memory exactly so large, where growth would double it. Never smaller. False when the machine has no more.
  [[nodiscard]] bool reserve(std::size_t capacity) noexcept {
    if (capacity <= capacity_) return true;
    void* moved = std::realloc(data_, capacity);
    if (moved == nullptr) return false;
    data_ = static_cast<char*>(moved);
    capacity_ = capacity;
    return true;
  }

  /// Forgets everything after the first `size` bytes.
  void truncate(std::size_t size) noexcept { size_ = size; }
  void clear() noexcept { size_ = 0; }
  /// Forgets the first `count` bytes by moving the rest down.
  void drop_front(std::size_t count) noexcept {
    size_ -= count;
    if (size_ != 0 && count != 0) std::memmove(data_, data_ + count, size_);
  }
  /// Gives the memory back.
  void release() noexcept { *this = buffer{}; }

  void swap(buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  [[gnu::noinline]] void grow(std::size_t count) {
    std::size_t needed = 0;
    const bool possible = !__builtin_add_overflow(size_, count, &needed);
    std::size_t capacity = capacity_ < 256 ? 512 : capacity_ * 2;
    if (capacity < needed) capacity = needed;
    void* moved = possible ? std::realloc(data_, capacity) : nullptr;
    if (moved == nullptr) {
#if defined(__cpp_exceptions)
      throw std::bad_alloc{};
#else
      std::abort();
#endif
    }
    data_ = static_cast<char*>(moved);
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tenon::inline v0
