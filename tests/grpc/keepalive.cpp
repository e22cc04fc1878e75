// A server asks silent gRPC peers for a sign of life by HTTP/2's PING. protocol/grpc.hpp is under test.
#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

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
