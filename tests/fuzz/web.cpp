// Bytes as a connection that speaks HTTP/1.1 and what rides on it, to a server's session whose methods stream: however they are cut, the same requests come out and the same is written.
#include "fuzz.hpp"

#include <tenon/protocol/web.hpp>

namespace {

using namespace tenon::protocol;

struct directions {
  bool client = false;
  bool server = false;
};

struct side {
  web_session session{tenon::limits{.max_message_bytes = 4096, .max_metadata_bytes = 1024}};
  tenon::buffer out;
  std::string seen;
  reply_address open{};
  bool waits = false;

  bool full() const { return false; }
  // Told by the name's first letter, so that the bytes decide.
  directions streams(std::string_view, std::string_view method) const { return {.client = method.starts_with('c') || method.starts_with('b'), .server = method.starts_with('s') || method.starts_with('b')}; }
  bool on_request(const request& call) {
    seen.append(call.service).append(1, '/').append(call.method).append(1, ' ').append(call.payload).append(1, '\n');
    fuzz::require(call.payload.size() <= 4096, "a body beyond the limit");
    tenon::metadata extra;
    call.read_metadata(call.metadata_block, extra);
    if (call.address.one_way) return true;
    open = call.address;
    const directions way = streams({}, call.method);
    open.streamed = way.server && call.stream_credit != 0;
    waits = way.client && call.stream_credit != 0;
    if (!waits) answer(extra);
    return !waits;
  }
  void on_item(std::uint64_t, std::string_view payload) {
    fuzz::require(waits, "an item of no call");
    seen.append("item ").append(payload).append(1, '\n');
  }
  void on_items_end(std::uint64_t) {
    fuzz::require(waits, "the end of no call's items");
    answer({});
  }
  void on_refused_item(std::uint64_t, const tenon::status&) {}
  void on_credit(std::uint64_t, std::int64_t) {}

  void answer(const tenon::metadata& extra) {
    waits = false;
    for (std::size_t items = open.streamed ? seen.size() % 3 : 0; items != 0; --items) {
      const mark at = session.begin_item(out, open);
      out.append("[1]");
      fuzz::require(session.end_item(out, at, open, extra) == 0, "an item takes credit over HTTP");
    }
    if (seen.size() % 5 == 0) return session.write_error(out, open, tenon::status{tenon::code::not_found, "none \"here\""}, extra);
    const mark at = session.begin_reply(out, open);
    if (!open.streamed) out.append("{}");
    session.end_reply(out, at, open, extra);
  }
};

std::string feed(std::string_view in, std::size_t step) {
  const fuzz::memory_watch watch;
  side one;
  std::string unread;
  bool closed = false;
  for (std::size_t at = 0; at < in.size() && !closed; at += step) {
    unread.append(in.substr(at, step));
    const consumed done = one.session.consume(unread, one, one.out);
    fuzz::require(done.bytes <= unread.size(), "more was consumed than given");
    unread.erase(0, done.bytes);
    closed = done.next == consumed::state::close || one.session.closing();
  }
  fuzz::require(one.out.empty() || one.out.view().substr(0, 9) == "HTTP/1.1 ", "what is written is not HTTP");
  // Each refusal, and each head of an answer, is longer than the shortest request.
  fuzz::require(watch.most() <= 512 * in.size() + 131072, "the session took more memory than a multiple of what came");
  return std::move(one.seen) + (closed ? " closed" : "");
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  const auto post = [](std::string_view path, std::string_view headers, std::string_view body) {
    return "POST " + std::string{path} + " HTTP/1.1\r\nHost: here\r\n" + std::string{headers} + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
  };
  const std::string two{"\0\0\0\0\2[]\0\0\0\0\1" "5", 13};
  const std::string connect = "Content-Type: application/connect+json\r\n";
  return {
      "\x05" + post("/m/stream", "Accept: text/event-stream\r\n", "[]") + post("/m/plain", "", "1"),
      "\x07" + post("/m/call", connect, two) + post("/m/both", connect, two) + post("/m/s", connect, two.substr(0, 7)) + post("/m/plain", connect, two.substr(0, 7)),
      "\x03GET /m/s?message=1 HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n",
      "\x09" + post("/rpc", "", R"([{"jsonrpc":"2.0","method":"m.s","id":1},{"jsonrpc":"2.0","method":"$/input","params":{"id":1,"value":2}}])"),
      "\x0b" + post("/m/plain", "Content-Type: application/grpc-web\r\n", two.substr(0, 7)),
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  fuzz::require(feed(in, in.size()) == feed(in, data[0] % 128 + 1U), "the requests hang on how the bytes are cut");
  return 0;
}
