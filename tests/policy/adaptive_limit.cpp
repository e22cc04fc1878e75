#include <tenon/policy/adaptive_limit.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <type_traits>
#include <utility>
#include <vector>

#include <policy/driven.hpp>

using namespace std::chrono_literals;

namespace {

using tenon::adaptive_algorithm;
using tenon::adaptive_limit;
using tenon::adaptive_limit_options;
using tenon::code;
using tenon::duration;
using tenon::instant;
using tenon::outcome;
using tenon::percent;
using tenon::policy::event_kind;
using tenon::policy::sharing;

template <sharing Mode>
using mode = std::integral_constant<sharing, Mode>;
#define BOTH_MODES mode<sharing::per_loop>, mode<sharing::shared>

constexpr outcome cancelled_here{.code = code::cancelled, .flags = outcome::local};

// Each answer is a step.
constexpr adaptive_limit_options at_once(adaptive_algorithm algorithm, int initial, int min, int max) {
  return {.algorithm = algorithm, .initial = initial, .min = min, .max = max, .window = {}, .min_samples = 1, .smoothing = percent(100)};
}

// The last of `in_flight` calls that are under way at once takes `rtt` and ends with `how`; the others go away and say nothing. Returns the limit after that.
template <class Client>
int after(Client& client, int in_flight, duration rtt, outcome how = {}) {
  std::vector<std::unique_ptr<typename Client::call>> calls;
  for (int i = 0; i < in_flight; ++i) {
    calls.push_back(client.begin());
    REQUIRE(calls.back()->admitted());
  }
  calls.back()->template state<0>().began = {client.clock.now().ns - rtt.ns};
  calls.back()->end(how);
  calls.pop_back();
  for (const auto& each : calls) each->end(cancelled_here);
  CHECK(client.template state<0>().in_flight() == 0);
  return client.template state<0>().limit();
}

static_assert(tenon::policy::any<adaptive_limit<>> && tenon::policy::any<adaptive_limit<adaptive_limit_options{}, sharing::shared>>);

}  // namespace

