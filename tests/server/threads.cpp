#include <tenon/server/server.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <tenon/client/client.hpp>

using namespace tenon::literals;

namespace {

struct station {
  tenon::server<>* server = nullptr;
  std::atomic<int>* made = nullptr;
  std::atomic<int>* sleeping = nullptr;

  int id(int x) { return x; }
  int stop(int x) {
    server->stop();
    return x;
  }
  asio::awaitable<int> sleep(int x) {
    asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::hours{1}};
    if (sleeping != nullptr) ++*sleeping;
    co_await timer.async_wait(asio::use_awaitable);
    co_return x;
  }
  TENON_SERVICE(station, id, stop, sleep)
};

}  // namespace

TEST_CASE("connections are dealt out to the loops, and a factory gives each loop its own object") {
  std::atomic<int> made{0};
  tenon::server server{{.loops = 3}};
  server.serve([&] {
    ++made;
    return station{};
  });
  const std::string url = server.listen("tcp://127.0.0.1:0").url();
  CHECK(server.start().ok());
  CHECK(made == 3);
  std::vector<std::unique_ptr<tenon::client<station>>> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(std::make_unique<tenon::client<station>>(url));
  for (int i = 0; i < 6; ++i) CHECK(clients[static_cast<std::size_t>(i)]->id(i).get().value_or(-1) == i);
  server.stop();
  CHECK(clients[0]->id(1).get().error().code() == tenon::code::unavailable);
}

TEST_CASE("run serves until stop, from another thread or from a handler") {
  for (const bool from_handler : {false, true}) {
    for (const unsigned loops : {1U, 3U}) {
      tenon::server server{{.loops = loops}};
      server.serve(station{&server});
      const std::string url = server.listen("tcp://127.0.0.1:0").url();
      std::thread runner{[&] { CHECK(server.run().ok()); }};
      tenon::client<station> client{url};
      CHECK(client.id(1).get().value_or(-1) == 1);
      if (from_handler) CHECK(client.stop(2).get().value_or(-1) == 2);
      else server.stop();
      runner.join();
    }
  }
}

TEST_CASE("stop and run may race, and a server that was stopped before does not run") {
  for (int i = 0; i < 30; ++i) {
    tenon::server server{{.loops = 2}};
    server.serve(station{});
    server.listen("tcp://127.0.0.1:0");
    std::thread stopper{[&] { server.stop(); }};
    if (i % 2 == 0) std::this_thread::yield();
    const tenon::status ran = server.run();
    stopper.join();
    CHECK((ran.ok() || ran.message() == "the server was stopped, and does not start again; make another one"));
    CHECK(server.run().code() == tenon::code::failed_precondition);
  }
}

TEST_CASE("stop before start closes what listens, and such a server does not start") {
  tenon::server server;
  server.serve(station{});
  // A name that nobody else gets meanwhile, as a port might be.
  const std::string url = server.listen("unix://@tenon-stopped-" + std::to_string(::getpid())).url();
  server.stop();
  tenon::client<station> client{url};
  const auto refused = client.with({.timeout = 5_s}).id(1).get();
  CHECK(refused.error().code() == tenon::code::unavailable);
  CHECK(refused.error().message().find("refused") != std::string::npos);
  {
    tenon::server successor;
    CHECK(successor.listen(url));
  }
  CHECK(server.run() == tenon::status{tenon::code::failed_precondition, "the server was stopped, and does not start again; make another one"});
  CHECK(server.start().code() == tenon::code::failed_precondition);
  CHECK(server.listen("tcp://127.0.0.1:0").error().code() == tenon::code::failed_precondition);
  CHECK(server.start().message() == "the server was stopped, and does not start again; make another one");
}

TEST_CASE("a server that has served and was stopped does not start again, and says so") {
  tenon::server server;
  server.serve(station{});
  server.listen("tcp://127.0.0.1:0");
  CHECK(server.start().ok());
  CHECK(server.start() == tenon::status{tenon::code::failed_precondition, "start: the server was started already"});
  // What is set up too late is told to who did that, and is not why the server cannot start.
  CHECK(!server.listen("tcp://127.0.0.1:0"));
  CHECK(server.start().message() == "start: the server was started already");
  server.stop();
  CHECK(server.start() == tenon::status{tenon::code::failed_precondition, "the server was stopped, and does not start again; make another one"});
  // It only waits for the end of what was started, which has come.
  CHECK(server.run().ok());
}

TEST_CASE("stop may be called from many threads and from handlers of several loops at once") {
  for (int i = 0; i < 20; ++i) {
    tenon::server server{{.loops = 2}};
    server.serve([&] { return station{&server}; });
    const std::string url = server.listen("tcp://127.0.0.1:0").url();
    server.start();
    tenon::client<station> one{url};
    tenon::client<station> two{url};
    CHECK(one.id(1).get().value_or(-1) == 1);
    CHECK(two.id(1).get().value_or(-1) == 1);
    auto first = one.stop(1);
    auto second = two.stop(1);
    std::thread third{[&] { server.stop(); }};
    server.stop();
    third.join();
    (void)first.get();
    (void)second.get();
  }
}

TEST_CASE("stop waits for handlers only as long as drain says, also for those that sleep in asio") {
  tenon::server server{{.drain = 20_ms}};
  std::atomic<int> sleeping{0};
  server.serve(station{.sleeping = &sleeping});
  const std::string url = server.listen("tcp://127.0.0.1:0").url();
  server.start();
  tenon::client<station> client{url};
  auto call = client.sleep(1);
  while (sleeping == 0) std::this_thread::yield();
  server.stop();
  CHECK(call.get().error().code() == tenon::code::unavailable);
}

namespace {

// A handler with a client of its own on the server's loop.
struct relay {
  std::shared_ptr<tenon::client<station>> next;
  tenon::task<tenon::result<int>> ask(int x) { co_return co_await next->id(x); }
  TENON_SERVICE(relay, ask)
};

}  // namespace

TEST_CASE("a client that lives on the server's loop does not keep the server from stopping") {
  tenon::server behind;
  behind.serve(station{});
  const std::string there = behind.listen("tcp://127.0.0.1:0").url();
  behind.start();
  {
    tenon::server server;
    server.serve(relay{std::make_shared<tenon::client<station>>(server.io(), there)});
    const std::string url = server.listen("tcp://127.0.0.1:0").url();
    server.start();
    tenon::client<relay> client{url};
    CHECK(client.ask(5).get().value_or(-1) == 5);
    server.stop();
  }
  behind.stop();
}

TEST_CASE("a server goes while its callers call") {
  for (int i = 0; i < 20; ++i) {
    std::optional<tenon::server<>> server{std::in_place, tenon::server_options{.loops = 2}};
    server->serve([] { return station{}; });
    const std::string url = server->listen("tcp://127.0.0.1:0").url();
    server->start();
    std::atomic<int> answered{0};
    std::vector<std::thread> callers;
    for (int t = 0; t < 3; ++t) {
      callers.emplace_back([&] {
        tenon::client<station> client{url};
        while (client.id(1).get()) ++answered;
      });
    }
    while (answered < 20) std::this_thread::yield();
    server.reset();
    for (auto& each : callers) each.join();
  }
}
