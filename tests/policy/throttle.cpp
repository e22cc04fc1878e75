#include <tenon/policy/throttle.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include <tenon/policy/breaker.hpp>

#include <policy/driven.hpp>

using namespace std::chrono_literals;

namespace {

using tenon::code;
using tenon::duration;
using tenon::outcome;
using tenon::percent;
using tenon::ratio;
using tenon::throttle;
using tenon::throttle_options;
using tenon::policy::sharing;

template <sharing Mode>
using mode = std::integral_constant<sharing, Mode>;
#define BOTH_MODES mode<sharing::per_loop>, mode<sharing::shared>

static_assert(tenon::policy::any<throttle<>>);
static_assert(std::is_empty_v<throttle<>::call_state>);

template <class Client>
ratio refuses(Client& client) {
  return Client::template policy<0>::refuses(client.template state<0>(), client.template options<0>(), client.clock.now());
}

}  // namespace

TEST_CASE_TEMPLATE("nineteen answers, with the decision after each", Mode, BOTH_MODES) {
  constexpr std::string_view answers = "TTTTTTTTTAAAAAATTTT";
  struct table {
    ratio k;
    std::int32_t padding;
    std::string_view refused;
  };
  for (const table& each : {table{percent(110), 8, "nnnnnnnnyyyyynnnyyy"}, {percent(110), 7, "nnnnnnnyyyyyyyyyyyy"}, {percent(140), 8, "nnnnnnnnyynnnnnnnnn"}}) {
    driven::client<throttle<throttle_options{.min_requests = 0}, Mode::value>> client;
    // A draw of exactly one half: refused when the probability is above it.
    client.random = tenon::random_source::constant(std::uint64_t{1} << 63);
    client.template options<0>().k = each.k;
    client.template options<0>().padding = each.padding;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      CAPTURE(i);
      client.template options<0>().max_reject = {};
      client.call_with(answers[i] == 'A' ? code::ok : code::unavailable);
      client.template options<0>().max_reject = {999'999};
      REQUIRE((refuses(client).ppm > 500'000) == (each.refused[i] == 'y'));
      if (each.refused[i] == 'y') {
        const outcome refused = client.begin()->result();
        CHECK(refused.code == code::unavailable);
        CHECK(refused.has(outcome::local));
        CHECK(refused.has(outcome::not_executed));
      }
    }
  }
}

TEST_CASE("nothing is refused while everything is accepted, nor before there are enough requests") {
  driven::client<throttle<>> healthy;
  for (int i = 0; i < 100'000; ++i) REQUIRE(healthy.call_with(code::ok, 1ms).ok());
  driven::client<throttle<>> new_one;
  for (int i = 0; i < 20; ++i) CHECK_FALSE(new_one.call_with(code::unavailable).has(outcome::local));
  CHECK(refuses(new_one).ppm > 0);
}

TEST_CASE("against a dead service at most max_reject is refused, and two windows after it is back everything passes") {
  driven::client<throttle<>> client;
  int sent = 0;
  for (int i = 0; i < 30'000; ++i) {
    if (!client.call_with(code::unavailable).has(outcome::local)) ++sent;
    client.clock.advance(1ms);
  }
  CHECK(sent > 2'500);
  CHECK(sent < 4'500);
  CHECK(refuses(client) == percent(90));
  // What is refused counts as a request, so that the way back grows from the tenth that is left.
  for (int i = 0; i < 60'000; ++i) {
    client.call_with(code::ok);
    client.clock.advance(1ms);
  }
  CHECK(refuses(client).ppm == 0);
}

TEST_CASE("what counts as accepted, as throttled, and as never sent") {
  struct row {
    outcome ended;
    bool accepted;
    bool counted;
  };
  for (const row& each : {row{{}, true, true},
                          {{.code = code::not_found}, true, true},
                          {{.code = code::unknown}, true, true},
                          {{.code = code::internal}, true, true},
                          {{.code = code::aborted}, true, true},
                          {{.code = code::unavailable}, false, true},
                          {{.code = code::deadline_exceeded}, false, true},
                          {{.code = code::resource_exhausted}, false, true},
                          {tenon::refused_here(code::unavailable), false, true},
                          {{.code = code::unavailable, .flags = outcome::local, .producer = 5}, true, false},
                          {{.code = code::resource_exhausted, .flags = outcome::local}, true, false},
                          {{.code = code::cancelled, .flags = outcome::local}, true, false},
                          {{.code = code::cancelled}, true, false}}) {
    CAPTURE(static_cast<int>(each.ended.code));
    CAPTURE(static_cast<int>(each.ended.flags));
    driven::client<throttle<throttle_options{.min_requests = 0}>> client;
    client.begin()->end(each.ended);
    const auto seen = client.state<0>().sum(client.clock.now(), 30s, 30);
    CHECK(seen.total - seen.noted == (each.counted ? 1 : 0));
    CHECK((refuses(client).ppm == 0) == each.accepted);
  }
}

TEST_CASE("turned off it counts and refuses nothing") {
  driven::client<throttle<>> client;
  client.options<0>().enabled = false;
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(client.call_with(code::unavailable).has(outcome::local));
  CHECK(refuses(client).ppm == 0);
}

TEST_CASE_TEMPLATE("a hundred thousand random steps agree with the slow model", Mode, BOTH_MODES) {
  static constexpr throttle_options options{.k = percent(130), .window = 3s, .buckets = 10, .padding = 5, .min_requests = 12};
  const std::uint64_t seed = 4242;
  CAPTURE(seed);
  tenon::random_source dice{seed};
  driven::client<throttle<options, Mode::value>> client;
  struct event {
    std::int64_t bucket;
    char what;  // r: a request, a: an accept, i: one that is ignored
  };
  std::deque<event> events;
  std::vector<std::unique_ptr<typename decltype(client)::call>> calls;
  const auto bucket = [&] { return client.clock.now().ns / 300'000'000; };
  const auto probability = [&] {
    while (!events.empty() && events.front().bucket <= bucket() - 10) events.pop_front();
    double requests = 0, accepts = 0;
    for (const event& each : events) {
      requests += each.what == 'r' ? 1 : each.what == 'i' ? -1 : 0;
      accepts += each.what == 'a' ? 1 : 0;
    }
    requests = (std::max)(requests, 0.0);
    if (requests < options.min_requests) return 0.0;
    return (std::min)((std::max)((requests - 1.3 * accepts) / (requests + options.padding), 0.0), 0.9);
  };
  std::uint64_t health = 50;
  int refused = 0;
  for (int step = 0; step < 100'000; ++step) {
    if (dice.below(400) == 0) health = dice.below(101);
    client.clock.advance(duration{static_cast<std::int64_t>(dice.below(25'000'000))});
    if (dice.below(2) == 0 || calls.empty()) {
      const double expected = probability();
      REQUIRE(std::abs(refuses(client).ppm - expected * 1e6) <= 1);
      auto call = client.begin();
      events.push_back({bucket(), 'r'});
      if (expected == 0.0) REQUIRE(call->admitted());
      if (call->admitted()) calls.push_back(std::move(call));
      else ++refused;
    } else {
      const auto which = static_cast<std::size_t>(dice.below(calls.size()));
      const std::uint64_t roll = dice.below(100);
      const outcome how{.code = roll < health ? code::ok : roll % 7 == 0 ? code::cancelled : roll % 7 == 1 ? code::not_found : code::unavailable};
      calls[which]->end(how);
      if (how.code == code::cancelled) events.push_back({bucket(), 'i'});
      else if (how.code != code::unavailable) events.push_back({bucket(), 'a'});
      calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }
  CHECK(refused > 1000);
}
