#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <tenon/codec/protobuf.hpp>
#include <tenon/core/await_asio.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/task.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/struct.hpp>

namespace grpc_calls {

using namespace tenon::literals;

struct order {
  std::string symbol;
  int shares = 0;
  std::vector<std::string> tags;
};
struct receipt {
  std::string text;
  double price = 0;
};

struct desk {
  tenon::result<receipt> buy(order wanted) {
    if (wanted.shares <= 0) {
      tenon::status refused{tenon::code::invalid_argument, "shares must be positive"};
      refused.add_detail({"desk.v1.Hint", "more"});
      return refused;
    }
    return receipt{wanted.symbol + " x" + std::to_string(wanted.shares), 1.5 * wanted.shares};
  }
  tenon::task<receipt> later(tenon::context& call, order wanted) {
    co_await asio::async_initiate<const tenon::use_task_t&, void()>([&call](auto handler) { asio::post(*call.io(), std::move(handler)); }, tenon::use_task);
    co_return receipt{"later " + wanted.symbol, 0};
  }
  tenon::task<receipt> never(tenon::context& call, order) {
    asio::steady_timer timer{*call.io(), (std::chrono::steady_clock::time_point::max)()};
    struct alarm final : tenon::cancellation::listener {
      explicit alarm(asio::steady_timer& on) : timer{on} {}
      void cancelled() override { timer.cancel(); }
      asio::steady_timer& timer;
    } told{timer};
    call.cancel.listen(told);
    waiting.store(true);
    (void)co_await timer.async_wait(tenon::use_task);
    stopped.store(true);
    stopped.notify_all();
    co_return receipt{};
  }
  tenon::bytes echo(tenon::context& call, tenon::bytes said) {
    if (const auto trace = call.request_metadata().get("trace")) call.response_metadata().add("trace", *trace);
    call.response_metadata().add("trailer-sum", std::to_string(said.size()));
    return said;
  }
  static inline std::atomic<bool> waiting{false};
  static inline std::atomic<bool> stopped{false};

  TENON_SERVICE((desk, tenon::name("desk.v1.Desk")), (buy, tenon::idempotent), later, never, echo)
};

struct house {
  tenon::server<tenon::grpc_protocols> server;
  std::string url;
  std::string rpcx_url;

  house() {
    REQUIRE(server.serve<tenon::codec::protobuf>(desk{}).ok());
    const tenon::bound at = server.listen("tcp://127.0.0.1:0");
    REQUIRE(server.start().ok());
    url = "grpc://127.0.0.1:" + std::to_string(at.port());
    rpcx_url = at.url();
  }
  ~house() { server.stop(); }
};

using grpc_desk = tenon::client<desk, tenon::codec::protobuf>;

}  // namespace grpc_calls

using namespace grpc_calls;

TEST_CASE("a plain struct is a gRPC service, called by a plain client, while others call it over rpcx on the same port") {
  house served;
  grpc_desk m{served.url, {.sessions = tenon::grpc}};
  tenon::client<desk> other{served.rpcx_url};
  const tenon::result<receipt> bought = m.buy({"ACME", 3, {"a", "b"}}).get();
  REQUIRE(bought.has_value());
  CHECK(bought->text == "ACME x3");
  CHECK(bought->price == 4.5);
  CHECK(other.buy({"INIT", 1, {}}).get()->text == "INIT x1");
  CHECK(m.later({"ACME", 1, {}}).get()->text == "later ACME");
}

TEST_CASE("json and msgpack travel as content subtypes") {
  house served;
  tenon::client<desk, tenon::codec::json> in_json{served.url, {.sessions = tenon::grpc}};
  tenon::client<desk, tenon::codec::msgpack> in_msgpack{served.url, {.sessions = tenon::grpc}};
  CHECK(in_json.buy({"ACME", 2, {}}).get()->text == "ACME x2");
  CHECK(in_msgpack.buy({"ACME", 2, {}}).get()->text == "ACME x2");
}

TEST_CASE("errors arrive with code, text and details") {
  house served;
  grpc_desk m{served.url, {.sessions = tenon::grpc}};
  const tenon::result<receipt> refused = m.buy({"ACME", -3, {}}).get();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == tenon::code::invalid_argument);
  CHECK(refused.error().message() == "shares must be positive");
  REQUIRE(refused.error().details().size() == 1);
  CHECK(refused.error().details()[0].type == "desk.v1.Hint");
}

TEST_CASE("metadata goes both ways, trailers too") {
  house served;
  grpc_desk m{served.url, {.sessions = tenon::grpc}};
  tenon::metadata answered;
  const tenon::metadata sent{{"trace", "t-1"}};
  REQUIRE(m.with({.metadata = sent, .response_metadata = &answered}).echo(tenon::bytes(10)).get().has_value());
  CHECK(answered.get("trace") == "t-1");
  CHECK(answered.get("sum") == "10");
}

TEST_CASE("a deadline ends the call here and cancels the handler there") {
  house served;
  desk::stopped.store(false);
  grpc_desk m{served.url, {.sessions = tenon::grpc}};
  const tenon::result<receipt> late = m.with({.timeout = 50_ms}).never({}).get();
  CHECK(late.error().code() == tenon::code::deadline_exceeded);
  desk::stopped.wait(false);
  CHECK(desk::stopped.load());
}

TEST_CASE("cancelling a call resets its stream, and the handler learns of it") {
  house served;
  desk::stopped.store(false);
  desk::waiting.store(false);
  grpc_desk m{served.url, {.sessions = tenon::grpc}};
  {
    auto call = m.never({});
    while (!desk::waiting.load()) std::this_thread::yield();
    call.cancel();
    CHECK(call.get().error().code() == tenon::code::cancelled);
  }
  desk::stopped.wait(false);
  CHECK(desk::stopped.load());
}

TEST_CASE("large messages and a thousand calls at once") {
  house served;
  grpc_desk m{served.url, {.sessions = tenon::grpc}};
  tenon::bytes large(3'000'000, std::byte{7});
  CHECK(m.echo(large).get() == large);
  std::vector<tenon::call<receipt>> calls;
  for (int i = 1; i <= 1000; ++i) calls.push_back(m.buy({"ACME", i, {}}));
  for (int i = 1; i <= 1000; ++i) CHECK(calls[static_cast<std::size_t>(i - 1)].get()->price == 1.5 * i);
}

TEST_CASE("a client that was not told how to speak gRPC says what to write") {
  grpc_desk m{"grpc://127.0.0.1:1"};
  const tenon::status why = m.buy({}).get().error();
  CHECK(why.code() == tenon::code::invalid_argument);
  CHECK(why.message().find("tenon::grpc") != std::string::npos);
}
