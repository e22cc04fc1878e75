#include <tenon/policy/breaker.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tenon/policy/bulkhead.hpp>

#include <policy/driven.hpp>


using namespace std::chrono_literals;

namespace {

using tenon::breaker;
using tenon::breaker_mode;
using tenon::breaker_options;
using tenon::breaker_state;
using tenon::code;
using tenon::duration;
using tenon::instant;
using tenon::outcome;
using tenon::percent;
using tenon::policy::event_kind;
using tenon::policy::sharing;

constexpr outcome cancelled_here{.code = code::cancelled, .flags = outcome::local};

template <class Client>
breaker_state state_of(Client& client) {
  const auto word = client.template state<0>().word();
  return word.is(breaker_state::closed) ? breaker_state::closed : word.is(breaker_state::open) ? breaker_state::open : breaker_state::half_open;
}
template <class Client>
std::pair<std::uint64_t, std::uint64_t> counts_of(Client& client) {
  const auto counted = client.template state<0>().counts(client.template options<0>(), client.clock.now());
  return {counted.total, counted.marked};
}
// Calls that end one after the other: E fails, S succeeds. Returns after which of them it was open, or 0.
template <class Client>
std::size_t opens_after(Client& client, std::string_view answers) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    client.call_with(answers[i] == 'E' ? code::unavailable : code::ok);
    if (state_of(client) == breaker_state::open) return i + 1;
  }
  return 0;
}

constexpr breaker_options in_a_row{.failure_rate = {}, .consecutive = 6, .open_for = 60s, .open_jitter = {}, .half_open_calls = 1, .half_open_max_wait = {}};
constexpr breaker_options fixed_window{
    .window = 30s, .buckets = 1, .failure_rate = percent(60), .min_calls = 3, .open_for = 90s, .open_max = 90s, .open_jitter = {}, .half_open_max_wait = {}};
constexpr breaker_options quick{.window = 16s, .min_calls = 2, .open_for = 5s, .open_jitter = {}, .half_open_calls = 3};

static_assert(tenon::policy::any<breaker<>> && tenon::policy::any<breaker<breaker_options{}, sharing::shared>>);
static_assert(breaker<>::where == tenon::policy::scope::endpoint);
static_assert(sizeof(breaker<>::call_state) == 8);

template <sharing Mode>
using mode = std::integral_constant<sharing, Mode>;
#define BOTH_MODES mode<sharing::per_loop>, mode<sharing::shared>

}  // namespace

TEST_CASE_TEMPLATE("six failures in a row open it for a minute, and one probe closes it", Mode, BOTH_MODES) {
  driven::client<breaker<in_a_row, Mode::value>> client;
  CHECK(opens_after(client, "EEEEE") == 0);
  CHECK(opens_after(client, "SE") == 0);
  CHECK(opens_after(client, "EEEEE") == 5);
  const outcome refused = client.call_with(code::ok);
  CHECK(refused.code == code::unavailable);
  CHECK(refused.has(outcome::local));
  CHECK(refused.has(outcome::not_executed));
  client.clock.advance(60s - 1ms);
  CHECK_FALSE(client.passes());
  client.clock.advance(1ms);
  CHECK(client.passes(code::unavailable));
  CHECK(state_of(client) == breaker_state::open);
  client.clock.advance(60s);
  CHECK(client.passes());
  CHECK(state_of(client) == breaker_state::closed);
}

