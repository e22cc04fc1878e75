#include <tenon/protocol/msgpack_rpc.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <msgpack.hpp>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/protocol/http1.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/server/server.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;

namespace {

// A server's session with a read buffer in front of it; the method "wait" is answered when the test says so, every other one with its payload.
struct session_under_test {
  explicit session_under_test(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    names.push_back(std::string{call.service} + ":" + std::string{call.method});
    payloads.emplace_back(call.payload);
    one_way.push_back(call.address.one_way);
    if (call.method == "wait") return waiting.push_back(call.address), false;
    if (!call.address.one_way) reply_with(call.address, call.payload);
    return true;
  }
  bool full() const { return out.size() > room; }
  void reply_with(const reply_address& to, std::string_view payload) {
    const mark at = session.begin_reply(out, to);
    out.append(payload);
    session.end_reply(out, at, to, {});
  }

  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, out);
    CHECK(done.bytes <= unread.size());
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  std::string written() {
    std::string text{out.view()};
    out.clear();
    return text;
  }

  msgpack_rpc_session session;
  std::string unread;
  tenon::buffer out;
  std::size_t room = 1 << 24;
  std::vector<std::string> names;
  std::vector<std::string> payloads;
  std::vector<bool> one_way;
  std::vector<reply_address> waiting;
  std::string reason;
};

// Messages as msgpack-c writes them.
template <class... Parts>
std::string packed(const Parts&... parts) {
  msgpack::sbuffer bytes;
  msgpack::packer<msgpack::sbuffer> packer{bytes};
  packer.pack_array(sizeof...(Parts));
  (packer.pack(parts), ...);
  return {bytes.data(), bytes.size()};
}
template <class Params>
std::string request_of(std::uint32_t id, const std::string& method, const Params& params) {
  return packed(0, id, method, params);
}
template <class Params>
std::string notification_of(const std::string& method, const Params& params) {
  return packed(2, method, params);
}

// The messages in `bytes`, as msgpack-c prints them.
std::vector<std::string> printed(const std::string& bytes) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size();) {
    const msgpack::object_handle each = msgpack::unpack(bytes.data(), bytes.size(), at);
    std::ostringstream text;
    text << each.get();
    found.push_back(text.str());
  }
  return found;
}

const std::vector<std::string> acme{"ACME"};

// The same numbers every time.
struct pseudo_random {
  std::uint64_t state;
  std::uint64_t operator()() { return state = state * 6364136223846793005U + 1442695040888963407U, state >> 33; }
};

}  // namespace

TEST_CASE("MessagePack-RPC is recognised by a message's first bytes, long forms included, and is no other protocol's") {
  for (const std::string& bytes : {"\x94\x00"s, "\x94\x00\x01\xA1x"s, "\x93\x02"s, "\xDC\x00\x04\x00"s, "\xDC\x00\x03\x02"s, "\xDD\x00\x00\x00\x04\x00"s}) {
    CHECK(msgpack_rpc_session::recognise(bytes) == sniffed::yes);
    CHECK(jsonrpc_session::recognise(bytes) == sniffed::no);
    CHECK(http1_session::recognise(bytes) == sniffed::no);
    CHECK(rpcx_session::recognise(bytes) == sniffed::no);
    for (std::size_t cut = 0; cut < bytes.size() && cut < 2; ++cut) CHECK(msgpack_rpc_session::recognise(std::string_view{bytes}.substr(0, cut)) == sniffed::need_more);
  }
  for (const std::string& bytes : {"\x94\x01"s, "\x94\x02"s, "\x93\x00"s, "\x92"s, "\xDC\x00\x05"s, "\x08"s, "{"s, "POST /"s, "\x16\x03"s, "\x00\x00"s}) CHECK(msgpack_rpc_session::recognise(bytes) == sniffed::no);
}

