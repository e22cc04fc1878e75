#include <tenon/protocol/jsonrpc.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/protocol/http1.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/server/server.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;
using nlohmann::json;

namespace {

struct recorded {
  std::string service;
  std::string method;
  std::string payload;
  std::optional<tenon::duration> timeout{};
  tenon::metadata metadata{};
  bool one_way = false;
};

// A server's session with a read buffer in front of it, and the methods of the specification's examples behind it.
struct session_under_test {
  explicit session_under_test(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    recorded each{std::string{call.service}, std::string{call.method}, std::string{call.payload}, call.timeout, {}, call.address.one_way};
    call.read_metadata(call.metadata_block, each.metadata);
    calls.push_back(each);
    if (call.method == "wait") {
      if (!call.address.one_way) waiting.push_back(call.address);
      return false;
    }
    if (!call.address.one_way) answer(call.address, each);
    return true;
  }
  bool full() const { return out.size() > room; }

  void answer(const reply_address& to, const recorded& call) {
    const json arguments = call.payload.empty() ? json{} : json::parse(call.payload);
    json value;
    if (call.method == "subtract") {
      value = arguments.is_array() ? arguments.at(0).get<int>() - arguments.at(1).get<int>() : arguments.at("minuend").get<int>() - arguments.at("subtrahend").get<int>();
    } else if (call.method == "sum") {
      int total = 0;
      for (const json& each : arguments) total += each.get<int>();
      value = total;
    } else if (call.method == "get_data") {
      value = json::array({"hello", 5});
    } else if (call.method == "echo") {
      value = arguments;
    } else {
      tenon::status why{tenon::code::unimplemented, "no method " + call.method};
      return session.write_error(out, to, why.add_flag(tenon::outcome::not_executed), {});
    }
    reply_with(to, value.dump());
  }
  void reply_with(const reply_address& to, std::string_view payload) {
    const mark at = session.begin_reply(out, to);
    out.append(payload);
    session.end_reply(out, at, to, extra);
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
  // The answers, one per line.
  std::vector<json> answers() {
    std::vector<json> found;
    const std::string text = written();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      REQUIRE(end != std::string::npos);
      found.push_back(json::parse(text.substr(at, end - at)));
      at = end + 1;
    }
    return found;
  }

  jsonrpc_session session;
  std::string unread;
  tenon::buffer out;
  tenon::metadata extra;
  std::size_t room = 1 << 24;
  std::vector<recorded> calls;
  std::vector<reply_address> waiting;
  std::string reason;
};

// What is compared of an answer with the specification's: error messages are ours, and so is `data`.
json meaning(json answer) {
  if (answer.is_array()) {
    for (json& each : answer) each = meaning(each);
    return answer;
  }
  if (answer.contains("error")) answer["error"] = answer.at("error").at("code");
  return answer;
}

// "-->" and "<--" of the specification's examples; no answer where the second is empty.
struct example {
  std::string sent;
  std::string answered;
};
const std::vector<example> specification{
    {R"({"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1})", R"({"jsonrpc": "2.0", "result": 19, "id": 1})"},
    {R"({"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2})", R"({"jsonrpc": "2.0", "result": -19, "id": 2})"},
    {R"({"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3})", R"({"jsonrpc": "2.0", "result": 19, "id": 3})"},
    {R"({"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4})", R"({"jsonrpc": "2.0", "result": 19, "id": 4})"},
    {R"({"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]})", ""},
    {R"({"jsonrpc": "2.0", "method": "foobar"})", ""},
    {R"({"jsonrpc": "2.0", "method": "foobar", "id": "1"})", R"({"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"})"},
    {R"({"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz])", R"({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null})"},
    {R"({"jsonrpc": "2.0", "method": 1, "params": "bar"})", R"({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null})"},
    {R"([
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
])",
     R"({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null})"},
    {"[]", R"({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null})"},
    {"[1]", R"([{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}])"},
    {"[1,2,3]", R"([
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
])"},
    {R"([
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ])",
     R"([
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ])"},
    {R"([
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ])",
     ""},
};

std::string with_header(std::string_view text) { return "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + std::string{text}; }
std::string call(const std::string& method, const std::string& params, const std::string& id) {
  return R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + (id.empty() ? "" : R"(,"id":)" + id) + "}";
}

// The same numbers every time.
struct pseudo_random {
  std::uint64_t state;
  std::uint64_t operator()() { return state = state * 6364136223846793005U + 1442695040888963407U, state >> 33; }
};

}  // namespace

