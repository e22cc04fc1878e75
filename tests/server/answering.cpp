#include <tenon/service/answer_port.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/steady_timer.hpp>

#include <simulation.hpp>
#include <tenon/core/await_asio.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/task.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/policy/auth.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/cache.hpp>
#include <tenon/policy/metrics.hpp>
#include <tenon/policy/singleflight.hpp>
#include <tenon/policy/timeout.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using tenon::cache;
using tenon::cache_options;
using tenon::singleflight;

namespace {

// Handlers that wait until the test opens the gate.
struct gate {
  std::vector<std::unique_ptr<asio::steady_timer>> waiting;
  void open() {
    for (auto& each : waiting) each->cancel();
  }
};

struct almanac {
  int* runs;
  gate* at;

  int price(std::string) { return ++*runs; }
  int sell(std::string) { return ++*runs; }
  tenon::result<int> moody(std::string item) {
    ++*runs;
    if (item == "bad") return tenon::status{tenon::code::not_found, item};
    if (item == "throws") throw *runs;
    return *runs;
  }
  std::string whose(tenon::context& call, std::string) { return std::to_string(++*runs) + std::string{call.request_metadata().get("for").value_or("nobody")}; }
  int noted(tenon::context& call, std::string) {
    call.response_metadata().add("note", "x");
    return ++*runs;
  }
  tenon::task<int> slow(std::string item) {
    const int mine = ++*runs;
    at->waiting.push_back(std::make_unique<asio::steady_timer>(*io, std::chrono::hours{1}));
    asio::steady_timer& timer = *at->waiting.back();
    (void)co_await timer.async_wait(tenon::use_task);
    if (item == "throws") throw mine;
    co_return mine;
  }
  asio::io_context* io;
  TENON_SERVICE(almanac, (price, tenon::cacheable), sell, (moody, tenon::cacheable), (whose, tenon::cacheable), (noted, tenon::cacheable), (slow, tenon::cacheable))
};

template <class... Policies>
struct desk : simulated::world {
  int runs = 0;
  gate at;
  tenon::server<> server{io};
  std::unique_ptr<peer> caller;
  std::uint64_t last = 0;

  desk() {
    server.serve<Policies...>(almanac{&runs, &at, &io});
    server.listen(wire, "desk");
    server.start();
    run();
    caller = std::make_unique<peer>(*this);
    REQUIRE(caller->connect("desk"));
  }
  frame question(std::string method, std::string item, std::vector<std::pair<std::string, std::string>> metadata = {}) {
    return {.codec = simulated::json, .sequence = ++last, .service = "almanac", .method = std::move(method), .metadata = std::move(metadata), .payload = "\"" + item + "\""};
  }
  static std::string text_of(const frame& answer) { return (answer.bits & simulated::error) != 0 ? answer.value_of("__rpcx_error__") : answer.payload; }
  std::string ask(std::string method, std::string item, std::vector<std::pair<std::string, std::string>> metadata = {}) {
    caller->say(question(std::move(method), std::move(item), std::move(metadata)).bytes());
    const auto answers = frames_in(caller->heard());
    if (answers.size() != 1 || answers[0].sequence != last) return "(" + std::to_string(answers.size()) + " answers)";
    return text_of(answers[0]);
  }
  void send(std::string method, std::string item) { caller->say(question(std::move(method), std::move(item)).bytes()); }
  std::map<std::uint64_t, std::string> heard() {
    std::map<std::uint64_t, std::string> found;
    for (const frame& each : frames_in(caller->heard())) found[each.sequence] = text_of(each);
    return found;
  }
  void open_gate() {
    on_loop([this] { at.open(); });
  }
};

constexpr cache_options brief{.ttl = 100_ms};

}  // namespace

TEST_CASE("a server gives an answer again without its handler, for a while, to the same question") {
  desk<cache<brief>> world;
  CHECK(world.ask("price", "bread") == "1");
  CHECK(world.ask("price", "bread") == "1");
  CHECK(world.ask("price", "milk") == "2");
  CHECK(world.ask("price", "bread") == "1");
  world.pass(99_ms);
  CHECK(world.ask("price", "bread") == "1");
  world.pass(1_ms);
  CHECK(world.ask("price", "bread") == "3");
  CHECK(world.runs == 3);
  // Another connection is served from the same memory.
  peer other{world};
  REQUIRE(other.connect("desk"));
  other.say(world.question("price", "bread").bytes());
  CHECK(desk<cache<brief>>::text_of(frames_in(other.heard()).at(0)) == "3");
}

