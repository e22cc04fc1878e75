#include <tenon/server/every_protocol.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>
#include <tenon/protocol/client_sessions.hpp>
#include <tenon/reflect/service.hpp>

namespace {

struct item {
  std::string name;
  std::vector<int> sizes;
  bool operator==(const item&) const = default;
};

struct store {
  int notes = 0;

  std::string version() { return "1"; }
  int total(std::vector<int> numbers) {
    int sum = 0;
    for (const int each : numbers) sum += each;
    return sum;
  }
  item keep(item what) { return what; }
  int subtract(int minuend, int subtrahend) { return minuend - subtrahend; }
  tenon::task<std::string> later(std::string text) { co_return text + " later"; }
  tenon::result<item> find(std::string name) { return tenon::status{tenon::code::not_found, "no " + name}; }
  void note(std::string) { ++notes; }
  int noted() { return notes; }
  std::string trace(tenon::context& call) {
    call.response_metadata().add("seen", "yes");
    return std::string{call.request_metadata().get("trace").value_or("none")} + (call.has_deadline() ? " in time" : "");
  }
  TENON_SERVICE(store, version, total, keep, (subtract, tenon::params("minuend", "subtrahend")), later, find, note, noted, trace)
};

// Every kind of arguments and answers, as a client of this URL and codec sees them.
template <class Codec>
void call_everything(const std::string& url, tenon::client_options options, bool carries_metadata) {
  CAPTURE(url);
  const tenon::client<store, Codec> client{url, options};
  CHECK(client.version().get().value() == "1");
  CHECK(client.total({1, 2, 4}).get().value() == 7);
  CHECK(client.total({5}).get().value() == 5);
  CHECK(client.total({}).get().value() == 0);
  CHECK(client.keep({"box", {1, 2}}).get().value() == item{"box", {1, 2}});
  CHECK(client.subtract(42, 23).get().value() == 19);
  CHECK(client.later("sooner or").get().value() == "sooner or later");
  const tenon::result<item> missing = client.find("bolt").get();
  CHECK(missing.error().to_string() == "NOT_FOUND: no bolt");

  std::vector<tenon::call<int>> many;
  for (int i = 0; i < 200; ++i) many.push_back(client.subtract(i, 1));
  for (int i = 0; i < 200; ++i) REQUIRE(many[static_cast<std::size_t>(i)].get().value() == i - 1);

  const int before = client.noted().get().value();
  (void)client.with({.one_way = true}).note("x").get();
  CHECK(client.noted().get().value() == before + 1);

  tenon::metadata answered;
  const auto traced = client.with({.timeout = std::chrono::seconds{20}, .metadata = {{"trace", "abc"}}, .response_metadata = &answered}).trace().get();
  CHECK(traced.value() == (carries_metadata ? "abc in time" : "none"));
  CHECK(answered.contains("seen") == carries_metadata);
}

}  // namespace

TEST_CASE("one port serves clients of every protocol, and they all see the same service") {
  tenon::server<tenon::every_protocol> server;
  server.serve(store{});
  const auto bound = server.listen("tcp://127.0.0.1:0");
  REQUIRE(bound);
  REQUIRE(server.start().ok());
  const std::string address = "127.0.0.1:" + std::to_string(bound.port());
  const tenon::client_options all{.sessions = tenon::protocol::make_client_session};
  call_everything<tenon::codec::msgpack>("tcp://" + address, {}, true);
  call_everything<tenon::codec::json>("rpcx://" + address, all, true);
  call_everything<tenon::codec::json>("jsonrpc+tcp://" + address, all, true);
  call_everything<tenon::codec::json>("jsonrpc+lsp+tcp://" + address, all, true);
  call_everything<tenon::codec::msgpack>("msgpackrpc://" + address, all, false);
  server.stop();
}

TEST_CASE("first bytes belong to one protocol at most, cut anywhere, mixed or random") {
  using namespace std::string_literals;
  using tenon::protocol::sniffed;
  const auto ask = [](std::string_view first) {
    return std::vector<sniffed>{tenon::protocol::rpcx_session::recognise(first), tenon::protocol::http1_session::recognise(first), tenon::protocol::jsonrpc_session::recognise(first),
                                tenon::protocol::msgpack_rpc_session::recognise(first)};
  };
  const auto yeses = [&ask](std::string_view first) {
    const std::vector<sniffed> told = ask(first);
    return std::count(told.begin(), told.end(), sniffed::yes);
  };
  const std::vector<std::pair<std::size_t, std::string>> beginnings{
      {0, "\x08\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x2A"s}, {1, "POST /store/find HTTP/1.1\r\n"}, {1, "CONNECT a:1 HTTP/1.1\r\n"}, {1, "GET / HTTP/1.1\r\n"},
      {2, "{\"jsonrpc\":\"2.0\"}"},  {2, " \r\n\t[{}]"}, {2, "Content-Length: 12\r\n\r\n{}"}, {2, "content-type: x\r\n"},
      {3, "\x94\x00\x01\xA1x\x90"s}, {3, "\x93\x02\xA1x\x90"s}, {3, "\xDC\x00\x04\x00\x01"s}, {3, "\xDD\x00\x00\x00\x03\x02"s}};
  for (const auto& [whose, bytes] : beginnings) {
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const std::vector<sniffed> told = ask(std::string_view{bytes}.substr(0, cut));
      for (std::size_t each = 0; each < told.size(); ++each) {
        if (each == whose) REQUIRE(told[each] != sniffed::no);
        else REQUIRE(told[each] != sniffed::yes);
      }
    }
    REQUIRE(ask(bytes)[whose] == sniffed::yes);
    for (const auto& [other, more] : beginnings) {
      for (std::size_t cut = 0; cut <= bytes.size(); ++cut) REQUIRE(yeses(bytes.substr(0, cut) + more) <= 1);
    }
  }
  std::uint64_t state = 5;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes;
    for (int i = 0; i < 6; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      bytes.push_back(static_cast<char>(state >> 56));
    }
    REQUIRE(yeses(bytes) <= 1);
  }
}

TEST_CASE("a client that cannot speak its URL's protocol says what to write instead") {
  const tenon::client_options all{.sessions = tenon::protocol::make_client_session};
  CHECK(tenon::client<store>{"jsonrpc+tcp://localhost:1", all}.version().get().error().to_string() ==
        "INVALID_ARGUMENT: store.version: address \"jsonrpc+tcp://localhost:1\": JSON-RPC carries json only; write tenon::client<service, tenon::codec::json>");
  CHECK(tenon::client<store>{"msgpackrpc://localhost:1"}.version().get().error().message().ends_with(".sessions = tenon::protocol::make_client_session"));
}
