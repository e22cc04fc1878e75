// What an outcome says about the peer it was asked of, and what only about this process. Policy layer.
#pragma once

#include <algorithm>
#include <cstdint>

#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0::policy::detail {

// What this process made says nothing about the peer: a refusal by another policy, a cancel, a full queue. Two exceptions, without which a peer that is dead
// would look healthy: a connection that was refused or lost (UNAVAILABLE that no policy made), and an attempt that was sent and not answered in time.
constexpr bool tells_of_peer(outcome result) noexcept {
  if (!result.has(outcome::local)) return true;
  if (result.code == code::unavailable) return result.producer == 0;
  return result.code == code::deadline_exceeded && !result.has(outcome::not_executed);
}

// How long the attempt has run. The caches of two loops may differ by some milliseconds: never less than nothing.
constexpr duration attempt_time(const call_info& info) noexcept { return (std::max)(info.now - info.attempt_start, duration{}); }

// A refusal made here, with the time after which another try makes sense.
constexpr outcome refused_until(code why, duration wait) noexcept {
  outcome refused = refused_here(why);
  refused.flags |= outcome::pushback;
  refused.pushback_ms = static_cast<std::int32_t>((std::min)((wait.ns + 999'999) / 1'000'000, std::int64_t{0x7fff'ffff}));
  return refused;
}

}  // namespace tenon::inline v0::policy::detail