TEST_CASE_TEMPLATE("vegas grows without a queue, shrinks with one, and stays in between", Mode, BOTH_MODES) {
  static constexpr auto large = at_once(adaptive_algorithm::vegas, 10'000, 1, 20'000);
  static constexpr auto small = at_once(adaptive_algorithm::vegas, 10, 1, 20);
  driven::client<adaptive_limit<large, Mode::value>> first;
  CHECK(after(first, 5000, 10ms) == 10'000);
  CHECK(after(first, 6000, 10ms) == 10'024);
  driven::client<adaptive_limit<small, Mode::value>> grows;
  CHECK(after(grows, 10, 10ms) == 10);
  CHECK(after(grows, 10, 10ms) == 16);
  driven::client<adaptive_limit<small, Mode::value>> shrinks;
  CHECK(after(shrinks, 10, 10ms) == 10);
  CHECK(after(shrinks, 10, 50ms) == 9);
  driven::client<adaptive_limit<small, Mode::value>> stays;
  CHECK(after(stays, 10, 10ms) == 10);
  CHECK(after(stays, 10, 14ms) == 10);
  driven::client<adaptive_limit<small, Mode::value>> unused;
  CHECK(after(unused, 4, 10ms) == 10);
  CHECK(after(unused, 4, 10ms) == 10);
}

TEST_CASE("a step goes a part of the way") {
  using tenon::policy::detail::smoothed;
  double limit = 100;
  limit = smoothed(limit, limit / 2, percent(50));
  CHECK(static_cast<int>(limit) == 75);
  limit = smoothed(limit, limit / 2, percent(50));
  CHECK(static_cast<int>(limit) == 56);
}

TEST_CASE_TEMPLATE("aimd adds one while it goes well and takes a tenth after a drop", Mode, BOTH_MODES) {
  static constexpr auto usual = at_once(adaptive_algorithm::aimd, 20, 20, 200);
  static constexpr auto middle = at_once(adaptive_algorithm::aimd, 30, 20, 200);
  static constexpr auto capped = at_once(adaptive_algorithm::aimd, 21, 1, 21);
  driven::client<adaptive_limit<usual, Mode::value>> grows;
  CHECK(after(grows, 10, 1ms) == 21);
  driven::client<adaptive_limit<middle, Mode::value>> drops;
  CHECK(after(drops, 1, 1ms, {.code = code::unavailable}) == 27);
  driven::client<adaptive_limit<middle, Mode::value>> slow;
  CHECK(after(slow, 1, 5001ms) == 27);
  driven::client<adaptive_limit<capped, Mode::value>> full;
  CHECK(after(full, 10, 1ms) == 21);
}

TEST_CASE("the long mean is exact at first and fades later") {
  tenon::policy::detail::fading_mean mean{100, 10};
  for (int i = 0; i < 10; ++i) CHECK(mean.add(i + 10) == doctest::Approx(10 + i * 0.5));
  CHECK(mean.add(100) == doctest::Approx(16.2).epsilon(0.01));
}

TEST_CASE_TEMPLATE("bbr: the most that passed in a bucket times the shortest time", Mode, BOTH_MODES) {
  static constexpr adaptive_limit_options options{.algorithm = adaptive_algorithm::bbr};
  // Ten buckets; in each so many calls, whose mean is 5.5, 15.5, ... milliseconds.
  const auto fill = [](auto& client, int first_bucket) {
    client.template state<0>().cpu().pretend(percent(0));
    client.clock.advance_to(instant{} + 2'000s);
    for (int bucket = 0; bucket < 10; ++bucket) {
      for (int i = 0; i < (bucket + first_bucket) * 100; ++i) {
        const auto call = client.begin();
        call->template state<0>().began = {client.clock.now().ns - 1'000'000 * (bucket * 10 + 1 + i % 10)};
        call->end();
      }
      if (bucket < 9) client.clock.advance(100ms);
    }
  };
  {
    driven::client<adaptive_limit<options, Mode::value>> client;
    fill(client, 2);
    CHECK(client.template state<0>().limit() == 61);
  }
  driven::client<adaptive_limit<options, Mode::value>> client;
  fill(client, 1);
  auto& limit = client.template state<0>();
  CHECK(limit.limit() == 55);
  // 54 fit. Above that a call passes as long as the processors keep up.
  std::vector<std::unique_ptr<typename decltype(client)::call>> calls;
  const auto hold = [&](std::size_t many) {
    while (calls.size() > many) {
      calls.back()->end(cancelled_here);
      calls.pop_back();
    }
    while (calls.size() < many) calls.push_back(client.begin());
  };
  hold(80);
  CHECK(client.begin()->admitted());
  hold(50);
  limit.cpu().pretend(percent(80));
  CHECK(client.begin()->admitted());
  limit.cpu().pretend(percent(0));
  hold(80);
  limit.cpu().pretend(percent(80));
  const outcome refused = client.begin()->result();
  CHECK(refused.code == code::unavailable);
  CHECK(refused.has(outcome::not_executed));
  CHECK(refused.pushback_ms == 6);
  // What was refused makes the load fall; for a second it counts on.
  limit.cpu().pretend(percent(70));
  CHECK_FALSE(client.begin()->admitted());
  client.clock.advance(2s);
  CHECK(client.begin()->admitted());
  hold(0);
}

TEST_CASE("bbr always lets one call pass, and as many as fit") {
  driven::client<adaptive_limit<adaptive_limit_options{.algorithm = adaptive_algorithm::bbr}>> client;
  client.state<0>().cpu().pretend(percent(100));
  client.clock.advance_to(instant{} + 2'000s);
  const auto admitted = [&] {
    std::vector<std::unique_ptr<decltype(client)::call>> calls;
    for (auto call = client.begin(); call->admitted(); call = client.begin()) calls.push_back(std::move(call));
    return calls.size();
  };
  CHECK(admitted() == 20);  // nothing is known yet: as many as `initial`
  for (int i = 0; i < 50; ++i) client.call_with(code::ok, 1ms);
  client.clock.advance(100ms);
  client.begin()->end(cancelled_here);
  CHECK(client.state<0>().limit() == 20);
  client.call_with(code::ok, 1ms);
  // 500 per second of 1 ms each: one fits, and a second call may pass.
  CHECK(admitted() == 2);
  client.clock.advance(11s);
  for (int i = 0; i < 1000; ++i) {
    const auto call = client.begin();
    call->template state<0>().began = {client.clock.now().ns - 6'000'000};
    call->end();
  }
  client.clock.advance(100ms);
  client.call_with(code::ok, 6ms);
  // 10000 per second of 6 ms each: 60 fit, and one more may come on top of them.
  CHECK(admitted() == 61);
}

TEST_CASE_TEMPLATE("at the limit calls are refused with the time to come back, and each end makes room", Mode, BOTH_MODES) {
  driven::client<adaptive_limit<adaptive_limit_options{}, Mode::value>> client;
  std::vector<std::unique_ptr<typename decltype(client)::call>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(client.begin());
  for (const auto& each : calls) CHECK(each->admitted());
  const auto refused = client.begin();
  CHECK(refused->result().code == code::unavailable);
  CHECK(refused->result().has(outcome::local));
  CHECK(refused->result().pushback_ms == 1);
  CHECK_FALSE(decltype(client)::template policy<0>::ready(client.template state<0>(), client.template options<0>(), client.clock.now()));
  calls.pop_back();
  CHECK(client.begin()->admitted());
}

TEST_CASE("what a call waited before it got here is not its time") {
  static constexpr auto options = at_once(adaptive_algorithm::aimd, 30, 1, 200);
  driven::client<adaptive_limit<options>> client;
  std::vector<std::unique_ptr<decltype(client)::call>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(client.begin());
  calls.back()->info().attempt_start = {client.clock.now().ns - duration{10s}.ns};
  client.clock.advance(1ms);
  calls.back()->end();
  CHECK(client.state<0>().limit() == 31);
  for (const auto& each : calls) {
    if (each->running()) each->end(cancelled_here);
  }
}

TEST_CASE("methods with a shed level are refused earlier") {
  driven::client<adaptive_limit<>> client;
  std::vector<std::unique_ptr<decltype(client)::call>> calls;
  const auto fill = [&](int level, std::size_t expected) {
    client.options<0>().shed_level = level;
    for (auto call = client.begin(); call->admitted(); call = client.begin()) calls.push_back(std::move(call));
    CHECK(calls.size() == expected);
  };
  fill(3, 14);
  fill(2, 16);
  fill(1, 18);
  fill(0, 20);
}

TEST_CASE("what counts as time, as a drop, and as nothing") {
  struct row {
    outcome ended;
    int limit;  // aimd from 30: 31 after a time, 27 after a drop, 30 after nothing
  };
  static constexpr auto options = at_once(adaptive_algorithm::aimd, 30, 1, 200);
  for (const row& each : {row{{}, 31},
                          {{.code = code::not_found}, 31},
                          {{.code = code::unknown}, 31},
                          {{.code = code::internal}, 31},
                          {{.code = code::aborted}, 31},
                          {{.code = code::unavailable}, 27},
                          {{.code = code::deadline_exceeded}, 27},
                          {{.code = code::deadline_exceeded, .flags = outcome::local}, 27},
                          {{.code = code::resource_exhausted}, 27},
                          {{.code = code::resource_exhausted, .flags = outcome::local, .producer = 4}, 30},
                          {{.code = code::unavailable, .flags = outcome::local, .producer = 4}, 30},
                          {{.code = code::invalid_argument}, 30},
                          {{.code = code::unimplemented}, 30},
                          {{.code = code::unauthenticated}, 30},
                          {cancelled_here, 30}}) {
    CAPTURE(static_cast<int>(each.ended.code));
    driven::client<adaptive_limit<options>> client;
    CHECK(after(client, 20, 10ms, each.ended) == each.limit);
  }
  driven::client<adaptive_limit<options>> fast;
  CHECK(after(fast, 20, 99us) == 30);
}

TEST_CASE("the limit moves once per window, and reports it") {
  driven::client<adaptive_limit<adaptive_limit_options{.algorithm = adaptive_algorithm::aimd, .initial = 20}>> client;
  for (int i = 0; i < 100; ++i) CHECK(after(client, 15, 1ms) == 20);
  client.clock.advance(1s);
  CHECK(after(client, 15, 1ms) == 21);
  CHECK(after(client, 15, 1ms) == 21);
  CHECK(client.heard(event_kind::changed) == 1);
  // Too few samples are none.
  client.clock.advance(1s);
  for (int i = 0; i < 8; ++i) CHECK(after(client, 15, 1ms) == 21);
  CHECK(after(client, 15, 1ms) == 22);
}

TEST_CASE("a limit grows to a few times what was in use, no further") {
  static constexpr auto options = at_once(adaptive_algorithm::vegas, 10, 1, 1000);
  driven::client<adaptive_limit<options>> client;
  client.options<0>().max_factor = 2;
  int limit = 10;
  for (int i = 0; i < 200; ++i) limit = after(client, (std::min)(limit, 30), 10ms);
  CHECK(limit == 60);
}

namespace {

// Calls come at random, `workers` work on them, and the rest wait in line: all in virtual time.
struct service {
  int workers = 0;
  double mean_ns = 0;
  double arrivals_per_ns = 0;
  bool dead = false;
};
struct measured {
  double mean_limit = 0;
  std::int64_t good = 0;  // answers within ten times the mean
};

template <class Client>
class simulation {
 public:
  explicit simulation(service described) : of{described} {}

  measured run(duration time) {
    const instant end = client.clock.now() + time;
    measured seen;
    double area = 0;
    while (client.clock.now() < end) {
      const instant next = ends_.empty() ? next_arrival_ : (std::min)(next_arrival_, ends_.top().first);
      area += static_cast<double>(client.template state<0>().limit()) * static_cast<double>((next - client.clock.now()).ns);
      client.clock.advance_to(next);
      if (next == next_arrival_) arrive();
      else finish(seen);
    }
    seen.mean_limit = area / static_cast<double>(time.ns);
    return seen;
  }

  service of;
  Client client;

 private:
  using call = typename Client::call;
  double exponential(double mean) { return -std::log(1 - client.random.unit()) * mean; }
  void arrive() {
    next_arrival_ = client.clock.now() + duration{static_cast<std::int64_t>(exponential(1 / of.arrivals_per_ns)) + 1};
    auto made = client.begin();
    if (!made->admitted()) return;
    const std::size_t index = free_.empty() ? calls_.size() : free_.back();
    if (free_.empty()) calls_.emplace_back();
    else free_.pop_back();
    calls_[index] = std::move(made);
    waiting_.push_back(index);
    work();
  }
  void work() {
    while (busy_ < of.workers && !waiting_.empty()) {
      const std::size_t index = waiting_.front();
      waiting_.pop_front();
      ++busy_;
      ends_.emplace(client.clock.now() + duration{static_cast<std::int64_t>(of.mean_ns * 0.8 + exponential(of.mean_ns * 0.2))}, index);
    }
  }
  void finish(measured& seen) {
    const std::size_t index = ends_.top().second;
    ends_.pop();
    --busy_;
    if (!of.dead && (client.clock.now() - calls_[index]->info().attempt_start).ns < static_cast<std::int64_t>(of.mean_ns * 10)) ++seen.good;
    calls_[index]->end(of.dead ? code::unavailable : code::ok);
    calls_[index].reset();
    free_.push_back(index);
    work();
  }

  std::vector<std::unique_ptr<call>> calls_;
  std::vector<std::size_t> free_;
  std::deque<std::size_t> waiting_;
  std::priority_queue<std::pair<instant, std::size_t>, std::vector<std::pair<instant, std::size_t>>, std::greater<>> ends_;
  instant next_arrival_{1'000'000'000'001};
  int busy_ = 0;
};

}  // namespace

TEST_CASE("at three times the capacity the limit settles near the workers, follows a slower service, and falls to its minimum when it is dead") {
  struct way {
    adaptive_algorithm algorithm;
    tenon::ratio smoothing;
  };
  for (const way& each : {way{adaptive_algorithm::gradient2, percent(20)}, way{adaptive_algorithm::vegas, percent(100)}, way{adaptive_algorithm::aimd, percent(20)}}) {
    CAPTURE(static_cast<int>(each.algorithm));
    using policy = adaptive_limit<adaptive_limit_options{.initial = 20, .min = 4, .max = 1000, .window = duration{std::chrono::milliseconds{100}}, .timeout = duration{std::chrono::milliseconds{30}}}>;
    simulation<driven::client<policy>> world{{.workers = 40, .mean_ns = 10e6, .arrivals_per_ns = 3 * 40 / 10e6}};
    world.client.options<0>().algorithm = each.algorithm;
    world.client.options<0>().smoothing = each.smoothing;
    world.run(20s);
    const measured settled = world.run(5s);
    CHECK(settled.mean_limit >= 30);
    CHECK(settled.mean_limit <= 160);
    CHECK(settled.good >= static_cast<std::int64_t>(0.9 * 4000 * 5));
    if (each.algorithm != adaptive_algorithm::aimd) {
      world.of.mean_ns = 50e6;
      world.of.arrivals_per_ns /= 5;
      // What is usual changes slowly: both need some hundred windows until five times the time is.
      world.run(40s);
      CHECK(world.run(5s).good >= static_cast<std::int64_t>(0.95 * 800 * 5));
    }
    world.of.dead = true;
    world.run(20s);
    CHECK(world.client.state<0>().limit() == 4);
  }
}

TEST_CASE_TEMPLATE("whatever is refused, cancelled or lost, nobody stays counted as under way", Mode, BOTH_MODES) {
  const std::uint64_t seed = 99;
  CAPTURE(seed);
  tenon::random_source dice{seed};
  for (const adaptive_algorithm algorithm : {adaptive_algorithm::gradient2, adaptive_algorithm::vegas, adaptive_algorithm::aimd, adaptive_algorithm::bbr}) {
    driven::client<adaptive_limit<adaptive_limit_options{.initial = 8, .min = 2, .max = 40, .window = duration{std::chrono::milliseconds{20}}, .min_samples = 3}, Mode::value>> client;
    client.template options<0>().algorithm = algorithm;
    client.template state<0>().cpu().pretend(percent(90));
    std::vector<std::unique_ptr<typename decltype(client)::call>> calls;
    for (int step = 0; step < 30'000; ++step) {
      client.clock.advance(duration{static_cast<std::int64_t>(dice.below(3'000'000))});
      if (dice.below(2) == 0 || calls.empty()) {
        auto call = client.begin();
        const int under_way = client.template state<0>().in_flight();
        if (call->admitted()) calls.push_back(std::move(call));
        REQUIRE(under_way == static_cast<int>(calls.size()));
        REQUIRE(client.template state<0>().limit() >= 2);
        REQUIRE((algorithm == adaptive_algorithm::bbr || client.template state<0>().limit() <= 40));
      } else {
        const auto which = static_cast<std::size_t>(dice.below(calls.size()));
        if (dice.below(4) != 0) calls[which]->end(tenon::code_from_number(static_cast<std::int64_t>(dice.below(17))));
        calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
    calls.clear();
    CHECK(client.template state<0>().in_flight() == 0);
  }
}
