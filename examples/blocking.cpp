#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <tenon.hpp>

using namespace tenon::literals;

struct workshop {
  std::atomic<int>* given_up;

  int crunch(tenon::context& call, int milliseconds) {              // plain code that takes its time: it may compute, sleep, wait for a disk
    for (int i = 0; i < milliseconds; ++i) {
      if (call.cancelled()) return ++*given_up;                     // the caller has gone, or its time is up
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return milliseconds;
  }
  std::string ping() { return "pong"; }
  TENON_SERVICE(workshop, (crunch, tenon::blocking), ping)          // crunch runs on a thread of the server's pool, ping on the loop
};

int main() {
  std::atomic<int> given_up{0};
  tenon::server server{tenon::server_options{.blocking_threads = 2, .max_blocking_queue = 10}};
  server.serve(workshop{&given_up});
  auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  tenon::client<workshop> m{at.url()};

  auto slow = m.crunch(50);
  std::printf("%s, while it crunches\n", m.ping().get().value().c_str());
  std::printf("crunched %d\n", slow.get().value());

  auto late = m.with({.timeout = 30_ms}).crunch(10'000).get();
  std::printf("%s\n", late.error().to_string().c_str());
  server.stop();                                                    // waits for handlers on the pool as for all others
  std::printf("given up: %d\n", given_up.load());
}

// prints:
// pong, while it crunches
// crunched 50
// DEADLINE_EXCEEDED: ...
// given up: 1
