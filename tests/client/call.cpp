#include <tenon/client/call.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <client/shop.hpp>
#include <simulation.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/core/task.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop_client;

namespace {

// A token that keeps the initiation until its result is called, as asio::deferred of later releases does.
struct later_t {};
inline constexpr later_t later{};

}  // namespace

template <class... Results>
struct asio::async_result<later_t, void(Results...)> {
  template <class Initiation, class... Arguments>
  static auto initiate(Initiation initiation, later_t, Arguments... arguments) {
    return [initiation = std::move(initiation), arguments = std::tuple{std::move(arguments)...}](auto handler) mutable {
      std::apply([&](auto&... each) { std::move(initiation)(std::move(handler), std::move(each)...); }, arguments);
    };
  }
};

TEST_CASE("a call is awaited in a task, a result at hand or not") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::vector<int> got;
  const auto program = [](shop_client& shop, std::vector<int>& into) -> tenon::task<void> {
    into.push_back(*co_await shop.price("one"));
    auto two = shop.price("two");
    auto three = shop.price("three");
    into.push_back(*co_await std::move(three));
    CHECK(two.done());
    into.push_back(*co_await std::move(two));
  };
  tenon::spawn(world.io, program(client, got));
  world.answer(world.requests().at(0), "1");
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  world.answer(requests[0], "2");
  world.answer(requests[1], "3");
  CHECK(got == std::vector{1, 3, 2});
}

TEST_CASE("a call is awaited in an asio::awaitable, as it is and with use_awaitable") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::vector<int> got;
  const auto program = [](shop_client& shop, std::vector<int>& into) -> asio::awaitable<void> {
    into.push_back(*co_await shop.price("one"));
    into.push_back(*co_await shop.price("two", asio::use_awaitable));
    auto kept = shop.with({.metadata = {{"k", "v"}}}).price("three", asio::use_awaitable);
    into.push_back(*co_await std::move(kept));
    const tenon::result<int> failed = co_await shop.price("four");
    into.push_back(failed ? 0 : static_cast<int>(failed.error().code()));
  };
  asio::co_spawn(world.io, program(client, got), asio::detached);
  for (const char* payload : {"1", "2", "3"}) {
    const auto requests = world.requests();
    REQUIRE(requests.size() == 1);
    if (payload[0] == '3') CHECK(requests[0].value_of("k") == "v");
    world.answer(requests[0], payload);
  }
  world.server.say(scripted_shop::error_to(world.requests().at(0), "NOT_FOUND: none"));
  CHECK(got == std::vector{1, 2, 3, 5});
}

TEST_CASE("use_future, detached and a kept token work as with any asio operation") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::future<tenon::result<int>> future = client.price("future", asio::use_future);
  client.price("detached", asio::detached);
  auto kept = client.with({.metadata = {{"k", "v"}}}).price("kept", later);
  auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  for (const auto& each : requests) world.answer(each, "7");
  CHECK(*future.get() == 7);
  outcome_of<int> got;
  kept(got.taker());
  requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].value_of("k") == "v");
  CHECK(requests[0].payload == "\"kept\"");
  world.answer(requests[0], "8");
  CHECK(**got.value == 8);
}

TEST_CASE("a completion handler runs on the executor it is bound to, and never inside the call that started it") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  asio::io_context elsewhere;
  outcome_of<int> got;
  client.price("bread", asio::bind_executor(elsewhere.get_executor(), got.taker()));
  world.answer(world.requests().at(0), "1");
  CHECK(!got.came());
  elsewhere.run();
  CHECK(got.came());

  shop_client refused{world.io, "nonsense"};
  world.on_loop([&] {
    outcome_of<int> inside;
    refused.price("bread", inside.taker());
    CHECK(!inside.came());
  });
}

