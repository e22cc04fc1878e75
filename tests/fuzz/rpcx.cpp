// Bytes as a connection that speaks rpcx, to a server's session and to a client's: however they are cut, the same messages come out.
#include "fuzz.hpp"

#include <tenon/protocol/rpcx.hpp>
#include <tenon/protocol/rpcx_client.hpp>

namespace {

using namespace tenon::protocol;

struct requests {
  rpcx_session session{tenon::limits{.max_message_bytes = 4096, .max_metadata_bytes = 512}};
  tenon::buffer out;
  std::string seen;

  bool full() const { return false; }
  bool on_request(const request& call) {
    seen.append(call.service).append(1, '/').append(call.method).append(1, ' ').append(call.payload).append(std::to_string(call.address.id));
    tenon::metadata extra;
    call.read_metadata(call.metadata_block, extra);
    fuzz::require(call.payload.size() <= 4096, "a payload beyond the limit");
    if (call.address.one_way) return true;
    const mark at = session.begin_reply(out, call.address);
    out.append(call.payload.substr(0, 10));
    session.end_reply(out, at, call.address, extra);
    return true;
  }
  consumed consume(std::string_view in) { return session.consume(in, *this, out); }
};

struct replies : reply_sink {
  rpcx_client_session session{tenon::limits{.max_message_bytes = 4096, .max_metadata_bytes = 512}};
  tenon::buffer out;
  std::string seen;

  void on_reply(const reply& answer) override {
    seen.append(std::to_string(answer.id)).append(1, ' ').append(answer.payload).append(answer.error.message());
    tenon::metadata extra;
    if (answer.read_metadata != nullptr) answer.read_metadata(answer.metadata_block, extra);
  }
  consumed consume(std::string_view in) { return session.consume(in, *this, out); }
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
  fuzz::require(watch.most() <= 16 * in.size() + 65536, "the session took more memory than a multiple of what came");
  return std::move(side.seen) + (closed ? " closed" : "");
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  tenon::metadata extra;
  extra.add("key", "value");
  rpcx_client_session client{tenon::limits{}};
  tenon::buffer calls;
  for (const bool one_way : {false, true}) {
    const mark at = client.begin_request(calls, {.id = 7, .service = "market", .method = "last", .one_way = one_way, .timeout = tenon::duration{5'000'000}, .extra = &extra});
    calls.append("\xa4" "ACME");
    client.end_request(calls, at);
  }
  rpcx_session server{tenon::limits{}};
  tenon::buffer answers;
  const reply_address address{.id = 7, .codec = serialization::msgpack};
  const mark at = server.begin_reply(answers, address);
  answers.append("\x01");
  server.end_reply(answers, at, address, extra);
  server.write_error(answers, address, tenon::status{tenon::code::not_found, "none"}, extra);
  return {std::string{"\x03"} + std::string{calls.view()}, std::string{"\x83"} + std::string{answers.view()}};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  const std::size_t step = data[0] % 128 + 1U;
  if (data[0] < 128) fuzz::require(feed<requests>(in, in.size()) == feed<requests>(in, step), "the requests hang on how the bytes are cut");
  else fuzz::require(feed<replies>(in, in.size()) == feed<replies>(in, step), "the answers hang on how the bytes are cut");
  return 0;
}
