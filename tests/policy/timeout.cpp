#include <tenon/policy/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <type_traits>

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
