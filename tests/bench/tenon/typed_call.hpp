// A call with the 40-field message. For tests/bench only.
#pragma once

#include "load/arguments.hpp"
#include "typed.hpp"

struct typed_call {
  auto operator()(auto& client) const {
    if constexpr (requires { client.pass(sent); }) return client.pass(sent);
    else return client.Pass(sent);
  }
  bool fits(const codec_bench::message& answer) const { return answer.field280 == sent.field280; }

  codec_bench::message sent = codec_bench::make_message();
};