TEST_CASE("JSON-RPC is recognised by a bracket, behind blanks or not, or by a header, and is no other protocol's") {
  for (const char* const bytes : {"{", "[", " {", "\r\n\t [", "Content-Length: 5", "content-type: x", "CONTENT-LENGTH:", "Content-"}) {
    CAPTURE(bytes);
    CHECK(jsonrpc_session::recognise(bytes) == sniffed::yes);
    CHECK(http1_session::recognise(bytes) == sniffed::no);
    CHECK(rpcx_session::recognise(bytes) == sniffed::no);
  }
  for (const char* const bytes : {"", " ", "\r\n", "C", "CO", "Con", "Content"}) CHECK(jsonrpc_session::recognise(bytes) == sniffed::need_more);
  for (const char* const bytes : {"CONNECT x", "CONN", "COPY", "POST /", "GET / HTTP/1.1", "\x08", "\x16\x03", "PRI * HTTP/2.0", "a", "\"x\"", "1", " x", "\x94\x01"}) {
    CAPTURE(bytes);
    CHECK(jsonrpc_session::recognise(bytes) == sniffed::no);
  }
  CHECK(jsonrpc_session::recognise(std::string(64, ' ')) == sniffed::need_more);
  CHECK(jsonrpc_session::recognise(std::string(65, ' ')) == sniffed::no);
  CHECK(jsonrpc_session::recognise(std::string(64, ' ') + "{") == sniffed::yes);
  CHECK(jsonrpc_session::recognise(std::string(65, ' ') + "{") == sniffed::no);
  CHECK(jsonrpc_session::recognise("\x00\x00"s) == sniffed::no);
}

TEST_CASE("every example of the specification is answered as it says, on lines and behind headers") {
  for (const example& each : specification) {
    CAPTURE(each.sent);
    session_under_test lines;
    CHECK(lines.feed(each.sent + "\n") == consumed::state::more);
    CHECK(lines.unread.empty());
    const auto answers = lines.answers();
    REQUIRE(answers.size() == (each.answered.empty() ? 0 : 1));
    if (!each.answered.empty()) CHECK(meaning(answers[0]) == meaning(json::parse(each.answered)));

    session_under_test headers;
    CHECK(headers.feed(with_header(each.sent)) == consumed::state::more);
    const std::string written = headers.written();
    CHECK(written.empty() == each.answered.empty());
    if (written.empty()) continue;
    const std::string text = written.substr(written.find("\r\n\r\n") + 4);
    CHECK(written == with_header(text));
    CHECK(meaning(json::parse(text)) == meaning(json::parse(each.answered)));
  }
}

TEST_CASE("texts are the same however they are cut") {
  std::string lines;
  std::string headers;
  for (const example& each : specification) {
    lines += each.sent + "\r\n";
    headers += with_header(each.sent);
  }
  const auto all_of = [](const std::string& bytes, std::size_t cut) {
    session_under_test server;
    server.feed(std::string_view{bytes}.substr(0, cut));
    server.feed(std::string_view{bytes}.substr(cut));
    CHECK(server.unread.empty());
    return server.written();
  };
  for (const std::string* bytes : {&lines, &headers}) {
    const std::string expected = all_of(*bytes, 0);
    CHECK(expected.size() > 1000);
    for (std::size_t cut = 1; cut <= bytes->size(); ++cut) REQUIRE(all_of(*bytes, cut) == expected);
    session_under_test drop_by_drop;
    for (const char each : *bytes) REQUIRE(drop_by_drop.feed({&each, 1}) == consumed::state::more);
    CHECK(drop_by_drop.written() == expected);
  }
}

