#include <tenon/policy/singleflight.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include <policy/stall.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/policy/cache.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using simulated::outcome_of;
using simulated::stall;
using simulated::stall_world;
using tenon::singleflight;
using tenon::singleflight_options;

TEST_CASE("ten callers make one call, and each gets its answer") {
  stall_world<singleflight<>> world;
  outcome_of<int> got[10];
  for (auto& each : got) world.client.price("bread").then(each.taker());
  CHECK(world.answer_all() == 1);
  world.run();
  for (auto& each : got) {
    REQUIRE(each.text() == "OK");
    CHECK(**each.value == 1);
    CHECK(each.times == 1);
  }
  // A late caller starts a new one.
  CHECK(world.now(world, world.client.price("bread")) == "2");
}

TEST_CASE("other questions, other callers and methods that are not cacheable fly by themselves") {
  stall_world<singleflight<>> world;
  outcome_of<int> got[6];
  world.client.price("bread").then(got[0].taker());
  world.client.price("milk").then(got[1].taker());
  world.client.stock("bread").then(got[2].taker());
  world.client.with({.metadata = {{"authorization", "ann"}}}).price("bread").then(got[3].taker());
  world.client.sell("bread").then(got[4].taker());
  world.client.sell("bread").then(got[5].taker());
  CHECK(world.answer_all() == 6);
}

TEST_CASE("an error is shared, or on demand each tries by itself") {
  stall_world<singleflight<>> world;
  outcome_of<int> got[3];
  for (auto& each : got) world.client.price("bread").then(each.taker());
  world.refuse_all("NOT_FOUND: none");
  world.run();
  CHECK(got[0].text() == "NOT_FOUND: none");
  for (int i = 1; i < 3; ++i) {
    REQUIRE(got[i].came());
    CHECK(got[i].value->error().code() == tenon::code::not_found);
  }
  CHECK(world.requests().empty());
  stall_world<singleflight<singleflight_options{.share_errors = false}>> each_alone;
  outcome_of<int> other[3];
  for (auto& each : other) each_alone.client.price("bread").then(each.taker());
  each_alone.refuse_all("NOT_FOUND: none");
  CHECK(each_alone.answer_all() == 2);
  CHECK(other[2].text() == "OK");
}

TEST_CASE("one that waits and is cancelled changes nothing for the others") {
  stall_world<singleflight<>> world;
  tenon::cancellation leaving;
  outcome_of<int> got[3];
  world.client.price("bread").then(got[0].taker());
  world.client.with({.cancel = &leaving}).price("bread").then(got[1].taker());
  world.client.price("bread").then(got[2].taker());
  world.run();
  leaving.request();
  world.run();
  REQUIRE(got[1].came());
  CHECK(got[1].value->error().code() == tenon::code::cancelled);
  CHECK(world.answer_all() == 1);
  world.run();
  CHECK(got[0].text() == "OK");
  CHECK(got[2].text() == "OK");
}

TEST_CASE("one with a shorter deadline ends by it while the call goes on") {
  stall_world<singleflight<>> world;
  outcome_of<int> patient;
  outcome_of<int> hasty;
  world.client.price("bread").then(patient.taker());
  world.client.with({.timeout = 10_ms}).price("bread").then(hasty.taker());
  world.run();
  world.pass(10_ms);
  REQUIRE(hasty.came());
  CHECK(hasty.value->error().code() == tenon::code::deadline_exceeded);
  CHECK(!patient.came());
  CHECK(world.answer_all() == 1);
  CHECK(patient.text() == "OK");
}

TEST_CASE("when the one that went leaves, the next of those who wait goes, and so on") {
  stall_world<singleflight<>> world;
  tenon::cancellation leaving;
  outcome_of<int> got[4];
  world.client.with({.cancel = &leaving}).price("bread").then(got[0].taker());
  world.client.with({.timeout = 10_ms}).price("bread").then(got[1].taker());
  world.client.price("bread").then(got[2].taker());
  world.client.price("bread").then(got[3].taker());
  CHECK(world.requests().size() == 1);
  leaving.request();
  world.run();
  CHECK(got[0].value->error().code() == tenon::code::cancelled);
  std::size_t calls = 0;
  for (const auto& each : world.requests()) calls += each.method == "price" ? 1U : 0U;
  CHECK(calls == 1);
  world.pass(10_ms);
  CHECK(got[1].value->error().code() == tenon::code::deadline_exceeded);
  CHECK(!got[2].came());
  CHECK(world.answer_all() >= 1);
  world.run();
  CHECK(got[2].text() == "OK");
  CHECK(got[3].text() == "OK");
}

TEST_CASE("a client that goes takes those who wait along") {
  outcome_of<int> got[3];
  {
    stall_world<singleflight<>> world;
    for (auto& each : got) world.client.price("bread").then(each.taker());
    world.run();
  }
  for (auto& each : got) CHECK(each.times <= 1);
}

TEST_CASE("behind a cache only those fly together who miss it, and inside a flight the attempts are repeated once for all") {
  constexpr tenon::retry_options steady{.max_attempts = 2, .jitter = tenon::jitter::none};
  stall_world<tenon::cache<>, singleflight<>, tenon::retry<steady>> world;
  outcome_of<int> got[5];
  for (auto& each : got) world.client.stock("bread").then(each.taker());
  world.refuse_all("UNAVAILABLE: busy");
  world.pass(25_ms);
  CHECK(world.answer_all() == 1);
  world.run();
  for (auto& each : got) CHECK(each.text() == "OK");
  CHECK(world.now(world, world.client.stock("bread")) == "1");
  CHECK(world.answered == 1);
}
