// MessagePack-RPC on one connection, the server's half. Protocol layer; models `server_session`.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/msgpack_rpc_bytes.hpp>
#include <tenon/protocol/detail/msgpack_rpc_message.hpp>
#include <tenon/protocol/detail/rpc_name.hpp>

namespace tenon::inline v0::protocol {

/// Calls as `[0, id, "market.last", ["ACME"]]`, answered in any order by `[1, id, nil, value]` or `[1, id, "NOT_FOUND: no such symbol", nil]`; `[2, method, params]` is never
/// answered. The protocol has no place for metadata and deadlines.
///
/// Shape   a method is `service.method` or `service/method`, as with JSON-RPC. Strings of older writers, and binaries, are taken for text. An error is text, its code's
///         name in front; a plain error of a handler, of code unknown, is its text alone.
/// Errors  what is no message closes the connection, since the next one cannot be found; one above the limit is answered with resource_exhausted and skipped without
///         being stored.
/// Source  MessagePack-RPC specification; MessagePack specification.
class msgpack_rpc_session {
 public:
  static constexpr std::string_view name = "msgpack-rpc";
  static constexpr bool answers_in_any_order = true;

  /// The head of an array of three or four, and behind it the type of a message that a server is sent.
  static sniffed recognise(std::string_view first) noexcept {
    using namespace std::string_view_literals;
    sniffed found = sniffed::no;
    for (const std::string_view beginning : {"\x94\x00"sv, "\x93\x02"sv, "\xDC\x00\x04\x00"sv, "\xDC\x00\x03\x02"sv, "\xDD\x00\x00\x00\x04\x00"sv, "\xDD\x00\x00\x00\x03\x02"sv}) {
      if (first.substr(0, beginning.size()) == beginning) return sniffed::yes;
      if (beginning.substr(0, first.size()) == first) found = sniffed::need_more;
    }
    return found;
  }

  explicit msgpack_rpc_session(const limits& bounds) noexcept : bounds_{bounds}, framer_{bounds.max_message_bytes + bounds.max_metadata_bytes} {}
  msgpack_rpc_session(const msgpack_rpc_session&) = delete;
  msgpack_rpc_session& operator=(const msgpack_rpc_session&) = delete;

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    request call;
    while (done.bytes != in.size()) {
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      bool is_call = false;
      if (!next_message(in, out, done, call, is_call)) break;
      if (is_call) sink.on_request(call);
    }
    return done;
  }

  mark begin_reply(buffer& out, const reply_address& to) {
    const std::size_t start = begin_answer(out, to.id);
    out.push_back(null);
    return {.start = start, .payload = out.size()};
  }
  void end_reply(buffer&, mark, const reply_address&, const metadata&) {}

  [[gnu::cold, gnu::noinline]] void write_error(buffer& out, const reply_address& to, const status& error, const metadata&) {
    begin_answer(out, to.id);
    detail::append_msgpack_text(out, detail::msgpack_rpc_error_text(error));
    out.push_back(null);
  }

  bool closing() const noexcept { return false; }
  bool unfinished() const noexcept { return framer_.unfinished(); }
  bool skipping() const noexcept { return framer_.unfinished(); }  // nothing else leaves the read buffer before it is whole

 private:
  using framer = detail::msgpack_rpc_framer;
  using message = detail::msgpack_rpc_message;
  static constexpr char null = static_cast<char>(0xC0);

  // False when nothing more can be read now. What is no call has been seen to.
  [[gnu::noinline]] bool next_message(std::string_view in, buffer& out, consumed& done, request& call, bool& is_call) {
    const framer::cut cut = framer_.next(in.substr(done.bytes));
    done.bytes += cut.used;
    message found;
    switch (cut.is) {
      case framer::kind::starved: return false;
      case framer::kind::skipped: return true;
      case framer::kind::oversized: return refuse_oversized(cut.bytes, out), true;
      case framer::kind::message:
        if (!read_msgpack_rpc_message(cut.bytes, found)) return close(done);
        break;
      case framer::kind::malformed: return close(done);
    }
    // A response, to somebody who asked for nothing.
    if (found.is == message::kind::response) return true;
    const reply_address address{found.id, serialization::msgpack, !found.has_id()};
    if (found.params.size() > bounds_.max_message_bytes) [[unlikely]] {
      if (!address.one_way) write_error(out, address, too_large(), {});
      return true;
    }
    const detail::rpc_name called = detail::split_rpc_name(found.method);
    call = {.service = called.service, .method = called.method, .payload = detail::msgpack_rpc_arguments(found.params), .address = address};
    is_call = true;
    return true;
  }

  [[gnu::cold]] static bool close(consumed& done) {
    done.next = consumed::state::close;
    done.reason = "msgpack-rpc: expected [0, id, method, params] or [2, method, params], found other bytes";
    return false;
  }
  [[gnu::cold]] status too_large() const {
    status error{code::resource_exhausted, tenon::detail::join_text({"the message exceeds the limit of ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})};
    error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
    return error;
  }
  [[gnu::cold]] void refuse_oversized(std::string_view beginning, buffer& out) {
    detail::msgpack_cursor from{beginning};
    message found;
    if (read_msgpack_rpc_head(from, found) && found.is == message::kind::request) write_error(out, {found.id, serialization::msgpack, false}, too_large(), {});
  }

  static std::size_t begin_answer(buffer& out, std::uint64_t id) {
    const std::size_t start = out.size();
    out.append("\x94\x01");
    detail::append_msgpack_number(out, id);
    return start;
  }

  limits bounds_;
  framer framer_;
};

}  // namespace tenon::inline v0::protocol
