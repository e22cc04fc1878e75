#include <tenon/protocol/websocket.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/protocol/http_options.hpp>
#include <tenon/protocol/http_site.hpp>
#include <websocket/frames.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;
using by_hand::frame;
using nlohmann::json;

namespace {

// A server's session with a read buffer in front of it, and `echo`, `fail` and `wait` behind it.
template <class Session = websocket_session>
struct basic_side {
  explicit basic_side(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    calls.emplace_back(call.method);
    tenon::metadata met;
    call.read_metadata(call.metadata_block, met);
    metadata = met;
    if (call.method == "wait") {
      waiting.push_back(call.address);
      return false;
    }
    if (call.address.one_way) return true;
    if (call.method == "fail") session.write_error(out, call.address, tenon::status{tenon::code::not_found, "none"}, {});
    else answer(call.address, call.payload.empty() ? "null" : call.payload);
    return true;
  }
  void answer(const reply_address& to, std::string_view payload) {
    const mark at = session.begin_reply(out, to);
    out.append(payload);
    session.end_reply(out, at, to, {});
  }
  bool full() const { return out.size() > room; }
  void on_peer_left() { peer_left = true; }

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
  void open(std::string_view more = {}) {
    CHECK(feed(by_hand::handshake(more)) == consumed::state::more);
    CHECK(written().starts_with("HTTP/1.1 101 "));
  }
  std::vector<frame> frames() { return by_hand::frames_in(written()); }
  // The answers, each in a frame of its own.
  std::vector<json> answers() {
    std::vector<json> found;
    for (const frame& each : frames()) {
      CHECK(each.opcode == by_hand::text);
      CHECK(each.fin);
      CHECK(!each.masked);
      found.push_back(json::parse(each.payload));
    }
    return found;
  }

  Session session;
  std::string unread;
  tenon::buffer out;
  std::size_t room = 1 << 24;
  std::vector<std::string> calls;
  std::vector<reply_address> waiting;
  tenon::metadata metadata;
  std::string reason;
  bool peer_left = false;
};
using side = basic_side<>;

std::string call(std::string_view method, std::string_view params = "[1]", std::string_view id = "1") {
  return R"({"jsonrpc":"2.0","method":"desk.)" + std::string{method} + R"(","params":)" + std::string{params} + R"(,"id":)" + std::string{id} + "}";
}

// What the session closes with when it is fed these bytes after the handshake; 0 while it is still open.
unsigned closed_with(std::string_view bytes, tenon::limits bounds = {}) {
  side server{bounds};
  server.open();
  const consumed::state next = server.feed(bytes);
  const auto frames = server.frames();
  if (frames.empty() || frames.back().opcode != by_hand::close) return 0;
  CHECK(server.session.closing());
  CHECK(next == consumed::state::close);
  CHECK(!server.reason.empty());
  CHECK(server.unread.empty());
  return by_hand::close_code(frames);
}

std::string refusal_of(std::string_view head, tenon::limits bounds = {}) {
  side server{bounds};
  const consumed::state next = server.feed(head);
  const std::string answer = server.written();
  if (answer.starts_with("HTTP/1.1 101 ")) return "open";
  CHECK(next == consumed::state::close);
  CHECK(server.session.closing());
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  return answer.substr(9, 3);
}

}  // namespace

TEST_CASE("the handshake of RFC 6455's example is answered as there") {
  side server;
  CHECK(server.feed(by_hand::handshake()) == consumed::state::more);
  CHECK(server.written() == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + std::string{by_hand::accepted} + "\r\n\r\n");
}

