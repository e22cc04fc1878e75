// Memory for coroutine frames and call states, kept per thread for the next one of its size. Core layer.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace tenon::inline v0::detail {

// Free lists by size class. A block freed on another thread simply joins that thread's list: all blocks come from operator new.
class frame_cache {
 public:
  static constexpr std::size_t step = 64;
  static constexpr std::size_t largest = 4096;
  // Under AddressSanitizer nothing is kept: a frame that is used after its end must not look alive.
#if defined(__SANITIZE_ADDRESS__)
  static constexpr unsigned kept_per_class = 0;
#elif defined(__has_feature)
  static constexpr unsigned kept_per_class = __has_feature(address_sanitizer) ? 0 : 1024;
#else
  static constexpr unsigned kept_per_class = 1024;
#endif

  static void* allocate(std::size_t size) {
    const std::size_t which = (size + step - 1) / step;
    if (which > largest / step) [[unlikely]] return ::operator new(size);
    size_class& list = mine().classes[which];
    if (node* found = list.first; found != nullptr) [[likely]] {
      list.first = found->next;
      ++list.room;
      return found;
    }
    return ::operator new(which * step);
  }

  static void deallocate(void* block, std::size_t size) noexcept {
    const std::size_t which = (size + step - 1) / step;
    if (which <= largest / step) [[likely]] {
      lists& kept = mine();
      if (kept.classes[which].room != 0 || kept.open()) [[likely]] {
        size_class& list = kept.classes[which];
        if (list.room != 0) [[likely]] {
          list.first = ::new (block) node{list.first};
          --list.room;
          return;
        }
      }
    }
    ::operator delete(block);
  }

 private:
  struct node {
    node* next;
  };
  struct size_class {
    node* first;
    unsigned room;  // how many more may be kept
  };
  enum class state : unsigned char { fresh, open, closed };

  // All zeros at first and never destroyed, so that it can be reached while a thread's other objects are, and without a guard.
  // What has no room keeps nothing: before the first block is freed, and after the thread has ended.
  struct lists {
    std::array<size_class, largest / step + 1> classes;
    state is;

    // Gives the classes their room when the first block is freed; false when there is none to give.
    [[gnu::noinline]] bool open() noexcept {
      if (is != state::fresh || kept_per_class == 0) return false;
      is = state::open;
      for (size_class& each : classes) each.room = kept_per_class;
      at_thread_exit();
      return true;
    }
    void close() noexcept {
      is = state::closed;
      for (size_class& each : classes) {
        each.room = 0;
        while (each.first != nullptr) ::operator delete(std::exchange(each.first, each.first->next));
      }
    }
  };
  static_assert(std::is_trivially_default_constructible_v<lists> && std::is_trivially_destructible_v<lists>);

  static lists& mine() noexcept {
    static thread_local constinit lists cache{};
    return cache;
  }
  static void at_thread_exit() noexcept {
    struct closer {
      ~closer() { mine().close(); }
    };
    static thread_local closer one;
    (void)one;
  }
};

// The cache as a standard allocator: what asio keeps for an operation under way comes from it when the operation's handler says so.
template <class T>
struct frame_allocator {
  using value_type = T;
  frame_allocator() noexcept = default;
  template <class Other>
  frame_allocator(const frame_allocator<Other>&) noexcept {}
  T* allocate(std::size_t count) { return static_cast<T*>(frame_cache::allocate(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept { frame_cache::deallocate(block, count * sizeof(T)); }
  friend bool operator==(frame_allocator, frame_allocator) noexcept { return true; }
};

// A base that makes `new` and `delete` of a class use the cache.
struct from_frame_cache {
  static void* operator new(std::size_t size) { return frame_cache::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_cache::deallocate(block, size); }
};

}  // namespace tenon::inline v0::detail
