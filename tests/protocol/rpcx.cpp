#include <tenon/protocol/rpcx.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <tenon/protocol/rpcx_client.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;
using simulated::frame;
using simulated::frames_in;

namespace {

struct recorded {
  std::string service;
  std::string method;
  std::string payload;
  reply_address address{};
  std::optional<tenon::duration> timeout{};
  tenon::metadata metadata{};
};

// A server's session with a read buffer in front of it, and a sink that echoes.
struct session_under_test {
  explicit session_under_test(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    recorded each{std::string{call.service}, std::string{call.method}, std::string{call.payload}, call.address, call.timeout};
    call.read_metadata(call.metadata_block, each.metadata);
    calls.push_back(std::move(each));
    if (call.address.one_way) return true;
    const mark at = session.begin_reply(out, call.address);
    out.append(call.payload);
    session.end_reply(out, at, call.address, extra);
    return true;
  }
  bool full() const { return out.size() > room; }

  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, out);
    CHECK(done.bytes <= unread.size());
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  std::vector<frame> answers() {
    auto found = frames_in(out.view());
    out.clear();
    return found;
  }

  rpcx_session session;
  std::string unread;
  tenon::buffer out;
  tenon::metadata extra;
  std::size_t room = 1 << 20;
  std::vector<recorded> calls;
  std::string reason;
};

struct client_under_test : reply_sink {
  explicit client_under_test(tenon::limits bounds = {}) : session{bounds} {}

  void on_reply(const reply& answer) override {
    ids.push_back(answer.id);
    payloads.emplace_back(answer.payload);
    errors.push_back(answer.error);
    codecs.push_back(answer.codec);
    tenon::metadata read;
    if (answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, read);
    metadata.push_back(std::move(read));
  }
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, answered);
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }

  rpcx_client_session session;
  tenon::buffer answered;
  std::string unread;
  std::string reason;
  std::vector<std::uint64_t> ids;
  std::vector<std::string> payloads;
  std::vector<tenon::status> errors;
  std::vector<serialization> codecs;
  std::vector<tenon::metadata> metadata;
};

const frame last{.sequence = 7, .service = "market", .method = "last", .payload = "ACME"};

// The same numbers every time.
struct pseudo_random {
  std::uint64_t state;
  std::uint64_t operator()() { return state = state * 6364136223846793005U + 1442695040888963407U, state >> 33; }
};

}  // namespace

TEST_CASE("rpcx is recognised by its magic byte alone") {
  CHECK(rpcx_session::recognise("") == sniffed::need_more);
  CHECK(rpcx_session::recognise("\x08") == sniffed::yes);
  CHECK(rpcx_session::recognise("\x08\x00\x00"s) == sniffed::yes);
  CHECK(rpcx_session::recognise("POST /") == sniffed::no);
  CHECK(rpcx_session::recognise("\x16\x03\x01") == sniffed::no);
}

TEST_CASE("a request is read as the bytes say, and the answer carries its number and codec") {
  session_under_test server;
  // Written down by hand from the protocol's description.
  const std::string bytes("\x08\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x2A"  // magic, version, type, json, number 42
                          "\x00\x00\x00\x26"
                          "\x00\x00\x00\x05" "Arith" "\x00\x00\x00\x03" "Mul"
                          "\x00\x00\x00\x0A" "\x00\x00\x00\x01" "k" "\x00\x00\x00\x01" "v"
                          "\x00\x00\x00\x04" "null",
                          54);
  REQUIRE(server.feed(bytes) == consumed::state::more);
  REQUIRE(server.calls.size() == 1);
  CHECK(server.calls[0].service == "Arith");
  CHECK(server.calls[0].method == "Mul");
  CHECK(server.calls[0].payload == "null");
  CHECK(server.calls[0].address.id == 42);
  CHECK(server.calls[0].address.codec == serialization::json);
  CHECK(!server.calls[0].timeout);
  CHECK(server.calls[0].metadata == tenon::metadata{{"k", "v"}});
  CHECK(server.out.view() == std::string("\x08\x00\x80\x10\x00\x00\x00\x00\x00\x00\x00\x2A"
                                         "\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                         "\x00\x00\x00\x04" "null", 36));
}

TEST_CASE("frames are the same however they are cut") {
  std::string bytes;
  for (std::uint64_t i = 0; i < 3; ++i) {
    bytes += frame{.sequence = i, .service = "market", .method = "last", .metadata = {{"key", "value"}}, .payload = std::string(i * 5, 'x')}.bytes();
  }
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    session_under_test server;
    REQUIRE(server.feed(std::string_view{bytes}.substr(0, cut)) == consumed::state::more);
    REQUIRE(server.feed(std::string_view{bytes}.substr(cut)) == consumed::state::more);
    REQUIRE(server.calls.size() == 3);
    REQUIRE(server.unread.empty());
    const auto answers = server.answers();
    REQUIRE(answers.size() == 3);
    REQUIRE(answers[2].payload == "xxxxxxxxxx");
  }
  session_under_test drop_by_drop;
  for (const char each : bytes) REQUIRE(drop_by_drop.feed({&each, 1}) == consumed::state::more);
  CHECK(drop_by_drop.calls.size() == 3);
}

TEST_CASE("response metadata stands in front of the payload") {
  session_under_test server;
  server.extra = {{"a", "1"}, {"b", "22"}};
  server.feed(last.bytes() + last.bytes());
  const auto answers = server.answers();
  REQUIRE(answers.size() == 2);
  for (const frame& each : answers) {
    CHECK(each.metadata == std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "22"}});
    CHECK(each.payload == "ACME");
  }
}

