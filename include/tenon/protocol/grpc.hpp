// gRPC over HTTP/2 on one connection: the server's session. Protocol layer; outside the umbrella, for it links nghttp2.
// nghttp2 cuts frames and keeps windows; this file makes calls of streams and streams of answers.
// Long because every event of a stream decides on the same few flags.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_messages.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// Calls as gRPC sends them: `POST /package.Service/Method` over HTTP/2 by prior knowledge.
///
/// Shape   the codec is the content subtype's: `application/grpc` and `+proto` protobuf, `+json`, `+msgpack`. All four kinds of call, in any order. A call whose caller streams begins with its
///         headers; HTTP/2's windows are its credit both ways. Response metadata goes in front of the first message, what is set after that behind the last.
/// Units   messages at most `limits.max_message_bytes`, headers at most `limits.max_metadata_bytes`; 1024 streams at once.
/// Errors  415 for another content type; trailers-only for a call that is refused; a stream above what the connection may hold is reset with REFUSED_STREAM.
/// Source  gRPC over HTTP/2 (PROTOCOL-HTTP2.md), RFC 9113.
class grpc_session {
 public:
  static constexpr std::string_view name = "grpc";
  static constexpr bool answers_in_any_order = true;

  explicit grpc_session(const limits& bounds) : bounds_{bounds}, engine_{detail::http2_engine::side::server, this, &set_callbacks, bounds.max_metadata_bytes} {}
  grpc_session(const grpc_session&) = delete;
  grpc_session& operator=(const grpc_session&) = delete;

