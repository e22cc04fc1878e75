#include <tenon/server/server.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using simulated::call_of;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

// A handler that sleeps in asio for longer than anybody waits, unless it is told that nobody does.
struct sleeper {
  int* told = nullptr;

  struct alarm final : tenon::cancellation::listener {
    alarm(asio::steady_timer& which, int* counted) : timer{which}, told{counted} {}
    void cancelled() override {
      if (told != nullptr) ++*told;
      timer.cancel();
    }
    asio::steady_timer& timer;
    int* told;
  };
  asio::awaitable<int> sleep(tenon::context& call) {
    asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::hours{1}};
    alarm on_cancel{timer, told};
    call.cancel.listen(on_cancel);
    co_await timer.async_wait(asio::use_awaitable);
    co_return 1;
  }
  TENON_SERVICE(sleeper, sleep)
};

struct stopper {
  tenon::server<>* server;
  int stop() {
    server->stop();
    return 1;
  }
  TENON_SERVICE(stopper, stop)
};

}  // namespace

TEST_CASE("a server that stops answers what is under way, refuses what comes meanwhile, and closes") {
  served_desk world;
  peer busy{world};
  peer idle{world};
  REQUIRE(busy.connect("desk"));
  REQUIRE(idle.connect("desk"));
  busy.say(call_of(1, "wait", "a").bytes());
  world.server.stop();
  world.run();
  // What a fresh connection has to say may still be under way.
  CHECK(!idle.hung_up());
  world.pass(1001_ms);
  CHECK(idle.hung_up());
  CHECK(!busy.hung_up());
  busy.say(call_of(2, "echo", "b").bytes() + call_of(3, "wait", "c").bytes());
  auto answers = frames_in(busy.heard());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].value_of("__rpcx_error__") == "UNAVAILABLE: the server is stopping");
  CHECK(answers[0].value_of("tenon-not-executed") == "1");
  CHECK(answers[1].value_of("tenon-code") == "UNAVAILABLE");
  world.on_loop([&] { world.records.door.open(); });
  answers = frames_in(busy.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].payload == simulated::text_in_msgpack("a waited"));
  CHECK(busy.hung_up());
  CHECK(world.records.calls == 1);
  peer late{world};
  CHECK(!late.connect("desk"));
}

TEST_CASE("a request that was under way on a fresh connection when the server stopped is refused, and not lost") {
  served_desk world;
  peer fresh{world};
  REQUIRE(fresh.connect("desk"));
  world.server.stop();
  world.run();
  const std::string bytes = simulated::frame{.bits = simulated::heartbeat, .metadata = {{"tenon-peer", "client"}}}.bytes() + call_of(7, "echo", "a").bytes();
  fresh.say(bytes.substr(0, 20));
  CHECK(!fresh.hung_up());
  fresh.say(bytes.substr(20));
  const auto answers = frames_in(fresh.heard());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].value_of("tenon-peer") == "server");
  CHECK(answers[1].value_of("tenon-not-executed") == "1");
  CHECK(answers[2].sequence == 7);  // the notice: nothing after this one was executed
  CHECK(fresh.hung_up());
  CHECK(world.records.calls == 0);
}

TEST_CASE("a request whose first byte comes when the server has stopped has the time of a message, where a peer that says nothing has a second") {
  served_desk world{{.message_timeout = 3_s}};
  peer late{world};
  peer slow{world};
  peer silent{world};
  REQUIRE(late.connect("desk"));
  REQUIRE(slow.connect("desk"));
  REQUIRE(silent.connect("desk"));
  world.server.stop();
  world.pass(900_ms);
  const std::string bytes = call_of(1, "echo", "a").bytes();
  late.say(bytes.substr(0, 1));
  slow.say(bytes.substr(0, 1));
  CHECK(!silent.hung_up());
  world.pass(200_ms);
  CHECK(silent.hung_up());
  world.pass(2700_ms);
  late.say(bytes.substr(1));
  const auto answers = frames_in(late.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].value_of("tenon-not-executed") == "1");
  CHECK(late.hung_up());
  CHECK(!slow.hung_up());
  world.pass(200_ms);
  CHECK(slow.hung_up());
  CHECK(world.records.calls == 0);
}

namespace {

struct goodbyes {
  std::vector<std::string> why;
  void closed(const tenon::connection_info&, std::string_view reason) { why.emplace_back(reason); }
};

}  // namespace

