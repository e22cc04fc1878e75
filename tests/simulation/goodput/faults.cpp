// Servers that are slow, dead or wrong: what becomes of their callers, and of what their callers do besides.
#include <simulation/goodput/model.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include <tenon/policy/breaker.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/hedge.hpp>
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

// A shop front with 20 threads and 100 pages per second. A page needs the goods, and shows extras if it gets any; from second 2 to 12 the extras hang.
// What does not find a thread is turned away.
template <class... OnExtras>
figures hanging_extras(std::uint64_t seed) {
  world in{seed};
  backend goods{in, 10, 20_ms};
  backend extras{in, 10, 20_ms};
  host<> goods_server{in, goods, "goods"};
  host<> extras_server{in, extras, "extras"};
  tally pages{in};
  tally unused{in};
  fleet<timeout<1_s>> goods_caller{in, unused, 1, "goods"};
  fleet<OnExtras...> extras_caller{in, pages, 1, "extras"};
  int threads = 20;
  const auto page = [&] {
    const std::size_t when = pages.began();
    if (threads == 0) return pages.ended(when, false);
    --threads;
    goods_caller[0].price(1).then([&, when](const tenon::result<int>& found) {
      const bool good = found.has_value();
      extras_caller[0].price(1).then([&, when, good](const tenon::result<int>&) {
        ++threads;
        pages.ended(when, good);
      });
    });
  };
  std::function<void()> go_on = [&] {
    page();
    if (in.clock.now() < at(22)) in.plan_in(in.drawn(10_ms), go_on);
  };
  in.plan(at(0), go_on);
  in.plan(at(2), [&] { extras.stall_until(at(12)); });
  in.run_until(at(25));
  CHECK(threads == 20);
  return {.goodput = pages.good_share(2, 12), .attempts = pages.attempts_per_call(2, 12), .recovery = pages.recovered_after(12, 21)};
}

// Every call fails from second 2 to 17.
template <class... Policies>
figures dead_for_a_while(std::uint64_t seed) {
  world in{seed};
  backend behind{in, 10, 10_ms};
  host<> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<1_s>, Policies...> callers{in, seen, 4, "shop"};
  in.plan(at(2), [&] { behind.errors = 100; });
  in.plan(at(17), [&] { behind.errors = 0; });
  callers.call(200, at(0), at(45));
  in.run_until(at(45));
  return {.goodput = seen.good_share(2, 32), .attempts = seen.attempts_per_call(2, 17), .recovery = seen.recovered_after(17, 44)};
}

// Some of a hundred attempts fail, all the time.
template <class... Policies>
figures errors(std::uint64_t seed, unsigned of_a_hundred) {
  world in{seed};
  backend behind{in, 10, 10_ms};
  behind.errors = of_a_hundred;
  host<> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<1_s>, Policies...> callers{in, seen, 1, "shop"};
  callers.call(200, at(0), at(20));
  in.run_until(at(22));
  return {.goodput = seen.good_share(0, 20), .attempts = seen.attempts_per_call(0, 20), .recovery = lasting};
}

// Three of a hundred jobs take half a second rather than ten milliseconds, and callers wait a tenth.
template <class... Policies>
figures slow_few(std::uint64_t seed) {
  world in{seed};
  backend behind{in, 20, 10_ms};
  behind.slow = 3;
  host<> server{in, behind, "shop"};
  tally seen{in};
  fleet<timeout<100_ms>, Policies...> callers{in, seen, 1, "shop"};
  callers.call(200, at(0), at(20));
  in.run_until(at(22));
  return {.goodput = seen.good_share(5, 20), .attempts = seen.attempts_per_call(5, 20), .recovery = lasting};
}

}  // namespace

TEST_CASE("a dead service is asked at most 1.2 times for each call, and ten times more") {
  for (const death how : {death::refuses, death::fails, death::hangs, death::resets, death::unreachable}) {
    CAPTURE(name_of(how));
    const tally::part without = dead_service<retry<without_budget>>(1, how);
    const tally::part with = dead_service<retry<>>(1, how);
    CHECK(with.calls > 500);
    CHECK(static_cast<double>(with.attempts) <= static_cast<double>(with.calls) * 1.2 + 10);
    const tally::part hedged = dead_service<tenon::hedge<>>(1, how);
    CHECK(static_cast<double>(hedged.attempts) <= static_cast<double>(hedged.calls) * 1.2 + 10);
    CHECK(static_cast<double>(without.attempts) > static_cast<double>(with.calls) * 1.5);
  }
}

TEST_CASE("an endpoint that hangs takes what it is given, and no more: the pages that can do without it are served") {
  const figures without = hanging_extras<>(1);
  const figures bounded = hanging_extras<bulkhead<5>>(1);
  const figures with = hanging_extras<breaker<>, timeout<200_ms>>(1);
  add_row({.place = 1, .trouble = "slow endpoint: what a page can do without hangs for 10 s", .measure = "of pages", .policy = "`bulkhead<5>` on these calls", .without = without, .with = bounded});
  add_row({.place = 2, .trouble = "the same", .measure = "of pages", .policy = "`breaker<>, timeout<200_ms>`", .without = without, .with = with});
  CHECK(without.goodput < 0.1);
  CHECK(bounded.goodput > 0.99);
  // A failure rate of half takes as many failures as there have been successes in the window.
  CHECK(with.goodput > 0.9);
  CHECK(with.attempts < 0.3);
}

TEST_CASE("a breaker spares a dead endpoint nearly everything, and finds out that it is well again") {
  const figures without = dead_for_a_while<retry<without_budget>>(1);
  const figures with = dead_for_a_while<retry<>, breaker<>>(1);
  add_row({.place = 3, .trouble = "dead endpoint: every call fails for 15 s", .measure = "of the calls in 30 s", .policy = "`retry<>, breaker<>`; without: retry, and no budget", .without = without, .with = with});
  CHECK(without.attempts > 2.9);
  CHECK(with.attempts < 0.2);
  // 5 s, then twice that, each up to a fifth longer.
  CHECK(with.recovery >= 0);
  CHECK(with.recovery < 12);
}

TEST_CASE("retry mends errors that are few, and does not try to mend a service that fails half the time") {
  const figures few = errors<>(1, 10);
  const figures few_mended = errors<retry<>>(1, 10);
  const figures half = errors<>(1, 50);
  const figures half_mended = errors<retry<>>(1, 50);
  add_row({.place = 4, .trouble = "one call of ten fails", .measure = "of calls", .policy = "`retry<>`", .without = few, .with = few_mended});
  add_row({.place = 5, .trouble = "half of the calls fail", .measure = "of calls", .policy = "`retry<>`", .without = half, .with = half_mended});
  CHECK(few.goodput < 0.92);
  CHECK(few_mended.goodput > 0.99);
  CHECK(half_mended.goodput > half.goodput);
  for (const figures& each : {few_mended, half_mended}) CHECK(each.attempts < 1.2);
}

TEST_CASE("a second attempt at what takes unusually long is worth its twentieth of the load") {
  const figures without = slow_few<>(1);
  const figures with = slow_few<tenon::hedge<>>(1);
  add_row({.place = 6, .trouble = "three calls of a hundred take 50 times as long", .measure = "of calls", .policy = "`hedge<>`", .without = without, .with = with});
  CHECK(without.goodput < 0.98);
  CHECK(with.goodput > 0.99);
  CHECK(with.attempts <= 1.06);
}
