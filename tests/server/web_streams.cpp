#include <tenon/protocol/web.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <client/feed.hpp>
#include <simulation.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>
#include <tenon/service/routes.hpp>

#include "desk.hpp"

using namespace simulated;
using namespace std::string_literals;
using streaming::feed;
using streaming::feed_records;
using streaming::tick;

namespace web_streams {

// What may be asked of a feed over HTTP.
struct ticker {
  tenon::stream<tick> count_to(int count, std::size_t size);
  tenon::stream<tick> watch();
  tenon::stream<int> fail(std::string how);
  int sum(tenon::source<int> numbers);
  tenon::stream<std::string> chat(tenon::source<std::string> lines);
  int plain(int x);
  TENON_SERVICE(ticker, (count_to, tenon::params("count", "size"), tenon::safe), (watch, tenon::safe), fail, sum, chat, (plain, tenon::safe))
};

// The same at a path of its own.
struct paths {
  tenon::stream<tick> count_to(int count, std::size_t size);
  TENON_SERVICE(paths, (count_to, tenon::params("count", "size"), tenon::get("/ticks/{count}")))
};

}  // namespace web_streams

namespace {

struct served_ticker : world {
  explicit served_ticker(tenon::server_options options = {}) : server{io, served_desk::logging(options)} {
    server.serve<web_streams::ticker, tenon::codec::json>(feed{&records});
    server.serve<web_streams::paths, tenon::codec::json>(feed{&records});
    server.listen(wire, "ticker");
    server.start();
    run();
  }
  feed_records records;
  tenon::server<tenon::protocols<tenon::protocol::web_session>> server;
};

const std::string accept_events = "Accept: text/html;q=0.5, Text/Event-Stream\r\n";

std::string post(std::string_view path, std::string_view body, std::string_view headers) {
  std::string text{"POST /ticker/"};
  text.append(path).append(" HTTP/1.1\r\nHost: h\r\n").append(headers);
  return text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}
std::string get(std::string_view target, std::string_view headers, std::string_view version = "1.1") {
  return "GET /ticker/" + std::string{target} + " HTTP/" + std::string{version} + "\r\nHost: h\r\n" + std::string{headers} + "\r\n";
}

struct streamed_answer {
  std::string head;
  std::string body;
  bool complete = false;
  std::string rest;
};
// Takes the chunks off; strictly, as the specification has them.
streamed_answer read_chunked(std::string_view bytes) {
  streamed_answer found;
  const std::size_t end = bytes.find("\r\n\r\n");
  REQUIRE(end != std::string_view::npos);
  found.head = std::string{bytes.substr(0, end + 2)};
  bytes.remove_prefix(end + 4);
  REQUIRE(found.head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  while (!bytes.empty() && !found.complete) {
    const std::size_t line = bytes.find("\r\n");
    REQUIRE(line != std::string_view::npos);
    const std::size_t size = std::stoul(std::string{bytes.substr(0, line)}, nullptr, 16);
    REQUIRE(bytes.size() >= line + 2 + size + 2);
    found.body.append(bytes.substr(line + 2, size));
    REQUIRE(bytes.substr(line + 2 + size, 2) == "\r\n");
    bytes.remove_prefix(line + 2 + size + 2);
    found.complete = size == 0;
  }
  found.rest = std::string{bytes};
  return found;
}

std::string envelope(std::string_view message, char flags = 0) {
  return std::string{flags, '\0', '\0', static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xFF)}.append(message);
}
struct message {
  int flags;
  std::string payload;
  bool operator==(const message&) const = default;
};
std::vector<message> messages_in(std::string_view body) {
  std::vector<message> all;
  while (!body.empty()) {
    REQUIRE(body.size() >= 5);
    std::size_t size = 0;
    for (const char c : body.substr(1, 4)) size = size << 8 | static_cast<unsigned char>(c);
    REQUIRE(body.size() >= 5 + size);
    all.push_back({body.front(), std::string{body.substr(5, size)}});
    body.remove_prefix(5 + size);
  }
  return all;
}
const std::string connect_json = "Content-Type: application/connect+json\r\n";

}  // namespace

