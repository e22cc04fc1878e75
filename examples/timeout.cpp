#include <chrono>
#include <cstdio>

#include <tenon.hpp>

#include <asio/steady_timer.hpp>

using namespace tenon::literals;

struct market {
  int patience(tenon::context& call) { return static_cast<int>(call.remaining().ns / 1'000'000); }  // the time travels with the call
  tenon::task<int> crawl(tenon::context& call) {
    asio::steady_timer timer{*call.io()};
    while (!call.cancelled()) {                                     // true when the caller has gone, or its time is up
      timer.expires_after(std::chrono::milliseconds{1});
      (void)co_await timer.async_wait(tenon::use_task);
    }
    std::printf("the handler stops: nobody waits for it\n");
    co_return 0;
  }
  TENON_SERVICE(market, (patience, tenon::idempotent), (crawl, tenon::idempotent))
};

// How long a call may take. Before retry it is the time of the whole call, after retry that of each attempt; on a server it is the handler's budget.
int main() {
  tenon::server server;
  server.serve<tenon::timeout<60_s>>(market{});                     // the most that a caller may ask for
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  tenon::client<market, tenon::timeout<500_ms>> m{at.url()};
  const int usual = m.patience().get().value_or(0);
  std::printf("%s\n", usual > 400 && usual <= 500 ? "the handler has half a second" : "the handler has some other time");
  const int short_time = m.with({.timeout = 100_ms}).patience().get().value_or(0);  // for one call; the shorter one counts
  std::printf("%s\n", short_time > 0 && short_time <= 100 ? "the handler has a tenth of a second" : "the handler has some other time");

  auto slow = m.with({.timeout = 50_ms}).crawl().get();
  server.stop();                                                    // waits for the handler
  std::printf("%s\n", slow.error().to_string().c_str());
}
// prints:
// the handler has half a second
// the handler has a tenth of a second
// the handler stops: nobody waits for it
// DEADLINE_EXCEEDED: market.crawl: ...
