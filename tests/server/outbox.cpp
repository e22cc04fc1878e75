// Mirrors tenon/server/outbox.hpp: what is sent together, in which pieces, and what waits for the peer.
#include <tenon/server/outbox.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

using tenon::detail::outbox;

namespace {

struct listed_stream final : tenon::net::stream {
  std::vector<std::string> writes;
  void read_some(char*, std::size_t, tenon::net::stream_user&) override {}
  void write_all(const char* from, std::size_t count, tenon::net::stream_user&) override { writes.emplace_back(from, count); }
  std::size_t write_now(const char* from, std::size_t count) noexcept override {
    at_once.append(from, (std::min)(count, takes));
    return (std::min)(count, takes);
  }
  std::size_t takes = 0;
  std::string at_once;
  void end_writing() noexcept override {}
  void close() noexcept override {}
  std::string peer() const override { return {}; }
};
struct nobody final : tenon::net::stream_user {
  void read_done(const std::error_code&, std::size_t) override {}
  void write_done(const std::error_code&) override {}
  void retain() noexcept override {}
  void release() noexcept override {}
};

}  // namespace

TEST_CASE("an outbox sends what has gathered in one write, and what comes meanwhile in the next") {
  listed_stream to;
  nobody user;
  outbox out{100};
  CHECK_FALSE(out.flush(to, user));
  out.batch().append(std::string_view{"one "});
  out.batch().append(std::string_view{"two"});
  CHECK(out.flush(to, user));
  out.batch().append(std::string_view{"three"});
  CHECK_FALSE(out.flush(to, user));
  CHECK(out.writing());
  REQUIRE(to.writes.size() == 1);
  CHECK(to.writes[0] == "one two");
  out.write_ended();
  CHECK(out.last_piece() == 7);
  CHECK(out.settle(100) == outbox::progress::emptied);
  CHECK_FALSE(out.idle());
  CHECK(out.flush(to, user));
  CHECK(to.writes[1] == "three");
  out.write_ended();
  CHECK(out.settle(100) == outbox::progress::emptied);
  CHECK(out.idle());
}

TEST_CASE("an outbox counts what is being sent against the room of its peer") {
  listed_stream to;
  nobody user;
  outbox out{100};
  out.batch().append(std::string(80, 'x'));
  CHECK_FALSE(out.full());
  CHECK(out.flush(to, user));
  out.batch().append(std::string(20, 'y'));
  CHECK_FALSE(out.full());
  out.batch().append(std::string_view{"z"});
  CHECK(out.full());
  out.write_ended();
  CHECK(out.settle(100) == outbox::progress::emptied);
  CHECK_FALSE(out.full());
}

TEST_CASE("an outbox gives long answers to the stream in pieces") {
  listed_stream to;
  nobody user;
  outbox out{1'000'000};
  out.batch().append(std::string(600 * 1024, 'x'));
  CHECK(out.flush(to, user));
  std::size_t pieces = 1;
  std::size_t bytes = 0;
  for (;; ++pieces) {
    out.write_ended();
    bytes += out.last_piece();
    if (out.settle(1'000'000) == outbox::progress::emptied) break;
    out.write_on(to, user);
  }
  CHECK(pieces == 3);
  CHECK(bytes == 600 * 1024);
  CHECK(to.writes.back().size() == 88 * 1024);
}

TEST_CASE("an answer that comes in the middle of another stands behind it") {
  outbox out{100};
  out.batch().append(std::string_view{"<"});
  out.begin_reply();
  out.current().append(std::string_view{"late"});
  out.batch().append(std::string_view{"reply"});
  out.end_reply();
  out.batch().append(std::string_view{">"});
  out.append_aside();
  out.current().append(std::string_view{" next"});
  CHECK(out.batch().view() == "<reply>late next");
}