TEST_CASE("a text that is there as a whole, and so is read in one pass, is answered as one that comes byte by byte") {
  pseudo_random next{17};
  std::string seed;
  for (const example& each : specification) seed += each.sent + "\n";
  for (const char* each : {R"({"jsonrpc":"2.0","id":7,"method":"echo","params":["\ud83d\ude00é"],"meta":{"timeout_ms":5,"k":["v","w"]}})", R"({"\u0069d":1,"id":2,"jsonrpc":"2.0","method":"echo"})",
                           R"({"id" : 3 , "method" :"a/echo", "params":[[1, 2]] ,"jsonrpc": "2.0"}{"jsonrpc":"2.0","id":4,"method":"echo","params":[[[[[[[[[[[[1]]]]]]]]]]]]})", R"({"result":1,"id":9})",
                           R"({})", R"({"error":{},"id":9})", R"({"jsonrpc":"2.0","id":5,"method":"echo","i":"id","ids":2,"methods":3})", "{\"jsonrpc\":\n\"2.0\",\"method\":\"echo\",\n\"id\":6}"}) {
    seed += std::string{each} + "\n";
  }
  std::size_t heard = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = seed.substr(next() % seed.size(), 400);
    for (std::uint64_t changes = next() % 6; changes > 0; --changes) {
      constexpr std::string_view marks = "{}[]\",:\\\n 0nul\x80";
      bytes[next() % bytes.size()] = marks[next() % marks.size()];
    }
    const auto hear = [&bytes](std::size_t step) {
      session_under_test server{{.max_message_bytes = 1000, .max_nesting = 10, .max_metadata_bytes = 20}};
      std::string seen;
      struct echoing {
        session_under_test& on;
        std::string& seen;
        bool on_request(const request& each) {
          seen.append(each.service).append("/").append(each.method).append(" ").append(each.payload).append("\n");
          if (!each.address.one_way) on.reply_with(each.address, "null");
          return true;
        }
        bool full() const { return false; }
      } sink{server, seen};
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        server.unread.append(std::string_view{bytes}.substr(at, step));
        const consumed done = server.session.consume(server.unread, sink, server.out);
        server.unread.erase(0, done.bytes);
        if (done.next == consumed::state::close) break;
      }
      return seen + server.written();
    };
    const std::string whole = hear(bytes.size());
    CAPTURE(bytes);
    REQUIRE(whole == hear(1));
    heard += whole.size();
  }
  CHECK(heard > 100'000);
}

TEST_CASE("ids come back letter for letter, whatever kind they are") {
  for (const std::string& id : {"1"s, "0"s, "-1"s, "-0"s, "1.0"s, "1.50"s, "1e3"s, "999999999999999999"s, "1000000000000000000"s, "18446744073709551616"s, "null"s, "\"\""s, "\"a\\u0062\\n\""s,
                                "\"8c9f2c7e-7c7b-4b0e-9a51-6b2f9a1f1f1f-and-some-more\""s}) {
    for (const bool later : {false, true}) {
      session_under_test server;
      server.feed(call(later ? "wait" : "echo", "[7]", id));
      if (later) server.reply_with(server.waiting.at(0), "[7]");
      CHECK(server.written() == R"({"jsonrpc":"2.0","id":)" + id + ",\"result\":[7]}\n");
    }
  }
}

TEST_CASE("answers leave in the order in which handlers end; slots of ids are used again") {
  session_under_test server;
  for (int round = 0; round < 3; ++round) {
    server.feed(call("wait", "[]", R"("a")") + call("wait", "[]", "2") + call("wait", "[]", R"("c")") + call("echo", "[4]", R"("d")"));
    REQUIRE(server.waiting.size() == 3);
    CHECK(server.written() == "{\"jsonrpc\":\"2.0\",\"id\":\"d\",\"result\":[4]}\n");
    for (const std::size_t which : {2U, 0U, 1U}) server.reply_with(server.waiting[which], std::to_string(which));
    CHECK(server.written() == "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":2}\n{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":0}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1}\n");
    server.waiting.clear();
  }
}

TEST_CASE("a batch is answered by one array once its last call has ended; others are not held up") {
  session_under_test server;
  server.feed("[" + call("wait", "[]", "1") + "," + call("echo", "[2]", "2") + "," + call("wait", "[]", "") + "," + call("wait", "[]", "3") + ", 4]");
  REQUIRE(server.waiting.size() == 2);
  CHECK(server.out.empty());
  server.feed("[" + call("wait", "[]", "1") + "]");
  server.feed(call("echo", "[5]", "5"));
  CHECK(server.written() == "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":[5]}\n");
  server.reply_with(server.waiting[1], "33");
  CHECK(server.out.empty());
  server.reply_with(server.waiting[2], "\"other\"");
  CHECK(server.written() == "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"other\"}]\n");
  server.session.write_error(server.out, server.waiting[0], tenon::code::not_found, {});
  const auto answers = server.answers();
  REQUIRE(answers.size() == 1);
  CHECK(meaning(answers[0]) == json::parse(R"([
    {"jsonrpc": "2.0", "id": 2, "result": [2]}, {"jsonrpc": "2.0", "id": null, "error": -32600},
    {"jsonrpc": "2.0", "id": 3, "result": 33}, {"jsonrpc": "2.0", "id": 1, "error": -32055}])"));
}

TEST_CASE("nothing of a batch runs when any of it is no JSON") {
  session_under_test server;
  server.feed("[" + call("echo", "[1]", "1") + "," + call("echo", "[1,]", "2") + "]\n");
  CHECK(server.calls.empty());
  CHECK(meaning(server.answers().at(0)) == json::parse(R"({"jsonrpc": "2.0", "id": null, "error": -32700})"));
}

