// What connections cost over real sockets, whatever their peers do. Compiled without sanitizers only: they keep memory of their own.
#include <tenon/server/server.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <proofs/heap.hpp>
#include <proofs/sockets.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/reflect/service.hpp>

using namespace std::chrono_literals;
using proofs::heap;
using proofs::plain_socket;
using simulated::frame;

namespace {

struct desk {
  std::string echo(std::string text) { return text; }
  std::string large(std::size_t bytes) { return std::string(bytes, 'x'); }
  TENON_SERVICE(desk, echo, large)
};

std::string echo_of(std::string_view text) {
  return frame{.codec = simulated::json, .sequence = 1, .service = "desk", .method = "echo", .payload = "\"" + std::string{text} + "\""}.bytes();
}
constexpr std::size_t idle_connections = 10'000;

/// In a process of its own, which has descriptors of its own: each connection calls once, hears the answer, and stays. Returns how many do.
std::size_t connect_and_stay(std::uint16_t port, std::vector<plain_socket>& held) {
  const std::string greeting = frame{.bits = simulated::heartbeat, .metadata = {{"tenon-peer", "client"}}}.bytes();
  const std::string greeted = frame{.bits = simulated::heartbeat | simulated::response, .metadata = {{"tenon-peer", "server"}}}.bytes();
  const std::string asked = echo_of("hello");
  const std::string answered = frame{.bits = simulated::response, .codec = simulated::json, .sequence = 1, .payload = "\"hello\""}.bytes();
  for (std::size_t i = 0; i < idle_connections; ++i) {
    plain_socket made{port};
    if (!made.is_open() || made.say(greeting + asked) != greeting.size() + asked.size()) break;
    if (made.hear(greeted.size() + answered.size()) != greeted + answered) break;
    held.push_back(std::move(made));
  }
  return held.size();
}

}  // namespace

// What the first call takes is not the connections'.
namespace {
void warm_up(std::uint16_t port) {
  plain_socket first{port};
  CHECK(first.say(echo_of("warm")) != 0);
  (void)first.hear(10);
}
}  // namespace

