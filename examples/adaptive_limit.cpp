#include <chrono>
#include <cstdio>

#include <tenon.hpp>

#include <asio/steady_timer.hpp>

struct market {
  tenon::task<tenon::result<double>> last(tenon::context& call, bool overloaded) {
    asio::steady_timer timer{*call.io(), std::chrono::milliseconds{10}};
    (void)co_await timer.async_wait(tenon::use_task);
    if (overloaded) co_return tenon::status{tenon::code::resource_exhausted, "too much"};
    co_return 42.5;
  }
  TENON_SERVICE(market, last)
};

// A bulkhead that finds its own limit: more while answers come as fast as ever, less when they take longer or tell of overload. What is refused costs nothing,
// and the rest is answered in time. Usually on a server: server.serve<tenon::adaptive_limit<>>(market{}); the README has what it is worth.
int main() {
  asio::io_context io;
  tenon::server server{io};
  server.serve(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  // The simplest algorithm, a step for each answer: one more while it goes well, half after a drop. The default, gradient2, looks at the times, once a second.
  constexpr tenon::adaptive_limit_options quick{.algorithm = tenon::adaptive_algorithm::aimd, .initial = 2, .min = 1, .window = {}, .min_samples = 1, .backoff = tenon::percent(50)};
  tenon::client<market, tenon::adaptive_limit<quick>> m{io, at.url()};
  for (const bool overloaded : {false, false, false, true, false}) {
    int left = 10;
    int refused = 0;
    for (int i = 0; i < 10; ++i) {
      m.last(overloaded).then([&](const tenon::result<double>& got) {
        if (!got && got.error().has(tenon::outcome::local)) ++refused;
        --left;
      });
    }
    while (left > 0) io.run_one();
    std::printf("%s: %d of 10 calls are sent\n", overloaded ? "overloaded" : "well", 10 - refused);
  }
}
// prints:
// well: 2 of 10 calls are sent
// well: 4 of 10 calls are sent
// well: 7 of 10 calls are sent
// overloaded: 10 of 10 calls are sent
// well: 1 of 10 calls are sent