TEST_CASE("what is no request is told why, with its id where that can be read") {
  const auto answer_to = [](const std::string& text) {
    session_under_test server;
    server.feed(text + "\n");
    CHECK(server.calls.empty());
    const auto answers = server.answers();
    REQUIRE(answers.size() == 1);
    return answers[0].at("id").dump() + " " + answers[0].at("error").at("code").dump() + " " + answers[0].at("error").at("message").get<std::string>();
  };
  CHECK(answer_to(R"({"method":"echo","id":1})") == R"(1 -32600 Invalid Request: expected member "jsonrpc" to be "2.0")");
  CHECK(answer_to(R"({"jsonrpc":2.0,"method":"echo","id":1})") == R"(1 -32600 Invalid Request: expected member "jsonrpc" to be "2.0")");
  CHECK(answer_to(R"({"jsonrpc":"2.0","method":"echo","id":true})") == R"(null -32600 Invalid Request: expected member "id" to be a string, a number or null)");
  CHECK(answer_to(R"({"jsonrpc":"2.0","method":"echo","id":[1]})") == R"(null -32600 Invalid Request: expected member "id" to be a string, a number or null)");
  CHECK(answer_to(R"({"jsonrpc":"2.0","id":"x"})") == R"("x" -32600 Invalid Request: expected member "method" to be a string)");
  CHECK(answer_to(R"({"jsonrpc":"2.0","method":"echo","params":7,"id":"x"})") == R"("x" -32600 Invalid Request: expected member "params" to be an array or an object)");
  CHECK(answer_to(R"({"jsonrpc":"2.0","method":"echo","params":[1,,2],"id":1})") == "null -32700 Parse error: expected a value at byte 45");
  CHECK(answer_to(R"({"jsonrpc":"2.0","method":"echo","id":01})") == "null -32700 Parse error: expected no leading zeros at byte 38");
  CHECK(answer_to("{\"jsonrpc\":\"2.0\",\"method\":\"\xC3(\",\"id\":1}") == "null -32700 Parse error: expected UTF-8 at byte 27");
  CHECK(answer_to(R"({"jsonrpc":"2.0","method":"\ud800","id":1})") == "null -32700 Parse error: expected both halves of a surrogate pair at byte 32");
  CHECK(answer_to("\"text\"") == "null -32700 Parse error: expected a complete JSON text on the line");
  std::string deep = R"({"jsonrpc":"2.0","method":"echo","params":)" + std::string(200, '[') + std::string(200, ']') + R"(,"id":1})";
  CHECK(answer_to(deep) == "null -32700 Parse error: expected fewer levels of nesting at byte 144");
}

TEST_CASE("a line that is broken costs no more than itself") {
  session_under_test server;
  const auto good = call("echo", "[1]", "1");
  for (const std::string& bad : {"nonsense"s, "{\"a\":1"s, "{\"jsonrpc\":\"2.0"s, "}"s, "]]"s, "{\"a\":1]}"s, "{\"jsonrpc\":\"2.0\",\"method\":\"foobar, \"params\": \"bar\", \"baz]"s}) {
    CAPTURE(bad);
    server.feed(bad + "\n" + good + "\n");
    const auto answers = server.answers();
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].at("error").at("code") == -32700);
    CHECK(answers.back().at("result") == json::array({1}));
  }
}

TEST_CASE("a response, to a server that asked for nothing, is dropped") {
  session_under_test server;
  server.feed(R"({"jsonrpc":"2.0","id":1,"result":7}{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}[{"jsonrpc":"2.0","id":null,"result":1}])");
  CHECK(server.calls.empty());
  CHECK(server.out.empty());
}

TEST_CASE("a notification is handed on and never answered, whatever is wrong with what it asks") {
  session_under_test server{{.max_message_bytes = 1000}};
  server.feed(call("echo", "[1]", "") + call("none", "[1]", "") + call("echo", "[\"" + std::string(1100, 'x') + "\"]", ""));
  CHECK(server.calls.size() == 2);
  CHECK(server.calls[0].one_way);
  CHECK(server.out.empty());
}

TEST_CASE("a method's name is split at its last slash, or without one at its last dot") {
  session_under_test server;
  for (const char* const name : {"market.last", "pkg.market.last", "market/last", "a.b/c.d", "a/b.c/d", "last", "m\\u0061rket\\u002elast"}) server.feed(call(name, "[]", ""));
  const std::vector<std::pair<std::string, std::string>> expected{{"market", "last"}, {"pkg.market", "last"}, {"market", "last"}, {"a.b", "c.d"}, {"a/b.c", "d"}, {"", "last"}, {"market", "last"}};
  REQUIRE(server.calls.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(server.calls[i].service == expected[i].first);
    CHECK(server.calls[i].method == expected[i].second);
  }
}

