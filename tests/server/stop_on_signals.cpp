#include <tenon/server/stop_on_signals.hpp>

#include <doctest/doctest.h>

#include <csignal>

#include <server/desk.hpp>
#include <simulation.hpp>

using simulated::call_of;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

bool is_default(int signal) {
  struct ::sigaction found {};
  return ::sigaction(signal, nullptr, &found) == 0 && found.sa_handler == SIG_DFL;
}

}  // namespace

TEST_CASE("a signal stops the server as stop does: what is under way is answered, and the next signal is the system's again") {
  for (const int signal : {SIGINT, SIGTERM}) {
    served_desk world;
    REQUIRE(tenon::stop_on_signals(world.server).ok());
    CHECK(!is_default(SIGINT));
    CHECK(!is_default(SIGTERM));
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.say(call_of(1, "wait", "a").bytes());
    ::raise(signal);
    world.run();
    CHECK(is_default(SIGINT));
    CHECK(is_default(SIGTERM));
    peer late{world};
    CHECK(!late.connect("desk"));
    world.on_loop([&] { world.records.door.open(); });
    bool answered = false;
    for (const auto& each : frames_in(caller.heard())) answered |= each.payload == simulated::text_in_msgpack("a waited");
    CHECK(answered);
  }
}

TEST_CASE("run returns after a signal") {
  tenon::server server;
  REQUIRE(server.listen("tcp://127.0.0.1:0"));
  REQUIRE(tenon::stop_on_signals(server).ok());
  asio::post(server.io(), [] { ::raise(SIGTERM); });
  CHECK(server.run().ok());
  CHECK(is_default(SIGTERM));
}

TEST_CASE("a server that stops or goes otherwise lets go of the signals and of its io_context") {
  asio::io_context io;
  {
    tenon::server server{io};
    REQUIRE(server.listen("tcp://127.0.0.1:0"));
    REQUIRE(tenon::stop_on_signals(server).ok());
    REQUIRE(server.start().ok());
    asio::post(io, [&server] { server.stop(); });
    io.run();
    CHECK(is_default(SIGINT));
  }
  io.restart();
  {
    tenon::server server{io};
    REQUIRE(tenon::stop_on_signals(server).ok());
    ::raise(SIGINT);
  }
  CHECK(is_default(SIGINT));
  io.run();
}
