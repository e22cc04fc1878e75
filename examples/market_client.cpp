// Calls the market three ways: waiting, in a coroutine, and with a callback.
#include <cstdio>
#include <string>

#include "market.hpp"

using namespace tenon::literals;

using market_client = tenon::client<market, tenon::codec::msgpack, tenon::timeout<500_ms>>;

tenon::task<void> trade(market_client& m) {
  auto bought = co_await m.buy("ACME", 3);
  std::printf("three ACME for %.2f\n", bought->price);
  auto refused = co_await m.buy("ACME", -1);
  std::printf("minus one: %s\n", refused.error().to_string().c_str());
}

int main(int count, char** words) {
  const std::string url = count > 1 ? words[1] : "tcp://127.0.0.1:9000";
  {
    market_client m{url};  // its own background thread
    tenon::result<quote> q = m.last("ACME").get();
    if (!q) return std::printf("%s\n", q.error().to_string().c_str()), 1;
    std::printf("last ACME %.2f\n", q->price);
    std::printf("unknown: %s\n", m.last("NOPE").get().error().to_string().c_str());
  }

  asio::io_context io;  // or on yours
  market_client m{io, url};
  tenon::spawn(io, trade(m), [&](std::exception_ptr) {
    m.average({"ACME", "INIT"}).then([&](tenon::result<double> average) {
      std::printf("average %.3f\n", average.value_or(-1));
      io.stop();
    });
  });
  io.run();
}
// prints:
// last ACME 42.50
// unknown: NOT_FOUND: no such symbol: NOPE
// three ACME for 127.50
// minus one: INVALID_ARGUMENT: shares must be positive
// average 24.875
