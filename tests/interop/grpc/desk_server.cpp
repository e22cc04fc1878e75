// A server for Python's gRPC clients, and the .proto they are made from.
// usage: grpc_desk_server proto    prints desk.proto
//        grpc_desk_server          prints `listening HOST:PORT`, serves until its standard input ends
#include "desk.hpp"

#include <tenon/grpc.hpp>
#ifdef WITH_ZLIB
#include <tenon/zlib.hpp>
#endif

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include <asio/steady_timer.hpp>

struct Desk {
  tenon::result<Receipt> Buy(tenon::context& call, Order wanted) {
    if (const auto value = call.request_metadata().get(trace_key)) call.response_metadata().add(trace_key, *value);
    if (const auto value = call.request_metadata().get(state_key)) call.response_metadata().add(std::string{"trailer-"}.append(state_key), *value);
    if (wanted.shares <= 0) {
      tenon::status refused{tenon::code::failed_precondition, "shares must be positive: \xe2\x98\xba"};
      refused.add_detail({std::string{detail_type}, std::string{detail_bytes}});
      return refused;
    }
    return Receipt{wanted.symbol + " x" + std::to_string(wanted.shares), 1.5 * static_cast<double>(wanted.shares), std::move(wanted.attachment)};
  }
  tenon::task<Receipt> Never(tenon::context& call, Order) {
    const leaving at_end{ended};
    co_await sleep_for(call, std::chrono::hours{1});
    co_return Receipt{};
  }
  /// Without a count it never ends.
  tenon::stream<Tick> Watch(tenon::context& call, Wanted wanted) {
    const leaving at_end{ended};
    for (int i = 1; wanted.count == 0 || i <= wanted.count; ++i) {
      const Tick next{i, wanted.symbol + std::string(static_cast<std::size_t>(wanted.size), 'x')};
      co_yield next;
      if (wanted.count == 0) co_await sleep_for(call, std::chrono::milliseconds{1});
    }
  }
  tenon::task<Total> Deposit(tenon::source<Order> orders) {
    Total sum;
    while (const auto each = co_await orders.next()) {
      sum.shares += each->shares;
      ++sum.orders;
    }
    co_return sum;
  }
  tenon::stream<Receipt> Trade(tenon::source<Order> orders) {
    while (const auto each = co_await orders.next()) {
      if (each->shares < 0) {
        const tenon::status refused{tenon::code::aborted, "enough"};
        co_yield refused;
      }
      const Receipt answer{each->symbol + "!", static_cast<double>(each->shares), {}};
      co_yield answer;
    }
  }
  /// How many handlers of Never and Watch have ended.
  Total Ended(Nothing) { return {ended, 0}; }

  TENON_SERVICE((Desk, tenon::name("desk.v1.Desk")), Buy, Never, Watch, Deposit, Trade, Ended)

  static inline std::atomic<int> ended{0};

 private:
  struct leaving {
    std::atomic<int>& count;
    ~leaving() { ++count; }
  };
  // A sleep that ends when its call is cancelled.
  static tenon::task<void> sleep_for(tenon::context& call, std::chrono::steady_clock::duration how_long) {
    asio::steady_timer timer{*call.io(), how_long};
    struct alarm final : tenon::cancellation::listener {
      explicit alarm(asio::steady_timer& on) : timer{on} {}
      void cancelled() override { timer.cancel(); }
      asio::steady_timer& timer;
    } told{timer};
    call.cancel.listen(told);
    (void)co_await timer.async_wait(tenon::use_task);
  }
};

int main(int count, char** arguments) {
  if (count == 2 && std::string_view{arguments[1]} == "proto") {
    std::fputs(tenon::describe<Desk>(tenon::schema::proto).c_str(), stdout);
    return 0;
  }
  tenon::server_options options{};
#ifdef WITH_ZLIB
  options.compression = &tenon::gzip;
#endif
  tenon::server<tenon::grpc_protocols> server{options};
  server.serve(Desk{});
  const tenon::bound where = server.listen("tcp://127.0.0.1:0");
  if (!server.start().ok()) return 1;
  std::printf("listening 127.0.0.1:%d\n", where.port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {}
  server.stop();
}
