// All clients of one port at once: tenon's of every protocol and foreign ones, call after call, for as long as TENON_EVERY_SECONDS says (5). No call may fail, and none may be answered with
// another's answer. Worth most in a build with sanitizers.
#include <tenon/gffg.hpp>
#include <tenon/grpc.hpp>
#include <tenon/peers.hpp>
#include <tenon/protocol/client_sessions.hpp>
#include <tenon/protocol/dmicro.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/websocket.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <asio/steady_timer.hpp>

#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/await_asio.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/core/task.hpp>
#include <tenon/reflect/service.hpp>

namespace every_client {

struct order {
  std::string symbol;
  std::int32_t shares = 0;
};
struct receipt {
  std::string symbol;
  std::int32_t number = 0;
};

/// What clients offer.
struct display {
  std::string show(std::string text);
  TENON_SERVICE(display, show)
};
struct screen {
  std::string show(std::string text) { return text + " shown"; }
};

struct shop {
  tenon::result<receipt> buy(order wanted) {
    if (wanted.shares < 0) return tenon::status{tenon::code::not_found, "no " + wanted.symbol};
    return receipt{wanted.symbol, wanted.shares + 1};
  }
  tenon::task<receipt> later(tenon::context& call, order wanted) {
    asio::steady_timer timer{*call.io(), std::chrono::microseconds{wanted.shares % 1000}};
    (void)co_await timer.async_wait(tenon::use_task);
    co_return receipt{wanted.symbol, wanted.shares + 2};
  }
  tenon::stream<receipt> watch(order wanted) {
    for (std::int32_t i = 1; i <= wanted.shares; ++i) {
      const receipt next{wanted.symbol, i};
      co_yield next;
    }
  }
  tenon::task<receipt> total(tenon::source<order> orders) {
    receipt sum;
    while (const auto each = co_await orders.next()) {
      sum.symbol = each->symbol;
      sum.number += each->shares;
    }
    co_return sum;
  }
  tenon::task<receipt> ask_back(tenon::context& call, order wanted) {
    const tenon::result<std::string> got = co_await tenon::peer<display>{call}.show(wanted.symbol);
    receipt told{got ? *got : got.error().to_string(), 0};
    co_return told;
  }
  TENON_SERVICE(shop, (buy, tenon::safe), later, (watch, tenon::safe), total, ask_back)
};

// What went wrong, and how often all went well.
struct ledger {
  void good(std::string_view whose, std::size_t count) {
    calls.fetch_add(count);
    if (count == 0) fault(whose, "not one call");
  }
  void fault(std::string_view whose, std::string what) {
    const std::lock_guard guard{mutex};
    if (faults.size() < 20) faults.push_back(std::string{whose} + ": " + what);
  }
  std::atomic<std::size_t> calls{0};
  std::mutex mutex;
  std::vector<std::string> faults;
};

struct abilities {
  bool streams = false;
  bool is_called = false;  // by the server
};

template <class Codec>
void keep_calling(std::string_view name, const std::string& url, tenon::client_options options, abilities can, std::chrono::steady_clock::time_point until, ledger& book) {
  const tenon::client<shop, Codec> at{url, options};
  std::size_t calls = 0;
  std::int32_t round = 0;
  const auto expect = [&](bool good, std::string_view what) {
    if (good) ++calls;
    else book.fault(name, std::string{what} + " in round " + std::to_string(round));
  };
  const auto check = [&](const tenon::result<receipt>& got, std::string_view symbol, std::int32_t number, std::string_view what) {
    expect(got && got->symbol == symbol && got->number == number, got ? std::string{what} + " is another's" : std::string{what} + ": " + got.error().to_string());
  };
  for (; std::chrono::steady_clock::now() < until; ++round) {
    const std::string symbol = std::string{name} + std::string(static_cast<std::size_t>(round * 37 % 5000), 'x');
    std::deque<tenon::call<receipt>> plain;
    std::deque<tenon::call<receipt>> late;
    for (std::int32_t i = 0; i < 8; ++i) {
      plain.push_back(at.buy(order{symbol, round * 8 + i}));
      late.push_back(at.later(order{symbol, round * 8 + i}));
    }
    for (std::int32_t i = 0; i < 8; ++i) {
      check(plain[static_cast<std::size_t>(i)].get(), symbol, round * 8 + i + 1, "buy");
      check(late[static_cast<std::size_t>(i)].get(), symbol, round * 8 + i + 2, "later");
    }
    const auto refused = at.buy(order{"none", -1}).get();
    expect(!refused && refused.error().message().find("no none") != std::string::npos, "an error");
    if (can.streams) {
      auto items = at.watch(order{symbol, 20});
      std::int32_t heard = 0;
      while (const auto each = items.next().get()) expect(each->number == ++heard && each->symbol == symbol, "an item");
      expect(heard == 20 && items.status().ok(), "a stream: " + items.status().to_string());
      auto upload = at.total();
      for (std::int32_t i = 1; i <= 10; ++i) expect(upload.write(order{symbol, i}).get().has_value(), "an item of ours");
      check(upload.finish().get(), symbol, 55, "total");
      // Left in the middle.
      auto left = at.watch(order{symbol, 100'000});
      expect(left.next().get().has_value(), "the first of many");
    }
    if (can.is_called) check(at.ask_back(order{"b" + std::to_string(round), 0}).get(), "b" + std::to_string(round) + " shown", 0, "ask_back");
  }
  book.good(name, calls);
}

// A program that prints a line `calls N` when all went well, and what did not otherwise. False when there is no such program.
bool run_program(std::string_view name, const std::string& command, ledger& book) {
  std::FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return false;
  std::string said;
  char piece[512];
  while (const std::size_t size = std::fread(piece, 1, sizeof piece, pipe)) said.append(piece, size);
  const int code = ::pclose(pipe);
  if (WIFEXITED(code) && WEXITSTATUS(code) == 127) return false;
  const std::size_t at = said.rfind("calls ");
  if (code != 0 || at == std::string::npos) book.fault(name, "exit " + std::to_string(code) + ": " + said.substr(0, 300));
  else book.good(name, std::strtoul(said.c_str() + at + 6, nullptr, 10));
  return true;
}

// HTTP as curl does it: a call, and a stream as events; each a connection of its own.
std::string curl_loop(const std::string& url, long seconds) {
  return "command -v curl >/dev/null || exit 127; end=$(($(date +%s) + " + std::to_string(seconds) + ")); n=0; while [ $(date +%s) -lt $end ]; do "
         "a=$(curl -sS -d '{\"symbol\":\"curl\",\"shares\":1}' " + url + "/shop/buy) || exit 1; [ \"$a\" = '{\"symbol\":\"curl\",\"number\":2}' ] || { echo \"$a\"; exit 1; }; "
         "b=$(curl -sSN -H 'Accept: text/event-stream' -d '{\"symbol\":\"c\",\"shares\":9}' " + url + "/shop/watch | grep -c '^data: {\"symbol\":\"c\"') || exit 1; [ \"$b\" = 9 ] || { echo \"$b events\"; exit 1; }; "
         "n=$((n + 2)); done; echo calls $n";
}
// Node's fetch, sixteen at a time: Connect's POST and GET, JSON-RPC, events.
std::string node_loop(const std::string& url, long seconds) {
  return "command -v node >/dev/null || exit 127; node -e '"
         "const url = \"" + url + "\", until = Date.now() + " + std::to_string(seconds * 1000) + "; let calls = 0;"
         "const post = (path, body, headers) => fetch(url + path, { method: \"POST\", headers: { \"content-type\": \"application/json\", ...headers }, body: JSON.stringify(body) });"
         "const same = (found, wanted) => { if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(JSON.stringify(found)); calls += 1; };"
         "const worker = async (me) => { for (let i = 0; Date.now() < until; i += 1) { const symbol = `n${me}.${i}`;"
         "  same(await (await post(\"/shop/buy\", { symbol, shares: i })).json(), { symbol, number: i + 1 });"
         "  same(await (await fetch(`${url}/shop/buy?message=${encodeURIComponent(JSON.stringify({ symbol, shares: i }))}`)).json(), { symbol, number: i + 1 });"
         "  same((await (await post(\"/rpc\", { jsonrpc: \"2.0\", id: i, method: \"shop.later\", params: { symbol, shares: i } })).json()).result, { symbol, number: i + 2 });"
         "  same((await (await post(\"/shop/watch\", { symbol, shares: 5 }, { accept: \"text/event-stream\" })).text()).split(\"\\n\\n\").length, 7);"
         "} };"
         "Promise.all(Array.from({ length: 16 }, (_, me) => worker(me))).then(() => console.log(\"calls\", calls), (error) => { console.log(String(error)); process.exit(1); });'";
}

}  // namespace every_client

TEST_CASE("every protocol's clients at one port at once: no call fails") {
  using namespace every_client;
  using tenon::protocol::make_client_session;
  const char* const chosen = std::getenv("TENON_EVERY_SECONDS");
  const long seconds = chosen != nullptr ? std::strtol(chosen, nullptr, 10) : 5;

  tenon::server<tenon::protocols<tenon::gffg<shop>, tenon::protocol::dmicro_session, tenon::protocol::websocket_session, tenon::protocol::rpcx_session, tenon::protocol::web_session,
                                 tenon::protocol::grpc_session, tenon::protocol::jsonrpc_session, tenon::protocol::msgpack_rpc_session>>
      server{tenon::server_options{.loops = 2}};
  REQUIRE(server.serve<tenon::codec::protobuf, tenon::codec::json, tenon::codec::msgpack>(shop{}).ok());
  const auto bound = server.listen("tcp://127.0.0.1:0");
  REQUIRE(bound);
  REQUIRE(server.start().ok());
  const std::string at = "127.0.0.1:" + std::to_string(bound.port());

  ledger book;
  std::vector<std::string> missing;
  std::mutex missing_mutex;
  {
    tenon::offers mine;
    REQUIRE(mine.serve<display>(screen{}).ok());
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
    std::vector<std::jthread> all;
    const auto start = [&]<class Codec>(std::type_identity<Codec>, std::string name, const std::string& scheme, tenon::protocol::session_maker sessions, abilities can) {
      tenon::client_options options{.sessions = sessions};
      if (can.is_called) options.offers = mine;
      all.emplace_back([name, url = scheme + "://" + at, options, can, until, &book] { keep_calling<Codec>(name, url, options, can, until, book); });
    };
    const std::type_identity<tenon::codec::msgpack> msgpack;
    const std::type_identity<tenon::codec::json> json;
    const std::type_identity<tenon::codec::protobuf> protobuf;
    start(msgpack, "rpcx in msgpack", "tcp", nullptr, {.streams = true, .is_called = true});
    start(protobuf, "rpcx in protobuf", "tcp", nullptr, {.streams = true});
    start(json, "JSON-RPC by lines", "jsonrpc+tcp", &make_client_session, {.streams = true, .is_called = true});
    start(json, "JSON-RPC with headers", "jsonrpc+lsp+tcp", &make_client_session, {.streams = true, .is_called = true});
    start(msgpack, "MessagePack-RPC", "msgpackrpc+tcp", &make_client_session, {});
    start(json, "Connect in json", "http", &make_client_session, {});
    start(protobuf, "Connect in protobuf", "http", &make_client_session, {});
    start(json, "WebSocket", "ws", &tenon::websocket, {.streams = true, .is_called = true});
    start(protobuf, "gRPC", "grpc", &tenon::grpc, {.streams = true});
    const auto start_program = [&](std::string name, std::string command) {
      all.emplace_back([&, name = std::move(name), command = std::move(command)] {
        if (run_program(name, command, book)) return;
        const std::lock_guard guard{missing_mutex};
        missing.push_back(name);
      });
    };
    start_program("curl", curl_loop("http://" + at, seconds));
    start_program("Node's fetch", node_loop("http://" + at, seconds));
  }
  server.stop();
  for (const std::string& each : missing) MESSAGE("skipped: ", each, " is not installed");
  for (const std::string& each : book.faults) FAIL_CHECK(each);
  MESSAGE(book.calls.load(), " calls in ", seconds, " s");
  CHECK(book.calls.load() > 100);
}