TEST_CASE("a heartbeat comes back as it is, with the response bit") {
  session_under_test server;
  const frame beat{.bits = simulated::heartbeat, .sequence = 9, .metadata = {{"k", "v"}}, .payload = "\xD3\x00\x00\x00\x00\x00\x00\x00\x01"s};
  server.feed(beat.bytes());
  CHECK(server.calls.empty());
  frame expected = beat;
  expected.bits |= simulated::response;
  CHECK(server.out.view() == expected.bytes());
}

TEST_CASE("a one-way request is handed on and never answered, whatever becomes of it") {
  session_under_test server{{.max_message_bytes = 64}};
  for (const frame& each : {frame{.bits = simulated::one_way, .service = "market", .method = "last"},
                            frame{.bits = simulated::one_way | simulated::gzip, .service = "market", .method = "last"},
                            frame{.bits = simulated::one_way, .service = "market", .method = "last", .payload = std::string(100, 'x')}}) {
    CHECK(server.feed(each.bytes()) == consumed::state::more);
  }
  CHECK(server.calls.size() == 1);
  CHECK(server.out.empty());
}

TEST_CASE("a response to a server, which asked for nothing, is dropped") {
  session_under_test server;
  CHECK(server.feed(frame{.bits = simulated::response, .payload = "?"}.bytes() + last.bytes()) == consumed::state::more);
  CHECK(server.calls.size() == 1);
}

TEST_CASE("a compressed request is refused by name, and the next one is served") {
  session_under_test server;
  server.feed(frame{.bits = simulated::gzip, .sequence = 5, .service = "market", .method = "last", .payload = "\x1F\x8B"}.bytes() + last.bytes());
  const auto answers = server.answers();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].bits == (simulated::response | simulated::error));
  CHECK(answers[0].sequence == 5);
  CHECK(answers[0].value_of("__rpcx_error__") == "UNIMPLEMENTED: compressed payloads (gzip) are not supported here; send this call uncompressed");
  CHECK(answers[0].value_of("tenon-code") == "UNIMPLEMENTED");
  CHECK(answers[0].value_of("tenon-not-executed") == "1");
  CHECK(answers[1].payload == "ACME");
}

TEST_CASE("the caller's time is read in milliseconds; what is no number is no deadline") {
  const auto timeout_for = [](std::string text) {
    session_under_test server;
    server.feed(frame{.service = "market", .method = "last", .metadata = {{"__ServerTimeout", std::move(text)}, {"user", "x"}}}.bytes());
    REQUIRE(server.calls.size() == 1);
    CHECK(server.calls[0].metadata == tenon::metadata{{"user", "x"}});
    return server.calls[0].timeout;
  };
  CHECK(timeout_for("250") == tenon::duration{250'000'000});
  CHECK(timeout_for("0") == tenon::duration{0});
  CHECK(timeout_for("-17") == tenon::duration{0});
  CHECK(timeout_for("9223372036854775807")->ns > 0);
  CHECK(timeout_for("") == std::nullopt);
  CHECK(timeout_for("soon") == std::nullopt);
  CHECK(timeout_for("12ms") == std::nullopt);
  CHECK(timeout_for("99999999999999999999") == std::nullopt);
}

