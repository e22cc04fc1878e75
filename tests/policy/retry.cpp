#include <tenon/policy/retry.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <tuple>
#include <utility>
#include <vector>

#include <tenon/core/clock.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/decorate.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;

namespace {

using tenon::budget_form;
using tenon::code;
using tenon::duration;
using tenon::instant;
using tenon::outcome;
using tenon::retry;
using tenon::retry_budget_options;
using tenon::retry_options;
using tenon::status;

static_assert(tenon::policy::any<retry<>> && tenon::policy::loop<retry<>>);
static_assert(retry<>::defaults.max_attempts == 3 && retry<>::defaults.base == 25_ms && retry<>::defaults.cap == 250_ms);
static_assert(retry<retry_options{.max_attempts = 4, .base = 10_ms}>::defaults.base == 10_ms);

// A peer that says what it is told to, and remembers when it was asked.
struct script {
  tenon::manual_clock clock{};
  std::vector<outcome> answers{};
  duration takes{};
  std::vector<std::int64_t> asked_ms{};
  // The last answer is repeated.
  status operator()() {
    asked_ms.push_back((clock.now().ns - 1) / 1'000'000);
    clock.advance(takes);
    const std::size_t i = std::min(asked_ms.size(), answers.size()) - 1;
    return status{answers[i]};
  }
};

constexpr outcome unavailable{.code = code::unavailable};
constexpr outcome after(std::int32_t milliseconds, code why = code::unavailable, unsigned flags = 0) {
  return {.code = why, .flags = static_cast<std::uint8_t>(outcome::pushback | flags), .pushback_ms = milliseconds};
}

template <class... Policies>
auto around(script& peer, tenon::decorate_options options = {.idempotent = true, .seed = 1}) {
  return tenon::decorate<Policies...>([&peer] { return peer(); }, tenon::manual_time{peer.clock}, options);
}

// One call through a stack by hand, so that the draw of the jitter is known. Returns the delays.
template <class Policy>
std::vector<duration> delays(std::uint64_t draw, outcome answer = unavailable) {
  using stack = tenon::policy::stack<Policy>;
  typename stack::client_states client{};
  typename stack::endpoint_states endpoint{};
  typename stack::call_states calls{};
  const typename stack::config options = stack::defaults();
  tenon::random_source random = tenon::random_source::constant(draw);
  typename stack::info_type info{};
  info.random = &random;
  info.idempotent = true;
  const typename stack::view call{client, endpoint, options, calls, info};
  std::vector<duration> found;
  REQUIRE(stack::admit_call(call).ok());
  for (;;) {
    REQUIRE(stack::admit_attempt(call).ok());
    stack::observe_attempt(call, answer);
    const tenon::policy::decision then = stack::decide(call, answer);
    if (!then.again) break;
    found.push_back(then.delay);
    ++info.attempt;
  }
  stack::observe_call(call, answer);
  return found;
}

constexpr std::uint64_t half = std::uint64_t{1} << 63;
constexpr std::uint64_t most = ~std::uint64_t{0};
// What a source must give so that `value` is drawn below `bound`.
constexpr std::uint64_t draw_of(std::uint64_t value, std::uint64_t bound) { return most / bound * value + most / bound / 2; }

constexpr retry_budget_options free_of_charge{.form = budget_form::unlimited};

}  // namespace

TEST_CASE("retry repeats what is unavailable until it is not, and no more often than it may") {
  script peer{.answers = {unavailable, unavailable, outcome{}}};
  CHECK(around<retry<>>(peer)().ok());
  CHECK(peer.asked_ms.size() == 3);
  script dead{.answers = {unavailable}};
  CHECK(around<retry<>>(dead)().code() == code::unavailable);
  CHECK(dead.asked_ms.size() == 3);
  script once{.answers = {unavailable}};
  (void)around<retry<retry_options{.max_attempts = 1}>>(once)();
  CHECK(once.asked_ms.size() == 1);
}

TEST_CASE("retry leaves alone what another attempt cannot mend") {
  for (const code why : {code::cancelled, code::unknown, code::invalid_argument, code::deadline_exceeded, code::not_found, code::already_exists, code::permission_denied, code::resource_exhausted,
                         code::failed_precondition, code::aborted, code::out_of_range, code::unimplemented, code::internal, code::data_loss, code::unauthenticated}) {
    CAPTURE(tenon::code_name(why));
    script peer{.answers = {outcome{.code = why}}};
    auto call = around<retry<>>(peer);
    CHECK(call().code() == why);
    CHECK(peer.asked_ms.size() == 1);
  }
  // Nor where nothing ran, when the request itself is at fault.
  script peer{.answers = {outcome{.code = code::invalid_argument, .flags = outcome::not_executed}}};
  (void)around<retry<>>(peer)();
  CHECK(peer.asked_ms.size() == 1);
}

