// What six policies cost around a remote call: a client with them against one without, calls per second over loopback TCP, 1 x 64 x 64 bytes, slice by slice in turns.
// g++ -std=c++20 -O3 -DNDEBUG -DMSGPACK_NO_BOOST -I include tests/bench/policies_remote.cpp -o policies_remote -pthread && ./policies_remote [SLICES]
// With `none` or `six` and a number of calls, server and client run on one thread, turn by turn, and every figure repeats to the digit:
// valgrind --tool=callgrind --toggle-collect='*client_turn*' policies_remote six 20000

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <tenon.hpp>

#include <asio/executor_work_guard.hpp>

#include "echo.hpp"

namespace {

constexpr std::size_t in_flight = 64;
constexpr std::size_t bytes = 64;

using bare_client = tenon::client<echo_service>;
// Limits that are far away: what is measured is asking, not refusing.
constexpr tenon::limiter_options wide{.rate = {1'000'000'000, tenon::duration{1'000'000'000}}, .burst = 1'000'000'000};
using six_client = tenon::client<echo_service, tenon::timeout<>, tenon::limiter<wide>, tenon::retry<>, tenon::throttle<>, tenon::breaker<>, tenon::bulkhead<>>;

// A client and its 64 callers, each of which makes its next call when its answer has come; `wanted` answers at a time.
template <class Client>
struct load {
  asio::io_context io{1};
  Client client;
  std::string payload = std::string(bytes, 'x');
  std::size_t answers = 0;
  std::size_t wanted = 0;
  std::size_t under_way = 0;
  bool failed = false;

  explicit load(std::string_view url) : client{io, url} {}
  void call() {
    ++under_way;
    client.echo(payload).then([this](const tenon::result<std::string>& answer) {
      --under_way;
      if (!answer || answer->size() != bytes) fail(answer ? "an answer of another length" : answer.error().to_string());
      if (++answers + under_way < wanted && !failed) call();
      else if (under_way == 0) io.stop();
    });
  }
  void fail(const std::string& why) {
    if (!failed) std::fprintf(stderr, "policies_remote: %s\n", why.c_str());
    failed = true;
  }
  void begin(std::size_t calls, std::size_t at_a_time = in_flight) {
    answers = 0;
    wanted = calls;
    for (std::size_t i = 0; i < at_a_time; ++i) call();
    io.restart();
  }
  // One by one at first: to a throttle 64 calls without any answer are a sign that something is wrong.
  void warm_up() { begin(1'000, 1); }
};

std::size_t turns = 0;
[[gnu::noinline]] void server_turn(asio::io_context& io) { io.poll(); }
// Not the same function, or the compiler would make one of both.
[[gnu::noinline]] void client_turn(asio::io_context& io) {
  ++turns;
  io.poll();
}

template <class Client>
bool count(std::size_t calls) {
  asio::io_context server_io{1};
  tenon::server server{server_io};
  server.serve<echo_service>(plain_echo{});
  const auto address = server.listen("tcp://127.0.0.1:0");
  server.start();
  load<Client> all{address.url()};
  // Outside of what is counted: connecting, and the first memory.
  all.warm_up();
  while (all.under_way != 0 && !all.failed) {
    server_turn(server_io);
    all.io.poll();
  }
  all.begin(calls);
  while (all.under_way != 0 && !all.failed) {
    server_turn(server_io);
    client_turn(all.io);
  }
  std::printf("%zu answers in %zu turns\n", all.answers, turns);
  return !all.failed && all.answers == calls;
}

struct slice {
  double seconds = 0;
  double processor = 0;  // of the client's thread
};
double processor_time() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}
template <class Load>
slice run(Load& all) {
  const double used = processor_time();
  const auto began = std::chrono::steady_clock::now();
  all.begin(10'000);
  all.io.run();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), processor_time() - used};
}
double median(std::vector<double> of) {
  std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2), of.end());
  return of[of.size() / 2];
}

bool compare(std::size_t slices) {
  asio::io_context server_io{1};
  tenon::server server{server_io};
  server.serve<echo_service>(plain_echo{});
  const auto address = server.listen("tcp://127.0.0.1:0");
  server.start();
  std::thread server_thread{[&server_io] {
    const auto work = asio::make_work_guard(server_io);
    server_io.run();
  }};
  bool sound = true;
  {
    load<bare_client> bare{address.url()};
    load<six_client> six{address.url()};
    bare.warm_up();
    bare.io.run();
    six.warm_up();
    six.io.run();
    std::vector<double> rates;
    std::vector<double> ratios;
    std::vector<double> processor_ratios;
    for (std::size_t i = 0; i < slices; ++i) {
      // The order changes, so that neither has always come second.
      slice none;
      slice with;
      if (i % 2 == 0) none = run(bare);
      with = run(six);
      if (i % 2 != 0) none = run(bare);
      rates.push_back(10'000 / none.seconds);
      ratios.push_back(none.seconds / with.seconds);
      processor_ratios.push_back(none.processor / with.processor);
    }
    sound = !bare.failed && !six.failed;
    std::printf("%zu pairs of 10000 calls: %.0f calls per second without policies; with six %.3f of that, by the client's processor time %.3f (medians of the pairs)\n", slices, median(rates), median(ratios),
                median(processor_ratios));
  }
  server_io.stop();
  server_thread.join();
  return sound;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (argc == 3 && what == "none") return count<bare_client>(static_cast<std::size_t>(std::atoi(argv[2]))) ? 0 : 1;
  if (argc == 3 && what == "six") return count<six_client>(static_cast<std::size_t>(std::atoi(argv[2]))) ? 0 : 1;
  return compare(argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 400) ? 0 : 1;
}
