#include <tenon/service/openapi.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/service/routes.hpp>

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

struct shelf {
  int one(int place);
  quote move(int place, quote what, int by);
  quote seek(quote by);
  int take(int place);
  TENON_SERVICE(shelf, (one, tenon::get("/shelf/{place}")), (move, tenon::put("/shelf/{place}"), tenon::params("place", "what", "by")),
                (seek, tenon::get("/seek/{symbol}"), tenon::post("/seek")), (take, tenon::del("/shelf/{place}")))
};

}  // namespace

TEST_CASE("routes stand in an OpenAPI document with their parameters where they are taken from") {
  const auto all = nlohmann::json::parse(tenon::describe<shelf>(tenon::schema::openapi));
  const auto& at_place = all.at("paths").at("/shelf/{place}");
  CHECK(at_place.size() == 3);
  CHECK(at_place.at("get").at("operationId") == "shelf.one.get/shelf/{place}");
  CHECK(at_place.at("get").at("parameters").at(0).at("name") == "place");
  CHECK(at_place.at("get").at("parameters").at(0).at("in") == "path");
  CHECK(at_place.at("get").at("parameters").at(0).at("required") == true);
  CHECK(!at_place.at("get").contains("requestBody"));
  const auto& put = at_place.at("put");
  REQUIRE(put.at("parameters").size() == 2);
  CHECK(put.at("parameters").at(1).at("name") == "by");
  CHECK(put.at("parameters").at(1).at("in") == "query");
  CHECK(put.at("requestBody").at("content").at("application/json").at("schema").at("$ref") == "#/components/schemas/quote");
  const auto& paths = all.at("paths");
  CHECK(paths.at("/seek/{symbol}").at("get").at("parameters").at(1).at("name") == "price");
  CHECK(!paths.at("/seek/{symbol}").at("get").at("parameters").at(1).contains("required"));
  const auto& object = paths.at("/seek").at("post").at("requestBody").at("content").at("application/json").at("schema");
  CHECK(object.at("properties").size() == 2);
  CHECK(paths.contains("/shelf/one"));
}

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
