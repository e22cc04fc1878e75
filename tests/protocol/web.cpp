#include <tenon/protocol/web.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace tenon::protocol;

static_assert(server_session<web_session>);

namespace {

struct recorded_call {
  std::string name;
  std::string payload;
  serialization codec = serialization::raw;
  std::optional<std::int64_t> timeout_ms{};
  tenon::metadata headers{};
};

// A driver of one connection, as in-order protocols have it: while a call is under way nothing is fed. Methods whose name begins with `slow` end when told to.
struct connection {
  explicit connection(tenon::limits bounds = {}) : session{bounds} {}

  bool full() const { return false; }
  bool on_request(const request& call) {
    REQUIRE_FALSE(open);
    recorded_call record{std::string{call.service} + "/" + std::string{call.method}, std::string{call.payload}, call.address.codec};
    if (call.timeout) record.timeout_ms = call.timeout->milliseconds();
    if (call.read_metadata != nullptr) call.read_metadata(call.metadata_block, record.headers);
    calls.push_back(std::move(record));
    if (call.method.starts_with("slow")) {
      open = true;
      address = call.address;
      return false;
    }
    answer(call.address);
    return true;
  }

  void answer(const reply_address& to) {
    if (to.one_way) return;
    if (calls.back().name.ends_with("fail")) return session.write_error(out, to, tenon::status{tenon::code::not_found, "none %\n"}.add_detail({"a.B", "\x01"}), extra);
    const mark at = session.begin_reply(out, to);
    out.append(calls.back().payload);
    session.end_reply(out, at, to, extra);
  }

  void process() {
    while (!open && !unread.empty() && !session.closing()) {
      const consumed done = session.consume(unread, *this, out);
      REQUIRE(done.bytes <= unread.size());
      unread.erase(0, done.bytes);
      state = done.next;
      if (done.next != consumed::state::wait) return;
      REQUIRE((open || done.bytes != 0));
    }
  }
  void feed(std::string_view bytes) {
    unread.append(bytes);
    process();
  }
  // The call that runs has ended.
  void finish() {
    REQUIRE(open);
    open = false;
    answer(address);
    process();
  }
  void feed_and_finish(std::string_view bytes) {
    feed(bytes);
    while (open) finish();
  }

  web_session session;
  std::string unread;
  tenon::buffer out;
  std::vector<recorded_call> calls;
  tenon::metadata extra;
  reply_address address;
  consumed::state state = consumed::state::more;
  bool open = false;
};

std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
  std::string text{"POST "};
  text.append(path).append(" HTTP/1.1\r\nHost: h\r\n").append(headers);
  return text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

struct http_answer {
  int status = 0;
  std::string head;
  std::string body;
};

std::vector<http_answer> answers_in(std::string_view bytes) {
  std::vector<http_answer> found;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find("\r\n\r\n");
    REQUIRE(end != std::string_view::npos);
    http_answer one{std::stoi(std::string{bytes.substr(9, 3)}), std::string{bytes.substr(0, end + 2)}, {}};
    const std::size_t at = one.head.find("Content-Length:");
    const std::size_t length = at == std::string::npos ? 0 : std::stoul(one.head.substr(at + 15));
    one.body = std::string{bytes.substr(end + 4, length)};
    bytes.remove_prefix(end + 4 + length);
    found.push_back(std::move(one));
  }
  return found;
}
http_answer only_answer(const connection& peer) {
  const auto all = answers_in(peer.out.view());
  REQUIRE(all.size() == 1);
  return all[0];
}

std::string call_text(std::string_view method, std::string_view id = "1", std::string_view params = "[1]") {
  std::string text{R"({"jsonrpc":"2.0","method":")"};
  text.append(method).append(R"(","params":)").append(params);
  if (!id.empty()) text.append(R"(,"id":)").append(id);
  return text + "}";
}

std::string frame(std::string_view message) {
  return std::string{'\0', '\0', '\0', static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xFF)}.append(message);
}

}  // namespace