TEST_CASE_TEMPLATE("a fixed window of thirty seconds, three calls, sixty percent, three probes", Mode, BOTH_MODES) {
  driven::client<breaker<fixed_window, Mode::value>> client;
  client.clock.advance_to(instant{} + 1'200s);
  for (int i = 0; i < 5; ++i) {
    client.call_with(code::ok);
    client.call_with(code::unavailable);
    client.call_with(code::cancelled);
  }
  CHECK(state_of(client) == breaker_state::closed);
  CHECK(counts_of(client) == std::pair<std::uint64_t, std::uint64_t>{10, 5});
  client.clock.advance(30s - 1ms);
  client.call_with(code::ok);
  CHECK(counts_of(client).first == 11);
  client.clock.advance(1s);
  client.call_with(code::unavailable);
  CHECK(counts_of(client) == std::pair<std::uint64_t, std::uint64_t>{1, 1});
  CHECK(opens_after(client, "S") == 0);
  CHECK(opens_after(client, "E") == 1);
  // Half open: answers that say nothing change nothing, however many.
  client.clock.advance(90s);
  for (int i = 0; i < 4; ++i) CHECK(client.passes(code::cancelled));
  CHECK(state_of(client) == breaker_state::half_open);
  CHECK(opens_after(client, "E") == 1);
  client.clock.advance(90s);
  CHECK(opens_after(client, "SS") == 0);
  CHECK(state_of(client) == breaker_state::half_open);
  client.call_with(code::ok);
  CHECK(state_of(client) == breaker_state::closed);
}

TEST_CASE_TEMPLATE("a window of four calls forgets the fifth", Mode, BOTH_MODES) {
  driven::client<breaker<breaker_options{.window_calls = 4, .min_calls = 5}, Mode::value>> client;
  const std::pair<std::uint64_t, std::uint64_t> expected[] = {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {4, 0}};
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(i);
    client.call_with(i == 0 ? code::unavailable : code::ok);
    CHECK(counts_of(client) == expected[i]);
  }
}

TEST_CASE_TEMPLATE("a window of five seconds forgets second by second", Mode, BOTH_MODES) {
  driven::client<breaker<breaker_options{.window = 5s, .buckets = 5, .min_calls = 50}, Mode::value>> client;
  struct row {
    duration before;
    bool fails;
    std::pair<std::uint64_t, std::uint64_t> counted;
  };
  const row rows[] = {{0s, true, {1, 1}}, {100ms, false, {2, 1}}, {100ms, false, {3, 1}}, {1s, false, {4, 1}}, {1s, false, {5, 1}},
                      {1s, true, {6, 2}}, {1s, false, {7, 2}},    {1s, false, {5, 1}},    {1s, false, {5, 1}}, {5s, false, {1, 0}}};
  for (const row& each : rows) {
    client.clock.advance(each.before);
    client.call_with(each.fails ? code::unavailable : code::ok);
    CHECK(counts_of(client) == each.counted);
  }
}

TEST_CASE_TEMPLATE("rates count from min_calls on, and reaching the rate is enough", Mode, BOTH_MODES) {
  for (const bool by_calls : {false, true}) {
    CAPTURE(by_calls);
    driven::client<breaker<breaker_options{.min_calls = 5}, Mode::value>> first;
    driven::client<breaker<breaker_options{.min_calls = 5}, Mode::value>> second;
    first.template options<0>().window_calls = second.template options<0>().window_calls = by_calls ? 20 : 0;
    CHECK(opens_after(first, "EEESS") == 5);
    CHECK(opens_after(second, "SSSEEE") == 6);
  }
}

