// JSON-RPC 2.0 over WebSocket, the server's half: what a browser's page speaks, and MessagePack-RPC in binary messages. Protocol layer; models `server_session`, outside the umbrella,
// for it links wslay.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_answer.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_text.hpp>
#include <tenon/protocol/detail/jsonrpc_dialogue.hpp>
#include <tenon/protocol/detail/jsonrpc_framing.hpp>
#include <tenon/protocol/detail/jsonrpc_over_http.hpp>
#include <tenon/protocol/detail/websocket_engine.hpp>
#include <tenon/protocol/detail/websocket_frame.hpp>
#include <tenon/protocol/detail/websocket_handshake.hpp>
#include <tenon/protocol/http_options.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// Who may open a WebSocket from a browser. A browser lets every page try, sends its cookies along, and says in `Origin` whose page it is: nobody but the server refuses.
///
/// Laws    `allows` is asked for requests that have an Origin: what has none is no browser.
/// Model   struct our_pages { static bool allows(std::string_view origin, std::string_view) { return origin == "https://shop.example"; } };
template <class T>
concept origin_rule = requires(std::string_view origin, std::string_view host) {
  { T::allows(origin, host) } -> std::convertible_to<bool>;
};

/// Pages that came from the very host and port that they connect to, by either scheme: a proxy in front may have taken the TLS off.
struct same_origin {
  static bool allows(std::string_view origin, std::string_view host) noexcept {
    for (const std::string_view scheme : {std::string_view{"http://"}, std::string_view{"https://"}}) {
      if (!detail::is_named(origin.substr(0, scheme.size()), scheme)) continue;
      const std::string_view authority = origin.substr(scheme.size());
      if (authority.empty() || authority.size() != host.size()) return false;
      for (std::size_t i = 0; i < host.size(); ++i) {
        if (detail::to_lower(authority[i]) != detail::to_lower(host[i])) return false;
      }
      return true;
    }
    return false;
  }
};

/// Every page of every site: for services that know their callers by something that a page must hold, and not by cookies.
struct any_origin {
  static bool allows(std::string_view, std::string_view) noexcept { return true; }
};

/// Texts of JSON-RPC, one per message, as `jsonrpc_session` has them; answered in any order. Whatever path is asked for is taken. A binary message is a request of MessagePack-RPC, and is
/// answered in kind.
///
/// Streams are notifications with the id of their call, in both directions and for all three kinds of method: `{"method":"$/item","params":{"id":7,"value":...}}` for each item of an answer, whose
///         end is the response itself. A page that only listens has nothing more to know; one that counts says `"meta":{"stream_credit":65536}` and `$/credit`, one that streams itself sends
///         `$/input` as `$/inputCredit` grants it, and `$/inputEnd`; `$/cancelRequest` leaves. jsonrpc_stream.hpp has them all. Who says nothing of credit is held up by the socket alone.
/// Calls from the server, by `tenon::peer`, are requests and notifications of JSON-RPC, which a page answers as a server would.
/// Shape   the headers of the handshake are metadata of every call, beside the `meta` of each. The subprotocol `jsonrpc` is chosen where it is offered.
/// Units   a message has `max_message_bytes` and `max_metadata_bytes` together at most, in one frame or many; the handshake's head `max_metadata_bytes`, and 16 KiB.
/// Errors  a handshake that cannot be is answered 400, 403 (Origin), 426 (version) or 431; broken frames close with 1002, other text than UTF-8 with 1007, other binary
///         messages than MessagePack-RPC's with 1003, what is too large with 1009. A server that stops says 1001, after the answers that are due.
/// Source  RFC 6455; JSON-RPC 2.0 Specification; MessagePack-RPC specification.
template <origin_rule Origin = same_origin>
class basic_websocket_session {
 public:
  static constexpr std::string_view name = "websocket";
  static constexpr bool answers_in_any_order = true;

  /// A GET that asks for it, told by its whole head. Stands in front of HTTP in the list of protocols, which takes every GET.
  static sniffed recognise(std::string_view first) noexcept { return detail::recognise_websocket(first, longest_head); }

  explicit basic_websocket_session(const limits& bounds) : bounds_{bounds}, dialogue_{bounds, jsonrpc_framing::lines}, packed_{bounds} {}
  basic_websocket_session(const basic_websocket_session&) = delete;
  basic_websocket_session& operator=(const basic_websocket_session&) = delete;

