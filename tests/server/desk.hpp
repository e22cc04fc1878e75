// The service that the tests of the server talk to: plain handlers, and coroutines that wait until they are told to go on.
#pragma once

#include <cstddef>
#include <coroutine>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace simulated {

/// Where coroutines wait until somebody opens it, which lets those pass that wait then; those that go before are forgotten.
class gate {
 public:
  struct waiter {
    explicit waiter(gate& where) : at{where} {}
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter() { std::erase(at.waiting_, this); }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) {
      handle = self;
      at.waiting_.push_back(this);
    }
    void await_resume() const noexcept {}
    gate& at;
    std::coroutine_handle<> handle{};
  };

  // g++ 12 copies an awaiter that await_transform passes on; one that operator co_await makes stays where it is.
  struct door_step {
    gate& at;
    waiter operator co_await() const { return waiter{at}; }
  };
  door_step wait() { return {*this}; }
  void open() {
    for (std::size_t left = waiting_.size(); left > 0 && !waiting_.empty(); --left) {
      waiter* first = waiting_.front();
      waiting_.erase(waiting_.begin());
      first->handle.resume();
    }
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  std::vector<waiter*> waiting_;
};

struct order {
  std::string symbol;
  int shares = 100;
  bool operator==(const order&) const = default;
};

struct desk_records {
  gate door;
  int calls = 0;
  int cancelled = 0;
  int destroyed = 0;
};

struct desk {
  desk_records* records;

  std::string echo(std::string text) {
    ++records->calls;
    return text;
  }
  order place(order what) {
    ++records->calls;
    return what;
  }
  int add(int a, int b) { return a + b; }
  std::string large(std::size_t bytes) {
    ++records->calls;
    return std::string(bytes, 'x');
  }
  std::string fail(std::string text) { throw std::runtime_error{text}; }

  struct leaving {
    desk_records* records;
    ~leaving() { ++records->destroyed; }
  };
  tenon::task<std::string> wait(tenon::context& call, std::string text) {
    const leaving at_end{records};
    ++records->calls;
    call.response_metadata().add("seen", text);
    co_await records->door.wait();
    if (call.cancelled()) ++records->cancelled;
    co_return text + " waited";
  }
  std::string open(std::string text) {
    records->door.open();
    return text;
  }
  tenon::task<std::string> open_and_wait(std::string text) {
    records->door.open();
    co_await records->door.wait();
    co_return text;
  }

  TENON_SERVICE(desk, echo, place, (add, tenon::params("a", "b")), large, fail, wait, open, open_and_wait)
};

/// A server of one desk in a world of its own.
struct served_desk : world {
  explicit served_desk(tenon::server_options options = {}) : server{io, logging(options)} {
    lines().clear();
    server.serve(desk{&records});
    server.listen(wire, "desk");
    server.start();
    run();
  }

  /// What the server's log was told.
  static std::vector<std::string>& lines() {
    static std::vector<std::string> told;
    return told;
  }
  static tenon::server_options logging(tenon::server_options options) {
    options.log = [](std::string_view line) { lines().emplace_back(line); };
    return options;
  }

  desk_records records;
  tenon::server<> server;
};

/// Text in msgpack.
inline std::string text_in_msgpack(std::string_view text) { return std::string(1, static_cast<char>(0xA0 + text.size())) + std::string{text}; }

inline frame call_of(std::uint64_t sequence, std::string method, std::string_view text) {
  return {.sequence = sequence, .service = "desk", .method = std::move(method), .payload = text_in_msgpack(text)};
}

/// One JSON call over rpcx on a connection of its own: the answer, or the error's text.
inline std::string ask(world& in, const std::string& method, std::string payload, std::uint8_t codec = json, const std::string& service = "desk") {
  peer caller{in};
  if (!caller.connect("desk")) return "(not connected)";
  caller.say(frame{.codec = codec, .sequence = 1, .service = service, .method = method, .payload = std::move(payload)}.bytes());
  const auto answers = frames_in(caller.heard());
  if (answers.size() != 1) return "(no answer)";
  return (answers[0].bits & error) != 0 ? answers[0].value_of("__rpcx_error__") : answers[0].payload;
}

}  // namespace simulated
