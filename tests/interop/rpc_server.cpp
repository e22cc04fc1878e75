// Serves calc over every protocol for foreign clients, and what streams and calls back.
#include "rpc_feed.hpp"
#include "rpc_served.hpp"

#include <tenon/server/every_protocol.hpp>

int main() {
  return interop::serve_calc<tenon::every_protocol>("rpc_server", [](auto& server) { server.serve(interop::feed{}); });
}