TEST_CASE("a WebSocket is told from other requests by its whole head, wherever that is cut") {
  const std::string head = by_hand::handshake();
  for (std::size_t cut = 0; cut < head.size(); ++cut) REQUIRE(websocket_session::recognise(std::string_view{head}.substr(0, cut)) == sniffed::need_more);
  CHECK(websocket_session::recognise(head) == sniffed::yes);
  CHECK(websocket_session::recognise(head + "\x81") == sniffed::yes);

  const std::string plain = "GET /desk/echo HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t cut = 0; cut < plain.size(); ++cut) REQUIRE(websocket_session::recognise(std::string_view{plain}.substr(0, cut)) == sniffed::need_more);
  CHECK(websocket_session::recognise(plain) == sniffed::no);

  CHECK(websocket_session::recognise("POST") == sniffed::no);
  CHECK(websocket_session::recognise("GE!") == sniffed::no);
  CHECK(websocket_session::recognise("\x08") == sniffed::no);
  CHECK(websocket_session::recognise("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n") == sniffed::no);
  CHECK(websocket_session::recognise("GET / HTTP/1.1\r\nUpgrade: h2c, WebSocket\r\n\r\n") == sniffed::yes);
  CHECK(websocket_session::recognise("GET / HTTP/1.1\r\nUpgrade: websocket\n") == sniffed::no);
  CHECK(websocket_session::recognise("GET / HTTP/1.1\r\nUpgrade websocket\r\n\r\n") == sniffed::no);
  const std::string endless = "GET / HTTP/1.1\r\nCookie: " + std::string(20'000, 'c');
  CHECK(websocket_session::recognise(std::string_view{endless}.substr(0, 16'000)) == sniffed::need_more);
  CHECK(websocket_session::recognise(endless) == sniffed::no);
}

TEST_CASE("a handshake that cannot be is refused with its HTTP status") {
  const std::string good = by_hand::handshake();
  const auto changed = [&good](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  CHECK(refusal_of(good) == "open");
  CHECK(refusal_of(changed("Version: 13", "Version: 8")) == "426");
  CHECK(refusal_of(changed("Sec-WebSocket-Version: 13\r\n", "")) == "426");
  CHECK(refusal_of(changed("Version: 13\r\n", "Version: 13\r\nSec-WebSocket-Version: 13\r\n")) == "426");
  CHECK(refusal_of(changed("keep-alive, Upgrade", "keep-alive")) == "400");
  CHECK(refusal_of(changed("HTTP/1.1", "HTTP/1.0")) == "400");
  CHECK(refusal_of(changed("Host: shop.example\r\n", "")) == "400");
  CHECK(refusal_of(changed("dGhl", "dGh")) == "400");
  CHECK(refusal_of(changed("dGhl", "d#hl")) == "400");
  CHECK(refusal_of(changed("Sec-WebSocket-Key:", "Sec-WebSocket-Kex:")) == "400");
  CHECK(refusal_of(changed("Host:", "Content-Length: 5\r\nHost:")) == "400");
  CHECK(refusal_of(changed("Host:", "Bad header\r\nHost:")) == "400");
  CHECK(refusal_of(good, {.max_metadata_bytes = 64}) == "431");

  side server;
  server.feed(changed("Version: 13", "Version: 8"));
  CHECK(server.written().find("\r\nSec-WebSocket-Version: 13\r\n") != std::string::npos);
  CHECK(server.reason == "websocket: WebSocket version \"8\" is not spoken here; expected 13");
}

TEST_CASE("pages of other origins are refused, and who is no browser is not") {
  const auto from = [](std::string_view origin, std::string_view host = "shop.example") { return refusal_of(by_hand::handshake("Origin: " + std::string{origin} + "\r\n", host)); };
  CHECK(from("http://shop.example") == "open");
  CHECK(from("https://shop.example") == "open");
  CHECK(from("https://SHOP.example") == "open");
  CHECK(from("http://shop.example:8080", "shop.example:8080") == "open");
  CHECK(from("http://shop.example:8081", "shop.example:8080") == "403");
  CHECK(from("http://shop.example.evil.example") == "403");
  CHECK(from("http://evil.example") == "403");
  CHECK(from("null") == "403");
  CHECK(from("") == "403");
  CHECK(from("file://") == "403");
  CHECK(from("http://") == "403");
  CHECK(refusal_of(by_hand::handshake("Origin: http://shop.example\r\nOrigin: http://evil.example\r\n")) == "403");

  struct our_pages {
    static bool allows(std::string_view origin, std::string_view) { return origin == "https://partner.example"; }
  };
  for (const auto& [origin, allowed] : {std::pair{"https://partner.example", true}, {"http://shop.example", false}}) {
    basic_side<basic_websocket_session<our_pages>> server;
    server.feed(by_hand::handshake("Origin: "s + origin + "\r\n"));
    CHECK(server.written().starts_with(allowed ? "HTTP/1.1 101 " : "HTTP/1.1 403 "));
  }
  basic_side<basic_websocket_session<any_origin>> server;
  server.open("Origin: http://evil.example\r\n");
}

TEST_CASE("pages whose origin the server lists for HTTP may connect, with their user's cookies only where those are allowed") {
  const auto connect = [](tenon::http_options options, std::string_view origin) {
    const http_site site{.options = &options};
    side server;
    server.session.use(site);
    server.feed(by_hand::handshake("Origin: " + std::string{origin} + "\r\nCookie: a=b\r\nAuthorization: x\r\nTrace: 7\r\n"));
    if (!server.written().starts_with("HTTP/1.1 101 ")) return std::string{"refused"};
    server.feed(by_hand::said(call("echo")));
    return std::to_string(server.metadata.size()) + std::string{server.metadata.get("cookie").value_or("")};
  };
  CHECK(connect({}, "http://evil.example") == "refused");
  CHECK(connect({.allowed_origins = {"https://a.example"}}, "http://evil.example") == "refused");
  CHECK(connect({.allowed_origins = {"https://a.example"}}, "http://shop.example") == "4a=b");
  CHECK(connect({.allowed_origins = {"https://a.example"}}, "https://a.example") == "2");
  CHECK(connect({.allowed_origins = {"https://a.example"}, .allow_credentials = true}, "https://a.example") == "4a=b");
  CHECK(connect({.allowed_origins = {"*"}}, "http://evil.example") == "2");
  CHECK(connect({.allowed_origins = {"*"}, .allow_credentials = true}, "http://evil.example") == "refused");
}

TEST_CASE("a heartbeat is a ping, while there is somebody to answer it") {
  side server;
  CHECK(!server.session.write_heartbeat(server.out));
  server.open();
  CHECK(server.session.write_heartbeat(server.out));
  const auto ping = server.frames();
  REQUIRE(ping.size() == 1);
  CHECK(ping[0].opcode == by_hand::ping);
  CHECK(!ping[0].masked);
  server.feed(frame{.opcode = by_hand::close}.bytes());
  CHECK(!server.session.write_heartbeat(server.out));
}

TEST_CASE("the subprotocol jsonrpc is chosen where it is offered, and no other") {
  const auto answer = [](std::string_view more) {
    side server;
    server.feed(by_hand::handshake(more));
    return server.written();
  };
  CHECK(answer("Sec-WebSocket-Protocol: chat, jsonrpc\r\n").find("\r\nSec-WebSocket-Protocol: jsonrpc\r\n") != std::string::npos);
  CHECK(answer("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: jsonrpc\r\n").find("\r\nSec-WebSocket-Protocol: jsonrpc\r\n") != std::string::npos);
  CHECK(answer("Sec-WebSocket-Protocol: chat\r\n").find("Sec-WebSocket-Protocol") == std::string::npos);
  CHECK(answer("Sec-WebSocket-Extensions: permessage-deflate\r\n").find("Extensions") == std::string::npos);
}

TEST_CASE("calls, notifications, batches and errors are those of JSON-RPC, one text per message") {
  side server;
  server.open();
  server.feed(by_hand::said(call("echo", "[7]")));
  CHECK(server.answers() == std::vector{json::parse(R"({"jsonrpc":"2.0","id":1,"result":[7]})")});

  server.feed(by_hand::said(R"({"jsonrpc":"2.0","method":"desk.note"})"));
  CHECK(server.calls.back() == "note");
  CHECK(server.written().empty());

  server.feed(by_hand::said("[" + call("echo", "[1]", "\"a\"") + "," + call("echo", "[2]", "\"b\"") + ",5]"));
  const auto batch = server.answers();
  REQUIRE(batch.size() == 1);
  REQUIRE(batch[0].size() == 3);
  CHECK(batch[0][1].at("id") == "b");
  CHECK(batch[0][2].at("error").at("code") == -32600);

  server.feed(by_hand::said("{\"jsonrpc\""));
  CHECK(server.answers().at(0).at("error").at("code") == -32700);
  server.feed(by_hand::said(""));
  CHECK(server.answers().at(0).at("error").at("code") == -32700);
  server.feed(by_hand::said(call("fail")));
  CHECK(server.answers().at(0).at("error").at("message") == "none");
  server.feed(by_hand::said(call("echo", "[1]") + call("echo", "[2]")));
  CHECK(server.answers().at(0).at("error").at("code") == -32700);
  CHECK(!server.session.closing());
}

TEST_CASE("answers come in any order, a batch's together once its last call has ended") {
  side server;
  server.open();
  server.feed(by_hand::said(call("wait", "[]", "1")) + by_hand::said("[" + call("wait", "[]", "2") + "," + call("echo", "[3]", "3") + "]") + by_hand::said(call("echo", "[4]", "4")));
  CHECK(server.answers().at(0).at("id") == 4);
  server.answer(server.waiting.at(1), "2");
  CHECK(server.answers().at(0).size() == 2);
  server.answer(server.waiting.at(0), "1");
  CHECK(server.answers().at(0).at("id") == 1);
}

TEST_CASE("the headers of the handshake are metadata of each call, beside its own") {
  side server;
  server.open("Authorization: Bearer abc\r\nCookie: a=b\r\n");
  server.feed(by_hand::said(R"({"jsonrpc":"2.0","method":"desk.echo","id":1,"meta":{"trace":"7"}})"));
  CHECK(server.metadata.get("authorization") == "Bearer abc");
  CHECK(server.metadata.get("cookie") == "a=b");
  CHECK(server.metadata.get("trace") == "7");
  CHECK(server.metadata.size() == 3);
  server.feed(by_hand::said(call("echo")));
  CHECK(!server.metadata.contains("trace"));
}

TEST_CASE("the bytes may be cut anywhere") {
  const std::string bytes = by_hand::handshake() + by_hand::said(call("echo", "[\"grüße\"]", "\"x\"")) + frame{.opcode = by_hand::ping, .payload = "are you there"}.bytes() +
                            frame{.payload = call("echo", "[\"" + std::string(300, 'l') + "\"]"), .length_bytes = 2}.bytes() + frame{.payload = "[", .fin = false}.bytes() +
                            frame{.opcode = by_hand::continuation, .payload = call("echo"), .fin = false}.bytes() + frame{.opcode = by_hand::continuation, .payload = "]"}.bytes() +
                            frame{.opcode = by_hand::close, .payload = by_hand::code(1000, "grüße")}.bytes();
  side whole;
  CHECK(whole.feed(bytes) == consumed::state::more);
  const std::string expected = whole.written();
  CHECK(whole.session.closing());
  CHECK(by_hand::close_code(by_hand::frames_in(expected.substr(expected.find("\r\n\r\n") + 4))) == 1000);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    side server;
    server.feed(bytes.substr(0, cut));
    server.feed(bytes.substr(cut));
    REQUIRE(server.written() == expected);
  }
  side drip;
  for (const char each : bytes) drip.feed(std::string(1, each));
  CHECK(drip.written() == expected);
  CHECK(drip.calls.size() == 3);
}

TEST_CASE("a message may come in fragments, with control frames between them") {
  side server;
  server.open();
  const std::string text = call("echo", "[\"é\"]");
  const std::size_t middle = text.find("é") + 1;
  server.feed(frame{.payload = text.substr(0, middle), .fin = false}.bytes());
  CHECK(server.session.unfinished());
  server.feed(frame{.opcode = by_hand::ping, .payload = "p"}.bytes());
  const auto pong = server.frames();
  REQUIRE(pong.size() == 1);
  CHECK(pong[0].opcode == by_hand::pong);
  CHECK(pong[0].payload == "p");
  CHECK(server.session.unfinished());
  server.feed(frame{.opcode = by_hand::continuation, .fin = false}.bytes());
  server.feed(frame{.opcode = by_hand::continuation, .payload = text.substr(middle)}.bytes());
  CHECK(server.answers().at(0).at("result").at(0) == "é");
  CHECK(!server.session.unfinished());
}

TEST_CASE("what is too large is refused by its announcement, in one frame or in many") {
  const tenon::limits small{.max_message_bytes = 1000, .max_metadata_bytes = 500};
  const std::string fits = call("echo", "[\"" + std::string(1000, 'x') + "\"]");
  side server{small};
  server.open();
  server.feed(by_hand::said(fits + std::string(1500 - fits.size(), ' ')));
  CHECK(server.frames().size() == 1);

  CHECK(closed_with(by_hand::said(std::string(1501, ' ')), small) == 1009);
  const std::string announced = by_hand::said(std::string(70'000, ' ')).substr(0, 15);
  CHECK(closed_with(announced, small) == 1009);
  const std::string half = frame{.payload = std::string(800, ' '), .fin = false}.bytes();
  const std::string rest = frame{.opcode = by_hand::continuation, .payload = std::string(701, ' ')}.bytes();
  CHECK(closed_with(half, small) == 0);
  CHECK(closed_with(half + rest.substr(0, 9), small) == 1009);
  std::string endless = "\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x02\x03\x04 "s;
  CHECK(closed_with(endless, small) == 1009);
  endless[2] = '\xFF';
  CHECK(closed_with(endless, small) == 1002);
}

TEST_CASE("text that is no UTF-8 closes with 1007") {
  for (const std::string& bad : {"\xFF"s, "\xC3"s, "\xC0\x80"s, "\xED\xA0\x80"s, "\xF5\x80\x80\x80"s, "ok \x80"s}) {
    CAPTURE(bad.size());
    CHECK(closed_with(by_hand::said(bad)) == 1007);
  }
  CHECK(closed_with(frame{.payload = "\xC3", .fin = false}.bytes()) == 0);
  CHECK(closed_with(frame{.payload = "\xC3", .fin = false}.bytes() + frame{.opcode = by_hand::continuation, .payload = "("}.bytes()) == 1007);
  CHECK(closed_with(frame{.opcode = by_hand::close, .payload = by_hand::code(1000, "\xFF")}.bytes()) == 1007);
}

TEST_CASE("frames that RFC 6455 forbids close with 1002") {
  const std::string start = frame{.payload = "[", .fin = false}.bytes();
  CHECK(closed_with(frame{.payload = "{}", .masked = false}.bytes()) == 1002);
  CHECK(closed_with(frame{.masked = false}.bytes()) == 1002);
  for (const std::uint8_t rsv : std::initializer_list<std::uint8_t>{1, 2, 4}) CHECK(closed_with(frame{.payload = "{}", .rsv = rsv}.bytes()) == 1002);
  for (const std::uint8_t opcode : std::initializer_list<std::uint8_t>{3, 7, 11, 15}) CHECK(closed_with(frame{.opcode = opcode, .payload = "{}"}.bytes()) == 1002);
  CHECK(closed_with(frame{.opcode = by_hand::continuation, .payload = "{}"}.bytes()) == 1002);
  CHECK(closed_with(start + by_hand::said("{}")) == 1002);
  CHECK(closed_with(frame{.opcode = by_hand::ping, .payload = "x", .fin = false}.bytes()) == 1002);
  CHECK(closed_with(frame{.opcode = by_hand::ping, .payload = std::string(126, 'x')}.bytes()) == 1002);
  CHECK(closed_with(frame{.payload = "short", .length_bytes = 2}.bytes()) == 1002);
  CHECK(closed_with(frame{.payload = std::string(200, 'x'), .length_bytes = 8}.bytes()) == 1002);
  for (const unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 2000U, 2999U, 5000U}) CHECK(closed_with(frame{.opcode = by_hand::close, .payload = by_hand::code(code)}.bytes()) == 1002);
  CHECK(closed_with(frame{.opcode = by_hand::close, .payload = "x"}.bytes()) == 1002);
}

TEST_CASE("binary messages are not spoken") {
  CHECK(closed_with(frame{.opcode = by_hand::binary, .payload = "{}"}.bytes()) == 1003);
}

TEST_CASE("a ping is answered with what it holds, a pong not at all") {
  side server;
  server.open();
  server.feed(frame{.opcode = by_hand::pong, .payload = "unasked"}.bytes());
  CHECK(server.written().empty());
  for (const std::string& payload : {""s, "x"s, std::string(125, 'y')}) {
    server.feed(frame{.opcode = by_hand::ping, .payload = payload}.bytes());
    const auto answer = server.frames();
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].opcode == by_hand::pong);
    CHECK(answer[0].payload == payload);
    CHECK(!answer[0].masked);
  }
}

TEST_CASE("a goodbye is answered with the same code, and ends what is under way") {
  for (const unsigned code : {1000U, 1001U, 1003U, 3000U, 4999U}) {
    side server;
    server.open();
    server.feed(by_hand::said(call("wait")));
    CHECK(!server.peer_left);
    CHECK(server.feed(frame{.opcode = by_hand::close, .payload = by_hand::code(code, "bye")}.bytes() + by_hand::said(call("echo"))) == consumed::state::more);
    const auto frames = server.frames();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].payload == by_hand::code(code, "bye"));
    CHECK(server.session.closing());
    CHECK(server.peer_left);
    CHECK(server.unread.empty());
    CHECK(server.calls.size() == 1);
    server.answer(server.waiting.at(0), "late");
    server.feed(by_hand::said(call("echo")));
    CHECK(server.written().empty());
  }
  side server;
  server.open();
  server.feed(frame{.opcode = by_hand::close}.bytes());
  const auto frames = server.frames();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].opcode == by_hand::close);
  CHECK(frames[0].payload.empty());
}

