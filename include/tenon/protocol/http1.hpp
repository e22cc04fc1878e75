// JSON (or MessagePack) over HTTP/1.1, the server's half: what curl speaks. Protocol layer; models `server_session`.
// http_head and http_chunks cut the bytes; this file decides what is kept, handed on in place, or refused.
// Long because it is one state machine: each step from head to answer decides on the same few members.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_answer.hpp>
#include <tenon/protocol/detail/http_chunks.hpp>
#include <tenon/protocol/detail/http_coding.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_query.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol {

/// Calls as `POST /<service>/<method>`, and as GET or HEAD with the message in the query where the method is declared `tenon::safe`: Connect's unary calls, and curl's.
/// Answered in order with the message or with `{"code","message","details"}`.
///
/// Shape   the body is the message in the codec that Content-Type names; JSON where it names none, text/plain, or curl's form type.
///         A code is spelled as Connect spells it (`not_found`, `canceled`) and mapped to its HTTP status: see `http_status_of`.
///         Request headers are the metadata, names in lower case; metadata of an answer becomes headers, and what is named `trailer-...` is Connect's trailing metadata.
///         Metadata named `...-bin` is binary, and base64 in its header.
///         GET has `message`, `encoding` (json, proto, msgpack) and `base64=1` in its query; without them it calls a method that takes nothing.
/// Units   `connect-timeout-ms` in milliseconds; `Retry-After` in seconds, rounded up, and `retry-after-ms`, negative for never.
///         Where the server has routes or pages, these are asked first; `use` tells of them.
/// Errors  400, 403, 404, 405, 413, 414, 415, 417, 431 and 501 are answered here; the connection stays where the next request's start is certain.
/// Source  RFC 9110, RFC 9112; Connect protocol, unary calls.
class http1_session {
 public:
  static constexpr std::string_view name = "http1";
  static constexpr bool answers_in_any_order = false;

  /// `carried` finds what rides on HTTP beside messages, for a session built upon this one: see web.hpp.
  explicit http1_session(const limits& bounds, detail::http_carried_route carried = nullptr) : bounds_{bounds}, carried_{carried} {}
  /// What the server around it allows and has; `site` outlives the session.
  void use(const http_site& site) noexcept { site_ = &site; }

  http1_session(const http1_session&) = delete;
  http1_session& operator=(const http1_session&) = delete;

  /// Whether `first` starts with a request line: one of RFC 9110's methods or PATCH, then a space.
  static sniffed recognise(std::string_view first) noexcept {
    sniffed found = sniffed::no;
    for (const std::string_view verb : detail::http_verbs) {
      if (first.substr(0, verb.size()) == verb) return sniffed::yes;
      if (verb.substr(0, first.size()) == first) found = sniffed::need_more;
    }
    return found;
  }

