#include <tenon/client/channel.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <client/shop.hpp>
#include <simulation.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::frames_in;
using simulated::outcome_of;
using simulated::peer;
using simulated::scripted_shop;
using simulated::shop_client;

TEST_CASE("a client connects at its first call, and all calls share the connection") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  world.run();
  CHECK(world.server.connections() == 0);
  outcome_of<int> one;
  outcome_of<int> two;
  client.price("bread").then(one.taker());
  client.price("salt").then(two.taker());
  const auto requests = world.requests();
  CHECK(world.server.connections() == 1);
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].service == "shop");
  CHECK(requests[0].method == "price");
  CHECK(requests[0].payload == "\"bread\"");
  CHECK(requests[0].metadata.empty());
  world.answer(requests[1], "2");
  CHECK(!one.came());
  CHECK(**two.value == 2);
  world.answer(requests[0], "1");
  CHECK(**one.value == 1);
  CHECK(one.times + two.times == 2);
}

TEST_CASE("answers cut at every byte reach their calls") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  for (std::size_t cut = 0; cut < scripted_shop::answer_to({}, "7").size(); ++cut) {
    outcome_of<int> got;
    client.price("bread").then(got.taker());
    const std::string bytes = scripted_shop::answer_to(world.requests().at(0), "7");
    world.server.say(bytes.substr(0, cut));
    CHECK(!got.came());
    world.server.say(bytes.substr(cut));
    REQUIRE(got.came());
  }
}

TEST_CASE("an answer nobody waits for is dropped, also one to a number that is in use again") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  outcome_of<int> first;
  client.with({.timeout = 100_ms}).price("bread").then(first.taker());
  const frame late = world.requests().at(0);
  world.pass(200_ms);
  CHECK(first.text() == "DEADLINE_EXCEEDED: shop.price: no answer in time");
  outcome_of<int> second;
  client.price("bread").then(second.taker());
  const frame current = world.requests().at(0);
  CHECK(late.sequence != current.sequence);
  world.answer(late, "1");
  world.answer(frame{.sequence = 999'999}, "1");
  CHECK(!second.came());
  world.answer(current, "2");
  world.answer(current, "3");
  CHECK(**second.value == 2);
  CHECK(first.times + second.times == 2);
}

TEST_CASE("a lost connection fails the calls under way at once, and the next call makes a new one") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  outcome_of<int> sent;
  client.price("bread").then(sent.taker());
  CHECK(world.requests().size() == 1);
  world.server.hang_up();
  CHECK(sent.text() == "UNAVAILABLE: shop.price: the connection to memory://shop was lost: End of file");
  CHECK(sent.value->error().has(tenon::outcome::local));
  CHECK(!sent.value->error().has(tenon::outcome::not_executed));
  outcome_of<int> again;
  client.price("bread").then(again.taker());
  world.answer(world.requests().at(0), "3");
  CHECK(**again.value == 3);
  CHECK(world.server.connections() == 2);
}

TEST_CASE("a caller that tries again from its callback when the connection is lost waits for the next connection") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::array<outcome_of<int>, 3> again;
  for (auto& each : again) {
    client.price("bread").then([&](tenon::result<int> got) {
      CHECK(!got);
      client.price("bread").then(each.taker());
    });
  }
  CHECK(world.requests().size() == 3);
  world.server.hang_up();
  const auto requests = world.requests();
  REQUIRE(requests.size() == 3);
  for (const auto& each : requests) world.answer(each, "5");
  for (auto& each : again) CHECK(each.text() == "OK");
}

TEST_CASE("a refused connection fails every waiting call, saying that nothing ran") {
  scripted_shop world;
  world.server.stop_listening();
  shop_client client{world.io, world.connector()};
  outcome_of<int> one;
  outcome_of<int> two;
  client.price("bread").then(one.taker());
  client.price("bread").then(two.taker());
  world.run();
  CHECK(one.text() == "UNAVAILABLE: shop.price: connect memory://shop: Connection refused");
  CHECK(one.value->error().has(tenon::outcome::not_executed));
  CHECK(two.came());
}

