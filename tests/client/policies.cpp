#include <tenon/client/attempts.hpp>

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
#include <tenon/core/context.hpp>
#include <tenon/core/random.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop;
using tenon::retry;
using tenon::retry_options;
using tenon::timeout;

namespace simulated {

// Declared and never defined, which in an unnamed namespace a compiler may call a mistake.
struct till {
  int price(std::string item);
  void note(std::string text);
  TENON_SERVICE(till, (price, tenon::idempotent), note)
};

}  // namespace simulated

using simulated::till;

namespace {

template <class... Parameters>
using client_of = tenon::client<shop, tenon::codec::json, Parameters...>;

constexpr retry_options steady{.max_attempts = 4, .jitter = tenon::jitter::none, .idempotent_only = false};

std::string unavailable(const frame& to) { return scripted_shop::error_to(to, "UNAVAILABLE: busy"); }

}  // namespace

TEST_CASE("retry sends the same bytes again, later each time, and says how often it has") {
  scripted_shop world;
  client_of<retry<steady>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  auto first = world.requests();
  REQUIRE(first.size() == 1);
  CHECK(first[0].metadata.empty());
  world.server.say(unavailable(first[0]));
  world.pass(24_ms);
  CHECK(world.requests().empty());
  world.pass(1_ms);
  auto second = world.requests();
  REQUIRE(second.size() == 1);
  CHECK(second[0].payload == first[0].payload);
  CHECK(second[0].value_of("grpc-previous-rpc-attempts") == "1");
  world.server.say(unavailable(second[0]));
  world.pass(50_ms);
  auto third = world.requests();
  REQUIRE(third.size() == 1);
  CHECK(third[0].value_of("grpc-previous-rpc-attempts") == "2");
  CHECK(!got.came());
  world.answer(third[0], "7");
  CHECK(**got.value == 7);
}

TEST_CASE("retry leaves a method alone that is not idempotent, and repeats one that is") {
  scripted_shop world;
  tenon::client<till, tenon::codec::json, retry<>> client{world.io, world.connector()};
  outcome_of<void> note;
  outcome_of<int> price;
  client.note("x").then(note.taker());
  client.price("x").then(price.taker());
  for (const frame& each : world.requests()) world.server.say(unavailable(each));
  CHECK(note.text() == "UNAVAILABLE: busy");
  world.pass(30_ms);
  const auto again = world.requests();
  REQUIRE(again.size() == 1);
  CHECK(again[0].method == "price");
  world.answer(again[0], "1");
  CHECK(price.text() == "OK");
}

TEST_CASE("a call whose connection cannot be made is tried again, idempotent or not, since nothing was sent") {
  simulated::world world;
  simulated::peer server{world};
  tenon::client<till, tenon::codec::json, retry<retry_options{.max_attempts = 10, .base = 250_ms, .cap = 1_s}>> client{world.io, world.wire.connector_to("till"), {.seed = 1}};
  outcome_of<void> got;
  client.note("x").then(got.taker());
  world.run();
  CHECK(!got.came());
  server.listen("till");
  std::vector<frame> heard;
  for (int i = 0; i < 100 && heard.empty(); ++i) {
    world.pass(100_ms);
    heard = simulated::frames_in(server.heard());
    std::erase_if(heard, [](const frame& each) { return each.method != "note"; });
  }
  REQUIRE(heard.size() == 1);
  server.say(scripted_shop::answer_to(heard[0], "null"));
  CHECK(got.text() == "OK");
}

TEST_CASE("an attempt that gets no answer in its time is repeated within the time of the call") {
  scripted_shop world;
  client_of<timeout<100_ms>, retry<steady>, timeout<30_ms>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  const auto first = world.requests();
  REQUIRE(first.size() == 1);
  // The peer is told how long anyone will listen.
  CHECK(first[0].value_of("__ServerTimeout") == "30");
  world.pass(30_ms);
  CHECK(!got.came());
  world.pass(25_ms);
  const auto second = world.requests();
  REQUIRE(second.size() == 1);
  // The late answer of the first attempt is nobody's.
  world.answer(first[0], "1");
  CHECK(!got.came());
  world.answer(second[0], "2");
  CHECK(**got.value == 2);
}

TEST_CASE("an attempt without an answer is not repeated where that could do something twice") {
  scripted_shop world;
  tenon::client<till, tenon::codec::json, timeout<100_ms>, retry<>, timeout<30_ms>> client{world.io, world.connector()};
  outcome_of<void> got;
  client.note("x").then(got.taker());
  CHECK(world.requests().size() == 1);
  world.pass(30_ms);
  CHECK(got.text() == "DEADLINE_EXCEEDED: till.note: no answer in the time of one attempt");
  CHECK(!got.value->error().has(tenon::outcome::not_executed));
}

