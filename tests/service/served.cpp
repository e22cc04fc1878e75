#include <tenon/service/served.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/awaitable.hpp>

#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/task.hpp>
#include <tenon/server/server.hpp>
#include <tenon/service/handler.hpp>

using tenon::code;
using tenon::status;

namespace {

struct pair_of_numbers {
  int a = 0;
  int b = 0;
  bool operator==(const pair_of_numbers&) const = default;
};

// One method for every shape a handler may have.
struct shapes {
  std::string last;
  int value(int x) { return x; }
  const std::string& reference(const std::string& text) { return last = text; }
  tenon::result<int> result(int x) {
    if (x < 0) return status{code::out_of_range, "below zero"};
    return x;
  }
  status only_status(int x) { return x < 0 ? status{code::out_of_range, "below zero"} : status{}; }
  void nothing() noexcept {}
  tenon::result<void> result_of_nothing(int x) {
    if (x < 0) return status{code::out_of_range, "below zero"};
    return {};
  }
  tenon::task<int> task(int x) { co_return x; }
  tenon::task<tenon::result<int>> task_of_result(int x) {
    if (x < 0) co_return status{code::out_of_range, "below zero"};
    co_return x;
  }
  tenon::task<void> task_of_nothing() { co_return; }
  tenon::task<tenon::result<void>> task_of_result_of_nothing(int x) {
    if (x < 0) co_return status{code::out_of_range, "below zero"};
    co_return tenon::result<void>{};
  }
  tenon::task<status> task_of_status(int x) { co_return x < 0 ? status{code::out_of_range, "below zero"} : status{}; }
  asio::awaitable<int> awaitable(int x) { co_return x; }
  asio::awaitable<tenon::result<int>> awaitable_of_result(int x) {
    if (x < 0) co_return status{code::out_of_range, "below zero"};
    co_return x;
  }
  asio::awaitable<void> awaitable_of_nothing() { co_return; }
  asio::awaitable<tenon::result<void>> awaitable_of_result_of_nothing(int x) {
    if (x < 0) co_return status{code::out_of_range, "below zero"};
    co_return tenon::result<void>{};
  }
  std::string with_context(tenon::context& call, int x) const {
    call.response_metadata().add("seen", std::to_string(x));
    return std::string{call.service()} + "." + std::string{call.method()} + " " + std::string{call.request_metadata().get("who").value_or("nobody")};
  }
  tenon::task<std::string> task_with_context(tenon::context& call, int x) const {
    call.response_metadata().add("seen", std::to_string(x));
    co_return std::string{call.service()} + "." + std::string{call.method()};
  }
  asio::awaitable<std::string> awaitable_with_context(tenon::context& call, int x) {
    call.response_metadata().add("seen", std::to_string(x));
    co_return std::string{call.service()} + "." + std::string{call.method()};
  }
  int constant(int x) const noexcept { return x; }
  static int shared(int x) { return x; }
  std::vector<pair_of_numbers> several(pair_of_numbers one, std::vector<int> many, std::string text) {
    return std::vector<pair_of_numbers>(many.size(), {one.a, static_cast<int>(text.size())});
  }
  int throws(int) { throw std::runtime_error{"by hand"}; }
  int throws_a_number(int) { throw 7; }
  tenon::task<int> task_throws(int x) {
    if (x == 0) co_return 0;
    throw std::runtime_error{"in a task"};
  }
  asio::awaitable<int> awaitable_throws(int x) {
    if (x == 0) co_return 0;
    throw std::runtime_error{"in an awaitable"};
  }
  asio::awaitable<int> throws_before_it_is_one(int) { throw std::runtime_error{"before"}; }

  TENON_SERVICE(shapes, value, reference, result, only_status, nothing, result_of_nothing, task, task_of_result, task_of_nothing, task_of_result_of_nothing, task_of_status,
                awaitable, awaitable_of_result, awaitable_of_nothing, awaitable_of_result_of_nothing, with_context, task_with_context, awaitable_with_context, constant, shared,
                several, throws, throws_a_number, task_throws, awaitable_throws, throws_before_it_is_one)
};

struct served_world : simulated::world {
  tenon::server<> server{io};
  void start() {
    server.listen(wire, "a");
    server.start();
  }
};

// What a call gives when nothing keeps it waiting.
template <class T>
tenon::result<T> ended(simulated::world& world, tenon::call<T> call) {
  for (int i = 0; i < 5 && !call.done(); ++i) world.run();
  REQUIRE(call.done());
  return call.get();
}

}  // namespace

