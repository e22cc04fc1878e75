#include <tenon/core/spawn.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <asio/bind_executor.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <tenon/core/await_asio.hpp>
#include <tenon/core/result.hpp>

namespace {

using tenon::task;
using tenon::use_task;

struct alive {
  explicit alive(int& on) : count{on} { ++count; }
  alive(const alive&) = delete;
  alive& operator=(const alive&) = delete;
  ~alive() { --count; }
  int& count;
};

struct no_default {
  explicit no_default(int v) : value{v} {}
  int value;
};

task<void> turn(asio::io_context& io) {
  co_await asio::async_initiate<const tenon::use_task_t&, void()>([&io](auto handler) { asio::post(io, std::move(handler)); }, use_task);
}
task<int> soon(asio::io_context& io, int value) {
  co_await turn(io);
  co_return value;
}
task<int> ready(int value) { co_return value; }
task<int> failing(asio::io_context& io, bool later) {
  if (later) co_await turn(io);
  throw std::runtime_error{"task"};
}
task<void> endless(asio::io_context& io, int& count) {
  const alive here{count};
  asio::steady_timer timer{io, (std::chrono::steady_clock::time_point::max)()};
  (void)co_await timer.async_wait(use_task);
}

}  // namespace

TEST_CASE("a spawned task runs to its end, whether it is done already or not") {
  asio::io_context io;
  int sum = 0;
  const auto adds = [&sum](const std::exception_ptr& failure, int value) {
    CHECK_FALSE(failure);
    sum += value;
  };
  tenon::spawn(io, ready(1), adds);
  tenon::spawn(io, soon(io, 10), adds);
  tenon::spawn(io, turn(io), [&sum](const std::exception_ptr&) { sum += 100; });
  tenon::spawn(io, turn(io));
  tenon::spawn(io, soon(io, 0), asio::detached);
  CHECK(sum == 0);
  io.run();
  CHECK(sum == 111);
}

TEST_CASE("use_future takes the value or the exception of a spawned task") {
  asio::io_context io;
  std::future<int> value = tenon::spawn(io, soon(io, 4), asio::use_future);
  std::future<int> now = tenon::spawn(io, failing(io, false), asio::use_future);
  std::future<int> later = tenon::spawn(io, failing(io, true), asio::use_future);
  std::future<void> nothing = tenon::spawn(io, turn(io), asio::use_future);
  io.run();
  CHECK(value.get() == 4);
  CHECK_THROWS_AS(now.get(), std::runtime_error);
  CHECK_THROWS_AS(later.get(), std::runtime_error);
  nothing.get();
}

TEST_CASE("an exception that nobody waits for leaves io.run()") {
  asio::io_context io;
  tenon::spawn(io, failing(io, true));
  tenon::spawn(io, failing(io, false));
  CHECK_THROWS_AS(io.run(), std::runtime_error);
  CHECK_THROWS_AS(io.run(), std::runtime_error);
  CHECK_NOTHROW(io.run());
}

TEST_CASE("values without a default constructor pass, and an exception stands beside a status where there is room for one") {
  asio::io_context io;
  const auto plain = []() -> task<no_default> { co_return no_default{3}; };
  tenon::spawn(io, plain());
  const auto guarded = [](bool fails) -> task<tenon::result<no_default>> {
    if (fails) throw std::runtime_error{"task"};
    co_return no_default{4};
  };
  int value = 0;
  bool failed = false;
  tenon::spawn(io, guarded(false), [&](const std::exception_ptr&, const tenon::result<no_default>& got) { value = got->value; });
  tenon::spawn(io, guarded(true), [&](const std::exception_ptr& failure, const tenon::result<no_default>& got) { failed = failure && !got.has_value(); });
  io.run();
  CHECK(value == 4);
  CHECK(failed);
}

TEST_CASE("an asio::awaitable waits for a spawned task") {
  asio::io_context io;
  int value = 0;
  const auto caller = [&]() -> asio::awaitable<void> { value = co_await tenon::spawn(io, soon(io, 6), asio::use_awaitable); };
  asio::co_spawn(io, caller(), asio::detached);
  io.run();
  CHECK(value == 6);
}

TEST_CASE("the completion runs where its handler lives, and that place is kept running meanwhile") {
  asio::io_context there;
  asio::io_context here;
  auto work = asio::make_work_guard(there);
  std::thread other{[&] { there.run(); }};
  std::thread::id handled{};
  std::thread::id resumed{};
  // Tasks that have not begun to wait: one that waits must be made in the thread of the io_context it waits on.
  tenon::spawn(there, ready(1), asio::bind_executor(here.get_executor(), [&](const std::exception_ptr&, int) { handled = std::this_thread::get_id(); }));
  const auto caller = [&]() -> asio::awaitable<void> {
    CHECK(co_await tenon::spawn(there, ready(2), asio::use_awaitable) == 2);
    resumed = std::this_thread::get_id();
  };
  asio::co_spawn(here, caller(), asio::detached);
  here.run();
  work.reset();
  other.join();
  CHECK(handled == std::this_thread::get_id());
  CHECK(resumed == std::this_thread::get_id());
}

TEST_CASE("tasks that have not ended are destroyed with their io_context") {
  int count = 0;
  bool told = false;
  {
    asio::io_context io;
    tenon::spawn(io, endless(io, count), [&](const std::exception_ptr&) { told = true; });
    tenon::spawn(io, endless(io, count));
    io.poll();
    tenon::spawn(io, endless(io, count));  // never started
    tenon::spawn(io, ready(1), asio::detached);
    CHECK(count == 3);
  }
  CHECK(count == 0);
  CHECK_FALSE(told);
}
