#include <tenon/policy/hedge.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <policy/driven.hpp>
#include <simulation.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/breaker.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/metrics.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::outcome_of;
using simulated::scripted_shop;
using tenon::hedge;
using tenon::hedge_options;
using tenon::on_method;
using tenon::retry;
using tenon::timeout;

namespace simulated {

struct kiosk {
  int price(std::string item);
  int stock(std::string item);
  void note(std::string text);
  TENON_SERVICE(kiosk, (price, tenon::idempotent), (stock, tenon::idempotent), note)
};

}  // namespace simulated

using simulated::kiosk;

namespace {

template <class... Parameters>
using client_of = tenon::client<kiosk, tenon::codec::json, Parameters...>;

// What the peer says to an attempt, so long after it has come.
struct reply {
  std::int64_t after_ms = 0;
  std::string_view code = "OK";
  int pushback_ms = 0;  // 0: none
};
constexpr std::int64_t never = 1'000'000;

struct trace {
  std::vector<std::int64_t> started;  // in milliseconds since the call began
  std::int64_t ended = -1;
  std::string how;
  std::vector<std::size_t> cancelled;  // attempts that the peer was told to stop
  bool same_bytes = true;
};

std::string to(const frame& asked, const reply& said) {
  if (said.code == "OK") return scripted_shop::answer_to(asked, "7");
  frame answer{.bits = simulated::response | simulated::error, .codec = simulated::json, .sequence = asked.sequence};
  answer.metadata = {{"__rpcx_error__", std::string{said.code} + ": said"}, {"tenon-code", std::string{said.code}}};
  if (said.pushback_ms != 0) answer.metadata.emplace_back("tenon-pushback-ms", std::to_string(said.pushback_ms));
  return answer.bytes();
}

// One call, millisecond by millisecond, against a peer that answers its attempts in this way.
template <class Client>
trace run(scripted_shop& world, Client& client, const std::vector<reply>& script, std::int64_t until = 2'500) {
  trace seen;
  outcome_of<int> got;
  std::vector<frame> attempts;
  std::multimap<std::int64_t, std::size_t> due;
  client.price("bread").then(got.taker());
  for (std::int64_t now = 0; now <= until && seen.ended < 0; ++now) {
    // All that happens at this instant, until nothing does.
    for (bool moved = true; moved;) {
      moved = false;
      for (const frame& each : world.requests()) {
        moved = true;
        if (each.service.empty()) {
          for (std::size_t i = 0; i < attempts.size(); ++i) {
            if (each.method == "cancel" && each.sequence == attempts[i].sequence) seen.cancelled.push_back(i);
          }
          continue;
        }
        seen.same_bytes = seen.same_bytes && each.payload == "\"bread\"" && each.value_of("grpc-previous-rpc-attempts") == (attempts.empty() ? "(no grpc-previous-rpc-attempts)" : std::to_string(attempts.size()));
        seen.started.push_back(now);
        due.emplace(now + (attempts.size() < script.size() ? script[attempts.size()].after_ms : never), attempts.size());
        attempts.push_back(each);
      }
      while (!due.empty() && due.begin()->first <= now && !got.came()) {
        const std::size_t which = due.begin()->second;
        due.erase(due.begin());
        world.server.say(to(attempts[which], script[which]));
        moved = true;
      }
    }
    if (got.came()) {
      seen.ended = now;
      seen.how = got.text();
    }
    world.pass(1_ms);
  }
  return seen;
}

// gRPC A6's example: half a second, four attempts.
constexpr hedge_options a6{.max_attempts = 4, .delay = 500_ms, .max_extra = {}, .non_fatal = tenon::codes(tenon::code::unavailable, tenon::code::internal, tenon::code::aborted)};
template <auto Options = a6>
trace trace_of(const std::vector<reply>& script, std::int64_t until = 2'500) {
  scripted_shop world;
  client_of<timeout<60_s>, hedge<Options>> client{world.io, world.connector()};
  // Both know each other by then.
  outcome_of<void> first;
  client.note("x").then(first.taker());
  const auto opened = world.requests();
  REQUIRE(opened.size() == 1);
  world.show_as_tenon();
  world.answer(opened[0], "null");
  return run(world, client, script, until);
}

using times = std::vector<std::int64_t>;
using which = std::vector<std::size_t>;

}  // namespace

