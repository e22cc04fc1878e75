#include <tenon/server/options.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <server/desk.hpp>
#include <simulation.hpp>

using namespace std::chrono_literals;
using simulated::call_of;
using simulated::frame;
using simulated::frames_in;
using simulated::peer;
using simulated::served_desk;

namespace {

// A second at a time, as clocks do.
void live_through(simulated::world& in, std::chrono::seconds time) {
  for (; time.count() > 0; --time) in.pass(1s);
}
bool answers(peer& caller) {
  caller.say(call_of(1, "echo", "hi").bytes());
  return frames_in(caller.heard()).size() == 1;
}
std::string large_answers(std::uint64_t count) {
  std::string bytes;
  for (std::uint64_t i = 0; i < count; ++i) bytes += frame{.codec = simulated::json, .sequence = i, .service = "desk", .method = "large", .payload = "50000"}.bytes();
  return bytes;
}
std::string last_line() { return served_desk::lines().empty() ? "(nothing was logged)" : served_desk::lines().back(); }

// A socket without any library. Reading from it waits, for ten seconds at most.
struct plain_socket {
  explicit plain_socket(std::uint16_t port) : number{::socket(AF_INET, SOCK_STREAM, 0)} {
    const ::timeval patience{10, 0};
    ::setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(number, reinterpret_cast<const ::sockaddr*>(&where), sizeof(where)) == 0);
  }
  plain_socket(const plain_socket&) = delete;
  plain_socket& operator=(const plain_socket&) = delete;
  ~plain_socket() { ::close(number); }
  bool is_served() const {
    const std::string question = call_of(1, "echo", "hi").bytes();
    char answer[1];
    return ::send(number, question.data(), question.size(), MSG_NOSIGNAL) > 0 && ::recv(number, answer, 1, 0) == 1;
  }
  int number;
};

}  // namespace

TEST_CASE("one connection too many is closed at once, the log hears of it once, and a place that becomes free is given away again") {
  served_desk world{{.max_connections = 2}};
  peer first{world};
  REQUIRE(first.connect("desk"));
  {
    peer second{world};
    REQUIRE(second.connect("desk"));
    for (int i = 0; i < 3; ++i) {
      peer third{world};
      third.connect("desk");
      CHECK(third.hung_up());
    }
    CHECK(served_desk::lines() == std::vector<std::string>{"memory://: turned away, and so are those that follow: there are as many connections as max_connections allows"});
    CHECK(answers(first));
    CHECK(answers(second));
  }
  peer fourth{world};
  REQUIRE(fourth.connect("desk"));
  CHECK(answers(fourth));
  peer fifth{world};
  fifth.connect("desk");
  CHECK(fifth.hung_up());
  CHECK(served_desk::lines().size() == 2);
}

TEST_CASE("max_connections counts those of all loops together") {
  simulated::desk_records records;
  tenon::server server{tenon::server_options{.loops = 2, .max_connections = 3}};
  server.serve(simulated::desk{&records});
  const auto where = server.listen("tcp://127.0.0.1:0");
  REQUIRE(where);
  REQUIRE(server.start().ok());
  {
    const plain_socket first{where.port()};
    CHECK(first.is_served());
    const plain_socket second{where.port()};
    CHECK(second.is_served());
    const plain_socket third{where.port()};
    CHECK(third.is_served());
    const plain_socket fourth{where.port()};
    CHECK(!fourth.is_served());
    CHECK(third.is_served());
  }
  server.stop();
}

TEST_CASE("a connection that says nothing is closed after the time for a first byte; one that has spoken may be silent for ever") {
  served_desk world;
  peer silent{world};
  peer spoken{world};
  REQUIRE(silent.connect("desk"));
  REQUIRE(spoken.connect("desk"));
  CHECK(answers(spoken));
  live_through(world, 29s);
  CHECK(!silent.hung_up());
  live_through(world, 2s);
  CHECK(silent.hung_up());
  CHECK(served_desk::lines() == std::vector<std::string>{"memory://: nothing arrived in the time for a first byte"});
  world.pass(std::chrono::hours{100});
  CHECK(!spoken.hung_up());
  CHECK(answers(spoken));
}

