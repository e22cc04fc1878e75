// gRPC over HTTP/2 on one connection: the client's session. Protocol layer; outside the umbrella, for it links nghttp2.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_client_stream.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_messages.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/grpc_verdict.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>
#include <tenon/protocol/detail/http2_events.hpp>

namespace tenon::inline v0::protocol {

/// The client's half of gRPC, all four kinds of call. HTTP/2 by prior knowledge.
///
/// Errors  a reset or an answer without a status ends its call with the code that gRPC's tables give; REFUSED_STREAM, and a stream above a GOAWAY's last,
///         are unavailable and not_executed; an answer above the limit is resource_exhausted and cancelled on the wire.
/// Source  gRPC over HTTP/2 (PROTOCOL-HTTP2.md, http-grpc-status-mapping.md), RFC 9113.
class grpc_client_session final : public client_session {
 public:
  grpc_client_session(const limits& bounds, std::string authority)
      : bounds_{bounds}, authority_{std::move(authority)}, engine_{detail::http2_engine::side::client, this, &detail::set_http2_events<grpc_client_session>, bounds.max_metadata_bytes} {}

  void use(const compression& how, std::size_t from_bytes) override { coding_.use(&how, from_bytes); }

  mark begin_request(buffer& out, const outgoing& call) override {
    stream& made = streams_.make();
    made.call = last_call_ = call.id;
    made.caller_streams = call.client_streams;
    made.by_items = call.server_streams;
    if (call.stream_credit != 0) by_call_[call.id] = &made;
    writing_ = &made;
    path_.assign("/").append(call.service).append("/").append(call.method);
    fields_.clear();
    coded_.clear();
    fields_.push_back(detail::header_field(":method", "POST"));
    fields_.push_back(detail::header_field(":scheme", "http"));
    fields_.push_back(detail::header_field(":path", path_));
    fields_.push_back(detail::header_field(":authority", authority_));
    fields_.push_back(detail::header_field("te", "trailers"));
    fields_.push_back(detail::header_field("content-type", detail::grpc_content_type(call.codec)));
    fields_.push_back(detail::header_field("user-agent", "grpc-c++-tenon"));
    if (coding_.is_on()) [[unlikely]] fields_.push_back(detail::header_field("grpc-accept-encoding", coding_.accepted()));
    if (call.timeout) fields_.push_back(detail::header_field("grpc-timeout", detail::write_grpc_timeout(timeout_, *call.timeout)));
    if (call.extra != nullptr) detail::add_grpc_metadata(fields_, coded_, *call.extra, detail::metadata_part::both);
    const std::size_t start = out.size();
    std::memset(out.extend(detail::grpc_prefix), 0, detail::grpc_prefix);
    return {.start = start, .payload = out.size()};
  }

  void end_request(buffer& out, mark at) override {
    stream& to = *std::exchange(writing_, nullptr);
    // Of a caller's items some will be, or none.
    if (coding_.compresses() && (to.caller_streams || coding_.deflate(out, at))) [[unlikely]] fields_.push_back(detail::header_field("grpc-encoding", coding_.name()));
    detail::set_grpc_length(out.data() + at.start, out.size() - at.payload);
    if (!to.caller_streams) to.request.append(out.view(at.start));
    out.truncate(at.start);
    nghttp2_data_provider body{};
    body.source.ptr = &to;
    body.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void*) {
      stream& of = *static_cast<stream*>(source->ptr);
      return of.caller_streams ? read_items(of, room, *flags) : read_request(of, room, *flags);
    };
    const std::int32_t id = nghttp2_submit_request(engine_.get(), nullptr, fields_.data(), fields_.size(), &body, &to);
    if (id < 0) {
      // No stream can be opened any more. The owner hears of it with whatever comes next: the connection is about to end.
      end(to, NGHTTP2_REFUSED_STREAM);
      return;
    }
    to.id = id;
    if (!receiving_) engine_.send(out);
  }

