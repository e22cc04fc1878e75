#include <tenon/websocket.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <websocket/frames.hpp>

using by_hand::frame;
using nlohmann::json;
using simulated::peer;

namespace {

struct websocket_desk : simulated::world {
  explicit websocket_desk(tenon::server_options options = {}) : server{io, simulated::served_desk::logging(options)} {
    simulated::served_desk::lines().clear();
    server.serve(simulated::desk{&records});
    server.listen(wire, "desk");
    server.start();
    run();
  }
  simulated::desk_records records;
  tenon::server<tenon::websocket_protocols> server;
};

struct page {
  explicit page(websocket_desk& world) : wire{world} {
    REQUIRE(wire.connect("desk"));
    wire.say(by_hand::handshake());
    REQUIRE(wire.heard().starts_with("HTTP/1.1 101 "));
  }
  void ask(std::string_view method, std::string_view params, int id) {
    wire.say(by_hand::said(R"({"jsonrpc":"2.0","method":"desk.)" + std::string{method} + R"(","params":)" + std::string{params} + R"(,"id":)" + std::to_string(id) + "}"));
  }
  json answer() {
    const auto frames = by_hand::frames_in(wire.heard());
    return frames.size() == 1 && frames[0].opcode == by_hand::text ? json::parse(frames[0].payload) : json{{"frames", frames.size()}};
  }
  peer wire;
};

}  // namespace

TEST_CASE("a page calls what everybody calls, on the same port as HTTP and rpcx") {
  websocket_desk world;
  page one{world};
  one.ask("add", R"({"b":2,"a":40})", 1);
  CHECK(one.answer().at("result") == 42);
  one.ask("wait", R"(["x"])", 2);
  one.ask("echo", R"(["first"])", 3);
  CHECK(one.answer().at("result") == "first");
  world.on_loop([&] { world.records.door.open(); });
  CHECK(one.answer() == json::parse(R"({"jsonrpc":"2.0","id":2,"result":"x waited","meta":{"seen":"x"}})"));
  one.ask("sell", "[]", 4);
  CHECK(one.answer().at("error").at("code") == -32601);

  peer http{world};
  REQUIRE(http.connect("desk"));
  http.say("GET /desk/add HTTP/1.1\r\nHost: x\r\n");
  CHECK(http.heard().empty());
  http.say("\r\nPOST /desk/add HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n[1,2]");
  const std::string heard = http.heard();
  CHECK(heard.starts_with("HTTP/1.1 405 "));
  CHECK(heard.ends_with("\r\n\r\n3"));
  CHECK(simulated::ask(world, "echo", "\"rpcx\"") == "\"rpcx\"");
  CHECK(simulated::served_desk::lines().empty());
}

TEST_CASE("a goodbye cancels what is under way, and closes when that has ended") {
  websocket_desk world;
  page one{world};
  one.ask("wait", R"(["x"])", 1);
  one.wire.say(frame{.opcode = by_hand::close, .payload = by_hand::code(1000)}.bytes());
  CHECK(by_hand::close_code(by_hand::frames_in(one.wire.heard())) == 1000);
  CHECK(!one.wire.hung_up());
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 1);
  CHECK(one.wire.heard().empty());
  CHECK(one.wire.hung_up());
  CHECK(simulated::served_desk::lines().empty());
}

TEST_CASE("who breaks the protocol is told so, and the log as well") {
  websocket_desk world;
  page one{world};
  one.wire.say(frame{.payload = "{}", .masked = false}.bytes());
  CHECK(by_hand::close_code(by_hand::frames_in(one.wire.heard())) == 1002);
  CHECK(one.wire.hung_up());
  REQUIRE(simulated::served_desk::lines().size() == 1);
  CHECK(simulated::served_desk::lines()[0] == "memory://: websocket: the peer broke the protocol; closed with 1002");

  peer other{world};
  REQUIRE(other.connect("desk"));
  other.say(by_hand::handshake("Origin: http://evil.example\r\n"));
  CHECK(other.heard().starts_with("HTTP/1.1 403 Forbidden\r\n"));
  CHECK(other.hung_up());
  CHECK(simulated::served_desk::lines().back() == "memory://: websocket: a page of origin \"http://evil.example\" may not connect here");
}

TEST_CASE("a server that stops says so with 1001, behind the answers of what is under way") {
  websocket_desk world;
  page busy{world};
  page idle{world};
  busy.ask("wait", R"(["x"])", 1);
  world.server.stop();
  world.run();
  CHECK(by_hand::close_code(by_hand::frames_in(idle.wire.heard())) == 1001);
  CHECK(idle.wire.hung_up());
  busy.ask("echo", R"(["y"])", 2);
  CHECK(busy.answer().at("error").at("message") == "the server is stopping");
  CHECK(!busy.wire.hung_up());
  world.on_loop([&] { world.records.door.open(); });
  const auto frames = by_hand::frames_in(busy.wire.heard());
  REQUIRE(frames.size() == 2);
  CHECK(json::parse(frames[0].payload).at("result") == "x waited");
  CHECK(by_hand::close_code(frames) == 1001);
  CHECK(busy.wire.hung_up());
}

TEST_CASE("a head or a message that does not arrive in time ends the connection, an open one may be silent") {
  using namespace tenon::literals;
  websocket_desk world{{.message_timeout = 10_s}};
  peer slow{world};
  REQUIRE(slow.connect("desk"));
  slow.say(by_hand::handshake().substr(0, 60));
  page quiet{world};
  page half{world};
  half.wire.say(frame{.payload = "[", .fin = false}.bytes());
  world.pass(11_s);
  CHECK(slow.hung_up());
  CHECK(half.wire.hung_up());
  CHECK(!quiet.wire.hung_up());
  quiet.ask("echo", R"(["still here"])", 1);
  CHECK(quiet.answer().at("result") == "still here");
}

TEST_CASE("who asks and does not read is not read from") {
  websocket_desk world{{.max_write_buffer_bytes = 100'000}};
  page greedy{world};
  greedy.wire.stop_reading();
  for (int i = 0; i < 100; ++i) greedy.ask("large", "[50000]", i);
  CHECK(world.records.calls < 20);
  greedy.wire.read_again();
  const auto frames = by_hand::frames_in(greedy.wire.heard());
  REQUIRE(frames.size() == 100);
  CHECK(frames.back().payload.size() > 50'000);
  CHECK(world.records.calls == 100);
}
