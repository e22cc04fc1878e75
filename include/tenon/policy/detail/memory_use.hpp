// How much memory this process has resident, read at most ten times a second. Policy layer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <unistd.h>

#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>
#include <tenon/policy/detail/system_text.hpp>

namespace tenon::inline v0::policy::detail {

template <sharing Mode>
class memory_use {
 public:
  std::int64_t bytes(instant now) noexcept {
    const std::int64_t next = next_.load();
    if (now.ns >= next && next_.replace_once(next, tenon::detail::saturated_sum(now.ns, 100'000'000))) {
      // Pages: all, and those that are resident.
      bytes_.store((std::max)(system_text{"/proc/self/statm"}.number(1), std::int64_t{0}) * ::sysconf(_SC_PAGESIZE));
    }
    return bytes_.load();
  }
  /// What `bytes` says from now on: for tests and simulations.
  void pretend(std::int64_t bytes) noexcept {
    next_.store((std::numeric_limits<std::int64_t>::max)());
    bytes_.store(bytes);
  }

 private:
  cell<std::int64_t, Mode> next_;
  cell<std::int64_t, Mode> bytes_;
};

}  // namespace tenon::inline v0::policy::detail
