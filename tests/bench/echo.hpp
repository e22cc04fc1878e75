// The service of the echo benchmarks, and its handlers of three kinds. For tests/bench only.
#pragma once

#include <coroutine>
#include <string>
#include <utility>

#include <tenon.hpp>

// What a client sees. Taken by reference, so that a client's payload is encoded where it stands.
struct echo_service {
  std::string echo(const std::string& text);
  TENON_SERVICE(echo_service, echo)
};

// By value: the decoded string itself goes back, so the only allocation of a call is the message's own.
struct plain_echo {
  std::string echo(std::string text) { return text; }
};

struct task_echo {
  tenon::task<std::string> echo(std::string text) { co_return std::move(text); }
};

// Answers what is short and holds the rest, for counting what a call under way takes.
struct held_echo {
  tenon::task<std::string> echo(std::string text) {
    if (text.size() >= 16) co_await std::suspend_always{};
    co_return std::move(text);
  }
};

struct awaitable_echo {
  asio::awaitable<std::string> echo(std::string text) { co_return std::move(text); }
};
