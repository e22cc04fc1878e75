// Serves a market over HTTP for foreign clients, and its pages for a browser: node_http/peer.js has the same messages. Prints where it listens, ends when its standard input closes.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <tenon.hpp>
#include <tenon/protocol/http_policy.hpp>
#include <tenon/server/every_protocol.hpp>
#include <tenon/service/pages.hpp>
#include <tenon/service/routes.hpp>
#if defined(WITH_ZLIB)
#include <tenon/zlib.hpp>
#endif

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

namespace {

struct quote_request {
  std::string symbol;
  std::int32_t shares = 0;
};
struct quote {
  std::string symbol;
  double price = 0;
  std::vector<std::int32_t> sizes;
};

struct entry {
  std::int64_t order_id = 0;
  tenon::bytes raw_note;
  std::string made_by;
};

struct market {
  tenon::result<quote> last(tenon::context& call, quote_request asked) {
    for (const auto& [name, value] : call.request_metadata()) {
      if (name == "trace" || name == "trace-bin") call.response_metadata().add(std::string{"echo-"} + name, value);
    }
    call.response_metadata().add("trailer-cost", "7");
    if (asked.symbol == "NONE") {
      tenon::status none{tenon::code::not_found, "no such symbol: \"NONE\" \xC3\xA9"};
      none.add_detail({"google.protobuf.StringValue", "\x0a\x02hi"});
      return none;
    }
    return quote{asked.symbol, 42.5, {1, 2, asked.shares}};
  }
  quote buy(quote_request asked) { return {asked.symbol, 42.5 * asked.shares, {}}; }
  asio::awaitable<quote> slow(quote_request asked) {
    asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{asked.shares}};
    co_await timer.async_wait(asio::use_awaitable);
    co_return quote{asked.symbol, 1, {}};
  }
  entry post(entry said) { return {said.order_id + 1, said.raw_note, said.made_by + "!"}; }
  int subtract(int minuend, int subtrahend) { return minuend - subtrahend; }
  TENON_SERVICE((market, tenon::name("shop.v1.Market")), (last, tenon::name("Last"), tenon::safe, tenon::get("/quotes/{symbol}")), (buy, tenon::name("Buy")), (slow, tenon::name("Slow")), (post, tenon::name("Post")),
                (subtract, tenon::params("minuend", "subtrahend")))
};

struct watched {
  watched() { ++all; }
  ~watched() { --all; }
  static inline int all = 0;  // on the server's one loop
};

// What streams. node_http/peer.js and go_connect/main.go read it.
struct ticker {
  /// `shares` quotes, then not_found for "NONE"; of "SLOW" one each 20 ms, and a large one each time of "LARGE".
  tenon::stream<quote> watch(tenon::context& call, quote_request asked) {
    const watched now;
    call.response_metadata().add("echo-trace", std::string{call.request_metadata().get("trace").value_or("")});
    call.response_metadata().add("trailer-cost", "7");
    for (std::int32_t i = 1; i <= asked.shares; ++i) {
      if (asked.symbol == "SLOW") {
        asio::steady_timer timer{*call.io(), std::chrono::milliseconds{20}};
        co_await timer.async_wait(tenon::use_task);
      }
      quote next{asked.symbol == "LARGE" ? std::string(65536, 'x') : asked.symbol, static_cast<double>(i), {}};
      co_yield next;
    }
    if (asked.symbol != "NONE") co_return;
    tenon::status none{tenon::code::not_found, "no such symbol: \"NONE\" \xC3\xA9"};
    none.add_detail({"google.protobuf.StringValue", "\x0a\x02hi"});
    co_yield none;
  }
  tenon::task<quote> total(tenon::source<quote_request> orders) {
    quote sum;
    while (const auto each = co_await orders.next()) {
      sum.symbol += each->symbol;
      sum.price += each->shares;
    }
    co_return sum;
  }
  /// How many handlers of `watch` are under way.
  int watching() { return watched::all; }
  TENON_SERVICE((ticker, tenon::name("shop.v1.Ticker")), (watch, tenon::name("Watch"), tenon::safe), (total, tenon::name("Total")), (watching, tenon::safe))
};

}  // namespace

int main() {
  tenon::server_options options{.http = tenon::over_http({.allowed_origins = {"http://allowed.example"}})};
#if defined(WITH_ZLIB)
  options.compression = &tenon::gzip;
#endif
  tenon::server<tenon::every_protocol> server{options};
  server.serve<tenon::codec::connect_json>(market{});
  server.serve(ticker{});
  server.show(tenon::pages<market>{});
  const auto bound = server.listen("tcp://127.0.0.1:0");
  if (!bound) {
    std::fprintf(stderr, "http_server: %s\n", bound.error().to_string().c_str());
    return 1;
  }
  server.start();
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(bound.port()));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server.stop();
}
