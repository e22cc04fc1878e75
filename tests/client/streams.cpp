#include <tenon/client/streams.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <client/feed.hpp>
#include <client/shop.hpp>
#include <simulation.hpp>
#include <tenon/policy/bulkhead.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>

using namespace tenon::literals;
using namespace streaming;
using simulated::frame;
using simulated::frames_in;
using simulated::outcome_of;
using simulated::peer;

namespace client_streams {

// Contracts whose other side is scripted, or knows them otherwise.
struct till {
  tenon::stream<int> price(std::string item);
  tenon::task<int> describe(tenon::source<int> numbers);
  TENON_SERVICE((till, tenon::name("shop")), (price, tenon::idempotent), describe)
};
struct other_feed {
  tenon::stream<int> plain(int x);
  TENON_SERVICE((other_feed, tenon::name("feed")), plain)
};

}  // namespace client_streams

using client_streams::other_feed;
using client_streams::till;

TEST_CASE("a streamed answer arrives in order, then its end, once") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  heard<tick> got;
  world.start(read_all(client.count_to(1000, 10), got));
  CHECK(got.ended() == "OK");
  REQUIRE(got.items.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(got.items[static_cast<std::size_t>(i)].number == i + 1);
  CHECK(world.records.destroyed == 1);
  CHECK(client.late_replies() == 0);
}

TEST_CASE("a stream may be empty") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  heard<tick> got;
  world.start(read_all(client.count_to(0, 0), got));
  CHECK(got.ended() == "OK");
  CHECK(got.items.empty());
}

TEST_CASE("items come while the stream is open, and are read by a callback as well") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  auto ticks = client.watch();
  heard<tick> got;
  world.start(read_some(ticks, 2, got));
  CHECK(got.items.empty());
  world.on_loop([&] { world.records.door.open(); });
  CHECK(got.items.size() == 1);
  world.on_loop([&] { world.records.door.open(); });
  REQUIRE(got.items.size() == 2);
  int third = 0;
  ticks.next().then([&](std::optional<tick> item) { third = item ? item->number : -1; });
  world.on_loop([&] { world.records.door.open(); });
  CHECK(third == 3);
  world.on_loop([&] { world.records.door.open(); });
  int fourth = 0;
  ticks.next().then([&](std::optional<tick> item) { fourth = item ? item->number : -1; });
  CHECK(fourth == 0);
  world.run();
  CHECK(fourth == 4);
  CHECK(ticks.status().ok());
}

