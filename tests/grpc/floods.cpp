// What a hostile HTTP/2 peer may make a gRPC server do before it is thrown out. protocol/detail/grpc_requests.hpp is under test, and what http2_engine.hpp asks of nghttp2.
#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <asio/steady_timer.hpp>

#include <grpc/http2_frames.hpp>
#include <simulation.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/task.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace grpc_floods {

using namespace http2_by_hand;
using simulated::peer;

int begun = 0;

struct kiosk {
  std::string echo(std::string text) { return text; }
  /// Ends when its caller has gone.
  tenon::task<std::string> wait(tenon::context& call, std::string text) {
    ++begun;
    struct gone final : tenon::cancellation::listener {
      explicit gone(asio::steady_timer& on) : timer{on} {}
      void cancelled() override { timer.cancel(); }
      asio::steady_timer& timer;
    };
    asio::steady_timer timer{*call.io(), std::chrono::hours{1}};
    gone told{timer};
    call.cancel.listen(told);
    (void)co_await timer.async_wait(tenon::use_task);
    co_return text;
  }
  TENON_SERVICE(kiosk, echo, wait)
};
struct flooded_kiosk : simulated::world {
  explicit flooded_kiosk(tenon::server_options options = {}) : server{io, options} {
    begun = 0;
    server.serve(kiosk{});
    server.listen(wire, "kiosk");
    server.start();
    run();
    REQUIRE(caller.connect("kiosk"));
    caller.say(greeting());
    (void)caller.heard();
  }
  // How the server ended the connection: HTTP/2's code in its GOAWAY, or -1 when it sent none.
  int thrown_out() {
    const auto words = frames_in(caller.heard(), {goaway});
    return words.empty() ? -1 : static_cast<int>(number(std::string_view{words.back().payload}.substr(4)));
  }
  tenon::server<tenon::grpc_protocols> server;
  peer caller{*this};
};

constexpr int continuation = 9;
constexpr int end = 1;
constexpr int end_of_headers = 4;
constexpr int enhance_your_calm = 11;
std::string cancelled(std::uint32_t stream, char code = '\x08') { return bytes_of({.type = reset, .stream = stream, .payload = "\0\0\0"s + code}); }

}  // namespace grpc_floods

using namespace grpc_floods;

TEST_CASE("streams that are opened and reset end the connection after a thousand, and each that ends well makes up for one") {
  flooded_kiosk world;
  std::uint32_t stream = 1;
  for (int i = 0; i < 3000 && !world.caller.hung_up(); ++i, stream += 2) world.caller.say(request(stream, "/kiosk/wait", "x") + cancelled(stream));
  CHECK(world.caller.hung_up());
  CHECK(world.thrown_out() == enhance_your_calm);
  CHECK(begun >= 1000);
  CHECK(begun <= 1001);

  // Whatever reason the peer gives for its resets.
  flooded_kiosk polite;
  stream = 1;
  for (int i = 0; i < 3000 && !polite.caller.hung_up(); ++i, stream += 2) polite.caller.say(request(stream, "/kiosk/wait", "x") + cancelled(stream, '\0'));
  CHECK(polite.caller.hung_up());
  CHECK(polite.thrown_out() == enhance_your_calm);

  flooded_kiosk other;
  stream = 1;
  for (int i = 0; i < 1500; ++i, stream += 4) {
    other.caller.say(request(stream, "/kiosk/wait", "x") + cancelled(stream) + request(stream + 2, "/kiosk/echo", "x"));
  }
  CHECK(!other.caller.hung_up());
}

