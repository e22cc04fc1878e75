#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>

#include <tenon.hpp>

using namespace tenon::literals;

std::atomic<bool> stopped{false};

struct alarm_clock : tenon::cancellation::listener {                // wakes the handler when nobody waits for it any more
  asio::steady_timer& timer;
  explicit alarm_clock(asio::steady_timer& wakes) : timer{wakes} {}
  void cancelled() override { timer.cancel(); }
};

struct market {
  tenon::task<double> last(tenon::context& call, std::string) {
    // One call in a hundred meets a bad moment. Here it is each first attempt, so that there is something to see.
    if (call.request_metadata().get("grpc-previous-rpc-attempts")) co_return 42.5;
    asio::steady_timer bad_moment{*call.io(), std::chrono::seconds{10}};
    alarm_clock wake{bad_moment};
    call.cancel.listen(wake);
    const tenon::result<void> slept = co_await bad_moment.async_wait(tenon::use_task);
    stopped = !slept;
    stopped.notify_one();
    co_return 0;
  }
  TENON_SERVICE(market, (last, tenon::idempotent))                  // what is not idempotent is never sent twice
};

int main() {
  tenon::server server;
  server.serve(market{});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  tenon::client<market, tenon::timeout<5_s>, tenon::hedge<20_ms>> m{at.url()};  // hedge<> measures the delay: what 95 % of the calls take
  const auto began = std::chrono::steady_clock::now();
  const auto price = m.last("ACME").get();
  const bool quick = std::chrono::steady_clock::now() - began < std::chrono::seconds{4};
  std::printf("%s, %s\n", price ? std::to_string(*price).substr(0, 4).c_str() : price.error().to_string().c_str(), quick ? "without the bad moment" : "after ten seconds");
  stopped.wait(false);
  std::printf("and the first attempt's handler was told to stop\n");
}
// prints:
// 42.5, without the bad moment
// and the first attempt's handler was told to stop