TEST_CASE("a request is read as the bytes say, and the answer is written down the same way") {
  session_under_test server;
  CHECK(server.feed("\x94\x00\x2A\xABmarket.last\x91\xA4" "ACME"s) == consumed::state::more);
  REQUIRE(server.names == std::vector<std::string>{"market:last"});
  CHECK(server.payloads[0] == "\x91\xA4" "ACME");
  CHECK(server.written() == "\x94\x01\x2A\xC0\x91\xA4" "ACME");
  server.session.write_error(server.out, {0xFFFFFFFF, serialization::msgpack, false}, {tenon::code::not_found, "no"}, {});
  CHECK(server.written() == "\x94\x01\xCE\xFF\xFF\xFF\xFF\xADNOT_FOUND: no\xC0");
}

TEST_CASE("every width of number and text is understood, and answers use none that older readers lack") {
  session_under_test server;
  for (const std::string& id : {"\x07"s, "\xCC\x07"s, "\xCD\x00\x07"s, "\xCE\x00\x00\x00\x07"s, "\xD0\x07"s, "\xD2\x00\x00\x00\x07"s}) {
    for (const std::string& method : {"\xA3" "a.b"s, "\xD9\x03" "a.b"s, "\xDA\x00\x03" "a.b"s, "\xDB\x00\x00\x00\x03" "a.b"s, "\xC4\x03" "a.b"s}) {
      for (const std::string& head : {"\x94"s, "\xDC\x00\x04"s, "\xDD\x00\x00\x00\x04"s}) {
        server.feed(head + "\x00"s + id + method + "\x90");
        CHECK(server.names.back() == "a:b");
        CHECK(server.written() == "\x94\x01\x07\xC0\x90");
      }
    }
  }
  for (const std::uint32_t id : {0U, 127U, 128U, 255U, 256U, 65535U, 65536U, 4294967295U}) {
    server.feed(request_of(id, "x", acme));
    CHECK(printed(server.written()) == std::vector<std::string>{"[1,"s + std::to_string(id) + R"(,null,["ACME"]])"});
  }
  for (const std::size_t size : {1U, 18U, 19U, 244U, 300U, 66000U}) {
    server.session.write_error(server.out, {1, serialization::msgpack, false}, {tenon::code::unknown, std::string(size, 'x')}, {});
    const std::string text = server.written();
    CHECK(static_cast<unsigned char>(text[3]) != 0xD9);
    CHECK(printed(text) == std::vector<std::string>{"[1,1,\"" + std::string(size, 'x') + "\",null]"});
  }
}

TEST_CASE("messages are the same however they are cut") {
  const std::string bytes = request_of(1, "market.last", acme) + notification_of("market.note", acme) + request_of(70000, "market/buy", std::vector<int>{1, 70000, -5}) + packed(1, 5, "error"s, 0) +
                            request_of(3, std::string(40, 'm'), std::vector<std::string>{std::string(300, 'x')}) + request_of(4, "m", std::vector<double>{1.5, 2.5});
  session_under_test whole;
  whole.feed(bytes);
  const std::string expected = whole.written();
  CHECK(printed(expected).size() == 4);
  CHECK(whole.one_way == std::vector<bool>{false, true, false, false, false});
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    session_under_test server;
    REQUIRE(server.feed(std::string_view{bytes}.substr(0, cut)) == consumed::state::more);
    REQUIRE(server.feed(std::string_view{bytes}.substr(cut)) == consumed::state::more);
    REQUIRE(server.unread.empty());
    REQUIRE(server.written() == expected);
  }
  session_under_test drop_by_drop;
  for (const char each : bytes) REQUIRE(drop_by_drop.feed({&each, 1}) == consumed::state::more);
  CHECK(drop_by_drop.written() == expected);
}

TEST_CASE("answers leave in the order in which handlers end") {
  session_under_test server;
  server.feed(request_of(1, "wait", acme) + request_of(2, "wait", acme) + request_of(3, "echo", acme));
  CHECK(printed(server.written()) == std::vector<std::string>{R"([1,3,null,["ACME"]])"});
  server.reply_with(server.waiting[1], "\x02");
  server.reply_with(server.waiting[0], "\x01");
  CHECK(printed(server.written()) == std::vector<std::string>{"[1,2,null,2]", "[1,1,null,1]"});
}

