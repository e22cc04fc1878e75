// A service that streams in every direction, on a server and with a client in one world: what the tests of streams talk to.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/core/source.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/core/stream.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace streaming {

struct tick {
  int number = 0;
  std::string text;
};

struct feed_records {
  simulated::gate door;
  int yielded = 0;
  int taken = 0;
  int begun = 0;
  int destroyed = 0;
  std::string source_status;
};

struct feed {
  feed_records* records;

  struct leaving {
    feed_records* records;
    explicit leaving(feed_records* of) : records{of} { ++records->begun; }
    ~leaving() { ++records->destroyed; }
  };

  /// `count` ticks with a text of `size` bytes.
  tenon::stream<tick> count_to(int count, std::size_t size) {
    const leaving at_end{records};
    for (int i = 1; i <= count; ++i) {
      tick next{i, std::string(size, 'x')};
      ++records->yielded;
      co_yield next;
    }
  }
  /// One tick each time the door is opened, for ever.
  tenon::stream<tick> watch() {
    const leaving at_end{records};
    for (int i = 1;; ++i) {
      co_await records->door.wait();
      tick next{i, {}};
      co_yield next;
    }
  }
  tenon::stream<int> fail(tenon::context& call, std::string how) {
    call.response_metadata().add("early", how);
    co_yield 1;
    call.response_metadata().add("late", "yes");
    if (how == "throw") throw std::runtime_error{"out of order"};
    if (how == "status") co_yield tenon::status{tenon::code::not_found, "no second"};
    if (how == "result") co_yield tenon::result<int>{tenon::status{tenon::code::aborted, "no value"}};
    ++records->taken;
  }
  /// Sums up what it is sent; at the door it waits before each item where it is told to.
  tenon::task<int> sum(tenon::source<int> numbers) {
    const leaving at_end{records};
    int total = 0;
    while (const std::optional<int> each = co_await numbers.next()) {
      total += *each;
      ++records->taken;
      if (*each == 1000) co_await records->door.wait();
      if (*each < 0) co_return -1;
    }
    records->source_status = numbers.status().to_string();
    co_return total;
  }
  tenon::task<std::size_t> upload(tenon::context&, tenon::source<std::string>& parts) {
    const leaving at_end{records};
    co_await records->door.wait();
    std::size_t bytes = 0;
    while (const auto each = co_await parts.next()) {
      bytes += each->size();
      ++records->taken;
    }
    co_return bytes;
  }
  tenon::stream<std::string> chat(tenon::source<std::string> lines) {
    const leaving at_end{records};
    while (const auto each = co_await lines.next()) {
      const std::string answer = *each + "!";
      co_yield answer;
    }
    const std::string last = "bye";
    co_yield last;
  }
  int plain(int x) { return x; }

  TENON_SERVICE(feed, (count_to, tenon::params("count", "size")), watch, fail, sum, upload, chat, plain)
};

struct served_feed : simulated::world {
  template <class... Policies>
  explicit served_feed(tenon::server_options options = {}, std::type_identity<Policies>...) : simulated::world{}, server{io, simulated::served_desk::logging(options)} {
    server.serve<Policies...>(feed{&records});
    server.listen(wire, "feed");
    server.start();
    run();
  }
  auto connector() { return wire.connector_to("feed"); }
  /// A coroutine on the world's loop.
  void start(tenon::task<void> what) {
    tenon::spawn(io, std::move(what));
    run();
  }

  feed_records records;
  tenon::server<> server;
};

/// What a reader got.
template <class T>
struct heard {
  std::vector<T> items;
  bool over = false;
  tenon::status status;
  std::string ended() const { return !over ? "(still open)" : status.ok() ? "OK" : status.to_string(); }
};

template <class T>
tenon::task<void> read_all(tenon::stream_reader<T> from, heard<T>& into) {
  while (std::optional<T> item = co_await from.next()) into.items.push_back(std::move(*item));
  into.status = from.status();
  into.over = true;
}
template <class T>
tenon::task<void> read_some(tenon::stream_reader<T>& from, std::size_t count, heard<T>& into) {
  while (into.items.size() < count) {
    std::optional<T> item = co_await from.next();
    if (!item) {
      into.over = true;
      into.status = from.status();
      break;
    }
    into.items.push_back(std::move(*item));
  }
}

}  // namespace streaming