TEST_CASE("the codec is given the params as they stand, but for an array that is alone in one") {
  session_under_test server;
  for (const char* const params : {"[1, 2]", "{\"a\": [1]}", "[[1,2]]", "[ [ ] ]", "[[1],[2]]", "[[1],2]", "[]", "null", "[{\"a\":1}]"}) server.feed(call("echo", params, ""));
  const std::vector<std::string> expected{"[1, 2]", "{\"a\": [1]}", "[1,2]", "[ ]", "[[1],[2]]", "[[1],2]", "[]", "null", "[{\"a\":1}]"};
  REQUIRE(server.calls.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(server.calls[i].payload == expected[i]);
}

TEST_CASE("meta carries metadata and the caller's time") {
  session_under_test server;
  const auto meta_of = [&server](const std::string& meta) {
    server.calls.clear();
    server.feed(R"({"jsonrpc":"2.0","method":"echo","meta":)" + meta + "}");
    return server.calls.at(0);
  };
  const auto full = meta_of(R"({"timeout_ms":250,"user":"a\u0062","tags":["x","y"],"n":1.5,"on":true,"no":null,"deep":{"a":1}})");
  CHECK(full.timeout == tenon::duration{250'000'000});
  CHECK(full.metadata == tenon::metadata{{"user", "ab"}, {"tags", "x"}, {"tags", "y"}, {"n", "1.5"}, {"on", "true"}});
  CHECK(meta_of(R"({"timeout_ms":0})").timeout == tenon::duration{0});
  CHECK(meta_of(R"({"timeout_ms":-5})").timeout == tenon::duration{0});
  CHECK(meta_of(R"({"timeout_ms":9000000000000000000})").timeout->ns > 0);
  for (const char* const text : {R"({"timeout_ms":"250"})", R"({"timeout_ms":1.5})", R"({"timeout_ms":99999999999999999999})", "{}", "7", "[]", "null"}) CHECK(meta_of(text).timeout == std::nullopt);

  server.extra = {{"seen", "1"}, {"tag", "a"}, {"Tag", "b"}};
  server.feed(call("echo", "[1]", "1"));
  CHECK(server.written() == "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[1],\"meta\":{\"seen\":\"1\",\"tag\":[\"a\",\"b\"]}}\n");
}

TEST_CASE("errors carry their number, the exact code, and what a caller's policies ask for") {
  session_under_test server;
  const auto error_for = [&server](tenon::status why) {
    server.feed(call("wait", "[]", "1"));
    server.session.write_error(server.out, server.waiting.back(), why, {});
    return server.answers().at(0).at("error");
  };
  CHECK(error_for({tenon::code::not_found, "no \"x\"\n\xFF"}) == json::parse(R"({"code":-32055,"message":"no \"x\"\n\ufffd","data":{"code":"NOT_FOUND"}})"));
  CHECK(error_for(tenon::code::internal) == json::parse(R"({"code":-32603,"message":"INTERNAL","data":{"code":"INTERNAL"}})"));
  CHECK(error_for(tenon::code::invalid_argument).at("code") == -32602);
  CHECK(error_for(tenon::code::unimplemented).at("code") == -32601);
  CHECK(error_for(tenon::code::cancelled).at("code") == -32051);
  CHECK(error_for(tenon::code::unauthenticated).at("code") == -32066);
  tenon::status busy{tenon::code::unavailable, "busy"};
  busy.set_pushback(20).add_flag(tenon::outcome::not_executed).add_detail({"a.B", "\x01\x02"});
  CHECK(error_for(busy).at("data") == json::parse(R"({"code":"UNAVAILABLE","retry_after_ms":20,"not_executed":true,"details":[{"type":"a.B","value":"AQI"}]})"));
}

TEST_CASE("headers say where a text ends, in either case and among others") {
  session_under_test server;
  const auto text = call("echo", "[1]", "1");
  server.feed("content-type: application/vscode-jsonrpc; charset=utf-8\r\nCONTENT-LENGTH:" + std::to_string(text.size()) + "\r\n\r\n" + text + "Content-Length: 0\r\n\r\n" + with_header(text));
  CHECK(server.calls.size() == 2);
  const auto answer = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[1]}"s;
  CHECK(server.written() == with_header(answer) + with_header(answer));
  for (const char* const bad : {"Content-Length\r\n\r\n", "Content-Type: x\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: 1x\r\n\r\n", "Content-Length:\r\n\r\n", "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
                                "Content-Length: 99999999999999999999\r\n\r\n"}) {
    CAPTURE(bad);
    session_under_test closed;
    CHECK(closed.feed(bad) == consumed::state::close);
    CHECK(closed.reason == "jsonrpc: expected header lines with one Content-Length, found others");
    CHECK(closed.written().find("-32700") != std::string::npos);
  }
  session_under_test endless{{.max_metadata_bytes = 100}};
  CHECK(endless.feed("Content-Length: 1\r\nX: " + std::string(200, 'x')) == consumed::state::close);
}

