// A server that calls its clients back, from both ends over the memory network. peers/peer.hpp and peers/offers.hpp are under test, and what carries them.
#include <tenon/peers.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/core/asio.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/task.hpp>
#include <tenon/net/stream.hpp>
#include <tenon/peers/carried_stream.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;

namespace {

/// What clients offer.
struct display {
  std::string show(std::string text);
  void note(int number);
  std::string wait(std::string text);
  std::string large(std::size_t bytes);
  TENON_SERVICE(display, show, note, wait, large)
};
using caller = tenon::peer<display>;  // `peer` alone is the test's own

struct screen {
  std::vector<std::string>* seen;
  simulated::gate* door;
  int* cancelled;

  std::string show(std::string text) {
    seen->push_back(text);
    return "shown " + text;
  }
  void note(int number) { seen->push_back(std::to_string(number)); }
  tenon::task<std::string> wait(tenon::context& call, std::string text) {
    seen->push_back("wait " + text);
    co_await door->wait();
    if (call.cancelled()) ++*cancelled;
    co_return text + " waited";
  }
  std::string large(std::size_t bytes) { return std::string(bytes, 'x'); }
};

/// What the server serves: it keeps its callers.
struct hall {
  std::vector<caller>* callers;
  std::vector<std::string>* heard;

  std::uint64_t enter(tenon::context& call) {
    callers->push_back(caller{call});
    return call.connection_id();
  }
  tenon::task<std::string> echo_back(tenon::context& call, std::string text) {
    tenon::result<std::string> got = co_await caller{call}.show(text);
    co_return got ? *got + " and back" : got.error().to_string();
  }
  std::string tell_twice(tenon::context& call) {
    const caller back{call};
    back.with({.one_way = true}).note(1).then([](tenon::result<void>) {});
    back.with({.one_way = true}).note(2).then([](tenon::result<void>) {});
    return "told";
  }
  TENON_SERVICE(hall, enter, echo_back, tell_twice)
};

/// Uses a stream that it owns, as a connection does, and lives by its references.
struct owner final : tenon::net::stream_user {
  explicit owner(std::unique_ptr<tenon::net::stream> given) : stream{std::move(given)} {}
  void read_done(const std::error_code&, std::size_t) override {}
  void write_done(const std::error_code&) override {}
  void retain() noexcept override { ++references; }
  void release() noexcept override {
    if (--references == 0) delete this;
  }
  std::unique_ptr<tenon::net::stream> stream;
  int references = 0;
};
struct nowhere final : tenon::detail::carrier {
  void carry(std::string_view) override {}
  bool full() const noexcept override { return false; }
  tenon::detail::reach can_ask() override { return tenon::detail::reach::calls; }
  void fail(std::string_view) override {}
};

struct house : simulated::world {
  explicit house(tenon::server_options options = {}, tenon::client_options chosen = {}) : server{io, options} {
    server.serve(hall{&callers, &heard});
    server.listen(wire, "hall");
    server.start();
    run();
    mine.serve<display>(screen{&seen, &door, &cancelled});
    chosen.offers = mine;
    client.emplace(io, wire.connector_to("hall"), chosen);
  }
  ~house() {
    on_loop([this] { client.reset(); });
    callers.clear();
    run();
  }
  template <class T>
  std::optional<tenon::result<T>> ended(tenon::call<T> made) {
    auto got = std::make_shared<std::optional<tenon::result<T>>>();
    std::move(made).then([got](tenon::result<T> given) { got->emplace(std::move(given)); });
    run();
    return std::move(*got);
  }
  caller& enter() {
    REQUIRE(ended(client->enter()).value().has_value());
    return callers.back();
  }

  std::vector<std::string> seen;
  simulated::gate door;
  int cancelled = 0;
  std::vector<caller> callers;
  std::vector<std::string> heard;
  tenon::offers mine;
  tenon::server<> server;
  std::optional<tenon::client<hall>> client;
};

struct at_home {
  std::atomic<int>* shown;
  std::string show(std::string text) {
    ++*shown;
    return text + "!";
  }
  void note(int) { ++*shown; }
  std::string wait(std::string text) { return text; }
  std::string large(std::size_t bytes) { return std::string(bytes, 'x'); }
};
struct worker {
  std::string work(tenon::context& call, int number) {
    const caller back{call};
    (void)back.with({.one_way = true}).note(number).get();
    return back.with({.parent = &call}).show(std::to_string(number)).get().value_or("nobody there");
  }
  TENON_SERVICE(worker, (work, tenon::blocking))
};

template <class T>
struct ending {
  std::shared_ptr<std::optional<tenon::result<T>>> got = std::make_shared<std::optional<tenon::result<T>>>();
  auto taker() const {
    return [kept = got](tenon::result<T> given) { kept->emplace(std::move(given)); };
  }
  bool came() const { return got->has_value(); }
  std::string text() const { return !came() ? "(nothing)" : **got ? "OK" : (**got).error().to_string(); }
  bool not_executed() const { return (**got).error().has(tenon::outcome::not_executed); }
};

frame greeting() { return {.bits = simulated::heartbeat, .metadata = {{"tenon-peer", "client"}}}; }
frame call_of(std::uint64_t sequence, std::string method, std::string payload = "null") {
  return {.codec = simulated::json, .sequence = sequence, .service = "hall", .method = std::move(method), .payload = std::move(payload)};
}
std::vector<frame> requests_in(peer& at) {
  std::vector<frame> found = frames_in(at.heard());
  std::erase_if(found, [](const frame& each) { return (each.bits & (simulated::response | simulated::heartbeat)) != 0; });
  return found;
}

}  // namespace

