// Mirrors tenon/core/spare_buffers.hpp: what is kept, and how much.
#include <tenon/core/spare_buffers.hpp>

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

using tenon::buffer;
using tenon::detail::spare_buffers;

TEST_CASE("the memory that was given back last is lent first") {
  spare_buffers spare;
  buffer one;
  buffer two;
  spare.lend(one);
  CHECK(one.capacity() == 0);
  one.prepare(1000);
  two.prepare(2000);
  const char* const of_one = one.data();
  const char* const of_two = two.data();
  spare.take_back(one);
  spare.take_back(two);
  CHECK(one.capacity() == 0);
  CHECK(two.capacity() == 0);
  spare.lend(one);
  spare.lend(two);
  CHECK(one.data() == of_two);
  CHECK(two.data() == of_one);
}

TEST_CASE("what is too large, too many or too much together stays where it is") {
  spare_buffers spare;
  buffer large;
  large.prepare(spare_buffers::largest + 1);
  spare.take_back(large);
  CHECK(large.capacity() > spare_buffers::largest);

  std::vector<buffer> many(17);
  for (buffer& each : many) {
    each.prepare(100);
    spare.take_back(each);
  }
  for (std::size_t i = 0; i < 16; ++i) CHECK(many[i].capacity() == 0);
  CHECK(many[16].capacity() != 0);

  spare_buffers other;
  std::vector<buffer> wide(5);
  for (buffer& each : wide) {
    CHECK(each.reserve(spare_buffers::largest));
    other.take_back(each);
  }
  for (std::size_t i = 0; i < 4; ++i) CHECK(wide[i].capacity() == 0);
  CHECK(wide[4].capacity() == spare_buffers::largest);
}

TEST_CASE("two large buffers are kept where large answers are to be expected, until there is a rest") {
  spare_buffers spare;
  std::vector<buffer> large(4);
  for (buffer& each : large) CHECK(each.reserve(spare_buffers::largest_of_all));
  const char* const first = large[0].data();
  buffer larger;
  CHECK(larger.reserve(spare_buffers::largest_of_all + 1));
  spare.take_back_large(larger);
  CHECK(larger.capacity() == 0);
  for (int i = 0; i < 3; ++i) spare.take_back_large(large[static_cast<std::size_t>(i)]);
  for (int i = 0; i < 3; ++i) CHECK(large[static_cast<std::size_t>(i)].capacity() == 0);

  buffer small;
  spare.lend(small);
  CHECK(small.capacity() == 0);  // whoever writes little does not take them
  buffer lent;
  spare.lend_large(lent);
  CHECK(lent.data() == first);
  spare.take_back_large(lent);
  spare.rest();
  spare.lend_large(lent);
  CHECK(lent.capacity() == 0);
}

TEST_CASE("who may write much is lent a small buffer where there is no large one, and gives it back as any other") {
  spare_buffers spare;
  buffer some;
  some.prepare(1000);
  const char* const memory = some.data();
  spare.take_back_large(some);
  buffer lent;
  spare.lend_large(lent);
  CHECK(lent.data() == memory);
}