TEST_CASE("a text above the limit is answered once, skipped without being kept, and the next one is served") {
  for (const bool headers : {false, true}) {
    session_under_test server{{.max_message_bytes = 1000, .max_metadata_bytes = 100}};
    const std::string text = call("echo", "[\"" + std::string(50'000, 'x') + "\"]", "1");
    const std::string bytes = headers ? with_header(text) : text + "\n";
    std::size_t most = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 700) {
      server.feed(std::string_view{bytes}.substr(at, 700));
      most = server.unread.size() > most ? server.unread.size() : most;
    }
    CHECK(most <= 1400);
    CHECK(!server.session.unfinished());
    const std::string refused = server.written();
    CHECK(refused.find("the text exceeds the limit of 1000 bytes") != std::string::npos);
    CHECK(refused.find("-32058") == refused.rfind("-32058"));
    server.feed(headers ? with_header(call("echo", "[1]", "2")) : call("echo", "[1]", "2"));
    CHECK(server.calls.size() == 1);
  }
  session_under_test server{{.max_message_bytes = 1000, .max_metadata_bytes = 100}};
  server.feed(call("echo", "[\"" + std::string(996, 'x') + "\"]", "1") + call("echo", "[\"" + std::string(997, 'x') + "\"]", "2"));
  CHECK(server.calls.size() == 1);
  CHECK(server.answers().at(1).at("error").at("message") == "\"params\" exceeds the limit of 1000 bytes");
}

TEST_CASE("what is kept for a peer is bounded: ids, batches, and the answers they collect") {
  const tenon::limits bounds{.max_message_bytes = 2000, .max_metadata_bytes = 100};
  session_under_test ids{bounds};
  for (int i = 0; i < 10; ++i) ids.feed(call("wait", "[]", "\"" + std::string(500, 'i') + "\""));
  CHECK(ids.waiting.size() == 3);
  CHECK(ids.answers().size() == 7);
  while (!ids.waiting.empty()) {
    ids.reply_with(ids.waiting.back(), "1");
    ids.waiting.pop_back();
  }
  ids.feed(call("wait", "[]", "\"" + std::string(500, 'i') + "\""));
  CHECK(ids.waiting.size() == 1);

  session_under_test many{bounds};
  std::string ones = "[1";
  for (int i = 0; i < 15; ++i) ones += ",1";
  many.feed(ones + "]");
  CHECK(many.answers().at(0).size() == 16);
  many.feed(ones + ",1]");
  CHECK(many.answers().at(0).at("error").at("message") == "a batch of 17 calls is too large here");

  session_under_test large{bounds};
  large.feed("[" + call("wait", "[]", "1") + "," + call("wait", "[]", "2") + "," + call("wait", "[]", "3") + "]");
  for (const reply_address& each : large.waiting) large.reply_with(each, "\"" + std::string(1200, 'x') + "\"");
  const json answer = large.answers().at(0);
  CHECK(answer.size() == 3);
  CHECK(answer[0].contains("result"));
  CHECK(answer[1].at("error").at("message") == "the answers of the batch exceed 2000 bytes");

  session_under_test held{bounds};
  for (int i = 0; i < 4; ++i) held.feed("[" + call("wait", "[]", "1") + "," + call("echo", "[\"" + std::string(900, 'x') + "\"]", "2") + "]");
  CHECK(held.waiting.size() == 3);
  CHECK(held.answers().at(0).at("error").at("message") == "what the answers of unfinished batches take exceeds the limit of 2000 bytes");
  for (const reply_address& each : held.waiting) held.reply_with(each, "1");
  CHECK(held.answers().size() == 3);
  held.feed("[" + call("wait", "[]", "1") + "]");
  CHECK(held.waiting.size() == 4);
}

TEST_CASE("a sink that is full is given nothing more until it is asked again, and junk waits as well") {
  session_under_test server;
  server.room = 100;
  CHECK(server.feed(call("echo", "[1]", "1") + call("echo", "[1]", "2") + call("echo", "[1]", "3") + call("echo", "[1]", "4")) == consumed::state::wait);
  CHECK(server.calls.size() == 3);
  server.written();
  CHECK(server.feed("") == consumed::state::more);
  CHECK(server.calls.size() == 4);
  server.written();
  std::string junk;
  for (int i = 0; i < 1000; ++i) junk += "x\n";
  CHECK(server.feed(junk) == consumed::state::wait);
  CHECK(server.out.size() < 400);
}

TEST_CASE("random bytes neither trouble a session nor make it keep more than one text") {
  pseudo_random next{2024};
  std::string seed;
  for (const example& each : specification) seed += each.sent + "\n";
  for (int round = 0; round < 3000; ++round) {
    session_under_test server{{.max_message_bytes = 1000, .max_nesting = 10, .max_metadata_bytes = 100}};
    std::string bytes = round % 3 == 0 ? with_header(specification[next() % specification.size()].sent) : seed.substr(next() % seed.size(), 600);
    for (std::uint64_t changes = next() % 12; changes > 0; --changes) {
      constexpr std::string_view marks = "{}[]\",:\\\n 0nul";
      bytes[next() % bytes.size()] = changes % 2 == 0 ? marks[next() % marks.size()] : static_cast<char>(next());
    }
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t step = 1 + next() % 40;
      // The examples' methods take the arguments they expect.
      server.unread.append(std::string_view{bytes}.substr(at, step));
      struct deaf {
        session_under_test& on;
        bool on_request(const request& each) {
          if (!each.address.one_way) on.reply_with(each.address, "null");
          return true;
        }
        bool full() const { return false; }
      } sink{server};
      const consumed done = server.session.consume(server.unread, sink, server.out);
      REQUIRE(done.bytes <= server.unread.size());
      server.unread.erase(0, done.bytes);
      REQUIRE(server.unread.size() <= 1100 + 40);
      if (done.next == consumed::state::close) break;
      at += step;
    }
    const std::string written = server.written();
    if (written.empty() || written[0] == 'C') continue;
    for (std::size_t at = 0; at < written.size(); at = written.find('\n', at) + 1) REQUIRE(json::accept(written.substr(at, written.find('\n', at) - at)));
  }
}