TEST_CASE("a handler calls the object that its caller offers, over the caller's own connection") {
  house world;
  CHECK(world.ended(world.client->echo_back("hello")).value().value() == "shown hello and back");
  CHECK(world.seen == std::vector<std::string>{"hello"});
}

TEST_CASE("a caller is kept and called later, as often and by as many copies as one likes") {
  house world;
  const caller kept = world.enter();
  const caller copy = kept;
  CHECK(kept.connection_id() == 1);
  CHECK(kept.address() == "memory://");
  for (int i = 0; i < 5; ++i) {
    CHECK(world.ended((i % 2 == 0 ? kept : copy).show(std::to_string(i))).value().value() == "shown " + std::to_string(i));
  }
  CHECK(world.ended(kept.large(300'000)).value().value().size() == 300'000);
  CHECK_FALSE(kept.gone());
}

TEST_CASE("what one side tells the other arrives in its order, notices and calls alike") {
  house world;
  const caller& kept = world.enter();
  ending<std::string> last;
  world.on_loop([&] {
    for (int i = 0; i < 100; ++i) {
      kept.with({.one_way = true}).note(i).then([](tenon::result<void>) {});
      if (i % 10 == 0) kept.show("ten").then(last.taker());
    }
  });
  REQUIRE(world.seen.size() == 110);
  int next = 0;
  for (const std::string& each : world.seen) {
    if (each != "ten") CHECK(each == std::to_string(next++));
  }
  CHECK(last.text() == "OK");
}

TEST_CASE("a plain handler notifies its caller, and its answer is whole") {
  house world;
  CHECK(world.ended(world.client->tell_twice()).value().value() == "told");
  CHECK(world.seen == std::vector<std::string>{"1", "2"});
}

TEST_CASE("calls in the other direction have deadlines and cancels, which reach the handler there") {
  house world;
  const caller& kept = world.enter();
  ending<std::string> late, dropped;
  kept.with({.timeout = 100_ms}).wait("a").then(late.taker());
  world.run();
  world.pass(101_ms);
  CHECK(late.text().find("DEADLINE_EXCEEDED") == 0);
  world.on_loop([&] { world.door.open(); });
  CHECK(world.cancelled == 1);
  {
    std::optional<tenon::call<std::string>> going{kept.wait("b")};
    world.run();
    CHECK(world.seen.back() == "wait b");
    world.on_loop([&] { going.reset(); });
  }
  world.run();
  world.on_loop([&] { world.door.open(); });
  CHECK(world.cancelled == 2);
  CHECK(world.ended(kept.show("still there")).value().has_value());
}

TEST_CASE("a connection that goes ends the calls in both directions, and every call after that") {
  house world;
  const caller kept = world.enter();
  ending<std::string> under_way, after, elsewhere;
  kept.wait("a").then(under_way.taker());
  world.run();
  world.on_loop([&] { world.client.reset(); });
  world.run();
  CHECK(under_way.text().find("UNAVAILABLE: display.wait: the connection from memory:// has gone") == 0);
  CHECK_FALSE(under_way.not_executed());
  CHECK(kept.gone());
  world.on_loop([&] { kept.show("x").then(after.taker()); });
  CHECK(after.text().find("UNAVAILABLE") == 0);
  CHECK(after.not_executed());
  // Not on the loop's thread, where it is known at once.
  CHECK(kept.show("y").get().error().code() == tenon::code::unavailable);
  tenon::cancellation given_up;
  given_up.request();
  CHECK(kept.with({.cancel = &given_up}).show("z").get().error().code() == tenon::code::cancelled);
  world.on_loop([&] { world.door.open(); });
  world.run();
}

TEST_CASE("the handler at a client sees that its server has gone") {
  house world;
  const caller kept = world.enter();
  ending<std::string> under_way;
  kept.wait("a").then(under_way.taker());
  world.run();
  world.server.stop();
  world.run();
  world.pass(6_s);
  CHECK(under_way.text().find("UNAVAILABLE") == 0);
  world.on_loop([&] { world.door.open(); });
  CHECK(world.cancelled == 1);
}

TEST_CASE("a client that comes back is another caller") {
  house world;
  const caller first = world.enter();
  world.on_loop([&] { world.client->move_to(world.wire.connector_to("hall")); });
  world.run();
  const caller second = world.enter();
  CHECK(first.connection_id() != second.connection_id());
  CHECK(first.gone());
  CHECK(world.ended(second.show("again")).value().has_value());
}

TEST_CASE("a client that offers nothing, or something else, says so; notices to it are lost") {
  house world;
  world.on_loop([&] { world.client.emplace(world.io, world.wire.connector_to("hall")); });
  const caller& kept = world.enter();
  const auto refused = world.ended(kept.show("x")).value();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().to_string() == "UNIMPLEMENTED: this client serves nothing");
  CHECK(refused.error().has(tenon::outcome::not_executed));
  CHECK(world.ended(kept.with({.one_way = true}).note(1)).value().has_value());
  tenon::offers other;
  other.serve(hall{nullptr, nullptr});
  CHECK(other.serve(hall{nullptr, nullptr}).code() == tenon::code::already_exists);
  world.on_loop([&] { world.client.emplace(world.io, world.wire.connector_to("hall"), tenon::client_options{.offers = other}); });
  const auto unknown = world.ended(world.enter().show("x")).value();
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code() == tenon::code::unimplemented);
}