TEST_CASE("a method that is not idempotent is repeated only when nothing ran") {
  script peer{.answers = {unavailable, outcome{}}};
  CHECK(around<retry<>>(peer, {.idempotent = false, .seed = 1})().code() == code::unavailable);
  CHECK(peer.asked_ms.size() == 1);
  script refused{.answers = {after(40, code::unavailable, outcome::not_executed), outcome{}}};
  CHECK(around<retry<>>(refused, {.idempotent = false, .seed = 1})().ok());
  CHECK(refused.asked_ms == std::vector<std::int64_t>{0, 40});
  script exhausted{.answers = {outcome{.code = code::resource_exhausted, .flags = outcome::not_executed}, outcome{}}};
  CHECK(around<retry<>>(exhausted, {.idempotent = false, .seed = 1})().ok());
  script trusting{.answers = {unavailable, outcome{}}};
  CHECK(around<retry<retry_options{.idempotent_only = false}>>(trusting, {.idempotent = false, .seed = 1})().ok());
}

TEST_CASE("an attempt that certainly never ran is repeated once at once, without counting") {
  constexpr outcome not_run{.code = code::unavailable, .flags = outcome::not_executed};
  script peer{.answers = {not_run, outcome{}}};
  CHECK(around<retry<retry_options{.max_attempts = 1}>>(peer, {.idempotent = false, .seed = 1})().ok());
  CHECK(peer.asked_ms == std::vector<std::int64_t>{0, 0});
  script again{.answers = {not_run}};
  (void)around<retry<retry_options{.max_attempts = 3, .budget = free_of_charge}>>(again)();
  CHECK(again.asked_ms.size() == 4);
}

TEST_CASE("what a connection did not carry is repeated at once without a token, what a peer refused for one that comes back when it helps") {
  constexpr outcome not_run{.code = code::unavailable, .flags = outcome::not_executed};
  constexpr outcome not_carried{.code = code::unavailable, .flags = outcome::local | outcome::not_executed};
  constexpr retry_options one_token{.max_attempts = 1, .budget = {.share = {}, .tokens = 1, .per_second = 0}};
  for (const outcome first : {not_run, not_carried}) {
    CAPTURE(static_cast<int>(first.flags));
    // It helps each time: one token is enough for ever.
    script peer{.answers = {first, outcome{}}};
    auto call = around<retry<one_token>>(peer);
    for (int i = 0; i < 5; ++i) {
      peer.asked_ms.clear();
      CHECK(call().ok());
      CHECK(peer.asked_ms.size() == 2);
    }
    // It does not: the token is gone, and a peer that refuses everything is asked once for each call.
    script full{.answers = {first}};
    auto in_vain = around<retry<one_token>>(full);
    for (int i = 0; i < 5; ++i) CHECK(in_vain().code() == code::unavailable);
    CHECK(full.asked_ms.size() == (first == not_run ? 6 : 10));
  }
}

TEST_CASE("a repeat that is refused, and asked once more at once, is under way once") {
  constexpr outcome not_run{.code = code::unavailable, .flags = outcome::not_executed};
  script peer{.answers = {unavailable, not_run, outcome{}}};
  auto call = around<retry<retry_options{.budget = {.form = budget_form::in_flight, .tokens = 1}}>>(peer);
  for (int i = 0; i < 5; ++i) {
    peer.asked_ms.clear();
    CHECK(call().ok());
    CHECK(peer.asked_ms.size() == 3);
  }
}