TEST_CASE("the codec is given the params as they stand, but for an array that is alone in one") {
  session_under_test server;
  for (const std::string& params : {"\x92\x01\x02"s, "\x91\x92\x01\x02"s, "\x91\x90"s, "\x92\x91\x01\x91\x02"s, "\x90"s, "\x91\x81\xA1" "a\x01"s, "\x81\xA1" "a\x01"s, "\xC0"s}) server.feed("\x93\x02\xA1m" + params);
  CHECK(server.payloads == std::vector<std::string>{"\x92\x01\x02", "\x92\x01\x02", "\x90", "\x92\x91\x01\x91\x02", "\x90", "\x91\x81\xA1" "a\x01", "\x81\xA1" "a\x01", "\xC0"});
  CHECK(server.out.empty());
}

TEST_CASE("an error's text has its code in front, but a plain one's is its own") {
  session_under_test server;
  const auto text_of = [&server](tenon::status why) {
    server.session.write_error(server.out, {1, serialization::msgpack, false}, why, {{"lost", "here"}});
    return printed(server.written()).at(0);
  };
  CHECK(text_of({tenon::code::unknown, "boom"}) == R"([1,1,"boom",null])");
  CHECK(text_of({tenon::code::unknown, "NOT_FOUND: x"}) == R"([1,1,"UNKNOWN: NOT_FOUND: x",null])");
  CHECK(text_of(tenon::code::unknown) == R"([1,1,"UNKNOWN",null])");
  CHECK(text_of({tenon::code::internal, "x"}) == R"([1,1,"INTERNAL: x",null])");
}

TEST_CASE("what cannot be a message closes the connection, saying what was expected") {
  for (const std::string& bytes : {"\x01"s, "\xC1"s, "\x80"s, "\xA1x"s, "\xC0"s, "\xCC\x94"s, "\x92\x00\x01"s, "\x94\x03\x01\xA1m\x90"s, "\x93\x00\x01\xA1m"s, "\x94\x02\x01\xA1m\x90"s, "\x94\x00\xA1x\xA1m\x90"s, "\x94\x00\xFF\xA1m\x90"s,
                                   "\x94\x00\xD0\xFF\xA1m\x90"s, "\x94\x00\x01\x05\x90"s, "\x94\x00\x01\xA1m\xC1"s, "\x93\x02\xC0\x90"s}) {
    session_under_test server;
    server.feed(request_of(1, "m", acme));
    CHECK(server.feed(bytes) == consumed::state::close);
    CHECK(server.names.size() == 1);
    CHECK(server.reason == "msgpack-rpc: expected [0, id, method, params] or [2, method, params], found other bytes");
  }
}

TEST_CASE("a message above the limit is answered at once, skipped without being kept, and the next one is served") {
  session_under_test server{{.max_message_bytes = 1000, .max_metadata_bytes = 100}};
  const std::string bytes = request_of(9, "m", std::vector<std::string>{std::string(30'000, 'x'), std::string(30'000, 'y')});
  server.feed(std::string_view{bytes}.substr(0, 20));
  CHECK(printed(server.written()) == std::vector<std::string>{R"([1,9,"RESOURCE_EXHAUSTED: the message exceeds the limit of 1000 bytes",null])"});
  CHECK(server.session.unfinished());
  for (std::size_t at = 20; at < bytes.size(); at += 777) {
    server.feed(std::string_view{bytes}.substr(at, 777));
    CHECK(server.unread.size() < 10);
  }
  CHECK(!server.session.unfinished());
  CHECK(server.out.empty());
  server.feed(request_of(10, "m", acme));
  CHECK(server.names.size() == 1);
  server.written();

  // A count that cannot be: refused by what it claims.
  server.feed("\x94\x00\x05\xA1m\xDD\xFF\xFF\xFF\xFF"s);
  CHECK(printed(server.written()).at(0).starts_with("[1,5,\"RESOURCE_EXHAUSTED"));
  session_under_test limit{{.max_message_bytes = 1000, .max_metadata_bytes = 100}};
  limit.feed(request_of(1, "m", std::string(997, 'x')) + request_of(2, "m", std::string(998, 'x')) + notification_of("m", std::string(998, 'x')));
  CHECK(limit.names.size() == 1);
  CHECK(printed(limit.written()).size() == 2);
}

