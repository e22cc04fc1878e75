// What the processes of this folder have in common: a service, and a board in shared memory on which its handlers write down what they did, so that it is known after their process has been killed.
#pragma once

#include <tenon/core/asio.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include <tenon/core/context.hpp>
#include <tenon/core/task.hpp>
#include <tenon/reflect/service.hpp>

namespace processes {

struct board {
  static constexpr std::size_t calls = 1 << 22;
  std::atomic<std::uint64_t> answered{0};  // calls of `look` and `put`
  std::atomic<std::int64_t> waiting{0};    // handlers of `wait` that have begun and not ended
  std::array<std::atomic<std::uint8_t>, calls> runs{};  // of each call, by its number
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint8_t>::is_always_lock_free);

struct ledger {
  board* records = nullptr;

  std::uint32_t look(std::uint32_t id);
  std::uint32_t put(std::uint32_t id);
  tenon::task<void> wait(tenon::context& call);  // until it is cancelled
  TENON_SERVICE(ledger, (look, tenon::idempotent), put, wait)
};

/// The board of this process: made by the first one, inherited by those it starts.
board& shared_board();

/// Another process of this program, in one of its roles. Its standard input is a pipe whose end asks it to stop.
class child {
 public:
  child(const char* role, int port);
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child();

  /// The port that a server says it listens on; 0 when it ended without saying so.
  int port() const { return port_; }
  /// SIGKILL. When this returns the process is gone, and its connections with it.
  void kill();
  /// Asks it to stop; returns its exit code, or what killed it, as a negative number.
  int stop();
  std::size_t open_files() const;

 private:
  int wait_for_end();
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  int port_ = 0;
};

/// The roles; each returns the program's exit code.
int serve(int port);
int call(int port);

using clock = std::chrono::steady_clock;

/// How often something is done 50 times: less where each process takes long to start.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int rounds = 15;
#else
constexpr int rounds = 50;
#endif

/// Times of the same thing, each in milliseconds.
class times {
 public:
  void add(clock::duration length) { all_.push_back(std::chrono::duration<double, std::milli>(length).count()); }
  double median() const;
  double longest() const;

 private:
  std::vector<double> all_;
};

}  // namespace processes
