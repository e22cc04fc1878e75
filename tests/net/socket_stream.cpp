#include <tenon/net/socket_stream.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>

#include <net/listening.hpp>

namespace {

using net_test::end;
using net_test::run_until;
using tenon::net::socket;

struct pair {
  explicit pair(asio::io_context& on) : io{on} {
    int both[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0);
    const asio::generic::stream_protocol protocol{AF_UNIX, 0};
    here.stream = tenon::net::make_stream(socket{io, protocol, both[0]});
    there.stream = tenon::net::make_stream(socket{io, protocol, both[1]});
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
  end here;
  end there;
};

}  // namespace

TEST_CASE("bytes arrive in order, and a big write ends when all of it is taken") {
  asio::io_context io;
  pair ends{io};
  std::string text;
  for (int i = 0; i < 300'000; ++i) text.push_back(static_cast<char>(i * 7));
  ends.there.reading_on = true;
  ends.there.read();
  ends.here.write(text);
  CHECK(ends.here.writes == 0);
  run_until(io, [&] { return ends.there.heard.size() == text.size() && ends.here.writes == 1; });
  CHECK_FALSE(ends.here.write_error);
  CHECK(ends.there.heard == text);
  CHECK(ends.here.references == 0);
  CHECK(ends.there.references == 1);  // it reads on
}

TEST_CASE("end_writing lets the other side read to the end and answer") {
  asio::io_context io;
  pair ends{io};
  ends.here.write("question");
  run_until(io, [&] { return ends.here.writes == 1; });
  ends.here.stream->end_writing();
  ends.there.reading_on = true;
  ends.there.read();
  run_until(io, [&] { return static_cast<bool>(ends.there.read_error); });
  CHECK(ends.there.read_error == asio::error::eof);
  CHECK(ends.there.heard == "question");
  ends.here.read();
  ends.there.write("answer");
  run_until(io, [&] { return ends.here.reads == 1; });
  CHECK(ends.here.heard == "answer");
}

TEST_CASE("after close every operation ends with an error, once, and not inside close") {
  asio::io_context io;
  pair ends{io};
  ends.here.read();
  ends.here.stream->close();
  ends.here.stream->close();
  CHECK(ends.here.reads == 0);
  run_until(io, [&] { return ends.here.reads == 1; });
  CHECK(ends.here.read_error);
  ends.here.read();
  ends.here.write("late");
  run_until(io, [&] { return ends.here.reads == 2 && ends.here.writes == 1; });
  CHECK(ends.here.write_error);
  CHECK(ends.here.references == 0);
  ends.there.read();
  run_until(io, [&] { return ends.there.reads == 1; });
  CHECK(ends.there.read_error);
}

TEST_CASE("a read that is stopped ends by operation_aborted, and the next one hears all") {
  asio::io_context io;
  pair ends{io};
  ends.there.stream->stop_reading();  // none is under way
  ends.there.read();
  ends.there.stream->stop_reading();
  CHECK(ends.there.reads == 0);
  run_until(io, [&] { return ends.there.reads == 1; });
  CHECK(ends.there.read_error == asio::error::operation_aborted);
  CHECK(ends.there.references == 0);
  ends.here.write("still here");
  ends.there.read();
  run_until(io, [&] { return ends.there.reads == 2; });
  CHECK_FALSE(ends.there.read_error);
  CHECK(ends.there.heard == "still here");
}

TEST_CASE("a stream may be destroyed while it reads and writes") {
  asio::io_context io;
  pair ends{io};
  const std::string big(10'000'000, 'x');
  ends.here.read();
  ends.here.write(big);
  io.poll();
  ends.here.stream.reset();
  io.restart();
  io.run();
  CHECK(ends.here.references == 0);
}

TEST_CASE("an io_context releases the users of its streams when it goes") {
  end left;
  {
    asio::io_context io;
    pair ends{io};
    left.stream = std::move(ends.here.stream);
    left.read();
    CHECK(left.references == 1);
    left.stream.reset();
  }
  CHECK(left.references == 0);
}
