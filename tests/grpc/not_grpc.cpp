// Requests over HTTP/2 that are no calls of gRPC's. protocol/detail/grpc_requests.hpp is under test.
#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <string>

#include <grpc/http2_frames.hpp>
#include <simulation.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace not_grpc {

using namespace http2_by_hand;
using simulated::peer;

struct kiosk {
  std::string echo(std::string text) { return text; }
  TENON_SERVICE(kiosk, echo)
};
struct served_kiosk : simulated::world {
  served_kiosk() {
    server.serve(kiosk{});
    server.listen(wire, "kiosk");
    server.start();
    run();
  }
  tenon::server<tenon::grpc_protocols> server{io};
};
constexpr int end = 1;
constexpr int end_of_headers = 4;

}  // namespace not_grpc

using namespace not_grpc;

TEST_CASE("who asks for something else is told what is spoken here, and the connection goes on") {
  served_kiosk world;
  peer caller{world};
  REQUIRE(caller.connect("kiosk"));
  caller.say(greeting() + bytes_of({.type = headers, .flags = end_of_headers | end, .stream = 1, .payload = head("GET", "/", "text/html")}));
  const std::string said = caller.heard();
  const auto answer = frames_in(said, {data, reset});
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].flags == end);
  CHECK(answer[0].payload == "expected POST, with a content-type of application/grpc\n");
  caller.say(request(3, "/kiosk/echo", "works"));
  CHECK(frames_in(caller.heard(), {data}).size() == 1);
}

TEST_CASE("a request that is no call is answered at its end, and long before the end of a long one") {
  served_kiosk world;
  peer caller{world};
  REQUIRE(caller.connect("kiosk"));
  caller.say(greeting() + bytes_of({.type = headers, .flags = end_of_headers, .stream = 1, .payload = head("POST", "/kiosk/echo", "application/json")}));
  caller.say(bytes_of({.type = data, .stream = 1, .payload = "\"short\""}));
  CHECK(frames_in(caller.heard(), {headers, data, reset}).empty());
  caller.say(bytes_of({.type = data, .flags = end, .stream = 1, .payload = {}}));
  const auto whole = frames_in(caller.heard(), {data, reset});
  REQUIRE(whole.size() == 1);
  CHECK(whole[0].payload == "expected a content-type of application/grpc\n");

  caller.say(bytes_of({.type = headers, .flags = end_of_headers, .stream = 3, .payload = head("POST", "/kiosk/echo", "application/json")}));
  for (int i = 0; i < 3; ++i) caller.say(bytes_of({.type = data, .stream = 3, .payload = std::string(8 * 1024, 'x')}));
  // Answered, and its sender asked to stop: RFC 9113 8.1.
  const auto long_one = frames_in(caller.heard(), {data, reset});
  REQUIRE(long_one.size() == 2);
  CHECK(long_one[0].type == data);
  CHECK(long_one[1].type == reset);
  CHECK(number(long_one[1].payload) == 0);
}
