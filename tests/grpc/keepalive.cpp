// Both sides ask silent gRPC peers for a sign of life by HTTP/2's PING, a client no more often than servers bear. protocol/grpc.hpp and grpc_client.hpp are under test.
#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <grpc/http2_frames.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace {

using namespace std::chrono_literals;
using simulated::peer;

struct kiosk {
  std::string echo(std::string text) { return text; }
  TENON_SERVICE(kiosk, echo)
};

struct served_kiosk : simulated::world {
  served_kiosk() {
    server.serve(kiosk{});
    server.listen(wire, "kiosk");
    server.start();
    run();
  }
  void live_through(std::chrono::seconds time) {
    for (auto passed = 0s; passed < time; ++passed) pass(1s);
  }
  tenon::server<tenon::grpc_protocols> server{io, tenon::server_options{.keepalive = {.interval = 60s, .timeout = 20s}}};
};

/// The types of HTTP/2's frames in `bytes`.
std::vector<int> frame_types(std::string_view bytes) {
  std::vector<int> found;
  while (bytes.size() >= 9) {
    const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
    const std::size_t length = at(0) << 16 | at(1) << 8 | at(2);
    found.push_back(static_cast<int>(at(3)));
    bytes.remove_prefix(length + 9 < bytes.size() ? length + 9 : bytes.size());
  }
  return found;
}
constexpr int ping = 6;

/// The preface, empty SETTINGS, and an acknowledgement of the server's.
std::string greeting() {
  using namespace std::string_literals;
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"s + "\0\0\0\x04\0\0\0\0\0"s + "\0\0\0\x04\x01\0\0\0\0"s;
}

/// A client whose server is spoken for by hand.
struct asking_client : simulated::world {
  explicit asking_client(tenon::client_options options) : client{io, (server.listen("kiosk"), wire.connector_to("kiosk")), options} {}
  void call() {
    client.echo("a").then([&](tenon::result<std::string> got) { ended = got ? *got : got.error().to_string(); });
    run();
    server.say(http2_by_hand::both_settings());
    (void)server.heard();
  }
  /// PINGs in so many seconds, each of them answered at once.
  int asked_in(std::chrono::seconds time) {
    int asked = 0;
    for (auto passed = 0s; passed < time; ++passed) {
      pass(1s);
      for (const auto& each : http2_by_hand::frames_in(server.heard(), {http2_by_hand::ping})) {
        ++asked;
        server.say(http2_by_hand::bytes_of({.type = http2_by_hand::ping, .flags = 1, .payload = each.payload}));
      }
    }
    return asked;
  }
  void say_goodbye(int code, std::string_view why) {
    server.say(http2_by_hand::bytes_of({.type = http2_by_hand::goaway, .payload = simulated::big_endian(1, 4) + simulated::big_endian(static_cast<std::size_t>(code), 4) + std::string{why}}));
    server.hang_up();
  }

  std::string ended;
  peer server{*this};
  tenon::client<kiosk, tenon::codec::protobuf> client;
};
constexpr int no_error = 0;
constexpr int enhance_your_calm = 11;

}  // namespace

TEST_CASE("a silent gRPC peer is asked by PING, and closed when it does not answer") {
  served_kiosk world;
  peer silent{world};
  REQUIRE(silent.connect("kiosk"));
  silent.say(greeting());
  (void)silent.heard();
  world.live_through(59s);
  CHECK(silent.heard().empty());
  world.live_through(1s);
  CHECK(frame_types(silent.heard()) == std::vector<int>{ping});
  world.live_through(19s);
  CHECK(!silent.hung_up());
  world.live_through(1s);
  CHECK(silent.hung_up());
}

TEST_CASE("a gRPC client answers the PING by itself") {
  served_kiosk world;
  tenon::client<kiosk, tenon::codec::protobuf> client{world.io, world.wire.connector_to("kiosk"),
                                                      {.keepalive = {.interval = 0s}, .idle_timeout = 0s, .sessions = tenon::grpc}};
  int answered = 0;
  client.echo("a").then([&](tenon::result<std::string> got) { answered += got ? 1 : 0; });
  world.run();
  CHECK(answered == 1);
  world.live_through(1000s);
  CHECK(client.state() == tenon::connection_state::ready);
}

TEST_CASE("a gRPC client that was not told how often asks no more than every five minutes, and only while it waits for something") {
  asking_client world{{.idle_timeout = 0s, .sessions = tenon::grpc}};
  world.call();
  CHECK(world.asked_in(305s) == 0);
  CHECK(world.asked_in(10s) == 1);
  CHECK(world.asked_in(1000s) == 3);
  world.server.say(http2_by_hand::answer(1, "b"));
  CHECK(world.ended == "b");
  CHECK(world.asked_in(1000s) == 0);
  CHECK(world.client.state() == tenon::connection_state::ready);
}

TEST_CASE("a gRPC client whose server says that it asks too often asks half as often from then on") {
  asking_client world{{.keepalive = {.interval = 20s, .timeout = 10s}, .idle_timeout = 0s, .sessions = tenon::grpc}};
  world.call();
  CHECK(world.asked_in(205s) == 10);
  world.say_goodbye(enhance_your_calm, "too_many_pings");
  CHECK(world.ended.starts_with("UNAVAILABLE"));
  world.call();
  CHECK(world.asked_in(205s) == 5);
  // Other farewells say nothing about that.
  world.say_goodbye(no_error, "too_many_pings");
  world.call();
  world.say_goodbye(enhance_your_calm, "too_many_resets");
  world.call();
  CHECK(world.asked_in(205s) == 5);
  world.say_goodbye(enhance_your_calm, "too_many_pings");
  world.call();
  CHECK(world.asked_in(205s) == 2);
}
