#include <tenon/gffg.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/codec/protobuf.hpp>
#include <tenon/protocol/detail/rpc_name.hpp>

using namespace std::string_literals;
using namespace tenon::protocol;

namespace gffg_world {

// The envelopes, in tenon's own protobuf codec, which knows nothing of the session's.
struct asked {
  std::int64_t sid = 0;
  std::int64_t rpcId = 0;
  std::map<std::string, std::string> headers{};
  tenon::bytes packet{};
};
struct answered {
  std::int64_t sid = 0;
  std::map<std::string, std::string> headers{};
  std::int32_t code = 0;
  tenon::bytes packet{};
};

struct user {
  std::string name;
};
struct UserService {
  user UserInfo(user who) { return {"hello " + who.name}; }
  tenon::result<user> CreateUser(user) { return tenon::status{tenon::code::already_exists, "there"}; }
  TENON_SERVICE(UserService, UserInfo, CreateUser)
};

// As gffg's encoder in Go writes them.
struct head {
  std::size_t size;
  std::string_view bytes;
};
constexpr head heads[] = {{1, {"\x00\x00\x00\x02\x02\x00\x00\x00", 8}},   {23, {"\x00\x00\x00\x2e\x2e\x00\x00\x00", 8}},    {63, {"\x00\x00\x00\x7e\x7e\x00\x00\x00", 8}},
                          {64, {"\x01\x00\x00\x80\x80\x01\x00\x00", 8}},  {128, {"\x02\x00\x00\x80\x80\x02\x00\x00", 8}},   {540, {"\x08\x00\x00\xb8\xb8\x08\x00\x00", 8}},
                          {1000, {"\x0f\x00\x00\xd0\xd0\x0f\x00\x00", 8}}, {65536, {"\x80\x00\x08\x80\x80\x80\x08\x00", 8}}, {1048576, {"\x80\x01\x80\x80\x80\x80\x80\x01", 8}}};

std::string head_of(std::size_t size) {
  std::string text(8, '\0');
  detail::write_gffg_head(text.data(), size);
  return text;
}
std::string frame(const asked& message) {
  const std::string body = tenon::encode<tenon::codec::protobuf>(message);
  return head_of(body.size()) + body;
}
tenon::bytes bytes_of(std::string_view text) {
  const auto* const from = reinterpret_cast<const std::byte*>(text.data());
  return {from, from + text.size()};
}
std::string text_of(const tenon::bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

struct side {
  explicit side(tenon::limits bounds = {}) : session{bounds} {}

  bool on_request(const request& call) {
    calls.push_back(std::string{call.service} + "." + std::string{call.method} + " " + std::string{call.payload});
    metadata = {};
    call.read_metadata(call.metadata_block, metadata);
    if (call.address.one_way) return true;
    if (call.payload == "fail") {
      session.write_error(out, call.address, tenon::status{tenon::code::not_found, "none"}, extra);
      return true;
    }
    const mark at = session.begin_reply(out, call.address);
    out.append(call.payload == "large" ? std::string(large, 'x') : std::string{call.payload});
    session.end_reply(out, at, call.address, extra);
    return true;
  }
  bool full() const { return out.size() > room; }
  consumed::state feed(std::string_view bytes) {
    unread.append(bytes);
    const consumed done = session.consume(unread, *this, out);
    unread.erase(0, done.bytes);
    reason = done.reason;
    return done.next;
  }
  std::vector<answered> answers() {
    std::vector<answered> found;
    for (std::string_view rest = out.view(); !rest.empty();) {
      std::size_t size = 0;
      REQUIRE(detail::may_be_gffg_head(rest.substr(0, 8), size));
      found.push_back(tenon::decode<answered, tenon::codec::protobuf>(rest.substr(8, size)).value());
      rest.remove_prefix(8 + size);
    }
    out.clear();
    return found;
  }

  tenon::gffg<UserService> session;
  std::string unread;
  tenon::buffer out;
  tenon::metadata extra;
  tenon::metadata metadata;
  std::size_t room = 1 << 24;
  std::size_t large = 0;
  std::vector<std::string> calls;
  std::string reason;
};

constexpr auto info_number = static_cast<std::int64_t>(0x15967AF34FC8D2FA);

}  // namespace gffg_world

using namespace gffg_world;

TEST_CASE("gffg: heads are those of its encoder") {
  for (const head& each : heads) {
    CAPTURE(each.size);
    CHECK(head_of(each.size) == each.bytes);
    std::size_t size = 0;
    CHECK(detail::may_be_gffg_head(each.bytes, size));
    CHECK(size == each.size);
    using session = tenon::gffg<UserService>;
    for (std::size_t cut = 0; cut < 8; ++cut) CHECK(session::recognise(each.bytes.substr(0, cut)) == sniffed::need_more);
    CHECK(session::recognise(each.bytes) == sniffed::yes);
    for (std::size_t at = 0; at < 8; ++at) {
      std::string bad{each.bytes};
      bad[at] = static_cast<char>(bad[at] ^ 0x11);
      CHECK(session::recognise(bad) == sniffed::no);
    }
  }
  std::size_t size = 0;
  CHECK(!detail::may_be_gffg_head("\x82\x01\x80\x80\x80\x82\x80\x01"s, size));  // above 1 MiB
  CHECK(!detail::may_be_gffg_head("\x00\x01\x00\x02\x02\x00\x00\x01"s, size));  // bytes behind the varint
}

TEST_CASE("gffg: methods are known by its numbers") {
  CHECK(detail::gffg_number("UserService", "UserInfo") == 0x15967AF34FC8D2FA);
  CHECK(detail::gffg_number("UserService", "CreateUser") == 0x647C2C3F29E615A);
}

TEST_CASE("gffg: a call is answered with its sid, headers are metadata") {
  side server;
  server.extra.add("seen", "yes");
  server.feed(frame({7, info_number, {{"traceId", "abc"}, {"x", ""}}, bytes_of("hi")}));
  CHECK(server.calls == std::vector<std::string>{"UserService.UserInfo hi"});
  CHECK(server.metadata.get("traceId") == "abc");
  CHECK(server.metadata.size() == 2);
  const auto found = server.answers();
  REQUIRE(found.size() == 1);
  CHECK(found[0].sid == 7);
  CHECK(found[0].code == 0);
  CHECK(text_of(found[0].packet) == "hi");
  CHECK(found[0].headers == std::map<std::string, std::string>{{"seen", "yes"}});
}

TEST_CASE("gffg: onlyCall and sid 0 want no answer; failures are codes") {
  side server;
  server.feed(frame({7, info_number, {{"onlyCall", "1"}}, bytes_of("a")}) + frame({0, info_number, {}, bytes_of("b")}) + frame({0, 5, {}, {}}));
  CHECK(server.calls.size() == 2);
  CHECK(server.out.empty());
  server.feed(frame({-3, info_number, {}, bytes_of("fail")}) + frame({4, 5, {}, {}}));
  const auto found = server.answers();
  REQUIRE(found.size() == 2);
  CHECK(found[0].sid == -3);
  CHECK(found[0].code == 505);
  CHECK(found[0].packet.empty());
  CHECK(found[1].code == 404);

  side small{{.max_message_bytes = 10, .max_metadata_bytes = 100}};
  small.feed(frame({1, info_number, {}, tenon::bytes(11)}));
  CHECK(small.answers().at(0).code == 405);
}

TEST_CASE("gffg: answers have 1 MiB at most, of any size below") {
  side server;
  for (const std::size_t size : {std::size_t{0}, std::size_t{127}, std::size_t{128}, std::size_t{16'384}, std::size_t{1024 * 1024 - 1024}}) {
    server.large = size;
    server.feed(frame({1, info_number, {}, bytes_of("large")}));
    CHECK(server.answers().at(0).packet.size() == size);
  }
  server.large = 1024 * 1024;
  server.feed(frame({1, info_number, {}, bytes_of("large")}));
  CHECK(server.answers().at(0).code == 505);
}

TEST_CASE("gffg: the bytes may be cut anywhere, and what cannot be a frame closes with a reason") {
  const std::string bytes = frame({1, info_number, {{"a", "b"}}, bytes_of("x")}) + frame({2, info_number, {}, bytes_of("fail")});
  side whole;
  whole.feed(bytes);
  const std::string expected{whole.out.view()};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    side server;
    server.feed(bytes.substr(0, cut));
    server.feed(bytes.substr(cut));
    REQUIRE(server.out.view() == expected);
  }
  const auto closed = [](const std::string& said) {
    side server{{.max_message_bytes = 1000, .max_metadata_bytes = 1000}};
    CHECK(server.feed(said) == consumed::state::close);
    return server.reason;
  };
  CHECK(closed("\x08\x00\x00\x30\x00\x00\x00\x00"s) == "gffg: expected a length that says the same twice, below 1 MiB");
  CHECK(closed(head_of(2001)) == "gffg: a message of 2001 bytes exceeds the limits");
  CHECK(closed(head_of(2) + "\x0A\x05") == "gffg: expected a Request in protobuf, found other bytes");
  CHECK(closed(head_of(1) + "\x0B") == "gffg: expected a Request in protobuf, found other bytes");

  side server;
  server.room = 0;
  server.feed(bytes);
  CHECK(server.calls.size() == 1);
}
