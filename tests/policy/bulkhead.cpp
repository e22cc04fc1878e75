#include <tenon/policy/bulkhead.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <type_traits>
#include <vector>

#include <tenon/policy/breaker.hpp>

#include <policy/driven.hpp>

using namespace std::chrono_literals;

namespace {

using tenon::bulkhead;
using tenon::bulkhead_options;
using tenon::code;
using tenon::duration;
using tenon::outcome;
using tenon::policy::sharing;

template <sharing Mode>
using mode = std::integral_constant<sharing, Mode>;
#define BOTH_MODES mode<sharing::per_loop>, mode<sharing::shared>

constexpr bulkhead_options queueing{.max_in_flight = 2, .max_queue = 3};

static_assert(bulkhead<64>::defaults.max_in_flight == 64 && bulkhead<>::defaults.max_in_flight == 1024);
static_assert(tenon::policy::waiting_hook<bulkhead<>> && bulkhead<>::where == tenon::policy::scope::endpoint);

}  // namespace

TEST_CASE_TEMPLATE("so many calls at once and no more; each that ends makes room for one", Mode, BOTH_MODES) {
  driven::client<bulkhead<3, Mode::value>> client;
  std::vector<std::unique_ptr<typename decltype(client)::call>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(client.begin());
  for (const auto& each : calls) CHECK(each->admitted());
  for (int i = 0; i < 10; ++i) {
    const auto refused = client.begin();
    CHECK(refused->result().code == code::resource_exhausted);
    CHECK(refused->result().has(outcome::local));
    CHECK(refused->result().has(outcome::not_executed));
  }
  CHECK_FALSE(bulkhead<3, Mode::value>::ready(client.template state<0>(), client.template options<0>(), client.clock.now()));
  calls.pop_back();
  CHECK(bulkhead<3, Mode::value>::ready(client.template state<0>(), client.template options<0>(), client.clock.now()));
  CHECK(client.begin()->admitted());
  calls.clear();
  CHECK(client.template state<0>().in_flight() == 0);
}

TEST_CASE("a server that is full is unavailable, a client that is full has had enough") {
  driven::client<bulkhead<1>> client;
  const auto running = client.begin();
  CHECK(client.begin({.on_server = true})->result().code == code::unavailable);
  CHECK(client.begin()->result().code == code::resource_exhausted);
  client.options<0>().reject_code = code::aborted;
  CHECK(client.begin({.on_server = true})->result().code == code::aborted);
}

TEST_CASE("lowering the limit lets running calls end, and turning it off lets all pass") {
  driven::client<bulkhead<4>> client;
  std::vector<std::unique_ptr<decltype(client)::call>> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(client.begin());
  client.options<0>().max_in_flight = 2;
  CHECK_FALSE(client.begin()->admitted());
  calls.resize(2);
  CHECK_FALSE(client.begin()->admitted());
  calls.resize(1);
  CHECK(client.begin()->admitted());
  calls.clear();
  client.options<0>().enabled = false;
  for (int i = 0; i < 10; ++i) calls.push_back(client.begin());
  for (const auto& each : calls) CHECK(each->admitted());
  calls.clear();
  CHECK(client.state<0>().in_flight() == 0);
}

TEST_CASE("those who wait go in the order they came, or the last one first") {
  for (const bool lifo : {false, true}) {
    CAPTURE(lifo);
    driven::client<bulkhead<queueing>> client;
    client.options<0>().lifo = lifo;
    std::vector<std::unique_ptr<decltype(client)::call>> calls;
    for (int i = 0; i < 6; ++i) calls.push_back(client.begin());
    CHECK((calls[0]->admitted() && calls[1]->admitted()));
    CHECK((calls[2]->waiting() && calls[3]->waiting() && calls[4]->waiting()));
    CHECK_FALSE(calls[5]->running());
    calls[0]->end();
    for (std::size_t i = 2; i < 5; ++i) CHECK(calls[i]->woken() == (i == (lifo ? 4 : 2)));
    // The place is taken already: who comes now cannot have it.
    CHECK_FALSE(client.begin()->admitted());
    calls[lifo ? 4 : 2]->go_on();
    CHECK(calls[lifo ? 4 : 2]->admitted());
    CHECK(client.state<0>().in_flight() == 2);
    calls[1]->end();
    CHECK(calls[3]->woken());
    calls[3]->go_on();
    calls.clear();
    CHECK(client.state<0>().in_flight() == 0);
    CHECK(client.state<0>().queue.empty());
  }
}