  consumed consume(std::string_view in, reply_sink& sink, buffer& out) override {
    consumed done;
    sink_ = &sink;
    receiving_ = true;
    const std::string_view fault = engine_.receive(in);
    keep_pieces();
    // Sending ends streams too: those that are reset, and those that can no longer be opened.
    do engine_.send(out);
    while (finish_ended() || tell_credit());
    receiving_ = false;
    sink_ = nullptr;
    done.bytes = in.size();
    if (!fault.empty() || engine_.finished()) {
      done.next = consumed::state::close;
      done.reason = tenon::detail::join_text({"grpc: ", fault.empty() ? std::string_view{"the peer has closed the HTTP/2 connection"} : fault});
    }
    return done;
  }

  bool streams() const noexcept override { return true; }
  std::int64_t first_credit() const noexcept override { return detail::grpc_outbox::room; }
  mark begin_item(buffer& out, std::uint64_t, serialization) override {
    const std::size_t start = out.size();
    std::memset(out.extend(detail::grpc_prefix), 0, detail::grpc_prefix);
    return {.start = start, .payload = out.size()};
  }
  std::int64_t end_item(buffer& out, mark at, std::uint64_t id) override {
    if (coding_.compresses()) [[unlikely]] coding_.deflate(out, at);
    detail::set_grpc_length(out.data() + at.start, out.size() - at.payload);
    const auto size = static_cast<std::int64_t>(out.size() - at.start);
    stream* const of = find_call(id);
    if (of != nullptr) of->outbox.add(out.view(at.start));
    out.truncate(at.start);
    if (of == nullptr) return size;
    go_on_sending(*of, out);
    return size - of->outbox.left();
  }
  void write_end(buffer& out, std::uint64_t id) override {
    stream* const of = find_call(id);
    if (of == nullptr) return;
    of->complete = true;
    go_on_sending(*of, out);
  }
  void write_credit(buffer& out, std::uint64_t id, const items_taken& taken) override {
    stream* const of = find_call(id);
    if (of == nullptr) return;
    of->inbound.read(taken.bytes, taken.items);
    engine_.read(of->id, of->inbound.give_back(of->cutter.size()));
    if (!receiving_) engine_.send(out);
  }

  /// HTTP/2's PING, whose answer is a sign of life.
  bool write_heartbeat(buffer& out) override {
    nghttp2_submit_ping(engine_.get(), NGHTTP2_FLAG_NONE, nullptr);
    if (!receiving_) engine_.send(out);
    return true;
  }

  /// Servers close the connection of who asks more than twice within five minutes each, or while no call is under way.
  heartbeats usual_heartbeats() const noexcept override { return {.interval = std::chrono::seconds{310}, .without_calls = false}; }
  bool asked_too_often() const noexcept override { return asked_too_often_; }

  bool write_cancel(buffer& out, std::uint64_t id) override {
    stream* cancelled = streams_.first();
    while (cancelled != nullptr && cancelled->call != id) cancelled = cancelled->next;
    if (cancelled == nullptr || cancelled->id == 0) return true;
    nghttp2_submit_rst_stream(engine_.get(), NGHTTP2_FLAG_NONE, cancelled->id, NGHTTP2_CANCEL);
    if (!receiving_) engine_.send(out);
    return true;
  }

 private:
  using stream = detail::grpc_client_stream;
  // Of one stream's unread items, beyond its window.
  static constexpr std::size_t most_excess = 16 * 1024 * 1024;
  friend void detail::set_http2_events<grpc_client_session>(nghttp2_session_callbacks*);

