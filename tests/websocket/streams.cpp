// Streams in JSON-RPC: over WebSocket, and over the two forms that JSON-RPC has on a bare connection, which share all but the frames.
#include <tenon/websocket.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <client/feed.hpp>
#include <client/shop.hpp>
#include <simulation.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/jsonrpc_client.hpp>
#include <websocket/frames.hpp>

using namespace tenon::literals;
using nlohmann::json;
using simulated::outcome_of;
using streaming::feed;
using streaming::feed_records;
using streaming::heard;
using streaming::tick;

namespace {

using client = tenon::client<feed, tenon::codec::json>;

struct served : simulated::world {
  explicit served(tenon::server_options options = {}) : server{io, simulated::served_desk::logging(options)} {
    server.serve(feed{&records});
    server.listen(wire, "feed");
    server.start();
    run();
  }
  auto connector() { return wire.connector_to("feed"); }
  void start(tenon::task<void> what) {
    tenon::spawn(io, std::move(what));
    run();
  }
  feed_records records;
  tenon::server<tenon::protocols<tenon::protocol::websocket_session, tenon::protocol::jsonrpc_session>> server;
};

template <tenon::protocol::jsonrpc_framing Framing>
std::unique_ptr<tenon::protocol::client_session> bare(std::string_view, const tenon::limits& bounds) {
  return std::make_unique<tenon::protocol::jsonrpc_client_session>(bounds, Framing);
}
constexpr decltype(tenon::client_options{}.sessions) every_session[] = {&tenon::websocket, &bare<tenon::protocol::jsonrpc_framing::lines>, &bare<tenon::protocol::jsonrpc_framing::headers>};

// A page, written by hand.
struct page {
  explicit page(simulated::world& in) : by{in} {
    REQUIRE(by.connect("feed"));
    by.say(by_hand::handshake());
    REQUIRE(by.heard().starts_with("HTTP/1.1 101 "));
  }
  void say(std::string_view text) { by.say(by_hand::said(text)); }
  std::vector<json> heard() {
    std::vector<json> all;
    for (const by_hand::frame& each : by_hand::frames_in(by.heard())) all.push_back(json::parse(each.payload));
    return all;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const by_hand::frame& each : by_hand::frames_in(by.heard())) all.push_back(each.payload);
    return all;
  }
  simulated::peer by;
};

}  // namespace

TEST_CASE("a client reads, writes, and does both, over WebSocket as over JSON-RPC's own connections") {
  for (const auto session : every_session) {
    served world;
    client at{world.io, world.connector(), {.seed = 1, .sessions = session}};
    heard<tick> got;
    world.start(read_all(at.count_to(1000, 10), got));
    CHECK(got.ended() == "OK");
    REQUIRE(got.items.size() == 1000);
    CHECK(got.items.back().number == 1000);
    heard<tick> none;
    world.start(read_all(at.count_to(0, 0), none));
    CHECK(none.ended() == "OK");
    CHECK(none.items.empty());
    for (const auto& [how, ended] : std::vector<std::pair<std::string, std::string>>{{"status", "NOT_FOUND: no second"}, {"result", "ABORTED: no value"}, {"throw", "UNKNOWN: feed.fail: out of order"}}) {
      heard<int> failed;
      tenon::metadata answered;
      world.start(read_all(at.with({.response_metadata = &answered}).fail(how), failed));
      CHECK(failed.items == std::vector<int>{1});
      CHECK(failed.ended() == ended);
    }
    std::string sum;
    world.start([](client& from, std::string& into) -> tenon::task<void> {
      auto numbers = from.sum();
      for (int i = 1; i <= 100; ++i) {
        if (!co_await numbers.write(i)) into = "not written";
      }
      const tenon::result<int> total = co_await numbers.finish();
      into += total ? std::to_string(*total) : total.error().to_string();
    }(at, sum));
    CHECK(sum == "5050");
    CHECK(world.records.source_status == "OK");
    std::vector<std::string> lines;
    world.start([](client& from, std::vector<std::string>& into) -> tenon::task<void> {
      auto both = from.chat();
      const std::string one = "one";
      const std::string two = "two \"\n";
      (void)co_await both.write(one);
      into.push_back((co_await both.next()).value_or("(none)"));
      (void)co_await both.write(two);
      both.end_writing();
      while (auto each = co_await both.next()) into.push_back(std::move(*each));
      into.push_back(both.status().to_string());
    }(at, lines));
    CHECK(lines == std::vector<std::string>{"one!", "two \"\n!", "bye", "OK"});
    CHECK(world.records.begun == world.records.destroyed);
    CHECK(at.late_replies() == 0);
    outcome_of<int> plain;
    at.plain(4).then(plain.taker());
    world.run();
    CHECK(**plain.value == 4);
  }
}

