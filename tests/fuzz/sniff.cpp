// Bytes as a connection to a port that speaks everything: however they are cut, the same protocol is recognised and the same requests come out. Links wslay, nghttp2.
#include "fuzz.hpp"

#include <tenon/gffg.hpp>
#include <tenon/protocol/dmicro.hpp>
#include <tenon/protocol/grpc.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>
#include <tenon/protocol/web.hpp>
#include <tenon/protocol/websocket.hpp>
#include <tenon/server/spoken_session.hpp>

namespace {

using namespace tenon::protocol;

struct one_service {
  int one() { return 1; }
  TENON_SERVICE(one_service, one)
};

constexpr tenon::limits bounds{.max_message_bytes = 4096, .max_metadata_bytes = 4096};
using everything = tenon::detail::spoken_session<tenon::gffg<one_service>, dmicro_session, websocket_session, rpcx_session, web_session, grpc_session, jsonrpc_session, msgpack_rpc_session>;

template <class Session>
struct requests {
  Session& session;
  tenon::buffer& out;
  std::string& seen;
  bool full() const { return false; }
  bool on_request(const request& call) {
    seen.append(call.service).append(1, '/').append(call.method).append(1, ' ').append(call.payload).append(1, '\n');
    tenon::metadata extra;
    if (call.read_metadata != nullptr) call.read_metadata(call.metadata_block, extra);
    if (call.address.one_way) return true;
    const mark at = session.begin_reply(out, call.address);
    out.append("1");
    session.end_reply(out, at, call.address, {});
    return true;
  }
};

std::string feed(std::string_view in, std::size_t step) {
  const fuzz::memory_watch watch;
  everything port;
  tenon::buffer out;
  std::string seen;
  std::string unread;
  bool closed = false;
  for (std::size_t at = 0; at < in.size() && !closed; at += step) {
    unread.append(in.substr(at, step));
    if (!port.known()) {
      const sniffed found = port.recognise(unread, bounds, [&seen]<class Session>(Session&) { seen.append(Session::name).append(": "); });
      if (found == sniffed::no) return "nobody's";
      if (found == sniffed::need_more) continue;
    }
    const consumed done = port.with([&](auto& session) {
      requests<std::remove_cvref_t<decltype(session)>> sink{session, out, seen};
      return session.consume(unread, sink, out);
    });
    fuzz::require(done.bytes <= unread.size(), "more was consumed than given");
    fuzz::require(done.next != consumed::state::wait, "a session waits for nothing");
    closed = done.next == consumed::state::close || port.with([](auto& session) { return session.closing(); });
    unread.erase(0, done.bytes);
  }
  fuzz::require(watch.most() <= 256 * in.size() + 524288, "the session took more memory than a multiple of what came");
  return seen + (closed ? " closed" : "");
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  using namespace std::string_literals;
  std::string number;
  for (std::uint64_t left = detail::gffg_number("one_service", "one"); left != 0; left >>= 7) number.push_back(static_cast<char>((left & 0x7F) | (left > 0x7F ? 0x80 : 0)));
  const std::string body = "\x08\x07\x10" + number;
  std::string gffg(8, '\0');
  detail::write_gffg_head(gffg.data(), body.size());
  return {
      "\x05" + gffg + body,
      "\x05\x00\x00\x00\x1d\x01\x00\x01\x31\x01\x0a/desk/echo\x00\x00\x00\x02{}j\"x\""s,
      "\x05GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      "\x05\x08\x00\x00\x30\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x15\x00\x00\x00\x01" "a\x00\x00\x00\x01" "b\x00\x00\x00\x00\x00\x00\x00\x01\xc0"s,
      "\x05POST /a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\"x\"",
      "\x05PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"s,
      "\x05{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":[1],\"id\":1}",
      "\x05\x94\x00\x01\xa1x\x91\x01"s,
      "\x05" + std::string(65, ' ') + R"({"jsonrpc":"2.0","method":"a.b","id":1})",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  fuzz::require(feed(in, in.size()) == feed(in, data[0] % 64 + 1U), "what is heard hangs on how the bytes are cut");
  return 0;
}
