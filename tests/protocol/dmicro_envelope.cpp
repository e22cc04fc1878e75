// Mirrors tenon/dmicro.hpp: dmicro's json and protobuf protocols.
#include <tenon/dmicro.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;
using nlohmann::json;

namespace {

std::string framed(std::string_view envelope, std::string_view filters = {}) {
  const std::size_t length = 1 + filters.size() + envelope.size();
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text.push_back(static_cast<char>(length >> shift));
  text.push_back(static_cast<char>(filters.size()));
  return text.append(filters).append(envelope);
}
// As dmicro writes it: of the body only the quotation marks are escaped.
std::string dmicro_json(int sequence, int type, const std::string& method, const std::string& body, int codec = 'j', const std::string& meta = "{}") {
  std::string escaped;
  for (const char each : body) {
    if (each == '"') escaped.push_back('\\');
    escaped.push_back(each);
  }
  return framed("{\"seq\":" + std::to_string(sequence) + ",\"mtype\":" + std::to_string(type) + ",\"serviceMethod\":" + json(method).dump() + ",\"status\":\"null\",\"meta\":" + json(meta).dump() +
                ",\"bodyCodec\":" + std::to_string(codec) + ",\"body\":\"" + escaped + "\"}");
}
std::string field(int number, std::string_view text) { return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(text.size())}.append(text); }
std::string dmicro_protobuf(int sequence, int type, const std::string& method, const std::string& body, int codec) {
  return framed(std::string{'\x08', static_cast<char>(sequence), '\x10', static_cast<char>(type)} + field(3, method) + field(5, "{}") + std::string{'\x30', static_cast<char>(codec)} + field(7, body));
}

struct side {
  explicit side(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    calls.push_back(std::string{call.service} + "|" + std::string{call.method} + "|" + std::string{call.payload} + "|" + std::to_string(static_cast<int>(call.address.codec)));
    call.read_metadata(call.metadata_block, metadata);
    if (call.address.one_way) return true;
    if (call.method == "fail") return session.write_error(out, call.address, tenon::status{tenon::code::not_found, "no \"such\"\n"}, extra), true;
    const mark at = session.begin_reply(out, call.address);
    out.append(call.payload);
    session.end_reply(out, at, call.address, extra);
    return true;
  }
  bool full() const { return false; }
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, out);
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  // Behind their heads.
  std::vector<std::string> answers() {
    std::vector<std::string> found;
    std::string_view bytes = out.view();
    while (!bytes.empty()) {
      REQUIRE(bytes.size() > 5);
      std::size_t length = 0;
      for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
      REQUIRE(bytes.size() >= length + 4);
      CHECK(bytes[4] == 0);
      found.emplace_back(bytes.substr(5, length - 1));
      bytes.remove_prefix(length + 4);
    }
    out.clear();
    return found;
  }

  dmicro_envelope_session session;
  std::string unread;
  tenon::buffer out;
  tenon::metadata extra;
  tenon::metadata metadata;
  std::vector<std::string> calls;
  std::string reason;
};

}  // namespace

TEST_CASE("dmicro's json: the body is what stood in front of its escaping, whatever that was") {
  for (const std::string& body : {R"(["a"])"s, R"(["say \"hi\" \\ \n"])"s, R"({"body":"x"})"s, "[\"\u00e9\"]"s, ""s}) {
    CAPTURE(body);
    side server;
    CHECK(server.feed(dmicro_json(7, 1, "/desk/echo", body, 'j', R"({"trace":"a\"b"})")) == consumed::state::more);
    CHECK(server.calls == std::vector<std::string>{"desk|echo|" + body + "|1"});
    CHECK(server.metadata.get("trace") == "a\"b");
    const auto found = server.answers();
    REQUIRE(found.size() == 1);
    const json answer = json::parse(found[0]);
    CHECK(answer.at("seq") == 7);
    CHECK(answer.at("mtype") == 2);
    CHECK(json::parse(answer.at("status").get<std::string>()).at("code") == 0);
    CHECK(answer.at("meta") == "{}");
    CHECK(answer.at("bodyCodec") == 'j');
    CHECK(answer.at("body") == body);
  }
}

