// The ways to find out how many calls a service can work on at once. Policy layer.
#pragma once

#include <cstdint>

namespace tenon::inline v0 {

enum class adaptive_algorithm : std::uint8_t {
  gradient2,  ///< lets the limit fall as the time of a call grows against its long mean
  vegas,      ///< keeps a small queue: the part of the limit that the time above the shortest amounts to
  aimd,       ///< one more while it goes well, a tenth less after a drop
  bbr,        ///< what was answered at best, and only while the processors are busy: for servers
};

}  // namespace tenon::inline v0