TEST_CASE("both sides bound what is under way") {
  house world;
  const caller& kept = world.enter();
  std::vector<ending<std::string>> all(1001);
  world.on_loop([&] {
    for (auto& each : all) kept.wait("x").then(each.taker());
  });
  CHECK(all[999].text() == "(nothing)");
  REQUIRE(all[1000].came());
  CHECK(all[1000].text().find("RESOURCE_EXHAUSTED") == 0);
  CHECK(all[1000].not_executed());
  world.on_loop([&] { world.door.open(); });
  for (std::size_t i = 0; i < 1000; ++i) CHECK(all[i].text() == "OK");
}

TEST_CASE("what a client offers has limits and policies of its own") {
  house world;
  tenon::offers few{tenon::server_options{.max_pending_calls = 2}};
  few.serve<display>(screen{&world.seen, &world.door, &world.cancelled});
  world.on_loop([&] { world.client.emplace(world.io, world.wire.connector_to("hall"), tenon::client_options{.offers = few}); });
  const caller& kept = world.enter();
  ending<std::string> one, two, three;
  kept.wait("1").then(one.taker());
  kept.wait("2").then(two.taker());
  kept.wait("3").then(three.taker());
  world.run();
  CHECK(three.text().find("RESOURCE_EXHAUSTED") == 0);
  world.on_loop([&] { world.door.open(); });
  CHECK(one.text() == "OK");
  tenon::offers narrow;
  narrow.serve<display, tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 1}>>(screen{&world.seen, &world.door, &world.cancelled});
  world.on_loop([&] { world.client.emplace(world.io, world.wire.connector_to("hall"), tenon::client_options{.offers = narrow}); });
  const caller& tight = world.enter();
  ending<std::string> first, second;
  tight.wait("1").then(first.taker());
  tight.wait("2").then(second.taker());
  world.run();
  CHECK(second.text().find("UNAVAILABLE") == 0);
  world.on_loop([&] { world.door.open(); });
  CHECK(first.text() == "OK");
}

TEST_CASE("on the wire these are rpcx's own frames, and only a tenon peer is called") {
  house world;
  peer tenon_like{world};
  REQUIRE(tenon_like.connect("hall"));
  tenon_like.say(greeting().bytes() + call_of(1, "enter").bytes());
  (void)tenon_like.heard();
  ending<std::string> asked;
  world.callers.back().show("x").then(asked.taker());
  world.run();
  auto got = requests_in(tenon_like);
  REQUIRE(got.size() == 1);
  CHECK(got[0].bits == simulated::request);
  CHECK(got[0].codec == simulated::msgpack);
  CHECK(got[0].service == "display");
  CHECK(got[0].method == "show");
  tenon_like.say(frame{.bits = simulated::response, .codec = simulated::msgpack, .sequence = got[0].sequence, .payload = simulated::text_in_msgpack("well")}.bytes());
  CHECK(asked.text() == "OK");

  peer foreign{world};
  REQUIRE(foreign.connect("hall"));
  foreign.say(call_of(1, "enter").bytes());
  (void)foreign.heard();
  const auto refused = world.ended(world.callers.back().show("x")).value();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == tenon::code::failed_precondition);
  CHECK(refused.error().has(tenon::outcome::not_executed));
  CHECK(foreign.heard().empty());
  CHECK(world.ended(world.callers.back().with({.one_way = true}).note(7)).value().has_value());
  got = requests_in(foreign);
  REQUIRE(got.size() == 1);
  CHECK(got[0].bits == simulated::one_way);
  CHECK(got[0].codec == 0);
  CHECK(got[0].method == "note");

  peer web{world};
  REQUIRE(web.connect("hall"));
  web.say("POST /hall/enter HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnull");
  (void)web.heard();
  const auto impossible = world.ended(world.callers.back().with({.one_way = true}).note(7)).value();
  REQUIRE_FALSE(impossible.has_value());
  CHECK(impossible.error().code() == tenon::code::unimplemented);
  CHECK(web.heard().empty());
}

