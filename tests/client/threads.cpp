#include <tenon/client/client.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_future.hpp>

#include <tenon/core/spawn.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/task.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;

namespace {

struct adder {
  int add(int a, int b) { return a + b; }
  tenon::task<int> add_later(tenon::context& call, int a, int b) {
    co_await asio::post(*call.io(), tenon::use_task);
    co_return a + b;
  }
  TENON_SERVICE(adder, add, add_later)
};

struct summer {
  tenon::task<int> never(tenon::context& call) {
    asio::steady_timer timer{*call.io(), std::chrono::hours{1}};
    (void)co_await timer.async_wait(tenon::use_task);
    co_return 0;
  }
  tenon::task<int> sum(tenon::source<int> numbers) {
    int all = 0;
    while (auto number = co_await numbers.next()) all += *number;
    co_return all;
  }
  tenon::stream<int> echo(tenon::source<int> numbers) {
    while (auto number = co_await numbers.next()) co_yield *number;
  }
  TENON_SERVICE(summer, never, sum, echo)
};

struct running_adder {
  explicit running_adder(unsigned loops = 1) : server{{.loops = loops}} {
    server.serve([] { return adder{}; });
    url = server.listen("tcp://127.0.0.1:0").url();
    server.start();
  }
  tenon::server<> server;
  std::string url;
};

}  // namespace

TEST_CASE("many threads share one client, and each gets its own answers") {
  running_adder running{2};
  tenon::client<adder> client{running.url};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        if (client.add(t, i).get().value_or(-1) != t + i) ++wrong;
        if (client.add_later(t, i).get().value_or(-1) != t + i) ++wrong;
        if (i % 10 == 0) (void)client.add(t, i);  // Discarded, and so cancelled.
        std::future<tenon::result<int>> future = client.add(t, i, asio::use_future);
        std::promise<int> promised;
        client.add(t, i).then([&](tenon::result<int> got) { promised.set_value(got.value_or(-1)); });
        if (future.get().value_or(-1) != t + i) ++wrong;
        if (promised.get_future().get() != t + i) ++wrong;
      }
    });
  }
  for (auto& each : threads) each.join();
  CHECK(wrong == 0);
}

TEST_CASE("calls cancelled from other threads end once, one way or the other") {
  running_adder running;
  tenon::client<adder> client{running.url};
  for (int i = 0; i < 300; ++i) {
    auto call = client.add_later(1, i);
    std::thread canceller{[&] { call.cancel(); }};
    const auto got = call.get();
    CHECK((got ? *got == 1 + i : got.error().code() == tenon::code::cancelled));
    canceller.join();
  }
}

TEST_CASE("a client may be destroyed by its own callback, on its own loop") {
  running_adder running;
  for (int i = 0; i < 50; ++i) {
    auto client = std::make_unique<tenon::client<adder>>(running.url);
    std::promise<void> gone;
    tenon::client<adder>& calls = *client;
    std::future<tenon::result<int>> other;
    if (i % 2 == 0) other = calls.add(1, i, asio::use_future);
    calls.add(1, i).then([&](tenon::result<int>) {
      client.reset();
      gone.set_value();
    });
    gone.get_future().get();
    if (other.valid()) (void)other.get();
    CHECK(client == nullptr);
  }
}

TEST_CASE("a client destroyed with calls under way ends every one of them") {
  running_adder running;
  for (int i = 0; i < 50; ++i) {
    std::vector<std::future<tenon::result<int>>> futures;
    std::optional<tenon::call<int>> kept;
    {
      tenon::client<adder> client{running.url};
      for (int n = 0; n < 5; ++n) futures.push_back(client.add_later(n, i, asio::use_future));
      kept.emplace(client.add(1, i));
    }
    for (auto& each : futures) (void)each.get();
    CHECK(kept->done());
    (void)kept->get();
  }
}

TEST_CASE("a client is moved and assigned while its calls are under way") {
  running_adder running;
  tenon::client<adder> client{running.url};
  for (int i = 0; i < 20; ++i) {
    auto before = client.add(1, i);
    tenon::client<adder> moved{std::move(client)};
    CHECK(*before.get() == 1 + i);
    auto replaced = moved.add_later(1, i);
    moved = tenon::client<adder>{running.url};
    (void)replaced.get();
    CHECK(*moved.add(2, i).get() == 2 + i);
    client = std::move(moved);
  }
}

TEST_CASE("a task on one thread awaits the calls of a client on another") {
  running_adder running;
  tenon::client<adder> client{running.url};
  asio::io_context home;
  int sum = 0;
  const auto program = [](tenon::client<adder>& calls, asio::io_context& where, int& into) -> tenon::task<void> {
    for (int i = 0; i < 100; ++i) {
      into += *co_await calls.add(i, 1);
      CHECK(where.get_executor().running_in_this_thread());
    }
  };
  tenon::spawn(home, program(client, home, sum));
  home.run();
  CHECK(sum == 5050);
}