TEST_CASE("a caller that tries again from its callback when the connection was refused is told when the next attempt is due, others cancelled meanwhile or not") {
  scripted_shop world;
  world.server.stop_listening();
  shop_client client{world.io, world.connector(), {.reconnect = {.first = 1200_ms, .jitter = {}}}};
  std::optional<tenon::call<int>> doomed;
  outcome_of<int> again;
  outcome_of<int> patient;
  outcome_of<int> last;
  client.price("first").then([&](tenon::result<int> got) {
    CHECK(!got);
    doomed.reset();
    world.server.listen("shop");
    client.price("again").then(again.taker());
    client.with({.wait_for_ready = true}).price("patient").then(patient.taker());
  });
  doomed.emplace(client.price("doomed"));
  client.price("last").then(last.taker());
  world.run();
  CHECK(last.text() == "UNAVAILABLE: shop.price: connect memory://shop: Connection refused");
  CHECK(again.text() == "UNAVAILABLE: shop.price: connect memory://shop: Connection refused; next attempt in 1.2 s");
  CHECK(again.value->error().has(tenon::outcome::not_executed));
  CHECK(!patient.came());
  world.pass(1201_ms);
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].payload == "\"patient\"");
  world.answer(requests[0], "1");
  CHECK(patient.text() == "OK");
}

namespace {

// A network that never says anything.
struct silent_connector final : tenon::net::connector {
  explicit silent_connector(int& cancels) : cancelled{cancels} {}
  void connect(waiter&) override {}
  void cancel() noexcept override { ++cancelled; }
  std::string url() const override { return "silence://"; }
  int& cancelled;
};

}  // namespace

TEST_CASE("connecting takes at most its time, and a call's own deadline ends it sooner") {
  int cancelled = 0;
  simulated::world world;
  shop_client client{world.io, std::make_unique<silent_connector>(cancelled), {.connect_timeout = 2_s}};
  outcome_of<int> patient;
  outcome_of<int> hasty;
  client.price("bread").then(patient.taker());
  client.with({.timeout = 100_ms}).price("bread").then(hasty.taker());
  world.run();
  world.pass(200_ms);
  CHECK(hasty.text() == "DEADLINE_EXCEEDED: shop.price: no answer in time");
  CHECK(!patient.came());
  world.pass(2_s);
  CHECK(patient.text() == "UNAVAILABLE: shop.price: connect silence://: Connection timed out");
  CHECK(cancelled == 1);
}

TEST_CASE("a client that is destroyed while it connects ends its calls and leaves nothing behind") {
  int cancelled = 0;
  simulated::world world;
  outcome_of<int> got;
  {
    shop_client client{world.io, std::make_unique<silent_connector>(cancelled)};
    client.price("bread").then(got.taker());
    world.run();
  }
  world.run();
  CHECK(got.text() == "UNAVAILABLE: shop.price: the client was closed");
  CHECK(cancelled > 0);
}

TEST_CASE("a client whose io_context never runs again leaves nothing behind") {
  outcome_of<int> got;
  tenon::manual_clock clock;
  auto io = std::make_unique<asio::io_context>();
  tenon::net::memory_network wire{*io};
  {
    shop_client client{*io, wire.connector_to("shop")};
    client.price("bread").then(got.taker());
    auto discarded = client.price("salt");
  }
  io.reset();
  CHECK(!got.came());
}

TEST_CASE("a client destroyed by a callback in the middle of a batch ends the other calls once") {
  scripted_shop world;
  auto client = std::make_unique<shop_client>(world.io, world.connector());
  outcome_of<int> before;
  outcome_of<int> after;
  outcome_of<int> waiting;
  client->price("before").then(before.taker());
  client->price("destroys").then([&](tenon::result<int> got) {
    CHECK(*got == 2);
    client.reset();
  });
  client->price("after").then(after.taker());
  client->price("waiting").then(waiting.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 4);
  world.server.say(scripted_shop::answer_to(requests[0], "1") + scripted_shop::answer_to(requests[1], "2") + scripted_shop::answer_to(requests[2], "3"));
  CHECK(**before.value == 1);
  CHECK(after.text() == "UNAVAILABLE: shop.price: the client was closed");
  CHECK(waiting.text() == "UNAVAILABLE: shop.price: the client was closed");
  CHECK(after.times + waiting.times == 2);
}

