#include <tenon/protocol/rpcx_extension.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/protocol/rpcx_client.hpp>

using simulated::frame;
using simulated::frames_in;
namespace protocol = tenon::protocol;

namespace {

struct server_side {
  bool on_request(const protocol::request& call) { return requests.emplace_back(call.method), true; }
  bool full() const { return false; }
  void on_cancel(std::uint64_t id) { cancelled.push_back(id); }

  std::string feed(std::string_view bytes) {
    out.clear();
    CHECK(session.consume(bytes, *this, out).bytes == bytes.size());
    return std::string{out.view()};
  }

  protocol::rpcx_session session{tenon::limits{}};
  tenon::buffer out;
  std::vector<std::string> requests;
  std::vector<std::uint64_t> cancelled;
};

struct client_side final : protocol::reply_sink, protocol::request_visitor {
  void on_reply(const protocol::reply&) override { ++replies; }
  void on_going_away(std::uint64_t last) override { gone = last; }
  void request(std::uint64_t id, std::size_t end) override { seen.emplace_back(id, end); }

  std::string feed(std::string_view bytes) {
    out.clear();
    CHECK(session.consume(bytes, *this, out).bytes == bytes.size());
    return std::string{out.view()};
  }
  std::string greeting() {
    out.clear();
    session.begin(out);
    return std::string{out.view()};
  }

  protocol::rpcx_client_session session{tenon::limits{}};
  tenon::buffer out;
  int replies = 0;
  std::optional<std::uint64_t> gone;
  std::vector<std::pair<std::uint64_t, std::size_t>> seen;
};

std::string notice(std::string method, std::uint64_t sequence) { return frame{.bits = simulated::one_way, .codec = 0, .sequence = sequence, .method = std::move(method)}.bytes(); }

}  // namespace

TEST_CASE("two tenon peers recognise each other, and tell each other more from then on") {
  client_side client;
  server_side server;
  tenon::buffer out;
  CHECK(!client.session.write_cancel(out, 1));
  server.session.write_going_away(out);
  CHECK(out.empty());

  const std::string greeting = client.greeting();
  CHECK(greeting == frame{.bits = simulated::heartbeat, .metadata = {{"tenon-peer", "client"}}}.bytes());
  const std::string answer = server.feed(greeting);
  CHECK(answer == frame{.bits = simulated::heartbeat | simulated::response, .metadata = {{"tenon-peer", "server"}}}.bytes());
  CHECK(client.feed(answer).empty());

  CHECK(client.session.write_cancel(out, 0x700000003));
  CHECK(std::string{out.view()} == notice("cancel", 0x700000003));
  (void)server.feed(frame{.sequence = 5, .service = "a", .method = "b"}.bytes() + std::string{out.view()});
  CHECK(server.cancelled == std::vector<std::uint64_t>{0x700000003});
  CHECK(server.requests == std::vector<std::string>{"b"});

  out.clear();
  server.session.write_going_away(out);
  CHECK(std::string{out.view()} == notice("going_away", 5));
  CHECK(client.feed(out.view()).empty());
  CHECK(client.gone == std::uint64_t{5});
  CHECK(client.replies == 0);
}

TEST_CASE("a foreign server's echo proves nothing, and a foreign client's heartbeat comes back as it went") {
  client_side client;
  frame echo = frames_in(client.greeting()).at(0);
  echo.bits |= simulated::response;
  (void)client.feed(echo.bytes() + notice("going_away", 5));
  CHECK(!client.gone);
  CHECK(!client.session.write_cancel(client.out, 1));

  server_side server;
  frame heartbeat{.bits = simulated::heartbeat, .sequence = 3, .metadata = {{"k", "v"}}, .payload = "\x01"};
  const std::string answer = server.feed(heartbeat.bytes());
  heartbeat.bits |= simulated::response;
  CHECK(answer == heartbeat.bytes());
  server.out.clear();
  server.session.write_going_away(server.out);
  CHECK(server.out.empty());
}

TEST_CASE("a one-way request that only looks like a notice is a request, and broken metadata of a heartbeat proves nothing") {
  server_side server;
  (void)server.feed(frame{.bits = simulated::one_way, .service = "orders", .method = "cancel"}.bytes() + frame{.service = "", .method = "cancel"}.bytes() + notice("other", 1));
  CHECK(server.requests == std::vector<std::string>{"cancel", "cancel", "other"});
  CHECK(server.cancelled.empty());
  // The length of the last value is one byte too long.
  std::string broken = frame{.bits = simulated::heartbeat, .metadata = {{"tenon-peer", "client"}}}.bytes();
  broken[broken.size() - 4 - 6 - 1] = 7;
  CHECK(server.feed(broken).size() == broken.size());
  server.out.clear();
  server.session.write_going_away(server.out);
  CHECK(server.out.empty());
}

TEST_CASE("a client's session finds its requests in what it wrote, whole ones only") {
  client_side client;
  std::string written = client.greeting();
  const std::string one = frame{.sequence = 11, .service = "a", .method = "b", .payload = "12345"}.bytes();
  written += one + frame{.bits = simulated::one_way, .sequence = 12, .service = "a", .method = "c"}.bytes();
  const std::size_t end_of_one = client.greeting().size() + one.size();
  const std::string two = frame{.sequence = 13, .service = "a", .method = "d"}.bytes();
  written += two;
  for (std::size_t cut = 0; cut <= written.size(); ++cut) {
    client.seen.clear();
    client.session.visit_requests(std::string_view{written}.substr(0, cut), client);
    std::vector<std::pair<std::uint64_t, std::size_t>> expected;
    if (cut >= end_of_one) expected.emplace_back(11, end_of_one);
    if (cut == written.size()) expected.emplace_back(13, cut);
    CHECK(client.seen == expected);
  }
}