  /// Hands the complete requests in `in` to the sink, one at a time: `wait` until each is answered.
  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    request call;
    while (true) {
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      if (!advance(in, out, done, call)) break;
      waiting_ = true;
      const bool answered = sink.on_request(call);
      retire();
      if (answered && waiting_) settle();
    }
    return done;
  }

  mark begin_reply(buffer& out, const reply_address&) {
    const std::size_t start = out.size();
    detail::append_status_line(out, 200);
    detail::append_content_type(out, route_.content_type);
    out.append(connection_lines());
    out.append(visit_.lines);
    out.append(detail::blank_length);
    return {.start = start, .payload = out.size()};
  }

  void end_reply(buffer& out, mark at, const reply_address&, const metadata& extra) {
    const bool smaller = deflates_ && detail::compress_payload(out, at, *site_->coding);
    detail::patch_length(out, at.payload);
    if (smaller) [[unlikely]] insert_coding(out, at);
    if (to_head_) [[unlikely]] out.truncate(at.payload);
    if (!extra.empty()) detail::insert_headers(out, at, extra);
    settle();
  }

  void write_error(buffer& out, const reply_address&, const status& error, const metadata& extra) {
    // The method is there, and does not run for who promises that nothing changes.
    const bool wants_post = route_.safely && error.code() == code::unimplemented && error.has(outcome::not_executed) && error.has(outcome::no_retry);
    const int http_status = wants_post ? 405 : http_status_of(error.outcome());
    // Another verb would have found a route.
    const bool wants_other = http_status == 404 && error.code() == code::unimplemented && !visit_.allow.empty();
    const detail::http_answer_head head{.http_status = wants_other ? 405 : http_status,
                                        .connection = connection_lines(),
                                        .more = wants_other ? std::string_view{visit_.allow} : std::string_view{wants_post ? "Allow: POST\r\n" : ""},
                                        .lines = visit_.lines,
                                        .with_body = !to_head_};
    detail::append_error_answer(out, head, error, extra);
    settle();
  }

  /// Answers that there is nothing to say.
  void write_nothing(buffer& out) {
    detail::append_status_line(out, 204);
    out.append(connection_lines());
    out.append(visit_.lines);
    out.append("\r\n");
    settle();
  }

  /// Answers without a body; `extra` are its headers.
  void write_empty(buffer& out, int http_status, const metadata& extra) {
    detail::append_status_line(out, http_status);
    out.append(connection_lines());
    out.append(visit_.lines);
    detail::append_headers(out, extra);
    out.append("Content-Length: 0\r\n\r\n");
    settle();
  }

  // For a session built upon this one, whose answers may come in pieces.
  /// The head of an answer whose length nobody knows: its body is chunked, or ends with the connection where the caller knows no chunks.
  void append_open_head(buffer& out, std::string_view more_lines) {
    if (!is_http_11_) keeps_alive_ = false;
    detail::append_status_line(out, 200);
    detail::append_content_type(out, route_.content_type);
    out.append(connection_lines());
    if (is_http_11_) out.append("Transfer-Encoding: chunked\r\n");
    out.append(more_lines);
    out.append(visit_.lines);
    out.append("\r\n");
  }
  bool knows_chunks() const noexcept { return is_http_11_; }
  /// Such an answer has been written to its end.
  void end_open_answer() { settle(); }
  /// The answer takes another form than the head of its request said.
  void answer_as(detail::http_form form, std::string_view content_type) noexcept {
    route_.form = form;
    route_.content_type = content_type;
  }
  bool to_head() const noexcept { return to_head_; }

  /// Where the request that is being answered goes.
  const detail::http_route& route() const noexcept { return route_; }

  /// Whether everything asked of this connection has been answered and no more will be.
  bool closing() const noexcept { return closing_; }

  /// Whether a request's body is half here. Its bytes have left the read buffer: whoever times unfinished messages asks this too.
  bool unfinished() const noexcept { return phase_ != phase::head; }

 private:
  enum class phase : std::uint8_t { head, counted, chunked };
  enum class step : std::uint8_t { starved, moved, complete };

  // What a session keeps of the memory that a large request took.
  static constexpr std::size_t kept_bytes = 64 * 1024;

  [[gnu::noinline]] bool advance(std::string_view in, buffer& out, consumed& done, request& call) {
    while (!waiting_ && !closing_) {
      const step result = phase_ == phase::head      ? read_head(in, out, done.bytes)
                          : phase_ == phase::counted ? read_counted(in, done.bytes)
                                                     : read_chunks(in, out, done.bytes);
      if (result == step::starved) {
        keep_unfinished();
        return false;
      }
      if (result != step::complete) continue;
      if (!discarding_) {
        fill(call);
        if ((!route_.inflates || inflate(call, out)) && (!visit_.routed() || bind(call, out))) return true;
      }
      retire();
    }
    if (waiting_) {
      done.next = consumed::state::wait;
      return false;
    }
    // A client that asked to be closed has done nothing wrong: `closing` says enough, and there is no reason to log.
    done.bytes = in.size();
    done.next = reason_.empty() ? consumed::state::more : consumed::state::close;
    done.reason = reason_;
    return false;
  }

  step read_head(std::string_view in, buffer& out, std::size_t& used) {
    // RFC 9112 2.2: empty lines in front of a request are to be ignored.
    while (in.substr(used, 2) == "\r\n") used += 2;
    const std::string_view rest = in.substr(used);
    if (rest.empty() || rest == "\r") return step::starved;
    const std::size_t size = find_head(rest, out);
    if (size == 0) return closing_ ? step::moved : step::starved;

    head_ = rest.substr(0, size);
    used += size;
    detail::http_head head;
    const std::string_view fault = detail::cut_head(head_, head);
    to_head_ = head.verb == detail::http_verb::head;
    if (!fault.empty()) return abandon(fault, out);
    if (head.length > bounds_.max_message_bytes) return abandon_large(out);
    fields_at_ = head.fields_at;
    keeps_alive_ = head.keeps_alive();
    is_http_11_ = head.is_http_11;
    route_.inflates = deflates_ = false;
    route_.proto3_json = head.is_connect;
    if (site_ != nullptr && site_->coding != nullptr) [[unlikely]] look_at_codings(head);
    const bool expects = is_http_11_ && !head.expect.empty() && head.has_body();

    detail::http_refusal refusal;
    if (!detail::trust(head, refusal) || !find_route(head, refusal)) {
      // Whether a refused client still sends the body it was holding back is its choice: nobody can tell what follows.
      // Where the connection ends anyway the body is not read either, and `close` lets the answer arrive in spite of it.
      refusal.close = refusal.close || expects || (head.has_body() && !keeps_alive_);
      answer_refusal(refusal, out);
      if (closing_) return step::moved;
      discarding_ = true;
    } else if (expects && used == in.size()) {
      out.append("HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (!head.has_body()) return step::complete;
    phase_ = head.chunked ? phase::chunked : phase::counted;
    left_ = static_cast<std::size_t>(head.length);
    chunks_.restart();
    return step::moved;
  }

  bool find_route(const detail::http_head& head, detail::http_refusal& refusal) {
    const std::string_view fields = head_.substr(head.fields_at);
    visit_.restart();
    if (site_ != nullptr && site_->look != nullptr) {
      const http_verdict seen = site_->look(*site_, head, fields, visit_, route_, refusal);
      if (seen != http_verdict::pass) return seen == http_verdict::routed;
    } else if (!head.origin.empty() && head.verb != detail::http_verb::options) [[unlikely]] {
      if (!detail::admit_origin(head, fields, refusal)) return false;
    }
    if (carried_ != nullptr) {
      route_.form = detail::http_form::message;
      const detail::http_carried found = carried_(head, fields, route_, unescaped_, refusal);
      if (found != detail::http_carried::no) return found == detail::http_carried::yes;
    }
    const bool asks = head.verb == detail::http_verb::get || head.verb == detail::http_verb::head;
    return asks ? detail::route_query(head, route_, unescaped_, body_, refusal) : detail::route_request(head, route_, unescaped_, refusal);
  }

  // Returns how long the head is; 0 when it is not complete, or cannot be.
  std::size_t find_head(std::string_view rest, buffer& out) {
    const std::string_view window = rest.substr(0, bounds_.max_metadata_bytes);
    while (const std::size_t size = detail::find_line(window.substr(line_), scanned_)) {
      if (size == detail::bare_line_feed) {
        fail(400, code::invalid_argument, {"a header line ends in LF alone; expected CR LF"}, out);
        return 0;
      }
      line_ += size;
      if (size == 2) return line_;
    }
    if (window.size() == bounds_.max_metadata_bytes) {
      const bool is_target = line_ == 0;
      fail(is_target ? 414 : 431, code::resource_exhausted, {is_target ? "the request line exceeds " : "the header section exceeds ", tenon::detail::number_text{bounds_.max_metadata_bytes}, " bytes"}, out);
    }
    return 0;
  }

  step read_counted(std::string_view in, std::size_t& used) {
    const std::size_t size = (std::min)(left_, in.size() - used);
    gather(in.substr(used, size));
    used += size;
    left_ -= size;
    return left_ == 0 ? step::complete : step::starved;
  }

  step read_chunks(std::string_view in, buffer& out, std::size_t& used) {
    using state = detail::http_chunk_step::state;
    for (;;) {
      const detail::http_chunk_step found = chunks_.read(in.substr(used), bounds_);
      used += found.bytes;
      gather(found.data);
      switch (found.is) {
        case state::moved: break;
        case state::starved: return step::starved;
        case state::complete: return step::complete;
        case state::too_large: return abandon_large(out);
        case state::faulty: return abandon(found.fault, out);
      }
    }
  }

  // A body that lies in one piece is handed on where it lies; from its second piece on it is gathered, as it comes and never
  // by the length it claims.
  [[gnu::noinline]] void gather(std::string_view bytes) {
    if (discarding_ || bytes.empty()) return;
    if (piece_.empty() && body_.empty()) {
      piece_ = bytes;
      return;
    }
    body_.append(std::exchange(piece_, {}));
    body_.append(bytes);
  }

  // The read buffer is about to move on: what the unfinished request still needs of it is copied.
  [[gnu::noinline]] void keep_unfinished() {
    if (phase_ == phase::head || discarding_) return;
    body_.append(std::exchange(piece_, {}));
    if (head_.data() == kept_head_.data()) return;
    kept_head_.assign(head_);
    if (unescaped_.empty() && !visit_.routed()) {
      const auto move = [this](std::string_view& view) {
        view = std::string_view{kept_head_}.substr(static_cast<std::size_t>(view.data() - head_.data()), view.size());
      };
      move(route_.service);
      move(route_.method);
    }
    head_ = kept_head_;
  }

  void fill(request& call) {
    call.service = route_.service;
    call.method = route_.method;
    call.payload = body_.empty() ? piece_ : body_.view();
    // What a route binds is plain json, whoever asks.
    call.address = {.id = 0, .codec = route_.codec, .one_way = false, .proto3_json = route_.proto3_json && !visit_.routed()};
    call.timeout = route_.timeout;
    call.metadata_block = head_.substr(fields_at_);
    call.read_metadata = &detail::read_http_metadata;
    call.safely = route_.safely;
  }

  [[gnu::cold, gnu::noinline]] void look_at_codings(detail::http_head& head) {
    const std::string_view coding = site_->coding->name();
    head.inflatable = true;
    route_.inflates = detail::is_named(head.content_encoding, coding);
    // What is left is refused by whoever reads the content type.
    if (route_.inflates) head.content_encoding = {};
    deflates_ = detail::accepts_coding(detail::find_header(head_.substr(head.fields_at), "accept-encoding"), coding);
  }

  // Connect: an empty body is never inflated. False when it cannot be, which has been answered then.
  [[gnu::cold, gnu::noinline]] bool inflate(request& call, buffer& out) {
    if (call.payload.empty()) return true;
    const status plain = site_->coding->inflate(call.payload, bounds_.max_message_bytes, inflated_);
    call.payload = inflated_.view();
    if (plain.ok()) return true;
    write_error(out, call.address, plain, {});
    return false;
  }

  [[gnu::cold, gnu::noinline]] void insert_coding(buffer& out, mark at) const {
    std::string lines{"Content-Encoding: "};
    detail::insert_lines(out, at, lines.append(site_->coding->name()).append("\r\nVary: Accept-Encoding\r\n"));
  }

  // What the path, the query and the body of a route say, as one payload. False when that cannot be read, which has been answered then.
  [[gnu::cold, gnu::noinline]] bool bind(request& call, buffer& out) {
    const std::size_t start = head_.find(' ') + 1;
    const status bound = site_->routes->bind(visit_.match, head_.substr(start, head_.find(' ', start) - start), call.payload, bounds_, bound_);
    call.payload = bound_.view();
    if (bound.ok()) return true;
    write_error(out, call.address, bound, {});
    return false;
  }

  // Forgets a request that was handed on or thrown away; `route_` and the connection's state serve its answer still.
  [[gnu::noinline]] void retire() {
    phase_ = phase::head;
    discarding_ = false;
    scanned_ = line_ = 0;
    head_ = {};
    piece_ = {};
    body_.clear();
    if (body_.capacity() > kept_bytes) body_.release();
    bound_.clear();
    inflated_.clear();
    if (inflated_.capacity() > kept_bytes) inflated_.release();
    if (bound_.capacity() > kept_bytes) bound_.release();
  }

  // A request has been answered.
  void settle() {
    waiting_ = false;
    to_head_ = false;
    closing_ = !keeps_alive_;
  }

  std::string_view connection_lines() const noexcept {
    if (!keeps_alive_) return "Connection: close\r\n";
    return is_http_11_ ? std::string_view{} : "Connection: keep-alive\r\n";
  }

  [[gnu::cold, gnu::noinline]] void answer_refusal(const detail::http_refusal& refusal, buffer& out) {
    if (refusal.close) {
      keeps_alive_ = false;
      reason_ = refusal.message;
    }
    if (refusal.page != nullptr) {
      detail::append_page(out, {.http_status = refusal.http_status, .connection = connection_lines(), .lines = visit_.lines, .with_body = !to_head_}, *refusal.page);
    } else if (refusal.http_status == 204) {
      detail::append_status_line(out, 204);
      out.append(connection_lines());
      out.append(refusal.more_head);
      out.append(visit_.lines);
      out.append("\r\n");
    } else {
      const bool wants_other = refusal.http_status == 404 || (refusal.http_status == 405 && !refusal.close);
      const std::string_view allow = wants_other ? std::string_view{visit_.allow} : std::string_view{};
      const detail::http_answer_head head{.http_status = allow.empty() ? refusal.http_status : 405,
                                          .connection = connection_lines(),
                                          .more = allow.empty() ? refusal.more_head : allow,
                                          .lines = visit_.lines,
                                          .with_body = !to_head_};
      detail::append_error_answer(out, head, {refusal.why, refusal.message}, {});
    }
    settle();
  }

  [[gnu::cold, gnu::noinline]] void fail(int http_status, code why, std::initializer_list<std::string_view> message, buffer& out) {
    detail::http_refusal refusal;
    refusal.close = true;
    detail::refuse(refusal, http_status, why, message);
    answer_refusal(refusal, out);
  }

  // The end of this request is unknown.
  [[gnu::cold, gnu::noinline]] step abandon(std::string_view fault, buffer& out) {
    if (!discarding_) {
      fail(400, code::invalid_argument, {"the request cannot be read: ", fault}, out);
    } else {
      reason_ = fault;
      closing_ = true;
    }
    return step::moved;
  }

  [[gnu::cold, gnu::noinline]] step abandon_large(buffer& out) {
    const tenon::detail::number_text limit{bounds_.max_message_bytes};
    if (discarding_) return abandon("the body of a refused request exceeds the limit", out);
    fail(413, code::resource_exhausted, {"the body exceeds ", limit, " bytes"}, out);
    return step::moved;
  }

  limits bounds_;
  detail::http_carried_route carried_;
  detail::http_route route_;
  std::string_view head_;       // in the read buffer while `consume` runs, afterwards in `kept_head_`
  std::string_view piece_;      // of the body, in the read buffer; only while `consume` runs
  std::string kept_head_;
  std::string unescaped_;       // service and method, when the path had percent signs
  std::string reason_;
  buffer body_;
  buffer bound_;                // the payload of a route
  buffer inflated_;             // a body that came compressed
  const http_site* site_ = nullptr;
  http_visit visit_;            // what the site says of the request that is being read or answered
  detail::http_chunks chunks_;
  std::size_t line_ = 0;        // of an unfinished head: where its last line starts,
  std::size_t scanned_ = 0;     // and how much of that has been looked at
  std::size_t fields_at_ = 0;   // where the head's request line ends
  std::size_t left_ = 0;        // of a counted body
  phase phase_ = phase::head;
  bool discarding_ = false;     // refused already: the body is read past
  bool to_head_ = false;        // what is to be answered is HEAD: without a body
  bool keeps_alive_ = true;
  bool is_http_11_ = true;
  bool deflates_ = false;       // the answer may be compressed
  bool waiting_ = false;
  bool closing_ = false;
};

}  // namespace tenon::inline v0::protocol
