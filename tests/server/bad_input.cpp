#include <tenon/server/connection.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>

using namespace std::string_literals;
using simulated::ask;
using simulated::call_of;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

// Says `bytes` on a connection of their own, beside one that works and has to go on working.
struct visit {
  std::string heard;
  bool hung_up = false;
  std::string log;
};
visit pay_visit(std::string_view bytes, tenon::server_options options = {}) {
  served_desk world{options};
  peer good{world};
  peer bad{world};
  REQUIRE(good.connect("desk"));
  REQUIRE(bad.connect("desk"));
  good.say(call_of(1, "echo", "before").bytes());
  bad.say(bytes);
  visit seen{bad.heard(), bad.hung_up(), served_desk::lines().empty() ? "" : served_desk::lines().back()};
  good.say(call_of(2, "echo", "after").bytes());
  CHECK(frames_in(good.heard()).size() == 2);
  CHECK(!good.hung_up());
  return seen;
}
std::string error_of(const visit& seen) {
  const auto answers = frames_in(seen.heard);
  return answers.empty() ? "(no answer)" : answers.back().value_of("__rpcx_error__");
}

}  // namespace

TEST_CASE("bytes of no protocol end the connection, and the log says what was expected") {
  const visit seen = pay_visit("\x01 hello");
  CHECK(seen.heard.empty());
  CHECK(seen.hung_up);
  CHECK(seen.log == "memory://: the first byte is 1; expected the beginning of one of: rpcx http1");
}

TEST_CASE("a wrong magic after a good frame ends the connection after the good answer") {
  const visit seen = pay_visit(call_of(5, "echo", "hi").bytes() + "\x09\x00\x00\x30");
  REQUIRE(frames_in(seen.heard).size() == 1);
  CHECK(frames_in(seen.heard)[0].sequence == 5);
  CHECK(seen.hung_up);
  CHECK(seen.log == "memory://: rpcx: expected a frame with magic byte 0x08, found 9");
}

TEST_CASE("impossible lengths end the connection, and the log says what was expected") {
  std::string bytes = call_of(5, "echo", "hi").bytes();
  bytes[19] = '\x7F';
  CHECK(pay_visit(bytes).log == "memory://: rpcx: expected block lengths that add up to the frame's, found others");
  bytes = call_of(5, "echo", "hi").bytes();
  bytes.replace(12, 4, "\x00\x00\x00\x03"s);
  CHECK(pay_visit(bytes).log == "memory://: rpcx: expected a frame of at least 32 bytes, found a total of 19");
}

TEST_CASE("a length above the limit is answered before any of its bytes, and the connection lives") {
  std::string bytes = call_of(5, "echo", "hi").bytes().substr(0, 12) + "\xFF\xFF\xFF\xFF";
  const visit seen = pay_visit(bytes);
  CHECK(error_of(seen) == "RESOURCE_EXHAUSTED: message of 4294967311 bytes exceeds the limit of 4194304");
  CHECK(!seen.hung_up);

  const visit skipped = pay_visit(call_of(5, "echo", std::string(20, 'x')).bytes() + call_of(6, "add", "").bytes(), {.limits = {.max_message_bytes = 16}});
  CHECK(frames_in(skipped.heard)[0].value_of("__rpcx_error__") == "RESOURCE_EXHAUSTED: message of 21 bytes exceeds the limit of 16");
  CHECK(frames_in(skipped.heard)[1].sequence == 6);
}

TEST_CASE("a body that is neither msgpack nor json names the method, the parameter and what was found") {
  served_desk world;
  CHECK(ask(world, "echo", "\xC1", simulated::msgpack) == "INVALID_ARGUMENT: desk.echo: request expected string, found the unused byte 0xc1 at byte 0");
  CHECK(ask(world, "echo", "", simulated::msgpack) == "INVALID_ARGUMENT: desk.echo: request expected string, found end of input at byte 0");
  CHECK(ask(world, "echo", "ACME") == "INVALID_ARGUMENT: desk.echo: request expected string, found character 'A' at byte 0");
  CHECK(ask(world, "echo", "\"ACME") == "INVALID_ARGUMENT: desk.echo: request expected '\"' at the end of the string, found end of input at byte 5");
  CHECK(ask(world, "echo", "\"ok\"") == "\"ok\"");
}

TEST_CASE("a missing field keeps its default, an unknown one is skipped, a wrong type is named") {
  served_desk world;
  CHECK(ask(world, "place", R"({"symbol":"ACME"})") == R"({"symbol":"ACME","shares":100})");
  CHECK(ask(world, "place", R"({"symbol":"ACME","colour":{"deep":[1,2,{}]},"shares":5})") == R"({"symbol":"ACME","shares":5})");
  CHECK(ask(world, "place", R"({"symbol":"ACME","shares":"five"})") == "INVALID_ARGUMENT: desk.place: request field \"shares\": expected integer, found string at byte 26");
  CHECK(ask(world, "add", R"({"a":1,"b":2})") == "3");
  CHECK(ask(world, "add", R"([1,2])") == "3");
  CHECK(ask(world, "add", R"([1])").starts_with("INVALID_ARGUMENT: desk.add: request"));
  CHECK(ask(world, "add", R"([1,2,3])").starts_with("INVALID_ARGUMENT: desk.add: request"));
  CHECK(world.records.calls == 2);
}

TEST_CASE("an unknown method or service is told what there is") {
  served_desk world;
  CHECK(ask(world, "sell", "1") == "UNIMPLEMENTED: desk has no method \"sell\"; it has: echo place add large fail wait open open_and_wait");
  CHECK(ask(world, "", "1").starts_with("UNIMPLEMENTED: desk has no method \"\""));
  CHECK(ask(world, "echo", "1", simulated::json, "shop") == "UNIMPLEMENTED: unknown service \"shop\"; served here: desk");
  const std::string long_name = ask(world, std::string(5000, 'm'), "1");
  CHECK(long_name.size() < 300);
  CHECK(long_name.find("mmm...\"") != std::string::npos);
}