TEST_CASE("the grammar is JSON's: what it takes and refuses is what a parser of others takes and refuses") {
  pseudo_random next{7};
  const std::string seed = R"({"a":[1,-2.5e+3,0.1E-2,"x\u00e9\ud83d\ude00\n",true,false,null,{"b":{}},[]],"c":"é€😀"})";
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed;
    for (std::uint64_t changes = next() % 3; changes > 0; --changes) {
      constexpr std::string_view marks = "{}[]\",:\\u0189.-+eEtfn \n\x80\xC3\x01";
      const std::size_t at = next() % text.size();
      if (next() % 3 == 0) text.erase(at, 1);
      else text[at] = marks[next() % marks.size()];
    }
    detail::json_text ours{text, 100};
    const char* stop = ours.skip_value(ours.skip_blanks(ours.begin));
    const bool accepted = stop != nullptr && ours.skip_blanks(stop) == ours.end;
    CAPTURE(text);
    REQUIRE(accepted == json::accept(text));
    taken += accepted ? 1 : 0;
  }
  CHECK(taken > 5000);
  std::string storage;
  CHECK(detail::json_string_value(R"("x\u00e9\ud83d\ude00\n\/\"")", storage) == "xé😀\n/\"");
}

TEST_CASE("without a stream of its own, a text is answered where its carrier takes it") {
  struct carrier {
    bool on_request(const request& each) {
      addresses.push_back(each.address);
      return false;
    }
    bool full() const { return false; }
    void reply(std::size_t which, std::string_view value) {
      const mark at = dialogue.begin_reply(out, addresses[which]);
      out.append(value);
      dialogue.end_reply(out, at, addresses[which], {});
    }
    std::string take() {
      std::string text{dialogue.finished()};
      dialogue.clear_finished();
      return text;
    }
    jsonrpc_dialogue dialogue{tenon::limits{}};
    tenon::buffer out;
    std::vector<reply_address> addresses;
  } http;
  http.dialogue.take(call("a", "[]", "1"), http, http.out);
  CHECK(http.dialogue.waiting());
  http.reply(0, "7");
  CHECK(!http.dialogue.waiting());
  CHECK(http.take() == R"({"jsonrpc":"2.0","id":1,"result":7})");

  http.dialogue.take("[" + call("a", "[]", "1") + "," + call("b", "[]", "\"x\"") + "]", http, http.out);
  http.reply(2, "2");
  CHECK(http.take().empty());
  CHECK(http.dialogue.waiting());
  http.reply(1, "1");
  CHECK(http.take() == R"([{"jsonrpc":"2.0","id":"x","result":2},{"jsonrpc":"2.0","id":1,"result":1}])");

  http.dialogue.take(call("a", "[]", ""), http, http.out);
  CHECK(!http.dialogue.waiting());
  CHECK(http.take().empty());
  for (const char* const bad : {"", " ", "{", "7", "[]"}) {
    http.dialogue.take(bad, http, http.out);
    CHECK(!http.dialogue.waiting());
    CHECK(json::parse(http.take()).at("id").is_null());
  }
  CHECK(http.out.empty());
}

