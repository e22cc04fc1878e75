#include <tenon/protocol/http1_client.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/status.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;

namespace {

struct client_under_test : reply_sink {
  explicit client_under_test(tenon::limits bounds = {}) : session{bounds, "shop.example:80"} {}

  void on_reply(const reply& answer) override {
    said.push_back(std::to_string(answer.id) + " " + (answer.error.ok() ? std::string{answer.payload} : answer.error.to_string()));
    errors.push_back(answer.error);
    headers = {};
    if (answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, headers);
  }
  void on_going_away(std::uint64_t last) override { said.push_back("away after " + std::to_string(last)); }

  // What leaves at once.
  std::string ask(const outgoing& call, std::string_view payload) {
    const mark at = session.begin_request(out, call);
    out.append(payload);
    session.end_request(out, at);
    return written();
  }
  std::string ask(std::uint64_t id) { return ask({.id = id, .service = "s", .method = "m", .codec = serialization::json, .arguments = 1}, std::to_string(id)); }
  std::string written() {
    std::string text{out.view()};
    out.clear();
    return text;
  }
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, out);
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  std::vector<std::string> heard() { return std::exchange(said, {}); }

  http1_client_session session;
  tenon::buffer out;
  std::string unread;
  std::string reason;
  std::vector<std::string> said;
  std::vector<tenon::status> errors;
  tenon::metadata headers;
};

std::string answer(std::string_view body, std::string_view status = "200 OK", std::string_view headers = "Content-Type: application/json\r\n") {
  return "HTTP/1.1 " + std::string{status} + "\r\n" + std::string{headers} + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}
using heard = std::vector<std::string>;

}  // namespace

TEST_CASE("a call is a POST as Connect has it, in the codec it says") {
  client_under_test client;
  const tenon::metadata extra{{"Trace", "a\r\nb"}, {"key-bin", "\x01\x02"}, {"Content-Length", "7"}};
  const std::string request = client.ask({.id = 1, .service = "shop.v1.Market", .method = "Last one", .codec = serialization::json, .arguments = 1, .timeout = tenon::duration{1'000'001}, .extra = &extra}, "\"x\"");
  CHECK(request ==
        "POST /shop.v1.Market/Last%20one HTTP/1.1\r\nHost: shop.example:80\r\nContent-Type: application/json\r\nConnect-Protocol-Version: 1\r\nConnect-Timeout-Ms: 2\r\n"
        "trace: ab\r\nkey-bin: AQI\r\nContent-Length:            3\r\n\r\n\"x\"");
  client_under_test other;
  CHECK(other.ask({.id = 1, .service = "s", .method = "m", .codec = serialization::protobuf, .arguments = 0}, "").find("Content-Type: application/proto\r\n") != std::string::npos);
  client_under_test nothing;
  CHECK(nothing.ask({.id = 1, .service = "s", .method = "m", .codec = serialization::json, .arguments = 0}, "null").ends_with("2\r\n\r\n{}"));
}

TEST_CASE("one request is under way at a time, and the others follow in their order") {
  client_under_test client;
  CHECK(!client.ask(1).empty());
  for (std::uint64_t id = 2; id <= 5; ++id) CHECK(client.ask(id).empty());
  // What has not left is taken back; what has, cannot be.
  CHECK(client.session.write_cancel(client.out, 3));
  CHECK(!client.session.write_cancel(client.out, 1));
  CHECK(!client.session.write_cancel(client.out, 9));
  for (const std::uint64_t id : std::vector<std::uint64_t>{1, 2, 4, 5}) {
    CHECK(client.feed(answer("[" + std::to_string(id) + "]")) == consumed::state::more);
    CHECK(client.heard() == heard{std::to_string(id) + " [" + std::to_string(id) + "]"});
    CHECK(client.written().empty() == (id == 5));
  }
  CHECK(client.feed(answer("1")) == consumed::state::close);
  CHECK(client.reason == "http: an answer came to which there is no request");
}

TEST_CASE("an answer is read however it is cut, counted or in chunks, after a 100 or not") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\nTrace: abc\r\n\r\n3\r\n\"a-\r\n2;x=1\r\nb\"\r\n0\r\nT: 1\r\n\r\n";
  const std::string text = "HTTP/1.1 100 Continue\r\n\r\n" + answer("\"one\"", "200 OK", "Content-Type: application/json\r\ntrailer-cost: 7\r\n") + chunked + answer("3");
  for (std::size_t size = 1; size <= text.size(); ++size) {
    client_under_test client;
    for (std::uint64_t id = 1; id <= 3; ++id) client.ask(id);
    for (std::size_t at = 0; at < text.size(); at += size) REQUIRE(client.feed(std::string_view{text}.substr(at, size)) == consumed::state::more);
    CHECK(client.heard() == heard{"1 \"one\"", "2 \"a-b\"", "3 3"});
    CHECK(client.unread.empty());
  }
  client_under_test client;
  client.ask(1);
  client.feed(answer("1", "200 OK", "Content-Type: application/json\r\nTrace: abc\r\ntrailer-cost: 7\r\nkey-bin: AQI\r\n"));
  CHECK(client.headers.get("trace") == "abc");
  CHECK(client.headers.get("trailer-cost") == "7");
  CHECK(client.headers.get("key-bin") == "\x01\x02");
  CHECK(!client.headers.contains("content-type"));
}

