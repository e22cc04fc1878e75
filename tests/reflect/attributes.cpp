#include <tenon/reflect/attributes.hpp>

#include <doctest/doctest.h>

#include <boost/hana/tuple.hpp>
#include <string_view>

namespace {

struct sensitive { // An attribute of another layer.
  int level;
};

constexpr boost::hana::tuple<tenon::name_attribute, sensitive, tenon::required_attribute, sensitive> several{
    tenon::name("userId"), sensitive{3}, tenon::required, sensitive{4}};
constexpr boost::hana::tuple<> nothing;

} // namespace

TEST_CASE("an attribute is found by its type, the first one when there are several") {
  static_assert(tenon::has_attribute<sensitive>(several));
  static_assert(tenon::find_attribute<sensitive>(several)->level == 3);
  static_assert(tenon::find_attribute<tenon::name_attribute>(several)->value == "userId");
  CHECK(tenon::has_attribute<tenon::required_attribute>(several));
}

TEST_CASE("an attribute that is not there is a null pointer") {
  static_assert(!tenon::has_attribute<tenon::number_attribute>(several));
  static_assert(tenon::find_attribute<tenon::number_attribute>(several) == nullptr);
  static_assert(!tenon::has_attribute<tenon::required_attribute>(nothing));
  CHECK(tenon::find_attribute<tenon::doc_attribute>(nothing) == nullptr);
}

TEST_CASE("the parameters' names are kept in their order") {
  constexpr auto params = tenon::params("symbol", "shares");
  static_assert(params.names.size() == 2);
  CHECK(params.names[0] == "symbol");
  CHECK(params.names[1] == "shares");
  static_assert(tenon::params().names.empty());
  static_assert(tenon::number(5).value == 5);
  static_assert(tenon::doc("what it is").value == "what it is");
}
