#include <tenon/core/await_asio.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

// Older asio has it as an experiment, newer one only here.
#if __has_include(<asio/as_tuple.hpp>)
#include <asio/as_tuple.hpp>
#else
#include <asio/experimental/as_tuple.hpp>
namespace asio {
using experimental::as_tuple;
}
#endif
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <tenon/core/spawn.hpp>

namespace {

using tenon::task;
using tenon::use_task;

struct awkward {
  awkward(int v) : values{v} {}
  awkward(std::initializer_list<awkward> many) : values(many.size(), -1) {}
  std::vector<int> values;
};

// An operation of any signature that ends with the given values: inside its start, or later.
template <class Signature, class... Values>
auto operation(asio::io_context* later, Values... values) {
  return asio::async_initiate<const tenon::use_task_t&, Signature>(
      [later](auto handler, auto... given) {
        if (later == nullptr) return std::move(handler)(std::move(given)...);
        asio::post(*later, [handler = std::move(handler), given...]() mutable { std::move(handler)(std::move(given)...); });
      },
      use_task, std::move(values)...);
}

// Runs a task that may wait for `io`, and gives its value.
template <class T>
T run(asio::io_context& io, task<T> what) {
  what.promise().set_home(io);
  io.restart();
  io.run();
  REQUIRE(what.done());
  return what.take();
}

asio::awaitable<int> answer(int value) { co_return value; }
asio::awaitable<void> thrower() {
  throw std::runtime_error{"awaitable"};
  co_return;
}
asio::awaitable<int> waiting(int& cancelled) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  timer.expires_at((std::chrono::steady_clock::time_point::max)());
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  cancelled += error ? 1 : 0;
  co_return 1;
}

task<void> every_signature(asio::io_context* later) {
  const std::error_code fine;
  const std::error_code refused = std::make_error_code(std::errc::connection_refused);

  co_await operation<void()>(later);
  CHECK(co_await operation<void(int)>(later, 3) == 3);
  const std::tuple<int, std::string> two = co_await operation<void(int, std::string)>(later, 3, std::string{"x"});
  CHECK(std::get<1>(two) == "x");

  const tenon::result<void> done = co_await operation<void(std::error_code)>(later, fine);
  CHECK(done.has_value());
  const tenon::result<void> failed = co_await operation<void(std::error_code)>(later, refused);
  CHECK(failed == tenon::code::unavailable);
  const tenon::result<int> one = co_await operation<void(std::error_code, int)>(later, fine, 4);
  CHECK(*one == 4);
  const tenon::result<int> none = co_await operation<void(std::error_code, int)>(later, refused, 4);
  CHECK(none == tenon::code::unavailable);
  const tenon::result<std::tuple<int, std::string>> pair = co_await operation<void(std::error_code, int, std::string)>(later, fine, 4, std::string{"y"});
  CHECK(std::get<1>(*pair) == "y");

  co_await operation<void(std::exception_ptr)>(later, std::exception_ptr{});
  CHECK(co_await operation<void(std::exception_ptr, int)>(later, std::exception_ptr{}, 5) == 5);
  bool thrown = false;
  try {
    co_await operation<void(std::exception_ptr)>(later, std::make_exception_ptr(std::runtime_error{"operation"}));
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  CHECK(thrown);

  // Braces would have made a list of one of it.
  const awkward seven(7);
  const awkward value = co_await operation<void(awkward)>(later, seven);
  CHECK(value.values == std::vector<int>{7});
  const std::unique_ptr<int> moved = co_await asio::async_initiate<const tenon::use_task_t&, void(std::unique_ptr<int>)>(
      [](auto handler) { std::move(handler)(std::make_unique<int>(8)); }, use_task);
  CHECK(*moved == 8);
}

}  // namespace

TEST_CASE("an error_code becomes a status by its kind") {
  CHECK(tenon::to_status({}, "x").ok());
  CHECK(tenon::to_status(asio::error::operation_aborted, "x") == tenon::code::cancelled);
  CHECK(tenon::to_status(std::make_error_code(std::errc::timed_out), "x") == tenon::code::deadline_exceeded);
  CHECK(tenon::to_status(asio::error::timed_out, "x") == tenon::code::deadline_exceeded);
  const tenon::status eof = tenon::to_status(asio::error::eof, "read");
  CHECK(eof == tenon::code::unavailable);
  CHECK(eof.message().starts_with("read: "));
}

TEST_CASE("a task awaits an operation of every signature") {
  asio::io_context io;
  task<void> at_once = every_signature(nullptr);
  CHECK(at_once.done());
  at_once.take();
  run(io, every_signature(&io));
}

