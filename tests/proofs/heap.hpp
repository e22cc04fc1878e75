// What the heap of this process has given out. Not where a sanitizer keeps its own.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>

namespace proofs {

/// Exact, with what malloc adds to each block.
inline std::size_t heap() {
  const auto now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

/// How much more than `before`: asked once, since other threads give and take meanwhile.
inline std::size_t heap_above(std::size_t before) {
  const std::size_t now = heap();
  return now - (std::min)(before, now);
}

}  // namespace proofs