TEST_CASE("a reader that does not read holds the handler at its co_yield, and memory with it") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector(), {.stream_window_bytes = 64 * 1024}};
  auto ticks = client.count_to(100'000, 1000);
  world.run();
  const int first = world.records.yielded;
  CHECK(first > 50);
  CHECK(first < 70);
  heard<tick> got;
  world.start(read_some(ticks, 20, got));
  CHECK(world.records.yielded == first);
  world.start(read_some(ticks, 40, got));
  CHECK(world.records.yielded > first);
  CHECK(world.records.yielded < first + 45);
  heard<tick> rest;
  world.start(read_all(std::move(ticks), rest));
  CHECK(rest.ended() == "OK");
  CHECK(rest.items.size() == 100'000 - 40);
}

TEST_CASE("a peer that takes no bytes holds the handler too") {
  served_feed world{{.max_write_buffer_bytes = 100'000}};
  peer raw{world};
  REQUIRE(raw.connect("feed"));
  raw.stop_reading();
  raw.say(frame{.sequence = 7, .service = "feed", .method = "count_to", .metadata = {{"tenon-stream", "2000000000"}}, .payload = std::string("\x92\xCE\x00\x01\x86\xA0\xCD\x03\xE8", 9)}.bytes());
  const int first = world.records.yielded;
  CHECK(first > 90);
  CHECK(first < 1000);
  raw.read_again();
  CHECK(world.records.yielded == 100'000);
  CHECK(world.records.destroyed == 1);
  const auto frames = frames_in(raw.heard());
  REQUIRE(frames.size() == 100'001);
  CHECK(frames.front().method == "item");
  CHECK(frames.front().bits == simulated::one_way);
  CHECK(frames.front().sequence == 7);
  CHECK(frames.back().bits == simulated::response);
  CHECK(frames.back().payload.empty());
}

TEST_CASE("what ends a stream early is its status, behind the items before it") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  for (const auto& [how, expected] : std::vector<std::pair<std::string, std::string>>{{"throw", "UNKNOWN: feed.fail: out of order"},
                                                                                      {"status", "NOT_FOUND: no second"},
                                                                                      {"result", "ABORTED: no value"},
                                                                                      {"not at all", "OK"}}) {
    heard<int> got;
    world.start(read_all(client.fail(how), got));
    CHECK(got.ended() == expected);
    CHECK(got.items == std::vector<int>{1});
  }
  CHECK(world.records.taken == 1);
}

TEST_CASE("response metadata comes with the end") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  tenon::metadata answered;
  heard<int> got;
  world.start(read_all(client.with({.response_metadata = &answered}).fail("status"), got));
  CHECK(answered.get("early") == "status");
  CHECK(answered.get("late") == "yes");
  CHECK(answered.size() == 2);
}

TEST_CASE("a reader that leaves ends the handler where it stands") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  {
    auto ticks = client.watch();
    world.run();
    CHECK(world.records.begun == 1);
    CHECK(world.records.destroyed == 0);
  }
  world.run();
  CHECK(world.records.destroyed == 1);
  CHECK(world.records.door.waiting() == 0);
  {
    // At a co_yield that waits for credit.
    auto ticks = client.count_to(1'000'000, 1000);
    world.run();
    CHECK(world.records.destroyed == 1);
  }
  world.run();
  CHECK(world.records.destroyed == 2);
  // One that was told to stop reads to its end.
  auto ticks = client.watch();
  world.run();
  ticks.cancel();
  heard<tick> got;
  world.start(read_all(std::move(ticks), got));
  CHECK(got.ended() == "CANCELLED: feed.watch: the call was cancelled by its caller");
  CHECK(world.records.destroyed == 3);
}

TEST_CASE("a connection that is lost ends both sides, and what has come is still read") {
  served_feed world;
  heard<tick> got;
  {
    tenon::client<feed> client{world.io, world.connector()};
    auto ticks = client.watch();
    world.run();
    world.on_loop([&] { world.records.door.open(); });
    client.move_to(world.wire.connector_to("nowhere"));
    world.run();
    // The stream stays where it is.
    world.on_loop([&] { world.records.door.open(); });
    world.start(read_some(ticks, 2, got));
    CHECK(got.items.size() == 2);
    world.start(read_all(std::move(ticks), got));
  }
  world.run();
  CHECK(got.ended() == "UNAVAILABLE: feed.watch: the client was closed");
  CHECK(world.records.destroyed == 1);
}

TEST_CASE("a server that goes away ends its streams for their readers") {
  heard<tick> got;
  std::optional<tenon::stream_reader<tick>> ticks;
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  ticks.emplace(client.watch());
  world.run();
  world.server.stop();
  world.run();
  // It may end by itself in the time that a drain takes.
  CHECK(world.records.destroyed == 0);
  world.on_loop([&] { world.records.door.open(); });
  world.start(read_some(*ticks, 1, got));
  CHECK(got.items.size() == 1);
  world.start(read_all(std::move(*ticks), got));
  world.pass(6_s);
  CHECK(got.over);
  CHECK(got.status.code() == tenon::code::unavailable);
  CHECK(world.records.destroyed == 1);
}

TEST_CASE("a deadline ends both sides") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  heard<tick> got;
  world.start(read_all(client.with({.timeout = 100_ms}).watch(), got));
  world.on_loop([&] { world.records.door.open(); });
  CHECK(got.items.size() == 1);
  CHECK(world.records.destroyed == 0);
  world.pass(200_ms);
  CHECK(got.ended() == "DEADLINE_EXCEEDED: feed.watch: no answer in time");
  CHECK(world.records.destroyed == 1);
}

TEST_CASE("large items go beyond the window one at a time; those above the limit end the stream") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  heard<tick> got;
  world.start(read_all(client.count_to(5, 3'000'000), got));
  CHECK(got.ended() == "OK");
  REQUIRE(got.items.size() == 5);
  CHECK(got.items[4].text.size() == 3'000'000);
  for (const std::size_t size : {std::size_t{4'194'304}, std::size_t{5'000'000}}) {
    heard<tick> none;
    world.start(read_all(client.count_to(5, size), none));
    CHECK(none.status.code() == tenon::code::resource_exhausted);
    CHECK(none.items.empty());
  }
  world.run();
  CHECK(world.records.destroyed == 3);
}

