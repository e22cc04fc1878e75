// What 200 MB of garbage from 1000 connections do to the latency of a client that behaves: its p99 beside them, as a multiple of its p99 alone. Server, vandal and
// client are processes of their own; the vandal stands for other machines, and takes only the time that the two leave. Read the ratio, and only on a machine with
// nothing else to do.
// g++ -std=c++20 -O2 -DNDEBUG -DMSGPACK_NO_BOOST -I include -I tests tests/bench/garbage.cpp -o garbage -pthread && ./garbage

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include <proofs/sockets.hpp>
#include <tenon.hpp>

#include "load/latencies.hpp"

namespace {

constexpr std::size_t connections = 1000;
constexpr std::size_t garbage_bytes = 200'000'000;

struct desk {
  std::string echo(std::string text) { return text; }
  TENON_SERVICE(desk, echo)
};

// Keeps so many connections, each of which says nothing sensible until it is closed and made anew.
[[noreturn]] void vandalise(std::uint16_t port) {
  std::mt19937_64 random{1};
  std::string garbage(20'000, '\0');
  for (char& each : garbage) each = static_cast<char>(random());
  std::vector<proofs::plain_socket> all;
  std::size_t sent = 0;
  std::size_t made = 0;
  while (sent < garbage_bytes) {
    if (all.size() < connections) {
      all.emplace_back(port);
      all.back().never_wait();
      ++made;
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
  std::printf("%zu MB of garbage by %zu connections, at most %zu at once\n", sent / 1'000'000, made, connections);
  std::fflush(stdout);
  ::_exit(0);
}

struct measured {
  double p50 = 0;
  double p99 = 0;
  std::size_t calls = 0;
};

// Calls one after the other, until `enough` says so.
template <class Enough>
measured measure(std::uint16_t port, Enough enough) {
  tenon::client<desk> client{"tcp://127.0.0.1:" + std::to_string(port)};
  latencies times;
  std::size_t failed = 0;
  std::size_t calls = 0;
  for (; !enough(); ++calls) {
    const auto before = std::chrono::steady_clock::now();
    const auto got = client.echo("sixty-four bytes of text, about what a small call has in it....").get();
    times.add(std::chrono::nanoseconds{std::chrono::steady_clock::now() - before}.count());
    if (!got) ++failed;
  }
  if (failed != 0) std::printf("%zu calls failed\n", failed);
  return {times.microseconds_at(0.50), times.microseconds_at(0.99), calls};
}

}  // namespace

int main() {
  if (!proofs::may_open(2 * connections)) return std::puts("skipped: the system does not allow so many descriptors"), 0;
  int tell_port[2];
  if (::pipe(tell_port) != 0) return 1;
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
  const pid_t vandal_to_be = ::fork();
  if (vandal_to_be == 0) {
    // Until it is told to begin.
    sigset_t begin{};
    sigemptyset(&begin);
    sigaddset(&begin, SIGUSR1);
    sigprocmask(SIG_BLOCK, &begin, nullptr);
    int which = 0;
    sigwait(&begin, &which);
    (void)!::nice(10);
    vandalise(port);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  const measured alone = measure(port, [&] { return std::chrono::steady_clock::now() >= until; });
  ::kill(vandal_to_be, SIGUSR1);
  bool ended = false;
  const measured beside = measure(port, [&] { return ended = ended || ::waitpid(vandal_to_be, nullptr, WNOHANG) != 0; });
  // What the server did for all of it: the time of its one thread.
  rusage spent{};
  ::kill(serving, SIGKILL);
  ::wait4(serving, nullptr, 0, &spent);
  std::printf("alone: %zu calls, p50 %.0f us, p99 %.0f us; beside the garbage: %zu calls, p50 %.0f us, p99 %.0f us: %.1f times; the server took %.1f s\n", alone.calls, alone.p50, alone.p99, beside.calls,
              beside.p50, beside.p99, beside.p99 / alone.p99, static_cast<double>(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) + static_cast<double>(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6);
  return 0;
}
