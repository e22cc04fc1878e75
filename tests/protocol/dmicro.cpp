#include <tenon/protocol/dmicro.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;
using nlohmann::json;

namespace {

// Frames by hand.
std::string number(std::size_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift));
  return text;
}
struct frame {
  std::string sequence = "1";
  int type = 1;
  std::string method = "/desk/echo";
  std::string status = R"({"code":0,"msg":"","cause":""})";
  std::string metadata = "{}";
  char codec = 'j';
  std::string body = "[1]";
  std::string filters{};
  int version = 1;

  std::string bytes() const {
    std::string rest(1, static_cast<char>(version));
    rest += number(filters.size(), 1) + filters + number(sequence.size(), 1) + sequence + number(static_cast<std::size_t>(type), 1) + number(method.size(), 1) + method + number(status.size(), 2) + status +
            number(metadata.size(), 2) + metadata + std::string(1, codec) + body;
    return number(rest.size() + 4, 4) + rest;
  }
};
std::vector<frame> frames_in(std::string_view bytes) {
  std::vector<frame> found;
  const auto take = [&bytes](std::size_t size) {
    REQUIRE(bytes.size() >= size);
    const std::string text{bytes.substr(0, size)};
    bytes.remove_prefix(size);
    return text;
  };
  const auto value = [&take](std::size_t size) {
    std::size_t sum = 0;
    for (const char each : take(size)) sum = sum << 8 | static_cast<unsigned char>(each);
    return sum;
  };
  while (!bytes.empty()) {
    frame each;
    const std::size_t length = value(4) - 4;
    const std::string_view after = bytes.substr(length);
    bytes = bytes.substr(0, length);
    each.version = static_cast<int>(value(1));
    each.filters = take(value(1));
    each.sequence = take(value(1));
    each.type = static_cast<int>(value(1));
    each.method = take(value(1));
    each.status = take(value(2));
    each.metadata = take(value(2));
    each.codec = take(1)[0];
    each.body = std::string{bytes};
    bytes = after;
    found.push_back(each);
  }
  return found;
}

struct side {
  explicit side(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    calls.push_back(std::string{call.service} + "|" + std::string{call.method} + "|" + std::string{call.payload} + "|" + std::to_string(static_cast<int>(call.address.codec)));
    metadata = {};
    call.read_metadata(call.metadata_block, metadata);
    if (call.address.one_way) return true;
    if (call.method == "wait") {
      waiting.push_back(call.address);
      return false;
    }
    if (call.method == "fail") session.write_error(out, call.address, tenon::status{tenon::code::not_found, "no \"such\"\n"}, extra);
    else answer(call.address, call.payload);
    return true;
  }
  void answer(const reply_address& to, std::string_view payload) {
    const mark at = session.begin_reply(out, to);
    out.append(payload);
    session.end_reply(out, at, to, extra);
  }
  bool full() const { return out.size() > room; }
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, out);
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  std::vector<frame> answers() {
    const std::string bytes{out.view()};
    out.clear();
    return frames_in(bytes);
  }

  dmicro_session session;
  std::string unread;
  tenon::buffer out;
  tenon::metadata extra;
  tenon::metadata metadata;
  std::size_t room = 1 << 24;
  std::vector<std::string> calls;
  std::vector<reply_address> waiting;
  std::string reason;
};

}  // namespace

