// A call of the echo service. For tests/bench only.
#pragma once

#include <string>

#include "echo.hpp"
#include "load/arguments.hpp"

struct echo_call {
  explicit echo_call(const arguments& given) : payload(given.number("bytes", 64), 'x') {}
  auto operator()(auto& client) const { return client.echo(payload); }
  bool fits(const std::string& answer) const { return answer.size() == payload.size(); }

  std::string payload;
};
