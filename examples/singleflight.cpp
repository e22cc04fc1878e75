#include <chrono>
#include <cstdio>
#include <string>

#include <tenon.hpp>

#include <asio/steady_timer.hpp>

struct market {
  int* asked;
  tenon::task<double> last(tenon::context& call, std::string) {
    ++*asked;
    asio::steady_timer timer{*call.io(), std::chrono::milliseconds{10}};
    (void)co_await timer.async_wait(tenon::use_task);
    co_return 42.5;
  }
  TENON_SERVICE(market, (last, tenon::cacheable))                   // says that whoever asks the same may get the same answer
};

// Of several calls that ask the same at the same time one goes out, and its answer is everybody's: no stampede when a cache entry runs out.
int main() {
  int asked = 0;
  asio::io_context io;
  tenon::server server{io};
  server.serve(market{&asked});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();

  tenon::client<market, tenon::singleflight<>> m{io, at.url()};
  const auto ask = [&](int times) {
    int left = times;
    double sum = 0;
    for (int i = 0; i < times; ++i) {
      m.last("ACME").then([&](const tenon::result<double>& got) {
        sum += got.value_or(0);
        --left;
      });
    }
    while (left > 0) io.run_one();
    std::printf("answers to %d: %.1f in all; the server has been asked %d times\n", times, sum, asked);
  };
  ask(10);
  ask(1);                                                           // comes after the answer, so it is asked anew: a cache is another policy
}
// prints:
// answers to 10: 425.0 in all; the server has been asked 1 times
// answers to 1: 42.5 in all; the server has been asked 2 times