TEST_CASE("a cancellation slot ends the call, and holds on to nothing once it has ended") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  asio::cancellation_signal signal;
  outcome_of<int> got;
  client.price("bread", asio::bind_cancellation_slot(signal.slot(), got.taker()));
  CHECK(world.requests().size() == 1);
  tenon::detail::cancel_everything(signal);
  world.run();
  CHECK(got.text() == "CANCELLED: shop.price: the call was cancelled by its caller");
  CHECK(!signal.slot().has_handler());

  outcome_of<int> answered;
  client.price("bread", asio::bind_cancellation_slot(signal.slot(), answered.taker()));
  CHECK(signal.slot().has_handler());
  world.answer(world.requests().at(0), "1");
  CHECK(answered.text() == "OK");
  CHECK(!signal.slot().has_handler());
}

TEST_CASE("an asio coroutine that is cancelled cancels the call it waits for") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  asio::cancellation_signal signal;
  std::optional<tenon::result<int>> got;
  bool ended = false;
  const auto program = [](shop_client& shop, std::optional<tenon::result<int>>& into) -> asio::awaitable<void> { into.emplace(co_await shop.price("bread")); };
  asio::co_spawn(world.io, program(client, got), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
  CHECK(world.requests().size() == 1);
  world.on_loop([&] { tenon::detail::cancel_everything(signal); });
  world.run();
  CHECK(ended);
  REQUIRE(got);
  CHECK(got->error().code() == tenon::code::cancelled);
}

TEST_CASE("a task that is destroyed cancels the call it waits for, here and on another loop") {
  scripted_shop world;
  asio::io_context home;
  shop_client client{world.io, world.connector(), {.max_pending_calls = 1}};
  const auto program = [](shop_client& shop) -> tenon::task<void> { (void)co_await shop.price("bread"); };
  for (const bool elsewhere : {false, true}) {
    {
      tenon::task<void> waiting = program(client);
      if (elsewhere) {
        waiting.promise().set_home(home);
        home.poll();
      } else {
        world.on_loop([&] { waiting.promise().set_home(world.io); });
      }
      CHECK(world.requests().size() == 1);
    }
    world.run();
    home.restart();
    home.poll();
    outcome_of<int> room;
    client.price("bread").then(room.taker());
    world.answer(world.requests().at(0), "1");
    CHECK(room.text() == "OK");
  }
}

TEST_CASE("options with metadata, made within a co_await, arrive whole") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::vector<int> got;
  const auto program = [](shop_client& shop, std::vector<int>& into) -> tenon::task<void> {
    const tenon::metadata given{{"user", "a name that is too long for a short string"}, {"user", "b"}};
    into.push_back(*co_await shop.with({.timeout = 1_s, .metadata = given}).price("one"));
    into.push_back(*co_await shop.with({.timeout = 1_s, .metadata = {{"user", "a name that is too long for a short string"}, {"user", "b"}}}).price("two"));
    CHECK(given.size() == 2);
  };
  const auto in_asio = [](shop_client& shop, std::vector<int>& into) -> asio::awaitable<void> {
    into.push_back(*co_await shop.with({.metadata = {{"user", "a name that is too long for a short string"}, {"user", "b"}}}).price("three"));
  };
  tenon::spawn(world.io, program(client, got));
  asio::co_spawn(world.io, in_asio(client, got), asio::detached);
  for (int i = 1; i <= 3; ++i) {
    const auto requests = world.requests();
    for (const auto& each : requests) {
      std::vector<std::string> users;
      for (const auto& [key, value] : each.metadata) {
        if (key == "user") users.push_back(value);
      }
      CHECK(users == std::vector<std::string>{"a name that is too long for a short string", "b"});
      world.answer(each, "4");
    }
  }
  CHECK(got == std::vector<int>{4, 4, 4});
}

TEST_CASE("a task on another loop is resumed there") {
  scripted_shop world;
  asio::io_context home;
  shop_client client{world.io, world.connector()};
  int got = 0;
  const auto program = [](shop_client& shop, asio::io_context& where, int& into) -> tenon::task<void> {
    into = *co_await shop.price("bread");
    CHECK(where.get_executor().running_in_this_thread());
  };
  tenon::spawn(home, program(client, home, got));
  home.poll();
  world.answer(world.requests().at(0), "4");
  CHECK(got == 0);
  home.restart();
  home.poll();
  CHECK(got == 4);
}