TEST_CASE("a caller streams, and the handler answers when it has read everything") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  std::string sum;
  world.start([](tenon::client<feed>& from, std::string& into) -> tenon::task<void> {
    auto numbers = from.sum();
    for (int i = 1; i <= 100; ++i) {
      if (!co_await numbers.write(i)) into = "not written";
    }
    const tenon::result<int> total = co_await numbers.finish();
    into += total ? std::to_string(*total) : total.error().to_string();
  }(client, sum));
  CHECK(sum == "5050");
  CHECK(world.records.source_status == "OK");
}

TEST_CASE("a caller may stream nothing") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  outcome_of<int> got;
  client.sum().finish().then(got.taker());
  world.run();
  CHECK(**got.value == 0);
}

TEST_CASE("a handler that does not read holds the writer") {
  served_feed world{{.stream_window_bytes = 64 * 1024}};
  tenon::client<feed> client{world.io, world.connector()};
  int written = 0;
  std::size_t total = 0;
  world.start([](tenon::client<feed>& from, int& count, std::size_t& into) -> tenon::task<void> {
    auto parts = from.upload();
    const std::string part(1000, 'x');
    for (int i = 0; i < 1000; ++i) {
      if (co_await parts.write(part)) ++count;
    }
    into = (co_await parts.finish()).value_or(0);
  }(client, written, total));
  CHECK(written > 50);
  CHECK(written < 70);
  CHECK(world.records.taken == 0);
  world.on_loop([&] { world.records.door.open(); });
  CHECK(written == 1000);
  CHECK(total == 1'000'000);
}

TEST_CASE("a handler may answer before it has read everything") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  std::string first;
  std::string later;
  std::string answer;
  world.start([](served_feed& in, tenon::client<feed>& from, std::string& a, std::string& b, std::string& c) -> tenon::task<void> {
    auto numbers = from.sum();
    tenon::result<void> one = co_await numbers.write(-5);
    a = one ? "OK" : one.error().to_string();
    co_await in.records.door.wait();
    tenon::result<void> two = co_await numbers.write(6);
    b = two ? "OK" : two.error().to_string();
    const tenon::result<int> total = co_await numbers.finish();
    c = total ? std::to_string(*total) : total.error().to_string();
  }(world, client, first, later, answer));
  world.on_loop([&] { world.records.door.open(); });
  CHECK(first == "OK");
  CHECK(later == "FAILED_PRECONDITION: the server has answered already; take its answer");
  CHECK(answer == "-1");
}

TEST_CASE("a writer that leaves tells the handler's source") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  {
    auto numbers = client.sum();
    auto sent = numbers.write(5);
    world.run();
    CHECK(sent.done());
    CHECK(world.records.taken == 1);
  }
  world.run();
  CHECK(world.records.destroyed == 1);
  CHECK(world.records.source_status == "CANCELLED: the caller has gone");
}