TEST_CASE("a client destroyed by its only callback in a batch of many answers is gone") {
  scripted_shop world;
  auto client = std::make_unique<shop_client>(world.io, world.connector());
  client->price("destroys").then([&](tenon::result<int>) { client.reset(); });
  const auto requests = world.requests();
  std::string bytes = scripted_shop::answer_to(requests.at(0), "1");
  for (std::uint64_t i = 0; i < 5; ++i) bytes += scripted_shop::answer_to(frame{.sequence = i}, "1");
  world.server.say(bytes);
  CHECK(client == nullptr);
  CHECK(world.server.hung_up());
}

TEST_CASE("a client destroyed by a callback that tells of a lost connection, a refused one or a deadline ends the other calls once") {
  for (const int how : {0, 1, 2}) {
    scripted_shop world;
    if (how == 1) world.server.stop_listening();
    auto client = std::make_unique<shop_client>(world.io, world.connector());
    outcome_of<int> other;
    client->with({.timeout = 1_s}).price("destroys").then([&](tenon::result<int> got) {
      CHECK(!got);
      client.reset();
    });
    client->with({.timeout = 1_s}).price("other").then(other.taker());
    world.run();
    if (how == 0) world.server.hang_up();
    if (how == 2) world.pass(2_s);
    CHECK(client == nullptr);
    CHECK(other.times == 1);
    CHECK(!*other.value);
  }
}

TEST_CASE("calls made while a client is destroyed fail at once") {
  scripted_shop world;
  auto client = std::make_unique<shop_client>(world.io, world.connector());
  outcome_of<int> late;
  client->price("bread").then([&, dying = client.get()](tenon::result<int>) { dying->price("late").then(late.taker()); });
  CHECK(world.requests().size() == 1);
  world.on_loop([&] { client.reset(); });
  CHECK(late.text() == "UNAVAILABLE: shop.price: the client is closed");
}

TEST_CASE("what a callback throws leaves the run, and every other call gets its answer") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::array<outcome_of<int>, 2> others;
  client.price("one").then(others[0].taker());
  client.price("throws").then([](tenon::result<int>) { throw std::runtime_error{"by the callback"}; });
  client.price("two").then(others[1].taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 3);
  std::string bytes;
  for (const auto& each : requests) bytes += scripted_shop::answer_to(each, "1");
  CHECK_THROWS_WITH(world.server.say(bytes), "by the callback");
  world.run();
  CHECK(others[0].times + others[1].times == 2);
  outcome_of<int> next;
  client.price("next").then(next.taker());
  world.answer(world.requests().at(0), "1");
  CHECK(next.came());
}

TEST_CASE("what a callback throws when the client goes leaves the run too") {
  scripted_shop world;
  outcome_of<int> other;
  {
    shop_client client{world.io, world.connector()};
    client.price("throws").then([](tenon::result<int>) { throw std::runtime_error{"by the callback"}; });
    client.price("other").then(other.taker());
    world.run();
  }
  CHECK_THROWS_WITH(world.run(), "by the callback");
  world.run();
  CHECK(other.times == 1);
}

