#include <tenon/websocket.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/task.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/reflect/service.hpp>
#include <websocket/frames.hpp>

namespace websocket_calls {

using namespace tenon::literals;

struct shop {
  std::string version() { return "1"; }
  int total(std::vector<int> numbers) {
    int sum = 0;
    for (const int each : numbers) sum += each;
    return sum;
  }
  int subtract(int minuend, int subtrahend) { return minuend - subtrahend; }
  tenon::result<int> find(std::string name) { return tenon::status{tenon::code::not_found, "no " + name}; }
  tenon::task<std::string> later(std::string text) { co_return text + " later"; }
  std::string trace(tenon::context& call) {
    call.response_metadata().add("seen", "yes");
    return std::string{call.request_metadata().get("trace").value_or("none")} + (call.has_deadline() ? " in time" : "");
  }
  TENON_SERVICE(shop, version, total, (subtract, tenon::params("minuend", "subtrahend"), tenon::idempotent), find, later, trace)
};

using client = tenon::client<shop, tenon::codec::json>;

}  // namespace websocket_calls

using websocket_calls::client;
using websocket_calls::shop;

TEST_CASE("a client calls over ws:// what it calls over everything else") {
  tenon::server<tenon::websocket_protocols> server;
  server.serve(shop{});
  const auto bound = server.listen("tcp://127.0.0.1:0");
  REQUIRE(bound);
  REQUIRE(server.start().ok());
  const client at{"ws://127.0.0.1:" + std::to_string(bound.port()) + "/rpc?who=me", {.sessions = tenon::websocket}};
  CHECK(at.version().get().value() == "1");
  CHECK(at.total({1, 2, 4}).get().value() == 7);
  CHECK(at.subtract(42, 23).get().value() == 19);
  CHECK(at.later("sooner or").get().value() == "sooner or later");
  CHECK(at.find("bolt").get().error().to_string() == "NOT_FOUND: no bolt");
  std::vector<int> large(100'000, 1);
  CHECK(at.total(large).get().value() == 100'000);
  std::vector<tenon::call<int>> many;
  for (int i = 0; i < 500; ++i) many.push_back(at.subtract(i, 1));
  for (int i = 0; i < 500; ++i) REQUIRE(many[static_cast<std::size_t>(i)].get().value() == i - 1);
  tenon::metadata answered;
  CHECK(at.with({.timeout = std::chrono::seconds{20}, .metadata = {{"trace", "abc"}}, .response_metadata = &answered}).trace().get().value() == "abc in time");
  CHECK(answered.contains("seen"));

  const tenon::client<shop> rpcx{"tcp://127.0.0.1:" + std::to_string(bound.port())};
  CHECK(rpcx.subtract(3, 1).get().value() == 2);
  server.stop();
}

TEST_CASE("a client that cannot speak WebSocket says what to write instead") {
  const client without{"ws://127.0.0.1:1"};
  CHECK(without.version().get().error().message() == "shop.version: address \"ws://127.0.0.1:1\": this client was made for rpcx; include <tenon/websocket.hpp> and give it the option .sessions = tenon::websocket");
  const tenon::client<shop, tenon::codec::msgpack> packed{"ws://127.0.0.1:1", {.sessions = tenon::websocket}};
  CHECK(packed.version().get().error().message() ==
        "shop.version: address \"ws://127.0.0.1:1\": JSON-RPC over WebSocket carries json only; write tenon::client<service, tenon::codec::json>");
}

TEST_CASE("calls that wait for a handshake that fails were not executed, and are made again elsewhere") {
  simulated::world world;
  simulated::peer server{world};
  server.listen("shop");
  const tenon::client<shop, tenon::codec::json, tenon::retry<>> at{world.io, world.wire.connector_to("shop"), {.seed = 1, .sessions = tenon::websocket}};
  auto call = at.later("x");
  world.run();
  CHECK(server.heard().starts_with("GET / HTTP/1.1\r\n"));
  CHECK(server.heard().empty());
  server.say("HTTP/1.1 503 Service Unavailable\r\n\r\n");
  CHECK(!call.done());
  world.pass(std::chrono::seconds{20});
  REQUIRE(server.connections() == 2);
  const std::string greeting = server.heard();
  const std::size_t key = greeting.find("Sec-WebSocket-Key: ") + 19;
  server.say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
             tenon::protocol::detail::websocket_accept(greeting.substr(key, greeting.find("\r\n", key) - key)) + "\r\n\r\n");
  const auto sent = by_hand::frames_in(server.heard());
  REQUIRE(sent.size() == 1);
  server.say(by_hand::frame{.payload = R"({"jsonrpc":"2.0","id":1,"result":"x, at last"})", .masked = false}.bytes());
  REQUIRE(call.done());
  CHECK(call.get().value() == "x, at last");
}

TEST_CASE("a server that never answers the handshake is given up by the heartbeat") {
  simulated::world world;
  simulated::peer server{world};
  server.listen("shop");
  tenon::client_options options{.seed = 1, .sessions = tenon::websocket};
  options.keepalive = {.interval = std::chrono::seconds{10}, .timeout = std::chrono::seconds{5}};
  const client at{world.io, world.wire.connector_to("shop"), options};
  auto call = at.subtract(2, 1);
  world.run();
  for (int second = 0; second < 14; ++second) world.pass(std::chrono::seconds{1});
  CHECK(!call.done());
  for (int second = 0; second < 2; ++second) world.pass(std::chrono::seconds{1});
  REQUIRE(call.done());
  CHECK(call.get().error().code() == tenon::code::unavailable);
}