TEST_CASE("who waits too long is refused, and is asked again no earlier") {
  driven::client<bulkhead<bulkhead_options{.max_in_flight = 1, .max_queue = 1, .max_wait = duration{std::chrono::milliseconds{20}}}>> client;
  const auto running = client.begin();
  const auto waiting = client.begin();
  CHECK(waiting->info().wake_at == client.clock.now() + 20ms);
  client.clock.advance(19ms);
  waiting->go_on();
  CHECK(waiting->waiting());
  client.clock.advance(1ms);
  waiting->go_on();
  CHECK_FALSE(waiting->running());
  CHECK(waiting->result().code == code::resource_exhausted);
  CHECK(client.state<0>().queue.empty());
}

TEST_CASE("who gives up waiting leaves no trace, before and after the place was handed over") {
  driven::client<bulkhead<queueing>> client;
  std::vector<std::unique_ptr<decltype(client)::call>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(client.begin());
  calls[2]->end(code::deadline_exceeded);
  CHECK(client.state<0>().queue.size() == 2);
  calls[0]->end();
  CHECK(calls[3]->woken());
  // The place that it was given goes to the next.
  calls[3]->end(code::cancelled);
  CHECK(calls[4]->woken());
  CHECK(client.state<0>().in_flight() == 2);
  calls.clear();
  CHECK(client.state<0>().in_flight() == 0);
}

TEST_CASE("where nobody can wait, a full bulkhead refuses although it has a queue") {
  bulkhead<queueing>::state of;
  bulkhead<queueing>::call_state call;
  tenon::call_info info{};
  for (int i = 0; i < 2; ++i) CHECK(bulkhead<queueing>::admit(of, queueing, call, info).ok());
  CHECK(bulkhead<queueing>::admit(of, queueing, call, info).code == code::resource_exhausted);
}

TEST_CASE("a hundred thousand random steps agree with the slow model, and nothing is left at the end") {
  const std::uint64_t seed = 31337;
  CAPTURE(seed);
  tenon::random_source dice{seed};
  driven::client<bulkhead<bulkhead_options{.max_in_flight = 5, .max_queue = 7, .max_wait = duration{std::chrono::milliseconds{30}}}>> client;
  using call = decltype(client)::call;
  struct waiting {
    call* who;
    tenon::instant until;
  };
  std::vector<std::unique_ptr<call>> calls;
  std::deque<waiting> line;
  std::size_t inside = 0;
  const auto place_free = [&] {
    --inside;
    if (line.empty()) return;
    ++inside;
    REQUIRE(line.front().who->woken());
    line.front().who->go_on();
    REQUIRE(line.front().who->admitted());
    line.pop_front();
  };
  for (int step = 0; step < 100'000; ++step) {
    client.clock.advance(duration{static_cast<std::int64_t>(dice.below(4'000'000))});
    for (std::size_t i = 0; i < line.size();) {
      if (client.clock.now() < line[i].until) {
        ++i;
        continue;
      }
      line[i].who->go_on();
      REQUIRE_FALSE(line[i].who->running());
      line.erase(line.begin() + static_cast<std::ptrdiff_t>(i));
    }
    std::erase_if(calls, [](const auto& each) { return !each->running(); });
    if (dice.below(2) == 0 || calls.empty()) {
      auto made = client.begin();
      if (inside < 5) {
        REQUIRE(made->admitted());
        ++inside;
      } else if (line.size() < 7) {
        REQUIRE(made->waiting());
        line.push_back({made.get(), client.clock.now() + 30ms});
      } else {
        REQUIRE_FALSE(made->running());
        continue;
      }
      calls.push_back(std::move(made));
    } else {
      const auto which = static_cast<std::ptrdiff_t>(dice.below(calls.size()));
      call& ending = *calls[static_cast<std::size_t>(which)];
      const bool was_inside = ending.admitted();
      std::erase_if(line, [&](const waiting& each) { return each.who == &ending; });
      if (dice.below(2) == 0) ending.end(dice.below(2) == 0 ? code::ok : code::internal);
      calls.erase(calls.begin() + which);
      if (was_inside) place_free();
    }
    REQUIRE(client.state<0>().in_flight() == static_cast<int>(inside));
    REQUIRE(client.state<0>().queue.size() == line.size());
  }
  calls.clear();
  CHECK(client.state<0>().in_flight() == 0);
  CHECK(client.state<0>().queue.empty());
}
