#include <tenon/policy/decorate.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <policy/turnstile.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using tenon::code;
using tenon::decorate;
using tenon::manual_time;
using tenon::result;
using tenon::retry;
using tenon::retry_options;
using tenon::status;

namespace {

constexpr retry_options steady{.max_attempts = 4, .jitter = tenon::jitter::none};

}  // namespace

TEST_CASE("a decorated function gives a result of what the function gives") {
  auto number = decorate<tenon::timeout<>>([](int x) { return x + 1; });
  static_assert(std::is_same_v<decltype(number(1)), result<int>>);
  CHECK(*number(1) == 2);
  auto nothing = decorate<tenon::timeout<>>([] {});
  static_assert(std::is_same_v<decltype(nothing()), result<void>>);
  CHECK(nothing().has_value());
  auto wrapped = decorate<retry<>>([](const std::string& text) -> result<std::string> { return text; });
  static_assert(std::is_same_v<decltype(wrapped(std::string{})), result<std::string>>);
  CHECK(*wrapped(std::string{"a"}) == "a");
  auto only = decorate<>([](bool good) -> status { return good ? code::ok : code::not_found; });
  static_assert(std::is_same_v<decltype(only(true)), status>);
  CHECK(only(true).ok());
  CHECK(only(false) == code::not_found);
  auto moved = decorate<tenon::timeout<>>([](std::unique_ptr<int> given) { return *given; });
  CHECK(*moved(std::make_unique<int>(7)) == 7);
}

TEST_CASE("what the function throws becomes unknown, and is repeated where the policies say so") {
  int calls = 0;
  tenon::manual_clock clock;
  auto call = decorate<retry<retry_options{.on = tenon::codes(code::unknown)}>>(
      [&calls]() -> int {
        if (++calls < 3) throw std::runtime_error{"out of paper"};
        return calls;
      },
      manual_time{clock});
  CHECK(*call() == 3);
  auto once = decorate<tenon::timeout<>>([]() -> int { throw std::runtime_error{"out of paper"}; });
  CHECK(once().error().to_string() == "UNKNOWN: exception: out of paper");
}

TEST_CASE("a function that may be called again gets its arguments whole each time") {
  tenon::manual_clock clock;
  std::vector<std::string> got;
  auto call = decorate<retry<steady>>(
      [&got](std::string text) -> status {
        got.push_back(std::move(text));
        return got.size() < 3 ? code::unavailable : code::ok;
      },
      manual_time{clock});
  CHECK(call(std::string{"a long enough text to live on the heap"}).ok());
  CHECK(got == std::vector<std::string>(3, "a long enough text to live on the heap"));
  CHECK(clock.now() == tenon::instant{1} + 75_ms);
}

TEST_CASE("a decorated function that must not run twice is repeated only when it says that it did not run") {
  tenon::manual_clock clock;
  int calls = 0;
  auto call = decorate<retry<>>([&calls]() -> status { return ++calls, code::unavailable; }, manual_time{clock}, {.idempotent = false});
  CHECK(call() == code::unavailable);
  CHECK(calls == 1);
}

TEST_CASE("a wait whose end is known is slept, and one that only another call could end is refused") {
  tenon::manual_clock clock;
  int calls = 0;
  auto slow = decorate<tenon::timeout<50_ms>, simulated::slow_start>([&calls] { ++calls; }, manual_time{clock});
  CHECK(slow().has_value());
  CHECK(clock.now() == tenon::instant{1} + 10_ms);
  CHECK(slow.configure(simulated::slow_start_options{.later = 50_ms}));
  CHECK(slow().error().to_string() == "DEADLINE_EXCEEDED: the time was up before the function ran (slow_start)");
  CHECK(calls == 1);
  CHECK(clock.now() == tenon::instant{1} + 10_ms);
  auto single = decorate<simulated::turnstile>([&calls](auto&& inner) { return ++calls, inner(); }, manual_time{clock});
  const auto again = [&] { return single([] { return 1; }).error().to_string(); };
  CHECK(*single(again) == "RESOURCE_EXHAUSTED: refused before the function ran (turnstile)");
  CHECK(*single([] { return 2; }) == 2);
}

TEST_CASE("a decorated function sleeps by the machine's clock where it is given none") {
  auto call = decorate<retry<retry_options{.max_attempts = 2, .base = 1_us, .cap = 1_us}>>([]() -> status { return code::unavailable; });
  CHECK(call() == code::unavailable);
  CHECK_FALSE(call.configure(tenon::timeout_options{}));
}
