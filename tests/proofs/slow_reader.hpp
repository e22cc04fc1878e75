// A server that could stream without end, to readers that do not: what both ends hold meanwhile, and how a handler finds out that its reader has gone. For any
// protocol that carries streams.
#pragma once

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include <proofs/heap.hpp>
#include <tenon/client/client.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace proofs {

struct spring {
  std::atomic<int>* running;

  struct standing {
    std::atomic<int>* running;
    explicit standing(std::atomic<int>* of) : running{of} { ++*running; }
    standing(const standing&) = delete;
    standing& operator=(const standing&) = delete;
    ~standing() { --*running; }
  };
  tenon::stream<std::string> pour(std::uint64_t items, std::uint32_t bytes) {
    const standing here{running};
    const std::string item(bytes, 'w');
    for (std::uint64_t i = 0; i < items; ++i) co_yield item;
  }
  TENON_SERVICE(spring, (pour, tenon::params("items", "bytes")))
};

constexpr std::uint32_t item_bytes = 50'000;
constexpr std::size_t most_held = 4 * 1024 * 1024;

/// In MB: enough to be many times what may be held, or what TENON_STREAM_MEGABYTES says.
inline std::uint64_t megabytes() {
  const char* wanted = std::getenv("TENON_STREAM_MEGABYTES");
  return wanted == nullptr ? 100 : std::strtoull(wanted, nullptr, 10);
}

/// Reads everything, and sleeps in between. Both ends are in this process: what is measured is what both hold.
template <class Server, class Client>
void read_and_sleep(const char* name, const std::string& scheme, const tenon::client_options& options) {
  std::atomic<int> running{0};
  Server server;
  server.serve(spring{&running});
  const auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  {
    Client client{scheme + "127.0.0.1:" + std::to_string(at.port()), options};
    const auto count_all = [&](std::uint64_t items, auto&& after_each) {
      auto drops = client.pour(items, item_bytes);
      std::uint64_t read = 0;
      while (const std::optional<std::string> each = drops.next().get()) {
        ++read;
        after_each(read);
      }
      CHECK(drops.status().ok());
      return read;
    };
    CHECK(count_all(3, [](std::uint64_t) {}) == 3);
    const std::size_t before = heap();
    std::size_t most = 0;
    const std::uint64_t items = megabytes() * 1'000'000 / item_bytes;
    const std::uint64_t read = count_all(items, [&](std::uint64_t number) {
      // At first for long enough that the server could have sent everything.
      if (number == 1) std::this_thread::sleep_for(std::chrono::milliseconds{300});
      else if (number % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      most = (std::max)(most, heap_above(before));
    });
    CHECK(read == items);
    std::printf("%s: a stream of %llu MB to a reader that sleeps: both ends held at most %zu KiB\n", name, static_cast<unsigned long long>(megabytes()), most / 1024);
    CHECK(most < most_held);
  }
  server.stop();
  CHECK(running == 0);
}

/// The reader is a process that dies in the middle of the stream, and says nothing of it.
template <class Server, class Client>
void vanish(const std::string& scheme, const tenon::client_options& options) {
  int tell_port[2];
  int tell_reading[2];
  REQUIRE(::pipe(tell_port) == 0);
  REQUIRE(::pipe(tell_reading) == 0);
  const pid_t reader = ::fork();
  REQUIRE(reader >= 0);
  if (reader == 0) {
    std::uint16_t port = 0;
    if (::read(tell_port[0], &port, sizeof(port)) != sizeof(port)) ::_exit(1);
    Client client{scheme + "127.0.0.1:" + std::to_string(port), options};
    auto drops = client.pour(1'000'000'000, item_bytes);
    for (int i = 0; i < 10; ++i) (void)drops.next().get();
    (void)!::write(tell_reading[1], "r", 1);
    ::pause();
    ::_exit(1);
  }
  std::atomic<int> running{0};
  Server server;
  server.serve(spring{&running});
  const auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  const std::uint16_t port = at.port();
  char reading = 0;
  REQUIRE(::write(tell_port[1], &port, sizeof(port)) == sizeof(port));
  REQUIRE(::read(tell_reading[0], &reading, 1) == 1);
  CHECK(running == 1);
  ::kill(reader, SIGKILL);
  CHECK(::waitpid(reader, nullptr, 0) == reader);
  for (int i = 0; i < 10'000 && running != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  CHECK(running == 0);
  for (const int each : {tell_port[0], tell_port[1], tell_reading[0], tell_reading[1]}) ::close(each);
}

}  // namespace proofs
