// Cap'n Proto RPC's own client, on KJ's event loop, one thread.
// usage: capnp_client port= connections=1 in_flight=1 bytes=64 seconds=1 warm_up=0.3 [rate=]
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "bench.capnp.h"
#include "load/measurement.hpp"

namespace {

struct connection {
  connection(kj::Own<kj::AsyncIoStream> opened, std::size_t bytes) : stream{kj::mv(opened)}, client{*stream}, echo{client.bootstrap().castAs<Echo>()}, bytes{bytes} {}

  kj::Promise<void> say() {
    auto request = echo.sayRequest(capnp::MessageSize{bytes / sizeof(capnp::word) + 8, 0});
    auto body = request.initBody(static_cast<unsigned>(bytes));
    kj::byte* at = body.begin();
    for (std::size_t i = 0; i < bytes; ++i) at[i] = 'x';
    return request.send().then([this](capnp::Response<Echo::SayResults>&& answer) { KJ_REQUIRE(answer.getBody().size() == bytes, "an answer of another length"); });
  }

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyClient client;
  Echo::Client echo;
  std::size_t bytes;
};

struct everything : kj::TaskSet::ErrorHandler {
  explicit everything(const arguments& given) : all{given} {}
  void taskFailed(kj::Exception&& why) override {
    std::fprintf(stderr, "capnp_client: %s\n", why.getDescription().cStr());
    std::exit(1);
  }
  measurement all;
  kj::TaskSet tasks{*this};
  std::size_t under_way = 0;
  kj::PromiseFulfillerPair<void> over = kj::newPromiseAndFulfiller<void>();
};

void go_on(everything& all, connection& to, std::int64_t started) {
  all.tasks.add(to.say().then([&all, &to, started] {
    const std::int64_t now = nanoseconds_now();
    if (all.all.count(started, now)) go_on(all, to, now);
    else all.over.fulfiller->fulfill();
  }));
}

void pace(everything& all, kj::Vector<kj::Own<connection>>& to, double rate, kj::WaitScope& scope) {
  arrivals calls{rate};
  calls.begin(nanoseconds_now());
  std::size_t next = 0;
  while (true) {
    const std::int64_t now = nanoseconds_now();
    for (; calls.due() <= now && calls.due() < all.all.ends(); calls.next(), next = (next + 1) % to.size()) {
      ++all.under_way;
      all.tasks.add(to[next]->say().then([&all, due = calls.due()] {
        --all.under_way;
        all.all.count_due(due, nanoseconds_now());
      }));
    }
    if (now >= all.all.ends() && all.under_way == 0) return;
    KJ_REQUIRE(now < all.all.ends() + patience, "calls were not answered: the rate is above what the server can do");
    scope.poll();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const arguments given{argc, argv};
  kj::AsyncIoContext io = kj::setupAsyncIo();
  auto address = io.provider->getNetwork().parseAddress("127.0.0.1", static_cast<unsigned>(given.number("port", 0))).wait(io.waitScope);
  kj::Vector<kj::Own<connection>> to;
  for (std::size_t i = 0; i < given.number("connections", 1); ++i) {
    to.add(kj::heap<connection>(address->connect().wait(io.waitScope), given.number("bytes", 64)));
    to.back()->say().wait(io.waitScope);
  }
  everything all{given};
  all.all.begin(nanoseconds_now());
  if (given.real("rate", 0) > 0) {
    pace(all, to, given.real("rate", 0), io.waitScope);
  } else {
    for (auto& each : to) {
      for (std::size_t i = 0; i < given.number("in_flight", 1); ++i) go_on(all, *each, nanoseconds_now());
    }
    all.over.promise.wait(io.waitScope);
  }
  // Not by return: calls are under way.
  std::_Exit(all.all.finish());
}
