#include <cstdio>
#include <string>

#include <tenon.hpp>

struct market {
  tenon::result<double> last(std::string symbol) {
    if (symbol != "ACME") return tenon::status{tenon::code::not_found, symbol};
    return 42.5;
  }
  TENON_SERVICE(market, last)
};

// Counts calls by method and code, and how long they took. First in the list it counts calls, after retry attempts; on a server what was served.
int main() {
  tenon::metrics_registry numbers;                                  // of a program, a client, or whatever belongs together
  tenon::server server;
  server.serve<tenon::metrics<>>(market{});
  server.configure<market>(tenon::metrics_options{.into = &numbers});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  {
    tenon::client<market, tenon::metrics<>> m{at.url()};
    m.configure(tenon::metrics_options{.into = &numbers});
    for (int i = 0; i < 98; ++i) (void)m.last("ACME").get();
    for (int i = 0; i < 2; ++i) (void)m.last("INIT").get();
  }
  server.stop();
  for (const tenon::method_metrics& each : numbers.methods()) {
    std::printf("%s.%s, %s: %d started, %d ok, %d not found, p99 below %s\n", each.service.c_str(), each.method.c_str(), each.what == tenon::metrics_of::served ? "served" : "called",
                static_cast<int>(each.started), static_cast<int>(each.ended[0]), static_cast<int>(each.ended[static_cast<std::size_t>(tenon::code::not_found)]),
                each.times.at(tenon::percent(99)) < std::chrono::seconds{1} ? "a second" : "who knows what");
  }
}
// prints:
// market.last, called: 100 started, 98 ok, 2 not found, p99 below a second
// market.last, served: 100 started, 98 ok, 2 not found, p99 below a second
