#include <tenon/client/follow_cancel.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <client/shop.hpp>
#include <simulation.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/task.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::outcome_of;
using simulated::scripted_shop;
using simulated::shop_client;

namespace {

// Its handler waits until it is cancelled.
struct patient {
  struct told final : tenon::cancellation::listener {
    void cancelled() override { ++*count; }
    int* count = nullptr;
  };

  tenon::task<int> wait(tenon::context& call) {
    told ear;
    ear.count = cancelled;
    call.cancel.listen(ear);
    ++*started;
    co_await asio::post(*call.io(), tenon::use_task);
    while (!call.cancelled()) co_await asio::post(*call.io(), tenon::use_task);
    co_return 1;
  }

  int* started;
  int* cancelled;
  TENON_SERVICE(patient, wait)
};

// Its handler asks another server, and waits for that.
struct relaying {
  tenon::task<int> relay(tenon::context& call) {
    const tenon::result<int> got = co_await next->with({.parent = &call}).wait();
    co_return got.value_or(-1);
  }

  tenon::client<patient>* next;
  TENON_SERVICE(relaying, relay)
};

// A server that polls would keep io.poll() busy for ever: it is run a few steps at a time.
struct two_servers : simulated::world {
  int started = 0;
  int cancelled = 0;
  tenon::server<> far{io};
  tenon::server<> near{io};
  std::optional<tenon::client<patient>> to_far;
  std::optional<tenon::client<relaying>> to_near;

  two_servers() {
    to_far.emplace(io, wire.connector_to("far"));
    to_near.emplace(io, wire.connector_to("near"));
    far.serve(patient{&started, &cancelled});
    near.serve(relaying{&*to_far});
    far.listen(wire, "far");
    near.listen(wire, "near");
    far.start();
    near.start();
    steps();
  }
  ~two_servers() {
    to_near.reset();
    to_far.reset();
    steps();
  }
  void steps(int count = 60) {
    for (int i = 0; i < count; ++i) run_one();
  }
};

}  // namespace

TEST_CASE("cancelling a call reaches the handler of the other side, however it is cancelled") {
  for (const int how : {0, 1, 2, 3, 4}) {
    two_servers world;
    asio::cancellation_signal signal;
    tenon::cancellation token;
    std::optional<tenon::call<int>> call;
    outcome_of<int> got;
    if (how < 2) call.emplace(world.to_far->wait());
    if (how == 2) world.to_far->wait(asio::bind_cancellation_slot(signal.slot(), got.taker()));
    if (how == 3) world.to_far->with({.cancel = &token}).wait().then(got.taker());
    if (how == 4) world.to_far->with({.timeout = 1_s}).wait().then(got.taker());
    world.steps();
    CHECK(world.started == 1);
    CHECK(world.cancelled == 0);
    if (how == 0) call->cancel();
    if (how == 1) call.reset();
    if (how == 2) signal.emit(asio::cancellation_type::terminal);
    if (how == 3) token.request();
    if (how == 4) asio::post(world.io, [&] { world.clock.advance(1100_ms); });
    world.steps();
    CHECK(world.cancelled == 1);
    if (how >= 2) CHECK(got.times == 1);
    if (how == 3) CHECK(got.text() == "CANCELLED: patient.wait: the call was cancelled by its caller");
  }
}

TEST_CASE("a handler that is cancelled cancels the calls that it made, over every hop") {
  two_servers world;
  tenon::call<int> call = world.to_near->relay();
  world.steps();
  CHECK(world.started == 1);
  call.cancel();
  world.steps();
  CHECK(world.cancelled == 1);
  CHECK(call.get().error().code() == tenon::code::cancelled);
}

TEST_CASE("a caller that vanishes cancels the handlers that work for it, over every hop") {
  two_servers world;
  world.to_near->relay().then([](tenon::result<int>) {});
  world.steps();
  CHECK(world.started == 1);
  world.to_near.reset();
  world.steps();
  CHECK(world.cancelled == 1);
}

TEST_CASE("a call whose token was requested before is not sent") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  client.price("connects").then([](tenon::result<int>) {});
  CHECK(world.requests().size() == 1);
  tenon::cancellation token;
  token.request();
  tenon::context gone;
  gone.cancel.request();
  outcome_of<int> one;
  outcome_of<int> two;
  outcome_of<int> three;
  client.with({.cancel = &token}).price("bread").then(one.taker());
  client.with({.parent = &gone}).price("bread").then(two.taker());
  world.on_loop([&] { client.with({.cancel = &token}).price("bread").then(three.taker()); });
  CHECK(world.requests().empty());
  for (auto* each : {&one, &two, &three}) CHECK(each->text() == "CANCELLED: shop.price: the call was cancelled by its caller");
}

TEST_CASE("a token may go before the calls that follow it, and after them") {
  scripted_shop world;
  shop_client client{world.io, world.connector()};
  auto token = std::make_unique<tenon::cancellation>();
  outcome_of<int> early;
  outcome_of<int> late;
  client.with({.cancel = token.get()}).price("early").then(early.taker());
  client.with({.cancel = token.get()}).price("late").then(late.taker());
  const auto requests = world.requests();
  world.answer(requests.at(0), "1");
  token.reset();
  world.answer(requests.at(1), "2");
  CHECK(early.text() == "OK");
  CHECK(late.text() == "OK");
}

TEST_CASE("a token that outlives many calls does not gather them") {
  scripted_shop world;
  tenon::cancellation token;
  std::weak_ptr<int> kept;
  {
    shop_client client{world.io, world.connector()};
    for (int i = 0; i < 200; ++i) {
      auto held = std::make_shared<int>(i);
      if (i == 0) kept = held;
      client.with({.cancel = &token}).price("bread").then([held](tenon::result<int>) {});
      world.answer(world.requests().at(0), "1");
    }
    CHECK(kept.expired());
  }
  world.run();
  token.request();
  world.run();
}

TEST_CASE("a token on one thread cancels a call on another") {
  int started = 0;
  int cancelled = 0;
  tenon::server<> server{{.loops = 1}};
  server.serve(patient{&started, &cancelled});
  const std::string url = server.listen("tcp://127.0.0.1:0").url();
  server.start();
  tenon::client<patient> client{url};
  for (int i = 0; i < 20; ++i) {
    tenon::cancellation token;
    tenon::call<int> call = client.with({.cancel = &token}).wait();
    if (i % 2 == 0) std::this_thread::yield();
    token.request();
    CHECK(call.get().error().code() == tenon::code::cancelled);
  }
}
