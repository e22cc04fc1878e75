#include <tenon/server/connection.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/awaitable.hpp>

#include <proofs/sockets.hpp>
#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/task.hpp>
#include <tenon/reflect/service.hpp>

using simulated::call_of;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

std::string post(const std::string& method, const std::string& body, const std::string& more = "") {
  return "POST /desk/" + method + " HTTP/1.1\r\nHost: x\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}
frame with_time(frame call, const std::string& milliseconds) {
  call.metadata = {{"__ServerTimeout", milliseconds}};
  return call;
}

}  // namespace

TEST_CASE("coroutine handlers are answered when they end, in any order over rpcx, with their metadata") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(call_of(1, "wait", "first").bytes() + call_of(2, "echo", "second").bytes());
  auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].sequence == 2);
  world.on_loop([&] { world.records.door.open(); });
  answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].sequence == 1);
  CHECK(answers[0].payload == simulated::text_in_msgpack("first waited"));
  CHECK(answers[0].value_of("seen") == "first");
  CHECK(world.records.destroyed == 1);
}

TEST_CASE("a plain handler that ends others keeps their answers out of its own") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(call_of(1, "wait", "a").bytes() + call_of(2, "wait", "b").bytes() + call_of(3, "open", "c").bytes());
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].sequence == 3);
  CHECK(answers[0].payload == simulated::text_in_msgpack("c"));
  CHECK(answers[1].payload == simulated::text_in_msgpack("a waited"));
  CHECK(answers[2].payload == simulated::text_in_msgpack("b waited"));
}

TEST_CASE("a coroutine handler that ends others before it waits loses none of their answers") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(call_of(1, "wait", "a").bytes() + call_of(2, "open_and_wait", "b").bytes() + call_of(3, "open", "c").bytes());
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].sequence == 1);
  CHECK(answers[1].sequence == 3);
  CHECK(answers[2].sequence == 2);
}

TEST_CASE("a one-way call runs, and nothing is sent, plain or coroutine, also when its time is up") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  frame plain = call_of(1, "echo", "a");
  frame waiting = with_time(call_of(2, "wait", "b"), "100");
  frame broken = call_of(3, "fail", "c");
  frame unknown = call_of(4, "nothing", "d");
  std::string bytes;
  for (frame* each : {&plain, &waiting, &broken, &unknown}) {
    each->bits = simulated::one_way;
    bytes += each->bytes();
  }
  caller.say(bytes);
  CHECK(world.records.calls == 2);
  world.pass(std::chrono::seconds{1});
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 1);
  CHECK(caller.heard().empty());
  CHECK(!caller.hung_up());
}

TEST_CASE("a handler whose caller's time is up is told so, the caller is answered, and what it gives later is dropped") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(with_time(call_of(1, "wait", "slow"), "250").bytes());
  world.pass(std::chrono::milliseconds{200});
  CHECK(caller.heard().empty());
  world.pass(std::chrono::milliseconds{60});
  auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].value_of("__rpcx_error__") == "DEADLINE_EXCEEDED: desk.wait: the caller's time was up while the handler ran");
  CHECK(answers[0].value_of("tenon-not-executed") == "(no tenon-not-executed)");
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 1);
  CHECK(caller.heard().empty());
}

TEST_CASE("a call whose time is up when it arrives does not reach its handler") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(with_time(call_of(1, "echo", "a"), "0").bytes() + with_time(call_of(2, "echo", "b"), "-5").bytes() + with_time(call_of(3, "echo", "c"), "never").bytes());
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].value_of("__rpcx_error__") == "DEADLINE_EXCEEDED: the caller's time was up when the call arrived");
  CHECK(answers[0].value_of("tenon-not-executed") == "1");
  CHECK(answers[1].value_of("tenon-code") == "DEADLINE_EXCEEDED");
  CHECK(answers[2].payload == simulated::text_in_msgpack("c"));
  CHECK(world.records.calls == 1);
}

