#include <tenon/server/hooks.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/core/context.hpp>

using simulated::call_of;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

struct diary {
  std::vector<std::string> lines;
  std::vector<std::string> read() { return std::exchange(lines, {}); }
  static std::string name_of(std::uint64_t id) { return "#" + std::to_string(id); }

  void accept(const tenon::connection_info& by) { lines.push_back("accept " + name_of(by.id) + " " + std::string{by.peer}); }
  void before_call(tenon::context& call) {
    lines.push_back("before " + std::string{call.service()} + "." + std::string{call.method()} + " by " + name_of(call.connection_id()) + " asking " +
                    std::string{call.request_metadata().get("asks").value_or("nothing")});
  }
  void after_call(const tenon::context& call, const tenon::status& ended) { lines.push_back("after " + std::string{call.method()} + " by " + name_of(call.connection_id()) + ": " + ended.to_string()); }
  void closed(const tenon::connection_info& by, std::string_view why) { lines.push_back("closed " + name_of(by.id) + ": " + std::string{why}); }
};
using lines = std::vector<std::string>;

struct guard {
  bool no_entry = false;
  bool no_call = false;
  bool throws = false;
  int after = 0;
  int closings = 0;

  tenon::status accept(const tenon::connection_info&) const { return answer(no_entry, "not you"); }
  tenon::status before_call(tenon::context&) const { return answer(no_call, "not that"); }
  void after_call(const tenon::context&, const tenon::status&) {
    ++after;
    if (throws) throw std::runtime_error{"from a watcher"};
  }
  void closed(const tenon::connection_info&, std::string_view) {
    ++closings;
    if (throws) throw 5;
  }
  tenon::status answer(bool refused, const char* why) const {
    if (refused && throws) throw std::runtime_error{why};
    return refused ? tenon::status{tenon::code::permission_denied, why} : tenon::status{};
  }
};

struct meter {
  std::size_t in = 0;
  std::size_t out = 0;
  void received(const tenon::connection_info&, std::size_t bytes) { in += bytes; }
  void sent(const tenon::connection_info&, std::size_t bytes) { out += bytes; }
};

std::string error_of(const frame& answer) { return answer.value_of("__rpcx_error__"); }

}  // namespace

TEST_CASE("hooks are found by their names, and absent ones are null") {
  guard some;
  const auto found = tenon::server_hooks::of(some);
  CHECK(found.object == &some);
  CHECK((found.accept != nullptr));
  CHECK((found.received == nullptr));
  CHECK((found.before_call != nullptr));
  CHECK((found.after_call != nullptr));
  CHECK((found.sent == nullptr));
  CHECK((found.closed != nullptr));
}

TEST_CASE("hooks see every step of a connection and of its calls, and know it by its id") {
  diary told;
  served_desk world{{.hooks = tenon::server_hooks::of(told)}};
  peer first{world};
  peer second{world};
  REQUIRE(first.connect("desk"));
  REQUIRE(second.connect("desk"));
  CHECK(told.read() == lines{"accept #1 memory://", "accept #2 memory://"});
  frame asking = call_of(1, "echo", "x");
  asking.metadata = {{"asks", "a lot"}};
  first.say(asking.bytes());
  CHECK(told.read() == lines{"before desk.echo by #1 asking a lot", "after echo by #1: OK"});
  second.say(frame{.codec = simulated::json, .sequence = 2, .service = "desk", .method = "fail", .payload = "\"why\""}.bytes());
  CHECK(told.read() == lines{"before desk.fail by #2 asking nothing", "after fail by #2: UNKNOWN: desk.fail: why"});
  first.hang_up();
  CHECK(told.read() == lines{"closed #1: End of file"});
  world.server.stop();
  world.run();
  CHECK(told.read().empty());
  world.pass(std::chrono::seconds{1});
  CHECK(told.read() == lines{"closed #2: all was said, and the peer did not hang up"});
}

TEST_CASE("a call that takes its time is told of when it ends, once, whoever still waits") {
  diary told;
  served_desk world{{.hooks = tenon::server_hooks::of(told)}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  frame late = call_of(2, "wait", "b");
  late.metadata = {{"__ServerTimeout", "100"}};
  caller.say(call_of(1, "wait", "a").bytes() + late.bytes());
  told.read();
  world.pass(std::chrono::milliseconds{101});
  CHECK(told.read().empty());
  world.on_loop([&] { world.records.door.open(); });
  CHECK(told.read() == lines{"after wait by #1: OK", "after wait by #1: OK"});
  CHECK(frames_in(caller.heard()).size() == 2);
}

TEST_CASE("a hook may turn a connection away; it does not hear of it again") {
  guard told{.no_entry = true};
  served_desk world{{.hooks = tenon::server_hooks::of(told)}};
  peer caller{world};
  caller.connect("desk");
  caller.say(call_of(1, "echo", "x").bytes());
  CHECK(caller.hung_up());
  CHECK(world.records.calls == 0);
  CHECK(told.closings == 0);
  CHECK(served_desk::lines() == lines{"memory://: turned away by a hook: PERMISSION_DENIED: not you"});
  told.no_entry = false;
  peer next{world};
  REQUIRE(next.connect("desk"));
  next.say(call_of(1, "echo", "x").bytes());
  CHECK(frames_in(next.heard()).size() == 1);
}

TEST_CASE("a hook may refuse a call, which says that it did not run") {
  guard told{.no_call = true};
  served_desk world{{.hooks = tenon::server_hooks::of(told)}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(call_of(1, "echo", "x").bytes());
  const auto answers = frames_in(caller.heard());
  REQUIRE(answers.size() == 1);
  CHECK(error_of(answers[0]) == "PERMISSION_DENIED: not that");
  CHECK(answers[0].value_of("tenon-not-executed") == "1");
  CHECK(world.records.calls == 0);
  CHECK(told.after == 0);
}

TEST_CASE("what a hook throws is a veto where it may veto, and nothing elsewhere") {
  guard told{.no_call = true, .throws = true};
  {
    served_desk world{{.hooks = tenon::server_hooks::of(told)}};
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.say(call_of(1, "echo", "x").bytes());
    auto answers = frames_in(caller.heard());
    REQUIRE(answers.size() == 1);
    CHECK(error_of(answers[0]) == "a hook threw: not that");
    CHECK(std::exchange(served_desk::lines(), {}) == lines{"memory://: a hook threw: not that"});
    told.no_call = false;
    caller.say(call_of(2, "echo", "x").bytes());
    answers = frames_in(caller.heard());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].bits == simulated::response);
    CHECK(told.after == 1);
    caller.hang_up();
    world.run();
    CHECK(told.closings == 1);
  }
}

TEST_CASE("the bytes of both directions are told of as they come and go") {
  meter told;
  served_desk world{{.hooks = tenon::server_hooks::of(told)}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  const std::string asked = call_of(1, "echo", "x").bytes() + frame{.codec = simulated::json, .sequence = 2, .service = "desk", .method = "large", .payload = "700000"}.bytes();
  caller.say(asked);
  const std::string answered = caller.heard();
  CHECK(told.in == asked.size());
  CHECK(told.out == answered.size());
  CHECK(answered.size() > 700'000);
}

TEST_CASE("a server that goes tells of the connections it takes along") {
  guard told;
  {
    served_desk world{{.hooks = tenon::server_hooks::of(told)}};
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    caller.say(call_of(1, "wait", "x").bytes());
  }
  CHECK(told.closings == 1);
}
