#include <tenon/service/health.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/spawn.hpp>
#include <tenon/core/task.hpp>
#include <tenon/grpc.hpp>
#include <tenon/reflect/service.hpp>

namespace grpc_health {

using namespace std::chrono_literals;

struct market {
  int last(std::string) { return 42; }
  TENON_SERVICE((market, tenon::name("exchange.v1.Market")), last)
};
using asking = tenon::client<tenon::health_service, tenon::codec::protobuf>;
using market_client = tenon::client<market, tenon::codec::protobuf>;

std::string told(tenon::ServingStatus status) {
  switch (status) {
    case tenon::ServingStatus::UNKNOWN: return "UNKNOWN";
    case tenon::ServingStatus::SERVING: return "SERVING";
    case tenon::ServingStatus::NOT_SERVING: return "NOT_SERVING";
    case tenon::ServingStatus::SERVICE_UNKNOWN: return "SERVICE_UNKNOWN";
  }
  return "none";
}

struct healthy_world : simulated::world {
  explicit healthy_world(tenon::server_options options = {}) : server{io, options}, health{tenon::serve_health(server)} {
    server.serve(market{});
    server.listen(wire, "market");
    server.start();
    run();
  }
  template <class Client = asking>
  Client client() {
    return Client{io, wire.connector_to("market"), {.sessions = tenon::grpc}};
  }
  std::string check(asking& by, std::string name) {
    std::string said = "nothing";
    by.Check({std::move(name)}).then([&](tenon::result<tenon::HealthCheckResponse> got) { said = got ? told(got->status) : got.error().to_string(); });
    run();
    return said;
  }

  tenon::server<tenon::grpc_protocols> server;
  tenon::health health;
};

struct watched {
  std::vector<std::string> said;
  std::string ended = "not yet";
};
tenon::task<void> watch(tenon::stream_reader<tenon::HealthCheckResponse> from, watched& into) {
  while (const auto each = co_await from.next()) into.said.push_back(told(each->status));
  into.ended = from.status().to_string();
}

using words = std::vector<std::string>;

}  // namespace grpc_health

using namespace grpc_health;

TEST_CASE("what is served is SERVING, the whole as well, and other names are not found") {
  healthy_world world;
  asking client = world.client();
  CHECK(world.check(client, "") == "SERVING");
  CHECK(world.check(client, "exchange.v1.Market") == "SERVING");
  CHECK(world.check(client, "grpc.health.v1.Health") == "SERVING");
  CHECK(world.check(client, "exchange.v1.Desk") == "NOT_FOUND: no service exchange.v1.Desk is served here");
}

TEST_CASE("a program says how its services are, by names of its own as well") {
  healthy_world world;
  asking client = world.client();
  world.health.not_serving("exchange.v1.Market");
  world.health.serving("database");
  CHECK(world.check(client, "exchange.v1.Market") == "NOT_SERVING");
  CHECK(world.check(client, "database") == "SERVING");
  CHECK(world.check(client, "") == "SERVING");
  world.health.not_serving();
  CHECK(world.check(client, "") == "NOT_SERVING");
  CHECK(world.check(client, "database") == "SERVING");
  // Of which nothing was said.
  CHECK(world.check(client, "grpc.health.v1.Health") == "NOT_SERVING");
  world.health.forget("database");
  CHECK(world.check(client, "database").starts_with("NOT_FOUND"));
}

TEST_CASE("who watches hears each change once, of names that come later too") {
  healthy_world world;
  asking client = world.client();
  watched market, later;
  tenon::spawn(world.io, watch(client.Watch({"exchange.v1.Market"}), market));
  tenon::spawn(world.io, watch(client.Watch({"later"}), later));
  world.run();
  CHECK(market.said == words{"SERVING"});
  CHECK(later.said == words{"SERVICE_UNKNOWN"});
  world.health.not_serving("exchange.v1.Market");
  world.run();
  world.health.not_serving("exchange.v1.Market");
  world.health.serving("later");
  world.run();
  CHECK(market.said == words{"SERVING", "NOT_SERVING"});
  CHECK(later.said == words{"SERVICE_UNKNOWN", "SERVING"});
  CHECK(market.ended == "not yet");
}