TEST_CASE("a request that crosses the notice of a server that stops is read past in the time of a message, where a peer that says nothing more has a second") {
  goodbyes told;
  served_desk world{{.message_timeout = 3_s, .hooks = tenon::server_hooks::of(told)}};
  peer silent{world};
  peer slow{world};
  for (peer* each : {&silent, &slow}) {
    REQUIRE(each->connect("desk"));
    each->say(call_of(1, "echo", "a").bytes());
  }
  world.server.stop();
  world.pass(900_ms);
  const std::string bytes = call_of(2, "echo", "b").bytes();
  slow.say(bytes.substr(0, 1));
  CHECK(told.why.empty());
  world.pass(200_ms);
  CHECK(told.why.size() == 1);
  world.pass(2700_ms);
  slow.say(bytes.substr(1));
  CHECK(told.why.size() == 1);
  world.pass(200_ms);
  CHECK(told.why == std::vector<std::string>(2, "all was said, and the peer did not hang up"));
  CHECK(world.records.calls == 2);
}

TEST_CASE("what crosses the notice of a server that stops does not reset the connection") {
  served_desk world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(call_of(1, "echo", "a").bytes());
  world.server.stop();
  world.run();
  caller.say(call_of(2, "echo", "b").bytes());
  CHECK(frames_in(caller.heard()).size() == 1);
  CHECK(caller.hung_up());
  CHECK(world.records.calls == 1);
}

