#include <tenon/service/detail/json_schema.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/reflect/struct.hpp>

namespace schema_test {

using nlohmann::json;
using tenon::detail::json_schema_of;

enum class color : std::uint8_t { red = 1, green = 2 };

struct quote {
  std::string symbol;
  double price = 0;
};

struct node {
  std::int32_t value = 0;
  std::vector<node> children;
  std::unique_ptr<node> next;
};

struct documented {
  std::string owner;
  quote last;
  std::chrono::milliseconds wait{};
  TENON_STRUCT((documented, tenon::doc("An \"account\".")), (owner, tenon::required, tenon::doc("who pays")), (last, tenon::doc("the newest")), (wait, tenon::name("wait_ms"), tenon::doc("patience")))
};

struct everything {
  bool truth = false;
  std::int8_t i8 = 0;
  std::uint64_t u64 = 0;
  float single = 0;
  double real = 0;
  std::string text;
  tenon::bytes data;
  color paint = color::red;
  std::optional<int> maybe;
  std::optional<quote> hint;
  std::vector<std::vector<quote>> grid;
  std::array<int, 2> pair_of_integers{};
  std::map<std::string, quote> by_name;
  std::map<int, color> by_number;
  std::variant<std::monostate, int, std::string, quote> bare;
  std::variant<std::int32_t, double, quote> named;
  std::tuple<int, bool> tuple;
  std::chrono::milliseconds wait{};
  std::chrono::duration<double> lag{};
  std::chrono::sys_seconds moment{};
  json free;
  std::monostate none;
  node tree;
};

struct shares {
  std::int32_t count = 0;
  TENON_STRUCT((shares, tenon::wrapper), count)
};
struct wrapped_and_keyed {
  std::optional<shares> limit;
  std::map<bool, shares> by_truth;
};

namespace other {
struct quote {
  int other = 0;
};
}  // namespace other

template <class T>
struct page {
  std::vector<T> items;
};

struct two_quotes {
  quote one;
  other::quote two;
  page<other::quote> three;
};

struct market {
  quote last(std::string symbol);
  quote buy(std::string symbol, int shares, std::optional<double> limit, std::variant<std::monostate, quote, node> reason);
  void put(quote what);
  double average(std::vector<std::string> symbols, int days);
  int count();
  TENON_SERVICE((market, tenon::doc("Prices.")), (last, tenon::params("symbol"), tenon::doc("the newest price")), (buy, tenon::params("symbol", "shares", "limit", "reason")), put, average, count)
};

template <class T>
json schema() {
  return json::parse(json_schema_of<T>());
}

}  // namespace schema_test

using namespace schema_test;

TEST_CASE("a struct's schema refers to its definition") {
  CHECK(json_schema_of<quote>() ==
        R"({"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"#/$defs/quote","$defs":{"quote":{"type":"object","properties":{"symbol":{"type":"string"},"price":{"type":"number","format":"double"}},"additionalProperties":true}}})");
}

TEST_CASE("other types are described at the root") {
  CHECK(json_schema_of<int>() ==
        R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"integer","format":"int32","minimum":-2147483648,"maximum":2147483647,"$defs":{}})");
  CHECK(schema<double>()["format"] == "double");
  CHECK(schema<json>().size() == 2);
  const json list = schema<std::vector<quote>>();
  CHECK(list["items"] == json{{"$ref", "#/$defs/quote"}});
  CHECK(list["$defs"].size() == 1);
}

TEST_CASE("documentation, requirement and wire names are said") {
  const json all = schema<documented>();
  const json& about = all["$defs"]["documented"];
  CHECK(about["description"] == "An \"account\".");
  CHECK(about["required"] == json{"owner"});
  CHECK(about["properties"]["owner"] == json{{"description", "who pays"}, {"type", "string"}});
  CHECK(about["properties"]["last"] == json{{"description", "the newest"}, {"$ref", "#/$defs/quote"}});
  CHECK(about["properties"]["wait_ms"] == json{{"description", "patience (milliseconds)"}, {"type", "integer"}});
}