TEST_CASE("tasks that are destroyed while a client on another thread brings their answers are not resumed") {
  running_adder running;
  tenon::client<adder> client{running.url};
  const auto program = [](tenon::client<adder>& calls, bool& resumed) -> tenon::task<void> {
    (void)co_await calls.add(1, 1);
    resumed = true;
  };
  for (int i = 0; i < 200; ++i) {
    asio::io_context home;
    bool resumed = false;
    bool was_there = false;
    {
      tenon::task<void> waiting = program(client, resumed);
      was_there = waiting.done();  // The answer may come before anybody waits for it.
      waiting.promise().set_home(home);
      if (i % 2 == 0) std::this_thread::yield();
    }
    (void)client.add(1, 1).get();
    home.poll();
    CHECK(resumed == was_there);
  }
}

TEST_CASE("a call's parent is read while the call is made") {
  running_adder running;
  tenon::client<adder> client{running.url};
  for (int i = 0; i < 50; ++i) {
    auto parent = std::make_unique<tenon::context>();
    parent->info.deadline = tenon::steady_clock{}.now() + 10_s;
    auto call = client.with({.parent = parent.get()}).add(1, i);
    parent.reset();
    CHECK(*call.get() == 1 + i);
  }
}

TEST_CASE("calls and streams outlive their client and its loop: what is asked of them is answered at once") {
  tenon::server<> server;
  server.serve(summer{});
  const std::string url = server.listen("tcp://127.0.0.1:0").url();
  server.start();
  auto client = std::make_unique<tenon::client<summer>>(url);
  auto called = client->never();
  auto awaited = client->never();
  auto writer = client->sum();
  auto unfinished = client->sum();
  auto both = client->echo();
  auto elsewhere = client->never();
  auto lasting = [](tenon::call<int> of) -> tenon::task<bool> { co_return (co_await std::move(of)).has_value(); }(std::move(elsewhere));
  CHECK(writer.write(1).get().has_value());
  CHECK(both.write(2).get().has_value());
  CHECK(both.next().get() == 2);
  CHECK(both.write(3).get().has_value());
  std::optional<std::optional<int>> kept;
  // Until the item is there, which only a reader could be told of.
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  auto third = both.next();
  client.reset();
  third.then([&](std::optional<int> got) { kept.emplace(got); });
  REQUIRE(kept);
  CHECK(*kept == 3);

  std::optional<tenon::result<int>> told;
  std::move(called).then([&](tenon::result<int> got) { told.emplace(std::move(got)); });
  REQUIRE(told);
  CHECK(told->error().to_string() == "UNAVAILABLE: summer.never: the client was closed");

  asio::io_context io;
  std::optional<tenon::result<int>> came;
  asio::co_spawn(io, [](tenon::call<int> of, std::optional<tenon::result<int>>& into) -> asio::awaitable<void> { into.emplace(co_await std::move(of)); }(std::move(awaited), came), asio::detached);
  io.run();
  REQUIRE(came);
  CHECK(came->error().code() == tenon::code::unavailable);

  io.restart();
  bool lasted = true;
  tenon::spawn(io, std::move(lasting), [&](std::exception_ptr, bool had) { lasted = had; });
  io.run();
  CHECK_FALSE(lasted);

  CHECK(writer.write(3).get().error().code() == tenon::code::unavailable);
  CHECK(writer.finish().get().error().to_string() == "UNAVAILABLE: summer.sum: the client was closed");
  CHECK_FALSE(both.next().get());
  std::optional<std::optional<int>> item;
  both.next().then([&](std::optional<int> got) { item.emplace(got); });
  REQUIRE(item);
  CHECK_FALSE(item->has_value());
  CHECK(both.write(4).get().error().code() == tenon::code::unavailable);
  both.end_writing();
  CHECK(both.status().to_string() == "UNAVAILABLE: summer.echo: the client was closed");
  server.stop();
}

TEST_CASE("what is written after finish says so, whether the answer has been taken or not") {
  tenon::server<> server;
  server.serve(summer{});
  const std::string url = server.listen("tcp://127.0.0.1:0").url();
  server.start();
  tenon::client<summer> client{url};
  auto writer = client.sum();
  CHECK(writer.write(1).get().has_value());
  auto answer = writer.finish();
  CHECK(writer.write(2).get().error().code() == tenon::code::failed_precondition);
  auto again = writer.finish();
  CHECK(again.get().error().code() == tenon::code::failed_precondition);
  CHECK(answer.get().value() == 1);
  CHECK(writer.write(3).get().error().code() == tenon::code::failed_precondition);
  server.stop();
}