TEST_CASE("who does not read is waited for, in either direction, by credit") {
  for (const auto session : every_session) {
    served world{{.stream_window_bytes = 64 * 1024}};
    client at{world.io, world.connector(), {.stream_window_bytes = 64 * 1024, .seed = 1, .sessions = session}};
    auto ticks = at.count_to(10'000, 1000);
    world.run();
    const int first = world.records.yielded;
    CHECK(first > 50);
    CHECK(first < 70);
    heard<tick> rest;
    world.start(read_all(std::move(ticks), rest));
    CHECK(rest.ended() == "OK");
    CHECK(rest.items.size() == 10'000);

    int written = 0;
    std::size_t total = 0;
    world.start([](client& from, int& count, std::size_t& into) -> tenon::task<void> {
      auto parts = from.upload();
      const std::string part(1000, 'x');
      for (int i = 0; i < 1000; ++i) {
        if (co_await parts.write(part)) ++count;
      }
      into = (co_await parts.finish()).value_or(0);
    }(at, written, total));
    CHECK(written > 50);
    CHECK(written < 70);
    world.on_loop([&] { world.records.door.open(); });
    CHECK(written == 1000);
    CHECK(total == 1'000'000);
  }
}

TEST_CASE("who leaves ends the handler, before the first item too") {
  for (const auto session : every_session) {
    served world;
    client at{world.io, world.connector(), {.seed = 1, .sessions = session}};
    {
      auto ticks = at.watch();
      world.run();
      CHECK(world.records.begun == 1);
    }
    world.run();
    CHECK(world.records.destroyed == 1);
    {
      auto numbers = at.sum();
      auto sent = numbers.write(5);
      world.run();
      CHECK(sent.done());
    }
    world.run();
    CHECK(world.records.destroyed == 2);
    CHECK(world.records.source_status == "CANCELLED: the caller has gone");
    auto late = at.with({.timeout = 100_ms}).watch();
    heard<tick> got;
    world.start(read_all(std::move(late), got));
    world.pass(200_ms);
    CHECK(got.status.code() == tenon::code::deadline_exceeded);
    CHECK(world.records.destroyed == 3);
    CHECK(at.late_replies() <= 2);  // that a cancelled call was, which nobody waits for
  }
}

TEST_CASE("a page that knows nothing of credit hears items, then the response") {
  served world;
  page one{world};
  one.say(R"({"jsonrpc":"2.0","method":"feed.count_to","params":[2,1],"id":"a\"b"})");
  CHECK(one.texts() == std::vector<std::string>{R"({"jsonrpc":"2.0","method":"$/item","params":{"id":"a\"b","value":{"number":1,"text":"x"}}})",
                                                R"({"jsonrpc":"2.0","method":"$/item","params":{"id":"a\"b","value":{"number":2,"text":"x"}}})",
                                                R"({"jsonrpc":"2.0","id":"a\"b","result":null})"});
  one.say(R"({"jsonrpc":"2.0","method":"feed.fail","params":["status"],"id":1})");
  const auto failed = one.heard();
  REQUIRE(failed.size() == 2);
  CHECK(failed[0]["params"] == json{{"id", 1}, {"value", 1}});
  CHECK(failed[1]["error"]["data"]["code"] == "NOT_FOUND");
  CHECK(failed[1]["meta"]["late"] == "yes");
  // More than any window: the socket alone holds it.
  one.say(R"({"jsonrpc":"2.0","method":"feed.count_to","params":[500,1000],"id":2})");
  CHECK(one.heard().size() == 501);
}