TEST_CASE("a deadline travels in milliseconds, the shortest of all, and a call without time is not sent") {
  scripted_shop world;
  tenon::client<simulated::shop, tenon::codec::json, tenon::timeout<500_ms>> client{world.io, world.connector()};
  tenon::context handler;
  handler.info.deadline = world.clock.now() + 300_ms;
  std::array<outcome_of<int>, 4> got;
  client.price("policy").then(got[0].taker());
  client.with({.timeout = 200_ms}).price("own").then(got[1].taker());
  client.with({.timeout = 400_ms, .parent = &handler}).price("parent's").then(got[2].taker());
  client.with({.timeout = 0_ms}).price("none").then(got[3].taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].value_of("__ServerTimeout") == "500");
  CHECK(requests[1].value_of("__ServerTimeout") == "200");
  CHECK(requests[2].value_of("__ServerTimeout") == "300");
  CHECK(got[3].text() == "DEADLINE_EXCEEDED: shop.price: the time was up before the call was sent (timeout)");
  CHECK(got[3].value->error().has(tenon::outcome::not_executed));
  world.pass(250_ms);
  CHECK(!got[0].came());
  CHECK(got[1].came());
  world.pass(100_ms);
  CHECK(got[2].came());
  world.pass(200_ms);
  CHECK(got[0].came());
}

TEST_CASE("a call that is cancelled or discarded ends at once and makes room") {
  scripted_shop world;
  outcome_of<int> next;
  shop_client client{world.io, world.connector(), {.max_pending_calls = 2}};
  std::optional<tenon::call<int>> kept{client.price("kept")};
  std::optional<tenon::call<int>> discarded{client.price("discarded")};
  CHECK(world.requests().size() == 2);
  outcome_of<int> refused;
  client.price("third").then(refused.taker());
  world.run();
  CHECK(refused.text() == "RESOURCE_EXHAUSTED: shop.price: too many calls under way on memory://shop; 2 calls and 67108864 unsent bytes are allowed");
  CHECK(refused.value->error().has(tenon::outcome::not_executed));
  discarded.reset();
  kept->cancel();
  world.run();
  CHECK(kept->done());
  CHECK(kept->get().error().to_string() == "CANCELLED: shop.price: the call was cancelled by its caller");
  client.price("next").then(next.taker());
  CHECK(world.requests().size() == 1);
}

TEST_CASE("as many calls as allowed wait for a connection, and no more") {
  scripted_shop world;
  std::array<outcome_of<int>, 5> got;
  shop_client client{world.io, world.connector(), {.max_pending_calls = 3}};
  for (auto& each : got) client.price("bread").then(each.taker());
  CHECK(world.requests().size() == 3);
  CHECK(!got[2].came());
  CHECK(got[3].text().starts_with("RESOURCE_EXHAUSTED"));
  CHECK(got[4].came());
}

TEST_CASE("requests that the peer does not take are bounded, one-way calls too") {
  scripted_shop world;
  shop_client client{world.io, world.connector(), {.max_unsent_bytes = 1'000'000}};
  client.note("connects").then([](tenon::result<void>) {});
  world.run();
  world.server.stop_reading();
  int accepted = 0;
  int refused = 0;
  world.on_loop([&] {
    for (int i = 0; i < 100; ++i) {
      client.with({.one_way = true}).note(std::string(100'000, 'x')).then([&](tenon::result<void> got) { ++(got ? accepted : refused); });
    }
  });
  CHECK(accepted >= 10);
  CHECK(accepted < 15);
  CHECK(accepted + refused == 100);
}

TEST_CASE("a one-way call ends when it is handed over, and waits for nothing") {
  scripted_shop world;
  shop_client client{world.io, world.connector(), {.max_pending_calls = 1}};
  std::array<outcome_of<void>, 3> got;
  for (auto& each : got) client.with({.one_way = true}).note("hello").then(each.taker());
  world.run();
  const auto requests = world.requests();
  // The first one makes the connection; two wait for it, which is one too many.
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].bits == simulated::one_way);
  CHECK(got[0].text() == "OK");
  outcome_of<int> price;
  client.with({.one_way = true}).note("more").then(got[1].taker());
  client.with({.one_way = true}).price("more").then(price.taker());
  CHECK(world.requests().size() == 2);
  CHECK(**price.value == 0);
}