TEST_CASE("a stream is events, and an event that says that it has ended; the connection goes on") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  const std::string body = "data: {\"number\":1,\"text\":\"xx\"}\n\ndata: {\"number\":2,\"text\":\"xx\"}\n\nevent: end\ndata: {}\n\n";
  caller.say(get("count_to?message=%5B2,2%5D", accept_events) + post("count_to", "[2,2]", accept_events) + post("plain", "7", accept_events));
  const streamed_answer first = read_chunked(caller.heard());
  CHECK(first.head == "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nCache-Control: no-cache\r\n");
  CHECK(first.complete);
  CHECK(first.body == body);
  const streamed_answer second = read_chunked(first.rest);
  CHECK(second.body == body);
  CHECK(second.complete);
  // A method of one answer stays one, whatever it might be taken as.
  CHECK(second.rest.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"));
  CHECK(second.rest.ends_with("\r\n\r\n7"));
  caller.say(post("count_to", "[0,0]", accept_events));
  CHECK(read_chunked(caller.heard()).body == "event: end\ndata: {}\n\n");
}

TEST_CASE("a route may stream") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.say("GET /ticks/1?size=2 HTTP/1.1\r\nHost: h\r\n" + accept_events + "\r\n");
  CHECK(read_chunked(caller.heard()).body == "data: {\"number\":1,\"text\":\"xx\"}\n\nevent: end\ndata: {}\n\n");
  caller.say("GET /ticks/1?size=2 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(caller.heard().starts_with("HTTP/1.1 404 "));
}

TEST_CASE("events leave as they come, and stop when their reader hangs up") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.say(get("watch", accept_events));
  CHECK(caller.heard().empty());
  world.records.door.open();
  world.run();
  CHECK(read_chunked(caller.heard()).body == "data: {\"number\":1,\"text\":\"\"}\n\n");
  world.records.door.open();
  world.run();
  CHECK(caller.heard() == "0000001e\r\ndata: {\"number\":2,\"text\":\"\"}\n\n\r\n");
  CHECK(world.records.destroyed == 0);
  caller.hang_up();
  world.run();
  CHECK(world.records.destroyed == 1);
}

TEST_CASE("what fails before the first event is answered by its status, what fails later by the last event") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.say(post("count_to", "[true]", accept_events));
  CHECK(caller.heard().starts_with("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"));
  caller.say(post("fail", "\"status\"", accept_events));
  const streamed_answer failed = read_chunked(caller.heard());
  CHECK(failed.head.find("early: status\r\n") != std::string::npos);
  CHECK(failed.body == "data: 1\n\nevent: end\ndata: {\"code\":\"not_found\",\"message\":\"no second\"}\n\n");
  CHECK(failed.complete);
  // GET promises to change nothing; HEAD has no events; without the header nothing is said of streams.
  caller.say(get("fail?message=%22status%22", accept_events));
  CHECK(caller.heard().starts_with("HTTP/1.1 405 "));
  caller.say("HEAD /ticker/watch HTTP/1.1\r\nHost: h\r\n" + accept_events + "\r\n");
  CHECK(caller.heard().starts_with("HTTP/1.1 405 "));
  caller.say(post("watch", "", "Accept: text/event-stream;q=0\r\n"));
  CHECK(caller.heard().starts_with("HTTP/1.1 404 "));
  CHECK(world.records.begun == 0);
}

TEST_CASE("the caller's time ends a stream of events") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.say(get("watch", accept_events + "connect-timeout-ms: 2000\r\n"));
  world.records.door.open();
  world.run();
  world.pass(std::chrono::seconds{3});
  const streamed_answer ended = read_chunked(caller.heard());
  CHECK(ended.complete);
  CHECK(ended.body.ends_with("event: end\ndata: {\"code\":\"deadline_exceeded\",\"message\":\"ticker.watch: the caller's time was up while the handler ran\"}\n\n"));
  CHECK(world.records.destroyed == 1);
  caller.say(post("plain", "8", ""));
  CHECK(caller.heard().ends_with("\r\n\r\n8"));
}

TEST_CASE("who knows no chunks gets a stream until the connection ends") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.say(get("count_to?message=%5B1,0%5D", accept_events + "Connection: keep-alive\r\n", "1.0"));
  CHECK(caller.heard() == "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nCache-Control: no-cache\r\n\r\ndata: {\"number\":1,\"text\":\"\"}\n\nevent: end\ndata: {}\n\n");
  CHECK(caller.hung_up());
}

TEST_CASE("a reader that does not read holds its stream up at the write buffer") {
  served_ticker world{{.max_write_buffer_bytes = 64 * 1024}};
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.stop_reading();
  caller.say(post("count_to", "[1000,10000]", accept_events));
  // The buffer, one item beyond it, and what the wire itself holds.
  CHECK(world.records.yielded < 100);
  const int before = world.records.yielded;
  caller.read_again();
  CHECK(world.records.yielded > before);
  const streamed_answer all = read_chunked(caller.heard());
  CHECK(world.records.yielded == 1000);
  CHECK(all.complete);
  CHECK(all.body.ends_with("event: end\ndata: {}\n\n"));
}

