#include <tenon/policy/metrics.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <policy/driven.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/decorate.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop;
using tenon::code;
using tenon::method_metrics;
using tenon::metrics;
using tenon::metrics_of;
using tenon::metrics_options;
using tenon::metrics_registry;
using tenon::policy::event_kind;
namespace detail = tenon::policy::detail;

namespace {

metrics_registry numbers_of_all;

method_metrics found(const metrics_registry& in, std::string_view method, metrics_of what) {
  for (const method_metrics& each : in.methods()) {
    if (each.method == method && each.what == what) return each;
  }
  return {};
}
std::uint64_t ended(const method_metrics& of, code how) { return of.ended[static_cast<std::size_t>(how)]; }
std::uint64_t events(const metrics_registry& in, std::string_view policy, event_kind kind) {
  for (const auto& each : in.events()) {
    if (each.policy == policy && each.kind == kind) return each.count;
  }
  return 0;
}

struct till {
  int price(std::string item) { return static_cast<int>(item.size()); }
  TENON_SERVICE(till, (price, tenon::idempotent))
};

}  // namespace

TEST_CASE("every length of time has one class, which is at most a quarter wide") {
  for (std::size_t i = 0; i + 1 < detail::histogram_size && detail::histogram_least(i + 1) != INT64_MAX; ++i) {
    const std::int64_t least = detail::histogram_least(i);
    const std::int64_t next = detail::histogram_least(i + 1);
    REQUIRE(next > least);
    CHECK(detail::histogram_index(least) == i);
    CHECK(detail::histogram_index(next - 1) == i);
    if (least >= 4) CHECK((next - least) * 4 <= least);
  }
  CHECK(detail::histogram_index(-5) == 0);
  CHECK(detail::histogram_index(INT64_MAX) < detail::histogram_size);
}

TEST_CASE("a share of a histogram is at most a quarter too long, and never too short") {
  tenon::random_source random{7};
  tenon::duration_histogram times;
  std::vector<std::int64_t> all;
  for (int i = 0; i < 10'000; ++i) {
    all.push_back(static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(40))));
    ++times.counts[detail::histogram_index(all.back())];
  }
  std::sort(all.begin(), all.end());
  for (const double share : {1.0, 50.0, 95.0, 99.0, 99.9, 100.0}) {
    const std::int64_t exact = all[static_cast<std::size_t>(share * 100.0 + 0.5) - 1];
    CHECK(times.at(tenon::percent(share)).ns >= exact);
    CHECK(times.at(tenon::percent(share)).ns <= exact + exact / 4);
  }
  CHECK(tenon::duration_histogram{}.at(tenon::percent(50)).ns == 0);
}

TEST_CASE("calls are counted by how they ended and how long they took; those under way are the difference") {
  metrics_registry numbers;
  driven::client<metrics<>> client;
  client.options<0>().into = &numbers;
  client.call_with(code::ok, 10_ms);
  client.call_with(code::ok, 10_ms);
  client.call_with(code::not_found, 1_s);
  const auto open = client.begin();
  auto all = numbers.methods();
  REQUIRE(all.size() == 1);
  CHECK(all[0].started == 4);
  CHECK(ended(all[0], code::ok) == 2);
  CHECK(ended(all[0], code::not_found) == 1);
  CHECK(all[0].under_way() == 1);
  CHECK(all[0].time == tenon::duration{1_s + 20_ms});
  CHECK(all[0].times.at(tenon::percent(50)) >= 10_ms);
  CHECK(all[0].times.at(tenon::percent(50)) <= 12500_us);
  open->end(code::cancelled);
  CHECK(numbers.methods()[0].under_way() == 0);
}

TEST_CASE("without a registry nothing is counted") {
  driven::client<metrics<>> client;
  CHECK(client.passes());
}

TEST_CASE("loops count for themselves and are added up; what a loop counted stays when it goes, and the next one goes on there") {
  metrics_registry numbers;
  {
    driven::client<metrics<>> one;
    driven::client<metrics<>> other;
    one.options<0>().into = other.options<0>().into = &numbers;
    one.call_with(code::ok);
    other.call_with(code::unavailable);
    CHECK(numbers.book()->shards.size() == 2);
  }
  for (int i = 0; i < 5; ++i) {
    driven::client<metrics<>> next;
    next.options<0>().into = &numbers;
    next.call_with(code::ok);
  }
  CHECK(numbers.book()->shards.size() == 2);
  const auto all = numbers.methods();
  REQUIRE(all.size() == 1);
  CHECK(all[0].started == 7);
  CHECK(all[0].under_way() == 0);
}

