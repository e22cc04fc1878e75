#include <tenon/protocol/http1.hpp>

#include <doctest/doctest.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace tenon::protocol;

static_assert(server_session<http1_session>);

namespace {

struct recorded_call {
  std::string service;
  std::string method;
  std::string payload;
  serialization codec = serialization::raw;
  std::optional<std::int64_t> timeout_ms{};
  tenon::metadata headers{};
  bool safely = false;
  bool operator==(const recorded_call&) const = default;
};

// One connection: a session, the read buffer in front of it, and a sink that echoes at once or when told to.
struct connection {
  enum class answers { at_once, later };

  explicit connection(answers how = answers::at_once, tenon::limits bounds = {}) : session{bounds}, how_{how} {}

  bool full() const { return false; }
  bool on_request(const request& call) {
    recorded_call record{std::string{call.service}, std::string{call.method}, std::string{call.payload}, call.address.codec};
    if (call.timeout) record.timeout_ms = call.timeout->milliseconds();
    call.read_metadata(call.metadata_block, record.headers);
    record.safely = call.safely;
    in_place = call.payload.data() >= unread.data() && call.payload.data() <= unread.data() + unread.size();
    calls.push_back(std::move(record));
    if (how_ == answers::later) return false;
    echo();
    return true;
  }

  void echo(const tenon::metadata& extra = {}) {
    const mark at = session.begin_reply(out, {});
    out.append(calls.back().payload);
    session.end_reply(out, at, {}, extra);
  }

  // Returns the state after everything given so far; a connection that answers later answers whenever it is waited for.
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    for (;;) {
      const consumed done = session.consume(unread, *this, out);
      REQUIRE(done.bytes <= unread.size());
      unread.erase(0, done.bytes);
      reason = done.reason;
      if (done.next != consumed::state::wait) return done.next;
      echo();
    }
  }

  std::string written() const { return std::string{out.view()}; }

  http1_session session;
  std::string unread;
  tenon::buffer out;
  std::vector<recorded_call> calls;
  std::string reason;
  bool in_place = false;

 private:
  answers how_;
};

struct answer {
  int status = 0;
  std::string head;
  std::string body;

  bool has(std::string_view line) const { return head.find("\r\n" + std::string{line} + "\r\n") != std::string::npos; }
  nlohmann::json json() const { return nlohmann::json::parse(body); }
  std::string code() const { return json().at("code").get<std::string>(); }
  std::string message() const { return json().at("message").get<std::string>(); }
};

// Cuts answers by their Content-Length, as a client does. `to_head` for the answer to HEAD, which has no body.
std::vector<answer> answers_in(std::string_view bytes, bool to_head = false) {
  std::vector<answer> found;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find("\r\n\r\n");
    REQUIRE(end != std::string_view::npos);
    answer one;
    one.head = std::string{bytes.substr(0, end + 2)};
    bytes.remove_prefix(end + 4);
    REQUIRE(one.head.substr(0, 9) == "HTTP/1.1 ");
    std::from_chars(one.head.data() + 9, one.head.data() + 12, one.status);
    const std::size_t at = one.head.find("Content-Length:");
    std::size_t length = 0;
    if (at != std::string::npos) {
      const std::size_t digits = one.head.find_first_not_of(' ', at + 15);
      const auto [stop, error] = std::from_chars(one.head.data() + digits, one.head.data() + one.head.size(), length);
      REQUIRE(error == std::errc{});
      REQUIRE(std::string_view{stop, 2} == "\r\n");
    }
    if (to_head) length = 0;
    REQUIRE(length <= bytes.size());
    one.body = std::string{bytes.substr(0, length)};
    bytes.remove_prefix(length);
    found.push_back(std::move(one));
  }
  return found;
}

answer only_answer(const connection& peer, bool to_head = false) {
  const auto all = answers_in(peer.out.view(), to_head);
  REQUIRE(all.size() == 1);
  return all.front();
}

std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
  std::string text{"POST "};
  text.append(path).append(" HTTP/1.1\r\nHost: h\r\n").append(headers);
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return text;
}

std::string chunked(std::string_view chunks, std::string_view headers = "") {
  std::string text{"POST /s/m HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"};
  return text.append(headers).append("\r\n").append(chunks);
}

// What a lone request is answered with when it must not reach the sink.
answer refused(std::string_view text, bool expect_close, tenon::limits bounds = {}) {
  connection peer{connection::answers::at_once, bounds};
  const auto state = peer.feed(text);
  CHECK(peer.calls.empty());
  const answer one = only_answer(peer);
  CHECK((state == consumed::state::close) == expect_close);
  CHECK(peer.session.closing() == expect_close);
  CHECK(one.has("Connection: close") == expect_close);
  if (!expect_close) {
    peer.feed(post("/s/next", "1"));
    CHECK(peer.calls.size() == 1);
  }
  return one;
}

}  // namespace

TEST_CASE("a connection is recognised by a method and a space, and by nothing else") {
  for (const auto& method : {"GET"sv, "HEAD"sv, "POST"sv, "PUT"sv, "DELETE"sv, "OPTIONS"sv, "PATCH"sv, "CONNECT"sv, "TRACE"sv}) {
    const std::string line = std::string{method} + " /";
    for (std::size_t size = 0; size <= method.size(); ++size) CHECK(http1_session::recognise(line.substr(0, size)) == sniffed::need_more);
    CHECK(http1_session::recognise(line.substr(0, method.size() + 1)) == sniffed::yes);
    CHECK(http1_session::recognise(line) == sniffed::yes);
  }
  CHECK(http1_session::recognise("P") == sniffed::need_more);
  for (const auto other : {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, "PR"sv, "PRPC"sv, "PROXY TCP4"sv, "POSTS"sv, "post /"sv, "POST\t/"sv, "{"sv, " "sv,
                           "\x08"sv, "\x16\x03"sv, "\0"sv, "Content-Length: 3"sv}) {
    CHECK(http1_session::recognise(other) == sniffed::no);
  }
}