TEST_CASE("the memory of an outbox stays below the mark, whatever waits") {
  listed_stream to;
  nobody user;
  for (const std::size_t mark : {std::size_t{300'000}, std::size_t{1'000'000}, std::size_t{4 * 1024 * 1024}}) {
    for (const std::size_t answer : {std::size_t{100}, std::size_t{5'000}, std::size_t{20'000}}) {
      outbox out{mark};
      const auto fill = [&] {
        std::size_t answers = 0;
        for (; !out.full(); ++answers) out.batch().append(std::string(answer, 'x'));
        return answers * answer;
      };
      // Once before anything was sent, and then beside what is being sent.
      out.batch().append(std::string(mark / 5, 'x'));
      REQUIRE(out.flush(to, user));
      const std::size_t sending = mark / 5;
      const std::size_t waiting = fill();
      CHECK(out.batch().capacity() + sending <= mark);
      CHECK(waiting > mark / 2);
      for (out.write_ended(); out.settle(mark) == outbox::progress::more; out.write_ended()) out.write_on(to, user);
      const std::size_t next = out.batch().capacity();
      REQUIRE(out.flush(to, user));
      (void)fill();
      CHECK(next + out.batch().capacity() <= mark + 64 * 1024);
    }
  }
}

TEST_CASE("one answer that is larger than the mark is taken, and no other beside it") {
  listed_stream to;
  nobody user;
  outbox out{100'000};
  out.batch().append(std::string(500'000, 'x'));
  CHECK(out.full());
  CHECK(out.flush(to, user));
  CHECK_FALSE(out.full());
  out.batch().append(std::string_view{"y"});
  CHECK(out.full());
  CHECK(out.spoke());
}

TEST_CASE("an outbox waits for no write when the stream takes everything at once, and only for the rest when it does not") {
  listed_stream to;
  nobody user;
  outbox out{100};
  CHECK(out.flush_now(to, user) == 0);
  CHECK_FALSE(out.spoke());
  to.takes = 100;
  out.batch().append(std::string_view{"all of it"});
  CHECK(out.flush_now(to, user) == 9);
  CHECK(out.idle());
  CHECK(out.spoke());
  CHECK(to.at_once == "all of it");
  CHECK(to.writes.empty());

  to.takes = 3;
  out.batch().append(std::string_view{"a part"});
  CHECK(out.flush_now(to, user) == 3);
  CHECK(out.writing());
  REQUIRE(to.writes.size() == 1);
  CHECK(to.writes[0] == "art");
  out.batch().append(std::string_view{"behind"});
  CHECK(out.flush_now(to, user) == 0);
  out.write_ended();
  CHECK(out.last_piece() == 3);
  CHECK(out.settle(100) == outbox::progress::emptied);

  to.takes = 0;
  CHECK(out.flush_now(to, user) == 0);
  CHECK(out.writing());
  CHECK(to.writes.back() == "behind");
}

TEST_CASE("an emptied outbox hands its memory on, and borrows that of others") {
  listed_stream to;
  to.takes = 1000;
  nobody user;
  tenon::detail::spare_buffers spare;
  outbox first{1000};
  outbox second{1000};
  first.batch().append(std::string(300, 'x'));
  const char* const memory = first.batch().data();
  first.give_back(spare, true);
  CHECK(first.batch().size() == 300);
  first.flush_now(to, user);
  first.give_back(spare, true);
  CHECK(first.batch().capacity() == 0);
  second.borrow(spare, 100);
  CHECK(second.batch().data() == memory);
  first.borrow(spare, 100);
  CHECK(first.batch().capacity() == 0);
}

TEST_CASE("of a large answer the memory is kept for the next one, but not beside a peer that reads slowly") {
  listed_stream to;
  to.takes = 4'000'000;
  nobody user;
  for (const bool keep : {true, false}) {
    tenon::detail::spare_buffers spare;
    outbox out{4'000'000};
    out.batch().append(std::string(1'000'000, 'x'));
    out.flush_now(to, user);
    if (out.writing()) {
      for (out.write_ended(); out.settle(4'000'000) == outbox::progress::more; out.write_ended()) out.write_on(to, user);
    }
    out.give_back(spare, keep);
    CHECK(out.batch().capacity() == 0);
    out.borrow(spare, 1'000);
    CHECK(out.batch().capacity() == 0);
    out.borrow(spare, 1'000'000);
    CHECK((out.batch().capacity() != 0) == keep);
  }
}
