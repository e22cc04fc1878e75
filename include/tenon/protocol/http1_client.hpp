// Connect's unary calls over HTTP/1.1, the client's session: `http://host:port`. Protocol layer, outside its door.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_answer.hpp>
#include <tenon/protocol/detail/http_chunks.hpp>
#include <tenon/protocol/detail/http_coding.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_reply.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol {

/// The client's half of Connect over HTTP/1.1: `POST /service/method`, in json, protobuf, or, where the server is tenon, msgpack.
///
/// Laws    one request is under way at a time, as HTTP/1.1 is used: those behind it wait here, and go one after the other. For more at once give the client
///         `{.max_connections = 8, .calls_per_connection = 1}`. What has not left is cancelled and taken back for certain.
/// Errors  Connect's, with their details; for answers of others the code that Connect's table has for the HTTP status. What is no HTTP, and an answer above the limit,
///         closes the connection with a reason.
/// Source  Connect protocol, unary calls; RFC 9112.
class http1_client_session final : public client_session {
 public:
  /// `authority` is what Host says: `shop.example:8080`.
  http1_client_session(const limits& bounds, std::string authority) : bounds_{bounds}, authority_{std::move(authority)} {}

  void use(const compression& how, std::size_t from_bytes) override {
    coding_ = &how;
    compress_from_ = from_bytes;
  }

  mark begin_request(buffer& out, const outgoing& call) override {
    writing_ = {.id = call.id, .one_way = call.one_way};
    arguments_ = call.arguments;
    codec_ = call.codec;
    const std::size_t start = out.size();
    out.append("POST /");
    append_step(out, call.service);
    out.push_back('/');
    append_step(out, call.method);
    out.append(" HTTP/1.1\r\nHost: ");
    out.append(authority_);
    out.append("\r\nContent-Type: ");
    out.append(content_type(call.codec));
    out.append("\r\nConnect-Protocol-Version: 1\r\n");
    if (coding_ != nullptr) {
      out.append("Accept-Encoding: ");
      out.append(coding_->name());
      out.append("\r\n");
    }
    if (call.timeout) {
      // Rounded up, and of ten digits at most.
      const std::int64_t milliseconds = (std::clamp)((call.timeout->ns + 999'999) / 1'000'000, std::int64_t{0}, std::int64_t{9'999'999'999});
      out.append("Connect-Timeout-Ms: ");
      detail::append_decimal(out, static_cast<std::size_t>(milliseconds));
      out.append("\r\n");
    }
    if (call.extra != nullptr) detail::append_headers(out, *call.extra);
    out.append(detail::blank_length);
    return {.start = start, .payload = out.size()};
  }

  void end_request(buffer& out, mark at) override {
    // Connect has one message for each call; one that says nothing is an empty one.
    if (codec_ == serialization::json && (arguments_ == 0 || (arguments_ < 0 && out.view(at.payload) == "null"))) {
      out.truncate(at.payload);
      out.append("{}");
    }
    const bool smaller = coding_ != nullptr && detail::compress_payload(out, at, *coding_, compress_from_);
    detail::patch_length(out, at.payload);
    if (smaller) [[unlikely]] detail::insert_lines(out, at, std::string{"Content-Encoding: "}.append(coding_->name()).append("\r\n"));
    if (!busy_) {
      busy_ = true;
      current_ = writing_;
      return;
    }
    waiting_.push_back({writing_, std::string{out.view(at.start)}});
    out.truncate(at.start);
  }

  consumed consume(std::string_view in, reply_sink& sink, buffer& out) override {
    consumed done;
    while (done.next == consumed::state::more && step(in.substr(done.bytes), done, sink, out)) {
    }
    return done;
  }