TEST_CASE("a peer that refuses everything is asked no more often than one that fails, in whatever form the budget is") {
  constexpr outcome not_run{.code = code::unavailable, .flags = outcome::not_executed};
  const auto asked = [&](auto policy) {
    script full{.answers = {not_run}};
    auto call = around<decltype(policy)>(full);
    for (int i = 0; i < 1'000; ++i) (void)call();
    return full.asked_ms.size();
  };
  CHECK(asked(retry<>{}) <= 1'020);
  CHECK(asked(retry<retry_options{.budget = {.form = budget_form::grpc}}>{}) <= 1'010);
  CHECK(asked(retry<retry_options{.budget = {.form = budget_form::window}}>{}) <= 1'400);
}

TEST_CASE("a pushback says when: exactly then, or never, and the backoff starts over") {
  script peer{.answers = {unavailable, after(70), unavailable, outcome{}}};
  CHECK(around<retry<retry_options{.max_attempts = 4, .jitter = tenon::jitter::none}>>(peer)().ok());
  CHECK(peer.asked_ms == std::vector<std::int64_t>{0, 25, 95, 120});
  script never{.answers = {after(-1)}};
  (void)around<retry<>>(never)();
  CHECK(never.asked_ms.size() == 1);
  script hopeless{.answers = {outcome{.code = code::unavailable, .flags = outcome::no_retry}}};
  (void)around<retry<>>(hopeless)();
  CHECK(hopeless.asked_ms.size() == 1);
  script quota{.answers = {after(10, code::resource_exhausted), outcome{}}};
  CHECK(around<retry<>>(quota)().ok());
  CHECK(quota.asked_ms == std::vector<std::int64_t>{0, 10});
  script eager{.answers = {after(3'600'000), outcome{}}};
  CHECK(around<retry<>>(eager)().ok());
  CHECK(eager.asked_ms == std::vector<std::int64_t>{0, 30'000});
  script deaf{.answers = {after(-1), outcome{}}};
  CHECK(around<retry<retry_options{.respect_pushback = false}>>(deaf)().ok());
}

TEST_CASE("a wait that would reach the deadline is not begun: the call ends with the last real status") {
  script peer{.answers = {after(100)}};
  CHECK(around<tenon::timeout<100_ms>, retry<>>(peer)().code() == code::unavailable);
  CHECK(peer.asked_ms.size() == 1);
  script fits{.answers = {after(99), outcome{}}};
  CHECK(around<tenon::timeout<100_ms>, retry<>>(fits)().ok());
  CHECK(fits.asked_ms == std::vector<std::int64_t>{0, 99});
}

TEST_CASE("no attempt starts at or after the deadline, whatever the jitter") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    script peer{.answers = {unavailable}, .takes = 20_ms};
    auto call = around<tenon::timeout<300_ms>, retry<retry_options{.max_attempts = 10}>>(peer, {.idempotent = true, .seed = seed});
    CHECK(call().code() == code::unavailable);
    CHECK(peer.asked_ms.size() <= 10);
    CHECK(peer.asked_ms.back() < 300);
    CHECK(peer.clock.now() <= instant{1} + 320_ms);
  }
}

TEST_CASE("grpc-go's unary trace: seven calls leave the server's counter at 0, 2, 5, 6, 8, 11, 15") {
  tenon::manual_clock clock;
  int counter = -1;
  auto call = tenon::decorate<retry<retry_options{.max_attempts = 4, .base = 10_ms, .cap = 10_ms, .on = tenon::codes(code::already_exists), .budget = {.tokens = 100}}>>(
      [&counter]() -> status {
        ++counter;
        if (counter == 0 || counter == 2 || counter == 5) return {};
        if (counter == 6 || counter == 8 || counter == 11) return code::internal;
        return code::already_exists;
      },
      tenon::manual_time{clock});
  for (const auto& [expected, count] : {std::pair{code::ok, 0}, {code::ok, 2}, {code::ok, 5}, {code::internal, 6}, {code::internal, 8}, {code::internal, 11}, {code::already_exists, 15}}) {
    CHECK(call().code() == expected);
    CHECK(counter == count);
  }
}

TEST_CASE("grpc-go's throttling trace: ten tokens, half a token for each success") {
  using policy = retry<retry_options{.max_attempts = 4, .budget = {.form = budget_form::grpc, .share = tenon::percent(50), .tokens = 10}}>;
  using stack = tenon::policy::stack<policy>;
  stack::client_states client{};
  stack::endpoint_states endpoint{};
  const stack::config options = stack::defaults();
  tenon::random_source random;
  int counter = -1;
  const auto call_once = [&] {
    stack::call_states calls{};
    tenon::call_info info{.random = &random, .idempotent = true};
    const stack::view call{client, endpoint, options, calls, info};
    REQUIRE(stack::admit_call(call).ok());
    for (;;) {
      ++counter;
      const bool good = std::ranges::count(std::vector{0, 3, 6, 10, 11, 12, 13, 14, 16, 18}, counter) != 0;
      const outcome answer = good ? outcome{} : unavailable;
      if (stack::decide(call, answer).again) {
        ++info.attempt;
        continue;
      }
      stack::observe_call(call, answer);
      return good;
    }
  };
  struct row {
    bool good;
    int counter;
    double tokens;
  };
  for (const row& each : {row{true, 0, 10}, {true, 3, 8.5}, {true, 6, 7.0}, {false, 8, 5}, {false, 9, 4}, {true, 10, 4.5}, {true, 11, 5}, {true, 12, 5.5}, {true, 13, 6}, {true, 14, 6.5}, {true, 16, 6.0},
                          {false, 17, 5.0}}) {
    CHECK(call_once() == each.good);
    CHECK(counter == each.counter);
    CHECK(std::get<0>(client).millionths_left(policy::defaults.budget) == static_cast<std::int64_t>(each.tokens * 1e6));
  }
}

TEST_CASE("full jitter draws below a bound that doubles up to the cap, as Envoy's tests have it") {
  using envoy = retry<retry_options{.max_attempts = 6, .budget = free_of_charge}>;
  CHECK(delays<envoy>(most) == std::vector<duration>{25_ms - 1_ns, 50_ms - 1_ns, 100_ms - 1_ns, 200_ms - 1_ns, 250_ms - 1_ns});
  CHECK(delays<envoy>(0) == std::vector<duration>(5));
  CHECK(delays<envoy>(half) == std::vector<duration>{12'500_us, 25_ms, 50_ms, 100_ms, 125_ms});
  using first = retry<retry_options{.max_attempts = 4, .base = 25_ns, .cap = 250_ns, .budget = free_of_charge}>;
  CHECK(delays<first>(draw_of(190 % 25, 25))[0] == 15_ns);
  CHECK(delays<first>(draw_of(190 % 50, 50))[1] == 40_ns);
  CHECK(delays<first>(draw_of(190 % 100, 100))[2] == 90_ns);
  using second = retry<retry_options{.max_attempts = 6, .base = 100_ns, .cap = 1200_ns, .budget = free_of_charge}>;
  CHECK(delays<second>(draw_of(149 % 100, 100))[0] == 49_ns);
  CHECK(delays<second>(draw_of(350 % 200, 200))[1] == 150_ns);
  CHECK(delays<second>(draw_of(751 % 400, 400))[2] == 351_ns);
  CHECK(delays<second>(draw_of(2399 % 800, 800))[3] == 799_ns);
  CHECK(delays<second>(draw_of(2399 % 1200, 1200))[4] == 1199_ns);
  using capped = retry<retry_options{.max_attempts = 6, .base = 100_ns, .cap = 1000_ns, .budget = free_of_charge}>;
  CHECK(delays<capped>(draw_of(2999 % 800, 800))[3] == 599_ns);
  CHECK(delays<capped>(draw_of(2999 % 1000, 1000))[4] == 999_ns);
}

TEST_CASE("the other forms of jitter keep to their intervals") {
  using equal = retry<retry_options{.max_attempts = 4, .jitter = tenon::jitter::equal, .budget = free_of_charge}>;
  CHECK(delays<equal>(0) == std::vector<duration>{12'500_us, 25_ms, 50_ms});
  CHECK(delays<equal>(half) == std::vector<duration>{18'750_us, 37'500_us, 75_ms});
  using grpc = retry<retry_options{.max_attempts = 6, .jitter = tenon::jitter::grpc, .budget = free_of_charge}>;
  CHECK(delays<grpc>(0) == std::vector<duration>{20_ms, 40_ms, 80_ms, 160_ms, 200_ms});
  CHECK(delays<grpc>(half) == std::vector<duration>{25_ms, 50_ms, 100_ms, 200_ms, 250_ms});
  CHECK(delays<grpc>(most)[4] == 300_ms - 1_ns);
  using decorrelated = retry<retry_options{.max_attempts = 5, .jitter = tenon::jitter::decorrelated, .budget = free_of_charge}>;
  CHECK(delays<decorrelated>(0) == std::vector<duration>{25_ms, 25_ms, 25_ms, 25_ms});
  CHECK(delays<decorrelated>(half) == std::vector<duration>{50_ms, 87'500_us, 143'750_us, 228'125_us});
  using plain = retry<retry_options{.max_attempts = 4, .multiplier = tenon::percent(150), .jitter = tenon::jitter::none, .budget = free_of_charge}>;
  CHECK(delays<plain>(0) == std::vector<duration>{25_ms, 37'500_us, 56'250_us});
}

TEST_CASE("a drawn delay has the mean of its interval") {
  tenon::random_source random{7};
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) sum += static_cast<double>(random.below(1'000));
  CHECK(std::abs(sum / 10'000 - 499.5) < 10);
}

TEST_CASE("a dead service gets a tenth of a percent more calls, and no more: the budget earns on success only") {
  script peer{.answers = {unavailable}};
  auto call = around<retry<retry_options{.max_attempts = 5, .base = 1_ns, .cap = 1_ns}>>(peer);
  for (int i = 0; i < 10'000; ++i) (void)call();
  CHECK(peer.asked_ms.size() == 10'010);
}

TEST_CASE("with time a budget refills, and with successes, and never above full") {
  tenon::retry_budget budget;
  constexpr retry_budget_options chosen{};
  const auto taken_at = [&](instant now) {
    int taken = 0;
    while (budget.take(chosen, now)) ++taken;
    return taken;
  };
  CHECK(taken_at({1}) == 10);
  CHECK(taken_at(instant{1} + 3_s) == 3);
  CHECK(taken_at(instant{1} + 3500_ms) == 0);
  CHECK(taken_at(instant{1} + 4_s) == 1);
  for (int i = 0; i < 10; ++i) budget.succeeded(chosen);
  CHECK(taken_at(instant{1} + 4_s) == 2);
  for (int i = 0; i < 1'000; ++i) budget.succeeded(chosen);
  CHECK(taken_at(instant{1} + 4_s) == 10);
  CHECK(taken_at(instant{1} + 60_min) == 10);
  // A clock that steps back gives nothing.
  CHECK(taken_at(instant{1}) == 0);
}

TEST_CASE("Envoy's budget: a fifth of what is under way, and always three") {
  constexpr retry_budget_options chosen{.form = budget_form::in_flight, .share = tenon::percent(20), .tokens = 3};
  const auto may = [](int repeats, int calls, retry_budget_options options) {
    tenon::retry_budget budget;
    for (int i = 0; i < std::max(calls, 1'000); ++i) budget.call_began(options, {});
    for (int i = 0; i < repeats; ++i) REQUIRE(budget.take(options, {}));
    for (int i = std::max(calls, 1'000); i > calls; --i) budget.call_ended(false);
    return budget.take(options, {});
  };
  CHECK(may(0, 0, chosen));
  CHECK(may(2, 2, chosen));
  CHECK_FALSE(may(3, 3, chosen));
  CHECK(may(3, 20, chosen));
  CHECK_FALSE(may(4, 20, chosen));
  CHECK(may(4, 20, {.form = budget_form::in_flight, .share = tenon::percent(100), .tokens = 3}));
}

TEST_CASE("finagle's budget: ten thousand deposits pay for their share of withdrawals, to within one") {
  for (const std::int32_t share : {100'000, 500'000, 250'000, 750'000, 990'000, 999'000, 999'900, 10'000, 1'000, 100}) {
    CAPTURE(share);
    const retry_budget_options chosen{.form = budget_form::window, .share = {share}, .per_second = 0};
    tenon::retry_budget budget;
    int taken = 0;
    for (int i = 0; i < 10'000; ++i) {
      budget.call_began(chosen, {});
      taken += budget.take(chosen, {}) ? 1 : 0;
    }
    CHECK(std::abs(taken - 10'000LL * share / 1'000'000) <= 1);
    // Ten seconds later it is all forgotten.
    budget.call_began(chosen, instant{} + 11_s);
    CHECK_FALSE((share < 500'000 && budget.take(chosen, instant{} + 11_s)));
  }
}

TEST_CASE("what budgets count is given back, however calls end") {
  using policy = retry<retry_options{.max_attempts = 4, .budget = {.form = budget_form::in_flight, .tokens = 2}}>;
  using stack = tenon::policy::stack<policy>;
  stack::client_states client{};
  stack::endpoint_states endpoint{};
  const stack::config options = stack::defaults();
  tenon::random_source random{3};
  for (int i = 0; i < 10'000; ++i) {
    stack::call_states calls{};
    tenon::call_info info{.random = &random, .idempotent = true};
    const stack::view call{client, endpoint, options, calls, info};
    REQUIRE(stack::admit_call(call).ok());
    outcome answer{};
    do {
      // Now and then the call is cancelled between attempts: nobody decides then.
      if (random.below(10) == 0) break;
      answer = random.below(3) == 0 ? outcome{} : unavailable;
    } while (stack::decide(call, answer).again);
    stack::observe_call(call, answer);
  }
  // All are back: exactly two repeats are granted.
  tenon::retry_budget& budget = std::get<0>(client);
  CHECK(budget.take(policy::defaults.budget, {}));
  CHECK(budget.take(policy::defaults.budget, {}));
  CHECK_FALSE(budget.take(policy::defaults.budget, {}));
}
