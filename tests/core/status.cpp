#include <tenon/core/status.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>

using tenon::code;
using tenon::outcome;
using tenon::status;

static_assert(sizeof(status) == 16);
static_assert(sizeof(outcome) == 8);

TEST_CASE("a status is OK until it is told otherwise") {
  const status fine;
  CHECK(fine.ok());
  CHECK(fine.code() == code::ok);
  CHECK(fine.message().empty());
  CHECK(fine.details().empty());
  CHECK(fine.to_string() == "OK");
}

TEST_CASE("a status carries code, message, details and flags") {
  status failed{code::not_found, "no row 3"};
  failed.add_detail({"pkg.Reason", "abc"}).add_flag(outcome::local).set_pushback(250);
  CHECK_FALSE(failed.ok());
  CHECK(failed.to_string() == "NOT_FOUND: no row 3");
  CHECK(failed.details().size() == 1);
  CHECK(failed.has(outcome::local));
  CHECK(failed.has(outcome::pushback));
  CHECK_FALSE(failed.has(outcome::not_executed));
  CHECK(failed.outcome().pushback_ms == 250);
}

TEST_CASE("a copy of a status is its own") {
  status one{code::aborted, "first"};
  status two = one;
  two.set_message("second").add_detail({"t", "v"});
  CHECK(one.message() == "first");
  CHECK(one.details().empty());
  one = two;
  CHECK(one == two);
  status& same = one;
  one = same;
  CHECK(one.message() == "second");
}

TEST_CASE("a status that was moved from keeps its code and loses its message") {
  status one{code::aborted, "first"};
  const status two = std::move(one);
  CHECK(two.message() == "first");
  CHECK(one.code() == code::aborted);
  CHECK(one.message().empty());
}

TEST_CASE("a prefix stands before the message") {
  CHECK(status{code::aborted, "text"}.prefixed("market.buy").message() == "market.buy: text");
  CHECK(status{code::aborted}.prefixed("market.buy").message() == "market.buy");
  status own{code::aborted, "a message that is longer than any small string"};
  CHECK(std::move(own).prefixed(own.message()).message() ==
        "a message that is longer than any small string: a message that is longer than any small string");
}

TEST_CASE("statuses compare by everything, and with a code by code alone") {
  CHECK(status{code::aborted, "a"} == status{code::aborted, "a"});
  CHECK(status{code::aborted, "a"} != status{code::aborted, "b"});
  CHECK(status{code::aborted, ""} == status{code::aborted});
  CHECK(status{code::aborted, "a"} == code::aborted);
  CHECK(code::aborted == status{code::aborted, "a"});
  CHECK(status{code::aborted, "a"} != code::ok);
}

TEST_CASE("a refusal made here says that nothing was executed") {
  constexpr outcome refused = tenon::refused_here(code::unavailable);
  static_assert(refused.has(outcome::local) && refused.has(outcome::not_executed) && !refused.ok());
}
