#include <tenon/net/listener.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <asio/local/stream_protocol.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenon/core/frame_cache.hpp>
#include <tenon/net/connector.hpp>

#include <net/listening.hpp>

namespace {

using net_test::caller;
using net_test::run_until;
using net_test::sink;
using tenon::endpoint;
using tenon::net::listen_on;
using tenon::net::socket_connector;

struct folder {
  folder() { REQUIRE(::mkdtemp(name) != nullptr); }
  ~folder() {
    ::unlink(file().c_str());
    ::rmdir(name);
  }
  std::string file() const { return std::string{name} + "/s"; }
  char name[32] = "/tmp/tenon_listener_XXXXXX";
};

bool exists(const std::string& path) {
  struct ::stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

// Whether a connection to `where` comes about.
void meet(asio::io_context& io, const endpoint& where, sink& into) {
  const std::size_t before = into.streams.size();
  socket_connector door{io, where};
  caller who;
  door.connect(who);
  run_until(io, [&] { return who.told == 1 && (who.error || into.streams.size() > before); });
  CHECK(who.stream != nullptr);
  CHECK(into.streams.size() == before + 1);
}

// Returns 0 when a listener lives through a shortage of descriptors. Runs in a child process: the limit is the process's.
int survive_shortage() {
  asio::io_context io;
  sink into{io};
  auto opened = listen_on(io, endpoint::tcp("127.0.0.1", 0));
  if (!opened) return 1;
  (*opened)->start(into);
  socket_connector door{io, (*opened)->address()};
  caller who;
  door.connect(who);
  // The caller's socket is the last that may be had: accepting it fails.
  const int lowest = ::dup(0);
  ::close(lowest);
  const ::rlimit tight{static_cast<::rlim_t>(lowest), static_cast<::rlim_t>(4096)};
  if (::setrlimit(RLIMIT_NOFILE, &tight) != 0) return 2;
  run_until(io, [&] { return who.told == 1; });
  if (who.stream == nullptr) return 3;
  for (int i = 0; i < 20; ++i) {
    io.restart();
    if (io.poll() > 10) return 4;  // it spins
  }
  if (!into.streams.empty()) return 5;
  const ::rlimit wide{4096, 4096};
  if (::setrlimit(RLIMIT_NOFILE, &wide) != 0) return 6;
  run_until(io, [&] { return !into.streams.empty(); });
  if (into.streams.size() != 1) return 7;
  return into.failures.size() == 1 && into.failures[0].value() == EMFILE ? 0 : 8;
}

}  // namespace

TEST_CASE("port 0 picks a port and says which; two listeners pick two") {
  asio::io_context io;
  sink into{io};
  auto a = listen_on(io, *endpoint::parse("tcp://127.0.0.1:0"));
  auto b = listen_on(io, *endpoint::parse("tcp://localhost:0"));
  REQUIRE(a.has_value());
  REQUIRE(b.has_value());
  CHECK((*a)->address().port() != 0);
  CHECK((*a)->address().port() != (*b)->address().port());
  CHECK((*b)->address().host() == "localhost");
  (*a)->start(into);
  (*b)->start(into);
  meet(io, (*a)->address(), into);
  meet(io, (*b)->address(), into);
  CHECK(into.streams[0]->peer().starts_with("tcp://127.0.0.1:"));
}

TEST_CASE("no host means every interface") {
  asio::io_context io;
  sink into{io};
  auto opened = listen_on(io, *endpoint::parse("tcp://:0"));
  REQUIRE(opened.has_value());
  (*opened)->start(into);
  meet(io, endpoint::tcp("127.0.0.1", (*opened)->address().port()), into);
}

TEST_CASE("an address in use is unavailable, and the message names address and reason") {
  asio::io_context io;
  auto first = listen_on(io, endpoint::tcp("127.0.0.1", 0));
  REQUIRE(first.has_value());
  const endpoint taken = (*first)->address();
  auto second = listen_on(io, taken);
  REQUIRE(second == tenon::code::unavailable);
  CHECK(second.error().message() == "listen " + taken.url() + ": Address already in use");
  (*first)->close();
  CHECK(listen_on(io, taken).has_value());
}

TEST_CASE("a host name cannot be listened on") {
  asio::io_context io;
  const auto refused = listen_on(io, endpoint::tcp("market.example", 0));
  REQUIRE(refused == tenon::code::invalid_argument);
  CHECK(refused.error().message() == "listen tcp://market.example:0: expected a numeric address, localhost, or nothing for every interface");
}

TEST_CASE("a closed listener accepts nobody and lets go of the io_context; what it accepted lives on") {
  asio::io_context io;
  sink into{io};
  auto opened = listen_on(io, endpoint::tcp("127.0.0.1", 0));
  REQUIRE(opened.has_value());
  (*opened)->start(into);
  const endpoint where = (*opened)->address();
  meet(io, where, into);
  (*opened)->close();
  (*opened)->close();
  opened = tenon::code::unavailable;
  io.restart();
  io.run();
  CHECK(into.streams.size() == 1);
  socket_connector door{io, where};
  caller who;
  door.connect(who);
  run_until(io, [&] { return who.told == 1; });
  CHECK(who.error == asio::error::connection_refused);
}

TEST_CASE("a local socket is there while its listener is") {
  asio::io_context io;
  const folder place;
  const endpoint where = *endpoint::parse("unix://" + place.file());
  sink into{io};
  auto opened = listen_on(io, where);
  REQUIRE(opened.has_value());
  CHECK((*opened)->address() == where);
  (*opened)->start(into);
  meet(io, where, into);
  const auto second = listen_on(io, where);
  REQUIRE(second == tenon::code::unavailable);
  CHECK(second.error().message() == "listen " + where.url() + ": Address already in use");
  CHECK(exists(place.file()));
  (*opened)->close();
  CHECK_FALSE(exists(place.file()));
}

TEST_CASE("the socket file of a dead server is replaced; any other file stays") {
  asio::io_context io;
  const folder place;
  const endpoint where = endpoint::local(place.file());
  {
    asio::local::stream_protocol::acceptor dead{io, asio::local::stream_protocol::endpoint{place.file()}};
  }
  CHECK(exists(place.file()));
  { CHECK(listen_on(io, where).has_value()); }
  CHECK_FALSE(exists(place.file()));
  std::FILE* file = std::fopen(place.file().c_str(), "w");
  REQUIRE(file != nullptr);
  std::fclose(file);
  CHECK(listen_on(io, where) == tenon::code::unavailable);
  CHECK(exists(place.file()));
}

TEST_CASE("an abstract name needs no file") {
  asio::io_context io;
  sink into{io};
  const endpoint where = endpoint::local("@tenon.listener." + std::to_string(::getpid()));
  auto opened = listen_on(io, where);
  REQUIRE(opened.has_value());
  (*opened)->start(into);
  meet(io, where, into);
  CHECK(listen_on(io, where) == tenon::code::unavailable);
}

TEST_CASE("a path that is too long for the system is refused") {
  asio::io_context io;
  CHECK(listen_on(io, endpoint::local(std::string(108, 'x'))) == tenon::code::unavailable);
  CHECK(listen_on(io, endpoint::local(std::string(3000, 'x'))) == tenon::code::unavailable);
}

TEST_CASE("a shortage of descriptors is waited out, without spinning") {
  // The sanitizers need descriptors of their own to look at an object.
  if (tenon::detail::frame_cache::kept_per_class == 0) return;
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(survive_shortage());
  int ended = 0;
  REQUIRE(::waitpid(child, &ended, 0) == child);
  CHECK(WIFEXITED(ended));
  CHECK(WEXITSTATUS(ended) == 0);
}
