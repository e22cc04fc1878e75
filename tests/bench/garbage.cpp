// What 200 MB of garbage from 1000 connections do to the latency of a client that behaves: its p99 beside them, as a multiple of its p99 alone. Both are measured in turns in one
// run, so that other work on the machine disturbs both; the result is the median of the rounds' ratios. Server, vandal and client are processes of their own: server and client,
// who take turns, on one core, and the vandal, who stands for other machines, on another.
// g++ -std=c++20 -O2 -DNDEBUG -DMSGPACK_NO_BOOST -I include -I tests tests/bench/garbage.cpp -o garbage -pthread && chrt -f 10 ./garbage

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <proofs/sockets.hpp>
#include <tenon.hpp>

#include "load/latencies.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t connections = 1000;
constexpr std::size_t garbage_bytes = 200'000'000;
constexpr int rounds = 5;
constexpr auto quiet = 2s;   // what is measured alone, in each round
constexpr auto between = 2s;  // for what the garbage has left behind to be read past

struct desk {
  std::string echo(std::string text) { return text; }
  TENON_SERVICE(desk, echo)
};

void stay_on(std::size_t core) {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  CPU_SET(core, &mine);
  ::sched_setaffinity(0, sizeof(mine), &mine);
}

/// What the vandal is told, and tells.
struct orders {
  std::atomic<int> round{0};  // that it is to begin
  std::atomic<int> done{0};   // the last that has ended
  std::atomic<std::size_t> made{0};
};

// All the garbage of one round, through so many connections that say nothing sensible until they are closed and made anew. All go with the round.
void vandalise(std::uint16_t port, std::mt19937_64& random, orders& told) {
  std::string garbage(20'000, '\0');
  for (char& each : garbage) each = static_cast<char>(random());
  std::vector<proofs::plain_socket> all;
  std::size_t sent = 0;
  while (sent < garbage_bytes) {
    if (all.size() < connections) {
      all.emplace_back(port);
      all.back().never_wait();
      ++told.made;
    }
    proofs::plain_socket& one = all[random() % all.size()];
    // Every third begins like one of ours.
    garbage[0] = random() % 3 == 0 ? '\x08' : static_cast<char>(random());
    const std::size_t step = one.say(garbage);
    sent += step;
    if (step == 0 || one.is_closed_within(0)) {
      std::swap(one, all.back());
      all.pop_back();
    }
  }
}

[[noreturn]] void vandalise_when_told(std::uint16_t port, std::size_t core, orders& told) {
  stay_on(core);
  std::mt19937_64 random{1};
  for (int round = 1; round <= rounds; ++round) {
    while (told.round < round) std::this_thread::sleep_for(1ms);
    vandalise(port, random, told);
    told.done = round;
  }
  ::_exit(0);
}

struct measured {
  double p50 = 0;
  double p99 = 0;
  std::size_t calls = 0;
};

// Calls one after the other, until `enough` says so.
template <class Enough>
measured measure(tenon::client<desk>& client, Enough enough) {
  latencies times;
  std::size_t calls = 0;
  for (; !enough(); ++calls) {
    const auto before = std::chrono::steady_clock::now();
    const auto got = client.echo("sixty-four bytes of text, about what a small call has in it....").get();
    times.add(std::chrono::nanoseconds{std::chrono::steady_clock::now() - before}.count());
    if (!got) std::printf("a call failed: %s\n", got.error().to_string().c_str()), std::exit(1);
  }
  return {times.microseconds_at(0.50), times.microseconds_at(0.99), calls};
}

double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

}  // namespace

int main() {
  if (!proofs::may_open(2 * connections)) return std::puts("skipped: the system does not allow so many descriptors"), 0;
  void* const shared = ::mmap(nullptr, sizeof(orders), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int tell_port[2];
  if (shared == MAP_FAILED || ::pipe(tell_port) != 0) return 1;
  orders& told = *new (shared) orders;
  const std::size_t last_core = std::thread::hardware_concurrency() - 1;
  stay_on(0);
  const pid_t serving = ::fork();
  if (serving == 0) {
    tenon::server server;
    server.serve(desk{});
    const auto at = server.listen("tcp://127.0.0.1:0");
    const std::uint16_t port = at.port();
    if (::write(tell_port[1], &port, sizeof(port)) != sizeof(port)) ::_exit(1);
    server.run();
    ::_exit(0);
  }
  std::uint16_t port = 0;
  if (::read(tell_port[0], &port, sizeof(port)) != sizeof(port)) return 1;
  const pid_t vandal = ::fork();
  if (vandal == 0) vandalise_when_told(port, last_core, told);

  tenon::client<desk> client{"tcp://127.0.0.1:" + std::to_string(port)};
  const auto for_a_time = [](auto time) { return [until = std::chrono::steady_clock::now() + time] { return std::chrono::steady_clock::now() >= until; }; };
  measure(client, for_a_time(between));
  std::vector<double> ratios;
  std::vector<double> quiet_p99;
  std::vector<double> loud_p99;
  for (int round = 1; round <= rounds; ++round) {
    const measured alone = measure(client, for_a_time(quiet));
    told.round = round;
    const measured beside = measure(client, [&] { return told.done >= round; });
    measure(client, for_a_time(between));
    std::printf("alone: %6zu calls, p50 %4.0f us, p99 %5.0f us; beside the garbage: %6zu calls, p50 %4.0f us, p99 %5.0f us: %.1f times\n", alone.calls, alone.p50, alone.p99, beside.calls, beside.p50,
                beside.p99, beside.p99 / alone.p99);
    ratios.push_back(beside.p99 / alone.p99);
    quiet_p99.push_back(alone.p99);
    loud_p99.push_back(beside.p99);
  }
  // What the server did for all of it: the time of its one thread.
  rusage spent{};
  ::kill(serving, SIGKILL);
  ::wait4(serving, nullptr, 0, &spent);
  ::waitpid(vandal, nullptr, 0);
  std::printf("%zu MB of garbage in each of %d rounds, by %zu connections, at most %zu at once: medians of p99 %.0f us and %.0f us, of their ratio %.1f; the server took %.1f s\n", garbage_bytes / 1'000'000,
              rounds, told.made.load(), connections, median(quiet_p99), median(loud_p99), median(ratios),
              static_cast<double>(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) + static_cast<double>(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6);
  return 0;
}
