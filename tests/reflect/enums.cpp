#include <tenon/reflect/enums.hpp>

#include <doctest/doctest.h>

#include <string_view>

namespace enums_test {

enum class colour { red, green = 5, blue = -3 };
enum plain { first, third = 3, large = 100 };
enum signed_plain { below = -1, above = 3 };
enum only_zero { zero };
enum single_byte : unsigned char { low = 0, high = 255 };
enum short_range : short { least = -128, most = 255, beyond = 256 };
enum class answer : bool { no, yes };
enum class wide : unsigned long long { one = 1, all = ~0ULL };
enum class twins { one = 1, uno = 1, two = 2 };
enum class empty {};

template <class T>
struct holder {
  enum nested { inside = 4 };
};

namespace {
enum class hidden { here = 7 };
} // namespace

} // namespace enums_test

using namespace enums_test;

TEST_CASE("an enumerator has a name, and a name has a value") {
  static_assert(tenon::enum_name(colour::green) == "green");
  static_assert(tenon::enum_value<colour>("blue") == colour::blue);
  CHECK(tenon::enum_name(third) == "third");
  CHECK(tenon::enum_value<plain>("large") == large);
  CHECK(tenon::enum_name(hidden::here) == "here");
  CHECK(tenon::enum_name(answer::yes) == "yes");
  CHECK(tenon::enum_name(holder<int>::inside) == "inside");
}

TEST_CASE("an unknown value has an empty name, an unknown name has no value") {
  CHECK(tenon::enum_name(static_cast<colour>(77)).empty());
  CHECK(tenon::enum_name(beyond).empty());
  CHECK(tenon::enum_name(wide::all).empty());
  CHECK_FALSE(tenon::enum_value<colour>("purple").has_value());
  CHECK_FALSE(tenon::enum_value<colour>("").has_value());
  CHECK_FALSE(tenon::enum_value<empty>("red").has_value());
}

TEST_CASE("the entries are in order of value") {
  constexpr const auto& entries = tenon::enum_entries<colour>;
  static_assert(entries.size() == 3);
  CHECK(entries[0].value == colour::blue);
  CHECK(entries[0].name == "blue");
  CHECK(entries[1].name == "red");
  CHECK(entries[2].name == "green");
  static_assert(tenon::enum_entries<empty>.size() == 0);
}

TEST_CASE("of two enumerators with one value the first is known") {
  CHECK(tenon::enum_entries<twins>.size() == 2);
  CHECK(tenon::enum_name(twins::uno) == "one");
}

TEST_CASE("enums are read as far as their type can hold values, from -128 to 255") {
  CHECK(tenon::enum_entries<signed_plain>.size() == 2);
  CHECK(tenon::enum_name(below) == "below");
  CHECK(tenon::enum_entries<only_zero>.size() == 1);
  CHECK(tenon::enum_name(high) == "high");
  CHECK(tenon::enum_name(least) == "least");
  CHECK(tenon::enum_name(most) == "most");
  CHECK(tenon::enum_entries<wide>.size() == 1);
}
