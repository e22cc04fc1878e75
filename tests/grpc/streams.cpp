#include <tenon/grpc.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <client/feed.hpp>
#include <simulation.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/policy/bulkhead.hpp>

using namespace tenon::literals;
using namespace streaming;

namespace grpc_streams {

using grpc_client = tenon::client<feed, tenon::codec::protobuf>;

struct grpc_world : simulated::world {
  template <class... Policies>
  explicit grpc_world(tenon::server_options options = {}, std::type_identity<Policies>...) : simulated::world{}, server{io, simulated::served_desk::logging(options)} {
    server.serve<Policies...>(feed{&records});
    server.listen(wire, "feed");
    server.start();
    run();
  }
  void start(tenon::task<void> what) {
    tenon::spawn(io, std::move(what));
    run();
  }

  feed_records records;
  tenon::server<tenon::grpc_protocols> server;
};

}  // namespace grpc_streams

using namespace grpc_streams;

TEST_CASE("a streamed answer arrives over gRPC in order, then its end") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  for (const int count : {0, 1, 1000}) {
    heard<tick> got;
    world.start(read_all(client.count_to(count, 100), got));
    CHECK(got.ended() == "OK");
    REQUIRE(got.items.size() == static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) CHECK(got.items[static_cast<std::size_t>(i)].number == i + 1);
  }
  CHECK(world.records.destroyed == 3);
}

TEST_CASE("HTTP/2's windows hold a handler whose reader does not read") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  auto ticks = client.count_to(10'000, 1000);
  world.run();
  const int first = world.records.yielded;
  CHECK(first > 1000);
  CHECK(first < 1200);
  // Others go on meanwhile.
  heard<tick> other;
  world.start(read_all(client.count_to(5000, 1000), other));
  CHECK(other.items.size() == 5000);
  CHECK(world.records.yielded == first + 5000);
  heard<tick> got;
  world.start(read_all(std::move(ticks), got));
  CHECK(got.ended() == "OK");
  CHECK(got.items.size() == 10'000);
}

TEST_CASE("large items pass windows in pieces; those above the limit end the stream") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  heard<tick> got;
  world.start(read_all(client.count_to(5, 3'000'000), got));
  CHECK(got.ended() == "OK");
  REQUIRE(got.items.size() == 5);
  CHECK(got.items[4].text.size() == 3'000'000);
  heard<tick> none;
  world.start(read_all(client.count_to(5, 5'000'000), none));
  CHECK(none.status.code() == tenon::code::resource_exhausted);
  CHECK(none.items.empty());
  world.run();
  CHECK(world.records.destroyed == 2);
}

TEST_CASE("what ends a stream early travels in the trailers") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  heard<int> got;
  world.start(read_all(client.fail("status"), got));
  CHECK(got.ended() == "NOT_FOUND: no second");
  CHECK(got.items == std::vector<int>{1});
  heard<int> thrown;
  world.start(read_all(client.fail("throw"), thrown));
  CHECK(thrown.ended() == "UNKNOWN: feed.fail: out of order");
}

TEST_CASE("metadata goes in front of the first item, what is set later behind the last") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  for (const std::string how : {"not at all", "status"}) {
    tenon::metadata answered;
    heard<int> got;
    world.start(read_all(client.with({.response_metadata = &answered}).fail(how), got));
    CHECK(got.over);
    CHECK(answered.get("early") == how);
    CHECK(answered.get("late") == "yes");
  }
}

TEST_CASE("a reader that leaves resets the stream, a deadline too, and the handler ends") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  {
    auto ticks = client.watch();
    world.run();
    CHECK(world.records.begun == 1);
  }
  world.run();
  CHECK(world.records.destroyed == 1);
  heard<tick> late;
  world.start(read_all(client.with({.timeout = 100_ms}).watch(), late));
  world.on_loop([&] { world.records.door.open(); });
  CHECK(late.items.size() == 1);
  world.pass(200_ms);
  CHECK(late.ended() == "DEADLINE_EXCEEDED: feed.watch: no answer in time");
  CHECK(world.records.destroyed == 2);
}

