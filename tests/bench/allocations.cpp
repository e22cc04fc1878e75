// Allocations per call in steady state, of the server and of the client apart, for each kind of handler and each way of calling, over loopback TCP.
// With `turns` as last argument both run on one thread, turn by turn, and every figure repeats to the digit. That form is for counting instructions:
// valgrind --tool=callgrind --toggle-collect='server_turn*' allocations plain then 1 64 64 20000 turns (or 'client_turn*').

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tenon.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>

#include "echo.hpp"

namespace {

std::atomic<std::size_t> server_allocations{0};
std::atomic<std::size_t> client_allocations{0};
thread_local std::atomic<std::size_t>* counted = &client_allocations;

void count_one() { counted->fetch_add(1, std::memory_order_relaxed); }

}  // namespace

// All of a program's memory comes this way: operator new, tenon's buffers (realloc) and asio's handlers (aligned_alloc) alike.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t size) { return count_one(), __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return count_one(), __libc_calloc(count, size); }
void* realloc(void* block, std::size_t size) { return count_one(), __libc_realloc(block, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return count_one(), __libc_memalign(alignment, size); }
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  *block = aligned_alloc(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}
}

namespace {

using echo_client = tenon::client<echo_service>;

struct load {
  asio::io_context io{1};
  std::string payload;
  std::size_t answers = 0;
  std::size_t failures = 0;
  std::size_t enough = 0;  ///< stops the io_context at so many answers
  bool ending = false;

  // Counts an answer. False when its caller shall make no more calls.
  bool count(const tenon::result<std::string>& answer) {
    if (!answer || answer->size() != payload.size()) ++failures;
    if (++answers == enough || failures != 0) io.stop();
    return !ending && failures == 0;
  }
};

void call_then(load& all, echo_client& client) {
  client.echo(all.payload).then([&all, &client](const tenon::result<std::string>& answer) {
    if (all.count(answer)) call_then(all, client);
  });
}

tenon::task<void> call_in_task(load& all, echo_client& client) {
  while (true) {
    const tenon::result<std::string> answer = co_await client.echo(all.payload);
    if (!all.count(answer)) co_return;
  }
}

asio::awaitable<void> call_in_awaitable(load& all, echo_client& client) {
  while (true) {
    const tenon::result<std::string> answer = co_await client.echo(all.payload);
    if (!all.count(answer)) co_return;
  }
}

[[gnu::noinline]] void server_turn(asio::io_context& io) {
  counted = &server_allocations;
  io.poll();
  counted = &client_allocations;
}
[[gnu::noinline]] void client_turn(asio::io_context& io) { io.poll(); }

struct workload {
  std::size_t connections = 1;
  std::size_t in_flight = 64;
  std::size_t bytes = 64;
  std::size_t calls = 20'000;
};

// Prints one line. Returns whether every call was answered as it should be.
bool measure(std::string_view kind, std::string_view way, const workload& chosen, bool in_turns) {
  asio::io_context server_io{1};
  tenon::server server{server_io};
  if (kind == "plain") server.serve<echo_service>(plain_echo{});
  else if (kind == "task") server.serve<echo_service>(task_echo{});
  else server.serve<echo_service>(awaitable_echo{});
  const auto address = server.listen("tcp://127.0.0.1:0");
  server.start();

  load all;
  all.payload.assign(chosen.bytes, 'x');
  std::vector<echo_client> clients;
  for (std::size_t i = 0; i < chosen.connections; ++i) clients.emplace_back(all.io, address.url());
  for (echo_client& client : clients) {
    for (std::size_t i = 0; i < chosen.in_flight; ++i) {
      if (way == "then") call_then(all, client);
      else if (way == "task") tenon::spawn(all.io, call_in_task(all, client));
      else asio::co_spawn(all.io, call_in_awaitable(all, client), asio::detached);
    }
  }
  std::thread server_thread;
  if (!in_turns) {
    server_thread = std::thread{[&server_io] {
      counted = &server_allocations;
      const auto work = asio::make_work_guard(server_io);
      server_io.run();
    }};
  }
  const auto run_until = [&](std::size_t enough) {
    all.enough = enough;
    all.io.restart();
    if (!in_turns) all.io.run();
    while (all.answers < enough && all.failures == 0) {
      server_turn(server_io);
      client_turn(all.io);
    }
  };
  // The first calls fill the buffers and the caches.
  run_until(chosen.calls / 4);
  const std::size_t answers = all.answers;
  const std::size_t on_server = server_allocations;
  const std::size_t on_client = client_allocations;
  run_until(answers + chosen.calls);
  const auto measured = static_cast<double>(all.answers - answers);
  std::printf("%-10s %-10s %4zu x %4zu x %4zu  server %6.3f  client %6.3f\n", std::string{kind}.c_str(), std::string{way}.c_str(), chosen.connections,
              chosen.in_flight, chosen.bytes, static_cast<double>(server_allocations - on_server) / measured,
              static_cast<double>(client_allocations - on_client) / measured);
  all.ending = true;
  run_until(all.answers + chosen.connections * chosen.in_flight);
  server_io.stop();
  if (server_thread.joinable()) server_thread.join();
  return all.failures == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [argv](int i) { return static_cast<std::size_t>(std::atoi(argv[i])); };
  if (argc == 7 || argc == 8) return measure(argv[1], argv[2], {number(3), number(4), number(5), number(6)}, argc == 8) ? 0 : 1;
  if (argc != 1) {
    std::fprintf(stderr, "usage: allocations [plain|task|awaitable then|task|awaitable CONNECTIONS IN_FLIGHT BYTES CALLS [turns]]\n");
    return 2;
  }
  std::printf("handler    caller     connections x in flight x bytes: allocations per call\n");
  bool sound = true;
  for (const char* kind : {"plain", "task", "awaitable"}) sound = measure(kind, "then", {}, false) && sound;
  for (const char* way : {"task", "awaitable"}) sound = measure("plain", way, {}, false) && sound;
  sound = measure("plain", "then", {.bytes = 8}, false) && sound;
  sound = measure("plain", "then", {64, 16, 581, 50'000}, false) && sound;
  return sound ? 0 : 1;
}
