#include <tenon/server/definition.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <asio/awaitable.hpp>

#include <policy/turnstile.hpp>
#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/core/context.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/timeout.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using simulated::turnstile;
using tenon::timeout;
using tenon::timeout_options;

namespace {

// Methods of every kind.
struct station {
  int left(tenon::context& context) { return context.has_deadline() ? static_cast<int>(context.remaining().ns / 1'000'000) : -1; }
  int plain(int x) { return x; }
  tenon::task<int> in_task(int x) { co_return x; }
  asio::awaitable<int> in_awaitable(int x) { co_return x; }
  std::string said(tenon::context& context) {
    context.response_metadata().add("answer", "yes");
    return std::string{context.request_metadata().get("question").value_or("none")};
  }
  tenon::result<int> failing(int x) { return tenon::status{tenon::code::not_found, std::to_string(x)}; }
  TENON_SERVICE(station, left, plain, in_task, in_awaitable, said, failing)
};

template <class... Policies>
struct guarded_desk : simulated::world {
  guarded_desk() {
    server.serve<Policies...>(simulated::desk{&records});
    server.serve<Policies...>(station{});
    server.listen(wire, "desk");
    server.start();
    run();
  }
  simulated::desk_records records;
  tenon::server<> server{io};
};

frame ask(std::uint64_t sequence, std::string method, std::string payload = "7", std::string service = "station") {
  return {.codec = simulated::json, .sequence = sequence, .service = std::move(service), .method = std::move(method), .payload = std::move(payload)};
}
frame within(frame call, int milliseconds) {
  call.metadata.emplace_back("__ServerTimeout", std::to_string(milliseconds));
  return call;
}
std::string answer_to(peer& caller, const frame& question) {
  caller.say(question.bytes());
  const auto answers = frames_in(caller.heard());
  if (answers.size() != 1) return "(" + std::to_string(answers.size()) + " answers)";
  return (answers[0].bits & simulated::error) != 0 ? answers[0].value_of("__rpcx_error__") : answers[0].payload;
}

}  // namespace

TEST_CASE("on a server a timeout is the handler's budget, with a default and an upper limit of its own") {
  guarded_desk<timeout<100_ms>> plain;
  peer one{plain};
  REQUIRE(one.connect("desk"));
  CHECK(answer_to(one, ask(1, "left", "null")) == "100");
  CHECK(answer_to(one, within(ask(2, "left", "null"), 30)) == "30");
  CHECK(answer_to(one, within(ask(3, "left", "null"), 300)) == "100");
  guarded_desk<timeout<timeout_options{.server_default = 50_ms, .server_max = 60_s, .min_useful = 5_ms}>> both;
  peer two{both};
  REQUIRE(two.connect("desk"));
  CHECK(answer_to(two, ask(1, "left", "null")) == "50");
  CHECK(answer_to(two, within(ask(2, "left", "null"), 30'000)) == "30000");
  CHECK(answer_to(two, within(ask(3, "left", "null"), 300'000)) == "60000");
  CHECK(answer_to(two, within(ask(4, "left", "null"), 5)) == "DEADLINE_EXCEEDED: station.left: the time was up before the handler ran (timeout)");
}

TEST_CASE("a handler that takes too long is told of as what it is: longer than its caller's time, or than the server's own timeout") {
  guarded_desk<timeout<100_ms>> world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(simulated::call_of(1, "wait", "a").bytes() + within(simulated::call_of(2, "wait", "b"), 300).bytes() + within(simulated::call_of(3, "wait", "c"), 30).bytes() +
             within(simulated::call_of(4, "wait", "d"), 100).bytes());
  world.pass(40_ms);
  auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].sequence == 3);
  CHECK(answers[0].value_of("__rpcx_error__") == "DEADLINE_EXCEEDED: desk.wait: the caller's time was up while the handler ran");
  world.pass(80_ms);
  answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 3);
  for (const frame& each : answers) {
    CAPTURE(each.sequence);
    const std::string whose = each.sequence == 4 ? "the caller's time" : "the server's timeout of 100 ms";
    CHECK(each.value_of("__rpcx_error__") == "DEADLINE_EXCEEDED: desk.wait: " + whose + " was up while the handler ran");
    CHECK(each.value_of("tenon-not-executed") == "(no tenon-not-executed)");
  }
  // What a configured timeout says is its own time.
  CHECK(world.server.configure<simulated::desk>(timeout_options{.total = 20_ms}));
  CHECK(answer_to(caller, simulated::call_of(5, "wait", "e")) == "(0 answers)");
  world.pass(30_ms);
  answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].value_of("__rpcx_error__") == "DEADLINE_EXCEEDED: desk.wait: the server's timeout of 20 ms was up while the handler ran");
}

TEST_CASE("on_method and configure change what single methods of a service get") {
  simulated::world world;
  tenon::server server{world.io};
  server.serve<timeout<100_ms>, tenon::on_method<&station::left, timeout<40_ms>>, tenon::on_method<&station::plain, turnstile>>(station{});
  server.listen(world.wire, "desk");
  server.start();
  world.run();
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  CHECK(answer_to(caller, ask(1, "left", "null")) == "40");
  CHECK(answer_to(caller, ask(2, "plain")) == "7");
  CHECK(server.configure<station>(timeout_options{.total = 20_ms}));
  CHECK(answer_to(caller, ask(3, "left", "null")) == "20");
  CHECK(server.configure<station, &station::left>(timeout_options{.total = 10_ms}));
  CHECK(answer_to(caller, ask(4, "left", "null")) == "10");
  CHECK_FALSE(server.configure<station>(simulated::slow_start_options{}));
  CHECK_FALSE(server.configure<simulated::desk>(timeout_options{}));
}

TEST_CASE("handlers of every kind wait until a policy lets them go on, with what came with their call") {
  guarded_desk<simulated::slow_start> world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  frame question = ask(5, "said", "null");
  question.metadata.emplace_back("question", "why");
  caller.say(ask(1, "plain", "1").bytes() + ask(2, "in_task", "2").bytes() + ask(3, "in_awaitable", "3").bytes() + ask(4, "failing", "4").bytes() + question.bytes() + ask(6, "plain", "\"x\"").bytes());
  CHECK(caller.heard().empty());
  world.pass(10_ms);
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 6);
  for (const frame& each : answers) {
    CAPTURE(each.sequence);
    if (each.sequence <= 3) CHECK(each.payload == std::to_string(each.sequence));
    if (each.sequence == 4) CHECK(each.value_of("__rpcx_error__") == "NOT_FOUND: 4");
    if (each.sequence == 5) CHECK(each.payload == "\"why\"");
    if (each.sequence == 5) CHECK(each.value_of("answer") == "yes");
    if (each.sequence == 6) CHECK(each.value_of("__rpcx_error__").starts_with("INVALID_ARGUMENT: station.plain: request expected integer"));
  }
}

