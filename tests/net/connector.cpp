#include <tenon/net/connector.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include <unistd.h>

#include <tenon/net/listener.hpp>

#include <net/listening.hpp>

namespace {

using net_test::caller;
using net_test::run_until;
using net_test::sink;
using tenon::endpoint;
using tenon::net::listen_on;
using tenon::net::socket_connector;

// An address nobody listens on any more.
endpoint dead_address(asio::io_context& io) { return (*listen_on(io, endpoint::tcp("127.0.0.1", 0)))->address(); }

}  // namespace

TEST_CASE("a connector opens a stream, later, and says whom it reached") {
  asio::io_context io;
  sink into{io};
  auto opened = listen_on(io, endpoint::tcp("127.0.0.1", 0));
  REQUIRE(opened.has_value());
  (*opened)->start(into);
  socket_connector door{io, (*opened)->address()};
  CHECK(door.url() == (*opened)->address().url());
  for (int round = 1; round < 4; ++round) {
    caller who;
    door.connect(who);
    CHECK(who.told == 0);
    run_until(io, [&] { return who.told == 1; });
    REQUIRE(who.stream != nullptr);
    CHECK(who.stream->peer() == door.url());
  }
}

TEST_CASE("names are resolved, and every address they have is tried") {
  asio::io_context io;
  sink into{io};
  auto opened = listen_on(io, endpoint::tcp("127.0.0.1", 0));  // and not on ::1
  REQUIRE(opened.has_value());
  (*opened)->start(into);
  for (const char* host : {"localhost", ""}) {
    socket_connector door{io, endpoint::tcp(host, (*opened)->address().port())};
    caller who;
    door.connect(who);
    run_until(io, [&] { return who.told == 1; });
    CHECK(who.stream != nullptr);
  }
}

TEST_CASE("a refused connection fails with the reason, each time it is tried") {
  asio::io_context io;
  for (const endpoint& where : {dead_address(io), endpoint::local("@tenon.nobody." + std::to_string(::getpid()))}) {
    socket_connector door{io, where};
    for (int i = 0; i < 2; ++i) {
      caller who;
      door.connect(who);
      CHECK(who.told == 0);
      run_until(io, [&] { return who.told == 1; });
      CHECK(who.error == asio::error::connection_refused);
    }
  }
  socket_connector nowhere{io, endpoint::local("/nowhere/at/all")};
  caller who;
  nowhere.connect(who);
  run_until(io, [&] { return who.told == 1; });
  CHECK(who.error);
}

TEST_CASE("a host that does not exist fails") {
  asio::io_context io;
  socket_connector door{io, endpoint::tcp("no.such.host.invalid", 1)};
  caller who;
  door.connect(who);
  run_until(io, [&] { return who.told == 1; });
  CHECK(who.error);
  CHECK(who.stream == nullptr);
}

TEST_CASE("after cancel nobody is told, whatever was under way") {
  asio::io_context io;
  sink into{io};
  auto opened = listen_on(io, endpoint::tcp("127.0.0.1", 0));
  REQUIRE(opened.has_value());
  const std::uint16_t port = (*opened)->address().port();
  for (const endpoint& where : {endpoint::tcp("127.0.0.1", port), endpoint::tcp("localhost", port), dead_address(io)}) {
    for (int steps = 0; steps < 3; ++steps) {
      caller who;
      {
        socket_connector door{io, where};
        door.cancel();
        door.connect(who);
        io.restart();
        for (int i = 0; i < steps && who.told == 0; ++i) io.poll_one();
        const int told = who.told;
        if (steps != 1) door.cancel();
        who.told -= told;
      }
      io.restart();
      io.run();
      CHECK(who.told == 0);
    }
  }
}

TEST_CASE("an attempt that was cancelled does not fail the one after it") {
  asio::io_context io;
  sink into{io};
  auto opened = listen_on(io, endpoint::tcp("127.0.0.1", 0));
  REQUIRE(opened.has_value());
  (*opened)->start(into);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    socket_connector door{io, endpoint::tcp(host, (*opened)->address().port())};
    caller first;
    caller second;
    caller third;
    door.connect(first);
    door.cancel();
    door.connect(second);
    door.connect(third);  // takes the place of the second
    run_until(io, [&] { return third.told == 1; });
    CHECK(first.told == 0);
    CHECK(second.told == 0);
    CHECK(third.stream != nullptr);
  }
}

TEST_CASE("a connector may be destroyed by the one it tells, and its io_context before an attempt ends") {
  struct destroyer final : tenon::net::connector::waiter {
    void connected(std::unique_ptr<tenon::net::stream>) override { door.reset(); }
    void connect_failed(const std::error_code&) override { door.reset(); }
    std::unique_ptr<socket_connector> door;
  };
  asio::io_context io;
  destroyer who;
  who.door = std::make_unique<socket_connector>(io, dead_address(io));
  who.door->connect(who);
  io.restart();
  io.run();
  CHECK(who.door == nullptr);

  caller never;
  {
    asio::io_context gone;
    socket_connector door{gone, dead_address(io)};
    door.connect(never);
  }
  CHECK(never.told == 0);
}
