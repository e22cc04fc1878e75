#include <tenon/service/routes.hpp>

#include <doctest/doctest.h>

#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <simulation.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>
#include <tenon/protocol/http_policy.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

using namespace simulated;
using document = nlohmann::json;

namespace {

enum class side { buy, sell };

struct line {
  std::string item;
  int count = 1;
};
struct search {
  std::string symbol;
  int limit = 20;
  std::vector<std::string> tags{"none"};
  std::optional<side> only;
  bool open = false;
};

struct orders {
  std::string one(int id) { return "order " + std::to_string(id); }
  std::string newest() { return "newest"; }
  std::string add(std::string customer, line what, int priority) { return customer + " wants " + std::to_string(what.count) + " " + what.item + " at " + std::to_string(priority); }
  std::string rename(int id, std::string name) { return std::to_string(id) + " is " + name; }
  search find(search by) { return by; }
  tenon::task<std::string> remove(int id) { co_return "removed " + std::to_string(id); }
  std::string pair(std::string left, double right) { return left + "|" + std::to_string(right); }
  int sum(std::vector<int> of, std::optional<int> start) {
    int all = start.value_or(0);
    for (const int each : of) all += each;
    return all;
  }
  std::string note(tenon::context& call, std::string text) { return text + std::string{call.request_metadata().get("trace").value_or("")}; }
  tenon::result<int> none(int id) { return tenon::status{tenon::code::not_found, "no order " + std::to_string(id)}; }
  TENON_SERVICE(orders, (one, tenon::get("/orders/{id}")), (newest, tenon::get("/orders/newest")), (add, tenon::post("/orders/of/{customer}"), tenon::params("customer", "what", "priority")),
                (rename, tenon::put("/orders/{id}/name/{name}"), tenon::patch("/orders/{id}"), tenon::params("id", "name")),
                (find, tenon::get("/search/{symbol}"), tenon::post("/search")), (remove, tenon::del("/orders/{id}")), (pair, tenon::get("/pair/{left}/{right}")),
                (sum, tenon::get("/sum"), tenon::params("of", "start")), (note, tenon::post("/note"), tenon::params("text")), (none, tenon::get("/none/{id}")))
};

struct answer {
  int status = 0;
  std::string head;
  std::string body;
  document value() const { return document::parse(body); }
  std::string message() const { return value().at("message").get<std::string>(); }
  bool has(std::string_view part) const { return head.find("\r\n" + std::string{part} + "\r\n") != std::string::npos; }
};

struct served_orders : world {
  explicit served_orders(tenon::server_options options = {}) : server{io, options} {
    server.serve(orders{});
    server.listen(wire, "orders");
    server.start();
    run();
  }

  answer ask(std::string_view request_line, std::string_view body = "", std::string_view headers = "") {
    peer caller{*this};
    REQUIRE(caller.connect("orders"));
    std::string text{request_line};
    text.append(" HTTP/1.1\r\nHost: shop.example\r\n").append(headers);
    if (!body.empty()) text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    caller.say(text.append("\r\n").append(body));
    const std::string heard{caller.heard()};
    const std::size_t end = heard.find("\r\n\r\n");
    REQUIRE(end != std::string_view::npos);
    answer found{.head = heard.substr(0, end + 2), .body = heard.substr(end + 4)};
    std::from_chars(found.head.data() + 9, found.head.data() + 12, found.status);
    return found;
  }

  tenon::server<> server;
};

}  // namespace

TEST_CASE("a path's steps are the parameters, by name or in their order") {
  served_orders world;
  CHECK(world.ask("GET /orders/7").body == "\"order 7\"");
  CHECK(world.ask("GET /orders/newest").body == "\"newest\"");
  CHECK(world.ask("GET /pair/a%2Fb%20%22c/2.5").value() == "a/b \"c|2.500000");
  CHECK(world.ask("PUT /orders/7/name/new").value() == "7 is new");
  CHECK(world.ask("DELETE /orders/7").value() == "removed 7");
  CHECK(world.ask("GET http://shop.example/orders/%37").value() == "order 7");
  CHECK(world.ask("POST /orders/one", "8").value() == "order 8");
  CHECK(world.ask("GET /none/7").status == 404);
  CHECK(world.ask("GET /none/7").message() == "no order 7");
}