TEST_CASE("dmicro: a call is answered with its sequence, without a method, in its codec") {
  side server;
  server.feed(frame{.sequence = "zz", .metadata = R"({"trace":"abc","endpoint_id":110})"}.bytes());
  CHECK(server.calls == std::vector<std::string>{"desk|echo|[1]|1"});
  CHECK(server.metadata.get("trace") == "abc");
  CHECK(server.metadata.get("endpoint_id") == "110");
  const auto found = server.answers();
  REQUIRE(found.size() == 1);
  CHECK(found[0].version == 1);
  CHECK(found[0].filters.empty());
  CHECK(found[0].sequence == "zz");
  CHECK(found[0].type == 2);
  CHECK(found[0].method.empty());
  CHECK(found[0].status == R"({"code":0,"msg":"","cause":""})");
  CHECK(found[0].metadata == "{}");
  CHECK(found[0].codec == 'j');
  CHECK(found[0].body == "[1]");

  server.feed(frame{.sequence = "-a0", .method = "desk.echo", .status = "", .metadata = "", .codec = 'p', .body = "\x08\x01"}.bytes());
  CHECK(server.calls.back() == "desk|echo|\x08\x01|2");
  const auto packed = server.answers();
  CHECK(packed.at(0).sequence == "-a0");
  CHECK(packed.at(0).codec == 'p');
  server.feed(frame{.method = "/a/b_c/echo", .codec = 0, .body = ""}.bytes());
  CHECK(server.calls.back() == "a/b_c|echo||1");
}

TEST_CASE("dmicro: answers come in any order, pushes get none, and metadata travel with an answer") {
  side server;
  server.extra.add("seen", "yes \"and\" no");
  server.feed(frame{.sequence = "1", .method = "/desk/wait"}.bytes() + frame{.type = 3}.bytes() + frame{.sequence = "2"}.bytes() + frame{.type = 2}.bytes());
  CHECK(server.calls.size() == 3);
  server.answer(server.waiting.at(0), "\"late\"");
  const auto found = server.answers();
  REQUIRE(found.size() == 2);
  CHECK(found[0].sequence == "2");
  CHECK(json::parse(found[0].metadata) == json{{"seen", "yes \"and\" no"}});
  CHECK(found[0].body == "[1]");
  CHECK(found[1].sequence == "1");
  CHECK(found[1].body == "\"late\"");
}

