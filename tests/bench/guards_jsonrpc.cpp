// The echo of guards.cpp over JSON-RPC, both sides tenon's. A program of its own: what a compiler takes in line hangs on all that a program has.
// usage: guards_jsonrpc jsonrpc CONNECTIONS IN_FLIGHT CALLS

#include "guards.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <tenon/protocol/client_sessions.hpp>
#include <tenon/server/every_protocol.hpp>

#include "echo.hpp"

int main(int argc, char** argv) {
  if (argc != 5 || std::string_view{argv[1]} != "jsonrpc") {
    std::fprintf(stderr, "usage: guards_jsonrpc jsonrpc CONNECTIONS IN_FLIGHT CALLS\n");
    return 2;
  }
  const auto number = [argv](int i) { return static_cast<std::size_t>(std::atoi(argv[i])); };
  const std::string text(64, 'x');
  using json_client = tenon::client<echo_service, tenon::codec::json>;
  return measure<json_client, plain_echo, echo_service, tenon::every_protocol>(plain_echo{}, [&text](auto& client) { return client.echo(text); }, number(2), number(3), number(4),
                                                                               "jsonrpc+", {.sessions = tenon::protocol::make_client_session});
}
