// test_simulation                       the tests, over as many seeds as this build has time for
// test_simulation --seed N [--broken V]  one seed, event by event; V is a variant of run.hpp, 1 to 7
// TENON_SEEDS=1000000 test_simulation    so many seeds; TENON_FIRST_SEED=20001 begins there and not with 1
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <simulation/run.hpp>

int main(int count, char** arguments) {
  const auto number_after = [&](std::string_view name, std::uint64_t otherwise) {
    for (int i = 1; i + 1 < count; ++i) {
      if (arguments[i] == name) return static_cast<std::uint64_t>(std::strtoull(arguments[i + 1], nullptr, 10));
    }
    return otherwise;
  };
  if (const std::uint64_t seed = number_after("--seed", 0); seed != 0) {
    const simulated::report told = simulated::simulate(seed, static_cast<simulated::mutation>(number_after("--broken", 0)), true);
    std::printf("seed %llu: %zu violations, trace %016llx\n", static_cast<unsigned long long>(seed), told.violations.size(), static_cast<unsigned long long>(told.trace));
    return told.violations.empty() ? 0 : 1;
  }
  return doctest::Context{count, arguments}.run();
}