TEST_CASE("a writer that leaves after its last item, before everything was read, has not ended well") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  {
    auto numbers = client.sum();
    // At this one the handler waits for the door.
    auto first = numbers.write(1000);
    auto second = numbers.write(5);
    auto answer = numbers.finish();
    world.run();
    CHECK(second.done());
    CHECK(world.records.taken == 1);
  }
  world.run();
  world.on_loop([&] { world.records.door.open(); });
  CHECK(world.records.destroyed == 1);
  CHECK(world.records.taken == 1);
  CHECK(world.records.source_status == "CANCELLED: the caller has gone");
}

TEST_CASE("a write that is on its way to the loop when the client closes ends as well") {
  served_feed world;
  std::optional<tenon::client<feed>> client{std::in_place, world.io, world.connector()};
  auto numbers = client->sum();
  world.run();
  asio::post(world.io, [&] { client.reset(); });
  auto sent = numbers.write(5);
  world.run();
  REQUIRE(sent.done());
  CHECK(sent.get().error().code() == tenon::code::unavailable);
}

TEST_CASE("a writer's deadline reaches the source as such") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  auto numbers = client.with({.timeout = 100_ms}).sum();
  auto sent = numbers.write(5);
  world.run();
  world.pass(200_ms);
  CHECK(world.records.destroyed == 1);
  // Whichever of the two was first: the caller's cancel, or the server's own clock.
  CHECK(world.records.source_status != "OK");
  outcome_of<int> got;
  numbers.finish().then(got.taker());
  world.run();
  CHECK(got.text() == "DEADLINE_EXCEEDED: feed.sum: no answer in time");
}

TEST_CASE("both sides stream, each at its own pace") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  std::vector<std::string> got;
  std::string ended;
  world.start([](tenon::client<feed>& from, std::vector<std::string>& into, std::string& end) -> tenon::task<void> {
    auto lines = from.chat();
    const std::string one = "one";
    const std::string two = "two";
    const std::string three = "three";
    (void)co_await lines.write(one);
    into.push_back((co_await lines.next()).value_or("(none)"));
    (void)co_await lines.write(two);
    (void)co_await lines.write(three);
    lines.end_writing();
    while (auto each = co_await lines.next()) into.push_back(std::move(*each));
    end = lines.status().to_string();
  }(client, got, ended));
  CHECK(got == std::vector<std::string>{"one!", "two!", "three!", "bye"});
  CHECK(ended == "OK");
  CHECK(world.records.destroyed == 1);
}

TEST_CASE("asio's coroutines read and write as well") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  int sum = 0;
  std::string answer;
  asio::co_spawn(
      world.io,
      [](tenon::client<feed>& from, int& into, std::string& said) -> asio::awaitable<void> {
        auto ticks = from.count_to(10, 3);
        while (std::optional<tick> each = co_await ticks.next()) into += each->number;
        auto numbers = from.sum();
        const tenon::result<void> sent = co_await numbers.write(4);
        const tenon::result<int> total = co_await numbers.finish();
        said = sent && total ? std::to_string(*total) : "failed";
      }(client, sum, answer),
      asio::detached);
  world.run();
  CHECK(sum == 55);
  CHECK(answer == "4");
}

TEST_CASE("threads read and write with get(), over real sockets") {
  feed_records records;
  tenon::server server;
  server.serve(feed{&records});
  const auto at = server.listen("tcp://127.0.0.1:0");
  REQUIRE(server.start().ok());
  {
    tenon::client<feed> client{at.url()};
    auto ticks = client.count_to(2000, 500);
    int read = 0;
    while (const auto each = ticks.next().get()) CHECK(each->number == ++read);
    CHECK(read == 2000);
    CHECK(ticks.status().ok());
    auto numbers = client.sum();
    for (int i = 1; i <= 500; ++i) REQUIRE(numbers.write(i < 500 ? i : 0).get());
    CHECK(*numbers.finish().get() == 499 * 500 / 2);
    auto lines = client.chat();
    REQUIRE(lines.write("hello").get());
    CHECK(lines.next().get() == "hello!");
    auto left = client.count_to(1'000'000, 1000);
    CHECK(left.next().get()->number == 1);
  }
  server.stop();
  CHECK(records.begun == records.destroyed);
}