TEST_CASE("a caller streams over gRPC, and windows hold the one who writes") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  int written = 0;
  std::size_t total = 0;
  world.start([](grpc_client& from, int& count, std::size_t& into) -> tenon::task<void> {
    auto parts = from.upload();
    const std::string part(1000, 'x');
    for (int i = 0; i < 5000; ++i) {
      if (co_await parts.write(part)) ++count;
    }
    into = (co_await parts.finish()).value_or(0);
  }(client, written, total));
  CHECK(written > 1000);
  CHECK(written < 1200);
  CHECK(world.records.taken == 0);
  world.on_loop([&] { world.records.door.open(); });
  CHECK(written == 5000);
  CHECK(total == 5'000'000);
}

TEST_CASE("a handler may answer over gRPC before it has read everything") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  std::string answer;
  world.start([](grpc_client& from, std::string& into) -> tenon::task<void> {
    auto numbers = from.sum();
    (void)co_await numbers.write(-5);
    const tenon::result<int> total = co_await numbers.finish();
    into = total ? std::to_string(*total) : total.error().to_string();
  }(client, answer));
  CHECK(answer == "-1");
  // Without an end of the caller's, too.
  auto numbers = client.sum();
  auto sent = numbers.write(-5);
  world.run();
  CHECK(sent.done());
  auto more = numbers.write(6);
  world.run();
  CHECK(more.get().error().code() == tenon::code::failed_precondition);
  CHECK(world.records.destroyed == 2);
}

TEST_CASE("a caller that streams nothing, and one that leaves") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  {
    auto call = client.sum().finish();
    world.run();
    REQUIRE(call.done());
    CHECK(*call.get() == 0);
    auto numbers = client.sum();
    auto sent = numbers.write(5);
    world.run();
    CHECK(world.records.taken == 1);
  }
  world.run();
  CHECK(world.records.destroyed == 2);
  CHECK(world.records.source_status == "CANCELLED: the caller has gone");
}

TEST_CASE("both sides stream over gRPC") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  std::vector<std::string> got;
  std::string ended;
  world.start([](grpc_client& from, std::vector<std::string>& into, std::string& end) -> tenon::task<void> {
    auto lines = from.chat();
    for (int i = 0; i < 200; ++i) {
      const std::string line = std::to_string(i);
      (void)co_await lines.write(line);
      into.push_back((co_await lines.next()).value_or("(none)"));
    }
    lines.end_writing();
    while (auto each = co_await lines.next()) into.push_back(std::move(*each));
    end = lines.status().to_string();
  }(client, got, ended));
  REQUIRE(got.size() == 201);
  CHECK(got[0] == "0!");
  CHECK(got[199] == "199!");
  CHECK(got[200] == "bye");
  CHECK(ended == "OK");
}

TEST_CASE("a thousand streams at once on one connection") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  std::vector<heard<tick>> all(1000);
  for (auto& each : all) tenon::spawn(world.io, read_all(client.count_to(10, 100), each));
  world.run();
  for (const auto& each : all) {
    CHECK(each.ended() == "OK");
    CHECK(each.items.size() == 10);
  }
}

TEST_CASE("messages above the window that nobody reads stop after the first") {
  grpc_world world;
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  auto ticks = client.count_to(100, 2'000'000);
  world.run();
  // One is here, one is on its way, one waits for room.
  CHECK(world.records.yielded <= 4);
  heard<tick> got;
  world.start(read_all(std::move(ticks), got));
  CHECK(got.items.size() == 100);
}

TEST_CASE("what a caller sends while its call waits for a policy is kept") {
  grpc_world world{tenon::server_options{}, std::type_identity<tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 1, .max_queue = 1}>>{}};
  grpc_client client{world.io, world.wire.connector_to("feed"), {.sessions = tenon::grpc}};
  std::optional<tenon::stream_reader<tick>> first{client.watch()};
  world.run();
  auto numbers = client.sum();
  for (int i = 1; i <= 100; ++i) {
    auto sent = numbers.write(i);
    world.run();
    CHECK(sent.done());
  }
  auto sum = numbers.finish();
  world.run();
  CHECK(world.records.begun == 1);
  CHECK(!sum.done());
  first.reset();
  world.run();
  REQUIRE(sum.done());
  CHECK(*sum.get() == 5050);
}
