#include <tenon/policy/stack.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <tenon/policy/adaptive_limit.hpp>
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/limiter.hpp>
#include <tenon/policy/load_shed.hpp>
#include <tenon/policy/throttle.hpp>

#include <policy/driven.hpp>

using namespace std::chrono_literals;

namespace {

using tenon::code;
using tenon::duration;
using tenon::outcome;

// Counts what it is told; at both ends of a stack it must have been told the same number of ends as of beginnings. Refuses now and then.
template <int Tag>
struct counting : tenon::policy::base {
  static constexpr std::string_view name = Tag == 0 ? "outermost" : "innermost";
  static constexpr tenon::policy::scope where = tenon::policy::scope::endpoint;
  struct options {
    std::uint64_t refuses_percent = 0;
  };
  static constexpr options defaults{};
  struct state {
    int under_way = 0;
    int admitted = 0;
  };
  struct call_state {
    int open = 0;
  };
  static outcome admit(state& s, const options& o, call_state& c, tenon::call_info& info) noexcept {
    if (info.random->below(100) < o.refuses_percent) return tenon::refused_here(code::internal);
    ++s.under_way;
    ++s.admitted;
    CHECK(++c.open == 1);
    return {};
  }
  static void observe(state& s, const options&, call_state& c, tenon::call_info&, outcome) noexcept {
    --s.under_way;
    CHECK(--c.open == 0);
  }
};

constexpr tenon::limiter_options waits{.rate = tenon::per_second(400), .burst = 5, .max_wait = duration{20ms}};
constexpr tenon::breaker_options trips{.window = duration{160ms}, .min_calls = 5, .open_for = duration{30ms}, .open_max = duration{60ms}, .half_open_max_wait = duration{50ms}};
constexpr tenon::bulkhead_options queues{.max_in_flight = 4, .max_queue = 6, .max_wait = duration{25ms}};
constexpr tenon::adaptive_limit_options adapts{.initial = 3, .min = 2, .max = 6, .window = duration{10ms}, .min_samples = 3};

using client_type = driven::client<counting<0>, tenon::load_shed<>, tenon::limiter<waits>, tenon::throttle<tenon::throttle_options{.window = duration{300ms}}>, tenon::breaker<trips>,
                                   tenon::bulkhead<queues>, tenon::adaptive_limit<adapts>, counting<1>>;

}  // namespace

TEST_CASE("whatever is refused, waits, is cancelled, times out or fails: every admission ends once, and nothing stays taken") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    tenon::random_source dice{seed};
    client_type client;
    client.random = tenon::random_source{seed + 1000};
    client.options<7>().refuses_percent = seed % 4 * 5;
    client.options<5>().lifo = seed % 2 == 0;
    std::vector<std::unique_ptr<client_type::call>> calls;
    int admitted = 0, waited = 0, resumed = 0;
    std::uint64_t health = 80;
    for (int step = 0; step < 10'000; ++step) {
      if (dice.below(300) == 0) health = dice.below(101);
      client.clock.advance(duration{static_cast<std::int64_t>(dice.below(3'000'000))});
      // What the driver does between events: those whose time has come, or who were woken, go on.
      for (std::size_t i = 0; i < calls.size(); ++i) {
        if (!calls[i]->waiting() || (!calls[i]->woken() && client.clock.now() < calls[i]->info().wake_at)) continue;
        calls[i]->go_on();
        resumed += calls[i]->admitted() ? 1 : 0;
      }
      std::erase_if(calls, [](const auto& each) { return !each->running(); });
      if (dice.below(2) == 0 || calls.empty()) {
        calls.push_back(client.begin({.deadline = client.clock.now() + duration{static_cast<std::int64_t>(dice.below(60'000'000))}}));
        admitted += calls.back()->admitted() ? 1 : 0;
        waited += calls.back()->waiting() ? 1 : 0;
        continue;
      }
      const auto which = static_cast<std::size_t>(dice.below(calls.size()));
      outcome how{.code = dice.below(100) < health ? code::ok : code::unavailable};
      if (dice.below(8) == 0) how = {.code = code::deadline_exceeded, .flags = outcome::local};
      // A call that is dropped ends by itself, as one whose caller has gone.
      if (dice.below(8) != 0) calls[which]->end(how);
      calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(which));
    }
    calls.clear();
    CHECK(admitted > 100);
    CHECK(waited > 20);
    CHECK(resumed > 5);
    CHECK(client.state<0>().under_way == 0);
    CHECK(client.state<7>().under_way == 0);
    CHECK(client.state<5>().in_flight() == 0);
    CHECK(client.state<5>().queue.empty());
    CHECK(client.state<6>().in_flight() == 0);
    const auto word = client.state<4>().word();
    CHECK((!word.is(tenon::breaker_state::half_open) || word.pending() == 0));
  }
}
