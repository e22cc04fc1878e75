#include <tenon/protocol/http_status.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <iterator>

using tenon::code;
using tenon::outcome;
using namespace tenon::protocol;

namespace {

constexpr code code_at(std::size_t i) { return static_cast<code>(static_cast<std::uint8_t>(i)); }

}  // namespace

static_assert(http_status_of(code::not_found) == 404);
static_assert(code_from_http_status(404) == code::not_found);

TEST_CASE("every code has the HTTP status that Connect gives it") {
  const int expected[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
  REQUIRE(std::size(expected) == tenon::code_count);
  for (std::size_t i = 0; i < tenon::code_count; ++i) CHECK(http_status_of(code_at(i)) == expected[i]);
  CHECK(http_status_of(code_at(17)) == 500);
}

TEST_CASE("a method that no server has is a path that does not exist") {
  CHECK(http_status_of(outcome{.code = code::unimplemented}) == 501);
  CHECK(http_status_of(outcome{.code = code::unimplemented, .flags = outcome::not_executed}) == 404);
  CHECK(http_status_of(outcome{.code = code::unavailable, .flags = outcome::not_executed}) == 503);
}

TEST_CASE("a status whose body names no code is read by the table, and anything foreign is unknown") {
  CHECK(code_from_http_status(200) == code::ok);
  CHECK(code_from_http_status(204) == code::ok);
  CHECK(code_from_http_status(409) == code::aborted);
  CHECK(code_from_http_status(413) == code::resource_exhausted);
  CHECK(code_from_http_status(415) == code::invalid_argument);
  CHECK(code_from_http_status(503) == code::unavailable);
  for (const int foreign : {-1, 0, 100, 302, 418, 520, 599, 1000}) CHECK(code_from_http_status(foreign) == code::unknown);
}

TEST_CASE("codes that share a status with no other come back from it") {
  for (const code value : {code::cancelled, code::deadline_exceeded, code::not_found, code::permission_denied, code::resource_exhausted,
                           code::unimplemented, code::unavailable, code::unauthenticated}) {
    CHECK(code_from_http_status(http_status_of(value)) == value);
  }
}

TEST_CASE("names are Connect's and come back") {
  CHECK(http_code_name(code::cancelled) == "canceled");
  CHECK(http_code_name(code::not_found) == "not_found");
  CHECK(http_code_name(code_at(200)) == "unknown");
  for (std::size_t i = 0; i < tenon::code_count; ++i) CHECK(code_from_http_name(http_code_name(code_at(i))) == code_at(i));
  CHECK_FALSE(code_from_http_name("cancelled").has_value());
  CHECK_FALSE(code_from_http_name("NOT_FOUND").has_value());
  CHECK_FALSE(code_from_http_name("").has_value());
}

TEST_CASE("every status that a code is answered with has its words") {
  for (std::size_t i = 0; i < tenon::code_count; ++i) CHECK_FALSE(http_reason(http_status_of(code_at(i))).empty());
  CHECK(http_reason(299).empty());
}
