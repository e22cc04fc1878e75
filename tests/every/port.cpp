// Every protocol there is, on one port. In a folder of its own, as it links what the optional ones link.
#include <tenon/gffg.hpp>
#include <tenon/grpc.hpp>
#include <tenon/protocol/dmicro.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/websocket.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/protocol/gffg.hpp>
#include <tenon/server/spoken_session.hpp>
#include <websocket/frames.hpp>

using namespace std::string_literals;
using namespace tenon::literals;
using namespace tenon::protocol;
using simulated::peer;

namespace {

// In the order in which they must be asked: gffg in front of rpcx, whose first byte a length may have; WebSocket in front of HTTP, which takes every GET.
template <template <class...> class List>
using all_in = List<tenon::gffg<simulated::desk>, dmicro_session, websocket_session, rpcx_session, web_session, grpc_session, jsonrpc_session, msgpack_rpc_session>;

struct opening {
  std::string_view whose;
  std::string bytes;
};

std::string gffg_call() {
  // Request{sid: 7, rpcId: desk.large, packet: {1: 3}}
  std::string body = "\x08\x07\x10"s;
  for (std::uint64_t left = detail::gffg_number("desk", "large"); left != 0; left >>= 7) body.push_back(static_cast<char>((left & 0x7F) | (left > 0x7F ? 0x80 : 0)));
  body += "\x22\x02\x08\x03";
  std::string head(8, '\0');
  detail::write_gffg_head(head.data(), body.size());
  return head + body;
}

const std::vector<opening>& openings() {
  static const std::vector<opening> all{
      {"gffg", gffg_call()},
      {"gffg", "\x08\x00\x00\xb8\xb8\x08\x00\x00"s},
      {"gffg", "\x0f\x00\x00\xd0\xd0\x0f\x00\x00"s},
      {"gffg", "\x80\x00\x08\x80\x80\x80\x08\x00"s},
      {"dmicro", "\x00\x00\x00\x1d\x01\x00\x01\x31\x01\x0a/desk/echo\x00\x00\x00\x02{}j\"x\""s},
      {"websocket", by_hand::handshake()},
      {"rpcx", simulated::call_of(1, "echo", "hi").bytes()},
      {"rpcx", simulated::frame{.bits = simulated::heartbeat, .sequence = 0xB8}.bytes()},
      {"http1", "POST /desk/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\"x\""},
      {"http1", "GET /desk/echo HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"http1", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"http1", "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"grpc", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"s},
      {"jsonrpc", R"({"jsonrpc":"2.0","method":"desk.echo","params":["x"],"id":1})"},
      {"jsonrpc", " \r\n\t[{\"jsonrpc\":\"2.0\",\"method\":\"desk.echo\",\"params\":[\"x\"],\"id\":1}]"},
      {"jsonrpc", "Content-Length: 60\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"desk.echo\",\"params\":[\"x\"],\"id\":1}"},
      {"msgpack-rpc", "\x94\x00\x01\xa9" "desk.echo\x91\xa1x"s},
      {"msgpack-rpc", "\x94\x00\x01\xa4" "echo\x91\xa1x"s},
      {"msgpack-rpc", "\xdc\x00\x04\x00\x01\xa9" "desk.echo\x91\xa1x"s},
  };
  return all;
}

struct told {
  sniffed answer = sniffed::no;
  std::string_view whose{};
};
told ask(std::string_view first) {
  all_in<tenon::detail::spoken_session> session;
  told result;
  result.answer = session.recognise(first, tenon::limits{}, [&result]<class Session>(Session&) { result.whose = Session::name; });
  return result;
}

struct port : simulated::world {
  port() : server{io, simulated::served_desk::logging({.message_timeout = 10_s})} {
    simulated::served_desk::lines().clear();
    server.serve<tenon::codec::protobuf, tenon::codec::json, tenon::codec::msgpack>(simulated::desk{&records});
    server.listen(wire, "desk");
    server.start();
    run();
  }
  simulated::desk_records records;
  tenon::server<all_in<tenon::protocols>> server;
};

std::uint64_t next_random(std::uint64_t& state) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  return state >> 33;
}

}  // namespace