  /// One that has not left is not sent. HTTP/1.1 has no word for the others: their answer is dropped when it comes.
  bool write_cancel(buffer&, std::uint64_t id) override {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [id](const held& each) { return each.call.id == id && !each.call.one_way; });
    if (found == waiting_.end()) return false;
    waiting_.erase(found);
    return true;
  }

  void visit_requests(std::string_view written, request_visitor& visitor) const override {
    for (const held& each : waiting_) {
      if (!each.call.one_way) visitor.request(each.call.id, ~std::size_t{0});
    }
    // What is written is the one request that is under way, if it has not been sent altogether.
    if (busy_ && !written.empty() && !current_.one_way) visitor.request(current_.id, written.size());
  }

 private:
  enum class phase : std::uint8_t { head, counted, chunked };

  struct sent {
    std::uint64_t id = 0;
    bool one_way = false;
  };
  struct held {
    sent call;
    std::string bytes;
  };

  static constexpr std::string_view content_type(serialization codec) noexcept {
    switch (codec) {
      case serialization::json: return "application/json";
      case serialization::protobuf: return "application/proto";
      case serialization::msgpack: return "application/msgpack";
      default: return "application/octet-stream";
    }
  }

  // Names are plain; what is not would end the step, or the line.
  static void append_step(buffer& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const bool plain = detail::is_token({&c, 1}) && c != '%' && c != '#' && c != '^' && c != '`' && c != '|';
      if (plain) {
        out.push_back(c);
        continue;
      }
      const char escaped[] = {'%', digits[byte >> 4], digits[byte & 15]};
      out.append(escaped, sizeof escaped);
    }
  }

  // Takes one thing off the front of `in`. False when there is nothing to take.
  bool step(std::string_view in, consumed& done, reply_sink& sink, buffer& out) {
    switch (phase_) {
      case phase::head: return read_head(in, done, sink);
      case phase::counted: {
        // The head stays in front of its body until that is whole: both are handed on where they lie.
        if (in.size() - head_size_ < length_) return false;
        deliver(in.substr(0, head_size_), in.substr(head_size_, length_), sink, out, done);
        done.bytes += head_size_ + length_;
        return true;
      }
      default: return read_chunk(in, done, sink, out);
    }
  }

  bool read_head(std::string_view in, consumed& done, reply_sink& sink) {
    const std::size_t end = in.substr(0, bounds_.max_metadata_bytes).find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (in.size() >= bounds_.max_metadata_bytes) close(done, {"the header section exceeds ", tenon::detail::number_text{bounds_.max_metadata_bytes}, " bytes"});
      else if (!in.empty() && !std::string_view{"HTTP/1."}.starts_with(in.substr(0, 7))) close(done, {"expected an answer in HTTP/1.1, found other bytes"});
      return false;
    }
    const std::string_view head = in.substr(0, end + 4);
    reply_ = {};
    if (const std::string_view fault = detail::cut_reply_head(head, reply_); !fault.empty()) return close(done, {fault}), false;
    if (!busy_) return close(done, {"an answer came to which there is no request"}), false;
    if (reply_.http_status == 101) return close(done, {"the server changes to a protocol that nobody asked for"}), false;
    if (reply_.http_status < 200) return done.bytes += head.size(), true;
    const detail::http_head& fields = reply_.fields;
    if (fields.foreign_coding) return close(done, {"the answer has a transfer encoding other than chunked"}), false;
    if (reply_.has_body() && !fields.chunked && !fields.has_length) return close(done, {"the answer does not say where it ends"}), false;
    const std::uint64_t length = reply_.has_body() ? fields.length : 0;
    if (length > bounds_.max_message_bytes) return refuse_large(done, sink), false;
    head_size_ = head.size();
    if (fields.chunked && reply_.has_body()) {
      kept_head_.assign(head);
      done.bytes += head.size();
      chunks_.restart();
      body_.clear();
      phase_ = phase::chunked;
    } else {
      length_ = static_cast<std::size_t>(length);
      phase_ = phase::counted;
    }
    return true;
  }

  bool read_chunk(std::string_view in, consumed& done, reply_sink& sink, buffer& out) {
    using state = detail::http_chunk_step::state;
    const detail::http_chunk_step found = chunks_.read(in, bounds_);
    done.bytes += found.bytes;
    body_.append(found.data);
    switch (found.is) {
      case state::starved: return false;
      case state::moved: return true;
      case state::too_large: return refuse_large(done, sink), false;
      case state::faulty: return close(done, {found.fault}), false;
      case state::complete: break;
    }
    deliver(kept_head_, body_.view(), sink, out, done);
    if (body_.capacity() > kept_bytes) body_.release();
    return true;
  }

  void deliver(std::string_view head, std::string_view body, reply_sink& sink, buffer& out, consumed& done) {
    // The views of a head that was kept, or has been moved with the read buffer.
    detail::cut_reply_head(head, reply_ = {});
    phase_ = phase::head;
    const sent answered = std::exchange(current_, sent{});
    busy_ = false;
    const bool stays = reply_.fields.keeps_alive();
    // What waits has not been sent, and will not be here.
    if (!stays) sink.on_going_away(answered.id);
    const std::string_view fields = head.substr(reply_.fields.fields_at);
    reply answer{.id = answered.id, .codec = codec_in(reply_.fields.content_type), .payload = body, .error = {}, .metadata_block = fields, .read_metadata = &detail::read_http_metadata};
    status plain;
    if (!reply_.fields.content_encoding.empty() && !detail::is_named(reply_.fields.content_encoding, "identity")) plain = inflate(answer.payload);
    if (reply_.http_status != 200) {
      answer.error = detail::read_connect_error(reply_, fields, answer.payload);
    } else if (!plain.ok()) {
      answer.error = std::move(plain);
    } else if (answer.codec == serialization::raw) {
      answer.error = status{outcome{.code = code::unknown, .flags = outcome::local},
                            tenon::detail::join_text({"the answer's content type is \"", reply_.fields.content_type.substr(0, 100), "\"; expected that of a Connect server"})};
    }
    if (stays) send_next(out);
    if (!answered.one_way) sink.on_reply(answer);
    if (stays) return;
    done.next = consumed::state::close;
    done.reason = "http: the server closes the connection after its answer";
  }

  // In place of `body` what it holds, until the next one. An empty body is never inflated.
  [[gnu::cold]] status inflate(std::string_view& body) {
    const auto fault = [](code why, std::string_view text) { return status{outcome{.code = why, .flags = outcome::local}, text}; };
    if (coding_ == nullptr) return fault(code::internal, "the answer is compressed, which this client did not ask for");
    if (!detail::is_named(reply_.fields.content_encoding, coding_->name())) {
      return fault(code::internal, tenon::detail::join_text({"the answer is compressed in a way that this client did not ask for; expected ", coding_->name()}));
    }
    if (body.empty()) return {};
    inflated_.clear();
    if (inflated_.capacity() > kept_bytes) inflated_.release();
    const status done = coding_->inflate(body, bounds_.max_message_bytes, inflated_);
    body = inflated_.view();
    if (done.ok()) return done;
    body = {};
    if (done.code() == code::resource_exhausted) return fault(done.code(), done.message()).add_flag(outcome::no_retry);
    return fault(code::internal, tenon::detail::join_text({"the answer cannot be read: ", done.message()}));
  }

  void send_next(buffer& out) {
    if (waiting_.empty()) return;
    out.append(waiting_.front().bytes);
    current_ = waiting_.front().call;
    busy_ = true;
    waiting_.pop_front();
  }

  static serialization codec_in(std::string_view type) noexcept {
    type = detail::trim_blanks(type.substr(0, type.find(';')));
    for (const serialization each : {serialization::json, serialization::protobuf, serialization::msgpack}) {
      if (detail::is_named(type, content_type(each))) return each;
    }
    return serialization::raw;
  }

  // Its call is told why; the bytes behind it are not worth their reading.
  [[gnu::cold]] void refuse_large(consumed& done, reply_sink& sink) {
    reply answer{.id = current_.id};
    answer.error = status{code::resource_exhausted, tenon::detail::join_text({"the answer exceeds the limit of ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"})};
    answer.error.add_flag(outcome::local).add_flag(outcome::no_retry);
    sink.on_going_away(current_.id);
    busy_ = false;
    if (!current_.one_way) sink.on_reply(answer);
    close(done, {"an answer exceeds the limit of ", tenon::detail::number_text{bounds_.max_message_bytes}, " bytes"});
  }

  [[gnu::cold]] static void close(consumed& done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "http: " + tenon::detail::join_text(reason);
  }

  static constexpr std::size_t kept_bytes = 64 * 1024;

  limits bounds_;
  std::string authority_;
  const compression* coding_ = nullptr;
  std::size_t compress_from_ = smallest_to_compress;
  buffer inflated_;             // an answer that came compressed
  std::deque<held> waiting_;
  sent current_;                // under way
  sent writing_;                // between begin_request and end_request
  detail::http_reply reply_;
  detail::http_chunks chunks_;
  std::string kept_head_;       // of a chunked answer
  buffer body_;                 // of a chunked answer
  std::size_t head_size_ = 0;
  std::size_t length_ = 0;
  int arguments_ = -1;
  serialization codec_ = serialization::json;
  phase phase_ = phase::head;
  bool busy_ = false;
};

}  // namespace tenon::inline v0::protocol
