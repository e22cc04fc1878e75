// How long a client waits between two attempts to connect. Client layer.
#pragma once

#include <algorithm>
#include <cstdint>

#include <tenon/client/options.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0::detail {

class backoff {
 public:
  explicit backoff(std::uint64_t seed) noexcept : random_{seed} {}

  /// The wait after one more failure.
  [[gnu::cold]] duration next(const reconnect_options& chosen) noexcept {
    constexpr std::int64_t million = 1'000'000;
    constexpr std::int64_t year = 31'536'000'000'000'000;
    const std::int64_t longest = std::clamp<std::int64_t>(chosen.longest.ns, 0, year);
    step_ = step_ == 0 ? chosen.first.ns : static_cast<std::int64_t>(static_cast<double>(step_) * static_cast<double>(chosen.multiplier.ppm) / million);
    step_ = std::clamp<std::int64_t>(step_, 1, (std::max)(longest, std::int64_t{1}));
    const auto spread = static_cast<std::int64_t>(static_cast<double>(step_) * static_cast<double>(chosen.jitter.ppm) / million);
    if (spread <= 0) return duration{step_};
    return duration{(std::max)(std::int64_t{0}, step_ - spread + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(spread) * 2 + 1)))};
  }
  void start_over() noexcept { step_ = 0; }

 private:
  random_source random_;
  std::int64_t step_ = 0;
};

}  // namespace tenon::inline v0::detail