TEST_CASE("what cannot be a frame closes the connection, saying what was expected") {
  const auto reason_for = [](std::string bytes) {
    session_under_test server;
    server.feed(last.bytes());
    CHECK(server.feed(bytes) == consumed::state::close);
    CHECK(server.calls.size() == 1);
    return server.reason;
  };
  std::string wrong_magic = last.bytes();
  wrong_magic[0] = 'P';
  CHECK(reason_for(wrong_magic) == "rpcx: expected a frame with magic byte 0x08, found 80");

  CHECK(reason_for(std::string("\x08\x00\x00\x30\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x0F", 16)) == "rpcx: expected a frame of at least 32 bytes, found a total of 31");

  for (const std::size_t block : {16U, 26U, 34U, 38U}) {
    for (const int change : {-1, 1, 100}) {
      std::string bytes = last.bytes();
      bytes[block + 3] = static_cast<char>(bytes[block + 3] + change);
      CHECK(reason_for(bytes) == "rpcx: expected block lengths that add up to the frame's, found others");
    }
    std::string huge = last.bytes();
    huge.replace(block, 4, "\xFF\xFF\xFF\xFF");
    CHECK(reason_for(huge) == "rpcx: expected block lengths that add up to the frame's, found others");
  }

  for (const std::string& pairs : {"x"s, "\x00\x00\x00\x01k"s, "\x00\x00\x00\x01k\x00\x00\x00\x05v"s, "\xFF\xFF\xFF\xFF"s}) {
    const std::string body = simulated::block("market") + simulated::block("last") + simulated::block(pairs) + simulated::block("");
    CHECK(reason_for(last.bytes().substr(0, 12) + simulated::block(body)) == "rpcx: expected metadata pairs that add up to their block, found others");
  }
}

TEST_CASE("a frame above the limit is answered at once, skipped without being kept, and the next one is served") {
  session_under_test server{{.max_message_bytes = 1000, .max_metadata_bytes = 100}};
  const frame large{.sequence = 3, .service = "market", .method = "last", .payload = std::string(50'000, 'x')};
  const std::string bytes = large.bytes();
  server.feed(std::string_view{bytes}.substr(0, 16));
  const auto refused = server.answers();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].sequence == 3);
  CHECK(refused[0].value_of("__rpcx_error__") == "RESOURCE_EXHAUSTED: message of 50042 bytes exceeds the limit of 1000");
  CHECK(server.session.unfinished());
  for (std::size_t at = 16; at < bytes.size(); at += 1000) {
    server.feed(std::string_view{bytes}.substr(at, 1000));
    CHECK(server.unread.empty());
  }
  CHECK(!server.session.unfinished());
  server.feed(last.bytes());
  CHECK(server.calls.size() == 1);
}

TEST_CASE("the limits hold to the byte") {
  session_under_test server{{.max_message_bytes = 1000, .max_metadata_bytes = 100}};
  server.feed(frame{.service = "s", .method = "m", .payload = std::string(1000, 'x')}.bytes());
  CHECK(server.calls.size() == 1);
  server.answers();
  server.feed(frame{.service = "s", .method = "m", .payload = std::string(1001, 'x')}.bytes());
  CHECK(server.calls.size() == 1);
  CHECK(server.answers().at(0).value_of("__rpcx_error__") == "RESOURCE_EXHAUSTED: message of 1001 bytes exceeds the limit of 1000");
  server.feed(frame{.service = "s", .method = "m", .metadata = {{"k", std::string(91, 'v')}}}.bytes());
  CHECK(server.calls.size() == 2);
  server.answers();
  server.feed(frame{.service = "s", .method = "m", .metadata = {{"k", std::string(92, 'v')}}}.bytes());
  CHECK(server.calls.size() == 2);
  CHECK(server.answers().at(0).value_of("__rpcx_error__") == "RESOURCE_EXHAUSTED: metadata of 101 bytes exceeds the limit of 100");
}

TEST_CASE("a sink that is full is given nothing more until it is asked again") {
  session_under_test server;
  server.room = 100;
  CHECK(server.feed(last.bytes() + last.bytes() + last.bytes() + last.bytes() + last.bytes()) == consumed::state::wait);
  CHECK(server.calls.size() == 3);
  server.answers();
  CHECK(server.feed("") == consumed::state::more);
  CHECK(server.calls.size() == 5);
}