TEST_CASE("the same question in another codec is another question") {
  desk<cache<>> world;
  CHECK(world.ask("price", "bread") == "1");
  frame packed = world.question("price", "bread");
  packed.codec = simulated::msgpack;
  packed.payload = "\xa5" "bread";
  world.caller->say(packed.bytes());
  const auto answers = frames_in(world.caller->heard());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].payload == "\x02");
  CHECK(world.ask("price", "bread") == "1");
}

TEST_CASE("a method that is not declared cacheable runs every time") {
  desk<cache<>> world;
  CHECK(world.ask("sell", "bread") == "1");
  CHECK(world.ask("sell", "bread") == "2");
}

TEST_CASE("a failure is not kept, whoever made it") {
  desk<cache<>> world;
  CHECK(world.ask("moody", "bad") == "NOT_FOUND: bad");
  CHECK(world.ask("moody", "bad") == "NOT_FOUND: bad");
  CHECK(world.runs == 2);
  CHECK(world.ask("moody", "throws") == "almanac.moody: something that is no std::exception");
  CHECK(world.ask("moody", "throws") == "almanac.moody: something that is no std::exception");
  CHECK(world.runs == 4);
  frame broken = world.question("price", "x");
  broken.payload = "7";
  world.caller->say(broken.bytes());
  CHECK(world.text_of(frames_in(world.caller->heard()).at(0)).starts_with("INVALID_ARGUMENT"));
  CHECK(world.ask("moody", "good") == "5");
  CHECK(world.ask("moody", "good") == "5");
}

TEST_CASE("where a handler sees the metadata they are part of the question, but not how long its caller waits") {
  desk<cache<>> world;
  CHECK(world.ask("whose", "x", {{"for", "ann"}}) == "\"1ann\"");
  CHECK(world.ask("whose", "x", {{"for", "bob"}}) == "\"2bob\"");
  CHECK(world.ask("whose", "x", {{"for", "ann"}, {"__ServerTimeout", "500"}}) == "\"1ann\"");
  CHECK(world.ask("whose", "x", {{"for", "ann"}, {"__ServerTimeout", "900"}, {"grpc-previous-rpc-attempts", "1"}}) == "\"1ann\"");
  CHECK(world.ask("whose", "x") == "\"3nobody\"");
  // One that does not see them need not care.
  CHECK(world.ask("price", "x", {{"for", "ann"}}) == "4");
  CHECK(world.ask("price", "x", {{"for", "bob"}}) == "4");
}

TEST_CASE("an answer that has metadata of its own is not kept, since they would be lost") {
  desk<cache<>> world;
  CHECK(world.ask("noted", "x") == "1");
  CHECK(world.ask("noted", "x") == "2");
}

TEST_CASE("what one principal was answered another is not, and who may not ask gets nothing") {
  constexpr auto who = [](std::string_view credential) -> tenon::result<std::string> {
    if (credential == "stranger") return tenon::status{tenon::code::permission_denied};
    return std::string{credential};
  };
  desk<tenon::auth<who>, cache<>> world;
  CHECK(world.ask("price", "x", {{"authorization", "ann"}}) == "1");
  CHECK(world.ask("price", "x", {{"authorization", "bob"}}) == "2");
  CHECK(world.ask("price", "x", {{"authorization", "ann"}}) == "1");
  CHECK(world.ask("price", "x", {{"authorization", "stranger"}}).starts_with("PERMISSION_DENIED"));
  CHECK(world.ask("price", "x").starts_with("UNAUTHENTICATED"));
  CHECK(world.runs == 2);
}

TEST_CASE("handlers that take their time are kept as well, and those in front learn of a hit as of a success") {
  tenon::metrics_registry numbers;
  desk<tenon::metrics<>, cache<>> world;
  REQUIRE(world.server.configure<almanac>(tenon::metrics_options{.into = &numbers}));
  world.send("slow", "x");
  CHECK(world.heard().empty());
  world.open_gate();
  CHECK(world.heard() == std::map<std::uint64_t, std::string>{{1, "1"}});
  CHECK(world.ask("slow", "x") == "1");
  CHECK(world.runs == 1);
  for (const auto& each : numbers.methods()) {
    CHECK(each.started == 2);
    CHECK(each.ended[0] == 2);
  }
}

