#include <tenon/protocol/grpc.hpp>
#include <tenon/protocol/grpc_client.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/core/buffer.hpp>

using namespace tenon::protocol;
using tenon::buffer;

namespace {

// Takes the server's requests; answers at once, or later when told.
struct service_under_test {
  explicit service_under_test(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    paths.push_back(std::string{call.service} + "|" + std::string{call.method});
    payloads.emplace_back(call.payload);
    timeouts.push_back(call.timeout ? call.timeout->ns : -1);
    tenon::metadata read;
    if (call.read_metadata != nullptr) call.read_metadata(call.metadata_block, read);
    metadata.push_back(std::move(read));
    if (later) {
      waiting.push_back(call.address);
      return false;
    }
    answer(call.address, call.payload);
    return true;
  }
  void answer(const reply_address& to, std::string_view payload) {
    if (!refusal.ok()) return session.write_error(out, to, refusal, response);
    const mark at = session.begin_reply(out, to);
    out.append(payload);
    session.end_reply(out, at, to, response);
  }
  bool full() const { return is_full; }
  void on_cancel(std::uint64_t id) { cancelled.push_back(id); }

  grpc_session session;
  buffer out;
  bool later = false;
  bool is_full = false;
  tenon::status refusal;
  tenon::metadata response;
  std::vector<std::string> paths;
  std::vector<std::string> payloads;
  std::vector<std::int64_t> timeouts;
  std::vector<tenon::metadata> metadata;
  std::vector<reply_address> waiting;
  std::vector<std::uint64_t> cancelled;
};

struct caller_under_test : reply_sink {
  explicit caller_under_test(tenon::limits bounds = {}) : session{bounds, "localhost"} {}

  void call(std::uint64_t id, std::string_view payload, const tenon::metadata* extra = nullptr, std::optional<tenon::duration> timeout = {}) {
    const outgoing head{.id = id, .service = "shop.v1.Shop", .method = "Buy", .codec = serialization::protobuf, .one_way = false, .timeout = timeout, .extra = extra};
    const mark at = session.begin_request(out, head);
    out.append(payload);
    session.end_request(out, at);
  }
  void on_reply(const reply& answer) override {
    ids.push_back(answer.id);
    payloads.emplace_back(answer.payload);
    errors.push_back(answer.error);
    tenon::metadata read;
    if (answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, read);
    metadata.push_back(std::move(read));
  }

  grpc_client_session session;
  buffer out;
  std::vector<std::uint64_t> ids;
  std::vector<std::string> payloads;
  std::vector<tenon::status> errors;
  std::vector<tenon::metadata> metadata;
};

// Moves bytes both ways, `step` at a time, until both are silent.
consumed::state exchange(caller_under_test& caller, service_under_test& served, std::size_t step = 1'000'000) {
  std::string to_server;
  std::string to_client;
  for (int round = 0; round < 100'000; ++round) {
    to_server.append(caller.out.view());
    caller.out.clear();
    to_client.append(served.out.view());
    served.out.clear();
    if (to_server.empty() && to_client.empty()) return consumed::state::more;
    if (!to_server.empty()) {
      const std::string piece = to_server.substr(0, step);
      const consumed done = served.session.consume(piece, served, served.out);
      to_server.erase(0, done.bytes);
      if (done.next == consumed::state::close) return done.next;
    }
    if (!to_client.empty()) {
      const std::string piece = to_client.substr(0, step);
      const consumed done = caller.session.consume(piece, caller, caller.out);
      to_client.erase(0, done.bytes);
      if (done.next == consumed::state::close) return done.next;
    }
  }
  return consumed::state::wait;
}

}  // namespace

TEST_CASE("a call goes over and its answer comes back, however the bytes are cut") {
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{100}, std::size_t{1'000'000}}) {
    CAPTURE(step);
    service_under_test served;
    caller_under_test caller;
    caller.call(7, "hello");
    CHECK(exchange(caller, served, step) == consumed::state::more);
    REQUIRE(served.paths == std::vector<std::string>{"shop.v1.Shop|Buy"});
    CHECK(served.payloads[0] == "hello");
    CHECK(served.timeouts[0] == -1);
    REQUIRE(caller.ids == std::vector<std::uint64_t>{7});
    CHECK(caller.payloads[0] == "hello");
    CHECK(caller.errors[0].ok());
    CHECK_FALSE(served.session.unfinished());
  }
}

