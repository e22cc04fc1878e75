// Servers that are slow, dead or wrong: what becomes of their callers, and of what their callers do besides.
#include <simulation/goodput/model.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string_view>

#include <tenon/policy/breaker.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>

using namespace goodput;
using tenon::breaker;
using tenon::bulkhead;
using tenon::retry;
using tenon::retry_options;
using tenon::timeout;

namespace {

constexpr retry_options without_budget{.budget = {.form = tenon::budget_form::unlimited}};

/// In what way nothing works.
enum class death { refuses, fails, hangs, resets, unreachable };
constexpr std::string_view name_of(death how) {
  constexpr std::string_view names[] = {"is full, and refuses every call", "fails every call", "never answers", "hangs up on every call", "is not there"};
  return names[static_cast<int>(how)];
}

// A service that is dead from second 2 to 32, at 20 calls per second of one client.
template <class... Policies>
tally::part dead_service(std::uint64_t seed, death how) {
  world in{seed};
  backend behind{in, 10, 10_ms};
  host<bulkhead<>> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<1_s>, Policies..., timeout<tenon::timeout_options{.per_try = 200_ms}>> callers{in, seen, 1, "shop"};
  in.plan(at(2), [&] {
    if (how == death::hangs || how == death::refuses) behind.stall_until(at(1000));
    if (how == death::refuses) server.configure(tenon::bulkhead_options{.max_in_flight = 1});
    if (how == death::unreachable) server.kill();
    behind.errors = how == death::fails ? 100 : 0;
    behind.when_asked = how == death::resets ? [&] { in.plan_in(duration{}, [&] { server.kill(), server.start(); }); } : std::function<void()>{};
  });
  callers.call(20, at(2), at(32));
  in.run_until(at(35));
  behind.when_asked = {};
  CHECK(seen.open() == 0);
  return seen.between(0, 35);
}

}  // namespace

TEST_CASE("a dead service is asked at most 1.2 times for each call, and ten times more") {
  for (const death how : {death::refuses, death::fails, death::hangs, death::resets, death::unreachable}) {
    CAPTURE(name_of(how));
    const tally::part without = dead_service<retry<without_budget>>(1, how);
    const tally::part with = dead_service<retry<>>(1, how);
    MESSAGE(name_of(how) << ": " << with.calls << " calls, " << with.attempts << " attempts; without a budget " << without.attempts);
    CHECK(with.calls > 500);
    CHECK(static_cast<double>(with.attempts) <= static_cast<double>(with.calls) * 1.2 + 10);
    CHECK(static_cast<double>(without.attempts) > static_cast<double>(with.calls) * 1.5);
  }
}
