#include <tenon/protocol/websocket_client.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/protocol/detail/websocket_handshake.hpp>
#include <websocket/frames.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;
using by_hand::frame;
using nlohmann::json;

namespace {

struct client_side : reply_sink {
  explicit client_side(tenon::limits bounds = {}) : session{bounds, "shop.example:80", "/rpc?x=1"} {
    session.begin(out);
    greeting = written();
  }

  void on_reply(const reply& answer) override {
    replies.push_back(std::to_string(answer.id) + " " + (answer.error.ok() ? std::string{answer.payload} : answer.error.to_string()));
  }
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, out);
    CHECK(done.bytes <= unread.size());
    read += done.bytes;
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  void call(std::uint64_t id, std::string_view payload, bool one_way = false) {
    const mark at = session.begin_request(out, {.id = id, .service = "desk", .method = "echo", .codec = serialization::json, .one_way = one_way, .arguments = 1});
    out.append(payload);
    session.end_request(out, at);
  }
  std::string written() {
    std::string text{out.view()};
    out.clear();
    return text;
  }
  std::string key() const {
    const std::size_t at = greeting.find("Sec-WebSocket-Key: ") + 19;
    return greeting.substr(at, greeting.find("\r\n", at) - at);
  }
  std::string agreement(std::string_view more = {}) const {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + detail::websocket_accept(key()) + "\r\n" + std::string{more} + "\r\n";
  }
  void open() {
    CHECK(feed(agreement()) == consumed::state::more);
    (void)written();
  }
  // Of the requests in these bytes: the ids, and where each ends.
  std::vector<std::pair<std::uint64_t, std::size_t>> requests(std::string_view bytes) const {
    struct visitor final : request_visitor {
      void request(std::uint64_t id, std::size_t end) override { found.emplace_back(id, end); }
      std::vector<std::pair<std::uint64_t, std::size_t>> found;
    } all;
    session.visit_requests(bytes, all);
    return all.found;
  }

  websocket_client_session session;
  std::string greeting;
  std::string unread;
  std::string reason;
  std::size_t read = 0;
  tenon::buffer out;
  std::vector<std::string> replies;
};

std::string answered(std::string_view message) { return frame{.payload = std::string{message}, .masked = false}.bytes(); }
std::string result(std::string_view value, std::string_view id) { return R"({"jsonrpc":"2.0","id":)" + std::string{id} + R"(,"result":)" + std::string{value} + "}"; }

}  // namespace

TEST_CASE("the handshake asks for the URL's target, with a key of its own each time") {
  const client_side one;
  const client_side other;
  CHECK(one.greeting.starts_with("GET /rpc?x=1 HTTP/1.1\r\nHost: shop.example:80\r\n"));
  CHECK(detail::recognise_websocket(one.greeting, 16'384) == sniffed::yes);
  CHECK(detail::is_websocket_key(one.key()));
  CHECK(one.key() != other.key());
}

TEST_CASE("nothing but the handshake leaves before the server has agreed") {
  client_side client;
  client.call(1, "\"a\"");
  client.call(2, "\"b\"");
  CHECK(client.written().empty());
  const std::string agreement = client.agreement("Sec-WebSocket-Protocol: jsonrpc\r\n");
  for (const char each : agreement.substr(0, agreement.size() - 1)) REQUIRE(client.feed(std::string(1, each)) == consumed::state::more);
  CHECK(client.read == 0);
  CHECK(client.written().empty());
  CHECK(client.feed("\n" + answered(result("7", "1"))) == consumed::state::more);
  const auto sent = by_hand::frames_in(client.written());
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].masked);
  CHECK(json::parse(sent[0].payload) == json::parse(R"({"jsonrpc":"2.0","method":"desk.echo","id":1,"params":["a"]})"));
  CHECK(json::parse(sent[1].payload).at("params").at(0) == "b");
  CHECK(client.replies == std::vector<std::string>{"1 7"});
  client.call(3, "\"c\"");
  CHECK(by_hand::frames_in(client.written()).size() == 1);
}

