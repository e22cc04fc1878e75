#include <tenon/reflect/names.hpp>

#include <doctest/doctest.h>

#include <string_view>

namespace names_test {

struct quote {};
template <class T>
struct page {};
template <class T, int Count>
struct block {
  struct part {};
};

namespace {
struct hidden {};
} // namespace

} // namespace names_test

TEST_CASE("a type is named with and without its namespaces") {
  static_assert(tenon::type_name<names_test::quote> == "quote");
  static_assert(tenon::qualified_type_name<names_test::quote> == "names_test::quote");
  CHECK(tenon::type_name<int> == "int");
}

TEST_CASE("a template's name keeps its arguments, with their namespaces and without the blank of > >") {
  using names_test::block;
  using names_test::page;
  using names_test::quote;
  CHECK(tenon::type_name<page<quote>> == "page<names_test::quote>");
  CHECK(tenon::type_name<page<page<quote>>> == "page<names_test::page<names_test::quote>>");
  CHECK(tenon::qualified_type_name<block<quote, 3>::part> == "names_test::block<names_test::quote, 3>::part");
  CHECK(tenon::type_name<block<quote, 3>::part> == "part");
}

TEST_CASE("unnamed namespaces and functions around a type leave no trace in its name") {
  struct local {};
  CHECK(tenon::qualified_type_name<names_test::hidden> == "names_test::hidden");
  CHECK(tenon::type_name<names_test::page<names_test::hidden>> == "page<names_test::hidden>");
  CHECK(tenon::type_name<local> == "local");
  CHECK(tenon::qualified_type_name<local> == "local");
}