TEST_CASE("headers that never end are not read for ever") {
  flooded_kiosk world;
  world.caller.say(bytes_of({.type = headers, .stream = 1, .payload = head("POST", "/kiosk/echo", "application/grpc")}));
  std::size_t sent = 0;
  for (; sent < 1'000'000 && !world.caller.hung_up(); sent += 1000) {
    std::string some;
    for (int i = 0; i < 10; ++i) some += literal("x", std::string(96, 'y'));
    world.caller.say(bytes_of({.type = continuation, .stream = 1, .payload = some}));
  }
  CHECK(world.caller.hung_up());
  CHECK(sent <= 70'000);
}

TEST_CASE("headers above the limit are refused, and the connection goes on") {
  flooded_kiosk world{{.limits = {.max_metadata_bytes = 1000}}};
  std::string much = head("POST", "/kiosk/echo", "application/grpc");
  for (int i = 0; i < 10; ++i) much += literal("x", std::string(96, 'y'));
  world.caller.say(bytes_of({.type = headers, .flags = end_of_headers, .stream = 1, .payload = much}));
  const auto answer = frames_in(world.caller.heard(), {headers, reset});
  REQUIRE(answer.size() == 2);
  CHECK(answer[0].flags == (end | end_of_headers));
  CHECK(answer[1].payload == "\0\0\0\0"s);
  world.caller.say(request(3, "/kiosk/echo", "works"));
  CHECK(frames_in(world.caller.heard(), {data}).size() == 1);
}

TEST_CASE("PINGs and SETTINGS are answered, more of them at once than anybody needs end the connection") {
  for (const bool pings : {true, false}) {
    const std::string one = pings ? bytes_of({.type = ping, .payload = "12345678"}) : bytes_of({.type = settings, .payload = {}});
    flooded_kiosk world{{.keepalive = {.least_between_questions = {}}}};
    for (int i = 0; i < 10'000; ++i) world.caller.say(one);
    CHECK(!world.caller.hung_up());
    CHECK(frames_in(world.caller.heard(), {pings ? ping : settings}).size() == 10'000);
    // Who does not take the answers is not read from; who sends a flood in one piece is closed.
    world.caller.stop_reading();
    std::string flood;
    for (int i = 0; i < 100'000; ++i) flood += one;
    world.caller.say(flood);
    world.caller.read_again();
    CHECK(world.caller.hung_up());
  }
}

TEST_CASE("a peer that asks for signs of life too often is shown out, by gRPC's rule") {
  const std::string question = bytes_of({.type = ping, .payload = "12345678"});
  const auto asks_every = [&](flooded_kiosk& world, std::chrono::minutes interval, int times, std::string between = {}) {
    int asked = 0;
    for (; asked < times && !world.caller.hung_up(); ++asked) {
      world.caller.say(between);
      world.caller.say(question);
      world.pass(interval);
    }
    return asked;
  };
  using std::chrono::minutes;
  // Without a call two hours are the least, with one five minutes.
  flooded_kiosk idle;
  CHECK(asks_every(idle, minutes{30}, 10) == 4);
  const auto words = frames_in(idle.caller.heard(), {goaway});
  REQUIRE(words.size() == 2);
  CHECK(number(std::string_view{words[0].payload}.substr(4)) == enhance_your_calm);
  CHECK(words[0].payload.substr(8) == "too_many_pings");
  flooded_kiosk patient;
  CHECK(asks_every(patient, minutes{121}, 10) == 10);

  flooded_kiosk waiting;
  waiting.caller.say(request(1, "/kiosk/wait", "x"));
  CHECK(asks_every(waiting, minutes{6}, 10) == 10);
  flooded_kiosk hasty;
  hasty.caller.say(request(1, "/kiosk/wait", "x"));
  CHECK(asks_every(hasty, minutes{4}, 10) == 4);

  // Who is answered in between may ask; and where the program says so, everybody.
  flooded_kiosk busy;
  std::uint32_t stream = 1;
  for (int i = 0; i < 10; ++i, stream += 2) CHECK(asks_every(busy, minutes{1}, 1, request(stream, "/kiosk/echo", "x")) == 1);
  CHECK(!busy.caller.hung_up());
  flooded_kiosk lenient{{.keepalive = {.least_between_questions = {}}}};
  CHECK(asks_every(lenient, minutes{1}, 10) == 10);
}

TEST_CASE("SETTINGS of many entries end the connection") {
  flooded_kiosk world;
  std::string many;
  for (int i = 0; i < 33; ++i) many += "\0\x04\0\x01\0\0"s;
  world.caller.say(bytes_of({.type = settings, .payload = many}));
  CHECK(world.caller.hung_up());
}
