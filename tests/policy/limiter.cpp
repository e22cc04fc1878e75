#include <tenon/policy/limiter.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include <policy/driven.hpp>

using namespace std::chrono_literals;

namespace {

using tenon::code;
using tenon::duration;
using tenon::instant;
using tenon::limiter;
using tenon::limiter_algorithm;
using tenon::limiter_cost;
using tenon::limiter_key;
using tenon::limiter_options;
using tenon::outcome;
using tenon::per_minute;
using tenon::per_second;
using tenon::policy::sharing;

constexpr limiter_options by_size(tenon::rate rate, std::int64_t burst, limiter_algorithm algorithm = limiter_algorithm::gcra, duration max_wait = {}) {
  return {.rate = rate, .burst = burst, .algorithm = algorithm, .cost = limiter_cost::request_bytes, .max_wait = max_wait};
}

// One call that costs `cost`: whether it may go, and when. A call that waits keeps its turn.
template <class Client>
struct asked {
  asked(Client& client, std::int64_t cost) : call{client.begin({.request_bytes = static_cast<std::uint64_t>(cost)})} {}
  std::unique_ptr<typename Client::call> call;
  bool at_once() const { return call->admitted(); }
  bool refused() const { return !call->running(); }
  duration wait() { return call->info().wake_at - call->info().now; }
};
template <class Client>
bool passes(Client& client, std::int64_t cost = 1) {
  return asked<Client>{client, cost}.at_once();
}
// Passes, or keeps its turn for good and says how long that is; -1 ns when it is refused.
template <class Client>
duration takes_turn(Client& client, std::vector<std::unique_ptr<typename Client::call>>& kept, std::int64_t cost = 1) {
  asked<Client> one{client, cost};
  const duration wait = one.refused() ? duration{-1} : one.at_once() ? duration{} : one.wait();
  if (one.call->waiting()) kept.push_back(std::move(one.call));
  return wait;
}

static_assert(tenon::policy::waiting_hook<limiter<per_second(5)>> && tenon::policy::any<limiter<>>);
static_assert(limiter<per_second(5)>::defaults.rate == per_second(5) && limiter<per_minute(30)>::defaults.burst == 0);
static_assert(!limiter<per_second(5)>::keyed && limiter<limiter_options{.rate = per_second(5), .key = limiter_key::peer}>::keyed);

template <sharing Mode>
using mode = std::integral_constant<sharing, Mode>;
#define BOTH_MODES mode<sharing::per_loop>, mode<sharing::shared>

}  // namespace

TEST_CASE_TEMPLATE("ten per second, one at once: what passes when", Mode, BOTH_MODES) {
  driven::client<limiter<by_size(per_second(10), 1), Mode::value>> client;
  const instant start = client.clock.now();
  struct row {
    int tenths;
    std::int64_t cost;
    bool passes;
  };
  for (const row& each : {row{0, 1, true}, {0, 1, false}, {0, 1, false}, {1, 1, true}, {1, 1, false}, {1, 1, false}, {2, 2, false}, {2, 1, true}, {2, 1, false}}) {
    client.clock.advance_to(start + 100ms * each.tenths);
    CHECK(passes(client, each.cost) == each.passes);
  }
}

TEST_CASE_TEMPLATE("ten per second, three at once: what passes when", Mode, BOTH_MODES) {
  driven::client<limiter<by_size(per_second(10), 3), Mode::value>> client;
  const instant start = client.clock.now();
  struct row {
    int tenths;
    std::int64_t left;
    std::int64_t cost;
    bool passes;
  };
  const row rows[] = {{0, 3, 2, true}, {0, 1, 2, false}, {0, 1, 1, true}, {0, 0, 1, false}, {1, 1, 4, false}, {2, 2, 1, true}, {3, 2, 1, true},
                      {4, 2, 1, true}, {4, 1, 1, true},  {4, 0, 1, false}, {4, 0, 1, false}, {9, 3, 3, true}, {9, 0, 0, true}};
  for (const row& each : rows) {
    client.clock.advance_to(start + 100ms * each.tenths);
    CHECK(limiter<by_size(per_second(10), 3), Mode::value>::quota(client.template state<0>(), client.template options<0>(), {.now = client.clock.now()}).remaining == each.left);
    CHECK(passes(client, each.cost) == each.passes);
  }
}

