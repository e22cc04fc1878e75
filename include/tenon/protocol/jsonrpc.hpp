// JSON-RPC 2.0 on one connection, the server's half. Protocol layer; models `server_session`.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/detail/jsonrpc_dialogue.hpp>
#include <tenon/protocol/detail/jsonrpc_error.hpp>
#include <tenon/protocol/detail/jsonrpc_framing.hpp>
#include <tenon/protocol/detail/jsonrpc_line.hpp>
#include <tenon/protocol/detail/jsonrpc_text.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// Calls as `{"jsonrpc":"2.0","method":"market.last","params":["ACME"],"id":1}`, one text per line, or each behind a `Content-Length` header; answers come the same way.
/// Requests, notifications and batches; answered in any order, a batch with one array.
///
/// Shape   a method is `service.method` or `service/method`: split at the last slash, or, without one, at the last dot. `params` by position or by name. A member `meta`
///         of the request holds metadata (strings) and `timeout_ms`; metadata of an answer comes back in a `meta` of its own.
///         Streams are notifications with the id of their call, `$/item` for each item of an answer: detail/jsonrpc_stream.hpp. `$/cancelRequest` ends a call.
/// Errors  -32700 and -32600 are answered here, as is what exceeds a limit. `error.data` names the exact code, `{"code":"NOT_FOUND","retry_after_ms":20}`; `error.code`
///         is -32602 for invalid_argument, -32601 for unimplemented, -32603 for internal, and -32050 minus the code's number for the others. A header without
///         a length closes the connection.
/// Source  JSON-RPC 2.0 Specification; Language Server Protocol, base protocol.
class jsonrpc_session {
 public:
  static constexpr std::string_view name = "jsonrpc";
  static constexpr bool answers_in_any_order = true;

  /// A bracket, after at most 64 blanks, or a header: `Content-` in either case, of which HTTP's CONNECT is no beginning.
  static sniffed recognise(std::string_view first) noexcept {
    constexpr std::string_view header = "content-";
    constexpr std::size_t most_blanks = 64;
    std::size_t at = 0;
    while (at < first.size() && detail::is_json_blank(first[at])) ++at;
    if (at > most_blanks) return sniffed::no;
    if (at == first.size()) return sniffed::need_more;
    if (first[at] == '{' || first[at] == '[') return sniffed::yes;
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (at + i == first.size()) return sniffed::need_more;
      if (detail::to_lower(first[at + i]) != header[i]) return sniffed::no;
    }
    return sniffed::yes;
  }

  explicit jsonrpc_session(const limits& bounds) noexcept
      : framer_{bounds.max_message_bytes + bounds.max_metadata_bytes, bounds.max_metadata_bytes}, dialogue_{bounds, jsonrpc_framing::lines} {}
  jsonrpc_session(const jsonrpc_session&) = delete;
  jsonrpc_session& operator=(const jsonrpc_session&) = delete;

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    // One for all of them: each text fills them anew.
    detail::jsonrpc_envelope cut;
    request call;
    while (done.next == consumed::state::more && done.bytes != in.size()) {
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      if (const detail::jsonrpc_line line = detail::read_jsonrpc_line(framer_, in.substr(done.bytes), dialogue_.levels(), cut); line.used != 0) [[likely]] {
        done.bytes += line.used;
        dialogue_.take(cut, line.object, call, sink, out);
        continue;
      }
      std::string_view text;
      if (!next_text(in, out, done, text)) break;
      if (!text.empty()) dialogue_.take(text, sink, out);
    }
    return done;
  }

  mark begin_reply(buffer& out, const reply_address& to) { return dialogue_.begin_reply(out, to); }
  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) { dialogue_.end_reply(out, at, to, extra); }
  void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) { dialogue_.write_error(out, to, error, extra); }

  // Streams: detail/jsonrpc_stream.hpp says how they look.
  mark begin_item(buffer& out, const reply_address& to) { return dialogue_.begin_item(out, to); }
  std::int64_t end_item(buffer& out, mark at, const reply_address& to, const metadata&) { return dialogue_.end_item(out, at, to); }
  void write_credit(buffer& out, const reply_address& to, const items_taken& taken) { dialogue_.write_credit(out, to, taken); }

  /// Any peer of JSON-RPC may be called, and answers, if only that it has no such method.
  bool takes_texts() const noexcept { return true; }
  void carry(buffer& out, std::string_view lines) const { dialogue_.carry(out, lines); }

  bool closing() const noexcept { return false; }
  bool unfinished() const noexcept { return framer_.unfinished(); }
  bool skipping() const noexcept { return framer_.skipping(); }

 private:
  // False when more bytes are needed. `text` may be JSON; what can be none is answered here, and `text` stays empty.
  [[gnu::noinline]] bool next_text(std::string_view in, buffer& out, consumed& done, std::string_view& text) {
    using kind = detail::jsonrpc_cut::kind;
    const detail::jsonrpc_cut cut = framer_.next(in.substr(done.bytes));
    dialogue_.use(framer_.framing());
    done.bytes += cut.used;
    switch (cut.is) {
      case kind::starved: return false;
      case kind::text: text = cut.text; break;
      case kind::broken: dialogue_.refuse(out, detail::jsonrpc_number::parse_error, "Parse error: expected a complete JSON text on the line"); break;
      case kind::oversized: dialogue_.refuse_oversized(out); break;
      case kind::unreadable:
        dialogue_.refuse(out, detail::jsonrpc_number::parse_error, "Parse error: expected header lines with one Content-Length");
        done.next = consumed::state::close;
        done.reason = "jsonrpc: expected header lines with one Content-Length, found others";
        return false;
    }
    return true;
  }

  detail::jsonrpc_framer framer_;
  jsonrpc_dialogue dialogue_;
};

static_assert(streaming_session<jsonrpc_session>);

}  // namespace tenon::inline v0::protocol
