#include <tenon/codec/json.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <simulation.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

using namespace simulated;

namespace connect_json_calls {

struct entry {
  std::int64_t order_id = 0;
  tenon::bytes raw_note;
  std::string made_by;
  bool operator==(const entry&) const = default;
};
struct ledger {
  entry post(entry said) {
    last = said;
    return said;
  }
  entry get(std::int64_t order_id) { return {order_id, {}, "get"}; }
  tenon::stream<entry> watch(std::int64_t order_id) {
    const entry only{order_id, {}, "watch"};
    co_yield only;
  }
  static inline entry last;
  TENON_SERVICE((ledger, tenon::name("l")), post, (get, tenon::params("order_id"), tenon::safe), (watch, tenon::params("order_id")))
};

template <class... Codecs>
struct served_ledger : world {
  served_ledger() : server{io, {}} {
    server.serve<Codecs...>(ledger{});
    server.listen(wire, "ledger");
    server.start();
    run();
  }
  std::string ask(std::string_view text) {
    peer caller{*this};
    REQUIRE(caller.connect("ledger"));
    caller.say(std::string{text});
    const std::string answer{caller.heard()};
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  std::string post(std::string_view body, std::string_view headers = "") {
    return ask("POST /l/post HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body});
  }
  tenon::server<tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::web_session>> server;
};

constexpr std::string_view by_connect = "Connect-Protocol-Version: 1\r\n";
// As protobuf's json writers say it: 2^53 + 1, which no JavaScript number holds.
constexpr std::string_view proto3 = R"({"orderId":"9007199254740993","rawNote":"AP8=","madeBy":"me"})";
constexpr std::string_view plain = R"({"order_id":9007199254740993,"raw_note":"AP8=","made_by":"me"})";

// A message behind its prefix: gRPC-Web's, and that of Connect's streams.
std::string framed(std::string_view json) { return std::string{'\0', '\0', '\0', '\0', static_cast<char>(json.size())}.append(json); }

}  // namespace connect_json_calls

using namespace connect_json_calls;

TEST_CASE("Connect's clients have proto3's json, and everybody else the plain one, on one service") {
  served_ledger<tenon::codec::connect_json> world;
  CHECK(world.post(proto3, by_connect) == proto3);
  CHECK(ledger::last == entry{9007199254740993, {std::byte{0}, std::byte{0xFF}}, "me"});
  CHECK(world.post(plain) == plain);
  CHECK(ledger::last.made_by == "me");
  CHECK(world.post("{}", by_connect) == "{}");
  CHECK(world.post("{}") == R"({"order_id":0,"raw_note":"","made_by":""})");
  // Behind a call of Connect's comes one that is not.
  const std::string first = "POST /l/post HTTP/1.1\r\nHost: h\r\nConnect-Protocol-Version: 1\r\nContent-Length: 2\r\n\r\n{}";
  CHECK(world.ask(first + "POST /l/post HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n{\"order_id\": 7}").ends_with(R"({"order_id":7,"raw_note":"","made_by":""})"));
}

TEST_CASE("proto3's json goes with Connect's GET and its streams and gRPC-Web too") {
  served_ledger<tenon::codec::connect_json> world;
  CHECK(world.ask("GET /l/get?connect=v1&encoding=json&message=%7B%22orderId%22%3A%225%22%7D HTTP/1.1\r\nHost: h\r\n\r\n") == R"({"orderId":"5","madeBy":"get"})");
  CHECK(world.ask("GET /l/get?message=5 HTTP/1.1\r\nHost: h\r\n\r\n") == R"({"order_id":5,"raw_note":"","made_by":"get"})");
  const std::string small = R"({"orderId":"5"})";
  CHECK(world.post(framed(small), "Content-Type: application/grpc-web+json\r\n").starts_with(framed(small)));
  const std::string streamed = world.ask("POST /l/watch HTTP/1.1\r\nHost: h\r\nContent-Type: application/connect+json\r\nContent-Length: " + std::to_string(small.size() + 5) + "\r\n\r\n" + framed(small));
  CHECK(streamed.find(framed(R"({"orderId":"5","madeBy":"watch"})")) != std::string::npos);
}

TEST_CASE("without it Connect's json is the plain one, in which those names are unknown and those numbers are none") {
  served_ledger<> world;
  CHECK(world.post(R"({"madeBy":"me"})", by_connect) == R"({"order_id":0,"raw_note":"","made_by":""})");
  CHECK(world.post(R"({"order_id":"5"})", by_connect).find("invalid_argument") != std::string::npos);
  served_ledger<tenon::codec::proto_json> everybody;
  CHECK(everybody.post(R"({"madeBy":"me"})") == R"({"madeBy":"me"})");
}
