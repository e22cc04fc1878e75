// How a gRPC server takes its leave, and what a client makes of calls that were not begun. protocol/grpc.hpp and protocol/grpc_client.hpp are under test.
#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpc/http2_frames.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/task.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace grpc_going_away {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace http2_by_hand;
using simulated::peer;

struct gate {
  std::vector<std::coroutine_handle<>> waiting;
  struct wait {
    gate& at;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) const { at.waiting.push_back(self); }
    void await_resume() const noexcept {}
  };
  struct pass {
    gate& at;
    wait awaiter_in_task() const noexcept { return {at}; }
  };
  void open() {
    for (const auto each : std::exchange(waiting, {})) each.resume();
  }
};

struct kiosk {
  gate* door = nullptr;
  std::string echo(std::string text) { return text; }
  tenon::task<std::string> later(std::string text) {
    co_await gate::pass{*door};
    co_return text;
  }
  TENON_SERVICE(kiosk, echo, later)
};

struct served_kiosk : simulated::world {
  served_kiosk() {
    server.serve(kiosk{&door});
    server.listen(wire, "kiosk");
    server.start();
    run();
  }
  gate door;
  tenon::server<tenon::grpc_protocols> server{io};
};

std::string going_away(std::uint32_t last) { return bytes_of({.type = goaway, .payload = simulated::big_endian(last, 4) + "\0\0\0\0"s}); }
std::string refused(std::uint32_t stream) { return bytes_of({.type = reset, .stream = stream, .payload = "\0\0\0\x07"s}); }

/// A server of another make: says what it is told to, on the connection that came last.
struct scripted {
  explicit scripted(simulated::world& in) : end{in} { end.listen("kiosk"); }
  void say(std::string_view bytes) { end.say(bytes); }
  /// The streams that calls have begun since the last time.
  std::vector<std::uint32_t> begun() {
    std::vector<std::uint32_t> found;
    for (const frame& each : frames_in(end.heard(), {headers})) found.push_back(each.stream);
    return found;
  }
  peer end;
};

template <class... Policies>
struct calling : tenon::client<kiosk, tenon::codec::protobuf, Policies...> {
  explicit calling(simulated::world& in)
      : tenon::client<kiosk, tenon::codec::protobuf, Policies...>{in.io, in.wire.connector_to("kiosk"), {.sessions = tenon::grpc}} {}
};
struct told {
  std::string text = "nothing yet";
  tenon::status error;
  auto taker() {
    return [this](tenon::result<std::string> got) {
      text = got ? *got : got.error().to_string();
      if (!got) error = got.error();
    };
  }
};

using streams = std::vector<std::uint32_t>;
constexpr std::uint32_t every_stream = 0x7FFF'FFFF;

}  // namespace grpc_going_away

using namespace grpc_going_away;

TEST_CASE("a server that stops says so in two steps, and serves what crosses the first") {
  served_kiosk world;
  peer caller{world};
  REQUIRE(caller.connect("kiosk"));
  caller.say(greeting() + request(1, "/kiosk/later", "one"));
  (void)caller.heard();
  world.server.stop();
  const auto first = frames_in(caller.heard(), {goaway, ping});
  REQUIRE(first.size() == 2);
  CHECK(number(first[0].payload) == every_stream);
  CHECK(number(first[0].payload.substr(4)) == 0);
  CHECK(first[1].flags == 0);

  // On its way when the notice came.
  caller.say(request(3, "/kiosk/echo", "two"));
  const std::string said = caller.heard();
  REQUIRE(frames_in(said, {data}).size() == 1);
  CHECK(frames_in(said, {data})[0].stream == 3);
  CHECK(frames_in(said, {goaway}).empty());

  caller.say(bytes_of({.type = ping, .flags = 1, .payload = first[1].payload}));
  const auto second = frames_in(caller.heard(), {goaway});
  REQUIRE(second.size() == 1);
  CHECK(number(second[0].payload) == 3);

  // Later ones are none of this server's; what is under way ends, and then the connection.
  caller.say(request(5, "/kiosk/echo", "three"));
  CHECK(frames_in(caller.heard(), {data, headers}).empty());
  CHECK(!caller.hung_up());
  world.on_loop([&] { world.door.open(); });
  const auto last = frames_in(caller.heard(), {data});
  REQUIRE(last.size() == 1);
  CHECK(last[0].stream == 1);
  CHECK(caller.hung_up());
}