TEST_CASE("plain calls over HTTP are what they were") {
  connection peer;
  peer.feed(post("/s/m", "1") + "GET /s/m?message=2 HTTP/1.1\r\nHost: h\r\n\r\n" + post("/nowhere", "3"));
  const auto all = answers_in(peer.out.view());
  REQUIRE(all.size() == 3);
  CHECK(all[0].body == "1");
  CHECK(all[1].body == "2");
  CHECK(all[2].status == 404);
}

TEST_CASE("JSON-RPC is recognised by its path, its content type or rpcx's header") {
  const auto is_jsonrpc = [](std::string_view path, std::string_view headers) {
    connection peer;
    peer.feed(post(path, call_text("a.b"), headers));
    REQUIRE(peer.calls.size() == 1);
    CHECK(only_answer(peer).status == 200);
    return peer.calls[0].name == "a/b";
  };
  for (const auto path : {"/"sv, "/rpc"sv, "/jsonrpc"sv, "/?x=1"sv, "http://h"sv, "http://h/"sv}) CHECK(is_jsonrpc(path, ""));
  CHECK(is_jsonrpc("/", "Content-Type: application/json; charset=utf-8\r\n"));
  CHECK(is_jsonrpc("/s/m", "Content-Type: Application/JSON-RPC\r\n"));
  CHECK(is_jsonrpc("/s/m", "x: y\r\nX-JSONRPC-2.0: true\r\n"));
  CHECK_FALSE(is_jsonrpc("/s/m", ""));
  CHECK_FALSE(is_jsonrpc("/s/m", "X-JSONRPC-2.0: false\r\n"));

  connection other;
  other.feed(post("/", "x", "Content-Type: application/msgpack\r\n") + post("/", "x", "Content-Encoding: gzip\r\n") + post("/rpc", "{}", "Connect-Timeout-Ms: x\r\n"));
  const auto all = answers_in(other.out.view());
  REQUIRE(all.size() == 3);
  CHECK(all[0].status == 415);
  CHECK(all[1].status == 501);
  CHECK(all[2].status == 400);
}

