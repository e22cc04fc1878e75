#include <tenon/client/client.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

#include <client/shop.hpp>
#include <server/desk.hpp>
#include <simulation.hpp>
#include <tenon/policy/retry.hpp>

using namespace tenon::literals;
using simulated::desk;
using simulated::outcome_of;
using simulated::served_desk;
using standing = tenon::connection_state;

TEST_CASE("a server that stops answers what it has, and new calls go to its successor") {
  served_desk world;
  tenon::client<desk> client{world.io, world.wire.connector_to("desk"), {.reconnect = {.first = 100_ms, .jitter = {}}}};
  outcome_of<std::string> under_way;
  client.wait("under way").then(under_way.taker());
  world.run();
  CHECK(world.records.calls == 1);
  world.server.stop();
  world.run();
  CHECK(client.state() == standing::idle);
  CHECK(!under_way.came());

  outcome_of<std::string> too_late;
  outcome_of<std::string> patient;
  client.echo("too late").then(too_late.taker());
  world.run();
  CHECK(too_late.text() == "UNAVAILABLE: desk.echo: connect memory://desk: Connection refused");
  CHECK(too_late.value->error().has(tenon::outcome::not_executed));
  client.with({.wait_for_ready = true}).echo("patient").then(patient.taker());
  simulated::desk_records next_records;
  tenon::server<> successor{world.io};
  successor.serve(desk{&next_records});
  successor.listen(world.wire, "desk");
  successor.start();
  world.pass(200_ms);
  CHECK(**patient.value == "patient");
  CHECK(next_records.calls == 1);

  world.records.door.open();
  world.run();
  CHECK(**under_way.value == "under way waited");
  CHECK(world.records.calls == 1);
}

TEST_CASE("a request that crosses the notice was not executed, is known not to have been, and is retried on the successor") {
  for (const bool retries : {false, true}) {
    served_desk world;
    simulated::desk_records next_records;
    tenon::server<> successor{world.io};
    tenon::client<desk> plain{world.io, world.wire.connector_to("desk")};
    tenon::client<desk, tenon::retry<>> stubborn{world.io, world.wire.connector_to("desk"), {.wait_for_ready = true}};
    const auto ask = [&](std::string text) { return retries ? stubborn.echo(text) : plain.echo(text); };
    outcome_of<std::string> first;
    outcome_of<std::string> crossing;
    ask("first").then(first.taker());
    world.run();
    CHECK(first.text() == "OK");
    world.on_loop([&] {
      world.server.stop();
      ask("crossing").then(crossing.taker());
    });
    successor.serve(desk{&next_records});
    successor.listen(world.wire, "desk");
    successor.start();
    world.pass(200_ms);
    CHECK(world.records.calls == 1);
    CHECK(next_records.calls == (retries ? 1 : 0));
    if (retries) {
      CHECK(**crossing.value == "crossing");
    } else {
      CHECK(crossing.text() == "UNAVAILABLE: desk.echo: the server is going away");
      CHECK(crossing.value->error().has(tenon::outcome::not_executed));
    }
  }
}