TEST_CASE("the sink is asked before each message whether there is room") {
  side server;
  server.open();
  server.room = 0;
  std::string bytes;
  for (int i = 0; i < 3; ++i) bytes += by_hand::said(call("echo", "[1]", std::to_string(i)));
  CHECK(server.feed(bytes) == consumed::state::wait);
  CHECK(server.calls.size() == 1);
  CHECK(server.answers().size() == 1);
  CHECK(server.feed("") == consumed::state::wait);
  CHECK(server.calls.size() == 2);
  (void)server.written();
  CHECK(server.feed("") == consumed::state::more);
  CHECK(server.calls.size() == 3);
  CHECK(server.unread.empty());
}

TEST_CASE("a server that goes away says 1001, after the answers that are due") {
  side idle;
  idle.open();
  idle.session.write_going_away(idle.out);
  CHECK(by_hand::close_code(idle.frames()) == 1001);
  CHECK(idle.session.closing());

  side busy;
  busy.open();
  busy.feed(by_hand::said(call("wait", "[]", "1")) + by_hand::said("[" + call("wait", "[]", "2") + "," + call("wait", "[]", "3") + "]"));
  busy.session.write_going_away(busy.out);
  CHECK(busy.written().empty());
  busy.answer(busy.waiting.at(1), "2");
  busy.answer(busy.waiting.at(0), "1");
  CHECK(busy.answers().size() == 1);
  CHECK(!busy.session.closing());
  busy.answer(busy.waiting.at(2), "3");
  const auto frames = busy.frames();
  REQUIRE(frames.size() == 2);
  CHECK(json::parse(frames[0].payload).size() == 2);
  CHECK(by_hand::close_code(frames) == 1001);
  CHECK(busy.session.closing());
}

