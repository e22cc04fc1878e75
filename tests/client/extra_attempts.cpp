#include <tenon/client/extra_attempts.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <policy/turnstile.hpp>
#include <simulation.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/auth.hpp>
#include <tenon/policy/fallback.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/singleflight.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::outcome_of;
using simulated::scripted_shop;
using tenon::hedge;
using tenon::hedge_options;
using tenon::timeout;

namespace simulated {

// Declared and never defined, which in an unnamed namespace a compiler may call a mistake.
struct counter_shop {
  int price(std::string item);
  void note(std::string text);
  tenon::stream<int> watch(std::string item);
  TENON_SERVICE(counter_shop, (price, tenon::idempotent, tenon::cacheable), note, (watch, tenon::idempotent))
};

}  // namespace simulated

using simulated::counter_shop;

namespace {

// What is inside now, and the deadline that nothing may begin after.
struct tally {
  int calls = 0;
  int attempts = 0;
  int most_attempts = 0;
  bool late = false;
};
tally* counted = nullptr;

template <bool Attempt>
struct counting : tenon::policy::base {
  static constexpr std::string_view name = Attempt ? "attempts" : "calls";
  static constexpr tenon::policy::side stands = Attempt ? tenon::policy::side::attempt : tenon::policy::side::any;
  struct options {
    bool operator==(const options&) const = default;
  };
  static constexpr options defaults{};
  struct call_state {
    int open = 0;
  };
  static int& of() { return Attempt ? counted->attempts : counted->calls; }
  static tenon::outcome admit(tenon::policy::none&, const options&, call_state& c, tenon::call_info& info) noexcept {
    CHECK(++c.open == 1);
    counted->late = counted->late || info.now >= info.deadline;
    ++of();
    counted->most_attempts = (std::max)(counted->most_attempts, counted->attempts);
    return {};
  }
  static void observe(tenon::policy::none&, const options&, call_state& c, tenon::call_info&, tenon::outcome) noexcept {
    CHECK(--c.open == 0);
    --of();
  }
};

template <class... Parameters>
using client_of = tenon::client<counter_shop, tenon::codec::json, Parameters...>;

constexpr hedge_options four{.max_attempts = 4, .delay = 5_ms, .max_extra = {}, .budget = {.form = tenon::budget_form::unlimited}};
// With a bound, so that calls pile up in front of the attempts.
using crowded = client_of<timeout<120_ms>, counting<false>, hedge<four>, timeout<40_ms>, counting<true>, simulated::turnstile>;

std::string failure_to(const frame& to, std::string_view code, std::string_view key = {}, std::string_view value = {}) {
  frame answer{.bits = simulated::response | simulated::error, .codec = simulated::json, .sequence = to.sequence};
  answer.metadata = {{"__rpcx_error__", std::string{code} + ": said"}, {"tenon-code", std::string{code}}};
  if (!key.empty()) answer.metadata.emplace_back(key, value);
  return answer.bytes();
}
std::vector<frame> calls_in(scripted_shop& world) {
  auto found = world.requests();
  std::erase_if(found, [](const frame& each) { return each.service.empty(); });
  return found;
}

}  // namespace

TEST_CASE("whatever ends calls, attempts and waits, all that was admitted is told so once") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    tally numbers;
    counted = &numbers;
    tenon::random_source random{seed};
    scripted_shop world;
    std::optional<crowded> client{std::in_place, world.io, world.connector(), tenon::client_options{.seed = seed}};
    client->configure(simulated::turnstile_options{.patience = 30_ms});
    std::vector<std::unique_ptr<outcome_of<int>>> ended;
    std::vector<tenon::call<int>> open;
    std::vector<frame> unanswered;
    const auto random_answer = [&](const frame& to) {
      switch (random.below(6)) {
        case 0: return failure_to(to, "UNAVAILABLE");
        case 1: return failure_to(to, "UNAVAILABLE", "tenon-not-executed", "1");
        case 2: return failure_to(to, "UNAVAILABLE", "tenon-pushback-ms", random.below(2) == 0 ? "7" : "-1");
        case 3: return failure_to(to, "NOT_FOUND");
        case 4: return scripted_shop::answer_to(to, "no number");
        default: return scripted_shop::answer_to(to, "1");
      }
    };
    for (int step = 0; step < 1'500; ++step) {
      switch (random.below(7)) {
        case 0:
          ended.push_back(std::make_unique<outcome_of<int>>());
          client->price("x").then(ended.back()->taker());
          break;
        case 1: open.push_back(client->price("y")); break;
        case 2:
          if (!open.empty()) open.erase(open.begin() + static_cast<std::ptrdiff_t>(random.below(open.size())));
          break;
        case 3:
          if (!open.empty()) open[random.below(open.size())].cancel();
          break;
        case 4: world.pass(tenon::duration{static_cast<std::int64_t>(random.below(12'000'000))}); break;
        default:
          for (const frame& each : calls_in(world)) {
            if (random.below(3) == 0) continue;
            if (random.below(3) == 0) unanswered.push_back(each);
            else world.server.say(random_answer(each));
          }
          // Late ones too, which may belong to attempts that are gone.
          if (!unanswered.empty() && random.below(2) == 0) {
            world.server.say(random_answer(unanswered.back()));
            unanswered.pop_back();
          }
      }
      if (random.below(100) == 0) world.show_as_tenon();
      if (random.below(150) == 0) world.server.hang_up();
    }
    // Half of the time the client goes with all that is under way.
    if (seed % 2 == 0) {
      client.reset();
      world.run();
    } else {
      open.clear();
      world.pass(1_s);
    }
    for (const auto& each : ended) CHECK(each->times == 1);
    CHECK(numbers.calls == 0);
    CHECK(numbers.attempts == 0);
    CHECK(numbers.most_attempts > 1);
    CHECK_FALSE(numbers.late);
  }
}

