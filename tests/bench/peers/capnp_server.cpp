// Cap'n Proto RPC's own server, on KJ's event loop, one thread.
// usage: capnp_server [port=0]    prints `listening 127.0.0.1:PORT`, serves until it is killed
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <cstdio>

#include "bench.capnp.h"
#include "load/arguments.hpp"

namespace {

class echo final : public Echo::Server {
  kj::Promise<void> say(SayContext context) override {
    const auto body = context.getParams().getBody();
    context.getResults(capnp::MessageSize{body.size() / sizeof(capnp::word) + 8, 0}).setBody(body);
    return kj::READY_NOW;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  kj::AsyncIoContext io = kj::setupAsyncIo();
  capnp::TwoPartyServer server{kj::heap<echo>()};
  const auto port = static_cast<unsigned>(given.number("port", 0));
  auto address = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope);
  auto listener = address->listen();
  std::printf("listening 127.0.0.1:%u\n", listener->getPort());
  std::fflush(stdout);
  server.listen(*listener).wait(io.waitScope);
}
