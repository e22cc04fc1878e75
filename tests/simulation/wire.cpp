#include <tenon/net/memory.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <asio/error.hpp>

#include <net/listening.hpp>

namespace {

using net_test::caller;
using net_test::end;
using net_test::sink;

// Keeps everything until it is told otherwise.
struct held_wire final : tenon::net::memory_wire {
  void dialed(std::string_view, std::shared_ptr<tenon::net::memory_dial> made) override { attempt = std::move(made); }
  void opened(std::string_view, std::shared_ptr<tenon::net::memory_line> made) override { line = std::move(made); }
  void stirred(tenon::net::memory_line&, int) override { ++stirs; }
  std::shared_ptr<tenon::net::memory_dial> attempt;
  std::shared_ptr<tenon::net::memory_line> line;
  int stirs = 0;
};

struct watched_pair {
  watched_pair() {
    wire.watch(&hook);
    listening->start(into);
    door->connect(who);
    settle();
  }
  ~watched_pair() {
    here.stream.reset();
    there.stream.reset();
    settle();
    CHECK(here.references == 0);
    CHECK(there.references == 0);
  }
  void settle() {
    io.restart();
    io.poll();
  }
  void open() {
    hook.attempt->go_on();
    settle();
    REQUIRE(who.stream != nullptr);
    here.stream = std::move(who.stream);
    there.stream = std::move(into.streams.at(0));
  }

  asio::io_context io;
  held_wire hook;
  tenon::net::memory_network wire{io};
  sink into{io};
  std::unique_ptr<tenon::net::listener> listening = std::move(*wire.listen("a"));
  std::unique_ptr<tenon::net::connector> door = wire.connector_to("a");
  caller who;
  end here;
  end there;
};

}  // namespace

TEST_CASE("an attempt to connect waits on the wire, goes on, fails, or is never heard of again") {
  {
    watched_pair ends;
    CHECK(ends.who.told == 0);
    ends.hook.attempt->fail(asio::error::timed_out);
    CHECK(ends.who.error == asio::error::timed_out);
    ends.hook.attempt->go_on();
    ends.settle();
    CHECK(ends.who.told == 1);
  }
  watched_pair cancelled;
  cancelled.door->cancel();
  cancelled.hook.attempt->go_on();
  CHECK(cancelled.who.told == 0);
  CHECK(cancelled.into.streams.empty());
}

TEST_CASE("bytes arrive when they are carried, as many as are carried, and the end after them") {
  watched_pair ends;
  ends.open();
  ends.there.reading_on = true;
  ends.there.read();
  ends.here.write("hello");
  ends.settle();
  CHECK(ends.here.writes == 1);
  CHECK(ends.there.reads == 0);
  CHECK(ends.hook.line->under_way(0) == 5);
  CHECK(ends.hook.line->under_way(1) == 0);
  ends.hook.line->carry(0, 2);
  ends.settle();
  CHECK(ends.there.heard == "he");
  ends.here.stream->close();
  ends.hook.line->carry(0, 100);
  ends.settle();
  CHECK(ends.there.heard == "hello");
  CHECK(!ends.there.read_error);
  ends.hook.line->carry(0, 0);
  ends.settle();
  CHECK(ends.there.read_error == asio::error::eof);
}

TEST_CASE("a writer waits while the room is taken, and hears of a reader that has gone when its bytes reach the place") {
  watched_pair ends;
  ends.open();
  ends.hook.line->set_room(0, 3);
  const std::string text = "hello";
  ends.here.write(text);
  ends.settle();
  CHECK(ends.here.writes == 0);
  CHECK(ends.hook.line->under_way(0) == 3);
  ends.there.stream->close();
  ends.settle();
  CHECK(ends.here.writes == 0);
  ends.hook.line->carry(0, 1);
  ends.settle();
  CHECK(ends.here.writes == 1);
  CHECK(ends.here.write_error == asio::error::broken_pipe);
}

TEST_CASE("a reset at any byte ends both directions, and what was not read is lost") {
  const std::string text = "hello";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    watched_pair ends;
    ends.open();
    ends.there.reading_on = true;
    ends.there.read();
    ends.here.read();
    ends.hook.line->set_room(0, 4);
    ends.here.write(text);
    ends.hook.line->carry(0, at);
    ends.settle();
    ends.hook.line->carry(0, at < 5 ? 0 : 1);
    ends.settle();
    ends.hook.line->reset();
    ends.settle();
    CHECK(text.starts_with(ends.there.heard));
    CHECK(ends.there.heard.size() == at);
    CHECK(ends.there.read_error == asio::error::connection_reset);
    CHECK(ends.here.read_error == asio::error::connection_reset);
    CHECK(ends.here.writes == 1);
    ends.here.write(text);
    ends.settle();
    CHECK(ends.here.write_error == asio::error::connection_reset);
  }
}

TEST_CASE("the wire may be taken away while connections stand") {
  watched_pair ends;
  ends.open();
  ends.here.write("hello");
  ends.wire.watch(nullptr);
  ends.here.stream->close();
  ends.settle();
  CHECK(ends.hook.line->under_way(0) == 5);
}
