// The echo server of tenon over its default protocols: what asio_server does, as a typed call.
// usage: echo_server [port=0] [kind=plain|task|awaitable|held] [loops=1]    prints `listening 127.0.0.1:PORT`, serves until it is told to stop

#include <cstdio>
#include <string>

#include <tenon.hpp>

#include "echo.hpp"
#include "load/arguments.hpp"

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  const std::string kind = given.word("kind", "plain");
  tenon::server server{tenon::server_options{.loops = static_cast<unsigned>(given.number("loops", 1))}};
  if (kind == "task") server.serve<echo_service>(task_echo{});
  else if (kind == "awaitable") server.serve<echo_service>(awaitable_echo{});
  else if (kind == "held") server.serve<echo_service>(held_echo{});
  else server.serve<echo_service>(plain_echo{});
  const auto address = server.listen("tcp://127.0.0.1:" + given.word("port", "0"));
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(address.port()));
  std::fflush(stdout);
  return server.run().ok() ? 0 : 1;
}