TEST_CASE("dmicro's json: an envelope that another wrote is read as JSON") {
  side server;
  CHECK(server.feed(framed(R"({ "body" : "[\"\\n\"]", "bodyCodec": 106, "serviceMethod": "desk.echo", "mtype": 1, "seq": -3 })")) == consumed::state::more);
  CHECK(server.calls == std::vector<std::string>{R"(desk|echo|["\n"]|1)"});
  CHECK(json::parse(server.answers().at(0)).at("seq") == -3);
}

TEST_CASE("dmicro's protobuf: numbered members, either codec in the body") {
  side server;
  CHECK(server.feed(dmicro_protobuf(9, 1, "/desk/echo", "\x08\x96\x01", 'p') + dmicro_protobuf(10, 1, "/desk/echo", "[1]", 'j')) == consumed::state::more);
  CHECK(server.calls == std::vector<std::string>{"desk|echo|\x08\x96\x01|2", "desk|echo|[1]|1"});
  const auto found = server.answers();
  REQUIRE(found.size() == 2);
  CHECK(found[0] == "\x08\x09\x10\x02" + field(4, R"({"code":0,"msg":"","cause":""})") + field(5, "{}") + "\x30p" + field(7, "\x08\x96\x01"));
}

TEST_CASE("dmicro's envelopes: pushes get no answer, heartbeats and AUTH_CALL get one here, replies are nobody's") {
  side server;
  server.feed(dmicro_json(1, 3, "/desk/echo", "[1]") + dmicro_json(2, 1, "/heartbeat", "") + dmicro_json(3, 3, "/heartbeat", "") + dmicro_json(4, 4, "/x", "") + dmicro_json(5, 2, "/desk/echo", "[1]"));
  CHECK(server.calls.size() == 1);
  const auto found = server.answers();
  REQUIRE(found.size() == 2);
  CHECK(json::parse(found[0]).at("seq") == 2);
  CHECK(json::parse(found[1]).at("mtype") == 5);
}

TEST_CASE("dmicro's envelopes: an error is a status, metadata travel with it") {
  side server;
  server.extra.add("why", "so");
  server.feed(dmicro_json(1, 1, "/desk/fail", "[1]"));
  const json answer = json::parse(server.answers().at(0));
  CHECK(json::parse(answer.at("status").get<std::string>()) == json{{"code", 404}, {"msg", "no \"such\"\n"}, {"cause", "NOT_FOUND"}});
  CHECK(json::parse(answer.at("meta").get<std::string>()) == json{{"why", "so"}});
  CHECK(answer.at("body") == "");
}

TEST_CASE("dmicro's envelopes: what cannot be served is refused for the one call") {
  const auto code_of = [](const std::string& call) {
    side server{{.max_message_bytes = 100, .max_metadata_bytes = 50}};
    CHECK(server.feed(call) == consumed::state::more);
    CHECK(server.calls.empty());
    return json::parse(json::parse(server.answers().at(0)).at("status").get<std::string>()).at("code").get<int>();
  };
  CHECK(code_of(dmicro_json(1, 1, "/desk/echo", "x", 's')) == 400);
  CHECK(code_of(dmicro_json(1, 1, "/desk/echo", "x", 'p')) == 400);
  CHECK(code_of(dmicro_json(1, 1, "/desk/echo", std::string(101, ' '))) == 429);
  CHECK(code_of(dmicro_json(1, 1, "/desk/echo", "1", 'j', "{" + std::string(50, ' ') + "}")) == 429);
}

TEST_CASE("dmicro's envelopes: what cannot be read ends the connection, and says why") {
  const auto reason_of = [](const std::string& bytes) {
    side server{{.max_message_bytes = 100, .max_metadata_bytes = 50}};
    CHECK(server.feed(bytes) == consumed::state::close);
    return server.reason;
  };
  CHECK(reason_of(framed("{}", "z")).find("filters") != std::string::npos);
  CHECK(reason_of("\0\0\0\1\0"s).find("a length of 1") != std::string::npos);
  CHECK(reason_of("\0\1\0\0\0{"s).find("exceeds the limits") != std::string::npos);
  CHECK(reason_of(framed("{\"seq\":\"x\"}")).find("seq") != std::string::npos);
  CHECK(reason_of(framed("\x08\xFF")).starts_with("dmicro: "));
}

TEST_CASE("dmicro's envelopes are known by their first six bytes, and wait for them") {
  const std::string json_call = dmicro_json(1, 1, "/a", "1");
  const std::string protobuf_call = dmicro_protobuf(1, 1, "/a", "1", 'j');
  for (std::size_t size = 0; size < 6; ++size) {
    CHECK(dmicro_envelope_session::recognise(json_call.substr(0, size)) == sniffed::need_more);
    CHECK(dmicro_envelope_session::recognise(protobuf_call.substr(0, size)) == sniffed::need_more);
  }
  CHECK(dmicro_envelope_session::recognise(json_call) == sniffed::yes);
  CHECK(dmicro_envelope_session::recognise(protobuf_call) == sniffed::yes);
  CHECK(dmicro_envelope_session::recognise("\0\0\0\x20\1\0"s) == sniffed::no);  // the raw protocol
  CHECK(dmicro_envelope_session::recognise("\x08") == sniffed::no);
  CHECK(dmicro_envelope_session::recognise("GET / ") == sniffed::no);
}

TEST_CASE("dmicro's envelopes arrive in pieces of any size") {
  const std::string bytes = dmicro_json(1, 1, "/desk/echo", "[1]") + dmicro_json(2, 1, "/desk/echo", "[2]");
  side server;
  for (const char each : bytes) CHECK(server.feed(std::string_view{&each, 1}) == consumed::state::more);
  CHECK(server.calls.size() == 2);
  CHECK(server.answers().size() == 2);
}
