// Load for echo_server over rpcx, in msgpack.
// usage: echo_client port= connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3 [way=then|task|awaitable] [rate=]
#include "tenon/load.hpp"

#include "tenon/echo_call.hpp"

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  return bench::run<tenon::client<echo_service>>(given, "tcp://127.0.0.1:" + given.word("port", "0"), echo_call{given});
}
