#include <tenon/policy/cache.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <policy/stall.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/metrics.hpp>
#include <tenon/policy/retry.hpp>

using namespace tenon::literals;
using simulated::outcome_of;
using simulated::stall;
using simulated::stall_world;
using tenon::cache;
using tenon::cache_options;
using tenon::instant;
using tenon::policy::detail::answer_table;

TEST_CASE("an answer is given again for a while, to the same question about the same method") {
  stall_world<cache<cache_options{.ttl = 100_ms}>> world;
  CHECK(world.now(world, world.client.price("bread")) == "1");
  CHECK(world.now(world, world.client.price("bread")) == "1");
  CHECK(world.now(world, world.client.price("milk")) == "2");
  CHECK(world.now(world, world.client.stock("bread")) == "3");
  world.pass(99_ms);
  CHECK(world.now(world, world.client.price("bread")) == "1");
  CHECK(world.answered == 3);
  world.pass(1_ms);
  CHECK(world.now(world, world.client.price("bread")) == "4");
  CHECK(world.now(world, world.client.price("bread")) == "4");
}

TEST_CASE("a method that is not declared cacheable is asked every time") {
  stall_world<cache<>> world;
  CHECK(world.now(world, world.client.sell("bread")) == "1");
  CHECK(world.now(world, world.client.sell("bread")) == "2");
}

TEST_CASE("what one caller may see is not given to another: the call's metadata are part of the question") {
  stall_world<cache<>> world;
  CHECK(world.now(world, world.client.with({.metadata = {{"authorization", "ann"}}}).price("bread")) == "1");
  CHECK(world.now(world, world.client.with({.metadata = {{"authorization", "bob"}}}).price("bread")) == "2");
  CHECK(world.now(world, world.client.price("bread")) == "3");
  CHECK(world.now(world, world.client.with({.metadata = {{"authorization", "ann"}}}).price("bread")) == "1");
  // Neither is one key and value taken for another that reads the same in a row.
  CHECK(world.now(world, world.client.with({.metadata = {{"a", "bc"}}}).price("bread")) == "4");
  CHECK(world.now(world, world.client.with({.metadata = {{"ab", "c"}}}).price("bread")) == "5");
}

TEST_CASE("a failure is not kept") {
  stall_world<cache<>> world;
  outcome_of<int> got;
  world.client.price("bread").then(got.taker());
  world.refuse_all("NOT_FOUND: none");
  CHECK(got.text() == "NOT_FOUND: none");
  CHECK(world.now(world, world.client.price("bread")) == "1");
  CHECK(world.now(world, world.client.price("bread")) == "1");
}

TEST_CASE("an answer that has grown old is given while one call fetches a new one, and when that fails the next call tries") {
  stall_world<cache<cache_options{.ttl = 100_ms, .stale = 1_s}>> world;
  CHECK(world.now(world, world.client.price("bread")) == "1");
  world.pass(200_ms);
  outcome_of<int> first;
  outcome_of<int> second;
  world.client.price("bread").then(first.taker());
  world.client.price("bread").then(second.taker());
  world.run();
  CHECK(!first.came());
  REQUIRE(second.text() == "OK");
  CHECK(**second.value == 1);
  world.refuse_all("UNAVAILABLE: busy");
  CHECK(first.text() == "UNAVAILABLE: busy");
  CHECK(world.now(world, world.client.price("bread")) == "2");
  CHECK(world.now(world, world.client.price("bread")) == "2");
  world.pass(2_s);
  outcome_of<int> too_old;
  outcome_of<int> beside;
  world.client.price("bread").then(too_old.taker());
  world.client.price("bread").then(beside.taker());
  CHECK(world.answer_all() == 2);
}

TEST_CASE("a hit takes nothing from the policies behind it, and those before it see a success") {
  static constexpr tenon::limiter_options narrow{.rate = tenon::per_second(1), .burst = 1};
  stall_world<tenon::metrics<>, cache<>, tenon::retry<>, tenon::limiter<narrow>> world;
  tenon::metrics_registry numbers;
  world.client.configure(tenon::metrics_options{.into = &numbers});
  for (int i = 0; i < 5; ++i) CHECK(world.now(world, world.client.stock("bread")) == "1");
  const auto all = numbers.methods();
  REQUIRE(all.size() == 1);
  CHECK(all[0].ended[0] == 5);
  CHECK(all[0].under_way() == 0);
}

TEST_CASE("options change while calls run: a ttl of zero turns the cache off") {
  stall_world<cache<>> world;
  CHECK(world.now(world, world.client.price("bread")) == "1");
  world.client.configure(cache_options{.ttl = {}});
  CHECK(world.now(world, world.client.price("bread")) == "2");
}

TEST_CASE("the table stays within its bounds, and what is used stays longer") {
  answer_table table;
  for (int i = 0; i < 4; ++i) table.store("key" + std::to_string(i), "value", instant{}, 4, 1 << 20);
  REQUIRE(table.find("key0") != nullptr);
  table.find("key0")->used = true;
  table.store("key4", "value", instant{}, 4, 1 << 20);
  CHECK(table.size() == 4);
  CHECK(table.find("key0") != nullptr);
  CHECK(table.find("key1") == nullptr);
  // One that would never fit takes nothing away.
  table.store("large", std::string(5000, 'x'), instant{}, 4, 4000);
  CHECK(table.size() == 4);
  // A known one that grows beyond the bounds goes with the others.
  table.store("key4", std::string(5000, 'x'), instant{}, 4, 4000);
  CHECK(table.bytes() <= 4000);
  table.clear();
  CHECK(table.size() == 0);
  CHECK(table.bytes() == 0);
}

TEST_CASE("the table gives what was stored last, under any order of stores and looks") {
  tenon::random_source random{11};
  answer_table table;
  std::map<std::string, std::string> model;
  for (int step = 0; step < 100'000; ++step) {
    const std::string key = "k" + std::to_string(random.below(200));
    if (random.below(3) == 0) {
      model[key] = std::string(random.below(50), static_cast<char>('a' + random.below(26)));
      table.store(key, model[key], instant{step}, 64, 12'000);
    } else if (answer_table::entry* found = table.find(key); found != nullptr) {
      REQUIRE(found->value == model[key]);
      found->used = random.below(2) == 0;
    }
    REQUIRE(table.size() <= 64);
    REQUIRE(table.bytes() <= 12'000);
  }
}
