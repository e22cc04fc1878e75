#include <tenon/zlib.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/protocol/client_sessions.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

using tenon::buffer;

namespace compressing_clients {

struct mirror {
  std::string echo(std::string text) { return text; }
  std::string many(int count) { return std::string(static_cast<std::size_t>(count), 'm'); }
  TENON_SERVICE(mirror, echo, many)
};
using mirror_client = tenon::client<mirror, tenon::codec::json>;

tenon::client_options options_of(const tenon::limits& bounds, const tenon::protocol::compression* how, bool http) {
  return {.limits = bounds, .compression = how, .compress_from_bytes = 100, .sessions = http ? &tenon::protocol::make_client_session : nullptr};
}
std::string said(const tenon::result<std::string>& heard) { return heard ? *heard : heard.error().to_string(); }

// Counts what passes: how much of it was compressed.
class counted final : public tenon::protocol::compression {
 public:
  std::string_view name() const noexcept override { return "gzip"; }
  void deflate(std::string_view from, buffer& into) const override {
    ++deflated;
    tenon::gzip.deflate(from, into);
  }
  tenon::status inflate(std::string_view from, std::size_t limit, buffer& into) const override {
    ++inflated;
    return tenon::gzip.inflate(from, limit, into);
  }
  mutable int deflated = 0;
  mutable int inflated = 0;
};

struct place {
  explicit place(const tenon::protocol::compression* how, tenon::limits bounds = {}) : server{{.limits = bounds, .compression = how}} {
    server.serve(mirror{});
    rpcx = server.listen("tcp://127.0.0.1:0").url();
    http = "http" + rpcx.substr(3);
    server.start();
  }
  ~place() { server.stop(); }
  tenon::server<tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::web_session>> server;
  std::string rpcx;
  std::string http;
};

// One frame or one answer, as a server would send it, and what a session makes of it.
struct listener : tenon::protocol::reply_sink {
  void on_reply(const tenon::protocol::reply& answer) override {
    payload = answer.payload;
    error = answer.error;
    ++answers;
  }
  std::string payload;
  tenon::status error;
  int answers = 0;
};
std::string gzipped(std::string_view text) {
  buffer out;
  tenon::gzip.deflate(text, out);
  return std::string{out.view()};
}

}  // namespace compressing_clients

using namespace compressing_clients;

