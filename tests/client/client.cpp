#include <tenon/client/client.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include <client/shop.hpp>
#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::shop_client;

namespace {

tenon::status error_of(std::string_view url, tenon::client_options options = {}) {
  shop_client client{url, options};
  const auto got = client.price("bread").get();
  REQUIRE(!got);
  return got.error();
}

// A port that nobody listens on: one was given out, and given back.
std::string port_of_nobody() {
  asio::io_context io;
  asio::ip::tcp::acceptor door{io, {asio::ip::address_v4::loopback(), 0}};
  return std::to_string(door.local_endpoint().port());
}

}  // namespace

TEST_CASE("a URL that cannot be read fails every call, saying what was expected") {
  for (const auto& [url, expected] : std::vector<std::pair<std::string, std::string>>{{"", "tcp://host:port or unix:///path"},
                                                                                      {"localhost:9000", "tcp://host:port or unix:///path"},
                                                                                      {"ftp://localhost:9000", "one of the schemes tcp, rpcx, unix, jsonrpc, msgpackrpc, grpc, http, ws"},
                                                                                      {"tcp://localhost", "a port after the host, tcp://host:port"},
                                                                                      {"tcp://localhost:99999", "a port from 0 to 65535"},
                                                                                      {"unix://", "a path after unix://"}}) {
    const tenon::status error = error_of(url);
    CHECK(error.to_string() == "INVALID_ARGUMENT: shop.price: address \"" + url + "\": expected " + expected);
    CHECK(error.has(tenon::outcome::local));
    CHECK(error.has(tenon::outcome::not_executed));
    CHECK(error.has(tenon::outcome::no_retry));
  }
}

TEST_CASE("a port that nobody listens on, and a socket that is not there, are unavailable") {
  const std::string url = "tcp://127.0.0.1:" + port_of_nobody();
  const tenon::status refused = error_of(url);
  CHECK(refused.to_string() == "UNAVAILABLE: shop.price: connect " + url + ": Connection refused");
  CHECK(refused.has(tenon::outcome::not_executed));
  CHECK(!refused.has(tenon::outcome::no_retry));
  CHECK(error_of("unix:///nowhere/at/all").to_string() == "UNAVAILABLE: shop.price: connect unix:///nowhere/at/all: No such file or directory");
}

TEST_CASE("calls over tcp, by number and by name, and over local sockets") {
  simulated::desk_records records;
  tenon::server server;
  server.serve(simulated::desk{&records});
  std::vector<std::string> urls{server.listen("tcp://127.0.0.1:0").url()};
  urls.push_back("rpcx" + urls[0].substr(3));
  urls.push_back("tcp://localhost" + urls[0].substr(urls[0].rfind(':')));
  urls.push_back(server.listen("unix://@tenon-test-" + std::to_string(::getpid())).url());
  REQUIRE(server.start().ok());
  for (const std::string& url : urls) {
    tenon::client<simulated::desk> client{url};
    CHECK(client.add(1, 2).get().value_or(0) == 3);
    const std::string large(1'000'000, 'x');
    CHECK(client.echo(large).get().value_or("") == large);
    CHECK(client.fail("out of paper").get().error().to_string() == "UNKNOWN: desk.fail: out of paper");
    CHECK(client.echo(std::string(5'000'000, 'x')).get().error().to_string().starts_with("RESOURCE_EXHAUSTED: message of 5000"));
    CHECK(client.large(5'000'000).get().error().to_string().starts_with("RESOURCE_EXHAUSTED: the answer has 5000"));
    CHECK(client.add(1, 2).get().value_or(0) == 3);
  }
}

TEST_CASE("a client finds its server again after it was away") {
  simulated::desk_records records;
  std::optional<tenon::server<>> server{std::in_place};
  server->serve(simulated::desk{&records});
  const std::string url = server->listen("tcp://127.0.0.1:0").url();
  server->start();
  tenon::client<simulated::desk> client{url};
  CHECK(client.add(1, 2).get().value_or(0) == 3);
  server.reset();
  CHECK(client.add(1, 2).get().error().code() == tenon::code::unavailable);
  server.emplace();
  server->serve(simulated::desk{&records});
  REQUIRE(server->listen(url));
  server->start();
  // The attempt that failed has put off the next one by a moment.
  CHECK(client.with({.timeout = 10_s, .wait_for_ready = true}).add(1, 2).get().value_or(0) == 3);
}

TEST_CASE("bad bytes on a real socket end that connection and no other") {
  simulated::desk_records records;
  tenon::server server;
  server.serve(simulated::desk{&records});
  const tenon::bound where = server.listen("tcp://127.0.0.1:0");
  server.start();
  tenon::client<simulated::desk> good{where.url()};
  CHECK(good.add(1, 2).get().value_or(0) == 3);
  for (const std::string& bytes : {std::string("\x01\x02"), std::string("\x08\x00\x00\x30\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x01", 16), simulated::call_of(1, "echo", "a").bytes() + "nonsense",
                                   std::string("POST / HTTP/1.1\nbare")}) {
    asio::io_context io;
    asio::ip::tcp::socket bad{io};
    bad.connect({asio::ip::address_v4::loopback(), where.port()});
    asio::write(bad, asio::buffer(bytes));
    // The server ends its side, having said what it had to say; then this side does.
    std::string heard;
    asio::error_code error;
    asio::read(bad, asio::dynamic_buffer(heard), error);
    CHECK(error == asio::error::eof);
    CHECK(heard.empty() == (bytes.size() == 2 || bytes.size() == 16));
    CHECK(good.add(1, 2).get().value_or(0) == 3);
  }
}