TEST_CASE("the time of the call ends it between two attempts, in an attempt, and never begins one") {
  scripted_shop world;
  client_of<timeout<100_ms>, retry<steady>, timeout<60_ms>> client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  REQUIRE(world.requests().size() == 1);
  world.pass(60_ms);
  world.pass(25_ms);
  const auto second = world.requests();
  REQUIRE(second.size() == 1);
  CHECK(second[0].value_of("__ServerTimeout") == "15");
  world.pass(15_ms);
  CHECK(got.text() == "DEADLINE_EXCEEDED: shop.price: no answer in time");
  // With no loop the shorter of the two counts.
  client_of<timeout<tenon::timeout_options{.total = 100_ms, .per_try = 20_ms}>> once{world.io, world.connector()};
  outcome_of<int> other;
  once.price("bread").then(other.taker());
  world.pass(20_ms);
  CHECK(other.text() == "DEADLINE_EXCEEDED: shop.price: no answer in the time of one attempt");
}

TEST_CASE("a deadline may stay at home, or be told with something held back") {
  scripted_shop world;
  client_of<timeout<tenon::timeout_options{.total = 100_ms, .propagate = false}>> quiet{world.io, world.connector()};
  outcome_of<int> got;
  quiet.price("bread").then(got.taker());
  auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].value_of("__ServerTimeout") == "(no __ServerTimeout)");
  client_of<timeout<tenon::timeout_options{.total = 100_ms, .reserve = 20_ms}>> careful{world.io, world.connector()};
  outcome_of<int> other;
  careful.price("bread").then(other.taker());
  requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].value_of("__ServerTimeout") == "80");
}

TEST_CASE("on_method gives one method other options, or a policy of its own") {
  scripted_shop world;
  tenon::client<till, timeout<100_ms>, tenon::on_method<&till::price, timeout<50_ms>, retry<steady>>, tenon::codec::json> client{world.io, world.connector()};
  outcome_of<int> price;
  outcome_of<void> note;
  client.price("x").then(price.taker());
  client.note("x").then(note.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].value_of("__ServerTimeout") == "50");
  CHECK(requests[1].value_of("__ServerTimeout") == "100");
  for (const frame& each : requests) world.server.say(unavailable(each));
  CHECK(note.text() == "UNAVAILABLE: busy");
  CHECK(!price.came());
  world.pass(25_ms);
  const auto again = world.requests();
  REQUIRE(again.size() == 1);
  CHECK(again[0].method == "price");
  world.answer(again[0], "3");
  CHECK(**price.value == 3);
}

TEST_CASE("options change while calls run, for all methods or for one, and a call keeps those it began with") {
  scripted_shop world;
  client_of<timeout<100_ms>, retry<retry_options{.max_attempts = 1}>> client{world.io, world.connector()};
  CHECK(client.configure(tenon::timeout_options{.total = 70_ms}));
  CHECK(client.configure<&shop::note>(tenon::timeout_options{.total = 10_ms}));
  CHECK(client.configure(steady));
  struct unknown {};
  CHECK_FALSE(client.configure(unknown{}));
  outcome_of<int> price;
  outcome_of<void> note;
  client.price("x").then(price.taker());
  client.note("x").then(note.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].value_of("__ServerTimeout") == "70");
  CHECK(requests[1].value_of("__ServerTimeout") == "10");
  CHECK(client.configure(retry_options{.max_attempts = 1}));
  world.server.say(unavailable(requests[0]));
  world.pass(25_ms);
  CHECK(world.requests().size() == 1);
}

TEST_CASE("calls wait for one another, and go on in their order") {
  scripted_shop world;
  client_of<simulated::turnstile> client{world.io, world.connector()};
  outcome_of<int> got[3];
  for (auto& each : got) client.price("x").then(each.taker());
  for (int i = 0; i < 3; ++i) {
    const auto requests = world.requests();
    REQUIRE(requests.size() == 1);
    CHECK(!got[i].came());
    world.answer(requests[0], std::to_string(i));
    CHECK(**got[i].value == i);
  }
  CHECK(world.requests().empty());
}