TEST_CASE("a server that stops waits for its handlers only so long, and destroys those that go on") {
  served_desk world{{.drain = 2_s}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(call_of(1, "wait", "a").bytes() + call_of(2, "wait", "b").bytes());
  world.server.stop();
  world.server.stop();
  world.pass(1_s);
  CHECK(!caller.hung_up());
  CHECK(world.records.destroyed == 0);
  world.pass(2_s);
  CHECK(caller.hung_up());
  CHECK(world.records.destroyed == 2);
  CHECK(caller.heard().empty());
}

TEST_CASE("answers that wait to be read are sent before a stopping server closes") {
  served_desk world{{.max_write_buffer_bytes = 100'000}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.stop_reading();
  std::string bytes;
  for (std::uint64_t i = 0; i < 100; ++i) bytes += simulated::frame{.codec = simulated::json, .sequence = i, .service = "desk", .method = "large", .payload = "50000"}.bytes();
  caller.say(bytes);
  world.server.stop();
  world.run();
  caller.read_again();
  const auto answers = frames_in(caller.heard());
  CHECK(answers.size() == 100);
  CHECK(caller.hung_up());
}

TEST_CASE("a handler may stop its server, and is answered") {
  simulated::world world;
  tenon::server<> server{world.io};
  server.serve(stopper{&server});
  server.listen(world.wire, "a");
  server.start();
  peer caller{world};
  REQUIRE(caller.connect("a"));
  caller.say(simulated::frame{.service = "stopper", .method = "stop", .payload = "\x90"}.bytes());
  CHECK(frames_in(caller.heard()).size() == 1);
  CHECK(caller.hung_up());
}

TEST_CASE("a server that goes takes its handlers with it, whatever they wait for") {
  auto world = std::make_unique<simulated::world>();
  simulated::desk_records records;
  int told = 0;
  {
    peer caller{*world};
    {
      tenon::server<> server{world->io};
      server.serve(simulated::desk{&records});
      server.serve(sleeper{&told});
      server.listen(world->wire, "desk");
      server.start();
      REQUIRE(caller.connect("desk"));
      caller.say(call_of(1, "wait", "a").bytes() + simulated::frame{.service = "sleeper", .method = "sleep", .payload = "\x90"}.bytes());
      CHECK(records.door.waiting() == 1);
    }
    CHECK(records.destroyed == 1);
    CHECK(records.door.waiting() == 0);
    CHECK(told == 1);
    CHECK(caller.hung_up());
  }
  world.reset();
}

TEST_CASE("a server that is gone before its io_context runs leaves nothing to run into") {
  simulated::world world;
  for (const bool stops : {false, true}) {
    tenon::server<> server{world.io};
    server.serve(sleeper{});
    server.listen(world.wire, "a");
    server.start();
    if (stops) server.stop();
  }
  world.run();
  peer late{world};
  CHECK(!late.connect("a"));
}

TEST_CASE("what cannot be set up is said by start and by run") {
  simulated::world world;
  {
    tenon::server<> server{world.io};
    server.serve(sleeper{});
    const tenon::bound where = server.listen("tcp:/nonsense");
    CHECK(!where);
    CHECK(where.port() == 0);
    CHECK(where.error().code() == tenon::code::invalid_argument);
    CHECK(server.start().code() == tenon::code::invalid_argument);
    CHECK(server.run().code() == tenon::code::invalid_argument);
  }
  tenon::server<> server{world.io};
  CHECK(server.listen(world.wire, "a"));
  CHECK(server.listen(world.wire, "a").error().code() == tenon::code::already_exists);
}

TEST_CASE("an address to listen on names no protocol: which are spoken is said by the server's type") {
  simulated::world world;
  for (const std::string_view url : {"grpc://127.0.0.1:0", "http://127.0.0.1:0", "ws://127.0.0.1:0/rpc", "jsonrpc+tcp://127.0.0.1:0", "msgpackrpc+unix://@tenon-test-nobody"}) {
    CAPTURE(url);
    tenon::server<> server{world.io};
    const tenon::bound where = server.listen(url);
    CHECK(!where);
    CHECK(where.error().code() == tenon::code::invalid_argument);
    CHECK(where.error().message().starts_with("listen: address \"" + std::string{url} + "\": expected tcp://host:port or unix:///path without a protocol"));
    CHECK(where.error().message().find("its template parameter") != std::string::npos);
    CHECK(server.start() == where.error());
  }
  tenon::server<> server{world.io};
  CHECK(server.listen("rpcx://127.0.0.1:0").url().starts_with("tcp://127.0.0.1:"));
}

TEST_CASE("what is set up too late is refused") {
  simulated::world world;
  tenon::server<> server{world.io};
  server.serve(sleeper{});
  CHECK(server.listen(world.wire, "a"));
  CHECK(server.start().ok());
  CHECK(server.serve(simulated::desk{}).code() == tenon::code::failed_precondition);
  CHECK(server.listen(world.wire, "b").error().code() == tenon::code::failed_precondition);
  CHECK(server.listen("tcp://127.0.0.1:0").error().code() == tenon::code::failed_precondition);
}

namespace {

struct counting_state {
  int admitted = 0;
  int observed = 0;
  tenon::code last = tenon::code::ok;
};
counting_state* counters;

struct counting : tenon::policy::base {
  static constexpr std::string_view name = "counting";
  struct options {};
  static constexpr options defaults{};
  static tenon::outcome admit(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&) noexcept {
    ++counters->admitted;
    return {};
  }
  static void observe(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome result) noexcept {
    ++counters->observed;
    counters->last = result.code;
  }
};

}  // namespace

TEST_CASE("every admitted call is observed once: answered, failed, unreadable, expired, cut off, destroyed") {
  counting_state counted;
  counters = &counted;
  simulated::world world;
  simulated::desk_records records;
  std::optional<tenon::server<>> server{std::in_place, world.io};
  server->serve<counting, tenon::timeout<5_s>>(simulated::desk{&records});
  server->listen(world.wire, "desk");
  server->start();
  peer caller{world};
  REQUIRE(caller.connect("desk"));

  const auto after = [&](const std::string& bytes) {
    counted = {};
    caller.say(bytes);
    return std::vector{counted.admitted, counted.observed, static_cast<int>(counted.last)};
  };
  const auto seen = [](int admitted, int observed, tenon::code last) { return std::vector{admitted, observed, static_cast<int>(last)}; };
  CHECK(after(call_of(1, "echo", "a").bytes()) == seen(1, 1, tenon::code::ok));
  CHECK(after(call_of(1, "fail", "a").bytes()) == seen(1, 1, tenon::code::unknown));
  CHECK(after(call_of(1, "add", "a").bytes()) == seen(1, 1, tenon::code::invalid_argument));
  CHECK(after(call_of(1, "nothing", "a").bytes()) == seen(0, 0, tenon::code::ok));
  CHECK(after(call_of(1, "wait", "a").bytes()) == seen(1, 0, tenon::code::ok));
  world.on_loop([&] { records.door.open(); });
  CHECK(counted.observed == 1);
  CHECK(after(call_of(2, "wait", "a").bytes()) == seen(1, 0, tenon::code::ok));
  // The policy's own time ends it for the caller; the handler is observed when it ends.
  (void)caller.heard();
  world.pass(6_s);
  CHECK(frames_in(caller.heard()).at(0).value_of("tenon-code") == "DEADLINE_EXCEEDED");
  world.on_loop([&] { records.door.open(); });
  CHECK(counted.observed == 1);
  CHECK(after(call_of(3, "wait", "a").bytes()) == seen(1, 0, tenon::code::ok));
  server.reset();
  CHECK(counted.observed == 1);
  CHECK(counted.last == tenon::code::cancelled);
}
