#include <tenon/policy/last_good.hpp>

#include <doctest/doctest.h>

#include <string>

#include <policy/stall.hpp>
#include <tenon/core/metadata.hpp>

using namespace tenon::literals;
using simulated::outcome_of;
using simulated::stall_world;
using tenon::last_good;
using tenon::last_good_options;

namespace {

template <class World, class Call>
std::string failing(World& world, Call&& call, std::string_view how = "UNAVAILABLE: busy") {
  outcome_of<int> got;
  call.then(got.taker());
  world.refuse_all(how);
  world.run();
  return got.text() == "OK" ? std::to_string(**got.value) : got.text();
}

}  // namespace

TEST_CASE("a failure is replaced by the last answer to the same question, as long as that is not too old") {
  stall_world<last_good<last_good_options{.max_age = 10_s}>> world;
  CHECK(failing(world, world.client.price("bread")) == "UNAVAILABLE: busy; last_good: there was none");
  CHECK(world.now(world, world.client.price("bread")) == "1");
  CHECK(world.now(world, world.client.price("bread")) == "2");
  CHECK(failing(world, world.client.price("bread")) == "2");
  CHECK(failing(world, world.client.price("milk")) == "UNAVAILABLE: busy; last_good: there was none");
  CHECK(failing(world, world.client.stock("bread")) == "UNAVAILABLE: busy; last_good: there was none");
  CHECK(failing(world, world.client.with({.metadata = {{"authorization", "ann"}}}).price("bread")) == "UNAVAILABLE: busy; last_good: there was none");
  world.pass(9_s);
  CHECK(failing(world, world.client.price("bread")) == "2");
  // What was given instead of an answer is none, and makes nothing younger.
  world.pass(2_s);
  CHECK(failing(world, world.client.price("bread")) == "UNAVAILABLE: busy; last_good: there was none");
}

TEST_CASE("answers that say the question was wrong stay, and so do the failures of methods that are not cacheable") {
  stall_world<last_good<>> world;
  CHECK(world.now(world, world.client.price("bread")) == "1");
  CHECK(failing(world, world.client.price("bread"), "NOT_FOUND: none") == "NOT_FOUND: none");
  CHECK(world.now(world, world.client.sell("bread")) == "2");
  CHECK(failing(world, world.client.sell("bread")) == "UNAVAILABLE: busy");
}

TEST_CASE("what a last good answer was given for is marked") {
  stall_world<last_good<>> world;
  CHECK(world.now(world, world.client.price("bread")) == "1");
  tenon::metadata answer;
  CHECK(failing(world, world.client.with({.response_metadata = &answer}).price("bread")) == "1");
  CHECK(answer.get("tenon-degraded").value_or("") == "last_good");
}
