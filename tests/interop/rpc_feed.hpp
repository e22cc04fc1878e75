// What streams and calls back, for foreign peers of JSON-RPC: node_websocket/peer.js and node_jsonrpc/peer.js read it.
#pragma once

#include <asio/steady_timer.hpp>

#include <chrono>
#include <string>

#include <tenon.hpp>
#include <tenon/peers.hpp>

namespace interop {

// What a page, or another peer, answers.
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

}  // namespace interop
