#include <tenon/core/stream.hpp>

#include <doctest/doctest.h>

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tenon/core/source.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/core/task.hpp>

namespace {

struct named {
  std::string name;
  double weight = 0;
};

struct ends {
  int* count;
  explicit ends(int& of) : count{&of} {}
  ends(const ends&) = delete;
  ~ends() { ++*count; }
};

tenon::stream<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}
tenon::stream<named> two_named(std::string first) {
  co_yield {first, 1.5};
  const named second{"a name that is longer than a short string", 2};
  co_yield second;
}
tenon::stream<int> failing(int how) {
  co_yield 1;
  if (how == 1) co_yield tenon::status{tenon::code::not_found, "no more"};
  if (how == 2) throw std::runtime_error{"broken"};
  if (how == 3) co_yield tenon::result<int>{tenon::status{tenon::code::aborted, "not this"}};
  if (how == 4) co_yield tenon::result<int>{2};
  co_yield 3;
}

// Suspends until it is told to go on.
struct door {
  std::coroutine_handle<> waiting{};
  struct wait {
    door& at;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) noexcept { at.waiting = self; }
    void await_resume() const noexcept {}
  };
  struct step {
    door& at;
    wait operator co_await() const noexcept { return wait{at}; }
  };
  step pass() { return {*this}; }
  void open() { std::exchange(waiting, {}).resume(); }
};
tenon::stream<int> slowly(door& at, int& ended) {
  const ends end{ended};
  for (int i = 1; i <= 3; ++i) {
    co_await at.pass();
    co_yield i;
  }
}

template <class T>
tenon::task<void> read(tenon::stream<T> from, std::vector<T>& into, std::string& how) {
  while (auto each = co_await from.next()) into.push_back(std::move(*each));
  how = from.status().to_string();
}

}  // namespace

TEST_CASE("a stream runs only as it is read") {
  bool begun = false;
  const auto lazy = [](bool& flag) -> tenon::stream<int> {
    flag = true;
    co_yield 1;
  };
  {
    const tenon::stream<int> unread = lazy(begun);
    CHECK(!begun);
  }
  CHECK(!begun);
}

TEST_CASE("a task reads a stream to its end, however long it is") {
  std::vector<int> got;
  std::string how;
  const auto reading = read(count_to(100'000), got, how);
  CHECK(reading.done());
  CHECK(got.size() == 100'000);
  CHECK(got.back() == 100'000);
  CHECK(how == "OK");
}

TEST_CASE("items keep what they own") {
  std::vector<named> got;
  std::string how;
  const auto reading = read(two_named("ACME"), got, how);
  REQUIRE(got.size() == 2);
  CHECK(got[0].name == "ACME");
  CHECK(got[0].weight == 1.5);
  CHECK(got[1].name == "a name that is longer than a short string");
}

TEST_CASE("a status ends a stream, an exception leaves it") {
  for (const auto& [how, expected] : std::vector<std::pair<int, std::string>>{{1, "NOT_FOUND: no more"}, {3, "ABORTED: not this"}}) {
    std::vector<int> got;
    std::string ended;
    const auto reading = read(failing(how), got, ended);
    CHECK(reading.done());
    CHECK(got == std::vector<int>{1});
    CHECK(ended == expected);
  }
  std::vector<int> got;
  std::string ended;
  auto reading = read(failing(2), got, ended);
  REQUIRE(reading.done());
  CHECK_THROWS_WITH(reading.take(), "broken");
  CHECK(got == std::vector<int>{1});
  std::vector<int> valued;
  const auto fourth = read(failing(4), valued, ended);
  CHECK(valued == std::vector<int>{1, 2, 3});
}

TEST_CASE("a stream waits for others between its items, and its reader with it") {
  door at;
  int ended = 0;
  std::vector<int> got;
  std::string how;
  {
    const auto reading = read(slowly(at, ended), got, how);
    CHECK(got.empty());
    at.open();
    CHECK(got == std::vector<int>{1});
    at.open();
    at.open();
    CHECK(got == std::vector<int>{1, 2, 3});
    CHECK(reading.done());
    CHECK(ended == 1);
  }
  CHECK(how == "OK");
}

TEST_CASE("a stream that is left is destroyed where it stands") {
  door at;
  int ended = 0;
  {
    std::vector<int> got;
    std::string how;
    const auto reading = read(slowly(at, ended), got, how);
    at.open();
    CHECK(ended == 0);
  }
  CHECK(ended == 1);
}
