// Calls calc at a server that stands on npm's ws. usage: websocket_client ws://HOST:PORT/PATH
#include <interop/rpc_cases.hpp>

#include <tenon/websocket.hpp>

int main(int count, char** arguments) {
  interop::run<tenon::codec::json>(count > 1 ? arguments[1] : "", "UNKNOWN: no such thing (error -32000)", &tenon::websocket);
  return interop::failures == 0 ? 0 : 1;
}
