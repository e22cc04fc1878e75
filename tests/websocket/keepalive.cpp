// A server asks silent WebSocket peers for a sign of life by a ping. protocol/websocket.hpp is under test.
#include <tenon/websocket.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include <simulation.hpp>
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
  tenon::server<tenon::websocket_protocols> server{io, tenon::server_options{.keepalive = {.interval = 60s, .timeout = 20s}}};
};

const std::string handshake = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string ping{"\x89\x00", 2};
const std::string pong{"\x8A\x80\x01\x02\x03\x04", 6};

}  // namespace

TEST_CASE("a silent WebSocket peer is asked by a ping; one that answers stays, one that does not is closed") {
  served_kiosk world;
  peer browser{world};
  REQUIRE(browser.connect("kiosk"));
  browser.say(handshake);
  CHECK(browser.heard().find("HTTP/1.1 101") == 0);
  for (int round = 0; round < 3; ++round) {
    world.live_through(60s);
    CHECK(browser.heard() == ping);
    browser.say(pong);
    CHECK(browser.heard().empty());
  }
  world.live_through(60s);
  CHECK(browser.heard() == ping);
  world.live_through(19s);
  CHECK(!browser.hung_up());
  world.live_through(1s);
  CHECK(browser.hung_up());
}