TEST_CASE("a wrapper is described as its field, and keys that are bool by their two words") {
  const json fields = schema<wrapped_and_keyed>()["$defs"]["wrapped_and_keyed"]["properties"];
  const json integer{{"type", "integer"}, {"format", "int32"}, {"minimum", -2147483648LL}, {"maximum", 2147483647}};
  CHECK(fields["limit"] == json{{"anyOf", {integer, {{"type", "null"}}}}});
  CHECK(fields["by_truth"] == json{{"type", "object"}, {"propertyNames", {{"enum", {"true", "false"}}}}, {"additionalProperties", integer}});
}

TEST_CASE("every shape has its schema") {
  const json all = schema<everything>();
  const json& fields = all["$defs"]["everything"]["properties"];
  const json ref{{"$ref", "#/$defs/quote"}};
  const json integer{{"type", "integer"}, {"format", "int32"}, {"minimum", -2147483648LL}, {"maximum", 2147483647}};
  CHECK(fields.size() == tenon::field_count<everything>);
  CHECK(fields["truth"] == json{{"type", "boolean"}});
  CHECK(fields["i8"] == json{{"type", "integer"}, {"format", "int8"}, {"minimum", -128}, {"maximum", 127}});
  CHECK(fields["u64"]["maximum"] == 18446744073709551615U);
  CHECK(fields["single"] == json{{"type", "number"}, {"format", "float"}});
  CHECK(fields["data"] == json{{"type", "string"}, {"contentEncoding", "base64"}});
  CHECK(fields["paint"] == json{{"$ref", "#/$defs/color"}});
  CHECK(all["$defs"]["color"] == json{{"type", "string"}, {"enum", {"red", "green"}}});
  CHECK(fields["maybe"] == json{{"anyOf", {integer, {{"type", "null"}}}}});
  CHECK(fields["hint"] == json{{"anyOf", {ref, {{"type", "null"}}}}});
  CHECK(fields["grid"] == json{{"type", "array"}, {"items", {{"type", "array"}, {"items", ref}}}});
  CHECK(fields["pair_of_integers"] == json{{"type", "array"}, {"items", integer}, {"minItems", 2}, {"maxItems", 2}});
  CHECK(fields["by_name"] == json{{"type", "object"}, {"additionalProperties", ref}});
  CHECK(fields["by_number"] == json{{"type", "object"}, {"propertyNames", {{"pattern", "^-?[0-9]+$"}}}, {"additionalProperties", {{"$ref", "#/$defs/color"}}}});
  CHECK(fields["bare"] == json{{"anyOf", {{{"type", "null"}}, integer, {{"type", "string"}}, ref}}});
  CHECK(fields["named"]["oneOf"][2] == json{{"type", "object"}, {"properties", {{"quote", ref}}}, {"required", {"quote"}}, {"additionalProperties", false}});
  CHECK(fields["tuple"] == json{{"type", "array"}, {"prefixItems", {integer, {{"type", "boolean"}}}}, {"minItems", 2}, {"items", false}});
  CHECK(fields["wait"] == json{{"description", "milliseconds"}, {"type", "integer"}});
  CHECK(fields["lag"] == json{{"description", "seconds"}, {"type", "number"}});
  CHECK(fields["moment"] == json{{"type", "string"}, {"format", "date-time"}});
  CHECK(fields["free"] == json::object());
  CHECK(fields["none"] == json{{"type", "null"}});
  CHECK(all["$defs"]["node"]["properties"]["children"] == json{{"type", "array"}, {"items", {{"$ref", "#/$defs/node"}}}});
  CHECK(all["$defs"].size() == 4);
}

TEST_CASE("types of one name in different namespaces have definitions of their own") {
  const json all = schema<two_quotes>();
  const json& fields = all["$defs"]["two_quotes"]["properties"];
  CHECK(fields["one"]["$ref"] == "#/$defs/quote");
  CHECK(fields["two"]["$ref"] == "#/$defs/schema_test.other.quote");
  CHECK(fields["three"]["$ref"] == "#/$defs/page_schema_test.other.quote");
  CHECK(all["$defs"]["schema_test.other.quote"]["properties"].contains("other"));
}

