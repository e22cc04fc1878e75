#include <tenon/policy/select.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string_view>
#include <type_traits>

#include <tenon/policy/configuration.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using namespace tenon::policy;
using tenon::on_method;
using tenon::retry;
using tenon::retry_options;
using tenon::timeout;

namespace selected {

// Declared and never defined, as contracts are.
struct market {
  void last();
  void buy();
};

}  // namespace selected

namespace {

using selected::market;

struct methods {
  template <auto Method>
  static constexpr std::size_t of = std::is_same_v<std::integral_constant<decltype(Method), Method>, std::integral_constant<decltype(Method), &market::last>> ? 0 : 1;
};

template <class... Parameters>
constexpr auto table = table_of<stack_of<Parameters...>, 2, methods, Parameters...>;

using plain = stack_of<int, timeout<>, double, retry<>>;
static_assert(std::is_same_v<plain, stack<timeout<>, retry<>>>);
static_assert(std::is_same_v<stack_of<>, stack<>> && std::is_same_v<stack_of<on_method<&market::buy, timeout<>>, timeout<1_s>>, stack<timeout<1_s>>>);
static_assert(std::is_same_v<stack_of<on_method<&market::buy, timeout<5_s>>>, stack<switchable<timeout<5_s>>>>);
static_assert(std::is_same_v<stack_of<on_method<&market::buy, retry<>, timeout<5_s>>, on_method<&market::last, timeout<2_s>>>, stack<switchable<retry<>>, switchable<timeout<5_s>>>>);
static_assert(stack_of<on_method<&market::buy, retry<>>, timeout<1_s>>::has_loop);
static_assert(any<switchable<timeout<>>> && any<switchable<retry<>>> && loop<switchable<retry<>>>);
static_assert(std::is_same_v<stack_of<timeout<>, on_method<&market::buy, tagged<"mine", timeout<>>>>, stack<timeout<>, switchable<tagged<"mine", timeout<>>>>>);

}  // namespace

TEST_CASE("without exceptions every method has the options of the policies' types") {
  constexpr auto all = table<timeout<200_ms>, retry<>>;
  static_assert(all.size() == 2 && std::get<0>(all[0]).total == 200_ms && std::get<0>(all[1]).total == 200_ms);
}

TEST_CASE("on_method changes one method's options, and leaves the others'") {
  constexpr auto all = table<on_method<&market::buy, timeout<5_s>, retry<retry_options{.max_attempts = 1}>>, timeout<200_ms>, retry<>>;
  CHECK(std::get<0>(all[0]).total == 200_ms);
  CHECK(std::get<1>(all[0]).max_attempts == 3);
  CHECK(std::get<0>(all[1]).total == 5_s);
  CHECK(std::get<1>(all[1]).max_attempts == 1);
}

TEST_CASE("of two of a kind on_method means the first, and one with its tag means that one") {
  constexpr auto all = table<timeout<1_s>, retry<>, timeout<100_ms>, on_method<&market::buy, timeout<2_s>>>;
  CHECK(std::get<0>(all[1]).total == 2_s);
  CHECK(std::get<2>(all[1]).total == 100_ms);
  constexpr auto tags = table<timeout<1_s>, tagged<"mine", timeout<3_s>>, on_method<&market::buy, tagged<"mine", timeout<2_s>>>>;
  CHECK(std::get<0>(tags[1]).total == 1_s);
  CHECK(std::get<1>(tags[1]).total == 2_s);
}

TEST_CASE("a policy that only on_method names is switched on for that method, and for each that names it") {
  constexpr auto all = table<on_method<&market::buy, timeout<5_s>>>;
  CHECK_FALSE(std::get<0>(all[0]).enabled);
  CHECK(std::get<0>(all[1]).enabled);
  constexpr auto both = table<on_method<&market::buy, timeout<5_s>>, on_method<&market::last, timeout<2_s>>>;
  CHECK(std::get<0>(both[0]).enabled);
  CHECK(std::get<0>(both[0]).total == 2_s);
  CHECK(std::get<0>(both[1]).total == 5_s);
}

TEST_CASE("a policy that is switched off admits, observes and decides nothing") {
  using switched = switchable<timeout<5_s>>;
  none nothing;
  tenon::call_info info{.now = {1}};
  CHECK(switched::admit(nothing, switched::defaults, nothing, info).ok());
  CHECK(info.deadline == tenon::instant::never());
  CHECK(switched::admit(nothing, switched::options{{.total = 1_s}, true}, nothing, info).ok());
  CHECK(info.deadline == tenon::instant{1} + 1_s);
  using again = switchable<retry<>>;
  again::state budget;
  again::call_state call;
  info.idempotent = true;
  CHECK_FALSE(again::decide(budget, again::defaults, call, info, {.code = tenon::code::unavailable}).again);
}
