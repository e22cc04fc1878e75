#include <tenon/core/result.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using tenon::code;
using tenon::result;
using tenon::status;

struct counted {
  static inline int alive = 0;
  static inline int throw_at_move = -1;
  int value = 0;
  explicit counted(int v = 0) : value{v} { ++alive; }
  counted(const counted& other) : value{other.value} { ++alive; }
  counted(counted&& other) : value{std::exchange(other.value, -1)} {
    if (throw_at_move == 0) throw std::runtime_error{"move"};
    if (throw_at_move > 0) --throw_at_move;
    ++alive;
  }
  counted& operator=(const counted&) = default;
  counted& operator=(counted&&) = default;
  ~counted() { --alive; }
  bool operator==(const counted&) const = default;
};

struct point {
  int x = 0;
  int y = 0;
  bool operator==(const point&) const = default;
};

struct fixed {
  const int value = 0;
};

struct immovable {
  immovable() = default;
  immovable(const immovable&) = delete;
};

struct no_default {
  explicit no_default(int v) : value{v} {}
  int value;
};

static_assert(std::is_default_constructible_v<result<int>> && !std::is_default_constructible_v<result<no_default>>);
static_assert(std::is_copy_constructible_v<result<std::string>> && !std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(!std::is_copy_assignable_v<result<std::unique_ptr<int>>> && std::is_move_assignable_v<result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::string>> && !std::is_nothrow_move_constructible_v<result<counted>>);
static_assert(std::is_copy_constructible_v<result<fixed>> && !std::is_copy_assignable_v<result<fixed>> && !std::is_move_assignable_v<result<fixed>>);
static_assert(std::is_convertible_v<const char*, result<std::string>> && !std::is_convertible_v<int, result<no_default>>);
static_assert(std::is_constructible_v<result<no_default>, int>);
static_assert(std::is_convertible_v<status, result<int>> && std::is_convertible_v<code, result<int>>);
static_assert(!std::is_convertible_v<result<std::string>, result<int>> && std::is_convertible_v<result<int>, result<double>>);
static_assert(!std::is_convertible_v<result<void>, result<int>>);
static_assert(std::is_same_v<result<int>::rebind<char>, result<char>> && std::is_same_v<result<void>::value_type, void>);

status failure() { return {code::not_found, "no such thing"}; }

}  // namespace

TEST_CASE("a result starts with a value of its own") {
  CHECK(*result<int>{} == 0);
  CHECK(result<std::string>{}.has_value());
  result<immovable> stays;
  CHECK(stays.has_value());
}

TEST_CASE("a result takes what its value takes") {
  const result<std::string> text = "abc";
  CHECK(*text == "abc");
  CHECK(text->size() == 3);
  const result<std::unique_ptr<int>> owned = std::make_unique<int>(7);
  CHECK(**owned == 7);
  const result<double> converted = result<int>{3};
  CHECK(*converted == 3.0);
  const result<double> passed = result<int>{failure()};
  CHECK(passed.error() == failure());
  const result<bool> yes = true;
  CHECK((yes.has_value() && *yes));
  result<no_default> direct{5};
  CHECK(direct->value == 5);
}

TEST_CASE("a result of an error has the error") {
  const result<int> failed = failure();
  CHECK_FALSE(failed.has_value());
  CHECK_FALSE(static_cast<bool>(failed));
  CHECK(failed.error().code() == code::not_found);
  CHECK(failed.to_status().message() == "no such thing");
  CHECK(result<int>{code::aborted}.error().message().empty());
  CHECK(result<int>{1}.to_status().ok());
}

TEST_CASE("an OK status where an error belongs becomes an internal error") {
  const result<int> wrong = status{};
  CHECK_FALSE(wrong.has_value());
  CHECK(wrong.error().code() == code::internal);
  CHECK(result<int>{code::ok}.error().code() == code::internal);
}

TEST_CASE("value() throws what it found") {
  const result<int> failed = failure();
  CHECK(result<int>{3}.value() == 3);
  try {
    (void)failed.value();
    FAIL("value() of an error returned");
  } catch (const tenon::bad_result_access& thrown) {
    CHECK(thrown.error() == failure());
    CHECK(std::string{thrown.what()} == "NOT_FOUND: no such thing");
  }
  CHECK_THROWS_AS((void)result<void>{failure()}.value(), tenon::bad_result_access);
  CHECK_NOTHROW(result<void>{}.value());
}