TEST_CASE("what the path does not name comes from the query, then from the body") {
  served_orders world;
  const answer found = world.ask("GET /search/ACME?limit=5&tags=a&tags=b+c&only=sell&open=true&other=1&symbol=no");
  CHECK(found.value() == document::parse(R"({"symbol":"ACME","limit":5,"tags":["a","b c"],"only":"sell","open":true})"));
  CHECK(world.ask("GET /search/ACME?open").value().at("open") == true);
  // What is not given keeps the struct's own default.
  CHECK(world.ask("GET /search/ACME").value().at("tags") == document{"none"});
  CHECK(world.ask("POST /search?limit=7", R"({"symbol":"A","limit":1})").value().at("limit") == 7);
  CHECK(world.ask("POST /search", "").value().at("limit") == 20);
  CHECK(world.ask("PATCH /orders/7", R"( {"name":"x","id":9} )").value() == "7 is x");
  CHECK(world.ask("PATCH /orders/7?name=y").value() == "7 is y");
  // One parameter is a struct: the body is it.
  CHECK(world.ask("POST /orders/of/ann?priority=3", R"({"item":"nut","count":2})").value() == "ann wants 2 nut at 3");
  CHECK(world.ask("GET /sum?of=1&of=2&start=10").value() == 13);
  CHECK(world.ask("GET /sum").value() == 0);
  CHECK(world.ask("POST /note", R"({"text":"hello "})", "Trace: abc\r\n").value() == "hello abc");
}

TEST_CASE("what cannot be read names its parameter") {
  served_orders world;
  const auto refusal = [&world](std::string_view line, std::string_view body = "") {
    const answer found = world.ask(line, body);
    CHECK(found.status == 400);
    CHECK(found.value().at("code") == "invalid_argument");
    return found.message();
  };
  CHECK(refusal("GET /orders/abc") == "orders.one: path parameter \"id\": expected a number, found \"abc\"");
  CHECK(refusal("GET /orders/1,2") == "orders.one: path parameter \"id\": expected a number, found \"1,2\"");
  CHECK(refusal("GET /search/A?limit=many") == "orders.find: query parameter \"limit\": expected a number, found \"many\"");
  CHECK(refusal("GET /search/A?limit=") == "orders.find: query parameter \"limit\": expected a number, found \"\"");
  CHECK(refusal("GET /search/A?limit=1&limit=2") == "orders.find: query parameter \"limit\": expected it once, found \"2\"");
  CHECK(refusal("GET /search/A?open=1") == "orders.find: query parameter \"open\": expected true or false, found \"1\"");
  CHECK(refusal("GET /search/A?limit=%zz") == "orders.find: query: expected two hexadecimal digits after each percent sign, found \"limit=%zz\"");
  CHECK(refusal("GET /search/%FF") == "orders.find: path parameter \"symbol\": expected UTF-8, found \"\xEF\xBF\xBD\"");
  CHECK(refusal("GET /search/A?limit=99999999999").find("\"limit\"") != std::string::npos);
  CHECK(refusal("GET /search/A?only=hold").find("\"only\"") != std::string::npos);
  CHECK(refusal("POST /orders/of/ann?what=1").find("query parameter \"what\": expected it in the body") != std::string::npos);
  CHECK(refusal("POST /orders/of/ann?priority=1").find("\"what\"") != std::string::npos);
  CHECK(refusal("POST /search", "[1]") == "orders.find: body: expected an object, found \"[1]\"");
  CHECK(world.ask("GET /orders/7", "x").status == 400);
  CHECK(world.ask("POST /search", "{}", "Content-Type: application/msgpack\r\n").status == 415);
}

TEST_CASE("nothing in a body can end the arguments early, or say what the path says") {
  served_orders world;
  for (const std::string_view body : {R"({"item":"a"},"customer":"eve")", R"({"item":"a"}}{)", R"({"item":"a")", R"({"item":"a"} 1)", R"("}{")"}) {
    CHECK(world.ask("POST /orders/of/ann?priority=1", body).status == 400);
  }
  for (const std::string_view body : {R"({"name":"a"},"id":{})", R"({"name":"a"}, {"b":1})", R"({"name":"a",})", R"({"name":"a}")"}) {
    CHECK(world.ask("PATCH /orders/7", body).status == 400);
  }
  CHECK(world.ask("PATCH /orders/7", R"({"name":"a","id":9})").value() == "7 is a");
}