TEST_CASE("a text is answered by 200 with its answer, and by 204 when none is due") {
  connection peer;
  peer.feed(post("/", call_text("s.m", "\"x\"")));
  http_answer one = only_answer(peer);
  CHECK(one.status == 200);
  CHECK(one.head.find("Content-Type: application/json\r\n") != std::string::npos);
  CHECK(nlohmann::json::parse(one.body) == nlohmann::json::parse(R"({"jsonrpc":"2.0","id":"x","result":[1]})"));

  peer.out.clear();
  peer.feed(post("/", call_text("s.m", "")) + post("/", "[" + call_text("s.m", "") + "," + call_text("s.m", "") + "]"));
  CHECK(peer.out.view() == "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  CHECK(peer.calls.size() == 4);

  const auto error_of = [](std::string_view body) {
    connection other;
    other.feed(post("/", body));
    CHECK(only_answer(other).status == 200);
    const auto json = nlohmann::json::parse(only_answer(other).body);
    return json.is_array() ? json.at(0).at("error").at("code").get<int>() : json.at("error").at("code").get<int>();
  };
  CHECK(error_of("{") == -32700);
  CHECK(error_of("") == -32700);
  CHECK(error_of("[]") == -32600);
  CHECK(error_of("[1]") == -32600);
  CHECK(error_of(R"({"jsonrpc":"2.0","id":1})") == -32600);
  CHECK(error_of(call_text("s.fail")) == -32055);
}

TEST_CASE("headers are a JSON-RPC call's metadata beside its own, and its time as well") {
  connection peer;
  const std::string own = R"({"jsonrpc":"2.0","method":"s.m","id":2,"meta":{"b":"2","timeout_ms":"5"}})";
  peer.feed(post("/", "[" + call_text("s.m") + "," + own + "]", "Authorization: x\r\nConnect-Timeout-Ms: 9\r\n"));
  REQUIRE(peer.calls.size() == 2);
  CHECK(peer.calls[0].headers == tenon::metadata{{"authorization", "x"}});
  CHECK(peer.calls[0].timeout_ms == 9);
  CHECK(peer.calls[1].headers.get("authorization") == "x");
  CHECK(peer.calls[1].headers.get("b") == "2");
}

TEST_CASE("calls of a batch run one after the other, and what follows waits until all have ended") {
  connection peer;
  const std::string batch = "[" + call_text("s.slow1") + "," + call_text("s.m", "2") + "," + call_text("s.slow_note", "") + "," + call_text("s.slow2", "3") + "," + call_text("s.fail", "4") + "]";
  peer.feed(post("/", batch) + post("/s/m", "7"));
  CHECK(peer.calls.size() == 1);
  CHECK(peer.state == consumed::state::wait);
  CHECK(peer.out.empty());
  peer.finish();
  CHECK(peer.calls.size() == 3);
  peer.finish();
  CHECK(peer.calls.size() == 4);
  CHECK(peer.out.empty());
  peer.finish();
  CHECK(peer.calls.size() == 6);
  CHECK(peer.unread.empty());
  const auto all = answers_in(peer.out.view());
  REQUIRE(all.size() == 2);
  const auto answers = nlohmann::json::parse(all[0].body);
  REQUIRE(answers.size() == 4);
  CHECK(answers[3].at("error").at("message") == "none %\n");
  CHECK(all[1].body == "7");
}

TEST_CASE("a notification that takes its time is answered at once, and what follows waits for its end") {
  connection peer;
  peer.feed(post("/", call_text("s.slow", "")) + post("/s/slow", "7") + post("/s/m", "8"));
  CHECK(peer.out.view() == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(peer.calls.size() == 1);
  peer.finish();
  CHECK(peer.calls.size() == 2);
  peer.finish();
  CHECK(answers_in(peer.out.view()).size() == 3);

  // The client that wants to be closed is closed when everything has run.
  connection closing;
  closing.feed(post("/", "[" + call_text("s.m") + "," + call_text("s.slow", "") + "," + call_text("s.slow", "") + "]", "Connection: close\r\n"));
  CHECK(only_answer(closing).status == 200);
  CHECK_FALSE(closing.session.closing());
  closing.finish();
  CHECK_FALSE(closing.session.closing());
  closing.finish();
  CHECK(closing.session.closing());
  CHECK(closing.calls.size() == 3);
  CHECK(closing.unread.empty());
}

TEST_CASE("a gRPC-Web call is a frame, and so is its answer, with trailers behind it") {
  connection peer;
  peer.extra = {{"x-head", "1"}, {"trailer-cost", "7"}, {"trailer-x-bin", "\xFF"}};
  peer.feed(post("/s/m", frame("abc"), "Content-Type: application/grpc-web+proto\r\nX-Grpc-Web: 1\r\ngrpc-timeout: 2S\r\n"));
  REQUIRE(peer.calls.size() == 1);
  CHECK(peer.calls[0].payload == "abc");
  CHECK(peer.calls[0].codec == serialization::protobuf);
  CHECK(peer.calls[0].timeout_ms == 2000);
  const http_answer one = only_answer(peer);
  CHECK(one.status == 200);
  CHECK(one.head.find("Content-Type: application/grpc-web+proto\r\n") != std::string::npos);
  CHECK(one.head.find("x-head: 1\r\n") != std::string::npos);
  const std::string trailers = "grpc-status: 0\r\ncost: 7\r\nx-bin: /w\r\n";
  CHECK(one.body == frame("abc") + "\x80\0\0\0"s + static_cast<char>(trailers.size()) + trailers);
}

TEST_CASE("a gRPC-Web error is trailers alone, with its message percent-coded and its details") {
  connection peer;
  peer.feed(post("/s/fail", frame(""), "Content-Type: application/grpc-web\r\n"));
  const http_answer one = only_answer(peer);
  CHECK(one.status == 200);
  REQUIRE(one.body.size() > 5);
  CHECK(one.body[0] == '\x80');
  CHECK(one.body.substr(5) == "grpc-status: 5\r\ngrpc-message: none %25%0A\r\ngrpc-status-details-bin: CAUSB25vbmUgJQoaHAoXdHlwZS5nb29nbGVhcGlzLmNvbS9hLkISAQE\r\n");
}

TEST_CASE("gRPC-Web in text is base64, padded wherever its sender liked") {
  for (const auto body : {"AAAAAANhYmM="sv, "AAAAAAM=YWJj"sv, "AAAAAAM=YQ==YmM="sv, "AAAAAANhYmM"sv}) {
    connection peer;
    peer.feed(post("/s/m", body, "Content-Type: application/grpc-web-text+proto\r\n"));
    REQUIRE(peer.calls.size() == 1);
    CHECK(peer.calls[0].payload == "abc");
    CHECK(only_answer(peer).body == "AAAAAANhYmOAAAAAEGdycGMtc3RhdHVzOiAwDQo=");
  }
}

TEST_CASE("what is no single gRPC-Web message does not reach the handler") {
  const auto status_of = [](std::string_view body, std::string_view type = "application/grpc-web") {
    connection peer;
    peer.feed(post("/s/m", body, "Content-Type: " + std::string{type} + "\r\n") + post("/s/next", "1"));
    CHECK(peer.calls.size() == 1);
    const auto all = answers_in(peer.out.view());
    REQUIRE(all.size() == 2);
    REQUIRE(all[0].status == 200);
    const std::size_t at = all[0].body.find("grpc-status: ");
    // In text it is behind base64, which begins like the trailers' flag.
    if (at == std::string::npos) return all[0].body.starts_with("gAAAA") ? 0 : -1;
    return std::stoi(all[0].body.substr(at + 13));
  };
  CHECK(status_of("") == 12);
  CHECK(status_of("\0\0\0"sv) == 3);
  CHECK(status_of("\0\0\0\0\4abc"sv) == 3);
  CHECK(status_of("\0\xFF\xFF\xFF\xFF"sv) == 3);
  CHECK(status_of("\1\0\0\0\1a"sv) == 13);
  CHECK(status_of("\x80\0\0\0\0"sv) == 3);
  CHECK(status_of(frame("a") + frame("b")) == 12);
  CHECK(status_of("AAAA*", "application/grpc-web-text") == 0);

  connection other;
  other.feed(post("/s", "x", "Content-Type: application/grpc-web\r\n") + post("/s/m", frame(""), "Content-Type: application/grpc-web\r\ngrpc-timeout: 5\r\n") +
             post("/s/m", frame(""), "Content-Type: application/grpc-web+thrift\r\n"));
  const auto all = answers_in(other.out.view());
  REQUIRE(all.size() == 3);
  CHECK(all[0].status == 404);
  CHECK(all[1].status == 400);
  CHECK(all[2].status == 415);
  CHECK(other.calls.empty());
}

TEST_CASE("every cut of everything that rides on HTTP gives the same calls and the same answers") {
  const std::string all = post("/", "[" + call_text("s.slow1") + "," + call_text("s.slow", "") + "," + call_text("s.m", "2") + "]", "A: b\r\n") + post("/s/slow", "7") +
                          post("/s/slow", frame("abc"), "Content-Type: application/grpc-web\r\n") + post("/s/m", "AAAAAANhYmM=", "Content-Type: application/grpc-web-text\r\n") +
                          "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n0\r\n\r\n" + "GET /s/m?message=5 HTTP/1.1\r\nHost: h\r\n\r\n" +
                          post("/rpc", call_text("s.slow", ""), "Connection: close\r\n");
  connection whole;
  whole.feed_and_finish(all);
  CHECK(whole.session.closing());
  CHECK(whole.calls.size() == 8);
  CHECK(answers_in(whole.out.view()).size() == 7);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    CAPTURE(cut);
    connection two;
    two.feed_and_finish(all.substr(0, cut));
    two.feed_and_finish(all.substr(cut));
    REQUIRE(two.out.view() == whole.out.view());
    REQUIRE(two.session.closing());
  }
  connection single;
  for (const char c : all) single.feed_and_finish({&c, 1});
  CHECK(single.out.view() == whole.out.view());
}
