// Memory for coroutine frames and call states, kept per thread for the next one of its size. Core layer.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace tenon::inline v0::detail {

// Free lists by size class. A block freed on another thread simply joins that thread's list: all blocks come from operator new.
class frame_cache {
 public:
  static constexpr std::size_t step = 64;
  static constexpr std::size_t largest = 4096;
  static constexpr unsigned kept_per_class = 1024;

  frame_cache() noexcept = default;
  frame_cache(const frame_cache&) = delete;
  frame_cache& operator=(const frame_cache&) = delete;
  ~frame_cache() {
    for (auto& list : classes_) {
      while (list.first != nullptr) {
        node* next = list.first->next;
        ::operator delete(list.first);
        list.first = next;
      }
      list.count = kept_per_class;  // What is freed after this thread's cache has gone is not kept.
    }
  }

  static void* allocate(std::size_t size) {
    const std::size_t which = (size + step - 1) / step;
    if (which > largest / step) [[unlikely]] return ::operator new(size);
    size_class& list = mine().classes_[which];
    if (node* found = list.first; found != nullptr) [[likely]] {
      list.first = found->next;
      --list.count;
      return found;
    }
    return ::operator new(which * step);
  }

  static void deallocate(void* block, std::size_t size) noexcept {
    const std::size_t which = (size + step - 1) / step;
    if (which <= largest / step) [[likely]] {
      size_class& list = mine().classes_[which];
      if (list.count < kept_per_class) [[likely]] {
        list.first = ::new (block) node{list.first};
        ++list.count;
        return;
      }
    }
    ::operator delete(block);
  }

 private:
  struct node {
    node* next;
  };
  struct size_class {
    node* first = nullptr;
    unsigned count = 0;
  };

  static frame_cache& mine() noexcept {
    thread_local frame_cache cache;
    return cache;
  }

  std::array<size_class, largest / step + 1> classes_{};
};

// A base that makes `new` and `delete` of a class use the cache.
struct from_frame_cache {
  static void* operator new(std::size_t size) { return frame_cache::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_cache::deallocate(block, size); }
};

}  // namespace tenon::inline v0::detail
