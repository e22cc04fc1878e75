#include <simulation/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using simulated::mutation;
using simulated::report;
using simulated::simulate;

namespace {

// Slow builds look at fewer worlds.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr std::uint64_t usual_seeds = 20'000;
#else
constexpr std::uint64_t usual_seeds = 1'500;
#endif

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* wanted = std::getenv(variable);
  return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

std::string first_of(const report& told) { return told.violations.empty() ? std::string{} : told.violations.front(); }

}  // namespace

TEST_CASE("from whatever seed: every call ends once and truthfully, and nothing is left in the end") {
  report sum;
  int failing = 0;
  const std::uint64_t last = number_in("TENON_SEEDS", usual_seeds);
  const std::uint64_t first = number_in("TENON_FIRST_SEED", 1);
  for (std::uint64_t seed = first; seed < first + last && failing < 10; ++seed) {
    const report each = simulate(seed);
    if (!each.violations.empty()) {
      ++failing;
      FAIL_CHECK("test_simulation --seed " << seed << ": " << first_of(each));
    }
    for (const auto counted : {&report::calls, &report::ok, &report::lost, &report::not_executed, &report::late, &report::cancelled, &report::crashes, &report::drains, &report::repeated,
                               &report::streams, &report::streams_ok, &report::streams_broken, &report::items, &report::called_back, &report::foreign}) {
      sum.*counted += each.*counted;
    }
  }
  MESSAGE(last << " seeds: " << sum.calls << " calls, " << sum.ok << " ok, " << sum.lost << " unavailable, " << sum.late << " too late, " << sum.cancelled << " cancelled, "
               << sum.not_executed << " known not to have run, " << sum.repeated << " repeated; " << sum.crashes << " crashes, " << sum.drains << " drains; " << sum.streams << " streams with " << sum.items
               << " items, of which " << sum.streams_ok << " ended well and " << sum.streams_broken << " broke off; " << sum.called_back << " calls back, " << sum.foreign << " answers over HTTP by hand");
  // A simulation in which nothing goes wrong proves nothing.
  if (last >= 1'000) {
    for (const std::uint64_t reached : {sum.ok, sum.lost, sum.late, sum.cancelled, sum.not_executed, sum.crashes, sum.drains, sum.repeated, sum.streams_ok, sum.streams_broken, sum.called_back, sum.foreign}) CHECK(reached > last / 50);
  }
}

TEST_CASE("a seed gives the same world each time, and another seed another") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const report once = simulate(seed);
    CHECK(simulate(seed).trace == once.trace);
    CHECK(simulate(seed + 1).trace != once.trace);
  }
}

TEST_CASE("what is broken on purpose is found out, and as what it is") {
  struct variant {
    mutation which;
    std::string_view found_as;
  };
  for (const variant each : {variant{mutation::lost_reply, "it never ended"}, variant{mutation::double_completion, "of another"}, variant{mutation::leaked_permit, "failed in a world at rest"},
                             variant{mutation::late_deadline, "its time is up"}, variant{mutation::false_not_executed, "that no handler ran"}, variant{mutation::lost_item, "in the place of"},
                             variant{mutation::doubled_end, "its source ended well before"}}) {
    const auto caught = [&each](std::uint64_t seed) {
      return std::ranges::any_of(simulate(seed, each.which).violations, [&each](const std::string& what) { return what.find(each.found_as) != std::string::npos; });
    };
    std::uint64_t seed = 1;
    while (seed < 400 && !caught(seed)) ++seed;
    MESSAGE("variant " << static_cast<int>(each.which) << ": caught with seed " << seed);
    CHECK(seed < 400);
  }
}