TEST_CASE("answers of every size have the shortest head that fits") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{80}, std::size_t{90}, std::size_t{91}, std::size_t{92}, std::size_t{65'490}, std::size_t{65'500}, std::size_t{65'501}, std::size_t{65'502},
                                 std::size_t{65'510}, std::size_t{200'000}}) {
    side server;
    server.open();
    server.feed(by_hand::said(call("wait")));
    server.answer(server.waiting.at(0), "\"" + std::string(size, 'x') + "\"");
    const auto frames = server.frames();
    REQUIRE(frames.size() == 1);
    CHECK(json::parse(frames[0].payload).at("result").get<std::string>().size() == size);
    CHECK(frames[0].length_bytes == (frames[0].payload.size() < 126 ? 0 : frames[0].payload.size() < 65'536 ? 2 : 8));
  }
}

TEST_CASE("a binary message of MessagePack-RPC is answered in kind, beside texts") {
  side server;
  server.open();
  const auto packed = [](const std::string& bytes) { return frame{.opcode = by_hand::binary, .payload = bytes}.bytes(); };
  const std::string echo = "\x94\x00\x07\xa9" "desk.echo\x91\xa1x"s;
  CHECK(server.feed(packed(echo)) == consumed::state::more);
  auto answers = server.frames();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].opcode == by_hand::binary);
  CHECK(answers[0].payload == "\x94\x01\x07\xc0\x91\xa1x"s);
  CHECK(server.feed(packed("\x94\x00\x08\xa9" "desk.fail\x90"s)) == consumed::state::more);
  answers = server.frames();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].opcode == by_hand::binary);
  CHECK(answers[0].payload == "\x94\x01\x08\xafNOT_FOUND: none\xc0"s);
  // A notification has no answer, two requests in a message have two; the same number in the other form is another call.
  CHECK(server.feed(packed("\x93\x02\xa9" "desk.echo\x91\xa1x"s) + packed(echo + echo)) == consumed::state::more);
  CHECK(server.frames().size() == 2);
  CHECK(server.feed(packed("\x94\x00\x07\xa9" "desk.wait\x90"s) + by_hand::said(call("wait", "[1]", "7"))) == consumed::state::more);
  REQUIRE(server.waiting.size() == 2);
  CHECK(server.waiting[0].id != server.waiting[1].id);
  server.answer(server.waiting[1], "true");
  server.answer(server.waiting[0], "\xc3");
  answers = server.frames();
  REQUIRE(answers.size() == 2);
  CHECK(json::parse(answers[0].payload)["id"] == 7);
  CHECK(answers[1].payload == "\x94\x01\x07\xc0\xc3"s);
  CHECK(server.calls == std::vector<std::string>{"echo", "fail", "echo", "echo", "echo", "wait", "wait"});
  // In pieces.
  const std::string head = frame{.opcode = by_hand::binary, .payload = echo.substr(0, 5), .fin = false}.bytes();
  const std::string tail = frame{.opcode = by_hand::continuation, .payload = echo.substr(5)}.bytes();
  CHECK(server.feed(head) == consumed::state::more);
  CHECK(server.feed(tail) == consumed::state::more);
  CHECK(server.frames().size() == 1);
  for (const std::string& other : {echo.substr(0, 8), echo + "\x94", echo + "\x01", "\x94\x07"s, "{}"s, ""s, "\x94\x00\x07\x01\x90"s}) {
    CAPTURE(other);
    CHECK(closed_with(packed(other)) == 1003);
  }
}