TEST_CASE("of equal questions one is asked of the handler, and all are answered") {
  desk<singleflight<>> world;
  for (int i = 0; i < 5; ++i) world.send("slow", "x");
  world.send("slow", "y");
  CHECK(world.runs == 2);
  world.open_gate();
  CHECK(world.heard() == std::map<std::uint64_t, std::string>{{1, "1"}, {2, "1"}, {3, "1"}, {4, "1"}, {5, "1"}, {6, "2"}});
  // What comes after the answer is asked anew.
  world.send("slow", "x");
  CHECK(world.runs == 3);
}

TEST_CASE("an error is shared by those who waited for it") {
  desk<singleflight<>> world;
  for (int i = 0; i < 3; ++i) world.send("slow", "throws");
  CHECK(world.runs == 1);
  world.open_gate();
  const auto heard = world.heard();
  CHECK(heard.size() == 3);
  CHECK(world.runs == 1);
}

TEST_CASE("when the one whose handler runs goes away, the others get what it gives") {
  desk<singleflight<>, cache<>> world;
  peer first{world};
  REQUIRE(first.connect("desk"));
  first.say(world.question("slow", "x").bytes());
  world.send("slow", "x");
  world.send("slow", "x");
  CHECK(world.runs == 1);
  // Its handler is told that nobody waits for it; what it gives all the same is what the others waited for.
  first.hang_up();
  world.run();
  world.open_gate();
  CHECK(world.heard() == std::map<std::uint64_t, std::string>{{2, "1"}, {3, "1"}});
  CHECK(world.ask("slow", "x") == "1");
}

TEST_CASE("a hit behind a queue takes no place in it, and a call that has waited is kept like any other") {
  desk<cache<>, tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 1, .max_queue = 4, .max_wait = 10_s}>> world;
  world.send("slow", "x");
  world.send("price", "y");
  CHECK(world.heard().empty());
  world.open_gate();
  CHECK(world.heard() == std::map<std::uint64_t, std::string>{{1, "1"}, {2, "2"}});
  world.send("slow", "z");
  CHECK(world.ask("price", "y") == "2");
  CHECK(world.ask("slow", "x") == "1");
}

TEST_CASE("a call that has gone on is not begun again when its patience would have ended") {
  desk<tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 1, .max_queue = 4, .max_wait = 30_ms}>> world;
  world.send("slow", "x");
  world.send("slow", "y");
  world.open_gate();
  CHECK(world.heard() == std::map<std::uint64_t, std::string>{{1, "1"}});
  world.pass(50_ms);
  CHECK(world.runs == 2);
  CHECK(world.heard().empty());
  world.open_gate();
  CHECK(world.heard() == std::map<std::uint64_t, std::string>{{2, "2"}});
}

TEST_CASE("whatever comes, in whatever order, each question is answered once and with its own answer") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    tenon::random_source random{seed};
    desk<tenon::timeout<2_s>, cache<cache_options{.ttl = 20_ms, .stale = 20_ms, .max_entries = 3}>, singleflight<>, tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 2, .max_queue = 3, .max_wait = 30_ms}>> world;
    std::map<std::uint64_t, int> answers;
    const auto collect = [&] {
      for (const auto& [sequence, text] : world.heard()) {
        CAPTURE(text);
        ++answers[sequence];
        CHECK((text.starts_with("RESOURCE_EXHAUSTED") || text.starts_with("UNAVAILABLE") || text.starts_with("DEADLINE") || text.find_first_not_of("0123456789") == std::string::npos));
      }
    };
    for (int step = 0; step < 600; ++step) {
      switch (random.below(6)) {
        case 0: world.open_gate(); break;
        case 1: world.pass(tenon::duration{static_cast<std::int64_t>(random.below(9'000'000))}); break;
        case 2: {
          peer passing{world};
          REQUIRE(passing.connect("desk"));
          frame asked = world.question("slow", std::string(1, static_cast<char>('a' + random.below(3))));
          --world.last;
          passing.say(asked.bytes());
          passing.hang_up();
          break;
        }
        default: world.send(random.below(3) == 0 ? "price" : "slow", std::string(1, static_cast<char>('a' + random.below(4))));
      }
      collect();
    }
    for (int i = 0; i < 20; ++i) {
      world.open_gate();
      world.pass(200_ms);
      collect();
    }
    CHECK(answers.size() == world.last);
    for (const auto& [sequence, count] : answers) CHECK(count == 1);
  }
}
