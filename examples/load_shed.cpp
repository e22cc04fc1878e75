#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <tenon.hpp>

using namespace tenon::literals;

struct market {
  double last(std::string) {
    std::this_thread::sleep_for(std::chrono::milliseconds{30});     // a handler that keeps the loop busy: those behind it wait
    return 42.5;
  }
  TENON_SERVICE(market, last)
};

// Refuses a call that has waited too long to be worth the work, before its arguments are read: a burst may wait, a line that stays may not.
int main() {
  asio::io_context io;
  tenon::server server{io};
  server.serve<tenon::load_shed<tenon::load_shed_options{.max_queue_delay = 50_ms}>>(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  tenon::client<market> m{io, at.url()};
  int left = 3;
  for (const char* which : {"first", "second", "third"}) {          // sent together, and served one after the other
    m.last("ACME").then([&, which](const tenon::result<double>& got) {
      std::printf("%s: %s\n", which, got ? "42.5" : got.error().to_string().c_str());
      if (!got) std::printf("come back in %d ms\n", got.error().outcome().pushback_ms);
      if (--left == 0) server.stop();
    });
  }
  while (left > 0) io.run_one();
}
// prints:
// first: 42.5
// second: 42.5
// third: UNAVAILABLE: market.last: refused before the handler ran (load_shed)
// come back in 100 ms
