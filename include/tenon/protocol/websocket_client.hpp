// JSON-RPC 2.0 over WebSocket on one connection: the client's session. Protocol layer; outside the umbrella, for it links wslay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/jsonrpc_framing.hpp>
#include <tenon/protocol/detail/websocket_engine.hpp>
#include <tenon/protocol/detail/websocket_frame.hpp>
#include <tenon/protocol/detail/websocket_handshake.hpp>
#include <tenon/protocol/jsonrpc_client.hpp>

namespace tenon::inline v0::protocol {

/// The client's half of JSON-RPC over WebSocket, its texts those of `jsonrpc_client_session`, one per message. Nothing but the handshake leaves before the server has
/// agreed to it; requests that are made until then wait here, and count as unsent. Streams, and calls of the server where this client offers something, go the same way.
///
/// Errors  an answer to the handshake that is no agreement, broken frames, binary messages, messages above the limit and a goodbye close the connection with a reason.
/// Source  RFC 6455.
class websocket_client_session final : public client_session {
 public:
  /// `authority` is the host and port of the URL, `target` its path and query: both as HTTP has them.
  websocket_client_session(const limits& bounds, std::string authority, std::string target)
      : bounds_{bounds}, texts_{bounds, jsonrpc_framing::lines}, authority_{std::move(authority)}, target_{std::move(target)} {
    texts_.tell_cancels();
  }

  void begin(buffer& out) override {
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      const std::array<char, 4> four = masks_.next();
      bytes.append(four.data(), four.size());
    }
    key_ = tenon::detail::to_base64(bytes) + "==";
    for (const std::string_view part : {std::string_view{"GET "}, std::string_view{target_}, std::string_view{" HTTP/1.1\r\nHost: "}, std::string_view{authority_},
                                        std::string_view{"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: jsonrpc\r\nSec-WebSocket-Key: "},
                                        std::string_view{key_}, std::string_view{"\r\n\r\n"}}) {
      out.append(part);
    }
  }

  mark begin_request(buffer& out, const outgoing& call) override {
    const std::size_t start = detail::begin_websocket_frame(out);
    const mark at = texts_.begin_request(out, call);
    return {.start = start, .payload = at.payload};
  }
  void end_request(buffer& out, mark at) override {
    texts_.end_request(out, {.start = at.start + detail::websocket_room, .payload = at.payload});
    finish(out, at.start);
  }

  bool streams() const noexcept override { return true; }
  mark begin_item(buffer& out, std::uint64_t id, serialization codec) override {
    const std::size_t start = detail::begin_websocket_frame(out);
    return {.start = start, .payload = texts_.begin_item(out, id, codec).payload};
  }
  std::int64_t end_item(buffer& out, mark at, std::uint64_t id) override {
    const std::int64_t cost = texts_.end_item(out, {.start = at.start + detail::websocket_room, .payload = at.payload}, id);
    finish(out, at.start);
    return cost;
  }
  void write_end(buffer& out, std::uint64_t id) override {
    const std::size_t start = detail::begin_websocket_frame(out);
    texts_.write_end(out, id);
    finish(out, start);
  }
  void write_credit(buffer& out, std::uint64_t id, const items_taken& taken) override {
    const std::size_t start = detail::begin_websocket_frame(out);
    texts_.write_credit(out, id, taken);
    finish(out, start);
  }
  [[gnu::cold]] bool write_cancel(buffer& out, std::uint64_t id) override {
    const std::size_t start = detail::begin_websocket_frame(out);
    const bool told = texts_.write_cancel(out, id);
    finish(out, start);
    return told;
  }
  [[gnu::cold]] void carry(buffer& out, std::string_view lines) override {
    for (; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
      const std::size_t start = detail::begin_websocket_frame(out);
      out.append(lines.substr(0, lines.find('\n') + 1));
      finish(out, start);
    }
  }

  consumed consume(std::string_view in, reply_sink& sink, buffer& out) override {
    using kind = detail::websocket_step::kind;
    consumed done;
    if (!engine_) read_handshake(in, out, done);
    while (engine_ && done.next == consumed::state::more && done.bytes != in.size()) {
      const detail::websocket_step step = engine_->next(in.substr(done.bytes), out);
      done.bytes += step.used;
      if (step.is == kind::starved) break;
      if (step.is == kind::message) read_message(sink, out, done);
      else if (step.is == kind::closed) close(done, {"the server closed the connection with code ", tenon::detail::number_text{std::size_t{step.code}}});
      else if (step.is == kind::failed) close(done, {"the server broke the protocol; closed with code ", tenon::detail::number_text{std::size_t{step.code}}});
    }
    return done;
  }

  /// A ping; before the handshake is answered that answer is the sign of life.
  [[gnu::cold]] bool write_heartbeat(buffer& out) override {
    if (engine_) detail::append_websocket_frame(out, detail::websocket_opcode::ping, {}, &masks_);
    return true;
  }

  void visit_requests(std::string_view written, request_visitor& visitor) const override {
    std::size_t at = 0;
    // No frame begins so: it would be a fragment of a kind that RFC 6455 leaves open.
    if (written.starts_with("GET ")) at = detail::find_head_end(written);
    visit_frames(written, at, 0, visitor);
    // What waits here has not been sent at all.
    visit_frames(held_.view(), 0, (std::numeric_limits<std::size_t>::max)() - held_.size(), visitor);
  }

