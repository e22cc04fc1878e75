#include <tenon/core/frame_cache.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <thread>
#include <vector>

using tenon::detail::frame_cache;

namespace {

// Constructed before its thread's cache, and so destroyed after it: what a thread-local object of a user may do.
struct late {
  std::vector<void*> held;
  ~late() {
    for (void* each : held) frame_cache::deallocate(each, 200);
    for (int i = 0; i < 10; ++i) {
      void* block = frame_cache::allocate(200);
      std::memset(block, 1, 200);
      frame_cache::deallocate(block, 200);
    }
  }
};

}  // namespace

TEST_CASE("a block comes back for the next one of its size class") {
  void* first = frame_cache::allocate(100);
  frame_cache::deallocate(first, 100);
  void* second = frame_cache::allocate(128);
  if constexpr (frame_cache::kept_per_class != 0) CHECK(second == first);
  frame_cache::deallocate(second, 128);
}

TEST_CASE("blocks of every size can be written from end to end") {
  for (const std::size_t size : {1U, 63U, 64U, 65U, 4095U, 4096U, 4097U, 100'000U}) {
    std::vector<void*> blocks;
    for (int i = 0; i < 3; ++i) {
      blocks.push_back(frame_cache::allocate(size));
      std::memset(blocks.back(), i, size);
    }
    for (void* each : blocks) frame_cache::deallocate(each, size);
  }
}

TEST_CASE("more blocks than are kept go back") {
  std::vector<void*> blocks;
  for (unsigned i = 0; i < frame_cache::kept_per_class + 100; ++i) blocks.push_back(frame_cache::allocate(64));
  for (void* each : blocks) frame_cache::deallocate(each, 64);
  for (void*& each : blocks) each = frame_cache::allocate(64);
  for (void* each : blocks) frame_cache::deallocate(each, 64);
}

TEST_CASE("a block may be freed on another thread, and while a thread ends") {
  std::vector<void*> made_here;
  for (int i = 0; i < 100; ++i) made_here.push_back(frame_cache::allocate(200));
  std::vector<void*> made_there;
  std::thread other{[&] {
    thread_local late last;
    last.held = made_here;
    for (int i = 0; i < 100; ++i) {
      made_there.push_back(frame_cache::allocate(200));
      frame_cache::deallocate(frame_cache::allocate(200), 200);
      last.held.push_back(frame_cache::allocate(200));
    }
  }};
  other.join();
  for (void* each : made_there) frame_cache::deallocate(each, 200);
}