TEST_CASE("the first bytes of each protocol are its own wherever they are cut") {
  for (const auto& [whose, bytes] : openings()) {
    CAPTURE(whose);
    bool decided = false;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const told found = ask(std::string_view{bytes}.substr(0, cut));
      REQUIRE(found.answer != sniffed::no);
      REQUIRE((found.answer == sniffed::need_more || found.whose == whose));
      // What was recognised stays so.
      REQUIRE((!decided || found.answer == sniffed::yes));
      decided = found.answer == sniffed::yes;
    }
    REQUIRE(decided);
  }
}

TEST_CASE("mixed and random bytes are decided upon, and more of them changes nothing") {
  std::uint64_t state = 11;
  const std::string filler(20'000, 'x');
  const auto try_out = [&filler](const std::string& bytes) {
    told before{sniffed::need_more};
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const told found = ask(std::string_view{bytes}.substr(0, cut));
      if (before.answer == sniffed::no) REQUIRE(found.answer == sniffed::no);
      if (before.answer == sniffed::yes) REQUIRE(found.whose == before.whose);
      before = found;
    }
    REQUIRE(ask(bytes + filler).answer != sniffed::need_more);
  };
  for (int round = 0; round < 3'000; ++round) {
    const std::string& one = openings()[next_random(state) % openings().size()].bytes;
    const std::string& other = openings()[next_random(state) % openings().size()].bytes;
    std::string bytes = one.substr(0, next_random(state) % (one.size() + 1)) + other.substr(0, 24);
    if (round % 2 == 0) bytes[next_random(state) % bytes.size()] = static_cast<char>(next_random(state));
    try_out(bytes.substr(0, 48));
  }
  for (int round = 0; round < 3'000; ++round) {
    std::string bytes;
    for (int i = 0; i < 12; ++i) bytes.push_back(static_cast<char>(next_random(state)));
    if (round % 3 == 0) bytes[0] = 0;
    if (round % 5 == 0) bytes[1] = 0;
    try_out(bytes);
  }
}

TEST_CASE("one port answers every protocol") {
  port world;
  for (const auto& [whose, bytes] : openings()) {
    CAPTURE(whose);
    if (bytes.size() == 8) continue;  // a head alone
    peer caller{world};
    REQUIRE(caller.connect("desk"));
    for (const char each : bytes) caller.say(std::string(1, each));
    CHECK(!caller.heard().empty());
  }
  CHECK(world.records.calls > 5);
}

TEST_CASE("whoever begins and goes silent is left in time, with a reason in the log") {
  port world;
  for (const auto& [whose, bytes] : openings()) {
    CAPTURE(whose);
    const std::size_t step = bytes.size() > 60 ? 7 : 1;
    std::deque<peer> silent;
    for (std::size_t cut = 1; cut < bytes.size() && ask(std::string_view{bytes}.substr(0, cut)).answer == sniffed::need_more; cut += step) {
      REQUIRE(silent.emplace_back(world).connect("desk"));
      silent.back().say(bytes.substr(0, cut));
    }
    simulated::served_desk::lines().clear();
    world.pass(11_s);
    for (peer& each : silent) {
      CHECK(each.hung_up());
      CHECK(each.heard().empty());
    }
    CHECK(simulated::served_desk::lines() == std::vector<std::string>(silent.size(), "memory://: an unfinished message did not arrive in time"));
  }
}

TEST_CASE("what no protocol recognises is closed at once, and the log names all of them") {
  port world;
  for (const std::string& bytes : {"\x01 hello"s, "hello\r\n"s, "\x16\x03\x01\x00"s, "\x00\x02\x00\x00\x05"s, std::string(8, '\0'), "PROXY TCP4"s, "GETTY"s, "\x93\x05"s, std::string(200, ' ')}) {
    CAPTURE(bytes);
    // Two a millisecond are closed.
    world.pass(1_ms);
    peer stranger{world};
    REQUIRE(stranger.connect("desk"));
    simulated::served_desk::lines().clear();
    stranger.say(bytes);
    CHECK(stranger.hung_up());
    CHECK(stranger.heard().empty());
    CHECK(simulated::served_desk::lines().size() == 1);
  }
  world.pass(1_ms);
  peer stranger{world};
  REQUIRE(stranger.connect("desk"));
  simulated::served_desk::lines().clear();
  stranger.say("\x01 hello");
  CHECK(stranger.hung_up());
  REQUIRE(simulated::served_desk::lines().size() == 1);
  CHECK(simulated::served_desk::lines()[0] == "memory://: the first byte is 1; expected the beginning of one of: gffg dmicro websocket rpcx http1 grpc jsonrpc msgpack-rpc");
}
