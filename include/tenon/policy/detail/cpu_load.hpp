// How busy this process keeps the processors it may use. Policy layer; owned by whoever decides on it, and sampled on its way, without a thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>

#include <unistd.h>

#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/cell.hpp>
#include <tenon/policy/detail/system_text.hpp>

namespace tenon::inline v0::policy::detail {

// What the control group grants, in millionths of a processor; as many as are online when it grants no less.
inline std::int64_t usable_processors_ppm() noexcept {
  const std::int64_t online = (std::max)(static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN)), std::int64_t{1}) * 1'000'000;
  const system_text second{"/sys/fs/cgroup/cpu.max"};  // "max 100000", or "150000 100000"
  std::int64_t quota = second.number(0);
  std::int64_t period = second.number(1);
  if (second.empty()) {
    quota = system_text{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us"}.number(0);
    period = system_text{"/sys/fs/cgroup/cpu/cpu.cfs_period_us"}.number(0);
  }
  return quota > 0 && period > 0 ? (std::min)(online, quota * 1'000'000 / period) : online;
}

// Sampled at most every half second; a sample weighs 5 %, so that a short peak is none.
template <sharing Mode>
class cpu_load {
 public:
  static constexpr std::int64_t period = 500'000'000;

  ratio load() const noexcept { return {load_.load()}; }
  /// What `load` says from now on, whatever the machine does: for tests and simulations.
  void pretend(ratio load) noexcept {
    next_.store((std::numeric_limits<std::int64_t>::max)());
    load_.store(load.ppm);
  }

  void sample(instant now) noexcept {
    const std::int64_t next = next_.load();
    if (now.ns >= next) [[unlikely]] measure(next, now);
  }

 private:
  [[gnu::cold, gnu::noinline]] void measure(std::int64_t next, instant now) noexcept {
    if (!next_.replace_once(next, tenon::detail::saturated_sum(now.ns, period))) return;
    ::timespec used{};
    (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const std::int64_t used_ns = std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
    const std::int64_t elapsed = now.ns - measured_at_.load();
    const std::int64_t since = used_ns - used_.load();
    used_.store(used_ns);
    measured_at_.store(now.ns);
    if (next == 0) {
      processors_.store(usable_processors_ppm());
      return;
    }
    if (elapsed <= 0) return;
    const double busy = static_cast<double>(since) / static_cast<double>(elapsed) / (static_cast<double>(processors_.load()) * 1e-6);
    // As many samples as half seconds have passed.
    double kept = 1;
    for (std::int64_t left = (std::min)(elapsed / period, std::int64_t{200}); left > 0; --left) kept *= 0.95;
    load_.store(static_cast<std::int32_t>(static_cast<double>(load_.load()) * kept + (std::min)(busy, 1.0) * 1e6 * (1 - kept)));
  }

  cell<std::int64_t, Mode> next_;
  cell<std::int64_t, Mode> measured_at_;
  cell<std::int64_t, Mode> used_;
  cell<std::int64_t, Mode> processors_;
  cell<std::int32_t, Mode> load_;
};

}  // namespace tenon::inline v0::policy::detail