TEST_CASE("three failures in a row, or two of three, as they are counted elsewhere") {
  driven::client<breaker<breaker_options{.failure_rate = {}, .consecutive = 3}>> row;
  CHECK(opens_after(row, "FSFFF") == 0);
  CHECK(opens_after(row, "ESEEE") == 5);
  driven::client<breaker<breaker_options{.window_calls = 3, .failure_rate = {666'666}, .min_calls = 3}>> some;
  CHECK(opens_after(some, "ESE") == 3);
}

TEST_CASE("slow calls open it, successes or not") {
  driven::client<breaker<breaker_options{.slow_rate = percent(60), .slow_call = 2ms, .min_calls = 5}>> client;
  for (const duration time : {3ms, 2ms, 3ms, 2ms}) client.call_with(code::ok, time);
  CHECK(state_of(client) == breaker_state::closed);
  client.call_with(code::ok, 3ms);
  CHECK(state_of(client) == breaker_state::open);
  // A probe that is slow is no proof of health.
  client.clock.advance(7s);
  client.call_with(code::ok, 3ms);
  CHECK(state_of(client) == breaker_state::open);
}

TEST_CASE_TEMPLATE("it opens, probes and closes, and its own refusals count for nothing", Mode, BOTH_MODES) {
  static constexpr breaker_options options{.window = 16s, .min_calls = 4, .open_jitter = {}, .half_open_calls = 2};
  driven::client<breaker<options, Mode::value>> client;
  client.call_with(code::ok);
  client.call_with(code::not_found);
  client.call_with(code::unavailable);
  CHECK(state_of(client) == breaker_state::closed);
  client.call_with(code::unavailable);
  CHECK(state_of(client) == breaker_state::open);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(client.passes());
  client.clock.advance(5s);
  CHECK(client.passes());
  CHECK(client.passes());
  CHECK(state_of(client) == breaker_state::closed);
  CHECK(counts_of(client).first == 0);
  CHECK(opens_after(client, "EEEEEEE") == 4);
  client.clock.advance(5s);
  CHECK(client.passes(code::unavailable));
  CHECK_FALSE(client.passes());
}

TEST_CASE_TEMPLATE("a probe that is refused further in or cancelled is given back", Mode, BOTH_MODES) {
  static constexpr breaker_options options{.window = 16s, .min_calls = 2, .open_jitter = {}, .half_open_calls = 1, .half_open_max_wait = {}};
  driven::client<breaker<options, Mode::value>, tenon::bulkhead<1, Mode::value>> client;
  auto holding = client.begin();
  auto waiting = client.begin();
  CHECK(waiting->refused_by(1));
  holding->end(code::unavailable);
  client.call_with(code::unavailable);
  CHECK(client.begin()->refused_by(0));
  client.clock.advance(5s);
  client.template state<1>().inside.add(1);
  for (int i = 0; i < 3; ++i) CHECK(client.begin()->refused_by(1));
  client.template state<1>().inside.subtract(1);
  for (int i = 0; i < 3; ++i) client.call_with(cancelled_here);
  CHECK(state_of(client) == breaker_state::half_open);
  CHECK(client.passes());
  CHECK(client.passes());
  CHECK(state_of(client) == breaker_state::closed);
}

TEST_CASE_TEMPLATE("it closes when all probes have succeeded, and hears no answer to an older call", Mode, BOTH_MODES) {
  driven::client<breaker<quick, Mode::value>> client;
  const auto stale = client.begin();
  const auto stale_too = client.begin();
  CHECK(opens_after(client, "EE") == 2);
  stale_too->end(code::unavailable);
  client.clock.advance(5s);
  const auto a = client.begin();
  const auto b = client.begin();
  const auto c = client.begin();
  CHECK((a->admitted() && b->admitted() && c->admitted()));
  CHECK_FALSE(client.begin()->admitted());
  stale->end(code::unavailable);
  CHECK(state_of(client) == breaker_state::half_open);
  a->end();
  b->end();
  CHECK(state_of(client) == breaker_state::half_open);
  c->end();
  CHECK(state_of(client) == breaker_state::closed);
}

TEST_CASE("the first probe that fails opens it again, and the others are heard no more") {
  driven::client<breaker<quick>> client;
  CHECK(opens_after(client, "EE") == 2);
  client.clock.advance(5s);
  const auto a = client.begin();
  const auto b = client.begin();
  a->end(code::unavailable);
  CHECK(state_of(client) == breaker_state::open);
  client.clock.advance(9s);
  b->end(code::unavailable);
  client.clock.advance(1s);
  CHECK(client.passes());
}

TEST_CASE("with half_open_rate, probes are counted like calls") {
  static constexpr breaker_options options{.window = 16s, .min_calls = 2, .open_jitter = {}, .half_open_calls = 4, .half_open_rate = percent(50)};
  for (const bool recovers : {false, true}) {
    driven::client<breaker<options>> client;
    CHECK(opens_after(client, "EE") == 2);
    client.clock.advance(5s);
    for (const char each : recovers ? std::string_view{"ESSS"} : std::string_view{"ESSE"}) CHECK(client.passes(each == 'E' ? code::unavailable : code::ok));
    CHECK(state_of(client) == (recovers ? breaker_state::closed : breaker_state::open));
  }
}

TEST_CASE("probes that never come back do not block the endpoint for ever") {
  driven::client<breaker<quick>> client;
  CHECK(opens_after(client, "EE") == 2);
  client.clock.advance(5s);
  const auto a = client.begin();
  const auto b = client.begin();
  const auto c = client.begin();
  client.clock.advance(5s - 1ns);
  CHECK_FALSE(client.begin()->admitted());
  CHECK_FALSE(breaker<quick>::ready(client.state<0>(), client.options<0>(), client.clock.now()));
  client.clock.advance(1ns);
  CHECK(breaker<quick>::ready(client.state<0>(), client.options<0>(), client.clock.now()));
  for (int i = 0; i < 3; ++i) CHECK(client.passes());
  CHECK(state_of(client) == breaker_state::closed);
  for (const auto* each : {&a, &b, &c}) (*each)->end(code::unavailable);
  CHECK(counts_of(client).first == 0);
  CHECK(client.passes());
}

TEST_CASE("each round of probes that fails doubles the time, up to open_max, and jitter adds to it") {
  static constexpr breaker_options options{.window = 16s, .min_calls = 2, .open_jitter = percent(20)};
  for (const std::uint64_t drawn : {std::uint64_t{0}, std::uint64_t{1} << 63}) {
    driven::client<breaker<options>> client;
    client.random = tenon::random_source::constant(drawn);
    CHECK(opens_after(client, "EE") == 2);
    for (const duration time : {5s, 10s, 20s, 40s, 60s, 60s}) {
      const duration expected = drawn == 0 ? time : time + time / 10;
      client.clock.advance(expected - 1ns);
      CHECK_FALSE(client.passes());
      client.clock.advance(1ns);
      CHECK(client.passes(code::unavailable));
    }
    client.clock.advance(100s);
    for (int i = 0; i < 3; ++i) CHECK(client.passes());
    CHECK(opens_after(client, "EE") == 2);
    client.clock.advance(drawn == 0 ? 5s : 5'500ms);
    CHECK(client.passes());
  }
}

TEST_CASE("what counts: the peer's answers, a lost connection, a timeout; not what was decided here") {
  struct row {
    outcome ended;
    duration time;
    std::uint64_t calls;
    std::uint64_t failures;
  };
  const row rows[] = {
      {{}, 0s, 1, 0},
      {{.code = code::not_found}, 0s, 1, 0},
      {{.code = code::unavailable}, 0s, 1, 1},
      {{.code = code::internal}, 0s, 1, 1},
      {{.code = code::unknown}, 0s, 1, 1},
      {{.code = code::data_loss}, 0s, 1, 1},
      {{.code = code::resource_exhausted}, 0s, 0, 0},
      {{.code = code::aborted}, 0s, 0, 0},
      {{.code = code::cancelled}, 0s, 0, 0},
      {{.code = code::deadline_exceeded}, 99ms, 0, 0},
      {{.code = code::deadline_exceeded}, 100ms, 1, 1},
      {{.code = code::deadline_exceeded, .flags = outcome::local}, 100ms, 1, 1},
      {{.code = code::deadline_exceeded, .flags = outcome::local | outcome::not_executed}, 100ms, 0, 0},
      {tenon::refused_here(code::unavailable), 0s, 1, 1},
      {{.code = code::unavailable, .flags = outcome::local, .producer = 7}, 0s, 0, 0},
      {{.code = code::internal, .flags = outcome::local}, 0s, 0, 0},
      {{.code = code::cancelled, .flags = outcome::local}, 0s, 0, 0},
  };
  for (const row& each : rows) {
    CAPTURE(static_cast<int>(each.ended.code));
    CAPTURE(static_cast<int>(each.ended.flags));
    driven::client<breaker<>> client;
    client.begin()->end(each.ended);
    const auto call = client.begin();
    client.clock.advance(each.time);
    call->end(each.ended);
    // The first took no time, so that of a DEADLINE_EXCEEDED only the second counts.
    const bool needs_time = each.ended.code == code::deadline_exceeded;
    CHECK(counts_of(client) == std::pair{each.calls * (needs_time ? 1 : 2), each.failures * (needs_time ? 1 : 2)});
  }
}

TEST_CASE("the operator forces it open, turns it off, or only lets it report") {
  driven::client<breaker<quick>> client;
  client.options<0>().mode = breaker_mode::forced_open;
  CHECK_FALSE(client.passes());
  CHECK_FALSE(breaker<quick>::ready(client.state<0>(), client.options<0>(), client.clock.now()));
  client.options<0>().mode = breaker_mode::disabled;
  for (int i = 0; i < 50; ++i) CHECK(client.passes(code::unavailable));
  CHECK(counts_of(client).first == 0);
  client.options<0>().mode = breaker_mode::metrics_only;
  client.events().clear();
  for (int i = 0; i < 50; ++i) CHECK(client.passes(code::unavailable));
  CHECK(client.heard(event_kind::changed) == 25);
  CHECK(state_of(client) == breaker_state::closed);
  client.options<0>().mode = breaker_mode::automatic;
  CHECK(opens_after(client, "EE") == 2);
  client.options<0>().mode = breaker_mode::metrics_only;
  CHECK(client.passes());
  CHECK(state_of(client) == breaker_state::closed);
}

TEST_CASE("every change and every refusal is reported, and nothing else") {
  driven::client<breaker<quick>> client;
  CHECK(opens_after(client, "EE") == 2);
  CHECK_FALSE(client.passes());
  client.clock.advance(5s);
  for (int i = 0; i < 3; ++i) client.call_with(code::ok);
  std::vector<std::pair<std::int64_t, std::int64_t>> changes;
  for (const auto& each : client.events()) {
    CHECK(each.policy == "breaker");
    if (each.kind == event_kind::changed) changes.emplace_back(each.from, each.to);
  }
  CHECK(changes == std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {1, 2}, {2, 0}});
  CHECK(client.heard(event_kind::rejected) == 1);
  CHECK(client.events().size() == 4);
}

TEST_CASE("a clock that steps back, and time without end, change nothing that was decided") {
  driven::client<breaker<breaker_options{.window = duration{std::chrono::hours::max()}, .min_calls = 2, .open_for = duration{std::chrono::hours::max()}, .half_open_max_wait = {}}>> client;
  const auto call = client.begin();
  call->end(code::unavailable);
  CHECK(counts_of(client).first == 1);
  client.call_with(code::unavailable);
  CHECK(state_of(client) == breaker_state::open);
  client.clock.advance(1'000'000s);
  CHECK_FALSE(client.passes());
}

TEST_CASE("successes alone never open it, and a rate well below the threshold does not by chance") {
  driven::client<breaker<breaker_options{.min_calls = 100}>> healthy;
  driven::client<breaker<breaker_options{.min_calls = 100}>> shaky;
  tenon::random_source dice{17};
  for (int i = 0; i < 100'000; ++i) {
    healthy.call_with(code::ok, duration{static_cast<std::int64_t>(dice.below(20'000'000))});
    shaky.call_with(dice.below(100) < 25 ? code::unavailable : code::ok, duration{static_cast<std::int64_t>(dice.below(20'000'000))});
  }
  CHECK(healthy.events().empty());
  CHECK(shaky.events().empty());
}

namespace {

// The breaker as one would explain it: a list of answers, and plain words for the rest.
struct model {
  breaker_options o;
  breaker_state state = breaker_state::closed;
  int round = 0;  // counts changes; a call belongs to the round it began in
  instant until{}, round_ends{};
  int left = 0, pending = 0, failed_rounds = 0;
  int row = 0;
  bool rate_reached_early = false;
  struct answer {
    std::int64_t bucket;
    bool failed;
  };
  std::deque<answer> answers{};

  // What a call remembers: its round, and whether it is a probe. Nothing: refused.
  struct ticket {
    bool admitted = false, probe = false;
    int round = 0;
  };
  ticket begin(instant now) {
    if (state == breaker_state::closed) return {true, false, round};
    if (state == breaker_state::open) {
      if (now < until) return {};
      start_round(now);
    } else if (left == 0) {
      if (now < round_ends) return {};
      start_round(now);
    }
    --left;
    ++pending;
    return {true, true, round};
  }
  void start_round(instant now) {
    state = breaker_state::half_open;
    ++round;
    left = o.half_open_calls;
    pending = 0;
    round_ends = now + o.half_open_max_wait;
  }
  void end(const ticket& call, instant now, outcome how, duration ran) {
    if (call.round != round) return;
    bool nothing = how.has(outcome::local) || how.code == code::cancelled || how.code == code::aborted || how.code == code::resource_exhausted;
    if (how.code == code::deadline_exceeded && ran < o.deadline_counts_after) nothing = true;
    const bool bad = o.failures.has(how.code);
    if (call.probe) {
      --pending;
      if (nothing) ++left;
      else if (bad) open(now, ++failed_rounds);
      else if (left == 0 && pending == 0) close();
      return;
    }
    if (nothing) return;
    answers.push_back({now.ns / (o.window.ns / o.buckets), bad});
    row = bad ? row + 1 : 0;
    if (!bad && !rate_reached_early) return;
    forget(now);
    std::int64_t failures = 0;
    for (const answer& each : answers) failures += each.failed ? 1 : 0;
    const auto all = static_cast<std::int64_t>(answers.size());
    const bool reached = failures > 0 && failures * 1'000'000 >= all * o.failure_rate.ppm;
    rate_reached_early = reached && all < o.min_calls;
    if ((reached && all >= o.min_calls) || (o.consecutive > 0 && row >= o.consecutive)) open(now, 0);
  }
  void forget(instant now) {
    while (!answers.empty() && answers.front().bucket <= now.ns / (o.window.ns / o.buckets) - o.buckets) answers.pop_front();
  }
  void open(instant now, int rounds) {
    state = breaker_state::open;
    ++round;
    until = now + (std::min)(o.open_for * (std::int64_t{1} << (std::min)(rounds, 20)), o.open_max);
  }
  void close() {
    state = breaker_state::closed;
    ++round;
    failed_rounds = row = 0;
    rate_reached_early = false;
    answers.clear();
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a hundred thousand random steps agree with the slow model", Mode, BOTH_MODES) {
  static constexpr breaker_options options{.window = 1'600ms, .buckets = 8, .consecutive = 9, .min_calls = 6, .open_for = 700ms, .open_max = 3s, .open_jitter = {},
                                           .half_open_calls = 3, .half_open_max_wait = 900ms};
  const std::uint64_t seed = 20240611;
  CAPTURE(seed);
  tenon::random_source dice{seed};
  driven::client<breaker<options, Mode::value>> client;
  model expected{options};
  struct running {
    std::unique_ptr<typename decltype(client)::call> call;
    model::ticket ticket;
    instant began;
  };
  std::vector<running> calls;
  std::uint64_t health = 50;
  int opened = 0, probes = 0;
  for (int step = 0; step < 100'000; ++step) {
    if (dice.below(500) == 0) health = dice.below(101);
    if (dice.below(3) == 0) client.clock.advance(duration{static_cast<std::int64_t>(dice.below(80'000'000))});
    if (dice.below(2) == 0 || calls.empty()) {
      auto call = client.begin();
      const auto ticket = expected.begin(client.clock.now());
      REQUIRE(call->admitted() == ticket.admitted);
      probes += ticket.probe ? 1 : 0;
      if (ticket.admitted) calls.push_back({std::move(call), ticket, client.clock.now()});
    } else {
      const auto which = static_cast<std::size_t>(dice.below(calls.size()));
      static constexpr code bad[] = {code::unavailable, code::internal, code::deadline_exceeded, code::unknown};
      static constexpr code neutral[] = {code::cancelled, code::aborted, code::resource_exhausted};
      outcome how{.code = dice.below(100) < health ? code::ok : bad[dice.below(4)]};
      if (dice.below(10) == 0) how.code = neutral[dice.below(3)];
      if (how.code != code::ok && dice.below(5) == 0) how = {.code = how.code, .flags = outcome::local | outcome::not_executed, .producer = 9};
      const auto before = expected.state;
      running& ending = calls[which];
      expected.end(ending.ticket, client.clock.now(), how, client.clock.now() - ending.began);
      ending.call->end(how);
      calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(which));
      opened += expected.state == breaker_state::open && before != breaker_state::open ? 1 : 0;
    }
    REQUIRE(state_of(client) == expected.state);
    if (step % 64 == 0 && expected.state == breaker_state::closed) {
      expected.forget(client.clock.now());
      REQUIRE(counts_of(client).first == expected.answers.size());
    }
  }
  CHECK(opened > 100);
  CHECK(probes > 300);
  // Whoever is still under way goes away, and every probe comes back.
  calls.clear();
  const auto word = client.template state<0>().word();
  CHECK((word.pending() == 0 || !word.is(breaker_state::half_open)));
}
