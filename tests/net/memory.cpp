#include <tenon/net/memory.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <net/listening.hpp>

namespace {

using net_test::caller;
using net_test::end;
using net_test::sink;
using tenon::net::memory_network;

struct pair {
  explicit pair(asio::io_context& on) : io{on}, wire{io}, into{io}, opened{std::move(*wire.listen("a"))} {
    opened->start(into);
    const auto door = wire.connector_to("a");
    caller who;
    door->connect(who);
    CHECK(who.told == 0);
    io.restart();
    io.poll();
    REQUIRE(who.stream != nullptr);
    REQUIRE(into.streams.size() == 1);
    here.stream = std::move(who.stream);
    there.stream = std::move(into.streams[0]);
  }
  // A user lives until its stream has let go of it.
  ~pair() {
    here.stream.reset();
    there.stream.reset();
    io.restart();
    io.poll();
    CHECK(here.references == 0);
    CHECK(there.references == 0);
  }
  asio::io_context& io;
  memory_network wire;
  sink into;
  std::unique_ptr<tenon::net::listener> opened;
  end here;
  end there;
};

void settle(asio::io_context& io) {
  io.restart();
  io.poll();
}

}  // namespace

TEST_CASE("a name is taken once, refused when nobody listens, and free again afterwards") {
  asio::io_context io;
  memory_network wire{io};
  sink into{io};
  auto door = wire.connector_to("a");
  CHECK(door->url() == "memory://a");
  caller nobody;
  door->connect(nobody);
  settle(io);
  CHECK(nobody.error == asio::error::connection_refused);
  {
    auto opened = wire.listen("a");
    REQUIRE(opened.has_value());
    CHECK(wire.listen("a") == tenon::code::already_exists);
    caller early;
    door->connect(early);  // open, and not started
    settle(io);
    CHECK(early.error == asio::error::connection_refused);
    (*opened)->start(into);
    caller who;
    door->connect(who);
    settle(io);
    CHECK(who.stream != nullptr);
    (*opened)->close();
    auto next = wire.listen("a");
    CHECK(next.has_value());
    (*opened)->close();  // not the one that came after it
    CHECK(wire.listen("a") == tenon::code::already_exists);
  }
  CHECK(wire.listen("a").has_value());
}

TEST_CASE("a cancelled connector tells nobody, and can be used again") {
  asio::io_context io;
  memory_network wire{io};
  caller first;
  caller second;
  {
    auto door = wire.connector_to("none");
    door->connect(first);
    door->cancel();
    door->connect(second);
    settle(io);
    CHECK(second.told == 1);
    door->connect(first);
  }
  settle(io);
  CHECK(first.told == 0);
}

TEST_CASE("bytes pass in order and completions never come inside the call") {
  asio::io_context io;
  pair ends{io};
  ends.there.read();
  ends.here.write("one ");
  CHECK(ends.here.writes == 0);
  CHECK(ends.there.reads == 0);
  settle(io);
  CHECK(ends.here.writes == 1);
  CHECK(ends.there.heard == "one ");
  ends.here.write("two ");
  settle(io);
  ends.here.write("three");
  settle(io);
  ends.there.read();
  settle(io);
  CHECK(ends.there.heard == "one two three");
  CHECK(ends.here.references == 0);
  CHECK(ends.there.references == 0);
}

TEST_CASE("a read that is stopped ends by operation_aborted, and the next one hears all") {
  asio::io_context io;
  pair ends{io};
  ends.there.stream->stop_reading();  // none is under way
  ends.there.read();
  ends.there.stream->stop_reading();
  CHECK(ends.there.reads == 0);
  settle(io);
  CHECK(ends.there.reads == 1);
  CHECK(ends.there.read_error == asio::error::operation_aborted);
  CHECK(ends.there.references == 0);
  ends.here.write("still here");
  ends.there.read();
  settle(io);
  CHECK(ends.there.reads == 2);
  CHECK_FALSE(ends.there.read_error);
  CHECK(ends.there.heard == "still here");
}

TEST_CASE("a write waits for room when nobody reads") {
  asio::io_context io;
  pair ends{io};
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text.push_back(static_cast<char>(i * 13));
  ends.here.write(text);
  settle(io);
  CHECK(ends.here.writes == 0);
  ends.there.reading_on = true;
  ends.there.read();
  settle(io);
  CHECK(ends.here.writes == 1);
  CHECK(ends.there.heard == text);
}

TEST_CASE("end_writing: what was written arrives, then the end; the other direction goes on") {
  asio::io_context io;
  pair ends{io};
  ends.here.write("last");
  settle(io);
  ends.here.stream->end_writing();
  ends.there.reading_on = true;
  ends.there.read();
  settle(io);
  CHECK(ends.there.heard == "last");
  CHECK(ends.there.read_error == asio::error::eof);
  ends.here.write("more");
  settle(io);
  CHECK(ends.here.write_error == asio::error::broken_pipe);
  ends.here.read();
  ends.there.write("answer");
  settle(io);
  CHECK(ends.here.heard == "answer");
  CHECK_FALSE(ends.there.write_error);
}

TEST_CASE("close ends everything on both sides, once") {
  asio::io_context io;
  pair ends{io};
  const std::string big(1'000'000, 'x');
  ends.here.read();
  ends.there.write(big);   // waits for room, in the end
  settle(io);
  ends.here.read();
  ends.here.write("kept");
  ends.here.stream->close();
  ends.here.stream->close();
  settle(io);
  CHECK(ends.there.write_error == asio::error::broken_pipe);
  CHECK(ends.there.writes == 1);
  ends.here.read();
  ends.here.write("late");
  settle(io);
  CHECK(ends.here.read_error == asio::error::eof);
  CHECK(ends.here.write_error == asio::error::broken_pipe);
  ends.there.reading_on = true;
  ends.there.read();
  settle(io);
  CHECK(ends.there.heard == "kept");
  CHECK(ends.there.read_error == asio::error::eof);
  CHECK(ends.here.references == 0);
  CHECK(ends.there.references == 0);
}

TEST_CASE("a stream that is destroyed releases its user and closes the connection") {
  asio::io_context io;
  pair ends{io};
  const std::string big(1'000'000, 'x');
  ends.here.read();
  ends.here.write(big);
  ends.there.read();
  ends.here.stream.reset();
  settle(io);
  CHECK(ends.here.references == 0);
  CHECK(ends.here.reads == 0);
  ends.there.reading_on = true;
  ends.there.read();
  settle(io);
  CHECK(ends.there.read_error == asio::error::eof);
}

TEST_CASE("the network and its io_context may go while operations are under way") {
  end left;
  {
    asio::io_context io;
    pair ends{io};
    left.stream = std::move(ends.here.stream);
    left.read();
    ends.there.write("never read");
    left.stream.reset();
  }
  CHECK(left.references == 0);
}
