// The methods of calc for foreign clients, and a server of them. It prints where it listens, and ends when its standard input closes.
#pragma once

#include "rpc_calc.hpp"

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace interop {

struct served_calc {
  int notes = 0;

  int subtract(int minuend, int subtrahend) { return minuend - subtrahend; }
  int total(std::vector<int> numbers) {
    int sum = 0;
    for (const int each : numbers) sum += each;
    return sum;
  }
  box keep(box what) { return what; }
  std::string version() { return "1"; }
  tenon::result<int> fail(std::string why) { return tenon::status{tenon::code::not_found, why}; }
  asio::awaitable<int> slow(int milliseconds) {
    asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{milliseconds}};
    co_await timer.async_wait(asio::use_awaitable);
    co_return milliseconds;
  }
  void note(std::string) { ++notes; }
  int noted() { return notes; }
};

/// `more(server)` serves what else there is.
template <class Protocols, class More>
int serve_calc(const char* program, More&& more) {
  tenon::server<Protocols> server;
  server.template serve<calc>(served_calc{});
  more(server);
  const auto bound = server.listen("tcp://127.0.0.1:0");
  if (!bound) {
    std::fprintf(stderr, "%s: %s\n", program, bound.error().to_string().c_str());
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
template <class Protocols>
int serve_calc(const char* program) {
  return serve_calc<Protocols>(program, [](auto&) {});
}

}  // namespace interop
