// Bytes as a connection that speaks WebSocket, to a server's session and to a client's: however they are cut, the same messages come out. Links wslay.
#include "fuzz.hpp"

#include <tenon/protocol/websocket.hpp>
#include <tenon/protocol/websocket_client.hpp>

namespace {

using namespace tenon::protocol;

constexpr tenon::limits bounds{.max_message_bytes = 4096, .max_metadata_bytes = 1024};
constexpr std::string_view handshake = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct requests {
  websocket_session session{bounds};
  tenon::buffer out;
  std::string seen;

  bool full() const { return false; }
  bool on_request(const request& call) {
    seen.append(call.service).append(1, '/').append(call.method).append(1, ' ').append(call.payload).append(1, '\n');
    fuzz::require(call.payload.size() <= bounds.max_message_bytes, "a payload beyond the limit");
    tenon::metadata extra;
    call.read_metadata(call.metadata_block, extra);
    if (call.address.one_way) return true;
    if (call.method == "s") {
      reply_address to = call.address;
      to.streamed = true;
      session.write_credit(out, to, {.bytes = call.stream_credit, .items = 0});
      const mark item = session.begin_item(out, to);
      out.append("7");
      fuzz::require(session.end_item(out, item, to, {}) == (to.unmetered ? 0 : 33), "an item takes another credit than its bytes");
      session.end_reply(out, session.begin_reply(out, to), to, extra);
    } else if (seen.size() % 3 == 0) {
      session.write_error(out, call.address, tenon::status{tenon::code::not_found, "none"}, {});
    } else {
      const mark at = session.begin_reply(out, call.address);
      out.append(call.payload.empty() ? "null" : call.payload);
      session.end_reply(out, at, call.address, extra);
    }
    return true;
  }
  // What streams, and whoever calls in the other direction, hear.
  void note(std::string_view what, std::uint64_t id, std::string_view text) { seen.append(what).append(std::to_string(id)).append(1, ' ').append(text).append(1, '\n'); }
  void on_item(std::uint64_t id, std::string_view payload) { note("item ", id, payload); }
  void on_items_end(std::uint64_t id) { note("end ", id, {}); }
  void on_refused_item(std::uint64_t id, const tenon::status& why) { note("refused ", id, why.message()); }
  void on_credit(std::uint64_t id, std::int64_t bytes) {
    fuzz::require(bytes >= 0, "a credit below nothing");
    note("credit ", id, std::to_string(bytes));
  }
  void on_cancel_request(std::uint64_t id) { note("cancel ", id, {}); }
  void on_answer(std::string_view text) { note("answer ", text.size(), {}); }

  consumed consume(std::string_view in) { return session.consume(in, *this, out); }
  std::string end() { return std::move(seen) + std::string{out.view()} + (session.closing() ? " closing" : ""); }
};

struct replies : reply_sink {
  websocket_client_session session{bounds, "x", "/"};
  tenon::buffer out;
  std::string seen;