TEST_CASE("get() on the loop's own thread says that it would wait for ever") {
  served_feed world;
  tenon::client<feed> client{world.io, world.connector()};
  auto ticks = client.watch();
  world.run();
  bool nothing = false;
  world.on_loop([&] { nothing = !ticks.next().get(); });
  CHECK(nothing);
  CHECK(ticks.status().code() == tenon::code::failed_precondition);
}

TEST_CASE("a caller that does not know of streams hears which method streams") {
  served_feed world;
  peer raw{world};
  REQUIRE(raw.connect("feed"));
  raw.say(frame{.sequence = 1, .service = "feed", .method = "watch", .payload = std::string(1, '\xC0')}.bytes());
  const auto frames = frames_in(raw.heard());
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].value_of("__rpcx_error__") == "UNIMPLEMENTED: feed.watch: streams, and the caller or its protocol does not; call it by a tenon client over rpcx, over gRPC or WebSocket, or over HTTP as server-sent events or Connect's streams");
  peer web{world};
  REQUIRE(web.connect("feed"));
  web.say("POST /feed/watch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nnull");
  const std::string answer = web.heard();  // Of a method that HTTP does not have.
  CAPTURE(answer);
  CHECK(answer.find("404") != std::string::npos);
  CHECK(answer.find("feed.watch: streams") != std::string::npos);
}

TEST_CASE("a server that does not know of streams ends the stream with what it lacks") {
  simulated::scripted_shop world;
  tenon::client<till, tenon::codec::json> client{world.io, world.connector()};
  heard<int> got;
  tenon::spawn(world.io, read_all(client.price("bread"), got));
  world.run();
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].value_of("tenon-stream") == "262144");
  CHECK(requests[0].payload == "\"bread\"");
  // A push is none of its items, nor anything else before the peer has shown that it is tenon.
  world.server.say(frame{.bits = simulated::one_way, .codec = simulated::json, .sequence = requests[0].sequence, .method = "item", .payload = "1"}.bytes());
  CHECK(got.items.empty());
  world.answer(requests[0], "5");
  CHECK(got.ended() == "UNIMPLEMENTED: shop.price: the answer is one value, and the method streams; the server does not know it as one that does");

  auto numbers = client.describe();
  auto sent = numbers.write(1);
  world.run();
  // It has granted nothing: nothing goes out.
  const auto opened = world.requests();
  REQUIRE(opened.size() == 1);
  CHECK(!sent.done());
  world.server.say(simulated::scripted_shop::error_to(opened[0], "rpcx: can't find method describe"));
  REQUIRE(sent.done());
  CHECK(sent.get().error().code() == tenon::code::unimplemented);
}

TEST_CASE("a method that does not stream says so to a stream's caller") {
  served_feed world;
  tenon::client<other_feed> client{world.io, world.connector()};
  heard<int> got;
  world.start(read_all(client.plain(5), got));
  CHECK(got.status.code() == tenon::code::unimplemented);
}

TEST_CASE("a stream is one call to its policies, tried again until its first item") {
  simulated::scripted_shop world;
  tenon::client<till, tenon::codec::json, tenon::retry<tenon::retry_options{.base = 10_ms, .cap = 10_ms}>> client{world.io, world.connector()};
  heard<int> got;
  tenon::spawn(world.io, read_all(client.price("bread"), got));
  world.run();
  auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  world.show_as_tenon();
  world.server.say(simulated::scripted_shop::error_to(requests[0], "UNAVAILABLE: busy"));
  world.pass(20_ms);
  requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].value_of("tenon-stream") == "262144");
  world.server.say(frame{.bits = simulated::one_way, .codec = simulated::json, .sequence = requests[0].sequence, .method = "item", .payload = "1"}.bytes());
  CHECK(got.items.size() == 1);
  world.server.say(simulated::scripted_shop::error_to(requests[0], "UNAVAILABLE: busy"));
  CHECK(got.ended() == "UNAVAILABLE: busy");
  world.pass(20_ms);
  CHECK(world.requests().empty());
}