TEST_CASE("handlers of a caller that has gone are told, and the connection outlives them") {
  served_desk world;
  {
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.say(call_of(1, "wait", "a").bytes() + call_of(2, "wait", "b").bytes());
    caller.hang_up();
  }
  CHECK(world.records.door.waiting() == 2);
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 2);
  CHECK(world.records.destroyed == 2);
}

TEST_CASE("a connection has at most as many handlers under way as the options say") {
  served_desk world{{.max_pending_calls = 3}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  std::string bytes;
  for (std::uint64_t i = 0; i < 5; ++i) bytes += call_of(i, "wait", "x").bytes();
  caller.say(bytes);
  auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].value_of("__rpcx_error__") == "RESOURCE_EXHAUSTED: too many calls under way on this connection");
  world.on_loop([&] { world.records.door.open(); });
  CHECK(frames_in(caller.heard()).size() == 3);
}

TEST_CASE("a peer that does not read is not served beyond the write buffer, and everything comes once it reads") {
  served_desk world{{.max_write_buffer_bytes = 100'000}};
  for (const bool http : {false, true}) {
    world.records.calls = 0;
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.stop_reading();
    std::string bytes;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      bytes += http ? post("large", "50000") : frame{.codec = simulated::json, .sequence = i, .service = "desk", .method = "large", .payload = "50000"}.bytes();
    }
    caller.say(bytes);
    caller.say(bytes);
    // The network takes a quarter of a megabyte, and two write buffers are full.
    CHECK(world.records.calls < 20);
    CHECK(world.records.calls > 3);
    caller.read_again();
    CHECK(world.records.calls == 2000);
    CHECK(caller.heard().size() > 2000 * 50'000);
    CHECK(!caller.hung_up());
  }
}

TEST_CASE("heartbeats of a peer that does not read are held back as well") {
  served_desk world{{.max_write_buffer_bytes = 10'000}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.stop_reading();
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += frame{.bits = simulated::heartbeat, .payload = std::string(1000, 'x')}.bytes();
  caller.say(bytes);
  caller.read_again();
  CHECK(frames_in(caller.heard()).size() == 1000);
}

TEST_CASE("over HTTP a pipelined request waits for the coroutine before it") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(post("wait", "\"one\"") + post("echo", "\"two\"") + post("wait", "\"three\""));
  CHECK(caller.heard().empty());
  CHECK(world.records.calls == 1);
  // What comes meanwhile is read, to learn whether the caller is still there; it must not be lost either.
  caller.say(post("echo", "\"four\""));
  CHECK(world.records.calls == 1);
  world.on_loop([&] { world.records.door.open(); });
  std::string heard = caller.heard();
  CHECK(count(heard, "HTTP/1.1 200") == 2);
  CHECK(heard.find("\"one waited\"") < heard.find("\"two\""));
  caller.say(post("echo", "\"five\""));
  world.on_loop([&] { world.records.door.open(); });
  heard = caller.heard();
  CHECK(count(heard, "HTTP/1.1 200") == 3);
  CHECK(heard.find("\"three waited\"") < heard.find("\"four\""));
  CHECK(heard.find("\"four\"") < heard.find("\"five\""));
  CHECK(heard.find("\"five\"") != std::string::npos);
  CHECK(world.records.calls == 5);
}

TEST_CASE("over HTTP requests cut at every byte around a waiting coroutine arrive whole") {
  const std::string bytes = post("wait", "\"one\"") + post("echo", "\"two\"") + post("place", R"({"symbol":"three"})");
  for (std::size_t cut = 1; cut < bytes.size(); cut += 3) {
    served_desk world;
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.say(bytes.substr(0, cut));
    caller.say(bytes.substr(cut, 20));
    world.on_loop([&] { world.records.door.open(); });
    if (cut + 20 < bytes.size()) caller.say(bytes.substr(cut + 20));
    world.on_loop([&] { world.records.door.open(); });
    const std::string heard = caller.heard();
    REQUIRE(count(heard, "HTTP/1.1 200") == 3);
    REQUIRE(heard.find("\"three\"") != std::string::npos);
  }
}

TEST_CASE("over HTTP a handler whose caller's time is up is answered for, and the next request is served while it still runs") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(post("wait", "\"one\"", "Connect-Timeout-Ms: 100\r\n") + post("echo", "\"two\""));
  world.pass(std::chrono::milliseconds{200});
  const std::string heard = caller.heard();
  CHECK(heard.find("HTTP/1.1 504") == 0);
  CHECK(count(heard, "HTTP/1.1 200") == 1);
  caller.say(post("wait", "\"three\""));
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.cancelled == 1);
  const std::string later = caller.heard();
  CHECK(count(later, "HTTP/1.1") == 1);
  CHECK(later.find("\"three waited\"") != std::string::npos);
}

TEST_CASE("over HTTP a caller that asked to be closed is closed after its answer, also a coroutine's") {
  served_desk world;
  for (const char* method : {"echo", "wait"}) {
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.say(post(method, "\"x\"", "Connection: close\r\n"));
    world.on_loop([&] { world.records.door.open(); });
    CHECK(count(caller.heard(), "HTTP/1.1 200") == 1);
    CHECK(caller.hung_up());
  }
  CHECK(served_desk::lines().empty());
}

namespace {

// Throws from handlers of every kind; what it returns as an error is no exception.
struct clumsy {
  simulated::gate* door;
  int plain(tenon::context& call) {
    call.response_metadata().add("seen", "yes");
    throw std::runtime_error{"plain: oops"};
  }
  int odd() { throw 5; }
  tenon::result<int> returned() { return tenon::status{tenon::code::unknown, "only said"}; }
  tenon::result<int> handed_on() { return tenon::status{tenon::outcome{.code = tenon::code::unknown, .flags = tenon::outcome::threw}, "another call: elsewhere"}; }
  tenon::task<int> at_once() {
    throw std::runtime_error{"task oops"};
    co_return 1;
  }
  tenon::task<int> later() {
    co_await door->wait();
    throw std::runtime_error{"late oops"};
    co_return 1;
  }
  asio::awaitable<int> spawned() {
    throw std::runtime_error{"awaitable oops"};
    co_return 1;
  }
  tenon::stream<int> streamed() {
    co_yield 1;
    throw std::runtime_error{"stream oops"};
  }
  TENON_SERVICE(clumsy, plain, odd, returned, handed_on, at_once, later, spawned, streamed)
};

}  // namespace

TEST_CASE("the log hears of every exception of a handler, also where nobody waits for the answer, and of no error that a handler returns") {
  simulated::world world;
  simulated::gate door;
  tenon::server<> server{world.io, served_desk::logging({})};
  server.serve(clumsy{&door});
  server.listen(world.wire, "desk");
  server.start();
  const auto logged = [] { return std::exchange(served_desk::lines(), {}); };
  using lines = std::vector<std::string>;
  (void)logged();
  {
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    const auto call = [](std::string method, std::uint8_t bits = 0) { return frame{.bits = bits, .codec = simulated::json, .sequence = 1, .service = "clumsy", .method = std::move(method), .payload = "[]"}; };
    const auto error_of = [&](const frame& question) {
      caller.say(question.bytes());
      const auto answers = frames_in(caller.heard());
      return answers.size() == 1 ? answers[0].value_of("__rpcx_error__") : "(no answer)";
    };
    CHECK(error_of(call("plain")) == "clumsy.plain: plain: oops");
    CHECK(logged() == lines{"memory://: clumsy.plain threw: plain: oops"});
    CHECK(error_of(call("odd")) == "clumsy.odd: something that is no std::exception");
    CHECK(logged() == lines{"memory://: clumsy.odd threw: something that is no std::exception"});
    (void)error_of(call("at_once"));
    CHECK(logged() == lines{"memory://: clumsy.at_once threw: task oops"});
    (void)error_of(call("spawned"));
    CHECK(logged() == lines{"memory://: clumsy.spawned threw: awaitable oops"});
    CHECK(error_of(call("returned")) == "only said");
    CHECK(error_of(call("handed_on")) == "another call: elsewhere");
    CHECK(error_of(call("nothing")).starts_with("UNIMPLEMENTED"));
    CHECK(logged().empty());
    CHECK(error_of(call("plain", simulated::one_way)) == "(no answer)");
    CHECK(logged() == lines{"memory://: clumsy.plain threw: plain: oops"});
    for (const std::uint8_t bits : {std::uint8_t{0}, simulated::one_way}) {
      (void)error_of(call("later", bits));
      world.on_loop([&] { door.open(); });
      CHECK(logged() == lines{"memory://: clumsy.later threw: late oops"});
    }
    (void)error_of(call("later"));
  }
  world.on_loop([&] { door.open(); });
  CHECK(served_desk::lines() == lines{"memory://: clumsy.later threw: late oops"});
  (void)logged();
  tenon::client<clumsy> client{world.io, world.wire.connector_to("desk")};
  auto items = client.streamed();
  auto first = items.next();
  world.run();
  CHECK(first.get().value() == 1);
  auto second = items.next();
  world.run();
  CHECK(!second.get());
  CHECK(logged() == lines{"memory://: clumsy.streamed threw: stream oops"});
}

TEST_CASE("a heartbeat is echoed between calls") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(call_of(1, "echo", "a").bytes() + frame{.bits = simulated::heartbeat, .sequence = 2, .payload = "\xD3"}.bytes() + call_of(3, "echo", "b").bytes());
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 3);
  CHECK(answers[1].sequence == 2);
  CHECK(answers[1].bits == (simulated::heartbeat | simulated::response));
}

