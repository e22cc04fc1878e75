#include <tenon/core/context.hpp>

#include <doctest/doctest.h>

using namespace tenon::literals;

TEST_CASE("a context knows its call, and has no deadline until it is given one") {
  tenon::context context;
  context.place("market", "buy", "tcp://127.0.0.1:1", nullptr);
  CHECK(context.service() == "market");
  CHECK(context.method() == "buy");
  CHECK(context.peer() == "tcp://127.0.0.1:1");
  CHECK(context.io() == nullptr);
  CHECK_FALSE(context.has_deadline());
  CHECK(context.remaining() > 60_min);
  context.info.now = {100};
  context.info.deadline = {300};
  CHECK(context.has_deadline());
  CHECK(context.remaining() == 200_ns);
  CHECK_FALSE(context.cancelled());
  context.cancel.request();
  CHECK(context.cancelled());
  context.response_metadata().add("k", "v");
  CHECK(context.response.get("K") == "v");
}