TEST_CASE("a call that waits ends by its deadline, by a cancel, by the policy, or with the client, and hands on what it had") {
  scripted_shop world;
  std::optional<client_of<timeout<50_ms>, simulated::turnstile>> client{std::in_place, world.io, world.connector()};
  outcome_of<int> first;
  outcome_of<int> late;
  outcome_of<int> third;
  client->price("x").then(first.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  client->with({.timeout = 20_ms}).price("x").then(late.taker());
  std::optional<tenon::call<int>> dropped{client->price("x")};
  client->price("x").then(third.taker());
  world.run();
  world.pass(20_ms);
  CHECK(late.text() == "DEADLINE_EXCEEDED: shop.price: no answer in time");
  CHECK(late.value->error().has(tenon::outcome::not_executed));
  dropped.reset();
  world.run();
  world.answer(requests[0], "1");
  CHECK(**first.value == 1);
  const auto more = world.requests();
  REQUIRE(more.size() == 1);
  outcome_of<int> fourth;
  client->price("x").then(fourth.taker());
  world.run();
  client.reset();
  world.run();
  CHECK(third.text() == "UNAVAILABLE: shop.price: the client was closed");
  CHECK(fourth.text() == "UNAVAILABLE: shop.price: the client was closed");
}

TEST_CASE("a policy's patience ends a wait") {
  scripted_shop world;
  client_of<simulated::turnstile> client{world.io, world.connector()};
  client.configure(simulated::turnstile::options{.patience = 10_ms});
  outcome_of<int> first;
  outcome_of<int> second;
  client.price("x").then(first.taker());
  client.price("x").then(second.taker());
  CHECK(world.requests().size() == 1);
  world.pass(10_ms);
  CHECK(second.text() == "RESOURCE_EXHAUSTED: shop.price: refused before the call was sent (turnstile)");
}

TEST_CASE("each attempt waits anew where the policy stands inside retry") {
  scripted_shop world;
  client_of<timeout<100_ms>, retry<steady>, simulated::slow_start, simulated::turnstile> client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("x").then(got.taker());
  CHECK(world.requests().empty());
  world.pass(10_ms);
  const auto first = world.requests();
  REQUIRE(first.size() == 1);
  world.server.say(unavailable(first[0]));
  world.pass(25_ms);
  CHECK(world.requests().empty());
  world.pass(10_ms);
  const auto second = world.requests();
  REQUIRE(second.size() == 1);
  world.answer(second[0], "1");
  CHECK(**got.value == 1);
}

TEST_CASE("who listens hears of waits, refusals and repetitions") {
  scripted_shop world;
  simulated::listener::heard.clear();
  client_of<simulated::listener, retry<steady>, simulated::turnstile> client{world.io, world.connector()};
  client.configure(simulated::turnstile::options{.patience = 10_ms});
  outcome_of<int> first;
  outcome_of<int> second;
  client.price("x").then(first.taker());
  client.price("x").then(second.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  world.pass(10_ms);
  CHECK(!second.value->has_value());
  world.server.say(unavailable(requests[0]));
  CHECK(simulated::listener::heard == std::vector<std::string>{"turnstile waiting 0>0", "turnstile rejected 0>0", "retry repeated 0>1"});
}

TEST_CASE("a call made from a handler inherits what is left of the handler's time, less what is held back") {
  scripted_shop world;
  client_of<> client{world.io, world.connector()};
  tenon::context handler;
  handler.info.now = tenon::net::loop::of(world.io).now();
  handler.info.deadline = handler.info.now + 80_ms;
  handler.info.reserve = 30_ms;
  outcome_of<int> got;
  client.with({.parent = &handler}).price("x").then(got.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].value_of("__ServerTimeout") == "50");
}

TEST_CASE("whatever ends calls, attempts and waits, each place that was taken is given back") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    tenon::random_source random{seed};
    scripted_shop world;
    client_of<timeout<200_ms>, retry<steady>, timeout<50_ms>, simulated::turnstile> client{world.io, world.connector(), {.seed = seed}};
    client.configure(simulated::turnstile_options{.patience = 30_ms});
    std::vector<std::unique_ptr<outcome_of<int>>> ended;
    std::vector<tenon::call<int>> open;
    for (int step = 0; step < 2'000; ++step) {
      switch (random.below(6)) {
        case 0:
          ended.push_back(std::make_unique<outcome_of<int>>());
          client.price("x").then(ended.back()->taker());
          break;
        case 1: open.push_back(client.price("y")); break;
        case 2:
          if (!open.empty()) open.erase(open.begin() + static_cast<std::ptrdiff_t>(random.below(open.size())));
          break;
        case 3: world.pass(tenon::duration{static_cast<std::int64_t>(random.below(20'000'000))}); break;
        default:
          for (const frame& each : world.requests()) {
            if (random.below(4) == 0) continue;
            if (random.below(3) == 0) world.server.say(unavailable(each));
            else world.answer(each, "1");
          }
      }
      if (random.below(200) == 0) world.server.hang_up();
    }
    open.clear();
    world.pass(1_s);
    for (const auto& each : ended) CHECK(each->times == 1);
    // Nobody is left inside: a new call is sent at once.
    (void)world.requests();
    outcome_of<int> last;
    client.price("z").then(last.taker());
    const auto requests = world.requests();
    REQUIRE(std::ranges::any_of(requests, [](const frame& each) { return each.payload == "\"z\""; }));
  }
}
