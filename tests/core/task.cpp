#include <tenon/core/task.hpp>

#include <doctest/doctest.h>

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tenon/core/asio.hpp>
#include <tenon/core/result.hpp>

namespace {

using tenon::task;

static_assert(!std::is_copy_constructible_v<task<int>> && std::is_nothrow_move_constructible_v<task<int>>);

// Suspends until it is opened by hand.
struct gate {
  std::coroutine_handle<> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) noexcept { waiting = self; }
  void await_resume() const noexcept {}
  void open() { std::exchange(waiting, nullptr).resume(); }
};

struct alive {
  explicit alive(int& on) : count{on} { ++count; }
  alive(const alive&) = delete;
  alive& operator=(const alive&) = delete;
  ~alive() { --count; }
  int& count;
};

// Starts once its home is known, and can be told to end at once then.
struct home_wait : tenon::detail::wants_home {
  explicit home_wait(std::vector<asio::io_context*>& to, bool immediate = false) : seen{to}, at_once{immediate} {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    waiter = self;
    start = [](tenon::detail::wants_home& base, asio::io_context& io) {
      auto& me = static_cast<home_wait&>(base);
      me.seen.push_back(&io);
      if (me.at_once) me.waiter.resume();
    };
    self.promise().when_home(*this);
  }
  void await_resume() const noexcept {}
  std::vector<asio::io_context*>& seen;
  bool at_once;
  std::coroutine_handle<> waiter;
};

task<int> immediate(int value) { co_return value; }
task<int> after(gate& g, int value) {
  co_await g;
  co_return value;
}
task<void> failing(gate* g) {
  if (g != nullptr) co_await *g;
  throw std::runtime_error{"task"};
}
task<int> sum(gate& g, int& count) {
  const alive here{count};
  const int first = co_await after(g, 1);
  const int second = co_await immediate(2);
  const int third = co_await after(g, 3);
  co_return first * 100 + second * 10 + third;
}
task<int> one_more(task<int> inner) {
  const int value = co_await std::move(inner);
  co_return value + 1;
}
task<void> waits(std::vector<asio::io_context*>& seen, bool at_once = false) { co_await home_wait{seen, at_once}; }
task<void> waits_inside(std::vector<asio::io_context*>& seen, bool at_once = false) { co_await waits(seen, at_once); }
task<void> waits_twice(std::vector<asio::io_context*>& seen) {
  co_await waits(seen, true);
  co_await waits_inside(seen, true);
}

}  // namespace

TEST_CASE("a task that never waits is done at once") {
  task<int> ready = immediate(3);
  CHECK(ready.done());
  CHECK(ready.take() == 3);
}

TEST_CASE("a task runs to its first wait, and on when that ends") {
  gate g;
  int count = 0;
  task<int> running = sum(g, count);
  CHECK(count == 1);
  CHECK_FALSE(running.done());
  g.open();
  CHECK_FALSE(running.done());
  g.open();
  CHECK(running.done());
  CHECK(count == 0);
  CHECK(running.take() == 123);
}

TEST_CASE("an exception leaves through take and through co_await") {
  CHECK_THROWS_AS(failing(nullptr).take(), std::runtime_error);
  gate g;
  const auto catching = [](gate* on) -> task<std::string> {
    try {
      co_await failing(on);
    } catch (const std::runtime_error& thrown) {
      co_return thrown.what();
    }
    co_return "nothing";
  };
  CHECK(catching(nullptr).take() == "task");
  task<std::string> later = catching(&g);
  g.open();
  CHECK(later.take() == "task");
}

TEST_CASE("a task carries values that cannot be copied or default-constructed") {
  struct only {
    explicit only(int v) : value{std::make_unique<int>(v)} {}
    std::unique_ptr<int> value;
  };
  const auto inner = []() -> task<only> {
    only made{4};
    co_return made;
  };
  const auto outer = [](task<only> from) -> task<int> {
    const only got = co_await std::move(from);
    co_return *got.value;
  };
  CHECK(outer(inner()).take() == 4);
  const auto fails = []() -> task<tenon::result<only>> { co_return tenon::code::not_found; };
  CHECK(fails().take() == tenon::code::not_found);
}

