#include <tenon/server/server.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/core/task.hpp>

namespace {

// Declared and never defined: nothing of it is linked.
struct contract {
  std::string greet(std::string name);
  int next();
  TENON_SERVICE(contract, greet, next)
};

struct foreign {  // A type one may not touch.
  int count = 0;
  std::string greet(std::string name) { return "foreign " + name; }
  int next() { return ++count; }
};
TENON_SERVICE_FOR(foreign, greet, next)

// Fits the contract with signatures of its own: a context, a reference, coroutines.
struct freely {
  int count = 0;
  // The reference must live as long as the coroutine, which goes on later.
  tenon::task<std::string> greet(tenon::context& call, const std::string& name) const {
    co_await asio::post(*call.io(), tenon::use_task);
    co_return "freely " + name + " of " + std::string{call.service()};
  }
  std::int16_t next() { return static_cast<std::int16_t>(++count); }
};

// Text, spelled backwards.
struct backwards {
  static constexpr std::string_view name = "backwards";
  static constexpr std::string_view content_type = "text/x-backwards";
  static constexpr std::uint8_t serialization = 9;
  template <class T>
  static void encode(tenon::buffer& out, const T& value) {
    std::string text = tenon::encode<tenon::codec::json>(value);
    out.append(std::string{text.rbegin(), text.rend()});
  }
  template <class Tuple>
  static void encode(tenon::buffer& out, const tenon::codec::arguments<Tuple>& value) {
    tenon::buffer text;
    tenon::codec::json::encode(text, value);
    out.append(std::string{text.view().rbegin(), text.view().rend()});
  }
  template <class T>
  static tenon::status decode(std::string_view in, T& value, const tenon::limits& bounds) {
    const std::string text{in.rbegin(), in.rend()};
    return tenon::codec::json::decode(text, value, bounds);
  }
};
static_assert(tenon::codec_type<backwards>);

template <class... Parameters, class Object>
std::string greeting_of(Object&& object, int calls_of_next = 0) {
  simulated::world world;
  tenon::server<> server{world.io};
  REQUIRE(server.serve<contract, Parameters...>(std::forward<Object>(object)).ok());
  server.listen(world.wire, "a");
  server.start();
  tenon::client<contract> client{world.io, world.wire.connector_to("a")};
  for (int i = 0; i < calls_of_next; ++i) {
    auto next = client.next();
    world.run();
    CHECK(*next.get() == i + 1);
  }
  auto call = client.greet("you");
  world.run();
  REQUIRE(call.done());
  return call.get().value_or("(an error)");
}

}  // namespace

TEST_CASE("any object that fits a contract serves it: by value, shared, by reference, from a factory") {
  CHECK(greeting_of(foreign{}, 3) == "foreign you");
  const auto kept = std::make_shared<foreign>();
  CHECK(greeting_of(kept, 2) == "foreign you");
  CHECK(kept->count == 2);
  foreign mine;
  CHECK(greeting_of(std::ref(mine), 2) == "foreign you");
  CHECK(mine.count == 2);
  CHECK(greeting_of([] { return foreign{}; }, 1) == "foreign you");
  CHECK(greeting_of([kept] { return kept; }) == "foreign you");
  CHECK(greeting_of([&mine] { return std::ref(mine); }) == "foreign you");
}

TEST_CASE("an implementation's own signatures count, and its coroutines may take arguments by reference") { CHECK(greeting_of(freely{}, 2) == "freely you of contract"); }

TEST_CASE("a type declared a service from outside is served and called as one") {
  simulated::world world;
  tenon::server<> server{world.io};
  server.serve(foreign{});
  server.listen(world.wire, "a");
  server.start();
  tenon::client<foreign> client{world.io, world.wire.connector_to("a")};
  auto call = client.greet("you");
  world.run();
  CHECK(*call.get() == "foreign you");
}

TEST_CASE("a codec among the parameters is spoken beside those every server speaks") {
  simulated::world world;
  tenon::server<> server{world.io};
  REQUIRE(server.serve<contract, backwards>(foreign{}).ok());
  server.listen(world.wire, "a");
  server.start();
  tenon::client<contract, backwards> odd{world.io, world.wire.connector_to("a")};
  tenon::client<contract> plain{world.io, world.wire.connector_to("a")};
  auto one = odd.greet("you");
  auto two = plain.greet("you");
  world.run();
  CHECK(*one.get() == "foreign you");
  CHECK(*two.get() == "foreign you");
}

TEST_CASE("a service of one name is served once, and the set-up's error is what start says") {
  simulated::world world;
  tenon::server<> server{world.io};
  CHECK(server.serve<contract>(foreign{}).ok());
  CHECK(server.serve<contract>(freely{}).code() == tenon::code::already_exists);
  CHECK(server.start().message() == "service \"contract\" is served already");
}