TEST_CASE("operations that end inside their start do not grow the stack") {
  const auto looping = []() -> task<int> {
    int total = 0;
    for (int i = 0; i < 100'000; ++i) total += co_await operation<void(int)>(nullptr, 1);
    co_return total;
  };
  CHECK(looping().take() == 100'000);
}

TEST_CASE("an operation whose start throws throws from co_await") {
  const auto catching = []() -> task<bool> {
    try {
      co_await asio::async_initiate<const tenon::use_task_t&, void()>([](auto) { throw std::runtime_error{"start"}; }, use_task);
    } catch (const std::runtime_error&) {
      co_return true;
    }
    co_return false;
  };
  CHECK(catching().take());
}

TEST_CASE("sockets and timers work in a task") {
  asio::io_context io;
  asio::local::stream_protocol::socket here{io};
  asio::local::stream_protocol::socket there{io};
  asio::local::connect_pair(here, there);
  const auto echo = [](auto& socket) -> task<std::string> {
    std::array<char, 5> text{};
    const tenon::result<std::size_t> count = co_await asio::async_read(socket, asio::buffer(text), use_task);
    CHECK(*count == 5);
    const tenon::result<std::size_t> eof = co_await socket.async_read_some(asio::buffer(text), use_task);
    CHECK(eof == tenon::code::unavailable);
    co_return std::string{text.data(), text.size()};
  };
  const auto speak = [](auto& socket) -> task<void> {
    asio::steady_timer timer{socket.get_executor(), std::chrono::milliseconds{1}};
    const tenon::result<void> waited = co_await timer.async_wait(use_task);
    CHECK(waited.has_value());
    const tenon::result<std::size_t> written = co_await asio::async_write(socket, asio::buffer("hello", 5), use_task);
    CHECK(*written == 5);
    socket.close();
  };
  task<std::string> heard = echo(here);
  run(io, speak(there));
  CHECK(heard.done());
  CHECK(heard.take() == "hello");
}

TEST_CASE("as_tuple of use_task gives the error and the values together") {
  asio::io_context io;
  const auto waits = [](asio::io_context& on) -> task<bool> {
    asio::steady_timer timer{on, std::chrono::nanoseconds{1}};
    const auto [error] = co_await timer.async_wait(asio::as_tuple(use_task));
    co_return !error;
  };
  CHECK(run(io, waits(io)));
}

TEST_CASE("a task awaits asio::awaitable, and what that throws") {
  asio::io_context io;
  const auto both = []() -> task<int> {
    const int first = co_await answer(1);
    const int second = co_await answer(2);
    try {
      co_await thrower();
    } catch (const std::runtime_error& thrown) {
      co_return std::string{thrown.what()} == "awaitable" ? first * 10 + second : -1;
    }
    co_return -2;
  };
  CHECK(run(io, both()) == 12);
}

TEST_CASE("destroying a task cancels the operation it waits for") {
  asio::io_context io;
  asio::steady_timer timer{io, (std::chrono::steady_clock::time_point::max)()};
  bool resumed = false;
  {
    const auto waits = [](asio::steady_timer& on, bool& told) -> task<void> {
      (void)co_await on.async_wait(use_task);
      told = true;
    };
    const task<void> gone = waits(timer, resumed);
  }
  io.run();  // without the cancel this would not return
  CHECK_FALSE(resumed);
}

TEST_CASE("destroying a task cancels the asio::awaitable it waits for") {
  asio::io_context io;
  int cancelled = 0;
  {
    const auto waits = [](int& told) -> task<int> { co_return co_await waiting(told); };
    task<int> gone = waits(cancelled);
    gone.promise().set_home(io);
    io.poll();
  }
  io.restart();
  io.run();
  CHECK(cancelled == 1);
}

TEST_CASE("destroying a task whose awaitable has not started leaves nothing behind") {
  int cancelled = 0;
  const auto waits = [](int& told) -> task<int> { co_return co_await waiting(told); };
  { const task<int> homeless = waits(cancelled); }
  asio::io_context io;
  {
    task<int> unborn = waits(cancelled);
    unborn.promise().set_home(io);
  }
  io.run();
}

TEST_CASE("an operation may end while the task is being destroyed or long after") {
  asio::io_context io;
  std::optional<task<int>> gone;
  const auto waits = [](asio::io_context& on) -> task<int> { co_return co_await operation<void(int)>(&on, 1); };
  gone.emplace(waits(io));
  gone.reset();
  CHECK(io.run() == 1);
}

TEST_CASE("the io_context may be destroyed before the task that waits on it") {
  std::optional<task<void>> left;
  std::optional<task<int>> other;
  int cancelled = 0;
  {
    asio::io_context io;
    const auto waits = [](asio::io_context& on) -> task<void> {
      co_await asio::async_initiate<const tenon::use_task_t&, void()>([&on](auto handler) { asio::post(on, std::move(handler)); }, use_task);
    };
    left.emplace(waits(io));
    const auto waits_awaitable = [](int& told) -> task<int> { co_return co_await waiting(told); };
    other.emplace(waits_awaitable(cancelled));
    other->promise().set_home(io);
  }
  CHECK_FALSE(left->done());
  CHECK_FALSE(other->done());
}

TEST_CASE("an operation may end on another thread while it is being started") {
  asio::io_context io;
  auto work = asio::make_work_guard(io);
  std::thread other{[&] { io.run(); }};
  const auto hopping = [](asio::io_context& on) -> task<int> {
    int total = 0;
    for (int i = 0; i < 10'000; ++i) total += co_await operation<void(int)>(&on, 1);
    co_return total;
  };
  task<int> running = hopping(io);
  std::atomic<bool> done = false;
  asio::post(io, [&] {
    if (running.done()) done = true;
    else running.promise().on_finish([](void* flag) noexcept { static_cast<std::atomic<bool>*>(flag)->store(true); }, &done);
  });
  work.reset();
  other.join();
  CHECK(done);
  CHECK(running.take() == 10'000);
}