TEST_CASE("metadata goes with the request and comes with the answer, value or error") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  for (const bool fails : {false, true}) {
    tenon::metadata came;
    outcome_of<int> got;
    client.with({.metadata = {{"trace", "7"}}, .response_metadata = &came}).price("bread").then(got.taker());
    const auto requests = world.requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].value_of("trace") == "7");
    frame answer{.bits = simulated::response, .codec = simulated::json, .sequence = requests[0].sequence, .metadata = {{"served-by", "a"}}, .payload = "1"};
    if (fails) {
      answer.bits |= simulated::error;
      answer.metadata.emplace_back("__rpcx_error__", "NOT_FOUND: no bread");
    }
    world.server.say(answer.bytes());
    CHECK(came == tenon::metadata{{"served-by", "a"}});
    CHECK(got.text() == (fails ? "NOT_FOUND: no bread" : "OK"));
    if (fails) CHECK(!got.value->error().has(tenon::outcome::local));
  }
}

TEST_CASE("an answer that cannot be read fails its call alone, saying what was expected") {
  scripted_shop world;
  shop_client client{world.io, world.connector(), {.limits = {.max_message_bytes = 1000}}};
  const auto told = [&](auto make) {
    outcome_of<int> got;
    outcome_of<int> other;
    client.price("bread").then(got.taker());
    client.price("salt").then(other.taker());
    const auto requests = world.requests();
    world.server.say(make(requests.at(0)));
    world.answer(requests.at(1), "1");
    CHECK(other.text() == "OK");
    return got.text();
  };
  using simulated::response;
  CHECK(told([](const frame& to) { return scripted_shop::answer_to(to, "\"dear\""); }) == "INTERNAL: shop.price: response expected integer, found string at byte 0");
  CHECK(told([](const frame& to) { return scripted_shop::answer_to(to, ""); }) == "INTERNAL: shop.price: response expected integer, found end of input at byte 0");
  CHECK(told([](const frame& to) { return scripted_shop::answer_to(to, "99999999999"); }).starts_with("INTERNAL: shop.price: response"));
  CHECK(told([](const frame& to) {
          return frame{.bits = response, .codec = simulated::msgpack, .sequence = to.sequence, .payload = "\x01"}.bytes();
        }) == "INTERNAL: shop.price: the answer is in serialization 3, expected 1");
  CHECK(told([](const frame& to) {
          return frame{.bits = response | simulated::gzip, .codec = simulated::json, .sequence = to.sequence, .payload = "\x1F"}.bytes();
        }) == "INTERNAL: the answer is compressed (gzip), which this client did not ask for");
  CHECK(told([](const frame& to) { return scripted_shop::answer_to(to, std::string(50'000, ' ')); }) == "RESOURCE_EXHAUSTED: the answer has 50032 bytes; the limit is 1000");
  CHECK(told([](const frame& to) { return scripted_shop::error_to(to, "rpcx: can't find method price"); }) == "UNIMPLEMENTED: rpcx: can't find method price");
  CHECK(world.server.connections() == 1);
}

TEST_CASE("a server that does not speak rpcx loses the connection, and the calls say what it said") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  CHECK(world.requests().size() == 1);
  world.server.say("HTTP/1.1 400 Bad Request\r\n\r\n");
  CHECK(got.text() == "UNAVAILABLE: shop.price: the connection to memory://shop was lost: rpcx: expected a frame with magic byte 0x08, found 72");
  CHECK(world.server.hung_up());
}

TEST_CASE("a server that vanishes in the middle of an answer fails the call at once") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  outcome_of<int> got;
  client.price("bread").then(got.taker());
  const std::string bytes = scripted_shop::answer_to(world.requests().at(0), "1");
  world.server.say(bytes.substr(0, bytes.size() - 1));
  world.server.hang_up();
  CHECK(got.text().starts_with("UNAVAILABLE"));
}

TEST_CASE("a method that returns nothing takes any answer that is no error") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  for (const std::string& payload : {std::string{}, std::string{"null"}, std::string{"{}"}}) {
    outcome_of<void> got;
    client.note("hello").then(got.taker());
    world.answer(world.requests().at(0), payload);
    CHECK(got.text() == "OK");
  }
}

TEST_CASE("calls made by callbacks leave with the batch that made them") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  int served = 0;
  for (int i = 0; i < 3; ++i) {
    client.price("first").then([&](tenon::result<int>) { client.price("second").then([&](tenon::result<int> got) { served += *got; }); });
  }
  auto requests = world.requests();
  std::string bytes;
  for (const auto& each : requests) bytes += scripted_shop::answer_to(each, "1");
  world.server.say(bytes);
  requests = world.requests();
  REQUIRE(requests.size() == 3);
  for (const auto& each : requests) world.answer(each, "1");
  CHECK(served == 3);
}

namespace {

// Tries again after a second, five times.
struct stubborn : tenon::policy::base {
  static constexpr std::string_view name = "stubborn";
  static constexpr tenon::policy::kind what = tenon::policy::kind::loop;
  struct options {};
  static constexpr options defaults{};
  static tenon::policy::decision decide(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info& info, tenon::outcome result) noexcept {
    return {.again = !result.ok() && info.attempt < 5, .delay = 1_s};
  }
};
using stubborn_client = tenon::client<simulated::shop, tenon::codec::json, stubborn>;

}  // namespace

TEST_CASE("a call that waits between two attempts sends the same bytes again, and ends by its deadline, its caller, or its client") {
  for (const int how : {0, 1, 2, 3}) {
    scripted_shop world;
    auto client = std::make_unique<stubborn_client>(world.io, world.connector());
    outcome_of<int> got;
    std::optional<tenon::call<int>> call;
    if (how == 2) call.emplace(client->price("bread"));
    else client->with({.timeout = 2500_ms}).price("bread").then(got.taker());
    auto requests = world.requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].payload == "\"bread\"");
    world.server.say(scripted_shop::error_to(requests[0], "UNAVAILABLE: busy"));
    CHECK(world.requests().empty());
    if (how == 0) {
      world.pass(1100_ms);
      requests = world.requests();
      REQUIRE(requests.size() == 1);
      CHECK(requests[0].payload == "\"bread\"");
      world.answer(requests[0], "4");
      CHECK(**got.value == 4);
    } else if (how == 1) {
      world.pass(1100_ms);
      CHECK(world.requests().size() == 1);
      world.pass(1500_ms);
      CHECK(got.text() == "DEADLINE_EXCEEDED: shop.price: no answer in time");
    } else if (how == 2) {
      call->cancel();
      world.run();
      CHECK(call->get().error().code() == tenon::code::cancelled);
    } else {
      world.on_loop([&] { client.reset(); });
      CHECK(got.text() == "UNAVAILABLE: shop.price: the client was closed");
    }
    world.pass(10_s);
    CHECK(got.times == (how == 2 ? 0 : 1));
  }
}

TEST_CASE("a client that goes does not let a stubborn call try again") {
  scripted_shop world;
  auto client = std::make_unique<stubborn_client>(world.io, world.connector());
  outcome_of<int> sent;
  client->price("sent").then(sent.taker());
  CHECK(world.requests().size() == 1);
  world.on_loop([&] { client.reset(); });
  CHECK(sent.text() == "UNAVAILABLE: shop.price: the client was closed");
  world.pass(60_s);
  CHECK(sent.times == 1);
}

TEST_CASE("a call of which an earlier attempt may have run does not say that nothing ran because the last one did not") {
  for (const bool was_sent : {true, false}) {
    scripted_shop world;
    stubborn_client client{world.io, world.connector()};
    outcome_of<int> got;
    if (!was_sent) world.server.stop_listening();
    client.price("bread").then(got.taker());
    world.run();
    if (was_sent) {
      world.server.stop_listening();
      world.server.hang_up();
    }
    for (int second = 0; second < 60; ++second) world.pass(1_s);
    REQUIRE(got.came());
    CHECK(got.text().starts_with("UNAVAILABLE: shop.price: connect memory://shop: Connection refused"));
    CHECK(got.value->error().has(tenon::outcome::not_executed) == !was_sent);
  }
}