TEST_CASE("over a server, handlers of every kind answer JSON-RPC calls, alone and in batches") {
  using server_type = tenon::server<tenon::protocols<rpcx_session, http1_session, jsonrpc_session>>;
  simulated::world world;
  simulated::desk_records records;
  server_type server{world.io};
  server.serve(simulated::desk{&records});
  server.listen(world.wire, "desk");
  server.start();
  simulated::peer caller{world};
  REQUIRE(caller.connect("desk"));
  const auto ask = [&](const std::string& text) {
    caller.say(text + "\n");
    return caller.heard();
  };
  CHECK(ask(call("desk.echo", R"(["hi"])", "1")) == "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"hi\"}\n");
  CHECK(ask(call("desk/add", "[2,3]", "\"sum\"")) == "{\"jsonrpc\":\"2.0\",\"id\":\"sum\",\"result\":5}\n");
  CHECK(ask(call("desk.add", R"({"b":2,"a":3})", "null")) == "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":5}\n");
  CHECK(ask(call("desk.place", R"([{"symbol":"ACME","shares":3}])", "1")) == "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"symbol\":\"ACME\",\"shares\":3}}\n");
  CHECK(json::parse(ask(call("desk.add", "[2]", "1"))).at("error").at("code") == -32602);
  CHECK(json::parse(ask(call("desk.none", "[2]", "1"))).at("error").at("code") == -32601);
  CHECK(json::parse(ask(call("none", "[2]", "1"))).at("error").at("code") == -32601);
  CHECK(ask(call("desk.add", "[2]", "")).empty());

  CHECK(ask("[" + call("desk.wait", R"(["a"])", "1") + "," + call("desk.echo", R"(["b"])", "2") + "," + call("desk.wait", R"(["c"])", "3") + "]").empty());
  CHECK(ask(call("desk.echo", R"(["d"])", "4")) == "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":\"d\"}\n");
  // One call opens the gate for the others, in the midst of its own batch.
  const std::string both = ask("[" + call("desk.echo", R"(["e"])", "5") + "," + call("desk.open", R"(["f"])", "6") + "," + call("desk.echo", R"(["g"])", "7") + "]");
  const std::size_t middle = both.find('\n');
  std::vector<json> found{json::parse(both.substr(0, middle)), json::parse(both.substr(middle + 1))};
  if (found[0].size() == 3 && found[0][0].at("id") == 5) std::swap(found[0], found[1]);
  CHECK(found[0] == json::parse(R"([{"jsonrpc":"2.0","id":2,"result":"b"},
    {"jsonrpc":"2.0","id":1,"result":"a waited","meta":{"seen":"a"}},{"jsonrpc":"2.0","id":3,"result":"c waited","meta":{"seen":"c"}}])"));
  CHECK(found[1] == json::parse(R"([{"jsonrpc":"2.0","id":5,"result":"e"},{"jsonrpc":"2.0","id":6,"result":"f"},{"jsonrpc":"2.0","id":7,"result":"g"}])"));

  // A deadline ends one of a batch.
  caller.say(R"([{"jsonrpc":"2.0","method":"desk.wait","params":["t"],"id":"slow","meta":{"timeout_ms":50}},)" + call("desk.echo", R"(["x"])", "8") + "]\n");
  CHECK(caller.heard().empty());
  world.pass(std::chrono::milliseconds{60});
  const json late = json::parse(caller.heard());
  REQUIRE(late.size() == 2);
  CHECK(late[1].at("id") == "slow");
  CHECK(late[1].at("error").at("data").at("code") == "DEADLINE_EXCEEDED");
  world.on_loop([&] { records.door.open(); });
  CHECK(caller.heard().empty());

  // A caller that leaves takes its batch with it.
  caller.say("[" + call("desk.wait", R"(["a"])", "1") + "," + call("desk.wait", R"(["b"])", "2") + "]\n");
  caller.hang_up();
  world.on_loop([&] { records.door.open(); });
  CHECK(records.destroyed == 5);
}
