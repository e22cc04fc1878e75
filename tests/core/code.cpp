#include <tenon/core/code.hpp>

#include <doctest/doctest.h>

using tenon::code;

static_assert(tenon::code_name(code::ok) == "OK");
static_assert(tenon::code_name(code::unauthenticated) == "UNAUTHENTICATED");
static_assert(tenon::code_name(static_cast<code>(17)) == "UNKNOWN");
static_assert(tenon::code_from_name("DATA_LOSS") == code::data_loss);
static_assert(!tenon::code_from_name("data_loss") && !tenon::code_from_name(""));
static_assert(tenon::code_from_number(16) == code::unauthenticated);
static_assert(tenon::code_from_number(17) == code::unknown && tenon::code_from_number(-1) == code::unknown);
static_assert(tenon::codes(code::ok, code::unauthenticated).has(code::unauthenticated));
static_assert(!tenon::codes(code::unavailable).has(code::ok) && tenon::codes() == tenon::code_set{});

TEST_CASE("every code is found by its name and by its number") {
  for (std::size_t i = 0; i < tenon::code_count; ++i) {
    const auto each = static_cast<code>(i);
    CHECK(tenon::code_from_name(tenon::code_name(each)) == each);
    CHECK(tenon::code_from_number(static_cast<std::int64_t>(i)) == each);
    CHECK(tenon::codes(each).has(each));
  }
}
