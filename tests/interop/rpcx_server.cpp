// Serves Arith for the Go peer and, on the same port, a small market for curl. Prints where it listens, ends when its standard input closes.
// usage: rpcx_server [gzip | gateway]
#include "arith.hpp"

#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <tenon/protocol/web.hpp>
#if defined(WITH_ZLIB)
#include <tenon/zlib.hpp>
#endif

namespace {

using interop::args;
using interop::reply;

struct counters {
  std::atomic<int> notes{0};
  std::atomic<int> deadlines{0};
};

// Reverses UTF-8 by characters, as the Go peer does with its runes.
std::string reversed(std::string_view text) {
  std::string answer;
  for (std::size_t end = text.size(); end > 0;) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) --begin;
    answer.append(text.substr(begin, end - begin));
    end = begin;
  }
  return answer;
}

// Wakes a sleeping handler when its caller has gone or has no more time.
struct wake final : tenon::cancellation::listener {
  explicit wake(asio::steady_timer& which) : timer{which} {}
  void cancelled() override { timer.cancel(); }
  asio::steady_timer& timer;
};

struct arith {
  counters& counted;

  reply Mul(args numbers) { return {numbers.A * numbers.B}; }
  tenon::result<reply> Fail(args) { return tenon::status{tenon::code::unknown, "no such thing"}; }
  asio::awaitable<tenon::result<reply>> Slow(tenon::context& call, args numbers) {
    asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{numbers.A}};
    wake on_cancel{timer};
    call.cancel.listen(on_cancel);
    asio::error_code error;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (!call.cancelled()) co_return reply{numbers.A};
    ++counted.deadlines;
    co_return tenon::status{tenon::code::deadline_exceeded, "Slow: the deadline ended its sleep"};
  }
  reply Deadlines(args) { return {counted.deadlines}; }
  reply Meta(tenon::context& call, args) {
    reply answer;
    for (const auto& [key, value] : call.request_metadata()) {
      if (key.starts_with("__")) continue;
      call.response_metadata().add("echo-" + key, value);
      ++answer.C;
    }
    return answer;
  }
  reply Note(args) {
    ++counted.notes;
    return {};
  }
  reply Noted(args) { return {counted.notes}; }
  std::string Text(std::string text) { return reversed(text); }
  interop::blob Big(interop::blob data) { return data; }
  interop::mixed Mixed(interop::mixed message) {
    message.Inner.Name += "!";
    return message;
  }
};

struct quote {
  std::string symbol;
  double price = 0;
};

struct market {
  tenon::result<quote> last(std::string symbol) {
    if (symbol != "ACME") return tenon::status{tenon::code::not_found, "no such symbol: " + symbol};
    return quote{std::move(symbol), 42.5};
  }
  tenon::result<quote> buy(std::string symbol, int shares) {
    if (shares < 1) return tenon::status{tenon::code::invalid_argument, "shares must be positive"};
    return quote{std::move(symbol), 42.5 * shares};
  }
  TENON_SERVICE(market, (last, tenon::idempotent), (buy, tenon::params("symbol", "shares")));
};

template <class Protocols>
int serve_until_told(const tenon::server_options& options) {
  counters counted;
  tenon::server<Protocols> server{options};
  server.template serve<interop::Arith>(arith{counted});
  server.serve(market{});
  const auto bound = server.listen("tcp://127.0.0.1:0");
  if (!bound) {
    std::fprintf(stderr, "rpcx_server: %s\n", bound.error().to_string().c_str());
    return 1;
  }
  server.start();
  std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(bound.port()));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server.stop();
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count == 2 ? arguments[1] : "";
  tenon::server_options options;
#if defined(WITH_ZLIB)
  if (what == "gzip") options.compression = &tenon::gzip;
#endif
  if (what == "gateway") return serve_until_told<tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::web_session>>(options);
  return serve_until_told<tenon::default_protocols>(options);
}
