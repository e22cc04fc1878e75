// A server that calls its clients and pages back over their WebSockets, and over JSON-RPC's own connections.
#include <tenon/websocket.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <client/shop.hpp>
#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/task.hpp>
#include <tenon/peers.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/jsonrpc_client.hpp>
#include <tenon/reflect/service.hpp>
#include <websocket/frames.hpp>

using namespace tenon::literals;
using nlohmann::json;
using simulated::outcome_of;

namespace websocket_peers {

/// What clients offer.
struct display {
  std::string show(std::string text);
  int add(int a, int b);
  void note(int number);
  std::string wait(std::string text);
  TENON_SERVICE(display, show, add, note, wait)
};
struct screen {
  std::vector<std::string>* seen;
  simulated::gate* door;
  int* cancelled;

  tenon::result<std::string> show(std::string text) {
    seen->push_back(text);
    if (text == "no") return tenon::status{tenon::code::permission_denied, "not shown"};
    return "shown " + text;
  }
  int add(int a, int b) { return a + b; }
  void note(int number) { seen->push_back(std::to_string(number)); }
  tenon::task<std::string> wait(tenon::context& call, std::string text) {
    co_await door->wait();
    if (call.cancelled()) ++*cancelled;
    co_return text + (call.has_deadline() ? " waited in time" : " waited");
  }
};
using caller = tenon::peer<display>;

/// What the server serves: it keeps its callers.
struct hall {
  std::vector<caller>* callers;

  std::uint64_t enter(tenon::context& call) {
    callers->push_back(caller{call});
    return call.connection_id();
  }
  tenon::task<std::string> echo_back(tenon::context& call, std::string text) {
    tenon::result<std::string> got = co_await caller{call}.show(text);
    co_return got ? *got + " and back" : got.error().to_string();
  }
  TENON_SERVICE(hall, enter, echo_back)
};

}  // namespace websocket_peers

using websocket_peers::caller;
using websocket_peers::display;
using websocket_peers::hall;
using websocket_peers::screen;

namespace {

template <tenon::protocol::jsonrpc_framing Framing>
std::unique_ptr<tenon::protocol::client_session> bare(std::string_view, const tenon::limits& bounds) {
  return std::make_unique<tenon::protocol::jsonrpc_client_session>(bounds, Framing);
}
constexpr decltype(tenon::client_options{}.sessions) every_session[] = {&tenon::websocket, &bare<tenon::protocol::jsonrpc_framing::lines>, &bare<tenon::protocol::jsonrpc_framing::headers>};

struct house : simulated::world {
  house() : server{io, simulated::served_desk::logging({})} {
    server.serve(hall{&callers});
    server.listen(wire, "hall");
    server.start();
    run();
    mine.serve<display>(screen{&seen, &door, &cancelled});
  }
  ~house() {
    callers.clear();
    run();
  }
  template <class T>
  std::optional<tenon::result<T>> ended(tenon::call<T> made) {
    auto got = std::make_shared<std::optional<tenon::result<T>>>();
    std::move(made).then([got](tenon::result<T> given) { got->emplace(std::move(given)); });
    run();
    return std::move(*got);
  }

  std::vector<std::string> seen;
  simulated::gate door;
  int cancelled = 0;
  std::vector<caller> callers;
  tenon::offers mine;
  tenon::server<tenon::protocols<tenon::protocol::websocket_session, tenon::protocol::jsonrpc_session>> server;
};

struct page {
  explicit page(simulated::world& in) : by{in} {
    REQUIRE(by.connect("hall"));
    by.say(by_hand::handshake());
    REQUIRE(by.heard().starts_with("HTTP/1.1 101 "));
  }
  void say(std::string_view text) { by.say(by_hand::said(text)); }
  std::vector<json> heard() {
    std::vector<json> all;
    for (const by_hand::frame& each : by_hand::frames_in(by.heard())) all.push_back(json::parse(each.payload));
    return all;
  }
  simulated::peer by;
};

}  // namespace