TEST_CASE("a PING of the peer's own is no answer to the first step") {
  served_kiosk world;
  peer caller{world};
  REQUIRE(caller.connect("kiosk"));
  caller.say(greeting());
  world.server.stop();
  (void)caller.heard();
  caller.say(bytes_of({.type = ping, .payload = "theend\r\n"}) + bytes_of({.type = ping, .flags = 1, .payload = "12345678"}));
  CHECK(frames_in(caller.heard(), {goaway}).empty());
  CHECK(!caller.hung_up());
}

TEST_CASE("a peer that does not answer the first step hears the second after a second") {
  served_kiosk world;
  peer caller{world};
  REQUIRE(caller.connect("kiosk"));
  caller.say(greeting() + request(1, "/kiosk/echo", "one"));
  world.server.stop();
  CHECK(frames_in(caller.heard(), {goaway}).size() == 1);
  world.pass(999ms);
  CHECK(frames_in(caller.heard(), {goaway}).empty());
  CHECK(!caller.hung_up());
  world.pass(2ms);
  const auto second = frames_in(caller.heard(), {goaway});
  REQUIRE(second.size() == 1);
  CHECK(number(second[0].payload) == 1);
  CHECK(caller.hung_up());
}

TEST_CASE("who comes with a first request while the server stops is served, and told") {
  served_kiosk world;
  peer caller{world};
  REQUIRE(caller.connect("kiosk"));
  world.server.stop();
  world.run();
  caller.say(greeting() + request(1, "/kiosk/echo", "one"));
  const std::string said = caller.heard();
  CHECK(frames_in(said, {data}).size() == 1);
  CHECK(frames_in(said, {goaway}).size() == 1);
}

TEST_CASE("no call of a client fails because its gRPC server stops") {
  served_kiosk world;
  calling<> client{world};
  told before, during;
  client.later("before").then(before.taker());
  world.run();
  world.server.stop();
  // Sent before the notice is read.
  client.echo("during").then(during.taker());
  world.run();
  CHECK(during.text == "during");
  CHECK(before.text == "nothing yet");
  CHECK(client.state() != tenon::connection_state::ready);
  world.on_loop([&] { world.door.open(); });
  CHECK(before.text == "before");
}

TEST_CASE("a stream that is refused was not executed: without a policy its caller hears that") {
  simulated::world world;
  scripted server{world};
  calling<> client{world};
  told heard;
  client.echo("a").then(heard.taker());
  REQUIRE(server.begun() == streams{1});
  server.say(both_settings() + refused(1));
  CHECK(heard.error.code() == tenon::code::unavailable);
  CHECK(heard.error.has(tenon::outcome::not_executed));
}

TEST_CASE("streams above a GOAWAY's last were not executed, those below are answered") {
  simulated::world world;
  scripted server{world};
  calling<> client{world};
  told one, three, five;
  client.echo("a").then(one.taker());
  client.echo("b").then(three.taker());
  client.echo("c").then(five.taker());
  REQUIRE(server.begun() == streams{1, 3, 5});
  server.say(both_settings() + going_away(3));
  CHECK(five.error.code() == tenon::code::unavailable);
  CHECK(five.error.has(tenon::outcome::not_executed));
  CHECK(three.text == "nothing yet");
  server.say(answer(3, "three") + answer(1, "one"));
  CHECK(three.text == "three");
  CHECK(one.text == "one");
  CHECK(server.end.hung_up());
}

TEST_CASE("retry takes up a refused stream, although the method is not idempotent and no attempt is left to it") {
  simulated::world world;
  scripted server{world};
  calling<tenon::retry<tenon::retry_options{.max_attempts = 1}>> client{world};
  told heard;
  client.echo("a").then(heard.taker());
  REQUIRE(server.begun() == streams{1});
  server.say(both_settings() + refused(1));
  for (int i = 0; i < 20 && heard.text == "nothing yet"; ++i) {
    const streams again = server.begun();
    if (again == streams{3}) server.say(answer(3, "second"));
    world.pass(100ms);
  }
  CHECK(heard.text == "second");
  CHECK(server.end.connections() == 1);
}

TEST_CASE("retry takes a call above a GOAWAY's last stream to the next connection") {
  simulated::world world;
  scripted server{world};
  calling<tenon::retry<tenon::retry_options{.max_attempts = 1}>> client{world};
  told one, three;
  client.echo("a").then(one.taker());
  client.echo("b").then(three.taker());
  REQUIRE(server.begun() == streams{1, 3});
  server.say(both_settings() + answer(1, "one") + going_away(1));
  CHECK(one.text == "one");
  for (int i = 0; i < 20 && server.end.connections() == 1; ++i) world.pass(100ms);
  REQUIRE(server.end.connections() == 2);
  REQUIRE(server.begun() == streams{1});
  server.say(both_settings() + answer(1, "again"));
  CHECK(three.text == "again");
}
