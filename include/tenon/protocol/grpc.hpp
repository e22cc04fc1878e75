// gRPC over HTTP/2 on one connection: the server's session. Protocol layer; outside the umbrella, for it links nghttp2.
// nghttp2 cuts frames and keeps windows; grpc_requests makes calls of streams, grpc_answers streams of answers, and this file is what the server holds of both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_answers.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_listener.hpp>
#include <tenon/protocol/detail/grpc_requests.hpp>
#include <tenon/protocol/detail/grpc_server_stream.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>
#include <tenon/protocol/detail/http2_events.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// Calls as gRPC sends them: `POST /package.Service/Method` over HTTP/2 by prior knowledge.
///
/// Shape   the codec is the content subtype's: `application/grpc` and `+proto` protobuf, `+json`, `+msgpack`. All four kinds of call, in any order. A call whose caller streams begins with its
///         headers; HTTP/2's windows are its credit both ways. Response metadata goes in front of the first message, what is set after that behind the last.
/// Units   messages at most `limits.max_message_bytes`, also when they are inflated; headers at most `limits.max_metadata_bytes`; 1024 streams at once.
/// Errors  415 for another content type; trailers-only for a call that is refused; a stream above what the connection may hold is reset with REFUSED_STREAM.
/// Source  gRPC over HTTP/2 (PROTOCOL-HTTP2.md), RFC 9113.
class grpc_session {
 public:
  static constexpr std::string_view name = "grpc";
  static constexpr bool answers_in_any_order = true;

  explicit grpc_session(const limits& bounds)
      : answers_{&engine_, coding_},
        requests_{bounds, &engine_, answers_, coding_},
        engine_{detail::http2_engine::side::server, &requests_, &detail::set_http2_events<detail::grpc_requests>, bounds.max_metadata_bytes} {}
  grpc_session(const grpc_session&) = delete;
  grpc_session& operator=(const grpc_session&) = delete;

  /// Reads compressed messages, and answers so whoever takes it; without it they are refused. Null is without.
  void use(const compression* coding) { coding_.use(coding); }

  /// Whether `first` starts with HTTP/2's preface.
  static sniffed recognise(std::string_view first) noexcept {
    constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (first.substr(0, preface.size()) == preface) return sniffed::yes;
    return preface.substr(0, first.size()) == first ? sniffed::need_more : sniffed::no;
  }

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    requests_.listen(detail::grpc_listener{sink});
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
      requests_.keep_pieces();
      if (!fault.empty()) {
        done.next = consumed::state::close;
        done.reason = fault;
        broken_ = true;
        break;
      }
    }
    // What has left makes room for more of the same stream.
    do engine_.send(out);
    while (!broken_ && requests_.tell_credit());
    receiving_ = false;
    requests_.listen({});
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
    if (to.compress && !to.streamed) [[unlikely]] coding_.deflate(out, at);
    detail::set_grpc_length(out.data() + at.start, out.size() - at.payload);
    stream* const answered = requests_.find(to);
    if (answered != nullptr && !to.streamed) answered->reply.append(out.view(at.start));
    out.truncate(at.start);
    if (answered != nullptr && to.streamed) {
      answers_.end_items(*answered, {}, extra);
    } else if (answered != nullptr) {
      requests_.hold(answered->reply);
      answers_.respond(*answered, extra);
    }
    settle(out);
  }

  mark begin_item(buffer& out, const reply_address& to) { return begin_reply(out, to); }
  std::int64_t end_item(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    if (to.compress) [[unlikely]] coding_.deflate(out, at);
    detail::set_grpc_length(out.data() + at.start, out.size() - at.payload);
    stream* const of = requests_.find(to);
    const auto size = static_cast<std::int64_t>(out.size() - at.start);
    if (of != nullptr) of->outbox.add(out.view(at.start));
    out.truncate(at.start);
    if (of == nullptr) return size;
    if (!of->streaming) answers_.begin_items(*of, extra);
    else nghttp2_session_resume_data(engine_.get(), of->id);
    settle(out);
    return size - of->outbox.left();
  }
  void write_credit(buffer& out, const reply_address& to, const items_taken& taken) {
    stream* const of = requests_.find(to);
    // The first grant is HTTP/2's own.
    if (of == nullptr || taken.items == 0) return;
    requests_.items_read(*of, taken);
    settle(out);
  }

  void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    if (stream* answered = requests_.find(to); answered != nullptr) {
      if (answered->streaming) answers_.end_items(*answered, error, extra);
      else answers_.refuse(*answered, error, extra);
    }
    settle(out);
  }

  /// HTTP/2's PING, whose answer is a sign of life.
  [[gnu::cold]] bool write_heartbeat(buffer& out) {
    nghttp2_submit_ping(engine_.get(), NGHTTP2_FLAG_NONE, nullptr);
    if (!receiving_) engine_.send(out);
    return true;
  }

  /// The first step of RFC 9113 6.8: every stream may still come.
  [[gnu::cold]] void write_going_away(buffer& out) {
    nghttp2_submit_shutdown_notice(engine_.get());
    settle(out);
  }
  /// The second: the last stream that was taken. Those above it were not executed.
  [[gnu::cold]] void write_gone(buffer& out) {
    requests_.take_no_more();
    settle(out);
  }
  bool takes_last_calls() const noexcept { return requests_.takes_more(); }

  bool closing() const noexcept { return broken_; }
  bool unfinished() const noexcept { return requests_.unfinished() != 0; }

 private:
  using stream = detail::grpc_server_stream;
  static constexpr std::size_t slice_bytes = 16 * 1024;

  // Within `consume` its end sends; otherwise the answer leaves now.
  void settle(buffer& out) {
    if (!receiving_) engine_.send(out);
  }

  bool receiving_ = false;
  bool broken_ = false;
  detail::grpc_coding coding_;
  detail::grpc_answers answers_;
  detail::grpc_requests requests_;
  // Last: its end closes the streams, which are the members above.
  detail::http2_engine engine_;
};

static_assert(streaming_session<grpc_session>);

}  // namespace tenon::inline v0::protocol