TEST_CASE("a path that is there by another verb is 405 with the verbs it has, and nothing else is") {
  served_orders world;
  const answer refused = world.ask("PUT /orders/7");
  CHECK(refused.status == 405);
  CHECK(refused.has("Allow: DELETE, GET, HEAD, PATCH, OPTIONS"));
  CHECK(world.ask("POST /orders/7", "{}").status == 405);
  CHECK(world.ask("GET /search").status == 405);
  CHECK(world.ask("GET /search").has("Allow: POST, OPTIONS"));
  CHECK(world.ask("POST /search/A", "{}").status == 405);
  CHECK(world.ask("POST /none/at/all/here", "{}").status == 404);
  CHECK(world.ask("GET /orders/").status == 404);
  CHECK(world.ask("GET /orders/7/").status == 404);
  CHECK(world.ask("GET /Orders/7").status == 404);
  const answer options = world.ask("OPTIONS /orders/7");
  CHECK(options.status == 204);
  CHECK(options.has("Allow: DELETE, GET, HEAD, PATCH, OPTIONS"));
  const answer head = world.ask("HEAD /orders/7");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(head.head.find("Content-Length:") != std::string::npos);
}

TEST_CASE("a method that GET finds is safe, one that PUT or DELETE finds is idempotent") {
  CHECK(tenon::method<orders, 0>::is_safe);
  CHECK(!tenon::method<orders, 2>::is_idempotent);
  CHECK(!tenon::method<orders, 3>::is_safe);
  CHECK(tenon::method<orders, 3>::is_idempotent);
  CHECK(tenon::method<orders, 5>::is_idempotent);
  served_orders world;
  CHECK(world.ask("GET /orders/one?message=8").value() == "order 8");
}

TEST_CASE("a body that comes in pieces reaches its route") {
  served_orders world;
  peer caller{world};
  REQUIRE(caller.connect("orders"));
  const std::string text = "PATCH /orders/%37?name=slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}GET /orders/8 HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const char each : text) caller.say({&each, 1});
  const std::string heard{caller.heard()};
  CHECK(heard.find("\"7 is slow\"") != std::string::npos);
  CHECK(heard.ends_with("\"order 8\""));
}

TEST_CASE("a route that another service has already is refused when it is served") {
  tenon::service::route_table table;
  const auto mine = tenon::service::routes_of<orders>();
  CHECK(table.add(mine).ok());
  const tenon::status again = table.add(mine.subspan(0, 1));
  CHECK(again.code() == tenon::code::already_exists);
  CHECK(again.message() == "route GET /orders/{id} of orders.one takes what /orders/{id} of orders.one takes already");
}