TEST_CASE("Connect's streams of answers: messages in envelopes, and an end that says how") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.say(post("count_to", envelope("[2,1]"), connect_json));
  const streamed_answer whole = read_chunked(caller.heard());
  CHECK(whole.head == "HTTP/1.1 200 OK\r\nContent-Type: application/connect+json\r\nTransfer-Encoding: chunked\r\n");
  CHECK(whole.complete);
  CHECK(messages_in(whole.body) == std::vector<message>{{0, R"({"number":1,"text":"x"})"}, {0, R"({"number":2,"text":"x"})"}, {2, "{}"}});
  caller.say(post("fail", envelope("\"status\""), connect_json));
  const streamed_answer failed = read_chunked(caller.heard());
  CHECK(failed.head.find("early: status\r\n") != std::string::npos);
  CHECK(messages_in(failed.body) == std::vector<message>{{0, "1"}, {2, R"({"error":{"code":"not_found","message":"no second"},"metadata":{"late":["yes"]}})"}});
  // One message, no more and no fewer, for a method that takes one; whole ones; plain ones.
  for (const auto& [body, said] : std::vector<std::pair<std::string, std::string>>{{"", "unimplemented"},
                                                                                  {envelope("[1,1]") + envelope("[1,1]"), "unimplemented"},
                                                                                  {envelope("[1,1]").substr(0, 8), "invalid_argument"},
                                                                                  {envelope("[1,1]").substr(0, 4), "invalid_argument"},
                                                                                  {envelope("[1,1]", 1), "unimplemented"},
                                                                                  {envelope("[1,1]", 2), "invalid_argument"},
                                                                                  {envelope("[true]"), "invalid_argument"}}) {
    caller.say(post("count_to", body, connect_json));
    const auto ended = messages_in(read_chunked(caller.heard()).body);
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].flags == 2);
    CHECK(ended[0].payload.starts_with(R"({"error":{"code":")" + said + "\""));
  }
  CHECK(world.records.begun == 1);
}

TEST_CASE("Connect's streams of a caller come as one body, with one answer or with a stream of them") {
  served_ticker world;
  peer caller{world};
  REQUIRE(caller.connect("ticker"));
  caller.say(post("sum", envelope("1") + envelope("2") + envelope("39"), connect_json) + post("sum", "", connect_json) + post("chat", envelope("\"a\"") + envelope("\"b\""), connect_json));
  const streamed_answer sum = read_chunked(caller.heard());
  CHECK(messages_in(sum.body) == std::vector<message>{{0, "42"}, {2, "{}"}});
  CHECK(world.records.source_status == "OK");
  const streamed_answer nothing = read_chunked(sum.rest);
  CHECK(messages_in(nothing.body) == std::vector<message>{{0, "0"}, {2, "{}"}});
  const streamed_answer chat = read_chunked(nothing.rest);
  CHECK(messages_in(chat.body) == std::vector<message>{{0, "\"a!\""}, {0, "\"b!\""}, {0, "\"bye\""}, {2, "{}"}});
  CHECK(chat.rest.empty());
  // One that ends before it has read everything, and one whose item cannot be read.
  caller.say(post("sum", envelope("-1") + envelope("2"), connect_json) + post("sum", envelope("1") + envelope("true"), connect_json));
  const streamed_answer early = read_chunked(caller.heard());
  CHECK(messages_in(early.body) == std::vector<message>{{0, "-1"}, {2, "{}"}});
  const auto broken = messages_in(read_chunked(early.rest).body);
  CHECK(broken.back().flags == 2);
  CHECK(world.records.destroyed == 5);
}

TEST_CASE("Connect's streams arrive the same however their bytes are cut") {
  const std::string bytes = post("chat", envelope("\"a\"") + envelope("\"b\""), connect_json) + get("count_to?message=%5B1,1%5D", accept_events);
  std::string whole;
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    served_ticker world;
    peer caller{world};
    REQUIRE(caller.connect("ticker"));
    caller.say(bytes.substr(0, cut));
    caller.say(bytes.substr(cut));
    const std::string heard = caller.heard();
    if (whole.empty()) whole = heard;
    REQUIRE(heard == whole);
  }
  CHECK(whole.ends_with("event: end\ndata: {}\n\n\r\n0\r\n\r\n"));
}