  // Of calls that stream, which are spoken of by their caller's number.
  stream* find_call(std::uint64_t id) const noexcept {
    const auto found = by_call_.find(id);
    return found != by_call_.end() ? found->second : nullptr;
  }
  void give_back(stream& ended) noexcept {
    if (ended.caller_streams || ended.by_items) by_call_.erase(ended.call);
    streams_.give_back(ended);
  }
  void go_on_sending(const stream& of, buffer& out) {
    nghttp2_session_resume_data(engine_.get(), of.id);
    if (!receiving_) engine_.send(out);
  }

  stream* find(std::int32_t id) const noexcept { return static_cast<stream*>(nghttp2_session_get_stream_user_data(engine_.get(), id)); }

  // --- nghttp2's events

  int header(const nghttp2_frame& frame, std::string_view field, std::string_view value) {
    if (stream* of = find(frame.hd.stream_id); of != nullptr) of->note(field, value, bounds_.max_metadata_bytes, coding_);
    return 0;
  }
  int chunk(std::int32_t id, std::string_view bytes) {
    stream* of = find(id);
    const bool in_items = of != nullptr && of->by_items && of->is_grpc && of->http_status == 200 && !of->refused;
    engine_.took(id, bytes.size(), !in_items);
    if (of == nullptr || of->refused) return 0;
    if (in_items) return take_items(*of, bytes), 0;
    if (of->body().size() + bytes.size() > bounds_.max_message_bytes + detail::grpc_prefix) {
      refuse(*of, detail::too_large_for_grpc("the answer exceeds", bounds_.max_message_bytes));
      return 0;
    }
    of->take(bytes);
    return 0;
  }
  void take_items(stream& of, std::string_view bytes) {
    of.inbound.came(bytes.size());
    status why;
    const auto found = of.cutter.feed(bytes, bounds_.max_message_bytes, true, [&](std::string_view payload, bool compressed) {
      if (compressed) [[unlikely]] {
        why = detail::inflate_grpc_answer(of, coding_, bounds_.max_message_bytes, payload);
        if (!why.ok()) return false;
      }
      of.inbound.completed(payload.size());
      sink_->on_item(of.call, of.codec, payload);
      // A window counts what came. What that has become counts here.
      if (of.inbound.excess() <= most_excess) return true;
      why = detail::too_large_for_grpc("unread items inflate to more than", most_excess);
      return false;
    });
    engine_.read(of.id, of.inbound.give_back(of.cutter.size()));
    if (found == detail::grpc_cutter::found::all_good) return;
    if (found == detail::grpc_cutter::found::too_large) why = detail::too_large_for_grpc("the answer exceeds", bounds_.max_message_bytes);
    refuse(of, std::move(why));
  }
  void refuse(stream& of, status why) {
    of.refuse(std::move(why));
    nghttp2_submit_rst_stream(engine_.get(), NGHTTP2_FLAG_NONE, of.id, NGHTTP2_CANCEL);
  }
  // As on the server: gives streams' writers back what has left.
  bool tell_credit() {
    if (!std::exchange(any_left_, false)) return false;
    bool told = false;
    for (stream* each = streams_.first(); each != nullptr;) {
      // What it writes now may open others, in front of it; none goes before bytes are sent.
      stream& one = *each;
      each = each->next;
      if (!one.caller_streams || one.ended) continue;
      const std::int64_t bytes = one.outbox.left();
      if (bytes == 0) continue;
      told = true;
      sink_->on_credit(one.call, bytes);
    }
    return told;
  }
  void keep_pieces() {
    for (stream* each = streams_.first(); each != nullptr; each = each->next) {
      if (!each->piece.empty()) each->gather();
    }
  }