TEST_CASE("a service's schema has the parameters and the result of each method") {
  const json all = schema<market>();
  CHECK(all["title"] == "market");
  CHECK(all["description"] == "Prices.");
  const json& known = all["$defs"];
  CHECK(known["last.parameters"] ==
        json{{"description", "the newest price"}, {"type", "object"}, {"properties", {{"symbol", {{"type", "string"}}}}}, {"required", {"symbol"}}, {"additionalProperties", true}});
  CHECK(known["last.result"] == json{{"$ref", "#/$defs/quote"}});
  CHECK(known["buy.parameters"]["required"] == json{"symbol", "shares"});
  CHECK(known["buy.parameters"]["properties"].size() == 4);
  const json named{{"type", "object"}, {"properties", {{"node", {{"$ref", "#/$defs/node"}}}}}, {"required", {"node"}}, {"additionalProperties", false}};
  CHECK(known["buy.parameters"]["properties"]["reason"]["oneOf"][0] == json{{"type", "null"}});
  CHECK(known["buy.parameters"]["properties"]["reason"]["oneOf"][2] == named);
  CHECK(known["put.parameters"] == json{{"$ref", "#/$defs/quote"}});
  CHECK(known["put.result"] == json{{"type", "null"}});
  CHECK(known["average.parameters"]["prefixItems"][0]["items"] == json{{"type", "string"}});
  CHECK(known["count.parameters"] == json{{"type", "null"}});
  CHECK(known.size() == 12);
}

// Schemas and the texts that codec::json writes for them, for a validator that is not ours: TENON_SCHEMA_CASES names the file to write.
TEST_CASE("schemas and values are written for a foreign validator") {
  const char* const path = std::getenv("TENON_SCHEMA_CASES");
  if (path == nullptr) {
    MESSAGE("skipped: TENON_SCHEMA_CASES names no file; sh tests/interop/json.sh sets it");
    return;
  }
  everything full;
  full.u64 = 18446744073709551615U;
  full.maybe = 3;
  full.hint = quote{"A", 1};
  full.grid = {{{"B", 2}}, {}};
  full.by_name = {{"k", {"C", 3}}};
  full.by_number = {{-5, color::green}};
  full.bare = quote{"D", 4};
  full.named = 1.5;
  full.data = {std::byte{255}};
  full.free = {{"any", {1, nullptr}}};
  full.tree.next = std::make_unique<node>();
  full.tree.children.resize(2);
  const auto text = [](const auto& value) { return json::parse(tenon::encode<tenon::codec::json>(value)); };
  json wrong = text(full);
  wrong["hint"]["price"] = "high";
  json out_of_range = text(full);
  out_of_range["i8"] = 300;
  json no_color = text(full);
  no_color["paint"] = "purple";
  using perhaps = std::variant<std::monostate, quote, node>;
  json cases = json::array();
  cases.push_back({{"schema", schema<perhaps>()}, {"good", {text(perhaps{}), text(perhaps{quote{"E", 5}})}}, {"bad", {5, json::object(), {{"null", nullptr}}}}});
  cases.push_back({{"schema", schema<everything>()}, {"good", {text(full), text(everything{}), json::object()}}, {"bad", {wrong, out_of_range, no_color, 5}}});
  cases.push_back({{"schema", schema<documented>()}, {"good", {text(documented{})}}, {"bad", {json::object()}}});
  cases.push_back({{"schema", schema<std::vector<quote>>()}, {"good", {json::array(), text(std::vector<quote>(2))}}, {"bad", {json::object()}}});
  cases.push_back({{"schema", schema<market>()}, {"good", json::array()}, {"bad", json::array()}});
  std::FILE* const file = std::fopen(path, "w");
  REQUIRE(file != nullptr);
  std::fputs(cases.dump().c_str(), file);
  std::fclose(file);
}
