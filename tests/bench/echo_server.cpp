// The echo server of tenon: what raw_echo_server does, as a typed call over rpcx. The second argument chooses the kind of handler.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <tenon.hpp>

#include "echo.hpp"

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[2] : "plain";
  tenon::server server;
  if (kind == "plain") {
    server.serve<echo_service>(plain_echo{});
  } else if (kind == "task") {
    server.serve<echo_service>(task_echo{});
  } else if (kind == "awaitable") {
    server.serve<echo_service>(awaitable_echo{});
  } else {
    argc = 0;
  }
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: echo_server PORT [plain|task|awaitable]\n");
    return 2;
  }
  const auto address = server.listen(std::string{"tcp://127.0.0.1:"} + argv[1]);
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(address.port()));
  std::fflush(stdout);
  return server.run().ok() ? 0 : 1;
}