TEST_CASE("10 000 idle connections on one loop take at most 4 KiB each") {
  if (!proofs::may_open(idle_connections + 100)) {
    MESSAGE("skipped: the system does not allow so many descriptors");
    return;
  }
  int tell_port[2];
  int tell_ready[2];
  REQUIRE(::pipe(tell_port) == 0);
  REQUIRE(::pipe(tell_ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(tell_port[1]);
    std::uint16_t port = 0;
    if (::read(tell_port[0], &port, sizeof(port)) != sizeof(port)) ::_exit(1);
    std::vector<plain_socket> held;
    const std::size_t count = connect_and_stay(port, held);
    if (::write(tell_ready[1], &count, sizeof(count)) != sizeof(count)) ::_exit(1);
    // Until the other process lets go of its end.
    (void)!::read(tell_port[0], &port, sizeof(port));
    ::_exit(0);
  }
  ::close(tell_port[0]);
  {
    tenon::server<> server{tenon::server_options{.loops = 1}};
    server.serve(desk{});
    const auto at = server.listen("tcp://127.0.0.1:0");
    server.start();
    warm_up(at.port());
    const std::size_t before = heap();
    const std::uint16_t port = at.port();
    REQUIRE(::write(tell_port[1], &port, sizeof(port)) == sizeof(port));
    std::size_t count = 0;
    REQUIRE(::read(tell_ready[0], &count, sizeof(count)) == sizeof(count));
    const std::size_t each = (heap() - before) / (std::max)(count, std::size_t{1});
    std::printf("%zu idle connections on one loop: %zu bytes of user memory each\n", count, each);
    CHECK(count == idle_connections);
    CHECK(each <= 4 * 1024);
    ::close(tell_port[1]);
    ::close(tell_ready[0]);
    ::close(tell_ready[1]);
    server.stop();
  }
  int how = 0;
  CHECK(::waitpid(child, &how, 0) == child);
  CHECK(how == 0);
}

TEST_CASE("a connection that was busy gives its memory back once it is idle") {
  constexpr std::size_t connections = 200;
  tenon::server<> server{tenon::server_options{.loops = 1, .keepalive = {.interval = 500ms}}};
  server.serve(desk{});
  const auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  warm_up(at.port());
  std::string asked;
  std::string answered;
  const std::string text(500, 'x');
  for (int i = 0; i < 200; ++i) {
    asked += echo_of(text);
    answered += frame{.bits = simulated::response, .codec = simulated::json, .sequence = 1, .payload = "\"" + text + "\""}.bytes();
  }
  std::vector<plain_socket> held;
  held.reserve(connections);
  const std::size_t before = heap();
  std::size_t busy = 0;
  for (std::size_t i = 0; i < connections; ++i) {
    held.emplace_back(at.port());
    for (int batch = 0; batch < 4; ++batch) {
      REQUIRE(held.back().say(asked) == asked.size());
      REQUIRE(held.back().hear(answered.size()) == answered);
    }
    busy = (std::max)(busy, proofs::heap_above(before) / (i + 1));
  }
  std::size_t each = proofs::heap_above(before) / connections;
  for (int waited = 0; each > 4 * 1024 && waited < 100; ++waited) {
    std::this_thread::sleep_for(50ms);
    each = proofs::heap_above(before) / connections;
  }
  std::printf("a connection that was busy: %zu bytes of user memory while it was, %zu when it is idle\n", busy, each);
  CHECK(busy > 16 * 1024);
  CHECK(each <= 4 * 1024);
  // It is still served.
  CHECK(held.back().say(asked) == asked.size());
  CHECK(held.back().hear(answered.size()) == answered);
}

TEST_CASE("a connection that sends one byte and stalls is closed") {
  tenon::server<> server{tenon::server_options{.message_timeout = 200ms}};
  server.serve(desk{});
  const auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  plain_socket rpcx{at.port()};
  plain_socket web{at.port()};
  CHECK(rpcx.say("\x08") == 1);
  CHECK(web.say("P") == 1);
  CHECK(rpcx.is_closed_within(10'000));
  CHECK(web.is_closed_within(10'000));
}

TEST_CASE("a peer that never reads takes no more than the high-water mark") {
  constexpr std::size_t mark = 1024 * 1024;
  constexpr std::size_t answer = 50'000;
  tenon::server<> server{tenon::server_options{.max_write_buffer_bytes = mark}};
  server.serve(desk{});
  const auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  std::string asked;
  for (std::uint64_t i = 0; i < 100; ++i) asked += frame{.codec = simulated::json, .sequence = i, .service = "desk", .method = "large", .payload = std::to_string(answer)}.bytes();
  plain_socket deaf{at.port()};
  deaf.never_wait();
  const std::size_t before = heap();
  std::size_t most = 0;
  std::size_t said = 0;
  // Until the server has not taken anything for a while: its buffers, and the system's, are full.
  for (int in_vain = 0; in_vain < 100;) {
    const std::size_t step = deaf.say(asked);
    said += step;
    in_vain = step == 0 ? in_vain + 1 : 0;
    if (step == 0) std::this_thread::sleep_for(2ms);
    most = (std::max)(most, proofs::heap_above(before));
  }
  const std::size_t asked_for = said / (asked.size() / 100) * answer;
  std::printf("a peer that never reads, after asking for %zu MiB: %zu KiB, at a high-water mark of %zu KiB\n", asked_for / 1024 / 1024, most / 1024, mark / 1024);
  CHECK(asked_for > 4 * mark);
  // Below the mark stand the answers; beside it there is what is read, a piece at a time, the one answer at hand, and its handler's own string.
  CHECK(most <= mark + 4 * 64 * 1024);
}

TEST_CASE("garbage from many connections disturbs nobody's calls") {
  tenon::server<> server{tenon::server_options{.message_timeout = 1s}};
  server.serve(desk{});
  const auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  std::atomic<bool> going{true};
  std::atomic<std::uint64_t> thrown{0};
  std::thread vandal{[&] {
    std::mt19937_64 random{7};
    std::string garbage(20'000, '\0');
    while (going) {
      for (char& each : garbage) each = static_cast<char>(random());
      // Some of it starts like something.
      if (random() % 3 == 0) garbage[0] = '\x08';
      if (random() % 3 == 0) garbage.replace(0, 12, "POST / HTTP/");
      plain_socket made{at.port()};
      thrown += made.say(garbage);
    }
  }};
  tenon::client<desk> good{at.url()};
  int answered = 0;
  for (int i = 0; i < 2'000; ++i) answered += good.with({.timeout = 20s}).echo(std::to_string(i)).get().value_or("") == std::to_string(i) ? 1 : 0;
  going = false;
  vandal.join();
  CHECK(answered == 2'000);
  CHECK(thrown > 100'000);
}