TEST_CASE("get on the client's own loop says that it would wait for ever") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::optional<tenon::result<int>> got;
  world.on_loop([&] { got.emplace(client.price("bread").get()); });
  REQUIRE(got);
  CHECK(got->error().code() == tenon::code::failed_precondition);
}

TEST_CASE("a result is given once: whoever asks again is told, and gets no value that was moved away") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  auto call = client.price("bread");
  world.answer(world.requests().at(0), "7");
  REQUIRE(call.done());
  CHECK(call.get().value_or(0) == 7);
  CHECK(call.done());
  for (int turn = 0; turn < 2; ++turn) {
    const tenon::result<int> again = call.get();
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().to_string() == "FAILED_PRECONDITION: the call's result was taken already; it is given once, by get(), then() or co_await");
  }
  call.cancel();
  // By then() as well: on the loop, as ever.
  outcome_of<int> told;
  call.then(told.taker());
  CHECK_FALSE(told.value.has_value());
  world.run();
  REQUIRE(told.value.has_value());
  CHECK(told.value->error().code() == tenon::code::failed_precondition);
  // And when then() has the call.
  CHECK(call.done());
  call.cancel();
  CHECK(call.get().error().code() == tenon::code::failed_precondition);
  outcome_of<int> once_more;
  call.then(once_more.taker());
  REQUIRE(once_more.value.has_value());
  CHECK(once_more.value->error().code() == tenon::code::failed_precondition);
}

TEST_CASE("a call that get() has taken from gives an error to co_await, too") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  std::vector<tenon::code> got;
  const auto in_task = [](tenon::call<int> taken, std::vector<tenon::code>& into) -> tenon::task<void> { into.push_back((co_await std::move(taken)).error().code()); };
  const auto in_awaitable = [](tenon::call<int> taken, std::vector<tenon::code>& into) -> asio::awaitable<void> { into.push_back((co_await std::move(taken)).error().code()); };
  for (const bool given_away : {false, true}) {
    auto one = client.price("one");
    auto two = client.price("two");
    for (const auto& each : world.requests()) world.answer(each, "7");
    if (given_away) one.then([](const tenon::result<int>&) {}), two.then([](const tenon::result<int>&) {});
    else CHECK(one.get().value_or(0) + two.get().value_or(0) == 14);
    tenon::spawn(world.io, in_task(std::move(one), got));
    asio::co_spawn(world.io, in_awaitable(std::move(two), got), asio::detached);
    world.run();
  }
  CHECK(got == std::vector(4, tenon::code::failed_precondition));
}

TEST_CASE("a call moves, and assigning over one that is under way cancels it") {
  scripted_shop world;
  shop_client client{world.io, world.connector(), {.max_pending_calls = 2}};
  tenon::call<int> one = client.price("one");
  tenon::call<int> two = client.price("two");
  CHECK(world.requests().size() == 2);
  one = std::move(two);
  world.run();
  tenon::call<int> three = client.price("three");
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  world.answer(requests[0], "3");
  CHECK(three.done());
  CHECK(*three.get() == 3);
  CHECK(!one.done());
}

TEST_CASE("what a task throws after a call leaves the run and breaks nothing") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  outcome_of<int> other;
  const auto program = [](shop_client& shop) -> tenon::task<void> {
    (void)co_await shop.price("bread");
    throw std::runtime_error{"by the task"};
  };
  tenon::spawn(world.io, program(client));
  world.run();
  client.price("salt").then(other.taker());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK_THROWS_WITH(world.server.say(scripted_shop::answer_to(requests[0], "1") + scripted_shop::answer_to(requests[1], "2")), "by the task");
  world.run();
  CHECK(other.text() == "OK");
}

TEST_CASE("a callback may hold what can only be moved") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  auto owned = std::make_unique<int>(5);
  int got = 0;
  client.price("bread").then([owned = std::move(owned), &got](tenon::result<int> price) { got = *price + *owned; });
  world.answer(world.requests().at(0), "2");
  CHECK(got == 7);
}