TEST_CASE("time that steps back makes the limit stricter, never looser") {
  using strict = limiter<by_size(per_second(10), 3)>;
  strict::state of;
  int passed = 0;
  for (const int tenths : {1, 0, 0, 0, 0}) {
    strict::call_state call;
    tenon::call_info info{.now = instant{10'000'000'000} + 100ms * tenths, .request_bytes = 1};
    passed += strict::admit(of, strict::defaults, call, info).ok() ? 1 : 0;
  }
  CHECK(passed == 2);
}

TEST_CASE_TEMPLATE("one per second, five at once: what is left, when it is full, when to come back", Mode, BOTH_MODES) {
  using policy = limiter<by_size(per_second(1), 5), Mode::value>;
  driven::client<policy> client;
  const instant start = client.clock.now();
  struct row {
    duration at;
    std::int64_t cost;
    std::int64_t remaining;
    duration full_in;
    duration retry;  // -1: not refused, or never
    bool limited;
  };
  const duration never{-1};
  const row rows[] = {{0s, 6, 5, 0s, never, true},      {0s, 1, 4, 1s, never, false},      {0s, 1, 3, 2s, never, false},       {0s, 1, 2, 3s, never, false},
                      {0s, 1, 1, 4s, never, false},     {0s, 1, 0, 5s, never, false},      {0s, 1, 0, 5s, 1s, true},           {3000ms, 1, 2, 3000ms, never, false},
                      {3100ms, 1, 1, 3900ms, never, false}, {4000ms, 1, 1, 4000ms, never, false}, {8000ms, 1, 4, 1000ms, never, false}, {9500ms, 1, 4, 1000ms, never, false},
                      {9500ms, 0, 4, 1s, never, false}, {9500ms, 2, 2, 3s, never, false},  {9500ms, 5, 2, 3s, 3s, true},       {15000ms, 6, 5, 0s, never, true}};
  for (const row& each : rows) {
    client.clock.advance_to(start + each.at);
    const outcome result = asked<decltype(client)>{client, each.cost}.call->result();
    CHECK(result.ok() != each.limited);
    CHECK(result.has(outcome::pushback) == (each.retry != never));
    if (each.retry != never) CHECK(result.pushback_ms == each.retry.milliseconds());
    CHECK(result.has(outcome::no_retry) == (each.cost > 5));
    const auto left = policy::quota(client.template state<0>(), client.template options<0>(), {.now = client.clock.now()});
    CHECK(left.remaining == each.remaining);
    CHECK(left.full_in == each.full_in);
  }
}

TEST_CASE_TEMPLATE("over five seconds a limit of a hundred gives what it says, to the call", Mode, BOTH_MODES) {
  driven::client<limiter<limiter_options{.rate = per_second(100), .burst = 100}, Mode::value>> client;
  int passed = 0;
  for (duration at{}; at < duration{5s}; at = at + 2ms) {
    passed += passes(client) ? 1 : 0;
    client.clock.advance(2ms);
  }
  CHECK(passed <= 601);
  CHECK(passed >= 599);
}

TEST_CASE_TEMPLATE("on any offers it decides as an exact token bucket does, and admits no more than burst and rate allow", Mode, BOTH_MODES) {
  const std::uint64_t seed = 12345;
  CAPTURE(seed);
  tenon::random_source dice{seed};
  driven::client<limiter<by_size(per_second(10), 3), Mode::value>> client;
  // Tokens in units of a nanosecond's worth: ten per second means 1e8 of them per call.
  std::int64_t tokens = 300'000'000;
  instant last = client.clock.now();
  std::vector<instant> admitted;
  for (int i = 0; i < 100'000; ++i) {
    client.clock.advance(duration{static_cast<std::int64_t>(dice.below(2) == 0 ? dice.below(200) * 1'000'000 : dice.below(150'000'000))});
    const instant now = client.clock.now();
    tokens = (std::min)(tokens + (now - last).ns, std::int64_t{300'000'000});
    last = now;
    const auto cost = static_cast<std::int64_t>(1 + dice.below(3));
    const bool enough = tokens >= cost * 100'000'000;
    if (enough) tokens -= cost * 100'000'000;
    REQUIRE(passes(client, cost) == enough);
    for (std::int64_t n = 0; enough && n < cost; ++n) admitted.push_back(now);
  }
  for (std::size_t first = 0; first + 40 < admitted.size(); first += 7) {
    for (const std::size_t many : {4U, 11U, 40U}) {
      const duration between = admitted[first + many] - admitted[first];
      REQUIRE(static_cast<std::int64_t>(many + 1) <= 3 + between.ns / 100'000'000 + 1);
    }
  }
}

TEST_CASE("without a burst it is a tenth of a second's worth, and at least one") {
  driven::client<limiter<per_second(1000)>> fast;
  driven::client<limiter<per_second(2)>> slow;
  int passed = 0;
  for (int i = 0; i < 500; ++i) passed += passes(fast) ? 1 : 0;
  CHECK(passed == 100);
  CHECK(passes(slow));
  CHECK_FALSE(passes(slow));
  slow.clock.advance(500ms);
  CHECK(passes(slow));
}

TEST_CASE_TEMPLATE("a call may wait for its turn: reserved at once, two at a time", Mode, BOTH_MODES) {
  static constexpr auto options = by_size(per_second(10), 2, limiter_algorithm::gcra, 100s);
  driven::client<limiter<options, Mode::value>> client;
  const instant start = client.clock.now();
  std::vector<std::unique_ptr<typename decltype(client)::call>> kept;
  CHECK(takes_turn(client, kept, 3) == duration{-1});
  CHECK(takes_turn(client, kept, 2) == duration{});
  CHECK(takes_turn(client, kept, 2) == duration{200ms});
  client.clock.advance_to(start + 300ms);
  CHECK(takes_turn(client, kept, 2) == duration{100ms});
  CHECK(kept[0]->result() == kept[1]->result());
  // It goes on when its time has come, not before.
  CHECK(kept[1]->waiting());
  kept[1]->go_on();
  CHECK(kept[1]->waiting());
  client.clock.advance(100ms);
  kept[1]->go_on();
  CHECK(kept[1]->admitted());
}

TEST_CASE("a call waits at most max_wait, and never to its deadline") {
  static constexpr limiter_options options{.rate = per_second(10), .burst = 2, .max_wait = 100ms};
  driven::client<limiter<options>> client;
  std::vector<std::unique_ptr<decltype(client)::call>> kept;
  CHECK(passes(client));
  CHECK(passes(client));
  CHECK(takes_turn(client, kept) == duration{100ms});
  const auto refused = client.begin();
  CHECK(refused->result().code == code::resource_exhausted);
  CHECK(refused->result().pushback_ms == 200);
  client.clock.advance(50ms);
  CHECK_FALSE(client.begin({.deadline = client.clock.now() + 100ms})->running());
  client.clock.advance(50ms);
  CHECK_FALSE(client.begin({.deadline = client.clock.now() + 100ms})->running());
  CHECK(client.begin({.deadline = client.clock.now() + 101ms})->waiting());
}

TEST_CASE_TEMPLATE("who gives up waiting returns the turn, unless another was taken behind it", Mode, BOTH_MODES) {
  static constexpr limiter_options options{.rate = per_second(10), .burst = 1, .max_wait = 10s};
  driven::client<limiter<options, Mode::value>> client;
  std::vector<std::unique_ptr<typename decltype(client)::call>> kept;
  for (const duration wait : {0ms, 100ms, 200ms, 300ms}) CHECK(takes_turn(client, kept) == wait);
  kept.pop_back();
  CHECK(takes_turn(client, kept) == duration{300ms});
  kept.erase(kept.begin());
  CHECK(takes_turn(client, kept) == duration{400ms});
  kept.clear();
}

TEST_CASE_TEMPLATE("paced, calls go one after the other: fifty in ten seconds, a queue of two seconds", Mode, BOTH_MODES) {
  static constexpr limiter_options options{.rate = {50, 10s}, .algorithm = limiter_algorithm::paced, .max_wait = 2s};
  driven::client<limiter<options, Mode::value>> client;
  std::vector<std::unique_ptr<typename decltype(client)::call>> kept;
  CHECK(takes_turn(client, kept) == duration{});
  for (int i = 1; i <= 10; ++i) CHECK(takes_turn(client, kept) == 200ms * i);
  for (int i = 0; i < 10; ++i) CHECK(takes_turn(client, kept) == duration{-1});
}

TEST_CASE("paced, a call may take several turns and goes at the last") {
  driven::client<limiter<by_size(per_second(2), 0, limiter_algorithm::paced, 100s)>> client;
  const instant start = client.clock.now();
  std::vector<std::unique_ptr<decltype(client)::call>> kept;
  for (int i = 0; i < 7; ++i) CHECK(takes_turn(client, kept) == 500ms * i);
  struct row {
    duration at;
    std::int64_t cost;
    duration wait;
  };
  // After a pause the first slot begins with the call, not with a grid of half seconds: 9.1 s waits 1 s, not 0.9 s.
  for (const row& each : {row{800ms, 3, 3700ms}, {2300ms, 1, 2700ms}, {3500ms, 3, 3000ms}, {9100ms, 3, 1000ms}, {11000ms, 1, 0ms}}) {
    client.clock.advance_to(start + each.at);
    CHECK(takes_turn(client, kept, each.cost) == each.wait);
  }
  driven::client<limiter<by_size(per_second(5), 0, limiter_algorithm::paced, 100s)>> other;
  std::vector<std::unique_ptr<decltype(other)::call>> others;
  CHECK(takes_turn(other, others, 3) == duration{400ms});
  other.clock.advance(550ms);
  CHECK(takes_turn(other, others, 2) == duration{250ms});
}

TEST_CASE("the curve of a warm-up: a third of the rate when cold, half of it half way") {
  const auto curve = tenon::policy::detail::warm_up_curve::of(per_second(100), 10s, 3);
  CHECK(curve.warning == 500);
  CHECK(curve.most == 1000);
  CHECK(curve.slope == doctest::Approx(4e-5));
  CHECK(curve.interval(1000) == 30'000'000);
  CHECK(curve.interval(750) == 20'000'000);
  CHECK(curve.interval(500) == 10'000'000);
  CHECK(curve.interval(0) == 10'000'000);
}

TEST_CASE_TEMPLATE("warming up, the rate grows while it is used, and falls after a pause", Mode, BOTH_MODES) {
  static constexpr limiter_options options{.rate = per_second(100), .burst = 1, .algorithm = limiter_algorithm::warm_up};
  driven::client<limiter<options, Mode::value>> client;
  const auto in_a_second = [&] {
    int passed = 0;
    for (int i = 0; i < 1000; ++i) {
      passed += passes(client) ? 1 : 0;
      client.clock.advance(1ms);
    }
    return passed;
  };
  const int cold = in_a_second();
  CHECK((cold == 33 || cold == 34));
  int before = cold;
  for (int second = 1; second < 20; ++second) {
    const int now = in_a_second();
    CHECK(now >= before);
    before = now;
  }
  CHECK(before >= 99);
  client.clock.advance(60s);
  CHECK(in_a_second() <= 34);
}

TEST_CASE_TEMPLATE("each method, caller or address has a limit of its own", Mode, BOTH_MODES) {
  struct way {
    limiter_key key;
    tenon::call_info (*of)(std::uint32_t who);
  };
  for (const way& each : {way{limiter_key::method, [](std::uint32_t who) { return tenon::call_info{.method = who}; }},
                          way{limiter_key::principal, [](std::uint32_t who) { return tenon::call_info{.principal_key = who}; }},
                          way{limiter_key::peer, [](std::uint32_t who) { return tenon::call_info{.peer_key = who}; }}}) {
    driven::client<limiter<limiter_options{.rate = per_second(10), .burst = 2, .key = limiter_key::method}, Mode::value>> client;
    client.template options<0>().key = each.key;
    for (std::uint32_t who = 0; who < 100; ++who) {
      CHECK(client.begin(each.of(who))->admitted());
      CHECK(client.begin(each.of(who))->admitted());
      CHECK_FALSE(client.begin(each.of(who))->admitted());
    }
    client.clock.advance(100ms);
    for (std::uint32_t who = 0; who < 100; ++who) CHECK(client.begin(each.of(who))->admitted());
    CHECK_FALSE(client.begin(each.of(7))->admitted());
  }
}

TEST_CASE("keys are remembered up to max_keys; the one that is forgotten is nearest to a full bucket") {
  driven::client<limiter<limiter_options{.rate = per_second(1), .burst = 4, .key = limiter_key::peer, .max_keys = 8}>> client;
  for (std::uint64_t who = 1; who <= 8; ++who) {
    for (std::uint64_t calls = 0; calls < (who == 5 ? 1 : 4); ++calls) CHECK(client.begin({.peer_key = who})->admitted());
  }
  CHECK(client.begin({.peer_key = 9})->admitted());
  for (std::uint64_t who = 1; who <= 8; ++who) {
    if (who != 5) CHECK_FALSE(client.begin({.peer_key = who})->admitted());
  }
  // Twenty thousand callers later, those that have gone quiet cost nobody a limit.
  for (std::uint64_t who = 100; who < 20'000; ++who) {
    client.begin({.peer_key = who});
    client.clock.advance(1s);
  }
  for (int i = 0; i < 4; ++i) CHECK(client.begin({.peer_key = 1})->admitted());
  CHECK_FALSE(client.begin({.peer_key = 1})->admitted());
}

TEST_CASE_TEMPLATE("keyed limits agree with one bucket per key, while the keys fit", Mode, BOTH_MODES) {
  const std::uint64_t seed = 77;
  CAPTURE(seed);
  tenon::random_source dice{seed};
  driven::client<limiter<limiter_options{.rate = per_second(50), .burst = 3, .key = limiter_key::principal, .max_keys = 4096}, Mode::value>> client;
  std::map<std::uint64_t, std::int64_t> full_at;
  for (int i = 0; i < 100'000; ++i) {
    client.clock.advance(duration{static_cast<std::int64_t>(dice.below(1'000'000))});
    const std::uint64_t who = 1 + dice.below(100);
    const std::int64_t now = client.clock.now().ns;
    const std::int64_t next = (std::max)(full_at[who], now) + 20'000'000;
    const bool expected = next - now <= 60'000'000;
    if (expected) full_at[who] = next;
    REQUIRE(client.begin({.principal_key = who})->admitted() == expected);
  }
}

TEST_CASE("what methods with limits of their own take, they take from one bucket, each by its own measure") {
  // In turns, so that nothing that was worked out for the one is used for the other.
  driven::client<limiter<limiter_options{.rate = per_second(10), .burst = 2}>> client;
  const auto with = [&client](std::int64_t rate, std::int64_t burst) -> bool {
    client.options<0>() = limiter_options{.rate = per_second(rate), .burst = burst};
    return passes(client);
  };
  CHECK(with(10, 2));
  CHECK(with(10, 2));
  CHECK_FALSE(with(10, 2));
  CHECK(with(10, 3));
  CHECK_FALSE(with(10, 3));
  // 300 ms full: as many calls as 30 at a hundred per second.
  CHECK(with(100, 31));
  CHECK_FALSE(with(100, 31));
  CHECK_FALSE(with(10, 3));
  client.clock.advance(110ms);
  CHECK(with(10, 3));
  CHECK(with(100, 31));
  CHECK_FALSE(with(100, 31));
  CHECK(with(0, 0));
  CHECK_FALSE(with(10, 3));
}

TEST_CASE("no rate, or turned off, limits nothing") {
  driven::client<limiter<>> none;
  driven::client<limiter<per_second(1)>> off;
  off.options<0>().enabled = false;
  for (int i = 0; i < 1000; ++i) CHECK((passes(none) && passes(off)));
}

TEST_CASE("threads that race at one instant get the burst, to the call") {
  using policy = limiter<limiter_options{.rate = per_second(1), .burst = 5}, sharing::shared>;
  using keyed = limiter<limiter_options{.rate = per_second(1), .burst = 5, .key = limiter_key::peer}, sharing::shared>;
  const auto race = [](auto chosen) {
    using raced = typename decltype(chosen)::type;
    typename raced::state of;
    std::atomic<int> admitted{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          typename raced::call_state call;
          tenon::call_info info{.now = {1'000'000'000}, .peer_key = 7};
          if (raced::admit(of, raced::defaults, call, info).ok()) ++admitted;
        }
      });
    }
    for (std::thread& each : threads) each.join();
    CHECK(admitted == 5);
  };
  race(std::type_identity<policy>{});
  race(std::type_identity<keyed>{});
}
