#include <tenon/server/ration.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>
#include <tenon/protocol/rpcx.hpp>

using namespace tenon::literals;
using simulated::call_of;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;
using tenon::detail::ration;

namespace {

/// What a server did with its connections.
struct doings {
  std::size_t reads = 0;
  std::size_t bytes = 0;
  std::vector<std::string> closed_for;
  void received(const tenon::connection_info&, std::size_t count) {
    ++reads;
    bytes += count;
  }
  void closed(const tenon::connection_info&, std::string_view why) { closed_for.emplace_back(why); }
};

std::vector<std::unique_ptr<peer>> peers_of(simulated::world& world, std::size_t count) {
  std::vector<std::unique_ptr<peer>> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(std::make_unique<peer>(world));
    REQUIRE(all.back()->connect("desk"));
  }
  return all;
}

}  // namespace

namespace {

/// One in a line, who says so when its turn comes.
struct guest final : tenon::detail::turn {
  guest(std::string& into, char name) : told{into}, called{name} {}
  void comes() override {
    told += called;
    if (last_of != nullptr) last_of->reset();
  }
  void ask(ration& of) {
    if (of.take(*this)) comes();
  }
  std::string& told;
  char called;
  std::unique_ptr<ration>* last_of = nullptr;  // ends with its turn, as a server does whose last connection is closed
};

}  // namespace

TEST_CASE("a turn that nobody waited for any more is not had twice") {
  simulated::world world;
  std::string had;
  ration all{tenon::net::loop::of(world.io), 2};
  std::vector<std::unique_ptr<guest>> guests;
  for (char name = 'a'; name <= 'h'; ++name) guests.push_back(std::make_unique<guest>(had, name));
  world.on_loop([&] {
    for (std::size_t i = 0; i < 4; ++i) guests[i]->ask(all);
  });
  CHECK(had == "ab");
  world.on_loop([&] {
    world.clock.advance(1_ms);
    CHECK(had == "abc");
    // The turn of this one is on its way.
    guests[3]->leave();
    for (std::size_t i = 4; i < 8; ++i) guests[i]->ask(all);
  });
  CHECK(had == "abce");
  world.pass(1_ms);
  CHECK(had == "abcefg");
}

TEST_CASE("a ration may end within any turn, that of the timer and those that follow it") {
  for (const std::size_t last : {std::size_t{2}, std::size_t{3}}) {
    simulated::world world;
    std::string had;
    auto all = std::make_unique<ration>(tenon::net::loop::of(world.io), 2U);
    std::vector<std::unique_ptr<guest>> guests;
    for (char name = 'a'; name <= 'f'; ++name) guests.push_back(std::make_unique<guest>(had, name));
    guests[last]->last_of = &all;
    world.on_loop([&] {
      for (const auto& each : guests) each->ask(*all);
    });
    world.pass(60_s);
    CHECK(had == std::string{"abcd"}.substr(0, last + 1));
    CHECK(!guests.back()->in_line());
  }
}

TEST_CASE("turns are had at once as long as there are any, then in line, so many in a stretch and one between two looks at other work") {
  simulated::world world;
  std::string had;
  auto all = std::make_unique<ration>(tenon::net::loop::of(world.io), 3U);
  std::vector<std::unique_ptr<guest>> guests;
  for (char name = 'a'; name <= 'k'; ++name) guests.push_back(std::make_unique<guest>(had, name));
  world.on_loop([&] {
    for (const auto& each : guests) each->ask(*all);
  });
  CHECK(had == "abc");
  CHECK(all->waiting() == 8);
  // Who leaves takes no turn.
  guests[4].reset();
  guests[5]->leave();
  asio::post(world.io, [&] { world.clock.advance(1_ms); });
  for (int i = 0; i < 20; ++i) {
    asio::post(world.io, [&had] { had += '.'; });
    if (!world.run_one()) break;
  }
  world.run();
  CHECK(had.find("d.") != std::string::npos);
  CHECK(had.find("g.") != std::string::npos);
  std::erase(had, '.');
  CHECK(had == "abcdgh");
  world.pass(1_ms);
  CHECK(had == "abcdghijk");
  CHECK(all->waiting() == 0);
  // Nothing is saved up while nobody asks, and the line may vanish with people in it.
  world.pass(60_s);
  had.clear();
  world.on_loop([&] {
    for (const auto& each : guests) {
      if (each != nullptr) each->ask(*all);
    }
  });
  CHECK(had == "abc");
  world.run_one();
  all.reset();
  world.pass(60_s);
  CHECK(had == "abc");
  CHECK(!guests.back()->in_line());
}