TEST_CASE("a client's requests leave compressed from its threshold on, and answers are read so, over rpcx and HTTP") {
  for (const bool http : {false, true}) {
    CAPTURE(http);
    const counted there;
    const counted here;
    place world{&there};
    const std::string large(20'000, 'x');
    mirror_client client{http ? world.http : world.rpcx, options_of({}, &here, http)};
    CHECK(said(client.echo(large).get()) == large);
    CHECK(here.deflated == 1);
    CHECK(there.inflated == 1);
    CHECK(there.deflated == 1);
    CHECK(here.inflated == 1);
    // Below the threshold nothing is tried.
    CHECK(said(client.echo(std::string(50, 'x')).get()) == std::string(50, 'x'));
    CHECK(here.deflated == 1);
    CHECK(there.inflated == 1);
    // HTTP's answers are compressed for who takes it; rpcx's for who has done so.
    CHECK(said(client.many(5000).get()) == std::string(5000, 'm'));
    CHECK(there.deflated == (http ? 2 : 1));
    CHECK(here.inflated == there.deflated);
    // What would not become smaller leaves as it is.
    std::string noise;
    for (std::uint32_t i = 1, x = 1; i < 2000; ++i) noise.push_back(static_cast<char>('!' + (x = x * 1664525U + 1013904223U) % 90));
    mirror_client plain{http ? world.http : world.rpcx, options_of({}, nullptr, http)};
    CHECK(said(plain.echo(large).get()) == large);
    CHECK(there.inflated == 1);
    CHECK(said(client.echo(noise).get()) == noise);
  }
}

TEST_CASE("a server without compression refuses a compressed request with a reason") {
  place world{nullptr};
  mirror_client rpcx{world.rpcx, options_of({}, &tenon::gzip, false)};
  CHECK(said(rpcx.echo(std::string(5000, 'x')).get()) == "UNIMPLEMENTED: compressed payloads (gzip) are not supported here; send this call uncompressed");
  CHECK(said(rpcx.echo("small").get()) == "small");
  mirror_client http{world.http, options_of({}, &tenon::gzip, true)};
  CHECK(said(http.echo(std::string(5000, 'x')).get()) == "UNIMPLEMENTED: content encoding \"gzip\" is not read here; expected identity");
  CHECK(said(http.echo("small").get()) == "small");
}

TEST_CASE("an answer counts by what it inflates to") {
  place world{&tenon::gzip};
  for (const bool http : {false, true}) {
    CAPTURE(http);
    mirror_client client{http ? world.http : world.rpcx, options_of({.max_message_bytes = 5000}, &tenon::gzip, http)};
    const auto heard = client.echo(std::string(5500, 'x')).get();
    REQUIRE(!heard);
    CHECK(heard.error().code() == tenon::code::resource_exhausted);
    CHECK(heard.error().has(tenon::outcome::no_retry));
    CHECK(said(client.echo("small").get()) == "small");
  }
}

TEST_CASE("a compressed answer over HTTP that cannot be read fails its call, and a compressed error is an error") {
  using namespace tenon::protocol;
  const auto heard = [](std::string_view head, const std::string& body, bool asks = true) {
    http1_client_session session{{}, "h"};
    if (asks) session.use(tenon::gzip, 1025);
    buffer out;
    listener told;
    const mark at = session.begin_request(out, {.id = 1, .service = "mirror", .method = "echo", .codec = serialization::json});
    out.append("\"x\"");
    session.end_request(out, at);
    CHECK((out.view().find("Accept-Encoding: gzip\r\n") != std::string_view::npos) == asks);
    CHECK(out.view().find("Content-Encoding") == std::string_view::npos);
    const std::string bytes = "HTTP/1.1 " + std::string{head} + "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    session.consume(bytes, told, out);
    CHECK(told.answers == 1);
    return told.error.ok() ? told.payload : told.error.to_string();
  };
  const std::string value = gzipped("\"yes\"");
  CHECK(heard("200 OK\r\nContent-Encoding: gzip\r\n", value) == "\"yes\"");
  CHECK(heard("200 OK\r\nContent-Encoding: gzip\r\n", value, false) == "INTERNAL: the answer is compressed, which this client did not ask for");
  CHECK(heard("200 OK\r\nContent-Encoding: br\r\n", value) == "INTERNAL: the answer is compressed in a way that this client did not ask for; expected gzip");
  CHECK(heard("200 OK\r\nContent-Encoding: gzip\r\n", "no gzip") == "INTERNAL: the answer cannot be read: gzip: the message is not gzip, or damaged");
  CHECK(heard("404 Not Found\r\nContent-Encoding: gzip\r\n", gzipped(R"({"code":"not_found","message":"no duck"})")) == "NOT_FOUND: no duck");
  CHECK(heard("404 Not Found\r\nContent-Encoding: gzip\r\n", "no gzip").starts_with("UNIMPLEMENTED"));
}

TEST_CASE("a compressed answer over rpcx that cannot be read fails its call") {
  using namespace tenon::protocol;
  const auto heard = [](unsigned char bits, const std::string& body, bool asks = true) {
    rpcx_client_session session{{}};
    if (asks) session.use(tenon::gzip, 1025);
    buffer out;
    listener told;
    mark at = rpcx::begin_frame(out, rpcx::response_bit, serialization::json, 1);
    std::memset(out.extend(12), 0, 12);
    rpcx::begin_payload(out, at);
    out.append(body);
    rpcx::end_frame(out, at);
    out.data()[2] = static_cast<char>(static_cast<unsigned char>(out.data()[2]) | bits);
    const std::string bytes{out.view()};
    session.consume(bytes, told, out);
    CHECK(told.answers == 1);
    return told.error.ok() ? told.payload : told.error.to_string();
  };
  const std::string value = gzipped("\"yes\"");
  CHECK(heard(rpcx::gzip_bits, value) == "\"yes\"");
  CHECK(heard(rpcx::gzip_bits, value, false) == "INTERNAL: the answer is compressed (gzip), which this client did not ask for");
  CHECK(heard(0x08, value) == "INTERNAL: the answer is compressed in a way that rpcx does not name; expected gzip");
  CHECK(heard(rpcx::gzip_bits, "no gzip") == "INTERNAL: the answer cannot be read: gzip: the message is not gzip, or damaged");
}
