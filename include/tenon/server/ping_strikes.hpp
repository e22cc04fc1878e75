// Peers that ask for signs of life more often than they may. Server layer; for protocols whose peers are told so, which is gRPC.
#pragma once

#include <algorithm>
#include <chrono>

#include <tenon/core/units.hpp>
#include <tenon/server/options.hpp>

namespace tenon::inline v0::detail {

/// One connection's count.
///
/// Laws    a question is early within `least_between_questions` of the last, or within two hours where no call is under way; the third early one is too many. Whoever was
///         sent something since the last one has a reason to ask, and begins anew; nothing else makes up for an early one.
/// Source  gRPC's server side of keepalive (A8), which grpc-go and gRPC C++ have by default.
class ping_strikes {
 public:
  /// One has come. True when the connection is to be ended for it.
  [[gnu::cold]] bool too_many(const server_keepalive_options& chosen, instant now, bool spoken_to, bool calls_under_way) noexcept {
    if (chosen.least_between_questions <= duration{}) return false;
    const duration least = calls_under_way ? chosen.least_between_questions : (std::max)(chosen.least_between_questions, duration{std::chrono::hours{2}});
    const bool early = !spoken_to && last_ != instant::never() && now - last_ < least;
    last_ = now;
    early_ = early ? early_ + 1 : spoken_to ? 0 : early_;
    return early_ > most;
  }

 private:
  static constexpr int most = 2;
  instant last_ = instant::never();
  int early_ = 0;
};

}  // namespace tenon::inline v0::detail
