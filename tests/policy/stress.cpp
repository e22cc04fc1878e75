#include <tenon/policy/stack.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <thread>
#include <tuple>
#include <vector>

#include <tenon/policy/adaptive_limit.hpp>
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/load_shed.hpp>
#include <tenon/policy/throttle.hpp>

// Shared state under threads: what must hold whatever their order is. Built with a thread sanitizer it also says that there is no race.

namespace {

using namespace std::chrono_literals;
using tenon::code;
using tenon::duration;
using tenon::outcome;
using tenon::policy::sharing;

constexpr tenon::breaker_options quick{.window = duration{16ms}, .failure_rate = tenon::percent(25), .min_calls = 10, .open_for = duration{1ms}, .open_max = duration{1ms}, .half_open_calls = 3, .half_open_max_wait = {}};
constexpr tenon::breaker_options by_calls{.window_calls = 50, .failure_rate = tenon::percent(25), .min_calls = 10, .open_for = duration{1ms}, .open_max = duration{1ms}, .half_open_calls = 2};
constexpr tenon::limiter_options per_caller{.rate = tenon::per_second(1'000'000), .burst = 1000, .key = tenon::limiter_key::peer, .max_keys = 64};
constexpr tenon::limiter_options warming{.rate = tenon::per_second(100'000'000), .algorithm = tenon::limiter_algorithm::warm_up, .warm_up = duration{1s}};
constexpr tenon::adaptive_limit_options moving{.algorithm = tenon::adaptive_algorithm::gradient2, .initial = 3, .min = 2, .max = 5, .window = duration{1ms}, .min_samples = 3, .ignore_below = {}};
constexpr tenon::adaptive_limit_options bbr{.algorithm = tenon::adaptive_algorithm::bbr, .initial = 4, .min = 1, .ignore_below = {}};
constexpr tenon::throttle_options light{.window = duration{100ms}, .max_reject = tenon::percent(50)};

// Runs calls of all threads through one stack; `inside(call states)` is what an admitted call does.
template <class Stack>
class hammered {
 public:
  template <class Inside>
  void run(Inside&& inside) {
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([this, thread, &inside] {
        tenon::random_source dice{thread + 7};
        for (int i = 0; i < 20'000; ++i) one(dice, inside);
      });
    }
    for (std::thread& each : threads) each.join();
  }

  typename Stack::client_states client{};
  typename Stack::endpoint_states endpoint{};

 private:
  template <class Inside>
  void one(tenon::random_source& dice, Inside& inside) {
    typename Stack::call_states states{};
    typename Stack::info_type info{};
    info.now = info.attempt_start = {now_.fetch_add(static_cast<std::int64_t>(dice.below(20'000)), std::memory_order_relaxed)};
    info.random = &dice;
    info.peer_key = dice.below(100);
    const typename Stack::view view{client, endpoint, options_, states, info};
    outcome result = Stack::admit_call(view);
    if (!result.ok()) return;
    inside(states);
    if (dice.below(16) == 0) std::this_thread::yield();
    const std::uint64_t roll = dice.below(100);
    result.code = roll < 30 ? code::unavailable : roll < 33 ? code::cancelled : roll < 36 ? code::not_found : code::ok;
    if (roll == 99) result = {.code = code::cancelled, .flags = outcome::local};
    info.now = {now_.load(std::memory_order_relaxed)};
    Stack::observe_call(view, result);
  }

  typename Stack::config options_ = Stack::defaults();
  std::atomic<std::int64_t> now_{1'000'000'000'000};
};

// The most probes of one generation of the breaker at position `I`, however the calls ended.
template <std::size_t I>
class probes_seen {
 public:
  template <class States>
  void operator()(const States& states) {
    const tenon::policy::detail::breaker_word word{std::get<I>(states).word};
    if (word.state() != tenon::policy::detail::breaker_word::probe) return;
    while (busy_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    ++seen_[word.generation()];
    busy_.clear(std::memory_order_release);
  }
  std::size_t rounds() const { return seen_.size(); }
  const std::map<std::uint64_t, int>& all() const { return seen_; }

 private:
  std::atomic_flag busy_{};
  std::map<std::uint64_t, int> seen_;
};

}  // namespace

TEST_CASE("threads never get more probes than a round has, save those that were given back, nor more places than there are") {
  using stack = tenon::policy::stack<tenon::breaker<quick, sharing::shared>, tenon::bulkhead<2, sharing::shared>>;
  hammered<stack> all;
  probes_seen<0> probes;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  all.run([&](const stack::call_states& states) {
    probes(states);
    const int now = inside.fetch_add(1) + 1;
    int seen = most.load();
    while (now > seen && !most.compare_exchange_weak(seen, now)) {}
    inside.fetch_sub(1);
  });
  CHECK(most <= 2);
  CHECK(std::get<1>(all.endpoint).state->in_flight() == 0);
  CHECK(probes.rounds() > 20);
  const auto word = std::get<0>(all.endpoint).state->word();
  CHECK((!word.is(tenon::breaker_state::half_open) || word.pending() == 0));
}

TEST_CASE("a round of probes is never exceeded when each probe has a verdict") {
  using policy = tenon::breaker<quick, sharing::shared>;
  policy::state of;
  std::atomic<std::int64_t> now{1'000'000'000'000};
  probes_seen<0> probes;
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      tenon::random_source dice{thread + 3};
      for (int i = 0; i < 40'000; ++i) {
        std::tuple<policy::call_state> call;
        tenon::call_info info{};
        info.now = info.attempt_start = {now.fetch_add(static_cast<std::int64_t>(dice.below(20'000)), std::memory_order_relaxed)};
        info.random = &dice;
        if (!policy::admit(of, quick, std::get<0>(call), info).ok()) continue;
        probes(call);
        if (dice.below(16) == 0) std::this_thread::yield();
        info.now = {now.load(std::memory_order_relaxed)};
        policy::observe(of, quick, std::get<0>(call), info, {.code = dice.below(100) < 40 ? code::unavailable : code::ok});
      }
    });
  }
  for (std::thread& each : threads) each.join();
  int worst = 0;
  for (const auto& [generation, count] : probes.all()) worst = (std::max)(worst, count);
  CHECK(probes.rounds() > 20);
  CHECK(worst <= 3);
}

TEST_CASE("every shared policy ends where it began, and no thread sees another's half") {
  using stack = tenon::policy::stack<tenon::load_shed<tenon::load_shed_options{}, sharing::shared>, tenon::limiter<per_caller, sharing::shared>,
                                     tenon::throttle<light, sharing::shared>, tenon::breaker<by_calls, sharing::shared>, tenon::bulkhead<4, sharing::shared>,
                                     tenon::adaptive_limit<moving, sharing::shared>>;
  hammered<stack> all;
  std::atomic<int> passed{0};
  all.run([&](const stack::call_states&) { ++passed; });
  CHECK(passed > 100);
  CHECK(std::get<4>(all.endpoint).state->in_flight() == 0);
  CHECK(std::get<5>(all.endpoint).state->in_flight() == 0);
  CHECK(std::get<5>(all.endpoint).state->limit() >= 2);
  CHECK(std::get<5>(all.endpoint).state->limit() <= 5);
}

TEST_CASE("the same with a limit that warms up, and with bbr") {
  using stack = tenon::policy::stack<tenon::limiter<warming, sharing::shared>, tenon::adaptive_limit<bbr, sharing::shared>>;
  hammered<stack> all;
  std::atomic<int> passed{0};
  all.run([&](const stack::call_states&) { ++passed; });
  CHECK(passed > 100);
  CHECK(std::get<1>(all.endpoint).state->in_flight() == 0);
}
