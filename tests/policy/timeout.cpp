#include <tenon/policy/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <type_traits>

#include <tenon/core/clock.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/stack.hpp>

using namespace tenon::literals;

namespace {

using tenon::instant;
using tenon::timeout;
using tenon::timeout_options;

// Every spelling that is promised.
static_assert(timeout<>::defaults.total == 1_s);
static_assert(timeout<200_ms>::defaults.total == 200_ms);
static_assert(timeout<tenon::duration{std::chrono::seconds{5}}>::defaults.total == 5_s);
static_assert(timeout<timeout_options{.total = 3_min}>::defaults.total == 3_min);
static_assert(std::is_same_v<timeout<1000_ms>, timeout<1_s>>);
static_assert(tenon::policy::any<timeout<200_ms>> && std::is_empty_v<timeout<200_ms>::state> && std::is_empty_v<timeout<200_ms>::call_state>);

template <class Policy>
tenon::outcome admit(tenon::call_info& info, tenon::timeout_options options = Policy::defaults) {
  tenon::policy::none nothing;
  return Policy::admit(nothing, options, nothing, info);
}

}  // namespace

TEST_CASE("a timeout sets the deadline of the call, and only shortens the one it has") {
  tenon::call_info info{.now = {1'000}};
  CHECK(admit<timeout<200_ms>>(info).ok());
  CHECK(info.deadline == instant{1'000} + 200_ms);
  CHECK(admit<timeout<1_s>>(info).ok());
  CHECK(info.deadline == instant{1'000} + 200_ms);
  CHECK(admit<timeout<1_ms>>(info).ok());
  CHECK(info.deadline == instant{1'000} + 1_ms);
}

TEST_CASE("a timeout that reaches beyond all time is none") {
  tenon::call_info info{.now = {1'000}};
  CHECK(admit<timeout<>>(info, {.total = (std::chrono::hours::max)()}).ok());
  CHECK(info.deadline == instant::never());
}

TEST_CASE("a call whose time is up already is refused here, not executed") {
  tenon::call_info info{.now = {1'000}, .deadline = {1'000}};
  const tenon::outcome refused = admit<timeout<1_s>>(info);
  CHECK(refused.code == tenon::code::deadline_exceeded);
  CHECK(refused.has(tenon::outcome::local));
  CHECK(refused.has(tenon::outcome::not_executed));
  tenon::call_info other{.now = {1'000}};
  CHECK_FALSE(admit<timeout<>>(other, {.total = {}}).ok());
}

TEST_CASE("nested timeouts: the shortest counts, whatever the order") {
  using both = tenon::policy::stack<timeout<1_s>, tenon::policy::tagged<"inner", timeout<200_ms>>>;
  using swapped = tenon::policy::stack<timeout<200_ms>, tenon::policy::tagged<"inner", timeout<1_s>>>;
  const auto deadline = []<class Stack>(Stack) {
    typename Stack::client_states client{};
    typename Stack::endpoint_states endpoint{};
    typename Stack::call_states calls{};
    const typename Stack::config options = Stack::defaults();
    tenon::call_info info{.now = {5}};
    CHECK(Stack::admit_call({client, endpoint, options, calls, info}).ok());
    return info.deadline;
  };
  CHECK(deadline(both{}) == instant{5} + 200_ms);
  CHECK(deadline(swapped{}) == instant{5} + 200_ms);
}

TEST_CASE("inside retry a timeout is the time of one attempt, and the call's own stays") {
  tenon::policy::none nothing;
  tenon::call_info info{.now = {1'000}, .deadline = instant{1'000} + 300_ms};
  CHECK(timeout<200_ms>::admit_attempt(nothing, timeout<200_ms>::defaults, nothing, info).ok());
  CHECK(info.attempt_deadline == instant{1'000} + 200_ms);
  CHECK(info.deadline == instant{1'000} + 300_ms);
  info.attempt_deadline = instant::never();
  constexpr timeout_options both{.total = 1_s, .per_try = 50_ms};
  CHECK(timeout<both>::admit_attempt(nothing, both, nothing, info).ok());
  CHECK(info.attempt_deadline == instant{1'000} + 50_ms);
  info.now = info.deadline;
  CHECK_FALSE(timeout<both>::admit_attempt(nothing, both, nothing, info).ok());
}

TEST_CASE("three seconds in all: after a first attempt of 2.7 s a retry, its wait included, has 0.3 s") {
  tenon::manual_clock clock;
  using policy = tenon::policy::stack<timeout<3_s>, tenon::retry<tenon::retry_options{.jitter = tenon::jitter::none}>>;
  policy::client_states client{};
  policy::endpoint_states endpoint{};
  policy::call_states calls{};
  const policy::config options = policy::defaults();
  tenon::random_source random;
  tenon::call_info info{.now = clock.now(), .random = &random, .idempotent = true};
  const policy::view call{client, endpoint, options, calls, info};
  REQUIRE(policy::admit_call(call).ok());
  clock.advance(2'700_ms);
  info.now = clock.now();
  const auto then = policy::decide(call, {.code = tenon::code::unavailable});
  REQUIRE(then.again);
  clock.advance(then.delay);
  CHECK(info.deadline - clock.now() == 275_ms);
  clock.advance(270_ms);
  info.now = clock.now();
  CHECK_FALSE(policy::decide(call, {.code = tenon::code::unavailable}).again);
}

TEST_CASE("a call with less time than is useful is refused before it begins") {
  tenon::call_info info{.now = {1'000}, .deadline = instant{1'000} + 5_ms};
  CHECK_FALSE(admit<timeout<timeout_options{.min_useful = 5_ms}>>(info).ok());
  info.deadline = instant{1'001} + 5_ms;
  CHECK(admit<timeout<timeout_options{.min_useful = 5_ms}>>(info).ok());
}

TEST_CASE("on a server a timeout minds who named the time") {
  constexpr timeout_options options{.total = 1_s, .server_default = 2_s, .server_max = 60_s, .reserve = 3_ms, .propagate = false};
  tenon::call_info none_named{.now = {1'000}, .on_server = true};
  CHECK(admit<timeout<options>>(none_named).ok());
  CHECK(none_named.deadline == instant{1'000} + 2_s);
  CHECK(none_named.reserve == 3_ms);
  CHECK_FALSE(none_named.propagate);
  tenon::call_info named{.now = {1'000}, .deadline = instant{1'000} + 10_min, .on_server = true};
  CHECK(admit<timeout<options>>(named).ok());
  CHECK(named.deadline == instant{1'000} + 60_s);
  tenon::call_info client{.now = {1'000}};
  CHECK(admit<timeout<options>>(client).ok());
  CHECK(client.deadline == instant{1'000} + 1_s);
}