  int stream_closed(std::int32_t id, std::uint32_t error) {
    stream* gone = find(id);
    if (gone == nullptr) return 0;
    nghttp2_session_set_stream_user_data(engine_.get(), id, nullptr);
    if (sink_ != nullptr && !engine_.sending()) finish(*gone, error);
    else end(*gone, error);
    return 0;
  }
  // After a GOAWAY new calls go elsewhere. Those above the last stream are closed by nghttp2 after this, each with REFUSED_STREAM; the others are answered.
  int frame_ended(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_GOAWAY) [[likely]] return 0;
    const nghttp2_goaway& farewell = frame.goaway;
    asked_too_often_ |= farewell.error_code == NGHTTP2_ENHANCE_YOUR_CALM && detail::text_of(farewell.opaque_data, farewell.opaque_data_len) == "too_many_pings";
    if (!std::exchange(told_of_the_end_, true)) sink_->on_going_away(last_call_);
    return 0;
  }
  int not_sent(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS) return 0;
    if (stream* gone = find(frame.hd.stream_id); gone != nullptr) gone->error = NGHTTP2_REFUSED_STREAM;
    return 0;
  }
  // While bytes are sent nobody may be told: it is done afterwards.
  void end(stream& gone, std::uint32_t error) noexcept {
    gone.ended = true;
    if (gone.error == NGHTTP2_NO_ERROR) gone.error = error;
    any_ended_ = true;
  }
  bool finish_ended() {
    if (!std::exchange(any_ended_, false)) return false;
    for (stream* each = streams_.first(); each != nullptr;) {
      if (!each->ended) {
        each = each->next;
        continue;
      }
      finish(*each, each->error);
      // Its owner may have started others, and ended some.
      each = streams_.first();
    }
    return true;
  }

  void finish(stream& ended, std::uint32_t error) {
    if (ended.error != NGHTTP2_NO_ERROR) error = ended.error;
    reply answer{.id = ended.call, .codec = ended.codec, .payload = {}, .error = {}, .metadata_block = ended.metadata_block, .read_metadata = &detail::read_grpc_metadata};
    answer.error = detail::grpc_verdict(ended, error);
    if (answer.error.ok() && !ended.by_items) answer.error = detail::cut_grpc_answer(ended, coding_, bounds_.max_message_bytes, answer.payload);
    else if (answer.error.ok() && ended.cutter.unfinished()) answer.error = status{code::internal, "the answer ends within a message"};
    sink_->on_reply(answer);
    give_back(ended);
  }

  // --- requests

  static ssize_t read_request(stream& of, std::size_t room, std::uint32_t& flags) {
    const std::size_t left = of.request.size() - of.sent;
    const std::size_t size = (std::min)(left, room);
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == left) flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
  static ssize_t read_items(stream& of, std::size_t room, std::uint32_t& flags) {
    const std::size_t left = of.outbox.size();
    if (left == 0 && !of.complete) return NGHTTP2_ERR_DEFERRED;
    const std::size_t size = (std::min)(left, room);
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == left && of.complete) flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
  int write_data(const std::uint8_t* head, std::size_t size, stream& of) {
    buffer& out = engine_.out();
    out.append(head, 9);
    if (of.caller_streams) {
      out.append(of.outbox.view().substr(0, size));
      of.outbox.took(size);
      any_left_ = true;
      return 0;
    }
    out.append(of.request.data() + of.sent, size);
    of.sent += size;
    return 0;
  }

  limits bounds_;
  std::string authority_;
  std::string path_;
  detail::grpc_coding coding_;
  detail::grpc_timeout_text timeout_{};
  detail::stream_pool<stream> streams_;
  std::vector<nghttp2_nv> fields_;     // of the request that is being written,
  detail::grpc_coded_metadata coded_;  // and what they are views of
  std::unordered_map<std::uint64_t, stream*> by_call_;  // those that stream
  stream* writing_ = nullptr;
  reply_sink* sink_ = nullptr;
  bool receiving_ = false;
  bool any_ended_ = false;
  bool any_left_ = false;  // of streamed requests, since writers were told
  bool told_of_the_end_ = false;
  bool asked_too_often_ = false;
  std::uint64_t last_call_ = 0;
  // Last: its end closes the streams, which are the members above.
  detail::http2_engine engine_;
};

}  // namespace tenon::inline v0::protocol
