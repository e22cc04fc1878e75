#include <tenon/protocol/web.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include <simulation.hpp>
#include <tenon/core/task.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

#include "desk.hpp"

using namespace simulated;
using namespace std::string_literals;

namespace {

struct shelf {
  gate* door;
  int* puts;

  int look(int place) { return place; }
  int put(int place) {
    ++*puts;
    return place;
  }
  tenon::task<int> later(int place) {
    co_await door->wait();
    co_return place;
  }
  TENON_SERVICE(shelf, (look, tenon::safe), (put, tenon::idempotent), later)
};

struct served_shelf : world {
  served_shelf() : server{io} {
    server.serve(shelf{&door, &puts});
    server.listen(wire, "shelf");
    server.start();
    run();
  }
  gate door;
  int puts = 0;
  tenon::server<tenon::protocols<tenon::protocol::web_session>> server;
};

std::string post(std::string_view path, std::string_view body) {
  return "POST " + std::string{path} + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}
std::string call_text(std::string_view method, std::string_view id) {
  std::string text{R"({"jsonrpc":"2.0","method":"shelf.)"};
  text.append(method).append(R"(","params":[5])");
  if (!id.empty()) text.append(R"(,"id":)").append(id);
  return text + "}";
}

std::size_t count(std::string_view in, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = in.find(what); at != std::string_view::npos; at = in.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("GET calls a safe method and no other, whether that is idempotent or not") {
  served_shelf world;
  peer caller{world};
  REQUIRE(caller.connect("shelf"));
  const std::string rest = "?message=5 HTTP/1.1\r\nHost: h\r\n\r\n";
  caller.say("GET /shelf/look" + rest);
  CHECK(std::string{caller.heard()}.ends_with("\r\n\r\n5"));
  caller.say("GET /shelf/put" + rest + "GET /shelf/later" + rest + "HEAD /shelf/put" + rest + "GET /shelf/none" + rest);
  const std::string heard{caller.heard()};
  CHECK(count(heard, "HTTP/1.1 405 Method Not Allowed") == 3);
  CHECK(count(heard, "Allow: POST\r\n") == 3);
  CHECK(count(heard, "HTTP/1.1 404 ") == 1);
  CHECK(count(heard, "shelf.put: found a request that must not change anything") == 1);
  CHECK(world.puts == 0);
  caller.say(post("/shelf/put", "5"));
  CHECK(world.puts == 1);
}

TEST_CASE("GET without its message is told where that belongs") {
  served_shelf world;
  peer caller{world};
  REQUIRE(caller.connect("shelf"));
  caller.say("GET /shelf/look?place=5 HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string heard{caller.heard()};
  CHECK(count(heard, "HTTP/1.1 400 ") == 1);
  CHECK(count(heard, "shelf.look: request expected integer, found end of input at byte 0; GET takes its request in ?message=, percent-encoded JSON") == 1);
  caller.say("GET /shelf/look?message=%22x%22 HTTP/1.1\r\nHost: h\r\n\r\n" + post("/shelf/look", ""));
  CHECK(count(std::string{caller.heard()}, "?message=") == 0);
}

TEST_CASE("a batch whose calls take their time is answered once, and the requests behind it after it") {
  served_shelf world;
  peer caller{world};
  REQUIRE(caller.connect("shelf"));
  caller.say(post("/", "[" + call_text("later", "1") + "," + call_text("later", "") + "," + call_text("put", "2") + "," + call_text("later", "3") + "]") + post("/shelf/put", "7") +
             post("/shelf/later", "8"));
  for (int turn = 0; turn < 4; ++turn) {
    CHECK(world.door.waiting() == 1);
    CHECK(world.puts == (turn < 2 ? 0 : turn == 2 ? 1 : 2));
    world.door.open();
    world.run();
  }
  CHECK(world.door.waiting() == 0);
  const std::string heard{caller.heard()};
  CHECK(count(heard, "HTTP/1.1 200 OK") == 3);
  CHECK(count(heard, "\"result\":5") == 3);
  CHECK(heard.ends_with("\r\n\r\n8"));
}

TEST_CASE("a caller that goes, or a server that stops, in the middle of a batch leaves nothing behind") {
  const std::string batch = post("/", "[" + call_text("later", "1") + "," + call_text("later", "2") + "]");
  served_shelf world;
  {
    peer caller{world};
    REQUIRE(caller.connect("shelf"));
    caller.say(batch);
    CHECK(world.door.waiting() == 1);
  }
  world.run();
  world.door.open();
  world.run();
  CHECK(world.door.waiting() == 0);

  peer other{world};
  REQUIRE(other.connect("shelf"));
  other.say(batch);
  CHECK(world.door.waiting() == 1);
  world.server.stop();
  world.run();
  world.door.open();
  world.run();
  CHECK(world.door.waiting() == 0);
  // The call that had not begun is refused, and the batch is whole.
  const std::string heard{other.heard()};
  CHECK(count(heard, "\"result\":5") == 1);
  CHECK(count(heard, "the server is stopping") == 1);
}

TEST_CASE("rpcx's gateway calls by its headers, and answers as rpcx does") {
  served_shelf world;
  const auto ask = [&world](std::string_view line, std::string_view headers, std::string_view body = "5") {
    peer caller{world};
    REQUIRE(caller.connect("shelf"));
    const std::string text = std::string{line} + " HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
    // In pieces: what the head says moves.
    for (const char each : text) caller.say({&each, 1});
    return std::string{caller.heard()};
  };
  const auto has = [](const std::string& answer, std::string_view line) { return answer.find("\r\n" + std::string{line} + "\r\n") != std::string::npos; };
  const std::string all = "X-RPCX-Version: 0\r\nX-RPCX-MessageID: 12345678\r\nX-RPCX-ServicePath: shelf\r\nX-RPCX-SerializeType: 1\r\nX-RPCX-ServiceMethod: ";
  std::string answer = ask("POST /any/where", all + "put\r\nX-RPCX-Meta: a=b+c&d=%26\r\n");
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("\r\n\r\n5"));
  CHECK(has(answer, "x-rpcx-messageid: 12345678"));
  CHECK(has(answer, "x-rpcx-servicepath: shelf"));
  CHECK(has(answer, "x-rpcx-servicemethod: put"));
  CHECK(has(answer, "x-rpcx-serializetype: 1"));
  CHECK(!has(answer, "x-rpcx-messagestatustype: Error"));
  CHECK(world.puts == 1);
  // The service in the path, other verbs, other codecs.
  CHECK(ask("PUT /shelf", "X-RPCX-SerializeType: 3\r\nX-RPCX-ServiceMethod: put\r\n", "\x05").ends_with("\r\n\r\n\x05"));
  CHECK(ask("GET /shelf", "X-RPCX-SerializeType: 1\r\nX-RPCX-ServiceMethod: put\r\n").ends_with("\r\n\r\n5"));
  CHECK(world.puts == 3);
  answer = ask("POST /", all + "put\r\nX-RPCX-Oneway: 1\r\n");
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("\r\n\r\n"));
  CHECK(world.puts == 4);
  answer = ask("POST /", all + "none\r\n");
  CHECK(answer.starts_with("HTTP/1.1 500 "));
  CHECK(has(answer, "x-rpcx-messagestatustype: Error"));
  CHECK(answer.find("x-rpcx-errormessage: UNIMPLEMENTED: shelf has no method \"none\"") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\n"));
  answer = ask("POST /shelf", "X-RPCX-ServiceMethod: put\r\n");
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(has(answer, "x-rpcx-errormessage: empty serialized type"));
  CHECK(has(ask("POST /shelf", "X-RPCX-SerializeType: 1\r\n"), "x-rpcx-errormessage: empty servicemethod"));
  CHECK(has(ask("POST /", "X-RPCX-SerializeType: 1\r\nX-RPCX-ServiceMethod: put\r\n"), "x-rpcx-errormessage: empty servicepath"));
  CHECK(has(ask("POST /shelf", "X-RPCX-SerializeType: x\r\nX-RPCX-ServiceMethod: put\r\n"), "x-rpcx-messagestatustype: Error"));
  CHECK(has(ask("POST /", all + "put\r\nX-RPCX-CompressType: 1\r\n"), "x-rpcx-messagestatustype: Error"));
  CHECK(ask("POST /", "X-RPCX-Heartbeat: 1\r\nX-RPCX-SerializeType: 3\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(world.puts == 4);
  answer = ask("POST /", all + "later\r\nX-RPCX-Meta: __ServerTimeout=0\r\n");
  CHECK(answer.find("x-rpcx-errormessage: DEADLINE_EXCEEDED") != std::string::npos);
}