  /// Whether `first` starts with HTTP/2's preface.
  static sniffed recognise(std::string_view first) noexcept {
    constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (first.substr(0, preface.size()) == preface) return sniffed::yes;
    return preface.substr(0, first.size()) == first ? sniffed::need_more : sniffed::no;
  }

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    target_ = {&sink, [](void* to, const request& call) { return static_cast<Sink*>(to)->on_request(call); }, [](void* to, std::uint64_t id) {
                 if constexpr (requires { static_cast<Sink*>(to)->on_cancel(id); }) static_cast<Sink*>(to)->on_cancel(id);
               },
               &items<Sink>, &caller_streams<Sink>};
    receiving_ = true;
    while (done.bytes != in.size()) {
      // Answers that the peer does not take must not be joined by more.
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      const std::string_view slice = in.substr(done.bytes, slice_bytes);
      const std::string_view fault = engine_.receive(slice);
      done.bytes += slice.size();
      keep_pieces();
      if (!fault.empty()) {
        done.next = consumed::state::close;
        done.reason = fault;
        broken_ = true;
        break;
      }
    }
    // What has left makes room for more of the same stream.
    do engine_.send(out);
    while (tell_credit());
    receiving_ = false;
    target_ = {};
    if (!broken_ && engine_.finished()) broken_ = true;
    return done;
  }

  mark begin_reply(buffer& out, const reply_address&) {
    const std::size_t start = out.size();
    // The prefix of a gRPC message; its length is filled in when it is known.
    std::memset(out.extend(detail::grpc_prefix), 0, detail::grpc_prefix);
    return {.start = start, .payload = out.size()};
  }

  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    detail::set_grpc_length(out.data() + at.start, out.size() - at.payload);
    stream* const answered = find(to);
    if (answered != nullptr && !to.streamed) answered->reply.append(out.view(at.start));
    out.truncate(at.start);
    if (answered != nullptr && to.streamed) end_items(*answered, {}, extra);
    else if (answered != nullptr) respond(*answered, extra);
    settle(out);
  }

  mark begin_item(buffer& out, const reply_address& to) { return begin_reply(out, to); }
  std::int64_t end_item(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    detail::set_grpc_length(out.data() + at.start, out.size() - at.payload);
    stream* const of = find(to);
    const auto size = static_cast<std::int64_t>(out.size() - at.start);
    if (of != nullptr) of->outbox.add(out.view(at.start));
    out.truncate(at.start);
    if (of == nullptr) return size;
    if (!of->streaming) begin_items(*of, extra);
    else nghttp2_session_resume_data(engine_.get(), of->id);
    settle(out);
    return size - of->outbox.left();
  }
  void write_credit(buffer& out, const reply_address& to, const items_taken& taken) {
    stream* const of = find(to);
    // The first grant is HTTP/2's own.
    if (of == nullptr || taken.items == 0) return;
    of->inbound.read(taken.bytes, taken.items);
    engine_.read(of->id, of->inbound.give_back(of->cutter.size()));
    settle(out);
  }

  void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    if (stream* answered = find(to); answered != nullptr) {
      if (answered->streaming) end_items(*answered, error, extra);
      else refuse(*answered, error, extra);
    }
    settle(out);
  }

  /// HTTP/2's PING, whose answer is a sign of life.
  [[gnu::cold]] bool write_heartbeat(buffer& out) {
    nghttp2_submit_ping(engine_.get(), NGHTTP2_FLAG_NONE, nullptr);
    if (!receiving_) engine_.send(out);
    return true;
  }

  bool closing() const noexcept { return broken_; }
  bool unfinished() const noexcept { return unfinished_ != 0; }

 private:
  static constexpr std::size_t slice_bytes = 16 * 1024;
  // What all unfinished requests and unsent answers of a connection may hold together. Streamed answers aside: those wait, each at its own room.
  static constexpr std::size_t most_held = 16 * 1024 * 1024;
  static constexpr std::size_t kept_bytes = 16 * 1024;
  // Streams that a peer opened and reset before their answer, less those it let end: above this it is an attack (CVE-2023-44487).
  static constexpr int most_resets = 1000;

  struct stream {
    stream* next = nullptr;
    stream** previous = nullptr;
    std::int32_t id = 0;
    serialization codec = serialization::raw;
    bool is_post = false;
    bool is_grpc = false;
    bool requested = false;  // handed on: an answer will come
    bool answered = false;
    bool bad_encoding = false;
    bool stop_sender = false;  // answered before the request has ended
    bool caller_streams = false;
    bool ended = false;        // by the caller
    bool streaming = false;    // the answer, in items
    std::optional<duration> timeout{};
    std::string path;
    std::string metadata_block;  // `name\0value\0`, both without zeros
    std::size_t header_bytes = 0;
    std::string_view piece;      // of the body, in the read buffer; only while `consume` runs
    buffer body;
    buffer reply;
    std::size_t sent = 0;        // of `reply`
    metadata trailers;
    status ending;               // of a streamed answer
    detail::grpc_cutter cutter;
    detail::grpc_inbound inbound;
    detail::grpc_outbox outbox;
    std::size_t announced = 0;   // how many pairs of metadata went in front of the first item

    void reset() noexcept {
      codec = serialization::raw;
      is_post = is_grpc = requested = answered = bad_encoding = stop_sender = caller_streams = ended = streaming = false;
      timeout.reset();
      path.clear();
      metadata_block.clear();
      header_bytes = 0;
      piece = {};
      body.clear();
      if (body.capacity() > kept_bytes) body.release();
      reply.clear();
      if (reply.capacity() > kept_bytes) reply.release();
      sent = 0;
      trailers.clear();
      ending = {};
      cutter.clear();
      inbound.clear();
      outbox.clear();
      announced = 0;
    }
    std::string_view message() const noexcept { return body.empty() ? piece : body.view(); }
  };

  enum class items_event : std::uint8_t { item, end, broken_off, credit };
  struct target {
    void* sink = nullptr;
    bool (*on_request)(void*, const request&) = nullptr;
    void (*on_cancel)(void*, std::uint64_t) = nullptr;
    void (*on_items)(void*, std::uint64_t, items_event, std::string_view, std::int64_t) = nullptr;
    bool (*caller_streams)(void*, std::string_view service, std::string_view method) = nullptr;
  };

  template <class Sink>
  static void items(void* to, std::uint64_t id, items_event what, std::string_view payload, std::int64_t bytes) {
    if constexpr (requires(Sink& sink) { sink.on_credit(id, bytes); }) {
      auto& sink = *static_cast<Sink*>(to);
      switch (what) {
        case items_event::item: return sink.on_item(id, payload);
        case items_event::end: return sink.on_items_end(id);
        case items_event::broken_off: return sink.on_refused_item(id, status{code::internal, "the request ends within a message"});
        case items_event::credit: return sink.on_credit(id, bytes);
      }
    }
  }
  template <class Sink>
  static bool caller_streams(void* to, std::string_view service, std::string_view method) {
    if constexpr (requires(Sink& sink) { sink.streams(service, method).client; }) return static_cast<Sink*>(to)->streams(service, method).client;
    else return false;
  }

  // --- nghttp2's events

  static grpc_session& self(void* user) noexcept { return *static_cast<grpc_session*>(user); }
  static void set_callbacks(nghttp2_session_callbacks* to) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) { return self(user).began(*frame); });
    nghttp2_session_callbacks_set_on_header_callback(
        to, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* field, std::size_t field_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
               void* user) { return self(user).header(*frame, detail::text_of(field, field_size), detail::text_of(value, value_size)); });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        to, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* user) { return self(user).chunk(id, detail::text_of(data, size)); });
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) { return self(user).frame_ended(*frame); });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        to, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) { return self(user).stream_closed(id, error); });
    nghttp2_session_callbacks_set_on_frame_send_callback(to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) { return self(user).frame_sent(*frame); });
    nghttp2_session_callbacks_set_send_data_callback(
        to, [](nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t size, nghttp2_data_source* source, void* user) {
          return self(user).write_data(head, size, *static_cast<stream*>(source->ptr));
        });
  }

  stream* find(std::int32_t id) const noexcept { return static_cast<stream*>(nghttp2_session_get_stream_user_data(engine_.get(), id)); }
  // The stream that waits for this answer; null when its caller has gone.
  stream* find(const reply_address& to) const noexcept {
    stream* found = find(static_cast<std::int32_t>(to.id));
    return found != nullptr && found->requested && !found->answered ? found : nullptr;
  }

  int began(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    if (held_ > most_held) {
      nghttp2_submit_rst_stream(engine_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_REFUSED_STREAM);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    stream& made = streams_.make();
    made.id = frame.hd.stream_id;
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
    if (field == ":path") to->path = value;
    else if (field == ":method") to->is_post = value == "POST";
    else if (field == "content-type") note_content_type(*to, value);
    else if (field == "grpc-timeout") to->timeout = detail::parse_grpc_timeout(value);
    else if (field == "grpc-encoding") to->bad_encoding = value != "identity";
    else if (!detail::is_grpc_framing(field)) detail::append_grpc_metadata(to->metadata_block, field, value);
    return 0;
  }
  static void note_content_type(stream& to, std::string_view value) {
    const auto codec = detail::codec_of_grpc(value);
    to.is_grpc = codec.has_value();
    if (codec) to.codec = *codec;
  }

  int chunk(std::int32_t id, std::string_view bytes) {
    stream* to = find(id);
    const bool by_items = to != nullptr && to->caller_streams && !to->answered;
    engine_.took(id, bytes.size(), !by_items);
    if (to == nullptr || to->answered) return 0;
    if (by_items) return take_items(*to, bytes), 0;
    if (to->message().size() + bytes.size() > bounds_.max_message_bytes + detail::grpc_prefix) {
      give_up_on(*to, {code::resource_exhausted, tenon::detail::join_text({"the message exceeds ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})});
      return 0;
    }
    if (to->piece.empty() && to->body.empty()) {
      to->piece = bytes;
      return 0;
    }
    gather(*to);
    to->body.append(bytes);
    held_ += bytes.size();
    return 0;
  }
  // A call that began with its headers: its messages are the handler's, one by one.
  void take_items(stream& of, std::string_view bytes) {
    of.inbound.came(bytes.size());
    const std::size_t before = of.cutter.size();
    const auto id = static_cast<std::uint64_t>(of.id);
    const auto found = of.cutter.feed(bytes, bounds_.max_message_bytes, [&](std::string_view payload) {
      of.inbound.completed(payload.size());
      target_.on_items(target_.sink, id, items_event::item, payload, 0);
    });
    held_ += of.cutter.size();
    held_ -= before;
    engine_.read(of.id, of.inbound.give_back(of.cutter.size()));
    if (found == detail::grpc_cutter::found::all_good || of.answered) return;
    status why{code::resource_exhausted, tenon::detail::join_text({"an item exceeds ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})};
    if (found == detail::grpc_cutter::found::compressed) why = status{of.bad_encoding ? code::unimplemented : code::internal, "an item is compressed; expected identity"};
    of.stop_sender = true;
    if (of.streaming) end_items(of, why, {});
    else refuse(of, why, {});
    target_.on_cancel(target_.sink, id);
  }
  void gather(stream& of) {
    held_ += of.piece.size();
    of.body.append(std::exchange(of.piece, {}));
  }
  // The read buffer is about to move on: what unfinished requests still need of it is copied.
  void keep_pieces() {
    if (unfinished_ == 0) return;
    for (stream* each = streams_.first(); each != nullptr; each = each->next) {
      if (!each->piece.empty()) gather(*each);
    }
  }

  int frame_ended(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return 0;
    stream* of = find(frame.hd.stream_id);
    if (of == nullptr || of->answered) return 0;
    const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
      if (!admissible(*of)) return 0;
      const auto [service, method] = detail::names_in(of->path);
      of->caller_streams = target_.caller_streams(target_.sink, service, method);
      of->ended = ends;
      if (of->caller_streams) open(*of);
    }
    if (!ends) return 0;
    of->ended = true;
    if (!of->caller_streams) hand_on(*of);
    else if (!of->answered) target_.on_items(target_.sink, static_cast<std::uint64_t>(of->id), of->cutter.unfinished() ? items_event::broken_off : items_event::end, {}, 0);
    return 0;
  }

  // RFC 9113 8.1: whoever answers before the request has ended asks its sender to stop, after the answer.
  int frame_sent(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (const stream* of = find(frame.hd.stream_id); of != nullptr && of->stop_sender) {
      nghttp2_submit_rst_stream(engine_.get(), NGHTTP2_FLAG_NONE, of->id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  // Once the headers are here.
  bool admissible(stream& of) {
    if (!of.is_post || !of.is_grpc) {
      refuse_as_http(of);
      return false;
    }
    if (of.header_bytes > bounds_.max_metadata_bytes) {
      give_up_on(of, {code::resource_exhausted, tenon::detail::join_text({"the headers exceed ", tenon::detail::number_text{bounds_.max_metadata_bytes}, " bytes"})});
      return false;
    }
    return true;
  }

  void hand_on(stream& of) {
    --unfinished_;
    of.requested = true;
    const std::string_view message = of.message();
    const std::size_t size = message.size() < detail::grpc_prefix ? 0 : detail::grpc_length(message.data());
    if (message.size() < detail::grpc_prefix || size > message.size() - detail::grpc_prefix) {
      return refuse(of, {refused_here(code::unimplemented), message.empty() ? "the request holds no message; expected one" : "the request ends within its message"}, {});
    }
    if (size != message.size() - detail::grpc_prefix) return refuse(of, {refused_here(code::unimplemented), "the request holds more than one message; expected one"}, {});
    if (message.front() != 0) {
      if (of.bad_encoding) return refuse(of, {refused_here(code::unimplemented), "the message is compressed; expected identity"}, {{"grpc-accept-encoding", "identity"}});
      return refuse(of, {refused_here(code::internal), "the message is marked as compressed, and grpc-encoding names no compression"}, {});
    }

    const request call = request_of(of, message.substr(detail::grpc_prefix));
    if (held_ > most_held) {
      refuse(of, {refused_here(code::unavailable), "too many unsent answers on this connection"}, {});
    } else {
      target_.on_request(target_.sink, call);
    }
    // The bytes have been read, whatever the answer will be. The call may have ended the stream: it is looked for again.
    if (stream* still = find(static_cast<std::int32_t>(call.address.id)); still != nullptr) forget_body(*still);
  }
  // With its headers alone: what it brings comes later.
  void open(stream& of) {
    --unfinished_;
    of.requested = true;
    target_.on_request(target_.sink, request_of(of, {}));
  }
  static request request_of(const stream& of, std::string_view payload) {
    const auto [service, method] = detail::names_in(of.path);
    request call;
    call.service = service;
    call.method = method;
    call.payload = payload;
    call.address = {.id = static_cast<std::uint64_t>(of.id), .codec = of.codec, .one_way = false};
    call.timeout = of.timeout;
    call.metadata_block = of.metadata_block;
    call.read_metadata = &detail::read_grpc_metadata;
    call.stream_credit = static_cast<std::uint32_t>(detail::grpc_outbox::room);
    return call;
  }
  void forget_body(stream& of) {
    held_ -= of.body.size();
    of.piece = {};
    of.body.clear();
    if (of.body.capacity() > kept_bytes) of.body.release();
  }

  int stream_closed(std::int32_t id, std::uint32_t error) {
    stream* gone = find(id);
    if (gone == nullptr) return 0;
    nghttp2_session_set_stream_user_data(engine_.get(), id, nullptr);
    if (!gone->requested && !gone->answered) --unfinished_;
    held_ -= gone->body.size() + gone->reply.size() + gone->cutter.size();
    const bool unanswered = gone->requested && !gone->answered;
    streams_.give_back(*gone);
    if (error == NGHTTP2_NO_ERROR) {
      resets_ = (std::max)(0, resets_ - 1);
    } else if (++resets_ > most_resets) {
      nghttp2_session_terminate_session(engine_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
    }
    if (unanswered && target_.on_cancel != nullptr) target_.on_cancel(target_.sink, static_cast<std::uint64_t>(id));
    return 0;
  }

  // --- answers

  void respond(stream& to, const metadata& extra) {
    to.answered = true;
    to.stop_sender = !to.ended;
    held_ += to.reply.size();
    // What the handler set travels as headers; what it named `trailer-...`, as Connect spells it, behind the message, without that prefix.
    fields_.clear();
    trailers_of(to, extra);
    fields_.push_back(detail::header_field(":status", "200"));
    fields_.push_back(detail::header_field("content-type", detail::grpc_content_type(to.codec)));
    coded_.clear();
    detail::add_grpc_metadata(fields_, coded_, extra, detail::metadata_part::headers);
    nghttp2_data_provider body{};
    body.source.ptr = &to;
    body.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void* user) {
      return self(user).read_reply(*static_cast<stream*>(source->ptr), room, *flags);
    };
    nghttp2_submit_response(engine_.get(), to.id, fields_.data(), fields_.size(), &body);
  }

  // The first item of an answer: headers in front of it, and as many messages as windows let through.
  void begin_items(stream& of, const metadata& extra) {
    of.streaming = true;
    of.announced = extra.size();
    fields_.clear();
    coded_.clear();
    fields_.push_back(detail::header_field(":status", "200"));
    fields_.push_back(detail::header_field("content-type", detail::grpc_content_type(of.codec)));
    detail::add_grpc_metadata(fields_, coded_, extra, detail::metadata_part::headers);
    nghttp2_data_provider body{};
    body.source.ptr = &of;
    body.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void* user) {
      return self(user).read_items(*static_cast<stream*>(source->ptr), room, *flags);
    };
    nghttp2_submit_response(engine_.get(), of.id, fields_.data(), fields_.size(), &body);
  }
  ssize_t read_items(stream& of, std::size_t room, std::uint32_t& flags) {
    const std::size_t left = of.outbox.size();
    if (left == 0 && !of.answered) return NGHTTP2_ERR_DEFERRED;
    const std::size_t size = (std::min)(left, room);
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == left && of.answered) {
      flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      fields_.clear();
      coded_.clear();
      add_ending(of.ending);
      if (!of.trailers.empty()) detail::add_grpc_metadata(fields_, coded_, of.trailers, detail::metadata_part::both);
      nghttp2_submit_trailer(engine_.get(), of.id, fields_.data(), fields_.size());
    }
    return static_cast<ssize_t>(size);
  }
  // No item follows: the status, once everything before it has left.
  void end_items(stream& of, const status& why, const metadata& extra) {
    of.stop_sender = !of.ended;
    if (!of.streaming) return refuse(of, why, extra);
    of.answered = true;
    of.ending = why;
    std::size_t place = 0;
    for (const auto& [key, value] : extra) {
      if (detail::is_trailer(key) || place >= of.announced) of.trailers.add(key, value);
      ++place;
    }
    nghttp2_session_resume_data(engine_.get(), of.id);
  }
  // Gives streams' writers back what has left. True when there were any: they may have written more.
  bool tell_credit() {
    if (!std::exchange(any_left_, false) || broken_) return false;
    bool told = false;
    for (stream* each = streams_.first(); each != nullptr;) {
      // It may write, and end, but is given back only when bytes are sent.
      stream& one = *each;
      each = each->next;
      if (!one.streaming || one.answered) continue;
      const std::int64_t bytes = one.outbox.left();
      if (bytes == 0) continue;
      told = true;
      target_.on_items(target_.sink, static_cast<std::uint64_t>(one.id), items_event::credit, {}, bytes);
    }
    return told;
  }

  static void trailers_of(stream& to, const metadata& extra) {
    for (const auto& [key, value] : extra) {
      if (detail::is_trailer(key)) to.trailers.add(key, value);
    }
  }

  ssize_t read_reply(stream& of, std::size_t room, std::uint32_t& flags) {
    const std::size_t left = of.reply.size() - of.sent;
    const std::size_t size = (std::min)(left, room);
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == left) {
      flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      fields_.clear();
      coded_.clear();
      fields_.push_back(detail::header_field("grpc-status", "0"));
      if (!of.trailers.empty()) [[unlikely]] detail::add_grpc_metadata(fields_, coded_, of.trailers, detail::metadata_part::trailers);
      nghttp2_submit_trailer(engine_.get(), of.id, fields_.data(), fields_.size());
    }
    return static_cast<ssize_t>(size);
  }

  int write_data(const std::uint8_t* head, std::size_t size, stream& of) {
    buffer& out = engine_.out();
    out.append(head, 9);
    if (of.streaming) {
      out.append(of.outbox.view().substr(0, size));
      of.outbox.took(size);
      any_left_ = true;
      return 0;
    }
    out.append(of.reply.data() + of.sent, size);
    of.sent += size;
    return 0;
  }

  void refuse(stream& to, const status& why, const metadata& extra) {
    to.answered = true;
    if (!to.ended) to.stop_sender = true;
    fields_.clear();
    coded_.clear();
    fields_.push_back(detail::header_field(":status", "200"));
    fields_.push_back(detail::header_field("content-type", detail::grpc_content_type(to.codec)));
    add_ending(why);
    detail::add_grpc_metadata(fields_, coded_, extra, detail::metadata_part::both);
    nghttp2_submit_response(engine_.get(), to.id, fields_.data(), fields_.size(), nullptr);
  }
  void add_ending(const status& why) {
    const auto add = [this](std::string_view field, std::string value) {
      coded_.push_back(std::move(value));
      fields_.push_back(detail::header_field(field, coded_.back()));
    };
    add("grpc-status", std::to_string(static_cast<int>(why.code())));
    if (!why.message().empty()) add("grpc-message", detail::percent_encoded(why.message()));
    if (why.has(outcome::pushback)) add("grpc-retry-pushback-ms", std::to_string(why.outcome().pushback_ms));
    if (std::string details = detail::grpc_status_details(why); !details.empty()) add("grpc-status-details-bin", std::move(details));
  }

  // Before the request has ended: answered, and its sender told not to go on.
  void give_up_on(stream& of, const status& why) {
    --unfinished_;
    of.requested = true;
    forget_body(of);
    of.stop_sender = true;
    refuse(of, why, {});
  }

  void refuse_as_http(stream& of) {
    --unfinished_;
    of.requested = of.answered = true;
    const std::array<nghttp2_nv, 1> head{detail::header_field(":status", of.is_post ? "415" : "405")};
    of.stop_sender = true;
    nghttp2_submit_response(engine_.get(), of.id, head.data(), head.size(), nullptr);
  }

  // Within `consume` its end sends; otherwise the answer leaves now.
  void settle(buffer& out) {
    if (!receiving_) engine_.send(out);
  }

  limits bounds_;
  detail::stream_pool<stream> streams_;
  target target_;
  std::vector<nghttp2_nv> fields_;      // of the answer that is being written,
  detail::grpc_coded_metadata coded_;   // and what they are views of
  std::size_t held_ = 0;                // bytes of unfinished requests and unsent answers
  std::size_t unfinished_ = 0;          // requests
  int resets_ = 0;
  bool any_left_ = false;               // of streamed answers, since writers were told
  bool receiving_ = false;
  bool broken_ = false;
  // Last: its end closes the streams, which are the members above.
  detail::http2_engine engine_;
};

static_assert(streaming_session<grpc_session>);

}  // namespace tenon::inline v0::protocol
