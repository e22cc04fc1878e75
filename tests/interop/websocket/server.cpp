// Serves calc over WebSocket, beside the default protocols, for npm's ws and a browser's page that node serves on another port of this machine; and what streams and calls back.
#include <interop/rpc_feed.hpp>
#include <interop/rpc_served.hpp>

#include <string_view>

#include <tenon/websocket.hpp>

namespace {

struct pages_of_this_machine {
  static bool allows(std::string_view origin, std::string_view) { return origin.starts_with("http://127.0.0.1:"); }
};

}  // namespace

int main() {
  return interop::serve_calc<tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::basic_websocket_session<pages_of_this_machine>, tenon::protocol::http1_session>>("websocket_server", [](auto& server) { server.serve(interop::feed{}); });
}