TEST_CASE("a watcher that leaves is forgotten") {
  healthy_world world;
  asking client = world.client();
  {
    auto leaving = client.Watch({});
    world.run();
  }
  world.run();
  world.health.not_serving();
  world.run();
  CHECK(world.check(client, "") == "NOT_SERVING");
}

TEST_CASE("a server that stops tells its watchers, and does not wait for them") {
  healthy_world world;
  asking client = world.client();
  watched whole, unknown;
  tenon::spawn(world.io, watch(client.Watch({}), whole));
  tenon::spawn(world.io, watch(client.Watch({"nobody"}), unknown));
  world.run();
  world.server.stop();
  world.run();
  CHECK(whole.said == words{"SERVING", "NOT_SERVING"});
  CHECK(whole.ended == "UNAVAILABLE: the server is stopping");
  CHECK(unknown.said == words{"SERVICE_UNKNOWN"});
  CHECK(unknown.ended == "UNAVAILABLE: the server is stopping");
  CHECK(client.state() != tenon::connection_state::ready);
}

TEST_CASE("a lame duck serves on, and says on new connections that it will not") {
  healthy_world world{{.lame_duck = 10s}};
  asking before = world.client();
  watched whole;
  tenon::spawn(world.io, watch(before.Watch({}), whole));
  world.run();
  world.server.stop();
  world.run();
  CHECK(whole.said == words{"SERVING", "NOT_SERVING"});
  asking after = world.client();
  CHECK(world.check(after, "") == "NOT_SERVING");
  CHECK(world.check(after, "exchange.v1.Market") == "NOT_SERVING");
  market_client works = world.client<market_client>();
  const auto last = [&] {
    std::string said = "nothing";
    works.last("ACME").then([&](tenon::result<int> got) { said = got ? std::to_string(*got) : got.error().to_string(); });
    world.run();
    return said;
  };
  CHECK(last() == "42");
  world.pass(9999ms);
  CHECK(last() == "42");
  world.pass(2ms);
  world.run();
  CHECK(works.state() != tenon::connection_state::ready);
  CHECK(last().starts_with("UNAVAILABLE"));
}

TEST_CASE("a server that is destroyed in the middle of that, and one that never starts") {
  {
    healthy_world world{{.lame_duck = 10s}};
    world.server.stop();
    world.run();
  }
  simulated::world world;
  std::optional<tenon::server<tenon::grpc_protocols>> server{std::in_place, world.io};
  tenon::health health = tenon::serve_health(*server);
  server.reset();
  health.serving("still");
}

TEST_CASE("with several loops, and word from other threads") {
  tenon::server<tenon::grpc_protocols> server{{.loops = 2}};
  tenon::health health = tenon::serve_health(server);
  const std::string url = "grpc://" + server.listen("tcp://127.0.0.1:0").url().substr(6);
  REQUIRE(server.start().ok());
  asking one{url, {.sessions = tenon::grpc}};
  asking other{url, {.sessions = tenon::grpc}};
  auto first = one.Watch({"job"});
  auto second = other.Watch({"job"});
  REQUIRE(told(first.next().get()->status) == "SERVICE_UNKNOWN");
  REQUIRE(told(second.next().get()->status) == "SERVICE_UNKNOWN");
  std::thread teller{[health]() mutable { health.serving("job"); }};
  CHECK(told(first.next().get()->status) == "SERVING");
  CHECK(told(second.next().get()->status) == "SERVING");
  teller.join();
  server.stop();
  CHECK(told(first.next().get()->status) == "NOT_SERVING");
  CHECK(told(second.next().get()->status) == "NOT_SERVING");
  CHECK_FALSE(first.next().get());
  CHECK(first.status().code() == tenon::code::unavailable);
}