TEST_CASE("of many connections each is read behind the others, and every call is answered until the server has gone") {
  served_desk world;
  std::vector<std::unique_ptr<peer>> callers;
  for (int i = 0; i < 40; ++i) {
    callers.push_back(std::make_unique<peer>(world));
    REQUIRE(callers.back()->connect("desk"));
  }
  for (std::uint64_t round = 1; round < 4; ++round) {
    for (auto& each : callers) each->say(call_of(round, "echo", "text").bytes());
    for (auto& each : callers) {
      const auto answers = frames_in(each->heard());
      REQUIRE(answers.size() == 1);
      CHECK(answers[0].sequence == round);
    }
    // Some hang up between two batches.
    callers.resize(callers.size() - 5);
    world.run();
  }
  for (auto& each : callers) each->say(call_of(9, "wait", "text").bytes());
  world.on_loop([&] { world.records.door.open(); });
  world.server.stop();
  world.run();
  for (auto& each : callers) {
    CHECK(frames_in(each->heard()).size() >= 1);
    each->say(call_of(10, "echo", "late").bytes());
  }
  world.run();
  for (auto& each : callers) CHECK(each->hung_up());
}

TEST_CASE("a server may go at every step of many connections that read, answer and wait for their turn") {
  for (int steps = 0; steps < 200; steps += 7) {
    std::vector<proofs::plain_socket> callers;
    asio::io_context io;
    int taken = 0;
    {
      tenon::server<> server{io};
      simulated::desk_records records;
      server.serve(simulated::desk{&records});
      const auto at = server.listen("tcp://127.0.0.1:0");
      server.start();
      for (int i = 0; i < 20; ++i) {
        callers.emplace_back(at.port());
        (void)callers.back().say(call_of(1, "echo", "text").bytes());
      }
      for (; taken < steps; ++taken) (void)io.poll_one();
    }
    io.restart();
    io.poll();
    CHECK(taken == steps);
  }
}