TEST_CASE("over HTTP/1.1, which answers in order, a call that waits holds back those behind it") {
  guarded_desk<simulated::slow_start> world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  const std::string call = "POST /station/plain HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n";
  caller.say(call + "1" + call + "2");
  CHECK(caller.heard().empty());
  world.pass(10_ms);
  std::string heard = caller.heard();
  CHECK(heard.ends_with("\r\n\r\n1"));
  world.pass(10_ms);
  heard = caller.heard();
  CHECK(heard.ends_with("\r\n\r\n2"));
}

TEST_CASE("calls wait for one another's handlers, in their order") {
  guarded_desk<turnstile> world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(simulated::call_of(1, "wait", "a").bytes() + simulated::call_of(2, "echo", "b").bytes() + simulated::call_of(3, "wait", "c").bytes() + simulated::call_of(4, "echo", "d").bytes());
  CHECK(caller.heard().empty());
  CHECK(world.records.calls == 1);
  world.on_loop([&] { world.records.door.open(); });
  auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].sequence == 1);
  CHECK(answers[1].sequence == 2);
  CHECK(world.records.calls == 3);
  world.on_loop([&] { world.records.door.open(); });
  answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].sequence == 3);
  CHECK(answers[0].payload == simulated::text_in_msgpack("c waited"));
  CHECK(answers[1].sequence == 4);
}

TEST_CASE("a timeout behind a policy that lets calls wait counts from the end of the wait, and ends the call") {
  guarded_desk<turnstile, timeout<100_ms>> world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  const auto said_after_wait = [&](frame waiting, tenon::duration time) {
    caller.say(simulated::call_of(1, "wait", "a").bytes() + waiting.bytes());
    world.pass(50_ms);
    CHECK(caller.heard().empty());
    world.on_loop([&] { world.records.door.open(); });
    REQUIRE(frames_in(caller.heard()).size() == 1);
    world.pass(time - 10_ms);
    CHECK(caller.heard().empty());
    world.pass(20_ms);
    const auto answers = frames_in(caller.heard());
    REQUIRE(answers.size() == 1);
    // The handler learns of it and ends, so that the next one may have its turn.
    world.on_loop([&] { world.records.door.open(); });
    CHECK(caller.heard().empty());
    return answers[0].value_of("__rpcx_error__");
  };
  CHECK(said_after_wait(simulated::call_of(2, "wait", "b"), 100_ms) == "DEADLINE_EXCEEDED: desk.wait: the server's timeout of 100 ms was up while the handler ran");
  CHECK(said_after_wait(within(simulated::call_of(3, "wait", "c"), 1'000), 100_ms) == "DEADLINE_EXCEEDED: desk.wait: the server's timeout of 100 ms was up while the handler ran");
  CHECK(said_after_wait(within(simulated::call_of(4, "wait", "d"), 120), 70_ms) == "DEADLINE_EXCEEDED: desk.wait: the caller's time was up while the handler ran");
}

TEST_CASE("a call that waits ends by its deadline, by the policy's patience, or with its caller, and its place is handed on") {
  guarded_desk<turnstile> world;
  world.server.configure<simulated::desk>(simulated::turnstile_options{.patience = 40_ms});
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(simulated::call_of(1, "wait", "a").bytes() + within(simulated::call_of(2, "echo", "b"), 20).bytes() + simulated::call_of(3, "echo", "c").bytes());
  world.pass(20_ms);
  auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].value_of("__rpcx_error__") == "DEADLINE_EXCEEDED: desk.echo: the caller's time was up while the handler ran");
  world.pass(20_ms);
  answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].value_of("__rpcx_error__") == "RESOURCE_EXHAUSTED: desk.echo: refused before the handler ran (turnstile)");
  {
    peer leaving{world};
    REQUIRE(leaving.connect("desk"));
    leaving.say(simulated::call_of(4, "echo", "d").bytes());
    leaving.hang_up();
  }
  caller.say(simulated::call_of(5, "echo", "e").bytes());
  world.on_loop([&] { world.records.door.open(); });
  answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].sequence == 1);
  CHECK(answers[1].sequence == 5);
  CHECK(world.records.calls == 2);
}

