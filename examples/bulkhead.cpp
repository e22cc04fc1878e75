#include <chrono>
#include <cstdio>

#include <tenon.hpp>

#include <asio/steady_timer.hpp>

struct market {
  tenon::task<double> last(tenon::context& call) {
    asio::steady_timer timer{*call.io(), std::chrono::milliseconds{10}};
    (void)co_await timer.async_wait(tenon::use_task);
    co_return 42.5;
  }
  TENON_SERVICE(market, last)
};

template <class Client>
void three_at_once(asio::io_context& io, Client& m) {
  int left = 3;
  for (const char* which : {"first", "second", "third"}) {
    m.last().then([&left, which](const tenon::result<double>& got) {
      std::printf("%s: %s\n", which, got ? "42.5" : got.error().to_string().c_str());
      --left;
    });
  }
  while (left > 0) io.run_one();
}

// So many calls at once, and no more: one slow service cannot take everything its callers have. Innermost in a client, where it counts what is really under way;
// on a server it bounds the handlers: server.serve<tenon::bulkhead<100>>(market{}).
int main() {
  asio::io_context io;
  tenon::server server{io};
  server.serve(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  tenon::client<market, tenon::bulkhead<2>> strict{io, at.url()};
  three_at_once(io, strict);
  constexpr tenon::bulkhead_options with_a_line{.max_in_flight = 2, .max_queue = 10};  // the third waits until there is a place, or its time is up
  tenon::client<market, tenon::bulkhead<with_a_line>> patient{io, at.url()};
  three_at_once(io, patient);
}
// prints:
// third: RESOURCE_EXHAUSTED: market.last: refused before the call was sent (bulkhead)
// first: 42.5
// second: 42.5
// first: 42.5
// second: 42.5
// third: 42.5
