// The states of a breaker, and who decides on them. Policy layer.
#pragma once

#include <cstdint>

namespace tenon::inline v0 {

/// Where a breaker is: calls pass, are refused, or a few pass to find out.
enum class breaker_state : std::uint8_t { closed, open, half_open };

/// Who decides whether calls pass: the breaker by what it sees, or the operator.
enum class breaker_mode : std::uint8_t {
  automatic,
  forced_open,   ///< nothing passes
  disabled,      ///< everything passes, nothing is counted
  metrics_only,  ///< everything passes; counts, and reports when it would have opened: for trying options out
};

}  // namespace tenon::inline v0