TEST_CASE("random bytes neither trouble a session nor make it keep more than one frame") {
  pseudo_random next{2024};
  for (int round = 0; round < 2000; ++round) {
    session_under_test server{{.max_message_bytes = 4096, .max_metadata_bytes = 256}};
    client_under_test client{{.max_message_bytes = 4096, .max_metadata_bytes = 256}};
    std::string bytes = frame{.bits = static_cast<std::uint8_t>(next()), .sequence = next(), .service = "market", .method = "last", .metadata = {{"k", "v"}}, .payload = "ACME"}.bytes();
    bytes += bytes;
    for (std::uint64_t changes = next() % 8; changes > 0; --changes) bytes[next() % bytes.size()] = static_cast<char>(next());
    if (round % 4 == 0) {
      for (char& each : bytes) each = static_cast<char>(next());
      bytes[0] = 8;
    }
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t step = 1 + next() % 40;
      const bool closed = server.feed(std::string_view{bytes}.substr(at, step)) == consumed::state::close;
      if (client.feed(std::string_view{bytes}.substr(at, step)) == consumed::state::close || closed) break;
      at += step;
    }
  }
}

TEST_CASE("a client's request is written as the protocol says, its time rounded up") {
  tenon::buffer out;
  rpcx_client_session client{{}};
  const tenon::metadata extra{{"k", "v"}};
  outgoing call{.id = 11, .service = "market", .method = "last", .codec = serialization::json, .timeout = tenon::duration{1'000'001}, .extra = &extra};
  mark at = client.begin_request(out, call);
  out.append("\"ACME\"");
  client.end_request(out, at);
  call.one_way = true;
  call.timeout.reset();
  call.extra = nullptr;
  at = client.begin_request(out, call);
  client.end_request(out, at);
  const auto written = frames_in(out.view());
  REQUIRE(written.size() == 2);
  CHECK(written[0].bits == simulated::request);
  CHECK(written[0].codec == simulated::json);
  CHECK(written[0].sequence == 11);
  CHECK(written[0].service == "market");
  CHECK(written[0].method == "last");
  CHECK(written[0].metadata == std::vector<std::pair<std::string, std::string>>{{"__ServerTimeout", "2"}, {"k", "v"}});
  CHECK(written[0].payload == "\"ACME\"");
  CHECK(written[1].bits == simulated::one_way);
  CHECK(written[1].metadata.empty());
}

TEST_CASE("a status crosses the wire whole, its flags for policies included") {
  const auto crossed = [](const tenon::status& sent) {
    tenon::buffer out;
    rpcx_session server{{}};
    server.write_error(out, {.id = 1}, sent, {{"detail", "x"}});
    client_under_test client;
    client.feed(out.view());
    REQUIRE(client.errors.size() == 1);
    CHECK(client.metadata[0] == tenon::metadata{{"detail", "x"}});
    return client.errors[0];
  };
  for (std::int64_t number = 1; number < static_cast<std::int64_t>(tenon::code_count); ++number) {
    const tenon::code why = tenon::code_from_number(number);
    CHECK(crossed({why, "some text"}) == tenon::status{why, "some text"});
    CHECK(crossed({why, "with: a colon"}) == tenon::status{why, "with: a colon"});
    CHECK(crossed({why, "NOT_FOUND: inside"}) == tenon::status{why, "NOT_FOUND: inside"});
    CHECK(crossed(why) == tenon::status{why});
  }
  tenon::status flagged{tenon::code::unavailable, "later"};
  flagged.set_pushback(1500).add_flag(tenon::outcome::not_executed);
  CHECK(crossed(flagged) == flagged);
}

