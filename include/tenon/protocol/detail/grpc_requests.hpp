// gRPC's requests as HTTP/2 brings them: streams become calls, within what one connection may hold. Protocol layer; the incoming half of grpc_session.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_answers.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_listener.hpp>
#include <tenon/protocol/detail/grpc_messages.hpp>
#include <tenon/protocol/detail/grpc_server_stream.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol::detail {

// The owner of a server's nghttp2 session: its public members down to `write_data` are that session's events.
class grpc_requests {
 public:
  using stream = grpc_server_stream;

  grpc_requests(const limits& bounds, http2_engine* engine, grpc_answers& answers, grpc_coding& coding) noexcept
      : bounds_{bounds}, engine_{*engine}, answers_{answers}, coding_{coding} {}
  grpc_requests(const grpc_requests&) = delete;
  grpc_requests& operator=(const grpc_requests&) = delete;

  // --- nghttp2's events

  int began(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    if (held_ > most_held) {
      nghttp2_submit_rst_stream(engine_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_REFUSED_STREAM);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    stream& made = streams_.make();
    made.id = frame.hd.stream_id;
    made.answers = &answers_;
    ++unfinished_;
    return nghttp2_session_set_stream_user_data(engine_.get(), made.id, &made);
  }

  int header(const nghttp2_frame& frame, std::string_view field, std::string_view value) {
    stream* to = find(frame.hd.stream_id);
    if (to == nullptr || frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    to->header_bytes += field.size() + value.size() + 32;
    if (to->header_bytes > bounds_.max_metadata_bytes) {
      to->metadata_block.clear();
      return 0;
    }
    if (is_field(field, ":path")) to->path = value;
    else if (is_field(field, ":method")) to->is_post = value == "POST";
    else if (is_field(field, "content-type")) note_content_type(*to, value);
    else if (is_field(field, "grpc-timeout")) to->timeout = parse_grpc_timeout(value);
    else if (is_field(field, "grpc-encoding")) to->encoding = coding_.encoding_of(value);
    else if (is_field(field, "grpc-accept-encoding")) to->deflates = coding_.taken_by(value);
    else if (!is_grpc_framing(field)) append_grpc_metadata(to->metadata_block, field, value);
    return 0;
  }

  int chunk(std::int32_t id, std::string_view bytes) {
    stream* to = find(id);
    const bool by_items = to != nullptr && to->caller_streams && !to->answered;
    engine_.took(id, bytes.size(), !by_items);
    if (to == nullptr || to->answered) return 0;
    if (by_items) return take_items(*to, bytes), 0;
    if (!to->is_call()) [[unlikely]] {
      to->ignored += bytes.size();
      if (to->ignored > most_ignored) refuse_as_http(*to);
      return 0;
    }
    if (to->message().size() + bytes.size() > bounds_.max_message_bytes + grpc_prefix) {
      give_up_on(*to, {code::resource_exhausted, tenon::detail::join_text({"the message exceeds ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})});
      return 0;
    }
    if (to->piece.empty() && to->body.empty()) {
      to->piece = bytes;
      return 0;
    }
    held_ += to->gather() + bytes.size();
    to->body.append(bytes);
    return 0;
  }

  int frame_ended(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return other_frame(frame);
    stream* of = find(frame.hd.stream_id);
    if (of == nullptr || of->answered) return 0;
    const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
      of->ended = ends;
      if (!of->is_call()) return ends ? refuse_as_http(*of), 0 : 0;
      if (!admissible(*of)) return 0;
      const auto [service, method] = names_in(of->path);
      of->caller_streams = listener_.caller_streams(service, method);
      if (of->caller_streams) open(*of);
    }
    if (!ends) return 0;
    of->ended = true;
    if (!of->is_call()) refuse_as_http(*of);
    else if (!of->caller_streams) hand_on(*of);
    else if (!of->answered) listener_.on_items(of->id, of->cutter.unfinished() ? event::broken_off : event::end, {});
    return 0;
  }

  // RFC 9113 8.1: whoever answers before the request has ended asks its sender to stop, after the answer.
  int frame_sent(const nghttp2_frame& frame) {
    // A PING behind the first step, whose answer says that the peer has heard of it. Not before that has left: nghttp2 lets a PING overtake.
    if (frame.hd.type == NGHTTP2_GOAWAY && frame.goaway.last_stream_id == every_stream) [[unlikely]] {
      nghttp2_submit_ping(engine_.get(), NGHTTP2_FLAG_NONE, reinterpret_cast<const std::uint8_t*>(heard_of_the_end.data()));
    }
    if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return 0;
    spoke_ = true;
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    stream* const of = find(frame.hd.stream_id);
    if (of == nullptr) return 0;
    of->delivered = true;
    if (of->stop_sender) {
      nghttp2_submit_rst_stream(engine_.get(), NGHTTP2_FLAG_NONE, of->id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  int stream_closed(std::int32_t id, std::uint32_t error) {
    stream* gone = find(id);
    if (gone == nullptr) return 0;
    nghttp2_session_set_stream_user_data(engine_.get(), id, nullptr);
    if (!gone->requested && !gone->answered) --unfinished_;
    held_ -= gone->body.size() + gone->reply.size() + gone->charged;
    const bool unanswered = gone->requested && !gone->answered;
    // Not by the code: that of a reset is the peer's own choice.
    const bool ended_well = error == NGHTTP2_NO_ERROR && gone->delivered;
    streams_.give_back(*gone);
    if (ended_well) {
      resets_ = (std::max)(0, resets_ - 1);
    } else if (++resets_ > most_resets) {
      throw_out("too_many_resets");
    }
    if (unanswered) listener_.on_cancel(id);
    return 0;
  }

  int write_data(const std::uint8_t* head, std::size_t size, stream& of) { return answers_.write_data(head, size, of); }

  // --- what the session asks

  /// Whom to tell, while it listens.
  void listen(const grpc_listener& to) noexcept { listener_ = to; }
  /// Requests that have begun and not been handed on.
  std::size_t unfinished() const noexcept { return unfinished_; }
  /// The stream that waits for this answer; null when its caller has gone.
  stream* find(const reply_address& to) const noexcept {
    stream* found = find(static_cast<std::int32_t>(to.id));
    return found != nullptr && found->requested && !found->answered ? found : nullptr;
  }
  /// Items have been read: their stream's window opens again.
  void items_read(stream& of, const items_taken& taken) {
    of.inbound.read(taken.bytes, taken.items);
    engine_.read(of.id, of.inbound.give_back(of.cutter.size()));
    charge(of);
  }
  /// An answer waits to be sent.
  void hold(const buffer& reply) noexcept { held_ += reply.size(); }

  /// Says which stream was the last: those above it are not executed, and nghttp2 drops what comes for them.
  [[gnu::cold]] void take_no_more() {
    if (!std::exchange(takes_more_, false)) return;
    nghttp2_submit_goaway(engine_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(engine_.get()), NGHTTP2_NO_ERROR, nullptr, 0);
  }
  bool takes_more() const noexcept { return takes_more_; }

  /// The read buffer is about to move on: what unfinished requests still need of it is copied.
  void keep_pieces() {
    if (unfinished_ == 0) return;
    for (stream* each = streams_.first(); each != nullptr; each = each->next) {
      if (!each->piece.empty()) held_ += each->gather();
    }
  }
  /// Gives streams' writers back what has left. True when there were any: they may have written more.
  bool tell_credit() {
    if (!answers_.any_left()) return false;
    bool told = false;
    for (stream* each = streams_.first(); each != nullptr;) {
      // It may write, and end, but is given back only when bytes are sent.
      stream& one = *each;
      each = each->next;
      if (!one.streaming || one.answered) continue;
      const std::int64_t bytes = one.outbox.left();
      if (bytes == 0) continue;
      told = true;
      listener_.on_items(one.id, event::credit, {}, bytes);
    }
    return told;
  }

 private:
  using event = grpc_listener::items_event;

  // What all unfinished requests and unsent answers of a connection may hold together. Streamed answers aside: those wait, each at its own room.
  static constexpr std::size_t most_held = 16 * 1024 * 1024;
  // Streams that a peer opened and reset before their answer, less those it let end: above this it is an attack (CVE-2023-44487).
  static constexpr int most_resets = 1000;
  // Bytes of a request that is no call, before it is refused.
  static constexpr std::size_t most_ignored = 16 * 1024;
  static constexpr std::int32_t every_stream = 0x7FFF'FFFF;
  static constexpr std::string_view heard_of_the_end = "theend\r\n";  // eight bytes

  stream* find(std::int32_t id) const noexcept { return static_cast<stream*>(nghttp2_session_get_stream_user_data(engine_.get(), id)); }

  [[gnu::cold]] int other_frame(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_PING) return 0;
    if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) {
      if (!listener_.on_ping(std::exchange(spoke_, false), streams_.count() != 0)) throw_out("too_many_pings");
      return 0;
    }
    if (text_of(frame.ping.opaque_data, heard_of_the_end.size()) == heard_of_the_end) take_no_more();
    return 0;
  }

  // No answer will leave any more, so nobody waits for one.
  [[gnu::cold]] void throw_out(std::string_view why) {
    if (std::exchange(thrown_out_, true)) return;
    nghttp2_submit_goaway(engine_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(engine_.get()), NGHTTP2_ENHANCE_YOUR_CALM, reinterpret_cast<const std::uint8_t*>(why.data()), why.size());
    nghttp2_session_terminate_session(engine_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
    for (stream* each = streams_.first(); each != nullptr; each = each->next) {
      if (each->requested && !each->answered) listener_.on_cancel(each->id);
    }
  }

  static void note_content_type(stream& to, std::string_view value) {
    const auto codec = codec_of_grpc(value);
    to.is_grpc = codec.has_value();
    if (codec) to.codec = *codec;
  }

  // A call that began with its headers: its messages are the handler's, one by one.
  void take_items(stream& of, std::string_view bytes) {
    of.inbound.came(bytes.size());
    const std::int32_t id = of.id;
    status why;
    const auto found = of.cutter.feed(bytes, bounds_.max_message_bytes, coding_.is_on(), [&](std::string_view payload, bool compressed) {
      if (compressed) [[unlikely]] {
        why = coding_.inflate(of.encoding, payload, bounds_.max_message_bytes, "an item", payload);
        if (!why.ok()) return false;
      }
      of.inbound.completed(payload.size());
      listener_.on_items(id, event::item, payload);
      // A window counts what came. What that has become counts here.
      if (charge(of); held_ <= most_held || of.inbound.excess() == 0) return true;
      why = status{code::resource_exhausted, tenon::detail::join_text({"unread items inflate to more than ", tenon::detail::number_text{most_held}, " bytes"})};
      return false;
    });
    engine_.read(of.id, of.inbound.give_back(of.cutter.size()));
    charge(of);
    if (found == grpc_cutter::found::all_good || of.answered) return;
    if (found == grpc_cutter::found::compressed) why = coding_.unreadable(of.encoding, "an item");
    if (found == grpc_cutter::found::too_large) why = status{code::resource_exhausted, tenon::detail::join_text({"an item exceeds ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})};
    of.stop_sender = true;
    if (why.code() == code::unimplemented) answers_.end_items(of, why, readable());
    else answers_.end_items(of, why, {});
    listener_.on_cancel(id);
  }

  // Once the headers are here.
  bool admissible(stream& of) {
    if (of.header_bytes > bounds_.max_metadata_bytes) {
      give_up_on(of, {code::resource_exhausted, tenon::detail::join_text({"the headers exceed ", tenon::detail::number_text{bounds_.max_metadata_bytes}, " bytes"})});
      return false;
    }
    return true;
  }

  // No call of gRPC's: answered once the request has ended, unless that is long.
  [[gnu::cold]] void refuse_as_http(stream& of) {
    --unfinished_;
    of.requested = true;
    answers_.refuse_as_http(of);
    hold(of.reply);
  }

  void hand_on(stream& of) {
    --unfinished_;
    of.requested = true;
    const std::string_view message = of.message();
    const std::size_t size = message.size() < grpc_prefix ? 0 : grpc_length(message.data());
    if (message.size() < grpc_prefix || size > message.size() - grpc_prefix) {
      return answers_.refuse(of, {refused_here(code::unimplemented), message.empty() ? "the request holds no message; expected one" : "the request ends within its message"}, {});
    }
    if (size != message.size() - grpc_prefix) return answers_.refuse(of, {refused_here(code::unimplemented), "the request holds more than one message; expected one"}, {});
    request call = request_of(of, message.substr(grpc_prefix));
    if (message.front() != 0) [[unlikely]] {
      if (const status why = coding_.inflate(of.encoding, call.payload, bounds_.max_message_bytes, "the message", call.payload); !why.ok()) {
        return answers_.refuse(of, {refused_here(why.code()), why.message()}, why.code() == code::unimplemented ? readable() : metadata{});
      }
    }
    if (held_ > most_held) {
      answers_.refuse(of, {refused_here(code::unavailable), "too many unsent answers on this connection"}, {});
    } else {
      listener_.on_request(call);
    }
    // The bytes have been read, whatever the answer will be. The call may have ended the stream: it is looked for again.
    if (stream* still = find(static_cast<std::int32_t>(call.address.id)); still != nullptr) forget_body(*still);
  }
  // With its headers alone: what it brings comes later.
  void open(stream& of) {
    --unfinished_;
    of.requested = true;
    listener_.on_request(request_of(of, {}));
  }
  static request request_of(const stream& of, std::string_view payload) {
    const auto [service, method] = names_in(of.path);
    request call;
    call.service = service;
    call.method = method;
    call.payload = payload;
    call.address = {.id = static_cast<std::uint64_t>(of.id), .codec = of.codec, .one_way = false, .compress = of.deflates, .proto3_json = true};
    call.timeout = of.timeout;
    call.metadata_block = of.metadata_block;
    call.read_metadata = &read_grpc_metadata;
    call.stream_credit = static_cast<std::uint32_t>(grpc_outbox::room);
    return call;
  }
  // What a streaming request holds: the message that has not ended, and what its unread items take beyond their window. An item may be read as soon as it is handed on.
  void charge(stream& of) noexcept {
    held_ -= of.charged;
    of.charged = of.cutter.size() + of.inbound.excess();
    held_ += of.charged;
  }
  metadata readable() const { return {{"grpc-accept-encoding", std::string{coding_.accepted()}}}; }
  void forget_body(stream& of) noexcept {
    held_ -= of.body.size();
    of.forget_body();
  }
  // Before the request has ended: answered, and its sender told not to go on.
  void give_up_on(stream& of, const status& why) {
    --unfinished_;
    of.requested = true;
    forget_body(of);
    of.stop_sender = true;
    answers_.refuse(of, why, {});
  }

  limits bounds_;
  http2_engine& engine_;
  grpc_answers& answers_;
  grpc_coding& coding_;
  stream_pool<stream> streams_;
  grpc_listener listener_;
  std::size_t held_ = 0;        // bytes of unfinished requests and unsent answers
  std::size_t unfinished_ = 0;  // requests
  int resets_ = 0;
  bool takes_more_ = true;
  bool thrown_out_ = false;
  bool spoke_ = false;  // headers or data were sent since the peer's last PING
};

}  // namespace tenon::inline v0::protocol::detail
