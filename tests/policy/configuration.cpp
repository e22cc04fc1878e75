#include <tenon/policy/configuration.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

#include <tenon/policy/retry.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using tenon::timeout;
using tenon::timeout_options;

namespace {

using one = tenon::policy::stack<timeout<1_s>>;
using configuration = tenon::policy::configuration<one>;

}  // namespace

TEST_CASE("a configuration begins with the policies' own options, or with a table") {
  const configuration own{3};
  CHECK(own.methods() == 3);
  CHECK(std::get<0>(own.of(2)).total == 1_s);
  static constexpr one::config table[] = {{timeout_options{.total = 5_s}}, {timeout_options{.total = 6_s}}};
  const configuration given{2, table};
  CHECK(std::get<0>(given.of(0)).total == 5_s);
  CHECK(&given.of(1) == table + 1);
  // Nothing to be told takes no memory.
  const tenon::policy::configuration<tenon::policy::stack<>> empty{4};
  CHECK(std::is_empty_v<std::remove_cvref_t<decltype(empty.of(3))>>);
}

TEST_CASE("options are exchanged for all methods or for one, and a reader keeps what it holds") {
  configuration all{2};
  const one::config& held = all.of(1);
  CHECK(all.set(timeout_options{.total = 7_s}));
  CHECK(std::get<0>(held).total == 1_s);
  CHECK(std::get<0>(all.of(0)).total == 7_s);
  CHECK(all.set(timeout_options{.total = 8_s}, 1));
  CHECK(std::get<0>(all.of(0)).total == 7_s);
  CHECK(std::get<0>(all.of(1)).total == 8_s);
  CHECK_FALSE(all.set(tenon::retry_options{}));
  CHECK_FALSE(all.set(timeout_options{}, 2));
}

TEST_CASE("readers never see half of a change, and no change is lost") {
  // Two options that are always changed together.
  configuration all{1};
  all.set(timeout_options{.total = 1_ns, .per_try = 1_ns});
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::thread reader{[&] {
    while (!stop) {
      const timeout_options& seen = std::get<0>(all.of(0));
      if (seen.total != seen.per_try) ++torn;
    }
  }};
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&all] {
      for (int n = 0; n < 500; ++n) {
        all.edit([](one::config* entries, std::size_t) {
          timeout_options& mine = std::get<0>(entries[0]);
          mine.total = mine.total + 1_ns;
          mine.per_try = mine.total;
        });
      }
    });
  }
  for (std::thread& each : writers) each.join();
  stop = true;
  reader.join();
  CHECK(torn == 0);
  CHECK(std::get<0>(all.of(0)).total == 1001_ns);
}
