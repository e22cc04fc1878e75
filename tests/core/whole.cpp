#include <tenon/core/whole.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <new>
#include <utility>
#include <vector>

using held = tenon::detail::whole<std::vector<int>>;

TEST_CASE("whole: copied byte by byte it can be read, copied and destroyed, and the one that was made keeps what it has") {
  held made{std::vector<int>{1, 2, 3}};
  alignas(held) unsigned char bytes[sizeof(held)];
  std::memcpy(bytes, static_cast<const void*>(&made), sizeof made);
  held& elsewhere = *std::launder(reinterpret_cast<held*>(bytes));
  CHECK(*elsewhere == std::vector<int>{1, 2, 3});
  const held copied{elsewhere};
  const held moved{std::move(elsewhere)};
  held assigned;
  assigned = std::move(elsewhere);
  elsewhere.~held();
  CHECK(*made == std::vector<int>{1, 2, 3});
  CHECK(copied == made);
  CHECK(moved == made);
  CHECK(assigned == made);
}

TEST_CASE("whole: at home it moves as its value does") {
  held made{std::vector<int>{1, 2, 3}};
  const int* const first = made->data();
  held moved{std::move(made)};
  CHECK(moved->data() == first);
  held assigned;
  assigned = std::move(moved);
  CHECK(assigned->data() == first);
  const held copied = assigned;
  CHECK(copied->data() != first);
  CHECK(copied == assigned);
}
