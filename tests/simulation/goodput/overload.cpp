// More than a server can do: what becomes of the calls that it could have answered.
#include <simulation/goodput/model.hpp>

#include <doctest/doctest.h>

#include <cstdint>

#include <tenon/policy/adaptive_limit.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/throttle.hpp>
#include <tenon/policy/timeout.hpp>

using namespace goodput;
using tenon::adaptive_limit;
using tenon::retry;
using tenon::retry_options;
using tenon::throttle;
using tenon::timeout;
using tenon::timeout_options;

namespace {

// 10 workers of 50 ms: 200 calls per second. Callers wait half a second.
constexpr double capacity = 200;

// Load of 3 times the capacity, from second 2 on, on a server with these policies; of the figures the first `leave_out` seconds of it are left out.
template <class... OnServer>
figures brown_out(std::uint64_t seed, double length = 10, double leave_out = 0, bool heeds_cancel = false) {
  world in{seed};
  backend behind{in, 10, 50_ms};
  behind.heeds_cancel = heeds_cancel;
  host<OnServer...> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<500_ms>> callers{in, seen, 20, "shop"};
  callers.call(0.5 * capacity, at(0), at(length + 12));
  callers.call(2.5 * capacity, at(2), at(length + 2));
  in.run_until(at(length + 12));
  return {.goodput = seen.good_per_second(2 + leave_out, length + 2) / capacity, .attempts = seen.attempts_per_call(2 + leave_out, length + 2),
          .recovery = seen.recovered_after(length + 2, length + 11)};
}

// The load stays, and the work takes three times as long, from second 2 to 12: it has been all the server could do, and is three times that.
template <class... OnServer>
figures slowed_down(std::uint64_t seed) {
  world in{seed};
  backend behind{in, 10, 50_ms};
  host<OnServer...> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<500_ms>> callers{in, seen, 20, "shop"};
  callers.call(0.9 * capacity, at(0), at(22));
  in.plan(at(2), [&] { behind.service_time = 150_ms; });
  in.plan(at(12), [&] { behind.service_time = 50_ms; });
  in.run_until(at(22));
  return {.goodput = seen.good_per_second(2, 12) / (capacity / 3), .attempts = seen.attempts_per_call(2, 12), .recovery = seen.recovered_after(12, 21)};
}

// The server refuses what it cannot do, but even that costs it: a fifth of a call.
template <class... OnClients>
figures dear_refusals(std::uint64_t seed) {
  world in{seed};
  backend behind{in, 10, 50_ms};
  behind.max_line = 20;
  behind.refusal_time = 10_ms;
  host<> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<500_ms>, OnClients...> callers{in, seen, 20, "shop"};
  callers.call(0.5 * capacity, at(0), at(60));
  callers.call(2.5 * capacity, at(2), at(22));
  in.run_until(at(60));
  return {.goodput = seen.good_per_second(2, 22) / capacity, .attempts = seen.attempts_per_call(2, 22), .recovery = seen.recovered_after(22, 59)};
}

// Load of 0.8 of the capacity, and in second 5 nothing is done for two seconds. What has timed out meanwhile is asked for again.
template <class... Repeating>
figures storm(std::uint64_t seed) {
  world in{seed};
  backend behind{in, 10, 50_ms};
  host<> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<2_s>, Repeating..., timeout<timeout_options{.per_try = 500_ms}>> callers{in, seen, 4, "shop"};
  callers.call(0.8 * capacity, at(0), at(45));
  in.plan(at(5), [&] { behind.stall_until(at(7)); });
  in.run_until(at(45));
  return {.goodput = seen.good_per_second(7, 40) / (0.8 * capacity), .attempts = seen.attempts_per_call(5, 40), .recovery = seen.recovered_after(7, 44)};
}

constexpr retry_options without_budget{.max_attempts = 4, .budget = {.form = tenon::budget_form::unlimited}};
constexpr retry_options with_budget{.max_attempts = 4};

}  // namespace

TEST_CASE("at three times its capacity a server with an adaptive limit does nine tenths of what it can, and one without less than half") {
  const figures without = brown_out<>(1);
  const figures with = brown_out<adaptive_limit<>>(1);
  add_row({.place = 7, .trouble = "brown-out: 3 times the load for 10 s", .measure = "of capacity", .policy = "`adaptive_limit<>` on the server", .without = without, .with = with});
  CHECK(without.goodput < 0.5);
  CHECK(with.goodput >= 0.9);
  CHECK(with.recovery >= 0);
  CHECK(with.recovery < 1);
  // From another seed it is another world, of the same kind; from the same the same.
  CHECK(brown_out<adaptive_limit<>>(2).goodput >= 0.9);
  CHECK(brown_out<adaptive_limit<>>(1).goodput == with.goodput);
}

TEST_CASE("a limit that begins far too high comes down, although no call that it admits ends in time") {
  using too_high = adaptive_limit<tenon::adaptive_limit_options{.initial = 200}>;
  CHECK(brown_out<too_high>(1, 40, 30).goodput >= 0.9);
  // A handler that stops when it is asked to says CANCELLED.
  CHECK(brown_out<too_high>(1, 20, 10, true).goodput >= 0.9);
}

TEST_CASE("a server whose work takes longer than it used to does what it still can") {
  const figures without = slowed_down<>(1);
  const figures with = slowed_down<adaptive_limit<>>(1);
  add_row({.place = 8, .trouble = "brown-out: the work takes 3 times as long for 10 s", .measure = "of capacity", .policy = "`adaptive_limit<>` on the server", .without = without, .with = with});
  CHECK(without.goodput < 0.5);
  CHECK(with.goodput >= 0.9);
}

TEST_CASE("clients that are refused too often ask less, and the server has more time for the others") {
  const figures without = dear_refusals<>(1);
  const figures with = dear_refusals<throttle<>>(1);
  add_row({.place = 9, .trouble = "3 times the load for 20 s, and a refusal costs a fifth of an answer", .measure = "of capacity", .policy = "`throttle<>` on the clients", .without = without, .with = with});
  CHECK(without.goodput < 0.6);
  CHECK(with.goodput > 1.4 * without.goodput);
  CHECK(with.attempts < 0.7);
}

TEST_CASE("without a budget retries keep a service down that a pause has thrown; with one it is back when its backlog is done") {
  const figures without = storm<retry<without_budget>>(1);
  const figures with = storm<retry<with_budget>>(1);
  add_row({.place = 10, .trouble = "retry storm: at 0.8 of the capacity nothing is done for 2 s", .measure = "of the calls after it", .policy = "`retry`'s budget", .without = without, .with = with});
  // What was neglected takes eight seconds at best: 2 s of load against the fifth that is free.
  CHECK(without.goodput < 0.1);
  CHECK(without.recovery < 0);
  CHECK(with.goodput > 0.65);
  CHECK(with.recovery >= 0);
  CHECK(with.recovery < 12);
  CHECK(with.attempts < 1.2);
}
