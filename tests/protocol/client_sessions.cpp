#include <tenon/protocol/client_sessions.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/protocol/client_protocol.hpp>
#include <tenon/protocol/detail/msgpack_rpc_numbers.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;
using nlohmann::json;

namespace {

struct client_under_test : reply_sink {
  explicit client_under_test(const std::string& url, tenon::limits bounds = {}) : session{make_client_session(url, bounds)} {}

  void on_reply(const reply& answer) override {
    std::string text = std::to_string(answer.id) + " " + std::to_string(static_cast<int>(answer.codec)) + " ";
    text += answer.error.ok() ? std::string{answer.payload} : answer.error.to_string();
    replies.push_back(text);
    errors.push_back(answer.error);
    tenon::metadata read;
    if (answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, read);
    metadata.push_back(std::move(read));
  }
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session->consume(unread, *this, out);
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  std::string sent(const outgoing& call, std::string_view payload) {
    const mark at = session->begin_request(out, call);
    out.append(payload);
    session->end_request(out, at);
    return written();
  }
  std::string written() {
    std::string text{out.view()};
    out.clear();
    return text;
  }
  std::vector<std::string> take() { return std::exchange(replies, {}); }

  std::unique_ptr<client_session> session;
  std::string unread;
  std::string reason;
  tenon::buffer out;
  std::vector<std::string> replies;
  std::vector<tenon::status> errors;
  std::vector<tenon::metadata> metadata;
};

// What visit_requests finds.
struct visited : request_visitor {
  void request(std::uint64_t id, std::size_t end) override { found.emplace_back(id, end); }
  std::vector<std::pair<std::uint64_t, std::size_t>> found;
};

constexpr std::uint64_t large_id = (std::uint64_t{3} << 60) + 5;
const std::string lines = "jsonrpc+tcp://x:1";
const std::string headers = "jsonrpc+lsp+tcp://x:1";
const std::string packed = "msgpackrpc+tcp://x:1";

// The same numbers every time.
struct pseudo_random {
  std::uint64_t state;
  std::uint64_t operator()() { return state = state * 6364136223846793005U + 1442695040888963407U, state >> 33; }
};

}  // namespace

TEST_CASE("a URL's scheme says which protocol is spoken, and which codec it wants") {
  CHECK(dynamic_cast<rpcx_client_session*>(make_client_session("tcp://x:1", {}).get()) != nullptr);
  CHECK(dynamic_cast<rpcx_client_session*>(make_client_session("memory:x", {}).get()) != nullptr);
  CHECK(dynamic_cast<jsonrpc_client_session*>(make_client_session("jsonrpc+unix:///x", {}).get()) != nullptr);
  CHECK(dynamic_cast<msgpack_rpc_client_session*>(make_client_session("msgpackrpc+unix:///x", {}).get()) != nullptr);
  CHECK(fits_protocol("tcp://x:1", serialization::protobuf, nullptr).ok());
  CHECK(fits_protocol(lines, serialization::json, &make_client_session).ok());
  CHECK(fits_protocol(packed, serialization::msgpack, &make_client_session).ok());
  CHECK(fits_protocol(lines, serialization::msgpack, &make_client_session).to_string() ==
        "INVALID_ARGUMENT: address \"jsonrpc+tcp://x:1\": JSON-RPC carries json only; write tenon::client<service, tenon::codec::json>");
  CHECK(fits_protocol(packed, serialization::json, &make_client_session).to_string() ==
        "INVALID_ARGUMENT: address \"msgpackrpc+tcp://x:1\": MessagePack-RPC carries msgpack only; write tenon::client<service, tenon::codec::msgpack>");
  CHECK(fits_protocol(packed, serialization::msgpack, nullptr).message().ends_with("give it the option .sessions = tenon::protocol::make_client_session"));
}