TEST_CASE("a handler calls the object that its caller offers, over a WebSocket and over JSON-RPC's connections") {
  for (const auto session : every_session) {
    house world;
    std::optional<tenon::client<hall, tenon::codec::json>> at;
    at.emplace(world.io, world.wire.connector_to("hall"), tenon::client_options{.seed = 1, .sessions = session, .offers = world.mine});
    CHECK(**world.ended(at->echo_back("hello")) == "shown hello and back");
    CHECK(**world.ended(at->echo_back("no")) == "PERMISSION_DENIED: not shown");
    REQUIRE(world.ended(at->enter()).value().has_value());
    const caller kept = world.callers.back();
    CHECK(**world.ended(kept.add(40, 2)) == 42);
    const std::string odd = "a \"line\"\nand {another}";
    CHECK(**world.ended(kept.show(odd)) == "shown " + odd);
    CHECK(world.ended(kept.with({.one_way = true}).note(7)).value().has_value());
    CHECK(world.seen == std::vector<std::string>{"hello", "no", odd, "7"});
    // Both directions at once, with the same numbers.
    outcome_of<std::string> there;
    outcome_of<std::string> back;
    kept.wait("x").then(there.taker());
    at->echo_back("meanwhile").then(back.taker());
    world.run();
    CHECK(**back.value == "shown meanwhile and back");
    CHECK(!there.value);
    world.on_loop([&] { world.door.open(); });
    CHECK(**there.value == "x waited");
    outcome_of<std::string> late;
    kept.with({.timeout = 100_ms}).wait("y").then(late.taker());
    world.run();
    world.pass(200_ms);
    CHECK(late.text().starts_with("DEADLINE_EXCEEDED"));
    world.on_loop([&] { world.door.open(); });
    CHECK(world.cancelled == 1);
    world.on_loop([&] { at.reset(); });
    CHECK(kept.gone());
    CHECK(world.ended(kept.show("z")).value().error().code() == tenon::code::unavailable);
  }
}

TEST_CASE("a client that offers nothing says so, and goes on") {
  house world;
  tenon::client<hall, tenon::codec::json> at{world.io, world.wire.connector_to("hall"), tenon::client_options{.seed = 1, .sessions = tenon::websocket}};
  CHECK(**world.ended(at.echo_back("x")) == "UNIMPLEMENTED: this peer serves no methods");
  REQUIRE(world.ended(at.enter()).value().has_value());
}

TEST_CASE("a page is called by plain JSON-RPC, and answers as a server would") {
  house world;
  page one{world};
  one.say(R"({"jsonrpc":"2.0","method":"hall.enter","id":1})");
  CHECK(one.heard().size() == 1);
  const caller kept = world.callers.back();
  outcome_of<int> sum;
  kept.add(40, 2).then(sum.taker());
  world.run();
  auto asked = one.heard();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0]["method"] == "display.add");
  CHECK(asked[0]["params"] == json{40, 2});
  // It calls with an id of its own that is the same, while it owes an answer.
  one.say(R"({"jsonrpc":"2.0","method":"hall.enter","id":)" + asked[0]["id"].dump() + "}");
  CHECK(one.heard().size() == 1);
  one.say(json{{"jsonrpc", "2.0"}, {"id", asked[0]["id"]}, {"result", 42}}.dump());
  REQUIRE(sum.value);
  CHECK(**sum.value == 42);

  outcome_of<std::string> shown;
  kept.show("x").then(shown.taker());
  CHECK(world.ended(kept.with({.one_way = true}).note(9)).value().has_value());
  asked = one.heard();
  REQUIRE(asked.size() == 2);
  CHECK(asked[1]["method"] == "display.note");
  CHECK(!asked[1].contains("id"));
  one.say(json{{"jsonrpc", "2.0"}, {"id", asked[0]["id"]}, {"error", {{"code", -32601}, {"message", "Method not found"}}}}.dump());
  CHECK(shown.text().find("UNIMPLEMENTED: Method not found") != std::string::npos);
  // Answers to nothing harm nobody.
  one.say(R"([{"jsonrpc":"2.0","id":77,"result":1},{"jsonrpc":"2.0","id":null,"result":1},{"jsonrpc":"2.0","method":"$/item","params":{"id":1,"value":2}}])");
  CHECK(one.heard().empty());
  one.say(R"({"jsonrpc":"2.0","method":"hall.enter","id":2})");
  CHECK(one.heard().size() == 1);

  outcome_of<std::string> lost;
  kept.wait("y").then(lost.taker());
  world.run();
  one.by.hang_up();
  world.run();
  CHECK(lost.text().starts_with("UNAVAILABLE"));
}

TEST_CASE("rpcx's clients are called as ever on a port that has WebSocket beside") {
  std::vector<std::string> seen;
  simulated::gate door;
  int cancelled = 0;
  std::vector<caller> callers;
  tenon::server<tenon::websocket_protocols> server;
  server.serve(hall{&callers});
  const auto bound = server.listen("tcp://127.0.0.1:0");
  REQUIRE(server.start().ok());
  tenon::offers mine;
  mine.serve<display>(screen{&seen, &door, &cancelled});
  {
    const std::string address = "127.0.0.1:" + std::to_string(bound.port());
    const tenon::client<hall> rpcx{"tcp://" + address, {.offers = mine}};
    const tenon::client<hall, tenon::codec::json> web{"ws://" + address, {.sessions = tenon::websocket, .offers = mine}};
    CHECK(rpcx.echo_back("a").get().value() == "shown a and back");
    CHECK(web.echo_back("b").get().value() == "shown b and back");
  }
  server.stop();
}