TEST_CASE("a page that does not read holds the handler at the write buffer") {
  served world{{.max_write_buffer_bytes = 100'000}};
  page one{world};
  one.by.stop_reading();
  one.say(R"({"jsonrpc":"2.0","method":"feed.count_to","params":[2000,1000],"id":2})");
  CHECK(world.records.yielded > 90);
  CHECK(world.records.yielded < 1000);
  one.by.read_again();
  CHECK(world.records.yielded == 2000);
  CHECK(one.heard().size() == 2001);
}

TEST_CASE("a page that counts gets what it has granted, and one item beyond") {
  served world;
  page one{world};
  one.say(R"({"jsonrpc":"2.0","method":"feed.count_to","params":[9,1000],"id":5,"meta":{"stream_credit":2000}})");
  CHECK(one.heard().size() == 2);
  CHECK(world.records.yielded == 3);
  one.say(R"({"jsonrpc":"2.0","method":"$/credit","params":{"bytes":1000,"id":5}})");
  CHECK(one.heard().size() == 1);
  for (const std::string_view nothing : {R"("bytes":-5,"id":5)", R"("bytes":"many","id":5)", R"("bytes":1e9,"id":5)", R"("bytes":100000,"id":6)", R"("bytes":100000,"id":"5")", R"("bytes":100000)", R"("id":5)"}) {
    one.say(R"({"jsonrpc":"2.0","method":"$/credit","params":{)" + std::string{nothing} + "}}");
  }
  one.say(R"({"jsonrpc":"2.0","method":"$/credit"})");
  one.say(R"({"jsonrpc":"2.0","method":"$/credit","params":[5,100000]})");
  CHECK(one.heard().empty());
  one.say(R"({"jsonrpc":"2.0","method":"$/credit","params":{"bytes":1000000,"id":5}})");
  CHECK(one.heard().size() == 7);
}

TEST_CASE("a page streams what it has, as it is granted") {
  served world{{.stream_window_bytes = 10'000}};
  page one{world};
  one.say(R"({"jsonrpc":"2.0","method":"feed.sum","id":"s"})");
  CHECK(one.texts() == std::vector<std::string>{R"({"jsonrpc":"2.0","method":"$/inputCredit","params":{"id":"s","bytes":10000}})"});
  one.say(R"({"jsonrpc":"2.0","method":"$/input","params":{"id":"s","value":40}})");
  one.say(R"([{"jsonrpc":"2.0","method":"$/input","params":{"value":2,"id":"s"}},{"jsonrpc":"2.0","method":"$/inputEnd","params":{"id":"s"}}])");
  CHECK(one.texts() == std::vector<std::string>{R"({"jsonrpc":"2.0","id":"s","result":42})"});
  // Of a call that has ended, or never was.
  one.say(R"({"jsonrpc":"2.0","method":"$/input","params":{"id":"s","value":40}})");
  one.say(R"({"jsonrpc":"2.0","method":"$/inputEnd","params":{"id":77}})");
  one.say(R"({"jsonrpc":"2.0","method":"$/unheardOf","params":{"id":77}})");
  CHECK(one.heard().empty());
  one.say(R"({"jsonrpc":"2.0","method":"feed.chat","id":9})");
  (void)one.heard();
  one.say(R"({"jsonrpc":"2.0","method":"$/input","params":{"id":9,"value":"x"}})");
  const auto back = one.heard();
  REQUIRE(back.size() == 1);
  CHECK(back[0]["params"]["value"] == "x!");
  one.say(R"({"jsonrpc":"2.0","method":"$/inputEnd","params":{"id":9}})");
  CHECK(one.heard().size() == 2);
  // What cannot be read ends the items, and the handler is told so.
  one.say(R"({"jsonrpc":"2.0","method":"feed.sum","id":10})");
  one.say(R"({"jsonrpc":"2.0","method":"$/input","params":{"id":10,"value":"many"}})");
  CHECK(one.heard().back()["result"] == 0);
  CHECK(world.records.source_status.starts_with("INVALID_ARGUMENT: feed.sum: item "));
  CHECK(world.records.begun == world.records.destroyed);
}

TEST_CASE("a call that its page cancels is answered by that, streaming or not, once") {
  served world;
  page one{world};
  one.say(R"({"jsonrpc":"2.0","method":"feed.watch","id":"w"})");
  world.on_loop([&] { world.records.door.open(); });
  CHECK(one.heard().size() == 1);
  one.say(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"w"}})");
  const auto ended = one.heard();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0]["id"] == "w");
  CHECK(ended[0]["error"]["data"]["code"] == "CANCELLED");
  CHECK(world.records.destroyed == 1);
  one.say(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"w"}})");
  one.say(R"([{"jsonrpc":"2.0","method":"feed.watch","id":3},{"jsonrpc":"2.0","method":"feed.plain","params":[1],"id":4}])");
  CHECK(one.heard().empty());
  one.say(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":3}})");
  const auto both = one.heard();
  REQUIRE(both.size() == 1);
  CHECK(both[0].size() == 2);
  CHECK(world.records.destroyed == 2);
  one.say(R"({"jsonrpc":"2.0","method":"feed.watch","id":5})");
  one.by.hang_up();
  world.run();
  CHECK(world.records.destroyed == 3);
}