TEST_CASE("a POST is a call, and its answer carries the length and the content type") {
  connection peer;
  CHECK(peer.feed(post("/market/last", R"("ACME")")) == consumed::state::more);
  REQUIRE(peer.calls.size() == 1);
  CHECK(peer.calls[0] == recorded_call{"market", "last", R"("ACME")", serialization::json});
  CHECK(peer.in_place);
  CHECK(peer.unread.empty());
  CHECK(peer.written() == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:            6\r\n\r\n\"ACME\"");
  CHECK_FALSE(peer.session.closing());
}

TEST_CASE("services have dots, paths are unescaped, queries are ignored, absolute targets are taken") {
  const auto called = [](std::string_view target) {
    connection peer;
    peer.feed(post(target, "1"));
    REQUIRE(peer.calls.size() == 1);
    return peer.calls[0].service + " " + peer.calls[0].method;
  };
  CHECK(called("/market.v1.Market/Last") == "market.v1.Market Last");
  CHECK(called("/market/last?verbose=1/2") == "market last");
  CHECK(called("/m%61rket/l%2Fas%74?x") == "market l/ast");
  CHECK(called("http://host:80/market/last") == "market last");
  CHECK(called("HTTPS://host/market/last?a") == "market last");
  CHECK(called("/\xC3\xA9/%c3%A9") == "\xC3\xA9 \xC3\xA9");
}

TEST_CASE("a path that names no method is 404 and the connection stays") {
  for (const auto target : {"/"sv, "/market"sv, "/market/"sv, "//last"sv, "/a/b/c"sv, "/a/b/"sv, "*"sv, "a/b"sv, "http://host"sv, "http://host/a"sv, "?"sv}) {
    const answer one = refused(post(target, "[1,2]"), false);
    CHECK(one.status == 404);
    CHECK(one.code() == "unimplemented");
    CHECK(one.message().find("expected /<service>/<method>") != std::string::npos);
  }
  for (const auto target : {"/a%/b"sv, "/a/b%2"sv, "/a%zz/b"sv, "/a/%G0"sv}) CHECK(refused(post(target, "1"), false).status == 400);
}

TEST_CASE("the content type selects the codec and comes back") {
  const auto check_type = [](std::string_view header, serialization codec, std::string_view back) {
    connection peer;
    peer.feed(post("/s/m", "1", header));
    REQUIRE(peer.calls.size() == 1);
    CHECK(peer.calls[0].codec == codec);
    CHECK(only_answer(peer).has("Content-Type: " + std::string{back}));
  };
  check_type("", serialization::json, "application/json");
  check_type("Content-Type: application/json\r\n", serialization::json, "application/json");
  check_type("content-type: Application/JSON ; charset=utf-8\r\n", serialization::json, "application/json");
  check_type("Content-Type: text/plain\r\n", serialization::json, "application/json");
  check_type("Content-Type: application/x-www-form-urlencoded\r\n", serialization::json, "application/json");
  check_type("Content-Type: application/msgpack\r\n", serialization::msgpack, "application/msgpack");
  check_type("Content-Type: application/x-msgpack\r\n", serialization::msgpack, "application/x-msgpack");
  check_type("Content-Type: application/proto\r\n", serialization::protobuf, "application/proto");
  check_type("Content-Type: application/x-protobuf\r\n", serialization::protobuf, "application/x-protobuf");

  const answer one = refused(post("/s/m", "<a/>", "Content-Type: application/xml\r\n"), false);
  CHECK(one.status == 415);
  CHECK(one.code() == "invalid_argument");
  CHECK(one.message().find("\"application/xml\"") != std::string::npos);
  CHECK(one.message().find("application/json, application/msgpack, application/x-msgpack or application/proto") != std::string::npos);

  const answer two = refused(post("/s/m", "xx", "Content-Encoding: gzip\r\n"), false);
  CHECK(two.status == 501);
  CHECK(two.code() == "unimplemented");
  connection plain;
  plain.feed(post("/s/m", "1", "Content-Encoding: identity\r\n"));
  CHECK(plain.calls.size() == 1);
}