TEST_CASE("dmicro: an error is a status of its own numbers") {
  side server;
  server.extra.add("why", "so");
  server.feed(frame{.method = "/desk/fail"}.bytes());
  const auto found = server.answers();
  REQUIRE(found.size() == 1);
  CHECK(json::parse(found[0].status) == json{{"code", 404}, {"msg", "no \"such\"\n"}, {"cause", "NOT_FOUND"}});
  CHECK(json::parse(found[0].metadata) == json{{"why", "so"}});
  CHECK(found[0].codec == 0);
  CHECK(found[0].body.empty());
  const auto code_of = [](tenon::status error) {
    side one;
    one.session.write_error(one.out, {.id = 1}, error, {});
    return json::parse(one.answers().at(0).status).at("code").get<int>();
  };
  CHECK(code_of({tenon::code::unknown, "x"}) == -1);
  CHECK(code_of({tenon::code::deadline_exceeded, "x"}) == 408);
  CHECK(code_of({tenon::code::unavailable, "x"}) == 502);
  CHECK(code_of({tenon::code::internal, "x"}) == 500);
  CHECK(code_of({tenon::code::internal, std::string(200'000, '\x01')}) == 500);
}

TEST_CASE("dmicro: a codec that is not spoken, and what is above a limit, is refused for the one call") {
  side server{{.max_message_bytes = 100, .max_metadata_bytes = 50}};
  const auto refused = [&server](const frame& call) {
    server.calls.clear();
    CHECK(server.feed(call.bytes()) == consumed::state::more);
    CHECK(server.calls.empty());
    return json::parse(server.answers().at(0).status).at("code").get<int>();
  };
  CHECK(refused(frame{.codec = 's'}) == 400);
  CHECK(refused(frame{.codec = 0}) == 400);
  CHECK(refused(frame{.body = std::string(101, ' ')}) == 429);
  CHECK(refused(frame{.metadata = "{" + std::string(50, ' ') + "}"}) == 429);
}

TEST_CASE("dmicro: heartbeats and AUTH_CALL are answered here") {
  side server;
  server.feed(frame{.sequence = "5", .type = 4, .method = "", .body = "\"ticket\""}.bytes() + frame{.sequence = "6", .method = "/heartbeat", .metadata = R"({"hb_":"3"})", .body = "{}"}.bytes() +
              frame{.sequence = "7", .type = 3, .method = "/heartbeat"}.bytes());
  CHECK(server.calls.empty());
  const auto found = server.answers();
  REQUIRE(found.size() == 2);
  CHECK(found[0].type == 5);
  CHECK(found[0].sequence == "5");
  CHECK(found[1].type == 2);
  CHECK(found[1].codec == 0);
}

TEST_CASE("dmicro: the bytes may be cut anywhere, and what cannot be a frame closes with a reason") {
  const std::string bytes = frame{.sequence = "1"}.bytes() + frame{.sequence = "2", .method = "/desk/fail"}.bytes();
  side whole;
  whole.feed(bytes);
  const std::string expected{whole.out.view()};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    side server;
    server.feed(bytes.substr(0, cut));
    server.feed(bytes.substr(cut));
    REQUIRE(server.out.view() == expected);
  }
  const auto closed = [](const std::string& said) {
    side server{{.max_message_bytes = 1000, .max_metadata_bytes = 1000}};
    CHECK(server.feed(said) == consumed::state::close);
    CHECK(server.calls.empty());
    return server.reason;
  };
  CHECK(closed(number(14, 4)) == "dmicro: expected a frame of at least 15 bytes, found a length of 14");
  CHECK(closed(number(100'000, 4)) == "dmicro: a frame of 100000 bytes exceeds the limits");
  CHECK(closed(frame{.version = 2}.bytes()) == "dmicro: expected version 1, found 2");
  CHECK(closed(frame{.filters = "z"}.bytes()) == "dmicro: frames with filters are not read here; send them without gzip, md5 or AES");
  CHECK(closed(frame{.sequence = "!"}.bytes()) == "dmicro: expected blocks that add up to the frame's length, found others");
  CHECK(closed(frame{.sequence = "zzzzzzz"}.bytes()) == "dmicro: expected blocks that add up to the frame's length, found others");
  CHECK(closed(frame{.sequence = ""}.bytes()) == "dmicro: expected blocks that add up to the frame's length, found others");
  const std::string good = frame{}.bytes();
  for (std::size_t at = 6; at < good.size() - 3; ++at) {
    std::string bad = good;
    bad[at] = '\xFF';
    side server;
    const consumed::state next = server.feed(bad);
    CHECK((next == consumed::state::close || server.unread.empty()));
  }
}

TEST_CASE("dmicro: the sink is asked before each frame whether there is room") {
  side server;
  server.room = 0;
  server.feed(frame{}.bytes());
  CHECK(server.feed(frame{}.bytes()) == consumed::state::wait);
  CHECK(server.calls.size() == 1);
  CHECK(server.answers().size() == 1);
  CHECK(server.feed("") == consumed::state::more);
  CHECK(server.calls.size() == 2);
}

TEST_CASE("dmicro: its first bytes are told from others'") {
  const std::string bytes = frame{}.bytes();
  for (std::size_t cut = 0; cut < 6; ++cut) CHECK(dmicro_session::recognise(std::string_view{bytes}.substr(0, cut)) == sniffed::need_more);
  for (std::size_t cut = 6; cut <= bytes.size(); ++cut) CHECK(dmicro_session::recognise(std::string_view{bytes}.substr(0, cut)) == sniffed::yes);
  CHECK(dmicro_session::recognise(frame{.filters = "z"}.bytes()) == sniffed::yes);
  CHECK(dmicro_session::recognise("\x01") == sniffed::no);
  CHECK(dmicro_session::recognise(frame{.version = 2}.bytes().substr(0, 5)) == sniffed::no);
  CHECK(dmicro_session::recognise("\0\0\0\x05\1\0"s) == sniffed::no);
  CHECK(dmicro_session::recognise("\0\0\0\x40\1\x20"s) == sniffed::no);
}