TEST_CASE("calls under way together are answered in any order") {
  service_under_test served;
  caller_under_test caller;
  served.later = true;
  for (std::uint64_t id = 0; id < 100; ++id) caller.call(id, "call " + std::to_string(id));
  exchange(caller, served);
  REQUIRE(served.waiting.size() == 100);
  for (std::size_t i = 100; i-- > 0;) served.answer(served.waiting[i], served.payloads[i]);
  exchange(caller, served);
  REQUIRE(caller.ids.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(caller.payloads[i] == "call " + std::to_string(caller.ids[i]));
}

TEST_CASE("messages above every window arrive whole") {
  service_under_test served;
  caller_under_test caller;
  std::string large(3'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<char>('a' + i / 4096 % 26);
  caller.call(1, large);
  caller.call(2, "");
  exchange(caller, served);
  REQUIRE(caller.ids.size() == 2);
  CHECK(caller.payloads[0].size() + caller.payloads[1].size() == large.size());
  CHECK((caller.payloads[0] == large || caller.payloads[1] == large));
}

TEST_CASE("deadlines and metadata travel both ways, binary values included") {
  service_under_test served;
  caller_under_test caller;
  const std::string bytes{"\x00\xff\x01,\n", 5};
  const tenon::metadata extra{{"Trace-Id", "abc"}, {"token-bin", bytes}, {"grpc-hidden", "no"}, {"bad name", "no"}, {"control", "a\nb"}};
  served.response = {{"served-by", "me"}, {"state-bin", bytes}};
  caller.call(1, "x", &extra, std::chrono::milliseconds{250});
  exchange(caller, served);
  REQUIRE(served.metadata.size() == 1);
  CHECK(served.timeouts[0] == 250'000'000);
  CHECK(served.metadata[0] == tenon::metadata{{"trace-id", "abc"}, {"token-bin", bytes}});
  REQUIRE(caller.metadata.size() == 1);
  CHECK(caller.metadata[0] == tenon::metadata{{"served-by", "me"}, {"state-bin", bytes}});
}

TEST_CASE("an error keeps its code, its text, its pushback and its details") {
  service_under_test served;
  caller_under_test caller;
  served.refusal = tenon::status{tenon::code::resource_exhausted, "100 % of the ducks: f\xc3\xbcr"};
  served.refusal.set_pushback(1500).add_detail({"shop.v1.Quota", "bytes\x01"});
  caller.call(1, "x");
  exchange(caller, served);
  REQUIRE(caller.errors.size() == 1);
  CHECK(caller.errors[0].code() == tenon::code::resource_exhausted);
  CHECK(caller.errors[0].message() == "100 % of the ducks: f\xc3\xbcr");
  CHECK(caller.errors[0].outcome().pushback_ms == 1500);
  REQUIRE(caller.errors[0].details().size() == 1);
  CHECK(caller.errors[0].details()[0] == tenon::status_detail{"shop.v1.Quota", "bytes\x01"});
}

TEST_CASE("a message above the limit is refused on either side, and the connection goes on") {
  tenon::limits small;
  small.max_message_bytes = 1000;
  {
    service_under_test served{small};
    caller_under_test caller;
    caller.call(1, std::string(200'000, 'x'));
    caller.call(2, "fits");
    exchange(caller, served);
    REQUIRE(caller.ids.size() == 2);
    const std::size_t refused = caller.ids[0] == 1 ? 0 : 1;
    CHECK(caller.errors[refused].code() == tenon::code::resource_exhausted);
    CHECK(caller.payloads[1 - refused] == "fits");
    CHECK(served.paths.size() == 1);
  }
  {
    service_under_test served;
    caller_under_test caller{small};
    caller.call(1, std::string(200'000, 'x'));
    caller.call(2, "fits");
    exchange(caller, served);
    REQUIRE(caller.ids.size() == 2);
    const std::size_t refused = caller.ids[0] == 1 ? 0 : 1;
    CHECK(caller.errors[refused].code() == tenon::code::resource_exhausted);
    CHECK(caller.errors[refused].has(tenon::outcome::no_retry));
    CHECK(caller.payloads[1 - refused] == "fits");
  }
}

TEST_CASE("metadata above the limit is refused with the reason") {
  tenon::limits small;
  small.max_metadata_bytes = 1000;
  service_under_test served{small};
  caller_under_test caller;
  const tenon::metadata much{{"much", std::string(1000, 'x')}};
  caller.call(1, "x", &much);
  exchange(caller, served);
  REQUIRE(caller.errors.size() == 1);
  CHECK(caller.errors[0].to_string() == "RESOURCE_EXHAUSTED: the headers exceed 1000 bytes");
  CHECK(served.paths.empty());
}

TEST_CASE("a session that is not HTTP/2 is told apart by its first bytes") {
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (std::size_t size = 0; size < preface.size(); ++size) CHECK(grpc_session::recognise(preface.substr(0, size)) == sniffed::need_more);
  CHECK(grpc_session::recognise(preface) == sniffed::yes);
  CHECK(grpc_session::recognise("POST / HTTP/1.1") == sniffed::no);
  CHECK(grpc_session::recognise("PRI * HTTP/1.1") == sniffed::no);
}

TEST_CASE("bytes that are no HTTP/2 close the connection with a reason") {
  service_under_test served;
  const std::string junk = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(100, '\xff');
  const consumed done = served.session.consume(junk, served, served.out);
  const bool ended = done.next == consumed::state::close || served.session.closing();
  CHECK(ended);
  CHECK(served.paths.empty());
}

TEST_CASE("timeouts are written in the finest unit that fits eight digits, rounded up") {
  using namespace tenon::protocol::detail;
  grpc_timeout_text text;
  const auto written = [&text](std::int64_t ns) { return std::string{write_grpc_timeout(text, tenon::duration{ns})}; };
  CHECK(written(-5) == "0n");
  CHECK(written(1) == "1n");
  CHECK(written(99'999'999) == "99999999n");
  CHECK(written(100'000'000) == "100000u");
  CHECK(written(99'999'999'001) == "100000m");
  CHECK(written(1'000'000'000'000'000'000) == "16666667M");
  CHECK(parse_grpc_timeout("250m") == tenon::duration{250'000'000});
  CHECK(parse_grpc_timeout("99999999H").has_value());
  CHECK_FALSE(parse_grpc_timeout("").has_value());
  CHECK_FALSE(parse_grpc_timeout("m").has_value());
  CHECK_FALSE(parse_grpc_timeout("123456789m").has_value());
  CHECK_FALSE(parse_grpc_timeout("12x").has_value());
  CHECK_FALSE(parse_grpc_timeout("-1m").has_value());
  CHECK(percent_decoded("100%25 %zz%4") == "100% %zz%4");
}