TEST_CASE("other HTTP methods are refused by name, and POST is allowed") {
  for (const auto& method : {"PUT"s, "DELETE"s, "PATCH"s, "TRACE"s}) {
    const answer one = refused(method + " /s/m HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", false);
    CHECK(one.status == 405);
    CHECK(one.has("Allow: POST"));
    CHECK(one.code() == "unimplemented");
    CHECK(one.message().find(method) != std::string::npos);
  }
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false).status == 404);
  CHECK(refused("BREW /s/m HTTP/1.1\r\nHost: h\r\n\r\n", false).status == 501);
  CHECK(refused("post /s/m HTTP/1.1\r\nHost: h\r\n\r\n", false).status == 501);
  const answer tunnel = refused("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", true);
  CHECK(tunnel.status == 405);
  CHECK(tunnel.has("Allow: POST"));
  CHECK(refused("GET /s/m HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false).status == 501);
}

TEST_CASE("an offer to upgrade that comes with a call is ignored") {
  connection peer;
  peer.feed(post("/s/m", "1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"));
  REQUIRE(peer.calls.size() == 1);
  CHECK(peer.calls[0].headers.empty());
}

TEST_CASE("GET is a call that promises to change nothing, with the message in the query") {
  const auto call_of = [](std::string_view target) {
    connection peer;
    CHECK(peer.feed("GET " + std::string{target} + " HTTP/1.1\r\nHost: h\r\nConnect-Timeout-Ms: 9\r\n\r\n") == consumed::state::more);
    REQUIRE(peer.calls.size() == 1);
    CHECK(peer.calls[0].safely);
    CHECK(peer.calls[0].timeout_ms == 9);
    CHECK(only_answer(peer).status == 200);
    CHECK(only_answer(peer).body == peer.calls[0].payload);
    CHECK(peer.calls[0].service + "/" + peer.calls[0].method == "s/m");
    return peer.calls[0];
  };
  CHECK(call_of("/s/m").payload.empty());
  CHECK(call_of("/s/m?").payload.empty());
  CHECK(call_of("/s/m?message=%22ACME%22&connect=v1&encoding=json&other=1&flag").payload == "\"ACME\"");
  CHECK(call_of("/s/m?&base64=1&message=IkFDTUUi").payload == "\"ACME\"");
  CHECK(call_of("/s/m?base64=1&message=_-8%3D&encoding=proto").payload == "\xFF\xEF");
  CHECK(call_of("/s/m?encoding=proto&base64=1&message=_-8").codec == serialization::protobuf);
  CHECK(call_of("/s/m?encoding=msgpack&message=%01&compression=identity").codec == serialization::msgpack);
  CHECK(call_of("/%73/m?message=%22a+b%22").payload == "\"a b\"");
  CHECK(call_of("http://h/s/m?message=1").payload == "1");

  const auto refusal_of = [](std::string_view target, std::string_view more = "\r\n") { return refused("GET " + std::string{target} + " HTTP/1.1\r\nHost: h\r\n" + std::string{more}, false); };
  CHECK(refusal_of("/s/m?encoding=xml").status == 415);
  CHECK(refusal_of("/s/m?encoding=").status == 415);
  CHECK(refusal_of("/s/m?compression=gzip").code() == "unimplemented");
  CHECK(refusal_of("/s/m?connect=v2").status == 400);
  CHECK(refusal_of("/s/m?message=%2").status == 400);
  CHECK(refusal_of("/s/m?message=%%%").status == 400);
  CHECK(refusal_of("/s/m?message=a*&base64=1").message().find("expected URL-safe base64") != std::string::npos);
  CHECK(refusal_of("/s/m?message=a&base64=1").status == 400);
  CHECK(refusal_of("/s/m", "Content-Length: 3\r\n\r\nabc").status == 400);
  CHECK(refusal_of("/s/m", "Connect-Timeout-Ms: x\r\n\r\n").status == 400);

  connection both;
  both.feed("GET /s/m?message=1 HTTP/1.1\r\nHost: h\r\n\r\n" + post("/s/m", "2"));
  REQUIRE(both.calls.size() == 2);
  CHECK_FALSE(both.calls[1].safely);
  CHECK(both.calls[1].payload == "2");
}

TEST_CASE("a method that is not safe is not called by GET: 405 names POST, and an unknown one stays 404") {
  connection peer{connection::answers::later};
  const auto error_of = [&peer](std::string_view text, const tenon::status& error) {
    peer.session.consume(text, peer, peer.out);
    peer.out.clear();
    peer.session.write_error(peer.out, {}, error, {});
    return only_answer(peer);
  };
  const std::string get = "GET /s/m HTTP/1.1\r\nHost: h\r\n\r\n";
  tenon::status unknown{tenon::code::unimplemented, "no method"};
  unknown.add_flag(tenon::outcome::not_executed);
  CHECK(error_of(get, unknown).status == 404);
  tenon::status unsafe = unknown;
  unsafe.add_flag(tenon::outcome::no_retry);
  const answer one = error_of(get, unsafe);
  CHECK(one.status == 405);
  CHECK(one.has("Allow: POST"));
  CHECK(error_of(post("/s/m", "1"), unsafe).status == 404);
}

TEST_CASE("HEAD is answered with a head alone, which says how long the body of GET would be") {
  connection peer{connection::answers::later};
  peer.feed("HEAD /s/m?message=%22ACME%22 HTTP/1.1\r\nHost: h\r\n\r\nHEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + post("/s/m", "12"));
  REQUIRE(peer.calls.size() == 2);
  CHECK(peer.calls[0].safely);
  const std::string expected = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:            6\r\n\r\nHTTP/1.1 404 ";
  CHECK(peer.written().substr(0, expected.size()) == expected);
  CHECK(peer.written().substr(peer.written().size() - 6) == "\r\n\r\n12");

  connection failing{connection::answers::later};
  failing.session.consume("HEAD /s/m HTTP/1.1\r\nHost: h\r\n\r\n", failing, failing.out);
  failing.session.write_error(failing.out, {}, {tenon::code::not_found, "none"}, {});
  CHECK(only_answer(failing, true).status == 404);
  CHECK(failing.written().substr(failing.written().size() - 4) == "\r\n\r\n");
}

TEST_CASE("binary metadata is base64 in headers, both ways") {
  connection peer{connection::answers::later};
  peer.session.consume(post("/s/m", "1", "X-Bin: AP8\r\nx-list-bin: AQ==, Ag\r\nx-bad-bin: a*b\r\n"), peer, peer.out);
  REQUIRE(peer.calls.size() == 1);
  CHECK(peer.calls[0].headers == tenon::metadata{{"x-bin", "\0\xFF"s}, {"x-list-bin", "\x01"}, {"x-list-bin", "\x02"}});
  peer.echo({{"Trailer-X-Bin", "\0\xFF"s}, {"trailer-cost", "7"}});
  CHECK(only_answer(peer).has("trailer-x-bin: AP8"));
  CHECK(only_answer(peer).has("trailer-cost: 7"));
}

TEST_CASE("OPTIONS says what is allowed and has no body") {
  for (const auto& target : {"*"s, "/s/m"s, "/"s}) {
    connection peer;
    peer.feed("OPTIONS " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(peer.written() == "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS, POST\r\n\r\n");
    CHECK_FALSE(peer.session.closing());
  }
}

TEST_CASE("the caller's time is connect-timeout-ms in at most ten digits") {
  const auto timeout_of = [](std::string_view header) {
    connection peer;
    peer.feed(post("/s/first", "1", "Connect-Timeout-Ms: 7\r\n") + post("/s/m", "1", header));
    REQUIRE(peer.calls.size() == 2);
    CHECK(peer.calls[0].timeout_ms == 7);
    return peer.calls[1].timeout_ms;
  };
  CHECK_FALSE(timeout_of("").has_value());
  CHECK(timeout_of("connect-timeout-ms: 250\r\n") == 250);
  CHECK(timeout_of("connect-timeout-ms: 0\r\n") == 0);
  CHECK(timeout_of("connect-timeout-ms: 9999999999\r\n") == 9'999'999'999);
  for (const auto bad : {""sv, "-1"sv, "+1"sv, "1.5"sv, "10000000000"sv, "1s"sv, "99999999999999999999999"sv}) {
    const answer one = refused(post("/s/m", "1", "connect-timeout-ms: " + std::string{bad} + "\r\n"), false);
    CHECK(one.status == 400);
    CHECK(one.code() == "invalid_argument");
  }
}

TEST_CASE("headers are metadata in lower case, without those that frame the message") {
  connection peer;
  peer.feed(post("/s/m", "1",
                 "Authorization: Bearer  x\r\nX-Two:\ta \r\nx-two: b\r\nAccept-Encoding: gzip\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
                 "User-Agent: curl\r\nConnect-Protocol-Version: 1\r\nX-Empty:\r\n"));
  REQUIRE(peer.calls.size() == 1);
  CHECK(peer.calls[0].headers ==
        tenon::metadata{{"authorization", "Bearer  x"}, {"x-two", "a"}, {"x-two", "b"}, {"user-agent", "curl"}, {"x-empty", ""}});
}

TEST_CASE("metadata of an answer becomes headers and can neither end one nor contradict the framing") {
  connection peer{connection::answers::later};
  std::string request = post("/s/m", "[1,2,3]");
  const consumed done = peer.session.consume(request, peer, peer.out);
  CHECK(done.next == consumed::state::wait);
  peer.out.append("before");
  peer.echo({{"X-Cost", "7"},
             {"x-split", "a\r\nSet-Cookie: b\0c"s},
             {"bad name", "v"},
             {"bad\r\nname", "v"},
             {"", "v"},
             {"Content-Length", "0"},
             {"transfer-encoding", "chunked"},
             {"connection", "close"}});
  CHECK(peer.written().substr(0, 6) == "before");
  const auto all = answers_in(peer.out.view().substr(6));
  REQUIRE(all.size() == 1);
  CHECK(all[0].head ==
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:            7\r\nx-cost: 7\r\nx-split: aSet-Cookie: bc\r\n");
  CHECK(all[0].body == "[1,2,3]");
}

TEST_CASE("an error is Connect's JSON with the mapped status, its pushback and its details") {
  connection peer{connection::answers::later};
  const auto error_of = [&peer](const tenon::status& error, const tenon::metadata& extra = {}) {
    peer.session.consume(post("/s/m", "1"), peer, peer.out);
    peer.out.clear();
    peer.session.write_error(peer.out, {}, error, extra);
    return only_answer(peer);
  };
  answer one = error_of({tenon::code::not_found, "no \"ACME\"\n\x01 \\ \xC3\xA9 \xFF\xC3"});
  CHECK(one.status == 404);
  CHECK(one.has("Content-Type: application/json"));
  CHECK(one.body == "{\"code\":\"not_found\",\"message\":\"no \\\"ACME\\\"\\u000a\\u0001 \\\\ \xC3\xA9 \\ufffd\\ufffd\"}");

  one = error_of(tenon::code::cancelled, {{"X-Trace", "9"}});
  CHECK(one.status == 499);
  CHECK(one.body == R"({"code":"canceled"})");
  CHECK(one.has("x-trace: 9"));

  one = error_of(tenon::status{tenon::code::resource_exhausted, "slow"}.set_pushback(1001));
  CHECK(one.status == 429);
  CHECK(one.has("Retry-After: 2"));
  CHECK(one.has("retry-after-ms: 1001"));
  CHECK(error_of(tenon::status{tenon::code::unavailable, "x"}.set_pushback(0)).has("Retry-After: 0"));
  one = error_of(tenon::status{tenon::code::unavailable, "x"}.set_pushback(-5));
  CHECK(one.has("retry-after-ms: -1"));
  CHECK(one.head.find("Retry-After") == std::string::npos);

  one = error_of(tenon::status{tenon::code::aborted, "x"}
                     .add_detail({"a.B", ""})
                     .add_detail({"a.C", "\x01"})
                     .add_detail({"a.D", "\xFF\xFE"})
                     .add_detail({"a.E", "abc?"}));
  CHECK(one.status == 409);
  CHECK(one.json().at("details").dump() ==
        R"([{"type":"a.B","value":""},{"type":"a.C","value":"AQ"},{"type":"a.D","value":"//4"},{"type":"a.E","value":"YWJjPw"}])");

  CHECK(error_of(tenon::code::unauthenticated).has("WWW-Authenticate: Bearer"));
  one = error_of(tenon::code::unauthenticated, {{"WWW-Authenticate", "Basic"}});
  CHECK(one.has("www-authenticate: Basic"));
  CHECK_FALSE(one.has("WWW-Authenticate: Bearer"));

  CHECK(error_of({tenon::code::unimplemented, "x"}).status == 501);
  CHECK(error_of(tenon::status{tenon::code::unimplemented, "x"}.add_flag(tenon::outcome::not_executed)).status == 404);
}

TEST_CASE("a reply that was begun and taken back becomes an error") {
  connection peer{connection::answers::later};
  peer.session.consume(post("/s/m", "1"), peer, peer.out);
  const mark at = peer.session.begin_reply(peer.out, {});
  peer.out.append("half a payl");
  peer.out.truncate(at.start);
  peer.session.write_error(peer.out, {}, {tenon::code::internal, "no"}, {});
  CHECK(only_answer(peer).status == 500);
  CHECK(peer.feed(post("/s/m", "2")) == consumed::state::more);
  CHECK(peer.calls.size() == 2);
}

TEST_CASE("pipelined requests wait for their turn and are answered in order") {
  connection peer{connection::answers::later};
  const std::string both = post("/s/a", "1") + post("/s/b", "22");
  const consumed first = peer.session.consume(both, peer, peer.out);
  CHECK(first.next == consumed::state::wait);
  CHECK(first.bytes == post("/s/a", "1").size());
  CHECK(peer.calls.size() == 1);
  const std::string_view rest = std::string_view{both}.substr(first.bytes);
  CHECK(peer.session.consume(rest, peer, peer.out).next == consumed::state::wait);
  CHECK(peer.session.consume(rest, peer, peer.out).bytes == 0);
  CHECK(peer.calls.size() == 1);
  peer.echo();
  CHECK(peer.session.consume(rest, peer, peer.out).bytes == rest.size());
  CHECK(peer.calls.size() == 2);
  peer.session.write_error(peer.out, {}, {tenon::code::internal, "no"}, {});
  const auto all = answers_in(peer.out.view());
  REQUIRE(all.size() == 2);
  CHECK(all[0].body == "1");
  CHECK(all[1].status == 500);
  CHECK(peer.session.consume("", peer, peer.out).next == consumed::state::more);
}

TEST_CASE("the connection closes when the client says so, after the answer") {
  const auto close_after = [](std::string text, bool closes, std::string_view line) {
    connection peer{connection::answers::later};
    CHECK(peer.session.consume(text, peer, peer.out).next == consumed::state::wait);
    CHECK_FALSE(peer.session.closing());
    peer.echo();
    CHECK(peer.session.closing() == closes);
    if (!line.empty()) CHECK(only_answer(peer).has(line));
    if (line.empty()) CHECK(only_answer(peer).head.find("Connection") == std::string::npos);
    // Nobody did wrong: what still comes is passed over in silence.
    const std::string more = post("/s/m", "2");
    const consumed after = peer.session.consume(more, peer, peer.out);
    CHECK(after.next == (closes ? consumed::state::more : consumed::state::wait));
    CHECK(after.bytes == more.size());
    CHECK(peer.calls.size() == (closes ? 1 : 2));
  };
  close_after(post("/s/m", "1"), false, "");
  close_after(post("/s/m", "1", "Connection: close\r\n"), true, "Connection: close");
  close_after(post("/s/m", "1", "Connection: keep-alive, Close\r\n"), true, "Connection: close");
  close_after(post("/s/m", "1", "Connection: ,keep-alive\t,\tclose\r\n"), true, "Connection: close");
  close_after(post("/s/m", "1", "Connection: x\r\nConnection: close\r\n"), true, "Connection: close");
  close_after(post("/s/m", "1", "Connection: closed, not-close\r\n"), false, "");
  close_after("POST /s/m HTTP/1.0\r\nContent-Length: 1\r\n\r\n1", true, "Connection: close");
  close_after("POST /s/m HTTP/1.0\r\nConnection: keep-alive, close\r\nContent-Length: 1\r\n\r\n1", true, "Connection: close");
  close_after("POST /s/m HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1", false, "Connection: keep-alive");
}

TEST_CASE("chunked bodies are put together; one chunk is handed on in place") {
  connection peer;
  peer.feed(chunked("5\r\nhello\r\n0\r\n\r\n"));
  CHECK(peer.calls.at(0).payload == "hello");
  CHECK(peer.in_place);
  peer.feed(chunked("5;a=\"b\"\r\nhello\r\n00A ; c\r\n, world.\r\n\r\n0\r\nX-Trailer: 1\r\nConnect-Timeout-Ms: 5\r\n\r\n"));
  CHECK(peer.calls.at(1).payload == "hello, world.\r\n");
  CHECK(peer.calls.at(1).headers.empty());
  CHECK_FALSE(peer.calls.at(1).timeout_ms.has_value());
  peer.feed(chunked("0\r\n\r\n"));
  CHECK(peer.calls.at(2).payload.empty());
  peer.feed(chunked("0000000000000005;a=b;c ; d = \"x\\\"y;\tz\"\r\nHELLO\r\n000;e\r\nX:\r\n\r\n"));
  CHECK(peer.calls.at(3).payload == "HELLO");
  CHECK_FALSE(peer.session.closing());

  for (const auto bad : {"x\r\nhello\r\n"sv, "5\r\nhelloworld\r\n0\r\n\r\n"sv, "\r\n\r\n\r\n\r\n"sv, "-1\r\n\r\n\r\n"sv, "5\nhello\n0\n\n\r\n"sv, "5\rhello\r\n"sv,
                         "fffffffffffffffff\r\n"sv, "5;=\r\nhello\r\n0\r\n\r\n"sv, "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"sv, "0\r\nnot a field\r\n\r\n"sv,
                         "0\r\nContent-Length: 5\r\n\r\n"sv, "0\r\ntransfer-encoding: chunked\r\n\r\n"sv, "0\r\nX: a\r\n b\r\n\r\n"sv, "0\r\n\n"sv, "0\r\nX: a\n\r\n"sv,
                         "5 \r\nhello\r\n0\r\n\r\n"sv, "5;a \r\nhello\r\n0\r\n\r\n"sv, "5;\r\nhello\r\n0\r\n\r\n"sv, "5;a=\"b\r\nhello\r\n0\r\n\r\n"sv,
                         "5;a=\"b\\\"\r\nhello\r\n0\r\n\r\n"sv, "5;a=\"\x7f\"\r\nhello\r\n0\r\n\r\n"sv, "5;a=b c\r\nhello\r\n0\r\n\r\n"sv, "5,a\r\nhello\r\n0\r\n\r\n"sv,
                         "00000000000000005\r\nhello\r\n0\r\n\r\n"sv, "5\r\nhello\rX0\r\n\r\n"sv, "5\r\nhello\n0\r\n\r\n\r\n"sv, "5\r\nhello0\r\n\r\n"sv, "5\r\nhelloX\n0\r\n\r\n"sv,
                         "0x5\r\nhello\r\n0\r\n\r\n"sv, " 5\r\nhello\r\n0\r\n\r\n"sv}) {
    const answer one = refused(chunked(bad), true);
    CHECK(one.status == 400);
    CHECK(one.code() == "invalid_argument");
  }
}

TEST_CASE("100 Continue is written when the body is wanted and not there yet") {
  const std::string text = post("/s/m", "12", "Expect: 100-Continue\r\n");
  connection held;
  held.feed(text.substr(0, text.size() - 2));
  CHECK(held.written() == "HTTP/1.1 100 Continue\r\n\r\n");
  held.feed("");
  held.feed("1");
  CHECK(held.written() == "HTTP/1.1 100 Continue\r\n\r\n");
  held.feed("2");
  CHECK(held.calls.at(0).payload == "12");
  CHECK(held.calls.at(0).headers.empty());

  connection sent;
  sent.feed(text);
  CHECK(only_answer(sent).status == 200);
  connection begun;
  begun.feed(text.substr(0, text.size() - 1));
  CHECK(begun.out.empty());

  connection in_chunks;
  in_chunks.feed(chunked("", "Expect: 100-continue\r\n"));
  CHECK(in_chunks.written() == "HTTP/1.1 100 Continue\r\n\r\n");

  connection bodiless;
  bodiless.feed(post("/s/m", "", "Expect: 100-continue\r\n"));
  CHECK(only_answer(bodiless).status == 200);

  connection old;
  old.feed("POST /s/m HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(old.out.empty());

  CHECK(refused(post("/s/m", "1", "Expect: a-miracle\r\n"), true).status == 417);
  CHECK(refused(post("/s", "1", "Expect: 100-continue\r\n"), true).status == 404);
  tenon::limits small;
  small.max_message_bytes = 1;
  CHECK(refused("POST /s/m HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", true, small).status == 413);
}

TEST_CASE("HTTP/1.1 needs exactly one Host") {
  const answer none = refused("POST /s/m HTTP/1.1\r\nContent-Length: 1\r\n\r\n1", true);
  CHECK(none.status == 400);
  CHECK(none.message() == "found no Host header; expected one");
  CHECK(refused("POST /s/m HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", true).status == 400);
}

TEST_CASE("what two readers could frame differently is refused and the connection ends") {
  const std::string start = "POST /s/m HTTP/1.1\r\nHost: h\r\n";
  const std::string tail = "\r\n0\r\n\r\nPOST /s/hidden HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const auto lines : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"sv, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"sv,
                           "Content-Length: 5\r\nContent-Length: 6\r\n"sv, "Content-Length: 5, 6\r\n"sv, "Content-Length: +5\r\n"sv,
                           "Content-Length: -5\r\n"sv, "Content-Length: 0x5\r\n"sv, "Content-Length: 5 5\r\n"sv, "Content-Length:\r\n"sv,
                           "Content-Length: 99999999999999999999999\r\n"sv, "Content-Length: 18446744073709551616\r\n"sv,
                           "Content-Length: 5\r\nContent-Length: 5\r\n"sv, "Content-Length: 5, 5\r\n"sv, "Content-Length: 5,\r\n"sv, "Content-Length: 5\x0b\r\n"sv,
                           "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"sv, "Content\rLength: 5\r\n"sv, "Content-Length\0: 5\r\n"sv, "Connection: close;q=1\r\n"sv, "Content-Length : 5\r\n"sv, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"sv,
                           "X: a\r\n Content-Length: 5\r\n"sv, "X: a\r\n\tb\r\n"sv, "X:\r\n b\r\n"sv, "X: a\nContent-Length: 5\r\n"sv, "X: a\rY: b\r\n"sv,
                           " X: a\r\n"sv, "X: \0\r\n"sv, "X\r\n"sv, ": x\r\n"sv, "X: a\r\r\n"sv}) {
    CAPTURE(lines);
    CHECK(refused(start + std::string{lines} + tail, true).status == 400);
  }
  for (const auto coding : {"gzip"sv, "identity"sv, "gzip, chunked"sv, "chunked, gzip"sv, "xchunked"sv, "chunked;q=1"sv, ""sv, "chunked, identity"sv}) {
    CAPTURE(coding);
    CHECK(refused(start + "Transfer-Encoding: " + std::string{coding} + "\r\n" + tail, true).status == 501);
  }
  for (const auto lines : {"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"sv, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"sv}) {
    CHECK(refused(start + std::string{lines} + tail, true).status == 501);
  }
  CHECK(refused("POST /s/m HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" + tail, true).status == 400);

  // Names that only look alike frame nothing.
  connection peer;
  peer.feed(post("/s/m", "1", "Content_Length: 9\r\nTransfer.Encoding: chunked\r\nContent-Lengt: 9\r\nContent-Lengthy: 9\r\n"));
  peer.feed(chunked("1\r\n2\r\n0\r\n\r\n") + "POST /s/m HTTP/1.1\r\nhOST: h\r\ntRANSFER-eNCODING: CHUNKED\r\n\r\n1\r\n3\r\n0\r\n\r\n");
  REQUIRE(peer.calls.size() == 3);
  CHECK(peer.calls[0].payload == "1");
  CHECK(peer.calls[0].headers.size() == 4);
  CHECK(peer.calls[2].payload == "3");
}

TEST_CASE("what is no request line is refused with the parser's sentence") {
  for (const auto line : {"POST"sv, "POST "sv, "POST /s/m"sv, "POST /s/m "sv, "POST /s/m HTTP/1"sv, "POST /s/m HTTP/2.0"sv, "POST /s/m HTTP/1.2"sv,
                          "POST  /s/m HTTP/1.1"sv, "POST /s /m HTTP/1.1"sv, " POST /s/m HTTP/1.1"sv, "POST /s/m HTTP/1.1 "sv, "P\x01ST /s/m HTTP/1.1"sv,
                          "POST /s/\x7fm HTTP/1.1"sv, "\r"sv, "\0"sv}) {
    CAPTURE(line);
    const answer one = refused(std::string{line} + "\r\nHost: h\r\n\r\n", true);
    CHECK(one.status == 400);
    CHECK(one.code() == "invalid_argument");
    CHECK_FALSE(one.message().empty());
  }
}

TEST_CASE("a name, a value and a target hold the bytes that RFC 9110 gives them, wherever those stand") {
  const auto passes = [](std::string_view before, std::string_view middle, std::string_view after) {
    connection peer;
    peer.feed(std::string{before}.append(middle).append(after));
    return peer.calls.size() == 1;
  };
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const char c = static_cast<char>(byte);
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool in_token = is_letter || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
    const bool is_control = byte < 0x20 || byte == 0x7f;
    const bool cuts_path = c == '/' || c == '%' || c == '?' || c == ' ';
    for (std::size_t place = 0; place < 18; ++place) {
      std::string text(18, 'x');
      text[place] = c;
      REQUIRE(passes("POST /s/m HTTP/1.1\r\nHost: h\r\nA", text, "Z: v\r\n\r\n") == (in_token || c == ':'));
      REQUIRE(passes("POST /s/m HTTP/1.1\r\nHost: h\r\nA: v", text, "w\r\n\r\n") == (!is_control || c == '\t'));
      if (!cuts_path) REQUIRE(passes("POST /s/", text, " HTTP/1.1\r\nHost: h\r\n\r\n") == !is_control);
    }
  }
}

TEST_CASE("lines that end in LF alone are refused at once, not waited for") {
  CHECK(refused("POST /s/m HTTP/1.1\nHost: h\n\n", true).status == 400);
  connection peer;
  CHECK(peer.feed("POST /s/m HTTP/1.1\r\nHost: h\n") == consumed::state::close);
}

TEST_CASE("empty lines between requests are ignored") {
  connection peer;
  peer.feed(post("/s/a", "1") + "\r\n\r\n" + post("/s/b", "2") + "\r\n");
  CHECK(peer.calls.size() == 2);
  CHECK(peer.unread.empty());
}

TEST_CASE("the header section is bounded, and answered as soon as the bound is met") {
  tenon::limits bounds;
  bounds.max_metadata_bytes = 200;
  const std::string start = "POST /s/m HTTP/1.1\r\nHost: h\r\nX: ";
  const auto sized = [&start](std::size_t size) { return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n"; };
  connection fits{connection::answers::at_once, bounds};
  fits.feed(sized(200));
  CHECK(fits.calls.size() == 1);
  answer one = refused(sized(201), true, bounds);
  CHECK(one.status == 431);
  CHECK(one.code() == "resource_exhausted");
  connection slow{connection::answers::at_once, bounds};
  const std::string endless(201, 'x');
  for (std::size_t i = 0; i < 199; ++i) CHECK(slow.feed(endless.substr(i, 1)) == consumed::state::more);
  CHECK(slow.feed("x") == consumed::state::close);
  CHECK(only_answer(slow).status == 414);
  CHECK(only_answer(slow).code() == "resource_exhausted");
  CHECK(slow.calls.empty());

  connection chunks{connection::answers::at_once, bounds};
  CHECK(chunks.feed(chunked("1;" + std::string(300, 'a'))) == consumed::state::close);
  connection trailers{connection::answers::at_once, bounds};
  CHECK(trailers.feed(chunked("0\r\nX: " + std::string(300, 'a') + "\r\n\r\n")) == consumed::state::close);
  CHECK(trailers.calls.empty());
  connection many{connection::answers::at_once, bounds};
  std::string lines = "0\r\n";
  while (lines.size() < 230) lines += "X: a\r\n";
  CHECK(many.feed(chunked(lines)) == consumed::state::close);
}

TEST_CASE("a body is bounded by its declared length and by what comes in chunks") {
  tenon::limits bounds;
  bounds.max_message_bytes = 10;
  connection fits{connection::answers::at_once, bounds};
  fits.feed(post("/s/m", "0123456789") + chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"));
  CHECK(fits.calls.size() == 2);

  answer one = refused("POST /s/m HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", true, bounds);
  CHECK(one.status == 413);
  CHECK(one.code() == "resource_exhausted");
  CHECK(one.message() == "the body exceeds 10 bytes");
  CHECK(refused("POST /s/m HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n", true, bounds).status == 413);
  CHECK(refused(chunked("5\r\n01234\r\n6\r\n"), true, bounds).status == 413);
  connection asking{connection::answers::at_once, bounds};
  CHECK(asking.feed("HEAD /s/m HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n") == consumed::state::close);
  CHECK(only_answer(asking, true).status == 413);
  CHECK(refused(chunked("ffffffffffffffff\r\n"), true, bounds).status == 413);
}

TEST_CASE("a refused body is read past, and one that is malformed is not answered twice") {
  connection peer;
  const std::string large(100'000, 'x');
  for (const char c : post("/nowhere", "abc")) peer.feed({&c, 1});
  peer.feed(post("/nowhere", large) + post("/s/m", "1"));
  CHECK(peer.calls.size() == 1);
  peer.feed("POST /nowhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  CHECK(answers_in(peer.out.view()).size() == 4);
  CHECK(peer.feed("x\r\n") == consumed::state::close);
  CHECK(answers_in(peer.out.view()).size() == 4);
  CHECK_FALSE(peer.reason.empty());
}

TEST_CASE("a refused client that asks to be closed is not left with a body that nobody reads") {
  // The state says that more may come than was read, so that the answer is not destroyed by a reset.
  for (const auto framing : {"Content-Length: 3\r\n\r\nab"sv, "Transfer-Encoding: chunked\r\n\r\n3\r\n"sv}) {
    connection peer;
    CHECK(peer.feed("POST /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + std::string{framing}) == consumed::state::close);
    CHECK(only_answer(peer).status == 404);
    CHECK(peer.session.closing());
    CHECK_FALSE(peer.session.unfinished());
    CHECK_FALSE(peer.reason.empty());
  }
  connection bodiless;
  CHECK(bodiless.feed("GET /s/m HTTP/1.0\r\n\r\n") == consumed::state::more);
  CHECK(bodiless.session.closing());
}

TEST_CASE("every cut of several pipelined requests gives the same calls") {
  const std::string all = post("/s/a", R"({"n":1})", "Connect-Timeout-Ms: 5\r\nX-A: b\r\n") + chunked("3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\nT: 1\r\n\r\n", "X-C: d\r\n") +
                          "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" + post("/s%61/b", "2", "Content-Type: application/msgpack\r\n") + post("/nowhere", "3") +
                          "\r\n" + chunked("0\r\n\r\n") + post("/s/empty", "") + post("/s/last", "4", "Connection: close\r\n") + post("/s/never", "5");
  for (const auto how : {connection::answers::at_once, connection::answers::later}) {
    connection whole{how};
    CHECK(whole.feed(all) == consumed::state::more);
    CHECK(whole.session.closing());
    REQUIRE(whole.calls.size() == 6);
    CHECK(whole.calls[1].payload == "abcde");
    CHECK(whole.calls[2].service == "sa");
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
      CAPTURE(cut);
      connection two{how};
      two.feed(all.substr(0, cut));
      two.feed(all.substr(cut));
      REQUIRE(two.calls == whole.calls);
      REQUIRE(two.written() == whole.written());
    }
    connection single{how};
    for (const char c : all) {
      single.feed({&c, 1});
      // The read buffer never holds more than an unfinished head or chunk header.
      REQUIRE(single.unread.size() < 120);
    }
    CHECK(single.calls == whole.calls);
    CHECK(single.written() == whole.written());
  }
}

TEST_CASE("a large body in small pieces is gathered, and the memory is given back") {
  connection peer;
  const std::string body(1'000'000, 'b');
  const std::string text = post("/s/m", body);
  for (std::size_t at = 0; at < text.size(); at += 1000) {
    CHECK(peer.session.unfinished() == (at != 0));
    peer.feed(text.substr(at, 1000));
    REQUIRE(peer.unread.size() < 100);
  }
  REQUIRE(peer.calls.size() == 1);
  CHECK(peer.calls[0].payload == body);
  CHECK_FALSE(peer.in_place);
  CHECK_FALSE(peer.session.unfinished());
}

TEST_CASE("random bytes and random damage never do more than close the connection") {
  std::uint64_t state = 0x9E3779B97F4A7C15;
  const auto random = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<std::size_t>(state >> 11);
  };
  tenon::limits bounds;
  bounds.max_metadata_bytes = 300;
  bounds.max_message_bytes = 50;
  const std::string valid = post("/s/a", "12345", "Expect: 100-continue\r\n") + chunked("3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\nT: 1\r\n\r\n") +
                            "HEAD /s/m HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + post("/s/b", "", "connect-timeout-ms: 1\r\n");
  constexpr std::string_view marks = "\r\n :;,\"0a\0\x80/%"sv;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = valid;
    if (round % 8 == 0) {
      for (char& c : bytes) c = static_cast<char>(random());
    } else {
      for (std::size_t n = 1 + random() % 3; n != 0; --n) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 3) {
          case 0: bytes[at] = marks[random() % marks.size()]; break;
          case 1: bytes.erase(at, 1 + random() % 5); break;
          default: bytes.insert(at, 1, marks[random() % marks.size()]); break;
        }
      }
    }
    connection whole{connection::answers::later, bounds};
    const auto end = whole.feed(bytes);
    connection pieces{connection::answers::later, bounds};
    auto last = consumed::state::more;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = 1 + random() % 40;
      // Only what was handed over lies in memory that may be read: the sanitizer sees a step beyond it.
      last = pieces.feed(bytes.substr(at, size));
      last = pieces.feed("");
      at += size;
    }
    REQUIRE(pieces.calls == whole.calls);
    REQUIRE(last == end);
    REQUIRE(whole.unread.size() <= 300);
  }
}