 private:
  // The text behind `start` becomes a message, without the line break that ends it; nothing becomes none.
  void finish(buffer& out, std::size_t start) {
    if (out.size() == start + detail::websocket_room) return out.truncate(start);
    out.truncate(out.size() - 1);
    detail::end_websocket_frame(out, start, detail::websocket_opcode::text, &masks_);
    if (engine_) [[likely]] return;
    held_.append(out.view(start));
    out.truncate(start);
  }

  // --- the handshake

  [[gnu::cold]] void read_handshake(std::string_view in, buffer& out, consumed& done) {
    const std::size_t size = detail::find_head_end(in.substr(0, bounds_.max_metadata_bytes));
    if (size == 0 && in.size() < bounds_.max_metadata_bytes) return;
    // Until this has been agreed to nothing was said that makes sense: no byte counts as read, and whoever connects again waits before.
    if (size == 0 || size == detail::bare_line_feed) return close(done, {"the handshake was not answered in HTTP"});
    const std::string_view head = in.substr(0, size);
    const std::size_t line = head.find("\r\n");
    const std::string_view status_line = head.substr(0, line);
    if (!status_line.starts_with("HTTP/1.1 101")) return close(done, {"the server does not open a WebSocket; it answered \"", status_line.substr(0, 100), "\""});
    detail::websocket_head answer;
    std::string_view fault = detail::cut_websocket_fields(head.substr(line + 2), answer);
    if (fault.empty() && (!answer.upgrades || !answer.connects)) fault = "the headers Upgrade: websocket and Connection: Upgrade are missing";
    if (fault.empty() && (answer.accepts != 1 || answer.accept != detail::websocket_accept(key_))) fault = "Sec-WebSocket-Accept does not belong to the key that was sent";
    if (fault.empty() && !answer.extensions.empty()) fault = "it chose an extension that was not offered";
    if (fault.empty() && answer.has_protocol && answer.protocol != detail::websocket_protocol) fault = "it chose a subprotocol that was not offered";
    if (!fault.empty()) return close(done, {"the server's handshake cannot be trusted: ", fault});
    done.bytes = size;
    engine_.emplace(bounds_.max_message_bytes + bounds_.max_metadata_bytes, &masks_);
    out.append(held_.view());
    held_.release();
  }

  // --- messages

  void read_message(reply_sink& sink, buffer& out, consumed& done) {
    if (engine_->opcode() != detail::websocket_opcode::text) return give_up(detail::websocket_code::unsupported, out, done, "expected answers in text messages, found a binary one");
    const std::string_view message = engine_->message();
    consumed read = texts_.consume(message, sink, said_);
    if (read.next == consumed::state::close) {
      engine_->close(out, detail::websocket_code::protocol_error, {});
      done.next = read.next;
      done.reason = std::move(read.reason);
      return;
    }
    if (read.bytes != message.size()) return give_up(detail::websocket_code::protocol_error, out, done, "an answer is no complete JSON text");
    engine_->clear_message();
    if (!said_.empty()) [[unlikely]] refuse_requests(out);
  }
  // The server asks something, and is told in one line for each that nothing is served here.
  [[gnu::cold]] void refuse_requests(buffer& out) {
    for (std::string_view rest = said_.view(); !rest.empty();) {
      const std::size_t end = rest.find('\n');
      detail::append_websocket_frame(out, detail::websocket_opcode::text, rest.substr(0, end), &masks_);
      rest.remove_prefix(end + 1);
    }
    said_.clear();
  }

  // --- what was not sent

  // The texts of masked frames from `at` on; `offset` is added to where each ends.
  [[gnu::cold]] void visit_frames(std::string_view written, std::size_t at, std::size_t offset, request_visitor& visitor) const {
    struct ending final : request_visitor {
      ending(request_visitor& whom, std::size_t where) : told{whom}, frame_end{where} {}
      void request(std::uint64_t id, std::size_t) override { told.request(id, frame_end); }
      request_visitor& told;
      std::size_t frame_end;
    };
    std::string text;
    while (at < written.size()) {
      const detail::websocket_extent extent = detail::measure_websocket_frame(written.substr(at));
      if (extent.head < 4 || written.size() - at - extent.head < extent.payload) return;
      const std::size_t payload = at + extent.head;
      at = payload + static_cast<std::size_t>(extent.payload);
      std::array<char, 4> key;
      written.copy(key.data(), key.size(), payload - key.size());
      text.assign(written.substr(payload, at - payload));
      detail::mask_websocket_payload(text.data(), text.size(), key);
      ending told{visitor, offset + at};
      if (!extent.is_control()) texts_.visit_requests(text, told);
    }
  }

  [[gnu::cold]] void give_up(std::uint16_t code, buffer& out, consumed& done, std::string_view why) {
    engine_->close(out, code, why);
    close(done, {why});
  }
  [[gnu::cold]] static void close(consumed& done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "websocket: " + tenon::detail::join_text(reason);
  }

  limits bounds_;
  jsonrpc_client_session texts_;
  std::string authority_;
  std::string target_;
  std::string key_;
  detail::websocket_masks masks_;
  std::optional<detail::websocket_engine> engine_;  // from the server's agreement on
  buffer held_;                                     // requests that wait for it
  buffer said_;
};

}  // namespace tenon::inline v0::protocol