TEST_CASE("attempts are calls and repetitions, and both have the method's name") {
  scripted_shop world;
  metrics_registry numbers;
  constexpr tenon::retry_options steady{.max_attempts = 4, .jitter = tenon::jitter::none, .idempotent_only = false};
  tenon::client<shop, tenon::codec::json, metrics<>, tenon::retry<steady>, metrics<>> client{world.io, world.connector()};
  CHECK(client.configure(metrics_options{.into = &numbers}));
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  world.server.say(scripted_shop::error_to(world.requests().at(0), "UNAVAILABLE: busy"));
  world.pass(25_ms);
  world.server.say(scripted_shop::error_to(world.requests().at(0), "UNAVAILABLE: busy"));
  world.pass(50_ms);
  world.answer(world.requests().at(0), "1");
  CHECK(got.text() == "OK");
  const method_metrics calls = found(numbers, "price", metrics_of::call);
  const method_metrics attempts = found(numbers, "price", metrics_of::attempt);
  CHECK(calls.service == "shop");
  CHECK(calls.started == 1);
  CHECK(ended(calls, code::ok) == 1);
  CHECK(calls.time == 75_ms);
  CHECK(attempts.started == 3);
  CHECK(ended(attempts, code::unavailable) == 2);
  CHECK(ended(attempts, code::ok) == 1);
  CHECK(attempts.time == tenon::duration{});
  // By the metrics that see the call, and once.
  CHECK(events(numbers, "retry", event_kind::repeated) == 2);
  CHECK(attempts.started == calls.started + events(numbers, "retry", event_kind::repeated));
}

TEST_CASE("what a policy further in refuses is counted as a call, and as the policy's event") {
  metrics_registry numbers;
  static constexpr tenon::limiter_options narrow{.rate = tenon::per_second(1), .burst = 1};
  driven::client<metrics<>, tenon::limiter<narrow>> client;
  client.options<0>().into = &numbers;
  CHECK(client.passes());
  CHECK_FALSE(client.passes());
  const auto all = numbers.methods();
  REQUIRE(all.size() == 1);
  CHECK(ended(all[0], code::resource_exhausted) == 1);
  CHECK(all[0].under_way() == 0);
  CHECK(events(numbers, "limiter", event_kind::rejected) == 1);
}

TEST_CASE("a server counts what it serves, by a registry in the type") {
  simulated::world world;
  tenon::server server{world.io};
  server.serve<metrics<metrics_options{.into = &numbers_of_all}>>(till{});
  server.listen(world.wire, "till");
  server.start();
  world.run();
  tenon::client<till, tenon::codec::json> client{world.io, world.wire.connector_to("till")};
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  world.run();
  CHECK(got.text() == "OK");
  const method_metrics served = found(numbers_of_all, "price", metrics_of::served);
  CHECK(served.service == "till");
  CHECK(served.started == 1);
  CHECK(ended(served, code::ok) == 1);
  CHECK(found(numbers_of_all, "price", metrics_of::call).started == 0);
}

TEST_CASE("a decorated function is counted without a name") {
  metrics_registry numbers;
  tenon::manual_clock clock;
  auto slow = tenon::decorate<metrics<>>([&clock] { clock.advance(3_ms); }, tenon::manual_time{clock});
  slow.configure(metrics_options{.into = &numbers});
  CHECK(slow().has_value());
  const auto all = numbers.methods();
  REQUIRE(all.size() == 1);
  CHECK(all[0].method.empty());
  CHECK(all[0].time == 3_ms);
}

TEST_CASE("any thread may read while others count") {
  metrics_registry numbers;
  std::atomic<bool> over{false};
  const auto count = [&numbers] {
    driven::client<metrics<>> client;
    client.options<0>().into = &numbers;
    for (int i = 0; i < 5'000; ++i) {
      client.call_with(code::ok);
      client.events().clear();
    }
  };
  std::uint64_t before = 0;
  std::thread one{count};
  std::thread other{[&] { count(); over = true; }};
  while (!over) {
    for (const auto& each : numbers.methods()) {
      CHECK(each.started >= before);
      before = each.started;
    }
  }
  one.join();
  other.join();
  CHECK(numbers.methods().at(0).started == 10'000);
  CHECK(numbers.methods().at(0).under_way() == 0);
}
