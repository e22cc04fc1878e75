#include <tenon/service/method_table.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

using tenon::service::method_table;

namespace {

// Names as services have them: a common beginning, and a number in three letters.
template <std::size_t Count>
struct made_names {
  std::array<std::array<char, 9>, Count> letters{};
  std::array<std::string_view, Count> names{};
  constexpr made_names() {
    for (std::size_t i = 0; i < Count; ++i) {
      letters[i] = {'m', 'e', 't', 'h', 'o', 'd', static_cast<char>('a' + i / 100), static_cast<char>('a' + i / 10 % 10), static_cast<char>('a' + i % 10)};
      names[i] = {letters[i].data(), letters[i].size()};
    }
  }
};
template <std::size_t Count>
inline constexpr made_names<Count> made;

template <std::size_t Count>
void check_every_name() {
  static constexpr method_table<Count> table{made<Count>.names};
  for (std::size_t i = 0; i < Count; ++i) {
    const std::string name{made<Count>.names[i]};
    CHECK(table.find(name) == i);
    CHECK(table.find(name + "x") == Count);
    CHECK(table.find(name.substr(1)) == Count);
    CHECK(table.find(name.substr(0, 8)) == Count);
  }
  CHECK(table.find("") == Count);
  CHECK(table.find(std::string(10'000, 'm')) == Count);
}

constexpr method_table<3> few{std::array<std::string_view, 3>{"last", "buy", "a_name_that_is_longer_than_two_words_of_the_hash"}};
static_assert(few.find("last") == 0);
static_assert(few.find("a_name_that_is_longer_than_two_words_of_the_hash") == 2);
static_assert(few.find("a_name_that_is_longer_than_two_words_of_the_hasp") == 3);

template <class Names>
concept makes_a_table = requires { typename std::bool_constant<(method_table<Names::count>{Names::names}, true)>; };
struct different {
  static constexpr std::size_t count = 2;
  static constexpr std::array<std::string_view, 2> names{"one", "two"};
};
struct equal {
  static constexpr std::size_t count = 2;
  static constexpr std::array<std::string_view, 2> names{"one", "one"};
};
static_assert(makes_a_table<different>);
static_assert(!makes_a_table<equal>);

}  // namespace

TEST_CASE("every method is found by its name, and nothing else is, for few and for many") {
  check_every_name<1>();
  check_every_name<2>();
  check_every_name<3>();
  check_every_name<64>();
  check_every_name<200>();
}

TEST_CASE("the table says the same at run time as at compile time") {
  for (const std::string name : {"last", "buy", "a_name_that_is_longer_than_two_words_of_the_hash"}) CHECK(few.find(name) < 3);
  CHECK(few.find(std::string{"nothing"}) == 3);
}