TEST_CASE("a server that stops ends its streams, then says goodbye") {
  served world{{.drain = 1_s}};
  page one{world};
  one.say(R"({"jsonrpc":"2.0","method":"feed.watch","id":1})");
  world.on_loop([&] { world.records.door.open(); });
  CHECK(one.heard().size() == 1);
  world.server.stop();
  world.run();
  CHECK(!one.by.hung_up());
  world.pass(2_s);
  CHECK(one.by.hung_up());
  CHECK(world.records.destroyed == 1);
}

TEST_CASE("JSON-RPC over lines streams as well, to whoever has never heard of it") {
  served world;
  simulated::peer raw{world};
  REQUIRE(raw.connect("feed"));
  raw.say(R"({"jsonrpc":"2.0","method":"feed.count_to","params":{"count":1,"size":0},"id":1})");
  CHECK(raw.heard() == "{\"jsonrpc\":\"2.0\",\"method\":\"$/item\",\"params\":{\"id\":1,\"value\":{\"number\":1,\"text\":\"\"}}}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
}

TEST_CASE("items above the limit end the stream on both sides") {
  served world;
  client at{world.io, world.connector(), {.limits = {.max_message_bytes = 1000}, .seed = 1, .sessions = tenon::websocket}};
  heard<tick> got;
  world.start(read_all(at.count_to(5, 2000), got));
  CHECK(got.status.code() == tenon::code::resource_exhausted);
  CHECK(world.records.begun == world.records.destroyed);
  outcome_of<int> plain;
  at.plain(4).then(plain.taker());
  world.run();
  CHECK(**plain.value == 4);
}

TEST_CASE("threads read and write with get(), over real sockets") {
  feed_records records;
  tenon::server<tenon::websocket_protocols> server;
  server.serve(feed{&records});
  const auto bound = server.listen("tcp://127.0.0.1:0");
  REQUIRE(server.start().ok());
  {
    client at{"ws://127.0.0.1:" + std::to_string(bound.port()) + "/", {.sessions = tenon::websocket}};
    auto ticks = at.count_to(2000, 500);
    int read = 0;
    while (const auto each = ticks.next().get()) CHECK(each->number == ++read);
    CHECK(read == 2000);
    CHECK(ticks.status().ok());
    auto numbers = at.sum();
    for (int i = 1; i <= 500; ++i) REQUIRE(numbers.write(i < 500 ? i : 0).get());
    CHECK(*numbers.finish().get() == 499 * 500 / 2);
    auto left = at.count_to(1'000'000, 1000);
    CHECK(left.next().get()->number == 1);
  }
  server.stop();
  CHECK(records.begun == records.destroyed);
}