TEST_CASE("a first byte in time gives its message the message's whole time") {
  served_desk world{{.first_byte_timeout = 10s, .message_timeout = 20s}};
  peer slow{world};
  REQUIRE(slow.connect("desk"));
  live_through(world, 9s);
  slow.say("\x08");
  live_through(world, 19s);
  CHECK(!slow.hung_up());
  live_through(world, 2s);
  CHECK(slow.hung_up());
  CHECK(last_line() == "memory://: an unfinished message did not arrive in time");
}

TEST_CASE("durations of 0 are for ever") {
  served_desk world{{.first_byte_timeout = 0s, .message_timeout = 0s, .write_timeout = 0s}};
  peer silent{world};
  peer slow{world};
  peer deaf{world};
  REQUIRE(silent.connect("desk"));
  REQUIRE(slow.connect("desk"));
  REQUIRE(deaf.connect("desk"));
  slow.say("\x08");
  deaf.stop_reading();
  deaf.say(large_answers(20));
  live_through(world, 1000s);
  CHECK(!silent.hung_up());
  CHECK(!slow.hung_up());
  deaf.read_again();
  CHECK(frames_in(deaf.heard()).size() == 20);
}

TEST_CASE("a peer that never reads costs no more than the write buffer, and is closed after the time for a write") {
  served_desk world{{.max_write_buffer_bytes = 100'000}};
  peer deaf{world};
  REQUIRE(deaf.connect("desk"));
  deaf.stop_reading();
  deaf.say(large_answers(1000));
  deaf.say(large_answers(1000));
  // What the network has taken, the buffer, and the one answer that made it full.
  CHECK(static_cast<std::size_t>(world.records.calls) * 50'000 <= 256 * 1024 + 100'000 + 50'000);
  live_through(world, 29s);
  CHECK(last_line() == "(nothing was logged)");
  live_through(world, 12s);
  CHECK(served_desk::lines() == std::vector<std::string>{"memory://: the peer did not read its answers in time"});
  deaf.read_again();
  CHECK(deaf.hung_up());
}

TEST_CASE("a peer that never reads is closed in the time for a write though it goes on asking") {
  served_desk world;
  peer deaf{world};
  REQUIRE(deaf.connect("desk"));
  deaf.stop_reading();
  // More than the network takes, less than would stop the reading of requests.
  deaf.say(large_answers(10));
  for (std::uint64_t i = 0; i < 45; ++i) {
    deaf.say(call_of(100 + i, "echo", "hi").bytes());
    world.pass(1s);
  }
  CHECK(world.records.calls > 30);
  CHECK(served_desk::lines() == std::vector<std::string>{"memory://: the peer did not read its answers in time"});
}

TEST_CASE("a peer that reads slowly is no peer that never reads, even where a single answer takes it minutes") {
  served_desk world;
  peer slow{world};
  REQUIRE(slow.connect("desk"));
  slow.stop_reading();
  slow.say(frame{.codec = simulated::json, .sequence = 1, .service = "desk", .method = "large", .payload = "3000000"}.bytes());
  for (int i = 0; i < 10; ++i) {
    live_through(world, 29s);
    slow.read_some(300'000);
  }
  CHECK(last_line() == "(nothing was logged)");
  slow.read_again();
  const auto all = frames_in(slow.heard());
  REQUIRE(all.size() == 1);
  CHECK(all[0].payload.size() == 3'000'002);
  CHECK(!slow.hung_up());
}

TEST_CASE("a connection that is idle for its time is closed, where one is given") {
  served_desk world{{.idle_timeout = 60s}};
  peer caller{world};
  REQUIRE(caller.connect("desk"));
  for (int i = 0; i < 10; ++i) {
    CHECK(answers(caller));
    live_through(world, 59s);
  }
  // Who waits for an answer is not idle, nor has been when it comes.
  caller.say(call_of(2, "wait", "a").bytes());
  live_through(world, 600s);
  CHECK(!caller.hung_up());
  world.on_loop([&] { world.records.door.open(); });
  CHECK(frames_in(caller.heard()).size() == 1);
  live_through(world, 59s);
  CHECK(!caller.hung_up());
  live_through(world, 17s);
  CHECK(caller.hung_up());
  CHECK(served_desk::lines() == std::vector<std::string>{"memory://: nothing has happened for the idle time"});
}