  // The key differs each time: the handshake is answered as a server would, and what is fuzzed comes behind it.
  replies() {
    session.begin(out);
    const std::string greeting{out.view()};
    const std::size_t key = greeting.find("Sec-WebSocket-Key: ") + 19;
    const std::string agreement = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + detail::websocket_accept(greeting.substr(key, 24)) + "\r\n\r\n";
    fuzz::require(consume(agreement).bytes == agreement.size(), "the agreement was not understood");
    const tenon::metadata nothing;
    for (std::uint64_t id = 1; id < 10; ++id) {
      outgoing call{.id = id, .service = "a", .method = "b", .codec = serialization::json, .arguments = 1};
      if (id < 4) call.extra = &nothing, call.stream_credit = 100, call.server_streams = id != 2, call.client_streams = id != 1;
      const mark at = session.begin_request(out, call);
      out.append("1");
      session.end_request(out, at);
    }
  }
  void on_reply(const reply& answer) override {
    seen.append(std::to_string(answer.id)).append(1, ' ').append(answer.payload).append(answer.error.message());
    tenon::metadata extra;
    if (answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, extra);
  }
  void on_item(std::uint64_t id, serialization, std::string_view payload) override {
    fuzz::require(payload.size() <= bounds.max_message_bytes, "an item beyond the limit");
    seen.append("item ").append(std::to_string(id)).append(payload);
    session.write_credit(out, id, {.bytes = static_cast<std::int64_t>(payload.size()), .items = 1});
  }
  void on_credit(std::uint64_t id, std::int64_t bytes) override {
    seen.append("credit ").append(std::to_string(id)).append(std::to_string(bytes));
    if (bytes % 2 == 0) return session.write_end(out, id);
    const mark at = session.begin_item(out, id, serialization::json);
    out.append("5");
    session.end_item(out, at, id);
  }
  bool on_request(std::string_view message) override { return seen.append(message).size() % 2 == 0; }
  consumed consume(std::string_view in) { return session.consume(in, *this, out); }
  std::string end() { return std::move(seen); }
};

// Feeds `in` in pieces of `step` bytes, as a read buffer would; returns what came out, and whether it ended in a close.
template <class Side>
std::string feed(std::string_view in, std::size_t step) {
  const fuzz::memory_watch watch;
  Side side;
  std::string unread;
  bool closed = false;
  for (std::size_t at = 0; at < in.size() && !closed; at += step) {
    unread.append(in.substr(at, step));
    const consumed done = side.consume(unread);
    fuzz::require(done.bytes <= unread.size(), "more was consumed than given");
    fuzz::require(done.next != consumed::state::close || !done.reason.empty(), "a connection is closed without a reason");
    closed = done.next == consumed::state::close;
    unread.erase(0, done.bytes);
  }
  fuzz::require(watch.most() <= 64 * in.size() + 131072, "the session took more memory than a multiple of what came");
  return side.end() + (closed ? " closed" : "");
}

std::string frame(unsigned first, std::string_view payload, bool masked) {
  std::string whole{static_cast<char>(first), static_cast<char>((masked ? 0x80 : 0) | payload.size())};
  if (masked) whole.append("\0\0\0\0", 4);
  return whole.append(payload);
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  const std::string call = R"({"jsonrpc":"2.0","method":"a.b","params":[1],"id":1})";
  const std::string answer = R"({"jsonrpc":"2.0","result":"x","id":1})";
  return {
      "\x03" + std::string{handshake},
      "\x43" + frame(0x81, call, true) + frame(0x89, "ping", true) + frame(0x01, "[", true) + frame(0x00, call, true) + frame(0x80, "]", true) + frame(0x88, "\x03\xe8 bye", true),
      "\x43" + frame(0x81, R"([{"jsonrpc":"2.0","method":"n"},5])", true) + frame(0x82, "bin", true),
      "\x43" + frame(0x81, R"({"jsonrpc":"2.0","method":"a.s","id":"k","meta":{"stream_credit":50}})", true) + frame(0x81, R"({"jsonrpc":"2.0","method":"$/input","params":{"id":"k","value":[1]}})", true) +
          frame(0x81, R"({"jsonrpc":"2.0","method":"$/credit","params":{"id":1,"bytes":-99}})", true) + frame(0x81, R"([{"jsonrpc":"2.0","method":"$/inputEnd","params":{"id":"k"}}])", true) +
          frame(0x81, R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":7}})", true) + frame(0x82, std::string{"\x94\x00\x07\xa3" "a.b\x91\x05", 10}, true) + frame(0x81, answer, true),
      "\x83" + frame(0x81, R"({"jsonrpc":"2.0","method":"$/item","params":{"id":1,"value":"v"}})", false) + frame(0x81, R"({"jsonrpc":"2.0","method":"$/inputCredit","params":{"id":2,"bytes":9}})", false) +
          frame(0x81, R"({"jsonrpc":"2.0","method":"x.y","params":[],"id":1})", false) + frame(0x81, R"({"jsonrpc":"2.0","result":null,"id":1})", false),
      "\x83" + frame(0x81, answer, false) + frame(0x8A, "", false) + frame(0x01, answer.substr(0, 9), false) + frame(0x80, answer.substr(9), false) + frame(0x88, "\x03\xe9", false),
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  const std::size_t step = data[0] % 64 + 1U;
  if (data[0] >= 128) {
    fuzz::require(feed<replies>(in, in.size()) == feed<replies>(in, step), "the answers hang on how the bytes are cut");
    return 0;
  }
  // With the handshake in front, or as it is.
  const std::string whole = (data[0] >= 64 ? std::string{handshake} : std::string{}).append(in);
  fuzz::require(feed<requests>(whole, whole.size()) == feed<requests>(whole, step), "the requests hang on how the bytes are cut");
  return 0;
}