TEST_CASE("answers to calls that nobody made, late answers and broken ones harm nobody") {
  house world;
  peer odd{world};
  REQUIRE(odd.connect("hall"));
  // Before anybody has called there.
  odd.say(frame{.bits = simulated::response, .sequence = 77, .payload = "x"}.bytes());
  odd.say(greeting().bytes() + call_of(1, "enter").bytes());
  (void)odd.heard();
  ending<std::string> asked;
  world.callers.back().show("x").then(asked.taker());
  world.run();
  const auto got = requests_in(odd);
  REQUIRE(got.size() == 1);
  odd.say(frame{.bits = simulated::response, .sequence = got[0].sequence + 1, .payload = "x"}.bytes());
  CHECK_FALSE(asked.came());
  odd.say(frame{.bits = simulated::response, .codec = simulated::msgpack, .sequence = got[0].sequence, .payload = "\xff"}.bytes());
  CHECK(asked.text().find("INTERNAL") == 0);
  odd.say(frame{.bits = simulated::response, .codec = simulated::msgpack, .sequence = got[0].sequence, .payload = simulated::text_in_msgpack("again")}.bytes());
  CHECK(!odd.hung_up());
  odd.say(call_of(2, "enter").bytes());
  CHECK(frames_in(odd.heard()).size() == 1);
}

TEST_CASE("a peer that does not read what it is told costs no more than the bounds say") {
  house world{{.max_write_buffer_bytes = 100'000}};
  peer deaf{world};
  REQUIRE(deaf.connect("hall"));
  deaf.say(greeting().bytes() + call_of(1, "enter").bytes());
  (void)deaf.heard();
  deaf.stop_reading();
  const caller kept = world.callers.back();
  std::size_t taken = 0;
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    const auto got = world.ended(kept.with({.one_way = true}).show(std::string(10'000, 'x'))).value();
    if (got) taken += 10'000;
    else ++refused;
    CHECK((got || got.error().code() == tenon::code::resource_exhausted));
  }
  // The network, the connection's buffer and one piece above it, and the peer's own.
  CHECK(refused > 100);
  CHECK(taken <= 256 * 1024 + 256 * 1024 + 100'000 + 2 * 1024 * 1024);
  deaf.read_again();
  world.run();
  CHECK(world.ended(kept.with({.one_way = true}).show("now")).value().has_value());
}

TEST_CASE("the way back and its user let each other go, where the loop ends before it comes to what was posted") {
  auto io = std::make_unique<asio::io_context>();
  nowhere by;
  const auto handle = std::make_shared<tenon::detail::connection_handle>(*io, 1, "somebody", by);
  auto path = std::make_shared<tenon::detail::carried>(handle, 1024);
  const std::weak_ptr<tenon::detail::carried> left = path;
  char space[16];
  auto& user = *new owner{std::make_unique<tenon::detail::carried_stream>(path)};
  user.stream->read_some(space, sizeof space, user);
  user.stream->write_all("{}\n", 3, user);
  path->gone();
  path.reset();
  io.reset();
  CHECK(left.expired());
}

TEST_CASE("a blocking handler on another thread calls its caller back; over sockets, with threads") {
  std::atomic<int> shown{0};
  tenon::server server{tenon::server_options{.loops = 2, .blocking_threads = 2}};
  server.serve(worker{});
  const auto at = server.listen("tcp://127.0.0.1:0");
  server.start();
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      tenon::offers mine;
      mine.serve<display>(at_home{&shown});
      tenon::client<worker> m{at.url(), tenon::client_options{.offers = mine}};
      for (int n = 0; n < 50; ++n) {
        if (const auto got = m.with({.timeout = 20_s}).work(n).get(); got && *got == std::to_string(n) + "!") ++good;
      }
      // Dropped in the middle of it.
      for (int n = 0; n < 10; ++n) (void)m.work(n);
    });
  }
  for (auto& each : clients) each.join();
  CHECK(good == 150);
  CHECK(shown >= 300);
  server.stop();
}
