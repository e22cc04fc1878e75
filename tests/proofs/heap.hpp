// What the heap of this process has given out. Not where a sanitizer keeps its own.
#pragma once

#include <malloc.h>

#include <cstddef>

namespace proofs {

/// Exact, with what malloc adds to each block.
inline std::size_t heap() {
  const auto now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

}  // namespace proofs
