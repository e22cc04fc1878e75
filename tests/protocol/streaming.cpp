#include <tenon/protocol/streaming.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <simulation.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/protocol/rpcx_client.hpp>

using simulated::frame;
namespace protocol = tenon::protocol;

namespace {

// Notes everything that a session says, in order.
struct streaming_server {
  bool on_request(const protocol::request& call) { return note("request " + std::string{call.method} + " " + std::to_string(call.stream_credit)), true; }
  bool full() const { return false; }
  void on_cancel(std::uint64_t id) { note("cancel " + std::to_string(id)); }
  void on_item(std::uint64_t id, std::string_view payload) { note("item " + std::to_string(id) + " " + std::string{payload.substr(0, 20)}); }
  void on_items_end(std::uint64_t id) { note("end " + std::to_string(id)); }
  void on_refused_item(std::uint64_t id, const tenon::status& why) { note("refused " + std::to_string(id) + " " + why.to_string()); }
  void on_credit(std::uint64_t id, std::int64_t bytes) { note("credit " + std::to_string(id) + " " + std::to_string(bytes)); }
  void note(std::string what) { said.push_back(std::move(what)); }

  std::vector<std::string> said;
};
struct streaming_client final : protocol::reply_sink {
  void on_reply(const protocol::reply& answer) override { said.push_back("reply " + std::to_string(answer.id) + " " + answer.error.to_string()); }
  void on_item(std::uint64_t id, protocol::serialization codec, std::string_view payload) override {
    said.push_back("item " + std::to_string(id) + " " + std::to_string(static_cast<int>(codec)) + " " + std::string{payload});
  }
  void on_credit(std::uint64_t id, std::int64_t bytes) override { said.push_back("credit " + std::to_string(id) + " " + std::to_string(bytes)); }
  std::vector<std::string> said;
};

frame notice(std::string method, std::uint64_t sequence) { return {.bits = simulated::one_way, .codec = 0, .sequence = sequence, .method = std::move(method)}; }
frame item(std::uint64_t sequence, std::string payload) { return {.bits = simulated::one_way, .codec = simulated::json, .sequence = sequence, .method = "item", .payload = std::move(payload)}; }
frame credit(std::uint64_t sequence, std::string bytes) {
  return {.bits = simulated::one_way, .codec = 0, .sequence = sequence, .method = "credit", .metadata = {{"tenon-stream", std::move(bytes)}}};
}

const std::string greeting = frame{.bits = simulated::heartbeat | simulated::response, .metadata = {{"tenon-peer", "server"}}}.bytes();

}  // namespace

TEST_CASE("every frame of a stream is a legal frame of rpcx, written down byte by byte") {
  tenon::buffer out;
  protocol::rpcx_session server{tenon::limits{}};
  const protocol::reply_address to{.id = 7, .codec = protocol::serialization::json, .one_way = false, .streamed = true};
  const protocol::mark at = server.begin_item(out, to);
  out.append("\"a\"");
  CHECK(server.end_item(out, at, to, {}) == 3 + 32);
  server.write_credit(out, to, {.bytes = 100, .items = 2});
  CHECK(out.view() == item(7, "\"a\"").bytes() + credit(7, "164").bytes());

  out.clear();
  protocol::rpcx_client_session client{tenon::limits{}};
  CHECK(client.streams());
  const tenon::metadata none;
  const protocol::outgoing call{.id = 9, .service = "feed", .method = "watch", .codec = protocol::serialization::json, .server_streams = true, .extra = &none, .stream_credit = 1000};
  const protocol::mark request = client.begin_request(out, call);
  client.end_request(out, request);
  CHECK(out.view() == frame{.codec = simulated::json, .sequence = 9, .service = "feed", .method = "watch", .metadata = {{"tenon-stream", "1000"}}}.bytes());
  out.clear();
  const protocol::mark first = client.begin_item(out, 9, protocol::serialization::json);
  out.append("1");
  CHECK(client.end_item(out, first, 9) == 33);
  client.write_end(out, 9);
  client.write_credit(out, 9, {.bytes = 5, .items = 0});
  CHECK(out.view() == item(9, "1").bytes() + notice("end", 9).bytes() + credit(9, "5").bytes());
  CHECK(client.first_credit() == 0);
}

