#include <tenon/core/message_queue.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using tenon::detail::message_queue;

TEST_CASE("messages leave in the order in which they came, empty ones too") {
  message_queue queue;
  CHECK(queue.empty());
  queue.push("one");
  queue.push("");
  queue.push(std::string(100, 'x'));
  CHECK(queue.count() == 3);
  CHECK(queue.front() == "one");
  queue.pop();
  CHECK(queue.front().empty());
  queue.pop();
  CHECK(queue.front() == std::string(100, 'x'));
  queue.pop();
  CHECK(queue.empty());
}

TEST_CASE("a queue that is never empty does not grow with what has left it") {
  message_queue queue;
  std::size_t written = 0;
  std::size_t read = 0;
  const auto message = [](std::size_t number) { return std::to_string(number) + std::string(number % 3000, '.'); };
  for (; written < 20; ++written) queue.push(message(written));
  for (; read < 5000; ++read) {
    CHECK(queue.front() == message(read));
    queue.pop();
    queue.push(message(written++));
    CHECK(queue.count() == 20);
  }
  queue.clear();
  CHECK(queue.empty());
  queue.push("again");
  CHECK(queue.front() == "again");
}
