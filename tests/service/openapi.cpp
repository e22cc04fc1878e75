#include <tenon/service/openapi.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/service.hpp>

namespace {

struct quote {
  std::string symbol;
  double price = 0;
};

struct market {
  quote last(std::string symbol);
  std::vector<quote> buy(quote what, int shares);
  void close();
  TENON_SERVICE((market, tenon::name("shop.v1.Market")), (last, tenon::safe, tenon::params("symbol"), tenon::doc("The \"last\" price.")), buy, close)
};

struct other {
  quote keep(quote what);
  TENON_SERVICE(other, keep)
};

}  // namespace

TEST_CASE("an OpenAPI document has a path for each method, and GET for safe ones") {
  const auto all = nlohmann::json::parse(tenon::describe<market, other>(tenon::schema::openapi));
  CHECK(all.at("openapi") == "3.1.0");
  CHECK(all.at("info").at("title") == "shop.v1.Market");
  const auto& paths = all.at("paths");
  REQUIRE(paths.size() == 4);
  const auto& last = paths.at("/shop.v1.Market/last");
  CHECK(last.size() == 2);
  CHECK(last.at("post").at("operationId") == "shop.v1.Market.last");
  CHECK(last.at("get").at("operationId") == "shop.v1.Market.last.get");
  CHECK(last.at("get").at("summary") == "The \"last\" price.");
  CHECK(last.at("get").at("parameters").at(0).at("name") == "message");
  CHECK(last.at("post").at("requestBody").at("content").at("application/json").at("schema").at("required") == nlohmann::json{"symbol"});
  CHECK_FALSE(paths.at("/shop.v1.Market/buy").contains("get"));
  CHECK(paths.at("/other/keep").at("post").at("tags") == nlohmann::json{"other"});
}

TEST_CASE("every reference of an OpenAPI document leads to a schema of its own") {
  const std::string text = tenon::describe<market, other>(tenon::schema::openapi);
  const auto all = nlohmann::json::parse(text);
  const auto& schemas = all.at("components").at("schemas");
  CHECK(schemas.contains("quote"));
  CHECK(schemas.at("quote").at("properties").contains("price"));
  const std::string prefix = "\"$ref\":\"#/components/schemas/";
  int found = 0;
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1), ++found) {
    const std::size_t start = at + prefix.size();
    CHECK(schemas.contains(text.substr(start, text.find('"', start) - start)));
  }
  CHECK(found > 4);
  CHECK(text.find("#/$defs/") == std::string::npos);
}