namespace {

// Writes down how the calls ended that it let pass.
struct witness : tenon::policy::base {
  static constexpr std::string_view name = "witness";
  struct options {};
  static constexpr options defaults{};
  static inline std::vector<tenon::code> ends;
  static tenon::outcome admit(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&) noexcept { return {}; }
  static void observe(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome result) noexcept { ends.push_back(result.code); }
};

}  // namespace

TEST_CASE("policies learn of a call whose time ran out while its handler worked that it was too late, whatever the handler says then") {
  witness::ends.clear();
  guarded_desk<witness> world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  const auto let_go_on = [&] { world.on_loop([&] { world.records.door.open(); }); };
  const auto start = [&](std::uint64_t sequence) { caller.say(within(simulated::call_of(sequence, "wait", "a"), 20).bytes()); };
  const auto cancel = [&](std::uint64_t sequence) {
    caller.say(frame{.bits = simulated::one_way, .codec = 0, .sequence = sequence, .method = "cancel"}.bytes());
  };
  start(1);
  world.pass(10_ms);
  let_go_on();
  CHECK(witness::ends == std::vector{tenon::code::ok});
  start(2);
  world.pass(30_ms);
  let_go_on();
  CHECK(witness::ends.back() == tenon::code::deadline_exceeded);
  // The caller's own clock, and its request to stop, may be a moment ahead of ours: times travel in whole milliseconds.
  start(3);
  world.pass(19_ms);
  cancel(3);
  let_go_on();
  CHECK(witness::ends.back() == tenon::code::deadline_exceeded);
  // One that nobody wants any more while there is time says nothing.
  start(4);
  world.pass(5_ms);
  cancel(4);
  let_go_on();
  CHECK(witness::ends.back() != tenon::code::deadline_exceeded);
  CHECK(witness::ends.size() == 4);
}

TEST_CASE("a server goes while calls wait, and while handlers that had waited run") {
  simulated::desk_records records;
  {
    simulated::world world;
    tenon::server server{world.io};
    server.serve<turnstile>(simulated::desk{&records});
    server.serve<simulated::slow_start>(station{});
    server.listen(world.wire, "desk");
    server.start();
    world.run();
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.say(simulated::call_of(1, "wait", "a").bytes() + simulated::call_of(2, "wait", "b").bytes() + simulated::call_of(3, "echo", "c").bytes() + ask(4, "plain").bytes());
    world.on_loop([&] { records.door.open(); });
    CHECK(frames_in(caller.heard()).size() == 1);
    CHECK(records.calls == 2);
  }
  CHECK(records.destroyed == 2);
}

TEST_CASE("a stopping server lets calls that wait have their turn") {
  guarded_desk<simulated::slow_start> world;
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(ask(1, "plain", "1").bytes());
  world.server.stop();
  world.run();
  world.pass(10_ms);
  const auto answers = frames_in(caller.heard());
  REQUIRE(!answers.empty());
  CHECK(answers[0].payload == "1");
}

namespace {

// Counts across loops, and never more than one of them at a time.
struct in_all : tenon::policy::base {
  static constexpr std::string_view name = "in_all";
  static constexpr tenon::policy::sharing mode = tenon::policy::sharing::shared;
  struct options {};
  static constexpr options defaults{};
  struct state {
    std::atomic<int> calls{0};
  };
  static inline std::atomic<int> most{0};
  static tenon::outcome admit(state& s, const options&, tenon::policy::none&, tenon::call_info&) noexcept {
    most = ++s.calls;
    return {};
  }
  static void observe(state&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept {}
};

}  // namespace

TEST_CASE("a policy with shared state has one for all loops of a server") {
  in_all::most = 0;
  tenon::server server{tenon::server_options{.loops = 2}};
  server.serve<in_all>(station{});
  const auto where = server.listen("tcp://127.0.0.1:0");
  server.start();
  // Connections are dealt out in turn.
  for (int i = 0; i < 4; ++i) {
    tenon::client<station> client{where.url()};
    CHECK(client.plain(i).get().value_or(-1) == i);
  }
  CHECK(in_all::most == 4);
}