TEST_CASE("a server that does not agree is left, with what it said, and nothing counts as heard") {
  const auto told = [](std::string answer, tenon::limits bounds = {}) {
    client_side client{bounds};
    if (const std::size_t at = answer.find("$accept"); at != std::string::npos) answer.replace(at, 7, detail::websocket_accept(client.key()));
    CHECK(client.feed(answer) == consumed::state::close);
    CHECK(client.read == 0);
    return client.reason;
  };
  CHECK(told("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") == "websocket: the server does not open a WebSocket; it answered \"HTTP/1.1 403 Forbidden\"");
  CHECK(told("\x08\x00\x00\n"s) == "websocket: the handshake was not answered in HTTP");
  CHECK(told(std::string(600, 'x'), {.max_metadata_bytes = 512}) == "websocket: the handshake was not answered in HTTP");
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\n";
  const std::string good = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n";
  CHECK(told(head + "Connection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n").ends_with("are missing"));
  CHECK(told(head + "Upgrade: websocket\r\nSec-WebSocket-Accept: $accept\r\n\r\n").ends_with("are missing"));
  CHECK(told(head + "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n").ends_with("does not belong to the key that was sent"));
  CHECK(told(head + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + std::string{by_hand::accepted} + "\r\n\r\n").ends_with("does not belong to the key that was sent"));
  CHECK(told(head + good + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n").ends_with("an extension that was not offered"));
  CHECK(told(head + good + "Sec-WebSocket-Protocol: chat\r\n\r\n").ends_with("a subprotocol that was not offered"));
  CHECK(told(head + "Broken header\r\n" + good + "\r\n").find("cannot be trusted") != std::string::npos);
}

TEST_CASE("answers come in any order, in fragments or whole, cut anywhere; late and foreign ones are dropped") {
  const std::string first = result("[1,\"é\"]", "2");
  const std::string bytes = answered(result("true", "3")) + frame{.payload = first.substr(0, 40), .fin = false, .masked = false}.bytes() + frame{.opcode = by_hand::ping, .masked = false}.bytes() +
                            frame{.opcode = by_hand::continuation, .payload = first.substr(40), .masked = false}.bytes() + answered(result("0", "3")) + answered(result("0", "99")) +
                            answered(" [" + result("4", "4") + "," + result("5", "\"5\"") + "] ") + answered(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such"}})");
  const std::vector<std::string> expected{"3 true", "2 [1,\"é\"]", "4 4", "5 5", "1 UNIMPLEMENTED: no such"};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    client_side client;
    client.open();
    for (std::uint64_t id = 1; id <= 5; ++id) client.call(id, "1");
    (void)client.written();
    REQUIRE(client.feed(bytes.substr(0, cut)) == consumed::state::more);
    REQUIRE(client.feed(bytes.substr(cut)) == consumed::state::more);
    REQUIRE(client.replies == expected);
    const auto pong = by_hand::frames_in(client.written());
    REQUIRE(pong.size() == 1);
    CHECK(pong[0].opcode == by_hand::pong);
    CHECK(pong[0].masked);
  }
}

TEST_CASE("a server that breaks the rules is left, and told with which code") {
  const auto broken = [](std::string_view bytes) {
    client_side client{{.max_message_bytes = 1000, .max_metadata_bytes = 1000}};
    client.open();
    CHECK(client.feed(bytes) == consumed::state::close);
    CHECK(client.reason.find(": ") != std::string::npos);
    const auto said = by_hand::frames_in(client.written());
    CHECK(said.back().masked);
    return by_hand::close_code(said);
  };
  CHECK(broken(frame{.payload = "{}"}.bytes()) == 1002);
  CHECK(broken(frame{.payload = "{}", .rsv = 4, .masked = false}.bytes()) == 1002);
  CHECK(broken(frame{.opcode = by_hand::binary, .payload = "{}", .masked = false}.bytes()) == 1003);
  CHECK(broken(answered("\xFF")) == 1007);
  CHECK(broken(answered(std::string(2001, ' '))) == 1009);
  CHECK(broken(answered("hello")) == 1002);
  CHECK(broken(answered("{\"id\":1")) == 1002);
  CHECK(broken(frame{.opcode = by_hand::close, .payload = by_hand::code(1001, "restarting"), .masked = false}.bytes()) == 1001);
}

TEST_CASE("a server that asks something is told that nothing is served here") {
  client_side client;
  client.open();
  client.feed(answered(R"([{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b","id":"x"},{"jsonrpc":"2.0","method":"note"}])"));
  const auto said = by_hand::frames_in(client.written());
  REQUIRE(said.size() == 2);
  CHECK(json::parse(said[1].payload).at("id") == "x");
  CHECK(json::parse(said[1].payload).at("error").at("code") == -32601);
}

TEST_CASE("a heartbeat is a ping, and before the handshake its answer is what is waited for") {
  client_side client;
  CHECK(client.session.write_heartbeat(client.out));
  CHECK(client.written().empty());
  client.open();
  CHECK(client.session.write_heartbeat(client.out));
  const auto ping = by_hand::frames_in(client.written());
  REQUIRE(ping.size() == 1);
  CHECK(ping[0].opcode == by_hand::ping);
  CHECK(ping[0].masked);
}

TEST_CASE("every frame has a mask of its own") {
  client_side client;
  client.open();
  std::set<std::string> masks;
  for (std::uint64_t id = 0; id < 200; ++id) {
    client.call(id, "\"" + std::string(static_cast<std::size_t>(id), 'x') + "\"");
    const std::string bytes = client.written();
    const std::size_t head = (bytes[1] & 0x7F) < 126 ? 2 : 4;
    masks.insert(bytes.substr(head, 4));
    REQUIRE(json::parse(by_hand::frames_in(bytes).at(0).payload).at("params").at(0).get<std::string>().size() == id);
  }
  CHECK(masks.size() == 200);
}

TEST_CASE("of what was written and not sent the requests are found, those that wait for the handshake among them") {
  client_side client;
  client.call(7, "\"a\"");
  client.call(8, "\"b\"", true);
  client.call(9, "\"c\"");
  const auto waiting = client.requests(client.greeting);
  REQUIRE(waiting.size() == 2);
  CHECK(waiting[0].first == 7);
  CHECK(waiting[1].first == 9);
  CHECK(waiting[0].second > client.greeting.size());

  client.feed(client.agreement());
  const std::string sent = client.written();
  const auto found = client.requests(client.greeting + sent);
  REQUIRE(found.size() == 2);
  CHECK(found[1] == std::pair{std::uint64_t{9}, client.greeting.size() + sent.size()});
  CHECK(client.requests(sent).size() == 2);
  CHECK(client.requests("").empty());
}