TEST_CASE("pages of other origins may call where they are listed, and nowhere else") {
  served_orders closed;
  const std::string_view from_shop = "Origin: https://shop.example\r\n";
  const std::string_view from_other = "Origin: https://evil.example\r\n";
  const std::string_view preflight = "Origin: https://evil.example\r\nAccess-Control-Request-Method: PATCH\r\nAccess-Control-Request-Headers: content-type, x-grpc-web\r\n";
  CHECK(closed.ask("POST /orders/one", "8", from_shop).status == 200);
  const answer refused = closed.ask("POST /orders/one", "8", from_other);
  CHECK(refused.status == 403);
  CHECK(refused.message() == "pages of the origin \"https://evil.example\" may not call here; list it in http_options::allowed_origins");
  CHECK(closed.ask("DELETE /orders/7", "", from_other).status == 403);
  CHECK(closed.ask("POST /orders/one", "8", "Origin: null\r\n").status == 403);
  CHECK(closed.ask("POST /orders/one", "8", "Origin: http://x\r\nSec-Fetch-Site: same-origin\r\n").status == 200);
  const answer hidden = closed.ask("GET /orders/7", "", from_other);
  CHECK(hidden.status == 200);
  CHECK(hidden.head.find("Access-Control") == std::string::npos);
  CHECK(closed.ask("OPTIONS /orders/7", "", preflight).status == 403);

  served_orders open{{.http = tenon::over_http({.allowed_origins = {"https://a.example", "https://evil.example"}, .preflight_age = std::chrono::seconds{60}})}};
  const answer told = open.ask("OPTIONS /orders/7", "", preflight);
  CHECK(told.status == 204);
  CHECK(told.has("Access-Control-Allow-Origin: https://evil.example"));
  CHECK(told.has("Access-Control-Allow-Methods: DELETE, GET, HEAD, PATCH"));
  CHECK(told.has("Access-Control-Allow-Headers: content-type, x-grpc-web"));
  CHECK(told.has("Access-Control-Max-Age: 60"));
  CHECK(told.has("Vary: Origin"));
  CHECK(open.ask("OPTIONS /orders/one", "", preflight).has("Access-Control-Allow-Methods: DELETE, GET, HEAD, PATCH, POST"));
  CHECK(open.ask("OPTIONS /orders.v1/one", "", preflight).has("Access-Control-Allow-Methods: GET, HEAD, POST"));
  for (const answer& each : {open.ask("POST /orders/one", "8", from_other), open.ask("POST /orders/one", "\"x\"", from_other), open.ask("GET /none/1", "", from_other),
                             open.ask("POST /none", "{}", from_other), open.ask("POST /orders/one", "8", "Content-Type: a/b\r\nOrigin: https://evil.example\r\n")}) {
    CHECK(each.has("Access-Control-Allow-Origin: https://evil.example"));
    CHECK(each.has("Access-Control-Expose-Headers: grpc-status, grpc-message, grpc-status-details-bin, grpc-encoding, grpc-accept-encoding, *"));
  }
  CHECK(open.ask("POST /orders/one", "8").has("Vary: Origin"));
  CHECK(open.ask("POST /orders/one", "8", "Origin: https://c.example\r\n").status == 403);

  served_orders all{{.http = tenon::over_http({.allowed_origins = {"*"}})}};
  CHECK(all.ask("POST /orders/one", "8", from_other).has("Access-Control-Allow-Origin: *"));
  served_orders trusting{{.http = tenon::over_http({.allowed_origins = {"*", "https://evil.example"}, .allow_credentials = true, .exposed_headers = {"cost"}})}};
  const answer trusted = trusting.ask("POST /orders/one", "8", from_other);
  CHECK(trusted.has("Access-Control-Allow-Origin: https://evil.example"));
  CHECK(trusted.has("Access-Control-Allow-Credentials: true"));
  CHECK(trusted.has("Access-Control-Expose-Headers: grpc-status, grpc-message, grpc-status-details-bin, grpc-encoding, grpc-accept-encoding, cost"));
  CHECK(trusting.ask("POST /orders/one", "8", "Origin: https://c.example\r\n").status == 403);
}

TEST_CASE("a long target is 414, a long head 431, a long body 413") {
  served_orders world{{.limits = {.max_message_bytes = 1000, .max_metadata_bytes = 2000}, .http = tenon::over_http({.max_target_bytes = 100})}};
  CHECK(world.ask("GET /orders/7?x=" + std::string(80, 'y')).status == 200);
  CHECK(world.ask("GET /orders/7?x=" + std::string(90, 'y')).status == 414);
  CHECK(world.ask("GET /orders/7?x=" + std::string(3000, 'y')).status == 414);
  CHECK(world.ask("GET /orders/7", "", "X: " + std::string(3000, 'y') + "\r\n").status == 431);
  CHECK(world.ask("POST /search", std::string(1001, ' ')).status == 413);
}

TEST_CASE("a method's own path is reached whatever a route's parameter could take") {
  served_orders world;
  CHECK(world.ask("GET /orders/one?message=8").value() == "order 8");
  CHECK(world.ask("GET /orders/sum?of=1").status == 400);
  CHECK(world.ask("DELETE /orders/one").status == 400);
  CHECK(world.ask("GET /orders/8").value() == "order 8");
}
