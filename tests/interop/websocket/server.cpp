// Serves calc over WebSocket, beside the default protocols, for npm's ws and a browser's page that node serves on another port of this machine; and what streams and calls back.
#include <interop/rpc_served.hpp>

#include <asio/steady_timer.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/peers.hpp>
#include <tenon/websocket.hpp>

namespace {

// What a page answers.
struct display {
  std::string show(std::string text);
  void note(int number);
  TENON_SERVICE(display, show, note)
};

struct watched {
  watched() { ++all; }
  ~watched() { --all; }
  static inline int all = 0;  // on the server's one loop
};

struct feed {
  tenon::stream<int> count_to(tenon::context& call, int last, int milliseconds) {
    const watched now;
    for (int i = 1; i <= last; ++i) {
      if (milliseconds != 0) {
        asio::steady_timer timer{*call.io(), std::chrono::milliseconds{milliseconds}};
        co_await timer.async_wait(tenon::use_task);
      }
      co_yield i;
    }
  }
  tenon::stream<std::string> large(int count) {
    const std::string item(65536, 'x');
    for (int i = 0; i < count; ++i) co_yield item;
  }
  tenon::task<int> sum(tenon::source<int> numbers) {
    int total = 0;
    while (const auto each = co_await numbers.next()) total += *each;
    co_return total;
  }
  tenon::stream<std::string> chat(tenon::source<std::string> lines) {
    while (const auto each = co_await lines.next()) {
      const std::string answer = *each + "!";
      co_yield answer;
    }
  }
  tenon::task<std::string> ask_back(tenon::context& call, std::string text) {
    const tenon::peer<display> caller{call};
    caller.with({.one_way = true}).note(7).then([](tenon::result<void>) {});
    const tenon::result<std::string> got = co_await caller.show(text);
    co_return got ? *got : got.error().to_string();
  }
  int watching() { return watched::all; }
  TENON_SERVICE(feed, count_to, large, sum, chat, ask_back, watching)
};

struct pages_of_this_machine {
  static bool allows(std::string_view origin, std::string_view) { return origin.starts_with("http://127.0.0.1:"); }
};

}  // namespace

int main() {
  return interop::serve_calc<tenon::protocols<tenon::protocol::rpcx_session, tenon::protocol::basic_websocket_session<pages_of_this_machine>, tenon::protocol::http1_session>>("websocket_server", [](auto& server) { server.serve(feed{}); });
}