TEST_CASE("a task is destroyed in every state and takes along what it waits for") {
  gate g;
  int count = 0;
  {
    const task<int> never_resumed = sum(g, count);
    CHECK(count == 1);
  }
  CHECK(count == 0);
  {
    const task<int> halfway = sum(g, count);
    g.open();
  }
  CHECK(count == 0);
  {
    task<int> replaced = sum(g, count);
    replaced = immediate(1);
    CHECK(count == 0);
    task<int>& same = replaced;
    replaced = std::move(same);
    CHECK(replaced.take() == 1);
  }
  { const task<void> failed = failing(nullptr); }
  { const task<int> ended = immediate(1); }
}

TEST_CASE("an awaited task belongs to the one that waits: its first owner may go") {
  gate g;
  std::optional<task<int>> inner{after(g, 5)};
  task<int> outer = one_more(std::move(*inner));
  inner.reset();
  g.open();
  CHECK(outer.take() == 6);

  const auto by_reference = [](std::optional<task<int>>& from) -> task<int> { co_return co_await std::move(*from); };
  inner.emplace(after(g, 7));
  task<int> other = by_reference(inner);
  inner.reset();
  g.open();
  CHECK(other.take() == 7);
}

TEST_CASE("the finish of a task may destroy it") {
  gate g;
  auto* held = new task<int>{after(g, 1)};
  held->promise().on_finish([](void* owner) noexcept { delete static_cast<task<int>*>(owner); }, held);
  g.open();
}

TEST_CASE("a long chain of tasks ends without growing the stack") {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const int depth = 1'000'000;
#else
  const int depth = 1'000;  // no tail calls here
#endif
  gate g;
  task<int> chain = after(g, 0);
  for (int i = 0; i < depth; ++i) chain = one_more(std::move(chain));
  g.open();
  CHECK(chain.take() == depth);
}

TEST_CASE("a long loop over tasks that are done does not grow the stack") {
  const auto looping = []() -> task<int> {
    int total = 0;
    for (int i = 0; i < 100'000; ++i) total += co_await immediate(1);
    co_return total;
  };
  CHECK(looping().take() == 100'000);
}

TEST_CASE("a home that is known late reaches whoever waits for it") {
  asio::io_context io;
  std::vector<asio::io_context*> seen;
  task<void> direct = waits(seen);
  task<void> nested = waits_inside(seen);
  CHECK(seen.empty());
  direct.promise().set_home(io);
  nested.promise().set_home(io);
  CHECK(seen == std::vector<asio::io_context*>{&io, &io});
  CHECK(nested.promise().home() == &io);
  nested.promise().set_home(io);
  CHECK(seen.size() == 2);
}

TEST_CASE("a home reaches tasks that are awaited after it is known, also when they end at once") {
  asio::io_context io;
  std::vector<asio::io_context*> seen;
  task<void> both = waits_twice(seen);
  CHECK(seen.empty());
  both.promise().set_home(io);
  CHECK(both.done());
  CHECK(seen == std::vector<asio::io_context*>{&io, &io});
}

TEST_CASE("the home skips a child that has ended") {
  asio::io_context io;
  std::vector<asio::io_context*> seen;
  gate g;
  const auto parent = [](gate& on, std::vector<asio::io_context*>& to) -> task<void> {
    co_await after(on, 1);
    co_await waits(to);
  };
  task<void> running = parent(g, seen);
  g.open();
  running.promise().set_home(io);
  CHECK(seen.size() == 1);
}

TEST_CASE("a parent that is destroyed before its home is known takes its waiting child along") {
  std::vector<asio::io_context*> seen;
  { const task<void> gone = waits_inside(seen); }
  CHECK(seen.empty());
}