TEST_CASE("a codec that is not spoken is refused with those that are") {
  served_desk world;
  CHECK(ask(world, "echo", "x", 4) == "UNIMPLEMENTED: desk.echo: serialization 4 is not spoken here; expected one of: msgpack, json, protobuf");
  CHECK(ask(world, "echo", "x", 0).starts_with("UNIMPLEMENTED: desk.echo: serialization 0"));
  CHECK(ask(world, "echo", "x", 15).starts_with("UNIMPLEMENTED: desk.echo: serialization 15"));
}

TEST_CASE("a handler that throws is answered with what it threw") {
  served_desk world;
  CHECK(ask(world, "fail", "\"out of paper\"") == "desk.fail: out of paper");
}

TEST_CASE("a peer that sends one byte and stalls is left after the message's time") {
  served_desk world{{.message_timeout = std::chrono::seconds{10}}};
  for (const std::string& beginning : {"\x08"s, "P"s, "POST /desk/echo HTTP/1.1\r\nHost: x\r\n"s, "POST /desk/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n\"abc"s,
                                       call_of(1, "echo", "hi").bytes().substr(0, 40), call_of(1, "echo", "hi").bytes().substr(0, 12) + "\x7F\xFF\xFF\xFF\x01"s}) {
    peer slow{world};
    REQUIRE(slow.connect("desk"));
    slow.say(beginning);
    (void)slow.heard();
    world.pass(std::chrono::seconds{9});
    CHECK(!slow.hung_up());
    world.pass(std::chrono::seconds{2});
    CHECK(slow.hung_up());
    REQUIRE(!served_desk::lines().empty());
    CHECK(served_desk::lines().back() == "memory://: an unfinished message did not arrive in time");
    served_desk::lines().clear();
  }
}

TEST_CASE("dripping bytes does not prolong a message's time") {
  served_desk world{{.message_timeout = std::chrono::seconds{10}}};
  for (const std::string& bytes : {call_of(1, "echo", "hi").bytes(), "POST /desk/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + std::string(100, ' ')}) {
    peer slow{world};
    REQUIRE(slow.connect("desk"));
    std::size_t sent = 0;
    while (sent + 1 < bytes.size() && !slow.hung_up()) {
      slow.say(bytes.substr(sent++, 1));
      world.pass(std::chrono::milliseconds{900});
    }
    CHECK(sent == 12);
    CHECK(slow.hung_up());
  }
}

TEST_CASE("each message has its own time, also where the next begins before the last has ended") {
  served_desk world{{.message_timeout = std::chrono::seconds{10}}};
  peer busy{world};
  REQUIRE(busy.connect("desk"));
  const std::string bytes = call_of(1, "echo", "hi").bytes();
  const std::string half = bytes.substr(0, 20);
  const std::string rest = bytes.substr(20);
  busy.say(half);
  for (int i = 0; i < 5; ++i) {
    world.pass(std::chrono::seconds{7});
    busy.say(rest + half);
    CHECK(frames_in(busy.heard()).size() == 1);
  }
  CHECK(!busy.hung_up());
  world.pass(std::chrono::seconds{11});
  CHECK(busy.hung_up());
}

TEST_CASE("a peer that vanishes in the middle of a frame is forgotten") {
  served_desk world;
  const std::string bytes = call_of(1, "echo", "hi").bytes();
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    peer short_lived{world};
    REQUIRE(short_lived.connect("desk"));
    short_lived.say(bytes.substr(0, cut));
    short_lived.hang_up();
  }
  CHECK(world.records.calls == 0);
  CHECK(ask(world, "echo", "\"well\"") == "\"well\"");
}

TEST_CASE("a peer that is refused and goes on sending is read past for a second, so that it can read why") {
  served_desk world;
  peer bad{world};
  REQUIRE(bad.connect("desk"));
  bad.say(call_of(1, "echo", "hi").bytes() + "nonsense");
  CHECK(frames_in(bad.heard()).size() == 1);
  CHECK(bad.hung_up());
  for (int i = 0; i < 3; ++i) bad.say(std::string(100'000, 'x'));
  world.pass(std::chrono::seconds{2});
  CHECK(served_desk::lines().size() == 1);
}

namespace {

/// What a server said of the connections it closed.
struct closings {
  std::vector<std::string> why;
  void closed(const tenon::connection_info&, std::string_view reason) { why.emplace_back(reason); }
};

}  // namespace

TEST_CASE("a peer that was told nothing is closed at once") {
  closings told;
  served_desk world{{.hooks = tenon::server_hooks::of(told)}};
  peer bad{world};
  REQUIRE(bad.connect("desk"));
  bad.say("nonsense");
  CHECK(told.why.size() == 1);
  CHECK(bad.heard().empty());
}

TEST_CASE("a peer that is refused and does not stop is not read past for ever") {
  closings told;
  served_desk world{{.limits = {.max_message_bytes = 100'000}, .hooks = tenon::server_hooks::of(told)}};
  peer bad{world};
  REQUIRE(bad.connect("desk"));
  bad.say(call_of(1, "echo", "hi").bytes() + "nonsense");
  CHECK(frames_in(bad.heard()).size() == 1);
  for (int i = 0; i < 12; ++i) {
    bad.say(std::string(100'000, 'x'));
    world.pass(std::chrono::milliseconds{2});
  }
  CHECK(told.why.empty());
  bad.say(std::string(100'000, 'x'));
  REQUIRE(told.why.size() == 1);
  CHECK(told.why[0] == "all was said, and the peer does not stop");
}