  /// The origins that the server's policy for HTTP lists may connect as well.
  void use(const http_site& site) noexcept { listed_ = site.options; }

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    if (!engine_ && !closing_) open(in, out, done);
    while (engine_ && !closing_ && done.next == consumed::state::more && done.bytes != in.size()) {
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      const detail::websocket_step step = engine_->next(in.substr(done.bytes), out);
      done.bytes += step.used;
      if (step.is == detail::websocket_step::kind::starved) break;
      if (step.is == detail::websocket_step::kind::message) take(sink, out, done);
      else if (step.is != detail::websocket_step::kind::frame) leave(step, sink, done);
    }
    if (closing_) done.bytes = in.size();
    return done;
  }

  mark begin_reply(buffer& out, const reply_address& to) {
    const std::size_t start = detail::begin_websocket_frame(out);
    const mark at = is_packed(to) ? packed_.begin_reply(out, unpacked(to)) : dialogue_.begin_reply(out, to);
    return {.start = start, .payload = at.payload};
  }
  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    const mark inside{.start = at.start + detail::websocket_room, .payload = at.payload};
    if (is_packed(to)) packed_.end_reply(out, inside, unpacked(to), extra);
    else dialogue_.end_reply(out, inside, to, extra);
    settle(out, at.start, to);
  }
  void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    const std::size_t start = detail::begin_websocket_frame(out);
    if (is_packed(to)) packed_.write_error(out, unpacked(to), error, extra);
    else dialogue_.write_error(out, to, error, extra);
    settle(out, start, to);
  }

  mark begin_item(buffer& out, const reply_address& to) {
    const std::size_t start = detail::begin_websocket_frame(out);
    return {.start = start, .payload = dialogue_.begin_item(out, to).payload};
  }
  std::int64_t end_item(buffer& out, mark at, const reply_address& to, const metadata&) {
    const std::int64_t cost = dialogue_.end_item(out, {.start = at.start + detail::websocket_room, .payload = at.payload}, to);
    finish(out, at.start);
    return cost;
  }
  void write_credit(buffer& out, const reply_address& to, const items_taken& taken) {
    const std::size_t start = detail::begin_websocket_frame(out);
    dialogue_.write_credit(out, to, taken);
    finish(out, start);
  }

  /// A page may be called, and answers, if only that it has no such method.
  bool takes_texts() const noexcept { return true; }
  [[gnu::cold]] void carry(buffer& out, std::string_view lines) {
    for (; !lines.empty() && engine_ && engine_->is_open(); lines.remove_prefix(lines.find('\n') + 1)) {
      detail::append_websocket_frame(out, detail::websocket_opcode::text, lines.substr(0, lines.find('\n')), nullptr);
    }
  }

  /// Goodbye, as soon as everything that is under way has been answered.
  [[gnu::cold]] void write_going_away(buffer& out) {
    going_away_ = true;
    if (under_way_ == 0) say_goodbye(out);
  }

  /// A ping, which browsers answer by themselves.
  [[gnu::cold]] bool write_heartbeat(buffer& out) {
    if (!engine_ || !engine_->is_open()) return false;
    detail::append_websocket_frame(out, detail::websocket_opcode::ping, {}, nullptr);
    return true;
  }

  bool closing() const noexcept { return closing_; }
  bool unfinished() const noexcept { return engine_ && engine_->unfinished(); }

 private:
  // Browsers send what cookies there are; servers in front of us cut heads at 8 or 16 KiB.
  static constexpr std::size_t longest_head = 16 * 1024;

  // Ids of MessagePack-RPC have 32 bits, plain ones of JSON-RPC 60 at most, and all others the highest bit: they do not meet.
  static constexpr std::uint64_t packed_bit = std::uint64_t{1} << 61;
  static bool is_packed(const reply_address& to) noexcept { return to.codec == serialization::msgpack; }
  static reply_address unpacked(reply_address to) noexcept {
    to.id &= ~packed_bit;
    return to;
  }

  // What `dialogue_` and `packed_` hand on.
  template <class Sink>
  struct counted {
    basic_websocket_session& self;
    Sink& sink;
    bool on_request(request call) {
      if (!call.address.one_way) ++self.under_way_;
      if (is_packed(call.address)) call.address.id |= packed_bit;
      if (!self.fields_.empty()) self.add_fields(call);
      return sink.on_request(call);
    }
    bool full() const noexcept { return false; }
    void on_answer(std::string_view text)
      requires requires(Sink& to) { to.on_answer(text); }
    {
      sink.on_answer(text);
    }
    void on_cancel_request(std::uint64_t id)
      requires requires(Sink& to) { to.on_cancel_request(id); }
    {
      sink.on_cancel_request(id);
    }
    void on_credit(std::uint64_t id, std::int64_t bytes)
      requires requires(Sink& to) { to.on_credit(id, bytes); }
    {
      sink.on_credit(id, bytes);
    }
    void on_item(std::uint64_t id, std::string_view payload) { sink.on_item(id, payload); }
    void on_items_end(std::uint64_t id) { sink.on_items_end(id); }
    void on_refused_item(std::uint64_t id, status why) { sink.on_refused_item(id, std::move(why)); }
  };

  // --- messages

  template <class Sink>
  void take(Sink& sink, buffer& out, consumed& done) {
    counted<Sink> calls{*this, sink};
    const bool is_text = engine_->opcode() == detail::websocket_opcode::text;
    // What the protocol itself has to say is little; answers of calls go to `out` meanwhile.
    if (is_text) dialogue_.take(engine_->message(), calls, said_);
    else if (!take_packed(calls)) return refuse(detail::websocket_code::unsupported, "expected JSON in text messages or MessagePack-RPC in binary ones, found another binary one", out, done);
    engine_->clear_message();
    if (said_.empty()) return;
    const std::size_t start = detail::begin_websocket_frame(out);
    out.append(said_.view());
    said_.clear();
    finish(out, start, is_text);
  }
  template <class Calls>
  bool take_packed(Calls& calls) {
    const std::string_view message = engine_->message();
    if (msgpack_rpc_session::recognise(message) != sniffed::yes) return false;
    const consumed read = packed_.consume(message, calls, said_);
    return read.next != consumed::state::close && read.bytes == message.size() && !packed_.unfinished();
  }

  // An answer has been written, or has joined those of its batch.
  void settle(buffer& out, std::size_t start, const reply_address& to) {
    --under_way_;
    finish(out, start, !is_packed(to));
    if (going_away_ && under_way_ == 0) [[unlikely]] say_goodbye(out);
  }
  // What stands behind `start` becomes a message; the line break that ends a text stays away.
  void finish(buffer& out, std::size_t start, bool is_text = true) {
    if (out.size() == start + detail::websocket_room || !engine_->is_open()) return out.truncate(start);
    if (is_text) out.truncate(out.size() - 1);
    detail::end_websocket_frame(out, start, is_text ? detail::websocket_opcode::text : detail::websocket_opcode::binary, nullptr);
  }

  // The lines of the handshake between zeros, which none of them holds, then the call's `meta`.
  void add_fields(request& call) {
    both_.resize(fields_.size());
    both_.append(call.metadata_block);
    call.metadata_block = both_;
    call.read_metadata = &detail::read_headers_and_meta;
  }

  // --- the end

  template <class Sink>
  [[gnu::cold]] void leave(const detail::websocket_step& step, Sink& sink, consumed& done) {
    closing_ = true;
    // Nobody waits for the calls that are under way any more.
    if constexpr (requires { sink.on_peer_left(); }) sink.on_peer_left();
    if (step.is == detail::websocket_step::kind::closed) return;
    done.next = consumed::state::close;
    done.reason = tenon::detail::join_text({"websocket: the peer broke the protocol; closed with ", tenon::detail::number_text{std::size_t{step.code}}});
  }
  [[gnu::cold]] void refuse(std::uint16_t code, std::string_view why, buffer& out, consumed& done) {
    engine_->close(out, code, why);
    closing_ = true;
    done.next = consumed::state::close;
    done.reason = tenon::detail::join_text({"websocket: ", why});
  }
  [[gnu::cold]] void say_goodbye(buffer& out) {
    if (engine_ && engine_->close(out, detail::websocket_code::going_away, "the server is stopping")) closing_ = true;
  }

  // --- the handshake

  [[gnu::cold]] void open(std::string_view in, buffer& out, consumed& done) {
    const std::string_view window = in.substr(0, bounds_.max_metadata_bytes);
    const std::size_t size = detail::find_head_end(window);
    if (size == 0 && window.size() == bounds_.max_metadata_bytes) {
      return refuse_handshake(431, code::resource_exhausted, {"the handshake exceeds ", tenon::detail::number_text{bounds_.max_metadata_bytes}, " bytes"}, {}, out, done);
    }
    if (size == 0) return;
    if (size == detail::bare_line_feed) return refuse_handshake(400, code::invalid_argument, {"a header line ends in LF alone; expected CR LF"}, {}, out, done);
    const std::string_view block = in.substr(0, size);
    detail::http_head line;
    std::string_view fault = detail::cut_head(block, line);
    detail::websocket_head head;
    if (fault.empty()) fault = detail::cut_websocket_fields(block.substr(line.fields_at), head);
    if (fault.empty()) fault = fault_of(line, head);
    if (!fault.empty()) return refuse_handshake(400, code::invalid_argument, {fault}, {}, out, done);
    if (head.versions != 1 || head.version != "13") {
      return refuse_handshake(426, code::unimplemented, {"WebSocket version \"", head.version.substr(0, 20), "\" is not spoken here; expected 13"},
                              "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", out, done);
    }
    bool with_credentials = true;
    if (!admits(head, with_credentials)) {
      return refuse_handshake(403, code::permission_denied, {"a page of origin \"", head.origin.substr(0, 200), "\" may not connect here"}, {}, out, done);
    }
    done.bytes = size;
    keep_fields(block.substr(line.fields_at), with_credentials);
    out.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    out.append(detail::websocket_accept(head.key));
    if (head.offers_jsonrpc) out.append("\r\nSec-WebSocket-Protocol: jsonrpc");
    out.append("\r\n\r\n");
    engine_.emplace(bounds_.max_message_bytes + bounds_.max_metadata_bytes);
    if (going_away_) say_goodbye(out);
  }

  static std::string_view fault_of(const detail::http_head& line, const detail::websocket_head& head) {
    if (line.verb != detail::http_verb::get || !line.is_http_11) return "a WebSocket begins with GET by HTTP/1.1";
    if (!head.upgrades || !head.connects) return "expected the headers Upgrade: websocket and Connection: Upgrade";
    if (line.hosts != 1) return "expected one header Host";
    if (line.has_body() || line.foreign_coding) return "a handshake has no body";
    if (head.keys != 1 || !detail::is_websocket_key(head.key)) return "expected one header Sec-WebSocket-Key of 16 bytes in base64";
    return {};
  }

  bool admits(const detail::websocket_head& head, bool& with_credentials) const {
    if (head.origins == 0 || (head.origins == 1 && Origin::allows(head.origin, head.host))) return true;
    if (head.origins != 1 || listed_ == nullptr) return false;
    with_credentials = listed_->allow_credentials;
    for (const std::string& each : listed_->allowed_origins) {
      if (each == head.origin || (each == "*" && !with_credentials)) return true;
    }
    return false;
  }

  // What may mean something to a handler: authorization, cookies, what proxies add. A browser sends its user's cookies whatever the page wants: one that may call
  // without them only is not taken for its user.
  void keep_fields(std::string_view fields, bool with_credentials) {
    constexpr std::string_view own = "sec-websocket-";
    fields_.assign(1, '\0');
    detail::http_field field;
    while (fields != "\r\n" && detail::cut_field(fields, field).empty()) {
      if (detail::is_named(field.name.substr(0, own.size()), own)) continue;
      if (!with_credentials && (detail::is_named(field.name, "cookie") || detail::is_named(field.name, "authorization"))) continue;
      fields_.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    fields_.push_back('\0');
    both_ = fields_;
  }

  [[gnu::cold]] void refuse_handshake(int http_status, code why, std::initializer_list<std::string_view> message, std::string_view more, buffer& out, consumed& done) {
    const std::string text = tenon::detail::join_text(message);
    detail::append_error_answer(out, {.http_status = http_status, .connection = "Connection: close\r\n", .more = more}, status{why, text}, {});
    closing_ = true;
    done.next = consumed::state::close;
    done.reason = "websocket: " + text;
  }

  limits bounds_;
  const http_options* listed_ = nullptr;
  jsonrpc_dialogue dialogue_;
  msgpack_rpc_session packed_;
  std::optional<detail::websocket_engine> engine_;  // from the handshake on
  std::string fields_;                              // of the handshake
  std::string both_;
  buffer said_;
  std::size_t under_way_ = 0;                       // calls whose answers are due
  bool going_away_ = false;
  bool closing_ = false;
};

/// For pages of the server's own origin, and for whatever is no browser.
using websocket_session = basic_websocket_session<>;

static_assert(streaming_session<websocket_session>);

}  // namespace tenon::inline v0::protocol