TEST_CASE("attempts start one delay after another, and the first answer is the call's") {
  const trace seen = trace_of({{1'900}, {never}, {never}, {never}});
  CHECK(seen.started == times{0, 500, 1'000, 1'500});
  CHECK(seen.ended == 1'900);
  CHECK(seen.how == "OK");
  CHECK(seen.cancelled == which{3, 2, 1});
  CHECK(seen.same_bytes);
}

TEST_CASE("a failure that another attempt may better starts it at once, and the delays run from there") {
  const trace seen = trace_of({{100, "UNAVAILABLE"}, {never}, {never}, {1}});
  CHECK(seen.started == times{0, 100, 600, 1'100});
  CHECK(seen.how == "OK");
}

TEST_CASE("a failure that no other attempt betters ends the call, and the others are cancelled") {
  const trace seen = trace_of({{700, "INVALID_ARGUMENT"}, {never}, {1}, {1}});
  CHECK(seen.started == times{0, 500});
  CHECK(seen.ended == 700);
  CHECK(seen.how == "INVALID_ARGUMENT: said");
  CHECK(seen.cancelled == which{1});
}

TEST_CASE("the peer says when the next attempt may start, and after it the delay counts again") {
  const trace seen = trace_of({{100, "UNAVAILABLE", 200}, {never}, {never}, {1}});
  CHECK(seen.started == times{0, 300, 800, 1'300});
}

TEST_CASE("the peer says that there shall be no other attempt: those under way are awaited") {
  CHECK(trace_of({{100, "UNAVAILABLE", -1}, {1}, {1}, {1}}).started == times{0});
  CHECK(trace_of({{100, "UNAVAILABLE", -1}, {1}, {1}, {1}}).ended == 100);
  const trace seen = trace_of({{900}, {100, "UNAVAILABLE", -1}, {1}, {1}});
  CHECK(seen.started == times{0, 500});
  CHECK(seen.ended == 900);
  CHECK(seen.how == "OK");
}

TEST_CASE("when all have failed the last failure is the call's, and nothing more is tried") {
  const trace seen = trace_of({{700, "UNAVAILABLE"}, {100, "INTERNAL"}, {1, "UNAVAILABLE"}, {1, "ABORTED"}});
  CHECK(seen.started == times{0, 500, 600, 601});
  CHECK(seen.ended == 700);
  CHECK(seen.how == "UNAVAILABLE: said");
}

TEST_CASE("a delay of none starts all at the same instant") {
  constexpr hedge_options all{.max_attempts = 4, .delay = hedge_options::at_once, .max_extra = {}};
  const trace seen = trace_of<all>({{9}, {5}, {9}, {9}});
  CHECK(seen.started == times{0, 0, 0, 0});
  CHECK(seen.ended == 5);
  CHECK(seen.cancelled.size() == 3);
}

TEST_CASE("with nothing left in the budget there is one attempt, and one again when there is something") {
  scripted_shop world;
  constexpr hedge_options lean{.max_attempts = 4, .delay = 10_ms, .max_extra = {}, .budget = {.share = tenon::percent(50), .tokens = 3, .per_second = 0}};
  client_of<timeout<60_s>, hedge<lean>> client{world.io, world.connector()};
  CHECK(run(world, client, {{100, "UNKNOWN"}}).started == times{0, 10, 20, 30});
  CHECK(run(world, client, {{100, "UNKNOWN"}}).started == times{0});
  // A failure cannot start what is not paid for either.
  const trace poor = run(world, client, {{5, "UNAVAILABLE"}});
  CHECK(poor.started == times{0});
  CHECK(poor.ended == 5);
  CHECK(poor.how == "UNAVAILABLE: said");
  CHECK(run(world, client, {{1}}).how == "OK");
  CHECK(run(world, client, {{1}}).how == "OK");
  CHECK(run(world, client, {{100}}).started == times{0, 10});
}

TEST_CASE("the share of calls that are hedged is limited, whatever the budget has") {
  scripted_shop world;
  constexpr hedge_options few{.delay = 2_ms, .max_extra = tenon::percent(5), .budget = {.form = tenon::budget_form::unlimited}};
  client_of<timeout<60_s>, hedge<few>> client{world.io, world.connector()};
  std::size_t attempts = 0;
  constexpr std::size_t calls = 1'000;
  for (std::size_t i = 0; i < calls; ++i) attempts += run(world, client, {{4}, {4}}).started.size();
  CHECK(attempts >= calls + calls / 20);
  CHECK(attempts <= calls + calls / 20 + 10);
}

TEST_CASE("a measured delay is what all but a twentieth of the method's calls take, and there is none before there are enough") {
  scripted_shop world;
  client_of<timeout<60_s>, hedge<>> client{world.io, world.connector()};
  // A tenth of them are slow; the first hundred teach.
  for (int i = 0; i < 100; ++i) CHECK(run(world, client, {{i % 10 == 0 ? 40 : 8}}).started == times{0});
  const trace slow = run(world, client, {{200}, {3}});
  REQUIRE(slow.started.size() == 2);
  CHECK(slow.started[1] >= 40);
  CHECK(slow.started[1] <= 50);
  CHECK(slow.ended == slow.started[1] + 3);
  // The calls have become faster: so does the delay.
  for (int i = 0; i < 4'000; ++i) (void)run(world, client, {{2}});
  const trace quick = run(world, client, {{200}, {3}});
  REQUIRE(quick.started.size() == 2);
  CHECK(quick.started[1] <= 3);
  // Another method has taught nothing yet.
  outcome_of<int> other;
  client.stock("bread").then(other.taker());
  const auto asked = world.requests();
  world.pass(1_s);
  CHECK(asked.size() == 1);
  CHECK(world.requests().empty());
}

TEST_CASE("a method that is not idempotent is sent once") {
  scripted_shop world;
  client_of<timeout<60_s>, hedge<10_ms>> client{world.io, world.connector()};
  outcome_of<void> note;
  client.note("x").then(note.taker());
  const auto asked = world.requests();
  REQUIRE(asked.size() == 1);
  world.pass(100_ms);
  CHECK(world.requests().empty());
  world.server.say(to(asked[0], {0, "UNAVAILABLE"}));
  CHECK(note.text() == "UNAVAILABLE: said");
}

TEST_CASE("no attempt starts at or after the deadline, and the deadline ends all of them") {
  scripted_shop world;
  client_of<timeout<100_ms>, hedge<a6>> client{world.io, world.connector()};
  REQUIRE(client.configure(hedge_options{.max_attempts = 5, .delay = 40_ms, .max_extra = {}}));
  const trace seen = run(world, client, {});
  CHECK(seen.started == times{0, 40, 80});
  CHECK(seen.ended == 100);
  CHECK(seen.how == "DEADLINE_EXCEEDED: kiosk.price: no answer in time");
  // A wait that the peer asks for and that would reach the deadline is not begun.
  const trace told = run(world, client, {{10, "UNAVAILABLE", 90}});
  CHECK(told.started == times{0});
  CHECK(told.ended == 10);
  CHECK(told.how == "UNAVAILABLE: said");
}

TEST_CASE("each attempt has its own time, and one that has run out of it is replaced at once") {
  scripted_shop world;
  client_of<timeout<1_s>, hedge<hedge_options{.max_attempts = 3, .delay = 50_ms, .max_extra = {}}>, timeout<30_ms>> client{world.io, world.connector()};
  const trace seen = run(world, client, {{never}, {never}, {5}});
  CHECK(seen.started == times{0, 30, 60});
  CHECK(seen.ended == 65);
  CHECK(seen.how == "OK");
}

TEST_CASE("a refusal by a policy of this client ends nothing while another attempt is under way, and costs nothing") {
  scripted_shop world;
  constexpr hedge_options one_token{.delay = 10_ms, .max_extra = {}, .budget = {.share = {}, .tokens = 1, .per_second = 0}};
  client_of<timeout<1_s>, hedge<one_token>, tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 1}>> client{world.io, world.connector()};
  const trace full = run(world, client, {{100}});
  CHECK(full.started == times{0});
  CHECK(full.how == "OK");
  // The token is still there.
  REQUIRE(client.configure(tenon::bulkhead_options{.max_in_flight = 2}));
  CHECK(run(world, client, {{100}}).started == times{0, 10});
  CHECK(run(world, client, {{100}}).started == times{0});
  // A failure of a peer is the call's, not the refusal that came after it.
  REQUIRE(client.configure(tenon::bulkhead_options{.max_in_flight = 1}));
  CHECK(run(world, client, {{5, "NOT_FOUND"}}).how == "NOT_FOUND: said");
}

TEST_CASE("what a peer refused before it ran is sent once more at once, for a token that comes back when it helps") {
  scripted_shop world;
  constexpr hedge_options one_token{.delay = 200_ms, .max_extra = {}, .budget = {.share = {}, .tokens = 1, .per_second = 0}};
  client_of<timeout<1_s>, hedge<one_token>> client{world.io, world.connector()};
  const auto refuse = [&](const frame& to) {
    frame draining{.bits = simulated::response | simulated::error, .codec = simulated::json, .sequence = to.sequence};
    draining.metadata = {{"__rpcx_error__", "UNAVAILABLE: draining"}, {"tenon-not-executed", "1"}};
    world.server.say(draining.bytes());
  };
  // Asks, refuses it once, and says what came then.
  const auto ask = [&](outcome_of<int>& got) {
    client.price("bread").then(got.taker());
    const auto asked = world.requests();
    REQUIRE(asked.size() == 1);
    refuse(asked[0]);
    return world.requests();
  };
  for (int i = 0; i < 3; ++i) {
    outcome_of<int> got;
    const auto again = ask(got);
    REQUIRE(again.size() == 1);
    world.answer(again[0], "7");
    CHECK(got.text() == "OK");
  }
  // It does not help: the token is gone, and the next one is not sent again.
  outcome_of<int> in_vain;
  const auto again = ask(in_vain);
  REQUIRE(again.size() == 1);
  refuse(again[0]);
  CHECK(world.requests().empty());
  CHECK(in_vain.text() == "UNAVAILABLE: draining");
  outcome_of<int> next;
  CHECK(ask(next).empty());
  CHECK(next.text() == "UNAVAILABLE: draining");
}

TEST_CASE("losers give back what they held, and count neither for nor against their endpoint") {
  scripted_shop world;
  constexpr tenon::breaker_options touchy{.min_calls = 1, .deadline_counts_after = {}};
  client_of<timeout<1_s>, hedge<hedge_options{.delay = 5_ms, .max_extra = {}, .budget = {.form = tenon::budget_form::unlimited}}>, tenon::breaker<touchy>, tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 2}>>
      client{world.io, world.connector()};
  for (int i = 0; i < 50; ++i) {
    const trace seen = run(world, client, {{never}, {1}});
    CHECK(seen.started == times{0, 5});
    CHECK(seen.how == "OK");
  }
}

TEST_CASE("a method has retry or hedge, and both pay from one budget") {
  scripted_shop world;
  constexpr tenon::retry_budget_options shared{.share = {}, .tokens = 3, .per_second = 0};
  constexpr tenon::retry_options steady{.max_attempts = 3, .jitter = tenon::jitter::none, .idempotent_only = false, .budget = shared};
  constexpr hedge_options doubled{.max_attempts = 2, .delay = 10_ms, .max_extra = {}, .budget = shared};
  client_of<timeout<60_s>, retry<steady>, on_method<&kiosk::price, hedge<doubled>>> client{world.io, world.connector()};
  CHECK(run(world, client, {{100}}).started == times{0, 10});
  // The others are repeated one after the other, as before, and two tokens are left.
  outcome_of<void> note;
  client.note("x").then(note.taker());
  std::size_t attempts = 0;
  for (int i = 0; i < 200 && !note.came(); ++i) {
    for (const frame& each : world.requests()) {
      if (each.method != "note") continue;
      ++attempts;
      world.server.say(to(each, {0, "UNAVAILABLE"}));
    }
    world.pass(1_ms);
  }
  CHECK(attempts == 3);
  CHECK(note.text() == "UNAVAILABLE: said");
  CHECK(run(world, client, {{100}}).started == times{0});
}

TEST_CASE("where a client hedges, one method may be retried instead") {
  scripted_shop world;
  constexpr tenon::retry_options steady{.max_attempts = 2, .jitter = tenon::jitter::none};
  client_of<timeout<60_s>, hedge<hedge_options{.delay = 10_ms, .max_extra = {}}>, on_method<&kiosk::price, retry<steady>>> client{world.io, world.connector()};
  const trace seen = run(world, client, {{100, "UNAVAILABLE"}, {1}});
  CHECK(seen.started == times{0, 125});
  outcome_of<int> stock;
  client.stock("x").then(stock.taker());
  CHECK(world.requests().size() == 1);
  world.pass(10_ms);
  CHECK(world.requests().size() == 1);
}

TEST_CASE("hedges are counted, and so is what they won") {
  scripted_shop world;
  tenon::metrics_registry numbers;
  client_of<tenon::metrics<>, timeout<60_s>, hedge<hedge_options{.delay = 10_ms, .max_extra = {}, .budget = {.share = {}, .tokens = 2, .per_second = 0}}>, tenon::policy::tagged<"attempts", tenon::metrics<>>> client{
      world.io, world.connector()};
  REQUIRE(client.configure(tenon::metrics_options{.into = &numbers}));
  (void)run(world, client, {{100}, {5}});
  (void)run(world, client, {{15}, {50}});
  (void)run(world, client, {{100}, {5}});
  std::map<tenon::policy::event_kind, std::uint64_t> heard;
  for (const auto& each : numbers.events()) {
    if (each.policy == "hedge") heard[each.kind] = each.count;
  }
  CHECK(heard[tenon::policy::event_kind::repeated] == 2);
  CHECK(heard[tenon::policy::event_kind::won] == 1);
  CHECK(heard[tenon::policy::event_kind::exhausted] == 1);
  for (const auto& each : numbers.methods()) {
    CHECK(each.started == (each.what == tenon::metrics_of::attempt ? 5U : 3U));
    CHECK(each.under_way() == 0);
  }
}
