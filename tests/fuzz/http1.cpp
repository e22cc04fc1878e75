// Bytes as a connection that speaks HTTP/1.1, to a server's session: however they are cut, the same requests come out, and what is written is HTTP.
#include "fuzz.hpp"

#include <tenon/protocol/http1.hpp>

namespace {

using namespace tenon::protocol;

struct side {
  http1_session session{tenon::limits{.max_message_bytes = 4096, .max_metadata_bytes = 1024}};
  tenon::buffer out;
  std::string seen;
  bool answers_later = false;
  bool waits = false;

  bool full() const { return false; }
  bool on_request(const request& call) {
    seen.append(call.service).append(1, '/').append(call.method).append(1, ' ').append(call.payload).append(1, '\n');
    fuzz::require(call.payload.size() <= 4096, "a body beyond the limit");
    tenon::metadata extra;
    call.read_metadata(call.metadata_block, extra);
    if (call.timeout) seen.append(std::to_string(call.timeout->milliseconds()));
    if (answers_later) {
      waits = true;
      return false;
    }
    answer(extra);
    return true;
  }
  void answer(const tenon::metadata& extra) {
    waits = false;
    if (seen.size() % 3 == 0) {
      session.write_error(out, {}, tenon::status{tenon::code::not_found, "none \"here\""}, extra);
    } else {
      const mark at = session.begin_reply(out, {});
      out.append("{}");
      session.end_reply(out, at, {}, extra);
    }
  }
};

std::string feed(std::string_view in, std::size_t step, bool answers_later) {
  const fuzz::memory_watch watch;
  side one;
  one.answers_later = answers_later;
  std::string unread;
  bool closed = false;
  for (std::size_t at = 0; at < in.size() && !closed; at += step) {
    unread.append(in.substr(at, step));
    for (;;) {
      const consumed done = one.session.consume(unread, one, one.out);
      fuzz::require(done.bytes <= unread.size(), "more was consumed than given");
      unread.erase(0, done.bytes);
      closed = done.next == consumed::state::close || one.session.closing();
      if (!one.waits) break;
      one.answer({});
      closed = closed || one.session.closing();
      if (closed) break;
    }
  }
  fuzz::require(one.out.empty() || one.out.view().substr(0, 9) == "HTTP/1.1 ", "what is written is not HTTP");
  fuzz::require(watch.most() <= 256 * in.size() + 65536, "the session took more memory than a multiple of what came");
  return std::move(one.seen) + (closed ? " closed" : "");
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  const std::string head = "POST /market/last HTTP/1.1\r\nHost: here\r\n";
  return {
      "\x05" + head + "Content-Type: application/json\r\nContent-Length: 6\r\n\r\n\"ACME\"" + head + "Connection: close\r\nContent-Length: 2\r\n\r\n{}",
      "\x85" + head + "Transfer-Encoding: chunked\r\nConnect-Timeout-Ms: 50\r\n\r\n3;x=y\r\n\"AC\r\n3\r\nME\"\r\n0\r\nTrailer: 1\r\n\r\n",
      "\x01" + head + "Expect: 100-continue\r\nContent-Type: application/msgpack\r\nContent-Length: 1\r\n\r\n\xc0",
      "\x0aGET /market/last HTTP/1.1\r\nHost: here\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n",
      "\x03POST http://here/a%20b/c?q HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n[]",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in{reinterpret_cast<const char*>(data + 1), size - 1};
  const std::size_t step = data[0] % 128 + 1U;
  const bool answers_later = data[0] >= 128;
  fuzz::require(feed(in, in.size(), answers_later) == feed(in, step, answers_later), "the requests hang on how the bytes are cut");
  return 0;
}