TEST_CASE("JSON-RPC requests are written as the specification says, whatever the arguments") {
  client_under_test client{lines};
  const outgoing call{.id = large_id, .service = "market", .method = "last", .codec = serialization::json};
  const auto with = [&call](int arguments) {
    outgoing counted = call;
    counted.arguments = arguments;
    return counted;
  };
  CHECK(client.sent(with(0), "null") == "{\"jsonrpc\":\"2.0\",\"method\":\"market.last\",\"id\":1}\n");
  CHECK(client.sent(with(1), "\"ACME\"") == "{\"jsonrpc\":\"2.0\",\"method\":\"market.last\",\"id\":2,\"params\":[\"ACME\"]}\n");
  CHECK(client.sent(with(1), "[1,2]") == "{\"jsonrpc\":\"2.0\",\"method\":\"market.last\",\"id\":3,\"params\":[[1,2]]}\n");
  CHECK(client.sent(with(1), "null") == "{\"jsonrpc\":\"2.0\",\"method\":\"market.last\",\"id\":4,\"params\":[null]}\n");
  CHECK(client.sent(with(2), "[1,2]") == "{\"jsonrpc\":\"2.0\",\"method\":\"market.last\",\"id\":5,\"params\":[1,2]}\n");
  CHECK(client.sent(with(2), "{\"a\":1,\"b\":2}") == "{\"jsonrpc\":\"2.0\",\"method\":\"market.last\",\"id\":6,\"params\":{\"a\":1,\"b\":2}}\n");
  for (const char* const payload : {"null", "7", "[7]", "{}"}) {
    const json sent = json::parse(client.sent(call, payload));
    const json given = json::parse(payload);
    if (given.is_null()) CHECK(!sent.contains("params"));
    else CHECK(sent.at("params") == (given.is_structured() ? given : json::array({given})));
  }
  const tenon::metadata extra{{"user", "a"}, {"tag", "1"}, {"tag", "2"}};
  CHECK(client.sent({.service = "", .method = "a\"b", .one_way = true, .arguments = 0, .timeout = tenon::duration{1'500'001}, .extra = &extra}, "null") ==
        "{\"jsonrpc\":\"2.0\",\"method\":\"a\\\"b\",\"meta\":{\"timeout_ms\":2,\"user\":\"a\",\"tag\":[\"1\",\"2\"]}}\n");
  client_under_test framed{headers};
  const std::string text = "{\"jsonrpc\":\"2.0\",\"method\":\"market.last\",\"id\":1,\"params\":[7]}";
  CHECK(framed.sent(with(1), "7") == "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
  const std::string odd = client_under_test{lines}.sent({.id = 1, .service = "s\"\xC3\xA9", .method = "longer than eight \n\xFF", .arguments = 0}, "null");
  CHECK(odd == "{\"jsonrpc\":\"2.0\",\"method\":\"s\\\"\xC3\xA9.longer than eight \\u000a\\ufffd\",\"id\":1}\n");
}

TEST_CASE("JSON-RPC answers find their calls, in any order and in either framing, one by one or as an array") {
  client_under_test client{lines};
  for (std::uint64_t i = 0; i < 6; ++i) client.sent({.id = large_id + i, .service = "s", .method = "m", .arguments = 0}, "null");
  CHECK(client.feed("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":[1]}\n{\"id\":1,\"result\":null,\"error\":null,\"meta\":{\"k\":\"v\"}} ") == consumed::state::more);
  CHECK(client.take() == std::vector<std::string>{std::to_string(large_id + 1) + " 1 [1]", std::to_string(large_id) + " 1 null"});
  CHECK(client.metadata[1] == tenon::metadata{{"k", "v"}});
  CHECK(client.feed("[{\"id\":\"3\",\"result\":3},7,{\"id\":4,\"error\":{\"code\":-32601,\"message\":\"no\"}}]{\"id\":5}\r\n") == consumed::state::more);
  CHECK(client.take() == std::vector<std::string>{std::to_string(large_id + 2) + " 1 3", std::to_string(large_id + 3) + " 1 UNIMPLEMENTED: no",
                                                  std::to_string(large_id + 4) + " 1 INTERNAL: the answer has neither result nor error"});
  // Late ones, somebody else's, and what the server says of itself.
  CHECK(client.feed("{\"id\":2,\"result\":1}{\"id\":77,\"result\":1}{\"id\":-1,\"result\":1}{\"id\":1.5,\"result\":1}{\"id\":\"x\",\"result\":1}{\"method\":\"log\",\"params\":[]}") == consumed::state::more);
  CHECK(client.take().empty());
  CHECK(client.written().empty());
  CHECK(client.feed("{\"method\":\"ask\",\"id\":\"q\"}") == consumed::state::more);
  CHECK(client.written() == "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-32601,\"message\":\"this peer serves no methods\"}}\n");
  client_under_test framed{headers};
  framed.sent({.id = 9, .service = "s", .method = "m", .arguments = 0}, "null");
  for (const char each : "Content-Length: 19\r\n\r\n{\"id\":1,\"result\":7}"s) framed.feed({&each, 1});
  CHECK(framed.take() == std::vector<std::string>{"9 1 7"});
}

TEST_CASE("JSON-RPC errors are read with the exact code where there is one, else by their number") {
  client_under_test client{lines};
  const auto read = [&client](const std::string& error) {
    const json sent = json::parse(client.sent({.id = 1, .service = "s", .method = "m", .arguments = 0}, "null"));
    client.feed("{\"jsonrpc\":\"2.0\",\"id\":" + sent.at("id").dump() + ",\"error\":" + error + "}");
    return client.errors.back();
  };
  CHECK(read(R"({"code":-32055,"message":"no such","data":{"code":"NOT_FOUND"}})").to_string() == "NOT_FOUND: no such");
  CHECK(read(R"({"code":-32000,"message":"INTERNAL","data":{"code":"INTERNAL"}})").to_string() == "INTERNAL");
  CHECK(read(R"({"code":-32055,"message":"no such"})").to_string() == "NOT_FOUND: no such");
  CHECK(read(R"({"code":-32602,"message":"bad","data":"x is no y"})").to_string() == "INVALID_ARGUMENT: bad: x is no y");
  CHECK(read(R"({"code":-32600,"message":"bad"})").to_string() == "INTERNAL: bad");
  CHECK(read(R"({"code":-32700,"message":"bad"})").to_string() == "INTERNAL: bad");
  CHECK(read(R"({"code":-32800,"message":"gone"})").to_string() == "CANCELLED: gone");
  CHECK(read(R"({"code":-32000,"message":"boom"})").to_string() == "UNKNOWN: boom (error -32000)");
  CHECK(read(R"({"code":17,"message":"boom","data":{"code":"OK"}})").code() == tenon::code::unknown);
  CHECK(read("7").to_string() == "UNKNOWN: the peer's error is no object: 7");
  CHECK(read(R"({"code":-32601,"message":"no"})").has(tenon::outcome::not_executed));
  const tenon::status busy = read(R"({"code":-32064,"message":"busy","data":{"code":"UNAVAILABLE","retry_after_ms":20,"not_executed":true}})");
  CHECK(busy.outcome().pushback_ms == 20);
  CHECK(busy.has(tenon::outcome::not_executed));
  for (int number = 1; number < static_cast<int>(tenon::code_count); ++number) {
    const auto each = static_cast<tenon::code>(number);
    CHECK(detail::code_of_jsonrpc_number(detail::jsonrpc_number_of(each)) == each);
  }
}

TEST_CASE("what a JSON-RPC client cannot read, or cannot give to a call, closes the connection with a reason") {
  const auto reason_for = [](const std::string& bytes) {
    client_under_test client{lines, {.max_message_bytes = 100, .max_metadata_bytes = 10}};
    CHECK(client.feed(bytes) == consumed::state::close);
    CHECK(client.replies.empty());
    return client.reason;
  };
  CHECK(reason_for("HTTP/1.1 400\r\n") == "jsonrpc: expected answers in JSON, found other bytes");
  CHECK(reason_for("{\"id\":1,}") == "jsonrpc: an answer is no JSON: expected a string at byte 8");
  CHECK(reason_for("[{\"id\":1} 2]") == "jsonrpc: an answer is no JSON: expected ',' or ']' at byte 10");
  CHECK(reason_for(R"({"id":null,"error":{"code":-32700,"message":"Parse error"}})") == "jsonrpc: the server could not read a request: Parse error");
  CHECK(reason_for("{\"id\":1,\"result\":\"" + std::string(100, 'x') + "\"}") == "jsonrpc: an answer exceeds the limit of 100 bytes");
}

TEST_CASE("MessagePack-RPC requests are written as the specification says, arguments always by position") {
  client_under_test client{packed};
  const auto with = [](int arguments) { return outgoing{.id = large_id, .service = "a", .method = "m", .codec = serialization::msgpack, .arguments = arguments}; };
  CHECK(client.sent(with(0), "\xC0") == "\x94\x00\x01\xA3" "a.m\x90"s);
  CHECK(client.sent(with(1), "\x07") == "\x94\x00\x02\xA3" "a.m\x91\x07"s);
  CHECK(client.sent(with(1), "\x92\x01\x02") == "\x94\x00\x03\xA3" "a.m\x91\x92\x01\x02"s);
  CHECK(client.sent(with(1), "\xC0") == "\x94\x00\x04\xA3" "a.m\x91\xC0"s);
  CHECK(client.sent(with(2), "\x92\x01\x02") == "\x94\x00\x05\xA3" "a.m\x92\x01\x02"s);
  CHECK(client.sent(with(2), "\x82\xA1" "a\x81\xA1" "c\x01\xA1" "b\x92\x02\x03") == "\x94\x00\x06\xA3" "a.m\x92\x81\xA1" "c\x01\x92\x02\x03"s);
  CHECK(client.sent(with(-1), "\xC0") == "\x94\x00\x07\xA3" "a.m\x90"s);
  CHECK(client.sent(with(-1), "\x07") == "\x94\x00\x08\xA3" "a.m\x91\x07"s);
  CHECK(client.sent(with(-1), "\x91\x07") == "\x94\x00\x09\xA3" "a.m\x91\x07"s);
  CHECK(client.sent({.method = "nvim_command", .one_way = true, .arguments = 1}, "\xA1x") == "\x93\x02\xACnvim_command\x91\xA1x");
}

TEST_CASE("MessagePack-RPC answers find their calls, and errors of every shape are read") {
  client_under_test client{packed};
  for (std::uint64_t i = 0; i < 20; ++i) client.sent({.id = large_id + i, .service = "s", .method = "m", .arguments = 0}, "\xC0");
  CHECK(client.feed("\x94\x01\x02\xC0\x07\x94\x01\xCE\x00\x00\x00\x01\xC0\xC0"s) == consumed::state::more);
  CHECK(client.take() == std::vector<std::string>{std::to_string(large_id + 1) + " 3 \x07", std::to_string(large_id) + " 3 \xC0"});
  CHECK(client.feed("\x94\x01\x02\xC0\x07\x94\x01\x4D\xC0\x07\x93\x02\xA1x\x90\x94\x01\xCF\x00\x00\x00\x01\x00\x00\x00\x03\xC0\x07"s) == consumed::state::more);
  CHECK(client.take().empty());
  CHECK(client.feed("\x94\x00\x05\xA1x\x90"s) == consumed::state::more);
  CHECK(client.written() == "\x94\x01\x05\xDA\x00\x2AUNIMPLEMENTED: this peer serves no methods\xC0"s);
  const auto read = [&client](int id, const std::string& error) {
    client.feed("\x94\x01"s + static_cast<char>(id) + error + "\xC0");
    return client.errors.back().to_string();
  };
  CHECK(read(3, "\xA4" "boom") == "UNKNOWN: boom");
  CHECK(read(4, "\xACNOT_FOUND: x") == "NOT_FOUND: x");
  CHECK(read(5, "\xA8INTERNAL") == "INTERNAL");
  CHECK(read(6, "\x92\x00\xA7Invalid"s) == "UNKNOWN: Invalid");
  CHECK(read(7, "\x82\xA4" "code\xABUNAVAILABLE\xA7message\xA4" "busy") == "UNAVAILABLE: busy");
  CHECK(read(8, "\x07") == "UNKNOWN: the peer answered with an error that is no text");
  CHECK(read(9, "\xA5OK: x") == "UNKNOWN: x");
  CHECK(read(10, "\xC3") == "UNKNOWN: the peer answered with an error that is no text");
  client_under_test wrong{packed};
  CHECK(wrong.feed("\x92\x01\x02") == consumed::state::close);
  CHECK(wrong.reason == "msgpack-rpc: expected [1, id, error, result], found other bytes");
}

TEST_CASE("a MessagePack-RPC answer above the limit fails its call and no other") {
  client_under_test client{packed, {.max_message_bytes = 100, .max_metadata_bytes = 10}};
  client.sent({.id = 5, .service = "s", .method = "m", .arguments = 0}, "\xC0");
  client.sent({.id = 6, .service = "s", .method = "m", .arguments = 0}, "\xC0");
  CHECK(client.feed("\x94\x01\x01\xC0\xDA\x01\x00"s) == consumed::state::more);
  CHECK(client.take() == std::vector<std::string>{"5 3 RESOURCE_EXHAUSTED: the answer exceeds the limit of 100 bytes"});
  client.feed(std::string(256, 'x') + "\x94\x01\x02\xC0\x07");
  CHECK(client.take() == std::vector<std::string>{"6 3 \x07"});
}

TEST_CASE("a call that nobody waits for is cancelled where a server may know the way") {
  for (const std::string& url : {lines, headers, packed}) {
    client_under_test client{url};
    client.sent({.id = large_id, .service = "s", .method = "m", .arguments = 0}, "null");
    client.sent({.id = 5, .service = "s", .method = "m", .arguments = 0}, "null");
    CHECK(client.session->write_cancel(client.out, 5) == (url == headers));
    CHECK(!client.session->write_cancel(client.out, 6));
    const std::string text = R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":2}})";
    CHECK(client.written() == (url == headers ? "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text : ""));
  }
}

TEST_CASE("the requests in written bytes are found again, each to its end") {
  for (const std::string& url : {lines, headers, packed}) {
    client_under_test client{url};
    const bool is_json = url != packed;
    std::string all;
    std::vector<std::pair<std::uint64_t, std::size_t>> expected;
    for (std::uint64_t i = 0; i < 4; ++i) {
      all += client.sent({.id = large_id + i, .service = "s", .method = "m", .one_way = i == 2, .arguments = 1}, is_json ? "[\"}\"]" : "\x91\xA1}");
      // A peer may run a request once it has the last bracket, without its line break.
      if (i != 2) expected.emplace_back(large_id + i, all.size() - (url == lines ? 1 : 0));
    }
    visited found;
    client.session->visit_requests(all, found);
    CHECK(found.found == expected);
  }
}

TEST_CASE("numbers name their ids among many, answered or not, and wrap around") {
  detail::msgpack_rpc_numbers numbers;
  CHECK(!numbers.take(1));
  std::vector<std::pair<std::uint32_t, std::uint64_t>> waiting;
  pseudo_random next{5};
  for (std::uint64_t id = 0; id < 20'000; ++id) {
    waiting.emplace_back(numbers.give(id), id);
    if (waiting.size() < 300 || next() % 3 == 0) continue;
    const std::size_t which = next() % waiting.size();
    REQUIRE(numbers.find(waiting[which].first) == waiting[which].second);
    REQUIRE(numbers.take(waiting[which].first) == waiting[which].second);
    REQUIRE(!numbers.take(waiting[which].first));
    waiting[which] = waiting.back();
    waiting.pop_back();
  }
  for (const auto& [number, id] : waiting) REQUIRE(numbers.take(number) == id);
  // Calls that nobody answers: the oldest are forgotten in the end.
  for (std::uint64_t id = 0; id < 1'200'000; ++id) numbers.give(id);
  CHECK(!numbers.take(20'001));
  const std::uint32_t last = numbers.give(7);
  CHECK(numbers.take(last) == std::uint64_t{7});
}

TEST_CASE("a JSON-RPC answer that is there as a whole, and so is read in one pass, is taken as one that comes byte by byte") {
  pseudo_random next{23};
  const std::string seed =
      R"({"jsonrpc":"2.0","id":1,"result":["\ud83d\ude00é"]}
{"id" : "2" , "error":{"code":-32601,"message":"x","data":{"code":"NOT_FOUND"}},"jsonrpc":"2.0"}[{"id":3,"result":[[[1]]]}, {"id":4}]
{"\u0069d":5,"result":null,"error":null,"meta":{"k":["v","w"]}}{"method":"ask","id":"q"}{"id":06,"result":1}{"id":6,"result":{"id":"}"},"ids":1})";
  std::size_t taken = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = seed;
    for (std::uint64_t changes = next() % 4; changes > 0; --changes) {
      constexpr std::string_view marks = "{}[]\",:\\\n 0nul\x80";
      bytes[next() % bytes.size()] = marks[next() % marks.size()];
    }
    const auto hear = [&bytes](std::size_t step) {
      client_under_test client{lines, {.max_message_bytes = 1000, .max_nesting = 3, .max_metadata_bytes = 50}};
      for (std::uint64_t i = 1; i < 8; ++i) client.sent({.id = i, .service = "s", .method = "m", .arguments = 0}, "null");
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        if (client.feed(std::string_view{bytes}.substr(at, step)) == consumed::state::close) break;
      }
      std::string heard = client.reason + client.written();
      for (std::size_t i = 0; i < client.replies.size(); ++i) heard.append("\n").append(client.replies[i]).append(" ").append(std::to_string(client.metadata[i].size()));
      return heard;
    };
    const std::string whole = hear(bytes.size());
    CAPTURE(bytes);
    REQUIRE(whole == hear(1));
    taken += whole.size();
  }
  CHECK(taken > 100'000);
}

TEST_CASE("random bytes trouble no client session") {
  pseudo_random next{99};
  for (int round = 0; round < 3000; ++round) {
    for (const std::string& url : {lines, headers, packed}) {
      client_under_test client{url, {.max_message_bytes = 200, .max_nesting = 10, .max_metadata_bytes = 50}};
      for (int i = 0; i < 3; ++i) client.sent({.id = next(), .service = "s", .method = "m", .arguments = 0}, url == packed ? "\xC0" : "null");
      std::string bytes = url == packed ? "\x94\x01\x01\xC0\x07\x94\x01\x02\xA4" "boom\xC0\x94\x01\x03\xC0\x92\x01\x02"
                                        : "{\"id\":1,\"result\":[1]}{\"id\":2,\"error\":{\"code\":-32601,\"message\":\"x\",\"data\":{}}}[{\"id\":3,\"result\":1}]";
      if (url == headers) bytes = "Content-Length: 20\r\n\r\n" + bytes;
      for (std::uint64_t changes = next() % 5; changes > 0; --changes) bytes[next() % bytes.size()] = static_cast<char>(next());
      for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t step = 1 + next() % 20;
        if (client.feed(std::string_view{bytes}.substr(at, step)) == consumed::state::close) break;
        at += step;
      }
      REQUIRE(client.replies.size() <= 3);
    }
  }
}
