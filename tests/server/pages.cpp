#include <tenon/service/pages.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <simulation.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>
#include <tenon/service/routes.hpp>

using namespace simulated;

namespace {

struct clerk {
  int add(int a, int b) { return a + b; }
  std::string name(int id) { return std::to_string(id); }
  TENON_SERVICE((clerk, tenon::name("shop.v1.Clerk")), (add, tenon::params("a", "b"), tenon::doc("Adds <two> numbers.")), (name, tenon::get("/clerks/{id}")))
};

struct served_clerk : world {
  served_clerk() : server{io} {
    server.serve(clerk{});
    shown = server.show(tenon::pages<clerk>{});
    server.listen(wire, "clerk");
    server.start();
    run();
  }
  std::string ask(std::string_view line, std::string_view body = "") {
    peer caller{*this};
    REQUIRE(caller.connect("clerk"));
    return say(caller, line, body);
  }
  std::string say(peer& caller, std::string_view line, std::string_view body = "") {
    caller.say(std::string{line} + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body});
    return std::string{caller.heard()};
  }
  tenon::status shown{};
  tenon::server<tenon::protocols<tenon::protocol::web_session>> server;
};

std::string body_of(std::string_view answer) { return std::string{answer.substr(answer.find("\r\n\r\n") + 4)}; }

}  // namespace

TEST_CASE("a server shows a page, its document and its health, and its calls as before") {
  served_clerk world;
  CHECK(world.shown.ok());
  const std::string page = world.ask("GET /");
  CHECK(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"));
  CHECK(page.find("Content-Security-Policy: default-src 'none'") != std::string::npos);
  CHECK(page.ends_with("</html>\n"));
  // Nothing from elsewhere.
  CHECK(page.find("http:") == std::string::npos);
  CHECK(page.find("https:") == std::string::npos);
  const auto document = nlohmann::json::parse(body_of(world.ask("GET /openapi.json?any=thing")));
  CHECK(document.at("paths").contains("/shop.v1.Clerk/add"));
  CHECK(document.at("paths").contains("/clerks/{id}"));
  CHECK(body_of(world.ask("GET /healthz")) == "ok\n");
  const std::string head = world.ask("HEAD /openapi.json");
  CHECK(body_of(head).empty());
  CHECK(head.find("Content-Length: " + std::to_string(document.dump().size()).substr(0, 1)) != std::string::npos);
  CHECK(world.ask("GET /nothing").starts_with("HTTP/1.1 404 "));
  CHECK(body_of(world.ask("GET /clerks/7")) == "\"7\"");
  CHECK(body_of(world.ask("POST /shop.v1.Clerk/add", "[1,2]")) == "3");
  // The same path, by POST, is JSON-RPC's.
  CHECK(nlohmann::json::parse(body_of(world.ask("POST /", R"({"jsonrpc":"2.0","id":1,"method":"shop.v1.Clerk.add","params":[1,2]})"))).at("result") == 3);
}

TEST_CASE("a server that stops says so to who still asks for its health") {
  served_clerk world;
  peer late{world};
  REQUIRE(late.connect("clerk"));
  world.server.stop();
  world.run();
  const std::string answer = world.say(late, "GET /healthz");
  CHECK(answer.starts_with("HTTP/1.1 503 "));
  CHECK(body_of(answer) == "draining\n");
}

TEST_CASE("pages are shown once, and before the start") {
  world in;
  tenon::server<> server{in.io};
  CHECK(server.show(tenon::pages<clerk>{}).ok());
  CHECK(server.show(tenon::pages<clerk>{}).code() == tenon::code::already_exists);
}
