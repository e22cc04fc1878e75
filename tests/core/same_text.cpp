#include <tenon/core/same_text.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using tenon::detail::same_text;

static_assert(same_text("market", "market"));
static_assert(!same_text("market", "markeT"));

TEST_CASE("texts of every size are the same when every byte is") {
  for (std::size_t size = 0; size < 40; ++size) {
    CAPTURE(size);
    const std::string one(size, 'a');
    CHECK(same_text(one, std::string(size, 'a')));
    CHECK_FALSE(same_text(one, one + "a"));
    CHECK_FALSE(same_text(one + "a", one));
    for (std::size_t at = 0; at < size; ++at) {
      CAPTURE(at);
      std::string other = one;
      other[at] = static_cast<char>(0xE1);
      CHECK_FALSE(same_text(one, other));
      CHECK_FALSE(same_text(other, one));
    }
  }
}