TEST_CASE("errors are Connect's, or what Connect makes of the number") {
  const auto error_in = [](const std::string& text) {
    client_under_test client;
    client.ask(1);
    CHECK(client.feed(text) == consumed::state::more);
    REQUIRE(client.errors.size() == 1);
    return client.errors[0];
  };
  tenon::status found = error_in(answer(R"({"message":"no \u00e9","details":[{"type":"a.B","value":"AQI","debug":{"x":[1]}}],"code":"not_found"})", "404 Not Found"));
  CHECK(found.to_string() == "NOT_FOUND: no \xC3\xA9");
  REQUIRE(found.details().size() == 1);
  CHECK(found.details()[0].type == "a.B");
  CHECK(found.details()[0].value == "\x01\x02");
  CHECK(!found.has(tenon::outcome::not_executed));
  found = error_in(answer(R"({"code":"unimplemented"})", "404 Not Found"));
  CHECK(found.has(tenon::outcome::not_executed));
  CHECK(!error_in(answer(R"({"code":"unimplemented"})", "501 Not Implemented")).has(tenon::outcome::not_executed));
  CHECK(error_in(answer("<html>", "502 Bad Gateway", "Content-Type: text/html\r\n")).to_string() == "UNAVAILABLE: HTTP status 502");
  CHECK(error_in(answer("", "401 Unauthorized")).code() == tenon::code::unauthenticated);
  CHECK(error_in(answer("{\"code\":\"ok\"}", "500 No")).code() == tenon::code::unknown);
  CHECK(error_in(answer("{\"code\":7,", "400 No")).code() == tenon::code::internal);
  CHECK(error_in("HTTP/1.1 204 No Content\r\n\r\n").code() == tenon::code::unknown);
  CHECK(error_in(answer("{\"code\":\"unavailable\"}", "503 No", "Retry-After: 2\r\n")).outcome().pushback_ms == 2000);
  CHECK(error_in(answer("{\"code\":\"unavailable\"}", "503 No", "Retry-After: 2\r\nretry-after-ms: 1500\r\n")).outcome().pushback_ms == 1500);
  CHECK(error_in(answer("<p>", "200 OK", "Content-Type: text/html\r\n")).to_string() == "UNKNOWN: the answer's content type is \"text/html\"; expected that of a Connect server");
  CHECK(error_in(answer("zip", "200 OK", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n")).code() == tenon::code::internal);
}

TEST_CASE("a server that closes after its answer has not got what waits") {
  client_under_test client;
  client.ask(1);
  client.ask(2);
  CHECK(client.feed(answer("1", "200 OK", "Content-Type: application/json\r\nConnection: close\r\n")) == consumed::state::close);
  CHECK(client.heard() == heard{"away after 1", "1 1"});
  CHECK(client.written().empty());
}

TEST_CASE("what is no answer, and one that is too large, ends the connection with a reason") {
  const auto reason_of = [](const std::string& text) {
    client_under_test client{{.max_message_bytes = 100, .max_metadata_bytes = 300}};
    client.ask(1);
    CHECK(client.feed(text) == consumed::state::close);
    return client.reason;
  };
  CHECK(reason_of("SSH-2.0") == "http: expected an answer in HTTP/1.1, found other bytes");
  CHECK(reason_of("HTTP/2.0 200 OK\r\n\r\n") == "http: the answer does not begin with HTTP/1.1");
  CHECK(reason_of("HTTP/1.1 2x0 OK\r\n\r\n") == "http: the answer's status is no number of three digits");
  CHECK(reason_of("HTTP/1.1 200 OK\r\n\r\n") == "http: the answer does not say where it ends");
  CHECK(reason_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == "http: Content-Length and Transfer-Encoding together; expected one of them");
  CHECK(reason_of("HTTP/1.1 101 Switching\r\n\r\n") == "http: the server changes to a protocol that nobody asked for");
  CHECK(reason_of("HTTP/1.1 200 OK\r\nX: " + std::string(300, 'x')) == "http: the header section exceeds 300 bytes");
  CHECK(reason_of(answer(std::string(101, '1'))) == "http: an answer exceeds the limit of 100 bytes");
  CHECK(reason_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n") == "http: an answer exceeds the limit of 100 bytes");
  client_under_test large{{.max_message_bytes = 100}};
  large.ask(7);
  large.feed(answer(std::string(101, '1')));
  CHECK(large.heard() == heard{"away after 7", "7 RESOURCE_EXHAUSTED: the answer exceeds the limit of 100 bytes"});
}

TEST_CASE("requests that have not left are found") {
  struct visited : request_visitor {
    void request(std::uint64_t id, std::size_t end) override { found.emplace_back(id, end); }
    std::vector<std::pair<std::uint64_t, std::size_t>> found;
  };
  client_under_test client;
  const std::string first = client.ask(1);
  client.ask(2);
  client.ask({.id = 2, .service = "s", .method = "m", .one_way = true}, "");
  visited all;
  client.session.visit_requests(first, all);
  constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
  CHECK(all.found == std::vector<std::pair<std::uint64_t, std::size_t>>{{2, never}, {1, first.size()}});
}

TEST_CASE("random bytes trouble no client over HTTP") {
  std::uint64_t state = 7;
  const auto next = [&state] { return state = state * 6364136223846793005U + 1442695040888963407U, state >> 33; };
  const std::string sound = answer("\"one\"") + "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"code\":\"no\",\"m\"\r\n0\r\n\r\n" + answer("{\"details\":[{\"type\":1}]}", "500 No");
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = sound;
    for (std::uint64_t changes = next() % 6; changes > 0; --changes) bytes[next() % bytes.size()] = static_cast<char>(next());
    client_under_test client{{.max_message_bytes = 200, .max_metadata_bytes = 200}};
    for (std::uint64_t id = 1; id < 4; ++id) client.ask(id);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t step = 1 + next() % 60;
      if (client.feed(std::string_view{bytes}.substr(at, step)) == consumed::state::close) break;
      at += step;
    }
    REQUIRE(client.errors.size() <= 3);
  }
}
