// expect: tenon::task: only another task can co_await it; from an asio::awaitable use co_await tenon::spawn(io, task, asio::use_awaitable)
#include <coroutine>

#include <tenon/core/task.hpp>

struct other {
  struct promise_type {
    other get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
tenon::task<int> one() { co_return 1; }
other wrong() { co_await one(); }