TEST_CASE("what a foreign server says in words becomes a code") {
  const auto read = [](std::vector<std::pair<std::string, std::string>> metadata) {
    client_under_test client;
    client.feed(frame{.bits = simulated::response | simulated::error, .metadata = std::move(metadata), .payload = "ignored"}.bytes());
    REQUIRE(client.errors.size() == 1);
    return client.errors[0];
  };
  CHECK(read({{"__rpcx_error__", "rpcx: can't find service Arith"}}).code() == tenon::code::unimplemented);
  CHECK(read({{"__rpcx_error__", "rpcx: can't find service Arith"}}).has(tenon::outcome::not_executed));
  CHECK(read({{"__rpcx_error__", "rpcx: can't find method Div"}}).code() == tenon::code::unimplemented);
  CHECK(read({{"__rpcx_error__", "request reached rate limit"}}).code() == tenon::code::resource_exhausted);
  CHECK(read({{"__rpcx_error__", "http: Server closed"}}).code() == tenon::code::unavailable);
  CHECK(read({{"__rpcx_error__", "division by zero"}}) == tenon::status{tenon::code::unknown, "division by zero"});
  CHECK(read({{"__rpcx_error__", "NOT_FOUND: no ACME"}}) == tenon::status{tenon::code::not_found, "no ACME"});
  CHECK(read({{"__rpcx_error__", "x"}, {"tenon-code", "OK"}}).code() == tenon::code::unknown);
  CHECK(read({{"__rpcx_error__", "x"}, {"tenon-code", "NO_SUCH_CODE"}}).code() == tenon::code::unknown);
  CHECK(read({{"__rpcx_error__", "x"}, {"tenon-pushback-ms", "99999999999"}}).outcome().pushback_ms == 2147483647);
  CHECK(read({{"__rpcx_error__", "x"}, {"tenon-pushback-ms", "-99999999999"}}).outcome().pushback_ms == -1);
  CHECK(read({{"__rpcx_error__", "x"}, {"tenon-pushback-ms", "soon"}}).has(tenon::outcome::pushback) == false);
  // Go's client takes an error without metadata for a success; nobody means that.
  CHECK(read({}) == tenon::status{tenon::code::unknown, "the peer answered with an error and no text"});
}

TEST_CASE("a client passes over pushes and heartbeats, and takes answers in any order") {
  client_under_test client;
  client.feed(frame{.bits = simulated::request | simulated::one_way, .sequence = 1}.bytes() + frame{.bits = simulated::response | simulated::heartbeat, .sequence = 2}.bytes() +
              frame{.bits = simulated::response, .codec = simulated::json, .sequence = 9, .payload = "9"}.bytes() + frame{.bits = simulated::response, .sequence = 4, .payload = "4"}.bytes());
  CHECK(client.ids == std::vector<std::uint64_t>{9, 4});
  CHECK(client.payloads == std::vector<std::string>{"9", "4"});
  CHECK(client.codecs == std::vector{serialization::json, serialization::msgpack});
}

TEST_CASE("a compressed answer fails its call and no other") {
  client_under_test client;
  client.feed(frame{.bits = simulated::response | simulated::gzip, .sequence = 1}.bytes() + frame{.bits = simulated::response, .sequence = 2}.bytes());
  REQUIRE(client.errors.size() == 2);
  CHECK(client.errors[0].code() == tenon::code::internal);
  CHECK(client.errors[1].ok());
}

TEST_CASE("an answer above the client's limit fails its call, is skipped without being kept, and no other call suffers") {
  client_under_test client{{.max_message_bytes = 1000, .max_metadata_bytes = 100}};
  const std::string bytes = frame{.bits = simulated::response, .sequence = 5, .payload = std::string(5000, 'x')}.bytes() + frame{.bits = simulated::response, .sequence = 6}.bytes();
  for (std::size_t at = 0; at < bytes.size(); at += 100) {
    REQUIRE(client.feed(std::string_view{bytes}.substr(at, 100)) == consumed::state::more);
    REQUIRE(client.unread.size() <= 132);
  }
  CHECK(client.ids == std::vector<std::uint64_t>{5, 6});
  CHECK(client.errors[0].to_string() == "RESOURCE_EXHAUSTED: the answer has 5032 bytes; the limit is 1000");
  CHECK(client.errors[1].ok());
}

TEST_CASE("what cannot be an answer closes the client's connection, saying what was expected") {
  const auto reason_for = [](std::string_view bytes) {
    client_under_test client;
    CHECK(client.feed(bytes) == consumed::state::close);
    return client.reason;
  };
  CHECK(reason_for("HTTP/1.1 400 Bad Request") == "rpcx: expected a frame with magic byte 0x08, found 72");
  CHECK(reason_for(std::string("\x08\x00\x80\x30\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00", 16)) == "rpcx: expected an answer of at least 32 bytes, found a total of 16");
  std::string bytes = last.bytes();
  bytes[19] = 100;
  CHECK(reason_for(bytes) == "rpcx: expected block lengths that add up to the frame's, found others");
}