TEST_CASE("of peers that say nothing sensible two are closed in a millisecond, and who is served has its answer meanwhile") {
  doings seen;
  served_desk world{{.hooks = tenon::server_hooks::of(seen)}};
  peer good{world};
  REQUIRE(good.connect("desk"));
  const auto bad = peers_of(world, 20);
  for (const auto& each : bad) each->say("nonsense");
  CHECK(seen.closed_for.size() == 2);
  good.say(call_of(1, "echo", "hi").bytes());
  CHECK(frames_in(good.heard()).size() == 1);
  std::vector<std::size_t> closed;
  for (int i = 0; i < 10; ++i) {
    world.pass(1_ms);
    closed.push_back(seen.closed_for.size());
  }
  CHECK(closed == std::vector<std::size_t>{4, 6, 8, 10, 12, 14, 16, 18, 20, 20});
  for (const std::string& why : seen.closed_for) CHECK(why == "everything was answered");
  for (const auto& each : bad) CHECK(each->hung_up());
}

TEST_CASE("no more than a thousand wait for being closed") {
  doings seen;
  served_desk world{{.hooks = tenon::server_hooks::of(seen)}};
  const auto bad = peers_of(world, 1'100);
  for (const auto& each : bad) each->say("nonsense");
  CHECK(seen.closed_for.size() == 100);
  for (int i = 0; i < 500; ++i) world.pass(1_ms);
  CHECK(seen.closed_for.size() == 1'100);
}

TEST_CASE("who was refused and goes on sending is read past in turn with the others, and closed in turn") {
  doings seen;
  served_desk world{{.hooks = tenon::server_hooks::of(seen)}};
  auto bad = peers_of(world, 10);
  for (const auto& each : bad) {
    each->say(call_of(1, "echo", "hi").bytes() + "nonsense");
    CHECK(frames_in(each->heard()).size() == 1);
  }
  seen.reads = 0;
  const std::string more(64 * 1024, 'x');
  for (const auto& each : bad) each->say(more + more);
  // One was under way for each. Of the turns after it two can be had at once: the first peer is read to the end, and once more for what else it may say.
  CHECK(seen.reads == 10 + 1);
  std::size_t before = seen.reads;
  for (int i = 0; i < 20; ++i) {
    world.pass(1_ms);
    CHECK(seen.reads - before <= 2);
    before = seen.reads;
  }
  CHECK(seen.reads == 20);
  CHECK(seen.closed_for.empty());
  world.pass(980_ms);
  // None has hung up in its second.
  CHECK(seen.closed_for.size() == 2);
  for (int i = 0; i < 4; ++i) world.pass(1_ms);
  REQUIRE(seen.closed_for.size() == 10);
  for (const std::string& why : seen.closed_for) CHECK(why == "all was said, and the peer did not hang up");
}

TEST_CASE("a message above the limit is read past in turn with others, and what comes behind it is served") {
  const std::string text(250'000, 'x');
  const std::string in_msgpack = "\xDB" + simulated::big_endian(text.size(), 4) + text;
  struct protocol {
    std::string refused;
    std::string next;
    std::string answer;
  };
  for (const protocol& spoken : {protocol{simulated::frame{.service = "desk", .method = "echo", .payload = text}.bytes(), call_of(7, "echo", "behind it").bytes(), "behind it"},
                                 protocol{R"({"jsonrpc":"2.0","method":"desk.echo","params":[")" + text + "\"],\"id\":6}\n", R"({"jsonrpc":"2.0","method":"desk.echo","params":["behind it"],"id":7})", R"("result":"behind it")"},
                                 protocol{std::string{"\x94\x00\x06\xA9", 4} + "desk.echo\x91" + in_msgpack, std::string{"\x94\x00\x07\xA9", 4} + "desk.echo\x91\xA9" + "behind it", "behind it"}}) {
    doings seen;
    const tenon::server_options options{.limits = {.max_message_bytes = 100'000, .max_metadata_bytes = 1000}, .hooks = tenon::server_hooks::of(seen)};
    simulated::world world;
    simulated::desk_records records;
    tenon::server<tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::jsonrpc_session, tenon::protocol::msgpack_rpc_session>> server{world.io, options};
    server.serve(simulated::desk{&records});
    server.listen(world.wire, "desk");
    server.start();
    auto large = peers_of(world, 10);
    for (const auto& each : large) each->say(spoken.refused + spoken.next);
    // What had come when it was refused, and two reads of those that follow.
    CHECK(seen.bytes < 10 * spoken.refused.size() * 3 / 4);
    CHECK(records.calls <= 1);
    for (int i = 0; i < 60; ++i) world.pass(1_ms);
    for (const auto& each : large) {
      CHECK(each->heard().find(spoken.answer) != std::string::npos);
      CHECK(!each->hung_up());
    }
    CHECK(records.calls == 10);
    CHECK(seen.closed_for.empty());
  }
}

TEST_CASE("a server that stops or goes has nobody left in a line") {
  for (const bool stops : {false, true}) {
    doings seen;
    std::vector<std::unique_ptr<peer>> bad;
    served_desk world{{.hooks = tenon::server_hooks::of(seen)}};
    bad = peers_of(world, 20);
    for (const auto& each : bad) each->say("nonsense");
    CHECK(seen.closed_for.size() == 2);
    if (stops) {
      world.on_loop([&] { world.server.stop(); });
      for (int i = 0; i < 9; ++i) world.pass(1_ms);
      CHECK(seen.closed_for.size() == 20);
    }
    for (const auto& each : bad) each->hang_up();
    bad.clear();
  }
}
