#include <tenon/net/endpoint.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using tenon::endpoint;

namespace {

struct good {
  std::string_view url;
  std::string_view host;
  int port;
  std::string_view again;
};
struct bad {
  std::string_view url;
  std::string_view expected;
};

}  // namespace

TEST_CASE("an address is taken apart and put together again") {
  for (const good& each : {
           good{"tcp://127.0.0.1:9000", "127.0.0.1", 9000, "tcp://127.0.0.1:9000"},
           good{"tcp://localhost:0", "localhost", 0, "tcp://localhost:0"},
           good{"tcp://market.example:65535/", "market.example", 65535, "tcp://market.example:65535"},
           good{"tcp://:80", "", 80, "tcp://:80"},
           good{"tcp://[::1]:80", "::1", 80, "tcp://[::1]:80"},
           good{"tcp://[fe80::1%eth0]:80", "fe80::1%eth0", 80, "tcp://[fe80::1%eth0]:80"},
           good{"rpcx://10.0.0.1:8972", "10.0.0.1", 8972, "tcp://10.0.0.1:8972"},
           good{"jsonrpc://localhost:1", "localhost", 1, "jsonrpc+tcp://localhost:1"},
           good{"jsonrpc+lsp://[::1]:1", "::1", 1, "jsonrpc+lsp+tcp://[::1]:1"},
           good{"msgpackrpc+tcp://localhost:1", "localhost", 1, "msgpackrpc+tcp://localhost:1"},
           good{"http://localhost:8080", "localhost", 8080, "http+tcp://localhost:8080"},
           good{"ws://localhost:9000/rpc?x=1", "localhost", 9000, "ws+tcp://localhost:9000/rpc?x=1"},
           good{"ws://shop.example", "shop.example", 80, "ws+tcp://shop.example:80"},
           good{"ws://[::1]/", "::1", 80, "ws+tcp://[::1]:80/"},
           good{"ws://[::1]:81?x:y", "::1", 81, "ws+tcp://[::1]:81/?x:y"},
       }) {
    CAPTURE(each.url);
    const tenon::result<endpoint> parsed = endpoint::parse(each.url);
    REQUIRE(parsed.has_value());
    CHECK_FALSE(parsed->is_local());
    CHECK(parsed->host() == each.host);
    CHECK(parsed->port() == each.port);
    CHECK(parsed->url() == each.again);
    CHECK(*endpoint::parse(parsed->url()) == *parsed);
  }
  CHECK(endpoint::tcp("::1", 80).url() == "tcp://[::1]:80");
}

TEST_CASE("a local address is a path, or a name behind an @") {
  for (const std::string_view path : {"/tmp/market.sock", "relative.sock", "@market"}) {
    const tenon::result<endpoint> parsed = endpoint::parse("unix://" + std::string{path});
    REQUIRE(parsed.has_value());
    CHECK(parsed->is_local());
    CHECK(parsed->path() == path);
    CHECK(*endpoint::parse(parsed->url()) == *parsed);
    CHECK(*parsed == endpoint::local(std::string{path}));
  }
  const tenon::result<endpoint> spoken = endpoint::parse("msgpackrpc+unix:///tmp/editor.sock");
  REQUIRE(spoken.has_value());
  CHECK(spoken->protocol() == "msgpackrpc");
  CHECK(spoken->path() == "/tmp/editor.sock");
  CHECK(*endpoint::parse(spoken->url()) == *spoken);
  CHECK(endpoint::parse("unix:///" + std::string(106, 'x')).has_value());
  CHECK(endpoint::parse("unix:///" + std::string(107, 'x')) == tenon::code::invalid_argument);
}

TEST_CASE("what is no address is refused, and the message says what was expected") {
  for (const bad& each : {
           bad{"", "expected tcp://host:port or unix:///path"},
           bad{"127.0.0.1:80", "expected tcp://host:port or unix:///path"},
           bad{"https://a:80", "one of the schemes"},
           bad{"://a:80", "one of the schemes"},
           bad{"wss://a:80", "one of the schemes"},
           bad{"ws://a:80/a b", "a path and query"},
           bad{"ws://a:80/#top", "a path and query"},
           bad{"ws://a:x/", "a port from 0 to 65535"},
           bad{"ws://::1/", "in brackets"},
           bad{"jsonrpcx://a:80", "one of the schemes"},
           bad{"jsonrpc+rpcx://a:80", "one of the schemes"},
           bad{"msgpackrpc+://a:80", "one of the schemes"},
           bad{"unix://", "a path after unix://"},
           bad{"tcp://", "a port after the host"},
           bad{"tcp://host", "a port after the host"},
           bad{"tcp://[::1]", "a port after the host"},
           bad{"tcp://::1:80", "in brackets"},
           bad{"tcp://[]:80", "in brackets"},
           bad{"tcp://[host]:80", "in brackets"},
           bad{"tcp://[::1:80", "in brackets"},
           bad{"tcp://a]:80", "a host name"},
           bad{"tcp://me@host:80", "a host name"},
           bad{"tcp://host/path:80", "a host name"},
           bad{"tcp://host:", "a port from 0 to 65535"},
           bad{"tcp://host:65536", "a port from 0 to 65535"},
           bad{"tcp://host:-1", "a port from 0 to 65535"},
           bad{"tcp://host:+1", "a port from 0 to 65535"},
           bad{"tcp://host: 1", "a port from 0 to 65535"},
           bad{"tcp://host:80x", "a port from 0 to 65535"},
           bad{"tcp://host:80/path", "a port from 0 to 65535"},
           bad{"tcp://host:99999999999999999999", "a port from 0 to 65535"},
       }) {
    CAPTURE(each.url);
    const tenon::result<endpoint> parsed = endpoint::parse(each.url);
    REQUIRE(parsed == tenon::code::invalid_argument);
    CHECK(parsed.error().message().find(each.expected) != std::string::npos);
    CHECK(parsed.error().message().find(std::string{"\""}.append(each.url).append("\"")) != std::string::npos);
  }
}