TEST_CASE("a server hears of items in order, wherever their bytes are cut") {
  const std::string bytes = frame{.sequence = 3, .service = "feed", .method = "sum", .metadata = {{"tenon-stream", "4096"}, {"k", "v"}}}.bytes() + item(3, "1").bytes() + credit(3, "100").bytes() +
                            item(3, "").bytes() + notice("end", 3).bytes() + notice("cancel", 3).bytes();
  const std::vector<std::string> expected{"request sum 4096", "item 3 1", "credit 3 100", "item 3 ", "end 3", "cancel 3"};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    protocol::rpcx_session session{tenon::limits{}};
    streaming_server told;
    tenon::buffer out;
    // What is not taken is fed again, with more.
    const protocol::consumed before = session.consume(std::string_view{bytes}.substr(0, cut), told, out);
    const protocol::consumed after = session.consume(std::string_view{bytes}.substr(before.bytes), told, out);
    CHECK(before.bytes + after.bytes == bytes.size());
    CHECK(told.said == expected);
    CHECK(out.empty());
  }
}

TEST_CASE("credit that is no number, or none, grants nothing; a key without a number still says that streams are known") {
  protocol::rpcx_session session{tenon::limits{}};
  streaming_server told;
  tenon::buffer out;
  const std::string bytes = credit(3, "much").bytes() + credit(3, "-5").bytes() + credit(3, "99999999999999999").bytes() + notice("credit", 3).bytes() +
                            frame{.sequence = 4, .service = "feed", .method = "watch", .metadata = {{"tenon-stream", "x"}}}.bytes() +
                            frame{.sequence = 5, .service = "feed", .method = "watch", .metadata = {{"tenon-stream", "-1"}}}.bytes();
  CHECK(session.consume(bytes, told, out).bytes == bytes.size());
  CHECK(told.said == std::vector<std::string>{"credit 3 0", "credit 3 0", "credit 3 1099511627776", "credit 3 0", "request watch 1", "request watch 1"});
}

TEST_CASE("an item above a limit is refused by its call, whether it could be held or not") {
  protocol::rpcx_session session{tenon::limits{.max_message_bytes = 100, .max_metadata_bytes = 100}};
  streaming_server told;
  tenon::buffer out;
  const std::string bytes = item(3, std::string(101, 'x')).bytes() + item(4, std::string(1000, 'x')).bytes() + item(5, "after").bytes();
  CHECK(session.consume(bytes, told, out).bytes == bytes.size());
  REQUIRE(told.said.size() == 3);
  CHECK(told.said[0] == "refused 3 RESOURCE_EXHAUSTED: an item of 101 bytes exceeds the limit of 100");
  CHECK(told.said[1].starts_with("refused 4 RESOURCE_EXHAUSTED"));
  CHECK(told.said[2] == "item 5 after");
}

TEST_CASE("a client takes items from a tenon peer only, and refuses large ones with a cancel") {
  const std::string bytes = item(3, "1").bytes() + credit(3, "10").bytes();
  protocol::rpcx_client_session stranger{tenon::limits{}};
  streaming_client told;
  tenon::buffer out;
  CHECK(stranger.consume(bytes, told, out).bytes == bytes.size());
  CHECK(told.said.empty());

  protocol::rpcx_client_session session{tenon::limits{.max_message_bytes = 100, .max_metadata_bytes = 100}};
  const std::string more = greeting + bytes + item(3, std::string(101, 'x')).bytes() + item(4, std::string(1000, 'x')).bytes();
  CHECK(session.consume(more, told, out).bytes == more.size());
  REQUIRE(told.said.size() == 4);
  CHECK(told.said[0] == "item 3 1 1");
  CHECK(told.said[1] == "credit 3 10");
  CHECK(told.said[2] == "reply 3 RESOURCE_EXHAUSTED: an item of the answer has 101 bytes; the limit is 100");
  CHECK(told.said[3].starts_with("reply 4 RESOURCE_EXHAUSTED"));
  CHECK(out.view() == notice("cancel", 3).bytes() + notice("cancel", 4).bytes());
}
