#include <tenon/config/json_options.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <simulation.hpp>
#include <tenon/core/context.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;

namespace {

struct clock_tower {
  int left(tenon::context& context) { return context.has_deadline() ? static_cast<int>(context.remaining().ns / 1'000'000) : -1; }
  TENON_SERVICE(clock_tower, left)
};
struct sundial {
  int left(tenon::context& context) { return context.has_deadline() ? static_cast<int>(context.remaining().ns / 1'000'000) : -1; }
  TENON_SERVICE(sundial, left)
};

std::string left(peer& caller, std::string service) {
  caller.say(frame{.codec = simulated::json, .sequence = 1, .service = std::move(service), .method = "left", .payload = "null"}.bytes());
  const auto answers = frames_in(caller.heard());
  return answers.size() == 1 ? answers[0].payload : "(nothing)";
}

}  // namespace

TEST_CASE("one document changes all services of a server, or none of them") {
  simulated::world world;
  tenon::server server{world.io};
  server.serve<tenon::timeout<100_ms>>(clock_tower{});
  server.serve(sundial{});
  server.listen(world.wire, "towers");
  server.start();
  world.run();
  peer caller{world};
  REQUIRE(caller.connect("towers"));
  CHECK(left(caller, "clock_tower") == "100");
  CHECK(left(caller, "sundial") == "-1");
  CHECK(server.configure_from(tenon::json_options{R"({"defaults": {"timeout": {"total": "50ms"}}, "services": {"clock_tower": {}}, "methods": {"sundial.left": {}}})"}).ok());
  CHECK(left(caller, "clock_tower") == "50");
  CHECK(left(caller, "sundial") == "-1");
  const tenon::status wrong = server.configure_from(tenon::json_options{R"({"defaults": {"timeout": {"total": "20ms"}}, "services": {"sundial": {"timeout": {}}}})"});
  CHECK(wrong.message() == "services.sundial.timeout: expected no policy, as this service has none, found \"timeout\"");
  CHECK(server.configure_from(tenon::json_options{R"({"methods": {"sundial.right": {}}})"}).message() == "methods.sundial.right: expected one of this service's methods, left, found \"right\"");
  CHECK(left(caller, "clock_tower") == "50");
  CHECK(server.configure_from(tenon::json_options{"{}"}).ok());
  CHECK(left(caller, "clock_tower") == "100");
}