TEST_CASE("a handler may have every shape") {
  served_world world;
  world.server.serve(shapes{});
  world.start();
  tenon::client<shapes> client{world.io, world.wire.connector_to("a")};
  const status refused{code::out_of_range, "below zero"};

  CHECK(*ended(world, client.value(5)) == 5);
  CHECK(*ended(world, client.reference("text")) == "text");
  CHECK(*ended(world, client.result(5)) == 5);
  CHECK(ended(world, client.result(-5)).error() == refused);
  CHECK(ended(world, client.only_status(5)).has_value());
  CHECK(ended(world, client.only_status(-5)).error() == refused);
  CHECK(ended(world, client.nothing()).has_value());
  CHECK(ended(world, client.result_of_nothing(5)).has_value());
  CHECK(ended(world, client.result_of_nothing(-5)).error() == refused);
  CHECK(*ended(world, client.task(5)) == 5);
  CHECK(*ended(world, client.task_of_result(5)) == 5);
  CHECK(ended(world, client.task_of_result(-5)).error() == refused);
  CHECK(ended(world, client.task_of_nothing()).has_value());
  CHECK(ended(world, client.task_of_result_of_nothing(5)).has_value());
  CHECK(ended(world, client.task_of_result_of_nothing(-5)).error() == refused);
  CHECK(ended(world, client.task_of_status(5)).has_value());
  CHECK(ended(world, client.task_of_status(-5)).error() == refused);
  CHECK(*ended(world, client.awaitable(5)) == 5);
  CHECK(*ended(world, client.awaitable_of_result(5)) == 5);
  CHECK(ended(world, client.awaitable_of_result(-5)).error() == refused);
  CHECK(ended(world, client.awaitable_of_nothing()).has_value());
  CHECK(ended(world, client.awaitable_of_result_of_nothing(5)).has_value());
  CHECK(ended(world, client.awaitable_of_result_of_nothing(-5)).error() == refused);
  CHECK(*ended(world, client.constant(5)) == 5);
  CHECK(*ended(world, client.shared(5)) == 5);
  CHECK(*ended(world, client.several({1, 2}, {1, 2, 3}, "four")) == std::vector<pair_of_numbers>(3, {1, 4}));

  tenon::metadata came;
  CHECK(*ended(world, client.with({.metadata = {{"Who", "me"}}, .response_metadata = &came}).with_context(1)) == "shapes.with_context me");
  CHECK(*ended(world, client.with({.response_metadata = &came}).task_with_context(2)) == "shapes.task_with_context");
  CHECK(*ended(world, client.with({.response_metadata = &came}).awaitable_with_context(3)) == "shapes.awaitable_with_context");
  CHECK(came == tenon::metadata{{"seen", "1"}, {"seen", "2"}, {"seen", "3"}});

  CHECK(ended(world, client.throws(1)).error() == status{code::unknown, "shapes.throws: by hand"});
  CHECK(ended(world, client.throws_a_number(1)).error() == status{code::unknown, "shapes.throws_a_number: something that is no std::exception"});
  CHECK(*ended(world, client.task_throws(0)) == 0);
  CHECK(ended(world, client.task_throws(1)).error() == status{code::unknown, "shapes.task_throws: in a task"});
  CHECK(ended(world, client.awaitable_throws(1)).error() == status{code::unknown, "shapes.awaitable_throws: in an awaitable"});
  CHECK(ended(world, client.throws_before_it_is_one(1)).error() == status{code::unknown, "shapes.throws_before_it_is_one: before"});
  CHECK(*ended(world, client.value(6)) == 6);
}

TEST_CASE("a handler that hands on the error of a call of its own does not say that it never ran itself") {
  const status refused{tenon::outcome{.code = code::unavailable, .flags = tenon::outcome::not_executed}, "the next server is going away"};
  tenon::buffer out;
  for (const status& said : {tenon::service::write_given<tenon::codec::msgpack>(out, tenon::result<int>{refused}),
                             tenon::service::write_given<tenon::codec::msgpack>(out, tenon::result<void>{refused}),
                             tenon::service::write_given<tenon::codec::msgpack>(out, status{refused})}) {
    CHECK(said.to_string() == "UNAVAILABLE: the next server is going away");
    CHECK(!said.has(tenon::outcome::not_executed));
  }
  CHECK(out.empty());
}