TEST_CASE("hedges go out again over a new connection when the one that had them all is lost") {
  scripted_shop world;
  client_of<timeout<1_s>, hedge<four>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("x").then(got.taker());
  CHECK(calls_in(world).size() == 1);
  world.pass(5_ms);
  CHECK(calls_in(world).size() == 1);
  world.server.hang_up();
  const auto again = calls_in(world);
  REQUIRE(again.size() == 2);
  world.answer(again[1], "3");
  CHECK(**got.value == 3);
}

TEST_CASE("a client that goes ends a hedged call once, whatever its attempts are at") {
  for (int attempts = 1; attempts <= 4; ++attempts) {
    scripted_shop world;
    std::optional<client_of<timeout<1_s>, hedge<four>>> client{std::in_place, world.io, world.connector()};
    outcome_of<int> got;
    client->price("x").then(got.taker());
    world.run();
    world.pass(tenon::duration{5'000'000} * (attempts - 1));
    client.reset();
    world.run();
    CHECK(got.times == 1);
    CHECK(got.text() == "UNAVAILABLE: counter_shop.price: the client was closed");
  }
}

TEST_CASE("a call that is cancelled takes its attempts along, and their servers are told") {
  scripted_shop world;
  client_of<timeout<1_s>, hedge<four>> client{world.io, world.connector()};
  tenon::cancellation stop;
  outcome_of<int> got;
  client.with({.cancel = &stop}).price("x").then(got.taker());
  world.run();
  world.show_as_tenon();
  world.pass(5_ms);
  CHECK(calls_in(world).size() == 2);
  stop.request();
  world.run();
  CHECK(got.text() == "CANCELLED: counter_shop.price: the call was cancelled by its caller");
  std::size_t told = 0;
  for (const frame& each : world.requests()) told += each.service.empty() && each.method == "cancel" ? 1U : 0U;
  CHECK(told == 2);
}

TEST_CASE("a one-way call is sent once") {
  scripted_shop world;
  client_of<hedge<hedge_options{.delay = hedge_options::at_once, .max_extra = {}}>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.with({.one_way = true}).price("x").then(got.taker());
  CHECK(calls_in(world).size() == 1);
  CHECK(got.text() == "OK");
  world.pass(1_s);
  CHECK(world.requests().empty());
}

TEST_CASE("a call that streams is sent once: a second one would give its items as well") {
  scripted_shop world;
  client_of<hedge<hedge_options{.delay = 5_ms, .max_extra = {}}>> client{world.io, world.connector()};
  outcome_of<int> first;
  client.price("x").then(first.taker());
  world.run();
  world.show_as_tenon();
  for (const frame& each : calls_in(world)) world.answer(each, "1");
  REQUIRE(first.text() == "OK");
  const auto items = client.watch("x");
  CHECK(calls_in(world).size() == 1);
  world.pass(50_ms);
  CHECK(calls_in(world).empty());
}

TEST_CASE("an attempt whose credentials were refused is sent again with new ones, each for itself") {
  static int generation = 0;
  generation = 0;
  constexpr auto credential = [] { return "key " + std::to_string(++generation); };
  scripted_shop world;
  client_of<timeout<1_s>, hedge<hedge_options{.delay = 5_ms, .max_extra = {}}>, tenon::auth<credential>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("x").then(got.taker());
  auto first = calls_in(world);
  world.pass(5_ms);
  auto second = calls_in(world);
  REQUIRE((first.size() == 1 && second.size() == 1));
  CHECK(second[0].value_of("authorization") == "key 1");
  world.server.say(failure_to(first[0], "UNAUTHENTICATED"));
  first = calls_in(world);
  REQUIRE(first.size() == 1);
  CHECK(first[0].value_of("authorization") == "key 2");
  world.server.say(failure_to(second[0], "UNAUTHENTICATED"));
  second = calls_in(world);
  REQUIRE(second.size() == 1);
  CHECK(second[0].value_of("authorization") == "key 2");
  world.answer(second[0], "9");
  CHECK(**got.value == 9);
}

TEST_CASE("policies around the whole call see one call, with hedges inside") {
  scripted_shop world;
  constexpr auto cheap = [] { return 1; };
  client_of<tenon::on_method<&counter_shop::price, tenon::fallback<cheap>>, tenon::singleflight<>, timeout<1_s>, hedge<hedge_options{.delay = 5_ms, .max_extra = {}}>> client{world.io, world.connector()};
  outcome_of<int> got[2];
  for (auto& each : got) client.price("x").then(each.taker());
  CHECK(calls_in(world).size() == 1);
  world.pass(5_ms);
  const auto hedged = calls_in(world);
  REQUIRE(hedged.size() == 1);
  world.answer(hedged[0], "5");
  for (auto& each : got) CHECK(**each.value == 5);
  // The failure of both attempts is replaced once.
  outcome_of<int> failed;
  client.price("y").then(failed.taker());
  for (int i = 0; i < 2; ++i) {
    for (const frame& each : calls_in(world)) world.server.say(failure_to(each, "UNAVAILABLE"));
  }
  CHECK(failed.times == 1);
  CHECK(**failed.value == 1);
}