TEST_CASE("an item that cannot be read ends the stream on both sides") {
  simulated::scripted_shop world;
  tenon::client<till, tenon::codec::json> client{world.io, world.connector()};
  heard<int> got;
  tenon::spawn(world.io, read_all(client.price("bread"), got));
  world.run();
  const auto requests = world.requests();
  world.show_as_tenon();
  world.server.say(frame{.bits = simulated::one_way, .codec = simulated::json, .sequence = requests.at(0).sequence, .method = "item", .payload = "true"}.bytes());
  CHECK(got.ended() == "INTERNAL: shop.price: item expected integer, found boolean at byte 0");
  const auto told = world.requests();
  REQUIRE(told.size() == 1);
  CHECK(told[0].method == "cancel");
}

TEST_CASE("a connection holds so many open streams as it may") {
  served_feed world{{.max_open_streams = 2}};
  tenon::client<feed> client{world.io, world.connector()};
  auto one = client.watch();
  heard<tick> refused;
  {
    auto two = client.watch();
    world.start(read_all(client.watch(), refused));
    CHECK(refused.ended() == "RESOURCE_EXHAUSTED: feed.watch: too many streams under way on this connection");
  }
  world.run();
  heard<tick> got;
  world.start(read_all(client.count_to(3, 1), got));
  CHECK(got.ended() == "OK");
}

TEST_CASE("a stream that a policy lets wait begins when another has ended") {
  served_feed world{tenon::server_options{}, std::type_identity<tenon::bulkhead<tenon::bulkhead_options{.max_in_flight = 1, .max_queue = 1}>>{}};
  tenon::client<feed> client{world.io, world.connector()};
  std::optional<tenon::stream_reader<tick>> first{client.watch()};
  world.run();
  auto numbers = client.sum();
  auto sent = numbers.write(5);
  world.run();
  CHECK(world.records.begun == 1);
  CHECK(!sent.done());
  first.reset();
  world.run();
  CHECK(world.records.begun == 2);
  CHECK(sent.done());
  outcome_of<int> sum;
  numbers.finish().then(sum.taker());
  heard<tick> got;
  world.start(read_all(client.count_to(10, 1), got));
  CHECK(**sum.value == 5);
  CHECK(got.ended() == "OK");
  CHECK(got.items.size() == 10);
  // One that waits and is left never begins.
  auto watching = client.watch();
  {
    auto waiting = client.watch();
    world.run();
  }
  world.run();
  CHECK(world.records.begun == 4);
}

TEST_CASE("a server that vanishes ends its streams for those who read, behind what had come") {
  simulated::world world;
  feed_records records;
  heard<tick> got;
  std::optional<tenon::server<>> server{std::in_place, world.io};
  server->serve(feed{&records});
  server->listen(world.wire, "feed");
  server->start();
  world.run();
  tenon::client<feed> client{world.io, world.wire.connector_to("feed")};
  auto ticks = client.watch();
  auto counted = client.count_to(10, 10);
  world.run();
  server.reset();
  world.run();
  CHECK(records.begun == 2);
  CHECK(records.destroyed == 2);
  tenon::spawn(world.io, read_all(std::move(ticks), got));
  world.run();
  CHECK(got.status.code() == tenon::code::unavailable);
  heard<tick> before;
  tenon::spawn(world.io, read_all(std::move(counted), before));
  world.run();
  CHECK(before.ended() == "OK");
  CHECK(before.items.size() == 10);
}
