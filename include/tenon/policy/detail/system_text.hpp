// Numbers out of the small files in which the system says how it is. Policy layer; Linux, elsewhere there is nothing to read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace tenon::inline v0::policy::detail {

// The beginning of a small file of the system, or nothing.
class system_text {
 public:
  explicit system_text(const char* path) noexcept {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t got = ::read(file, text_.data(), text_.size() - 1);
    if (got > 0) size_ = static_cast<std::size_t>(got);
    (void)::close(file);
  }
  bool empty() const noexcept { return size_ == 0; }
  /// The number that begins at the n-th word; -1 when there is none.
  std::int64_t number(int word) const noexcept {
    const char* at = text_.data();
    for (; word > 0; --word) {
      while (*at != '\0' && *at != ' ') ++at;
      while (*at == ' ') ++at;
    }
    char* end = nullptr;
    const long long value = std::strtoll(at, &end, 10);
    return end == at ? -1 : value;
  }

 private:
  std::array<char, 128> text_{};
  std::size_t size_ = 0;
};

}  // namespace tenon::inline v0::policy::detail