TEST_CASE("assignment goes from every state to every state and leaks nothing") {
  for (int from = 0; from < 2; ++from) {
    for (int to = 0; to < 2; ++to) {
      for (int how = 0; how < 2; ++how) {
        CAPTURE(from);
        CAPTURE(to);
        CAPTURE(how);
        {
          result<counted> source = from == 0 ? result<counted>{counted{4}} : result<counted>{failure()};
          result<counted> target = to == 0 ? result<counted>{counted{9}} : result<counted>{code::aborted};
          if (how == 0) {
            target = source;
            CHECK(target == source);
          } else {
            target = std::move(source);
          }
          CHECK(target.has_value() == (from == 0));
          if (from == 0) CHECK(target->value == 4);
          else CHECK(target.error() == failure());
        }
        CHECK(counted::alive == 0);
      }
    }
  }
}

TEST_CASE("assigning a result to itself changes nothing") {
  result<std::string> one = "text";
  result<std::string>& same = one;
  one = same;
  CHECK(*one == "text");
  one = std::move(same);
  CHECK(*one == "text");
  result<std::string> failed = failure();
  result<std::string>& same_failed = failed;
  failed = std::move(same_failed);
  CHECK(failed.error() == failure());
}

TEST_CASE("a move that throws while an error is replaced leaves the error") {
  {
    result<counted> target = failure();
    result<counted> source{counted{4}};
    counted::throw_at_move = 0;
    CHECK_THROWS_AS(target = std::move(source), std::runtime_error);
    counted::throw_at_move = -1;
    CHECK_FALSE(target.has_value());
    CHECK(target.error() == failure());
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a value may be replaced by an error it owns itself") {
  struct node {
    std::unique_ptr<result<node>> inner;
  };
  result<node> outer{node{std::make_unique<result<node>>(failure())}};
  outer = std::move(*outer->inner);
  CHECK(outer.error() == failure());
}

TEST_CASE("a result that was moved from keeps its kind") {
  result<std::string> failed = failure();
  const result<std::string> taken = std::move(failed);
  CHECK(taken.error() == failure());
  CHECK_FALSE(failed.has_value());
  CHECK(failed.error().code() == code::not_found);
}

TEST_CASE("value_or gives the value or the other one") {
  CHECK(result<int>{3}.value_or(4) == 3);
  CHECK(result<int>{failure()}.value_or(4) == 4);
  const result<std::string> failed = failure();
  CHECK(failed.value_or("other") == "other");
  CHECK(failed.value_or({}).empty());
  CHECK(*result<std::unique_ptr<int>>{std::make_unique<int>(1)}.value_or(nullptr) == 1);
}

TEST_CASE("and_then, transform and or_else pass the other state through") {
  const auto half = [](int v) -> result<int> { return v % 2 == 0 ? result<int>{v / 2} : result<int>{code::invalid_argument}; };
  CHECK(*result<int>{8}.and_then(half).and_then(half) == 2);
  CHECK(result<int>{6}.and_then(half).and_then(half) == code::invalid_argument);
  CHECK(result<int>{failure()}.and_then(half).error() == failure());
  const result<int> kept{5};
  CHECK(*kept.transform([](int v) { return std::to_string(v); }) == "5");
  CHECK(result<int>{failure()}.transform([](int v) { return std::to_string(v); }).error() == failure());
  int seen = 0;
  const result<void> nothing = kept.transform([&](int v) { seen = v; });
  CHECK(nothing.has_value());
  CHECK(seen == 5);
  CHECK(*kept.or_else([](const status&) { return result<int>{1}; }) == 5);
  CHECK(*result<int>{failure()}.or_else([](status why) { return result<int>{static_cast<int>(why.code())}; }) == 5);
  CHECK(*result<std::unique_ptr<int>>{std::make_unique<int>(3)}.transform([](std::unique_ptr<int> p) { return *p; }) == 3);
  CHECK(*result<void>{}.transform([] { return 4; }) == 4);
  CHECK(result<void>{}.and_then([] { return result<int>{failure()}; }).error() == failure());
  CHECK(result<void>{failure()}.or_else([](const status&) { return result<void>{}; }).has_value());
}

TEST_CASE("emplace puts a value in the place of either") {
  result<std::string> text = failure();
  CHECK(text.emplace(3U, 'x') == "xxx");
  CHECK(text.emplace("other") == "other");
}

TEST_CASE("results compare by state, and with a code by code alone") {
  CHECK(result<int>{1} == result<int>{1});
  CHECK(result<int>{1} != result<int>{2});
  CHECK(result<int>{1} != result<int>{failure()});
  CHECK(result<point>{point{1, 2}} == point{1, 2});
  CHECK(result<int>{failure()} == code::not_found);
  CHECK(result<int>{failure()} != code::aborted);
  CHECK(result<int>{1} == code::ok);
  CHECK(result<void>{failure()} == code::not_found);
  CHECK(result<void>{} == code::ok);
}

TEST_CASE("result<void> is its status") {
  CHECK(result<void>{}.has_value());
  CHECK(result<void>{status{}}.has_value());
  CHECK(result<void>{failure()}.error() == failure());
  CHECK(result<void>{code::aborted}.to_status().code() == code::aborted);
}