TEST_CASE("a sink that is full is given nothing more until it is asked again") {
  session_under_test server;
  server.room = 10;
  const std::string one = request_of(1, "m", acme);
  CHECK(server.feed(one + one + one + one) == consumed::state::wait);
  CHECK(server.names.size() == 2);
  server.written();
  CHECK(server.feed("") == consumed::state::more);
  CHECK(server.names.size() == 4);
}

TEST_CASE("random bytes neither trouble a session nor make it keep more than one message") {
  pseudo_random next{2024};
  const std::string seed = request_of(1, "market.last", acme) + request_of(70000, "m", std::vector<std::vector<double>>{{1.5}, {2, 3}}) + notification_of("x.y", std::string(40, 'x'));
  for (int round = 0; round < 5000; ++round) {
    session_under_test server{{.max_message_bytes = 500, .max_metadata_bytes = 100}};
    std::string bytes = seed + seed;
    for (std::uint64_t changes = next() % 6; changes > 0; --changes) bytes[next() % bytes.size()] = static_cast<char>(next());
    if (round % 4 == 0) {
      for (std::size_t i = 2; i < bytes.size(); ++i) bytes[i] = static_cast<char>(next());
    }
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t step = 1 + next() % 40;
      if (server.feed(std::string_view{bytes}.substr(at, step)) == consumed::state::close) break;
      REQUIRE(server.unread.size() <= 600 + 40);
      at += step;
    }
  }
}

TEST_CASE("values end where msgpack-c says that they end") {
  pseudo_random next{11};
  int compared = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (std::uint64_t count = 1 + next() % 12; count > 0; --count) bytes.push_back(static_cast<char>(next() % 3 == 0 ? 0x80 + next() % 128 : next() % 256));
    bytes += std::string(300, '\x01');
    detail::msgpack_cursor cursor{bytes};
    std::string_view value;
    const bool complete = cursor.read_value(value);
    std::size_t end = 0;
    bool theirs = true;
    try {
      const msgpack::object_handle each = msgpack::unpack(bytes.data(), bytes.size(), end, nullptr, nullptr, msgpack::unpack_limit(1000, 1000, 1000, 1000, 1000));
    } catch (const msgpack::size_overflow&) {
      continue;
    } catch (const msgpack::unpack_error&) {
      theirs = false;
    }
    REQUIRE(complete == theirs);
    if (!complete) continue;
    REQUIRE(value.size() == end);
    ++compared;
  }
  CHECK(compared > 5000);
}

TEST_CASE("over a server, handlers of every kind answer MessagePack-RPC calls") {
  using server_type = tenon::server<tenon::protocols<rpcx_session, http1_session, jsonrpc_session, msgpack_rpc_session>>;
  simulated::world world;
  simulated::desk_records records;
  server_type server{world.io};
  server.serve(simulated::desk{&records});
  server.listen(world.wire, "desk");
  server.start();
  simulated::peer caller{world};
  REQUIRE(caller.connect("desk"));
  caller.say(request_of(1, "desk.echo", acme) + request_of(2, "desk/add", std::vector<int>{2, 3}) + request_of(3, "desk.wait", acme) + request_of(4, "desk.none", acme) + notification_of("desk.echo", acme));
  auto answers = printed(caller.heard());
  REQUIRE(answers.size() == 3);
  CHECK(answers[0] == R"([1,1,null,"ACME"])");
  CHECK(answers[1] == "[1,2,null,5]");
  CHECK(answers[2].starts_with(R"([1,4,"UNIMPLEMENTED: desk has no method)"));
  world.on_loop([&] { records.door.open(); });
  answers = printed(caller.heard());
  CHECK(answers == std::vector<std::string>{R"([1,3,null,"ACME waited"])"});
  CHECK(records.calls == 3);

  // Everything else still has its port.
  simulated::peer other{world};
  REQUIRE(other.connect("desk"));
  other.say(R"({"jsonrpc":"2.0","method":"desk.add","params":[1,2],"id":1})");
  CHECK(other.heard() == "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":3}\n");
  CHECK(simulated::ask(world, "add", "[4,5]") == "9");
}
