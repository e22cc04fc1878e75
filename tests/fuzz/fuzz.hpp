// What the fuzzers share: a check that stops them, a count of the memory in use, and seeds. For tests/fuzz only; needs clang's libFuzzer and AddressSanitizer.
#pragma once

#include <sanitizer/allocator_interface.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

/// Stops the fuzzer, which then keeps the input, when what must always hold does not.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

inline std::atomic<std::ptrdiff_t> bytes_in_use{0};
inline std::atomic<std::ptrdiff_t> most_bytes{0};

inline void count_malloc(const volatile void*, std::size_t size) {
  const std::ptrdiff_t now = bytes_in_use += static_cast<std::ptrdiff_t>(size);
  if (now > most_bytes) most_bytes = now;
}
inline void count_free(const volatile void* place) {
  if (place != nullptr) bytes_in_use -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(place));
}

/// The most memory that was in use at once since this was made, beyond what was in use then: operator new, malloc and realloc alike.
class memory_watch {
 public:
  memory_watch() : before_{bytes_in_use} { most_bytes = before_; }
  std::size_t most() const { return static_cast<std::size_t>(most_bytes - before_); }

 private:
  std::ptrdiff_t before_;
};

/// Inputs to start from: written to files in the folder that TENON_FUZZ_SEEDS names.
std::vector<std::string> seeds();

inline int start() {
  __sanitizer_install_malloc_and_free_hooks(&count_malloc, &count_free);
  const char* const folder = std::getenv("TENON_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : seeds()) {
    const std::string path = std::string{folder} + "/seed" + std::to_string(number++);
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    require(file != nullptr && std::fwrite(seed.data(), 1, seed.size(), file) == seed.size(), "a seed cannot be written");
    std::fclose(file);
  }
  std::exit(0);
}

}  // namespace fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) { return fuzz::start(); }
