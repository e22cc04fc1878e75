// JSON (or MessagePack) over HTTP/1.1, the server's half: what curl speaks. Protocol layer; models `server_session`.
// Beast's parser reads heads and chunks; this file decides what is kept, handed on in place, or refused.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/beast.hpp>
#include <tenon/protocol/detail/http_answer.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_parser.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol {

/// Calls as `POST /<service>/<method>`, answered in order with the message or with `{"code","message","details"}`.
///
/// Shape   the body is the message in the codec that Content-Type names; JSON where it names none, text/plain, or curl's form type.
///         A code is spelled as Connect spells it (`not_found`, `canceled`) and mapped to its HTTP status: see `http_status_of`.
///         Request headers are the metadata, names in lower case; metadata of an answer becomes headers.
/// Units   `connect-timeout-ms` in milliseconds; `Retry-After` in seconds, rounded up, and `retry-after-ms`, negative for never.
/// Errors  400, 404, 405, 413, 415, 417, 431 and 501 are answered here; the connection stays where the next request's start is certain.
/// Source  RFC 9110, RFC 9112; Connect protocol, unary calls.
class http1_session {
 public:
  static constexpr std::string_view name = "http1";
  static constexpr bool answers_in_any_order = false;

  explicit http1_session(const limits& bounds) : bounds_{bounds} {}
  http1_session(const http1_session&) = delete;
  http1_session& operator=(const http1_session&) = delete;

  /// Whether `first` starts with a request line: one of RFC 9110's methods or PATCH, then a space.
  static sniffed recognise(std::string_view first) noexcept {
    constexpr std::array<std::string_view, 9> methods{"POST ",    "GET ",   "HEAD ",    "PUT ",  "DELETE ",
                                                      "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};
    sniffed found = sniffed::no;
    for (const std::string_view method : methods) {
      if (first.substr(0, method.size()) == method) return sniffed::yes;
      if (method.substr(0, first.size()) == first) found = sniffed::need_more;
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
    out.append(detail::blank_length);
    return {.start = start, .payload = out.size()};
  }

  void end_reply(buffer& out, mark at, const reply_address&, const metadata& extra) {
    detail::patch_length(out, at.payload);
    if (!extra.empty()) detail::insert_headers(out, at, extra);
    settle();
  }

  void write_error(buffer& out, const reply_address&, const status& error, const metadata& extra) {
    const detail::http_answer_head head{.http_status = http_status_of(error.outcome()), .connection = connection_lines()};
    detail::append_error_answer(out, head, error, extra);
    settle();
  }

  /// Whether everything asked of this connection has been answered and no more will be.
  bool closing() const noexcept { return closing_; }

  /// Whether a request's body is half here. Its bytes have left the read buffer: whoever times unfinished messages asks this too.
  bool unfinished() const noexcept { return phase_ != phase::head; }

 private:
  enum class phase : std::uint8_t { head, counted, chunked };
  enum class step : std::uint8_t { starved, moved, complete };

  // What a session keeps of the memory that a large request took.
  static constexpr std::size_t kept_bytes = 64 * 1024;
  // `0 CRLF CRLF`: shown less of a body's first chunk and then one byte more, Beast's parser trips over its own assertion.
  static constexpr std::size_t shortest_chunked = 5;

  bool advance(std::string_view in, buffer& out, consumed& done, request& call) {
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
        return true;
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
    while (scanned_ == 0 && in.substr(used, 2) == "\r\n") used += 2;
    const std::string_view rest = in.substr(used);
    if (rest.empty() || rest == "\r") return step::starved;
    const std::size_t size = find_head(rest, out);
    if (size == 0) return closing_ ? step::moved : step::starved;

    head_ = rest.substr(0, size);
    used += size;
    parser_.emplace(bounds_);
    boost::beast::error_code error;
    parser_->read(head_, error);
    if (error) return abandon(error, out);
    fields_at_ = head_.find('\n') + 1;
    keeps_alive_ = parser_->keep_alive();
    is_http_11_ = parser_->head().is_http_11;
    const std::size_t length = static_cast<std::size_t>(parser_->content_length().value_or(0));
    const bool has_body = parser_->chunked() || length != 0;
    const bool expects = is_http_11_ && !parser_->head().expect.empty() && has_body;

    if (auto refusal = detail::route_request(*parser_, route_, unescaped_)) {
      // Whether a refused client still sends the body it was holding back is its choice: nobody can tell what follows.
      refusal->close = refusal->close || expects;
      answer_refusal(*refusal, out);
      discarding_ = true;
    } else if (expects && used == in.size()) {
      out.append("HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (!has_body) return step::complete;
    phase_ = parser_->chunked() ? phase::chunked : phase::counted;
    left_ = length;
    shown_ = shortest_chunked - 1;
    return step::moved;
  }

  // Cuts the head out before the parser sees it: each byte is looked at once however slowly it comes, and the two spellings of
  // a line's end that others read differently (RFC 9112 2.2 and 5.2) are refused. Returns 0 when the head is not complete.
  std::size_t find_head(std::string_view rest, buffer& out) {
    const std::string_view window = rest.substr(0, bounds_.max_metadata_bytes);
    for (std::size_t end; (end = window.find('\n', scanned_)) != std::string_view::npos; scanned_ = line_ = end + 1) {
      if (end == 0 || window[end - 1] != '\r') {
        fail(400, code::invalid_argument, "a header line ends in LF alone; expected CR LF", out);
        return 0;
      }
      if (end == line_ + 1) return end + 1;
      if (line_ != 0 && (window[line_] == ' ' || window[line_] == '\t')) {
        fail(400, code::invalid_argument, "a header is folded over two lines; expected one", out);
        return 0;
      }
    }
    scanned_ = window.size();
    if (window.size() == bounds_.max_metadata_bytes) {
      fail(431, code::resource_exhausted, "the header section exceeds " + std::to_string(bounds_.max_metadata_bytes) + " bytes", out);
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
    for (;;) {
      const std::string_view rest = in.substr(used);
      if (rest.size() <= shown_) return step::starved;
      boost::beast::error_code error;
      const std::size_t size = parser_->read(rest, error);
      used += size;
      const bool starved = error == boost::beast::http::error::need_more;
      shown_ = starved ? rest.size() - size : 0;
      // A chunk's header and the trailers have to lie in one piece, so they are bounded as a head is.
      if (parser_->piece().empty() && (starved ? shown_ : size) > bounds_.max_metadata_bytes) {
        error = boost::beast::http::error::header_limit;
      } else if (starved) {
        return step::starved;
      }
      if (error) return abandon(error, out);
      gather(parser_->piece());
      if (parser_->is_done()) return step::complete;
    }
  }

  // A body that lies in one piece is handed on where it lies; from its second piece on it is gathered, as it comes and never
  // by the length it claims.
  void gather(std::string_view bytes) {
    if (discarding_ || bytes.empty()) return;
    if (piece_.empty() && body_.empty()) {
      piece_ = bytes;
      return;
    }
    body_.append(std::exchange(piece_, {}));
    body_.append(bytes);
  }

  // The read buffer is about to move on: what the unfinished request still needs of it is copied.
  void keep_unfinished() {
    if (phase_ == phase::head || discarding_) return;
    body_.append(std::exchange(piece_, {}));
    if (head_.data() == kept_head_.data()) return;
    kept_head_.assign(head_);
    if (unescaped_.empty()) {
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
    call.address = {.id = 0, .codec = route_.codec, .one_way = false};
    call.timeout = route_.timeout;
    call.metadata_block = head_.substr(fields_at_);
    call.read_metadata = &detail::read_http_metadata;
  }

  // Forgets a request that was handed on or thrown away; `route_` and the connection's state serve its answer still.
  void retire() {
    phase_ = phase::head;
    discarding_ = false;
    scanned_ = line_ = 0;
    head_ = {};
    piece_ = {};
    body_.clear();
    if (body_.capacity() > kept_bytes) body_.release();
  }

  // A request has been answered.
  void settle() {
    waiting_ = false;
    closing_ = !keeps_alive_;
  }

  std::string_view connection_lines() const noexcept {
    if (!keeps_alive_) return "Connection: close\r\n";
    return is_http_11_ ? std::string_view{} : "Connection: keep-alive\r\n";
  }

  [[gnu::cold]] void answer_refusal(const detail::http_refusal& refusal, buffer& out) {
    if (refusal.close) {
      keeps_alive_ = false;
      reason_ = refusal.error.message();
    }
    if (refusal.http_status == 204) {
      detail::append_status_line(out, 204);
      out.append(connection_lines());
      out.append(refusal.more_head);
      out.append("\r\n");
    } else {
      const bool is_head = parser_.has_value() && parser_->head().verb == boost::beast::http::verb::head;
      const detail::http_answer_head head{.http_status = refusal.http_status,
                                          .connection = connection_lines(),
                                          .more = refusal.more_head,
                                          .with_body = !is_head};
      detail::append_error_answer(out, head, refusal.error, {});
    }
    settle();
  }

  [[gnu::cold]] void fail(int http_status, code why, std::string_view message, buffer& out) {
    parser_.reset();
    detail::http_refusal refusal = detail::refuse_and_close(http_status, why, message);
    if (why == code::resource_exhausted) refusal.error.add_flag(outcome::no_retry);
    answer_refusal(refusal, out);
  }

  // The parser has given up: the end of this request is unknown.
  [[gnu::cold]] step abandon(const boost::beast::error_code& error, buffer& out) {
    using boost::beast::http::error::body_limit;
    if (discarding_) {
      reason_ = error.message();
      closing_ = true;
    } else if (error == body_limit) {
      fail(413, code::resource_exhausted, "the body exceeds " + std::to_string(bounds_.max_message_bytes) + " bytes", out);
    } else if (error == boost::beast::http::error::need_more) {
      fail(400, code::invalid_argument, "the request line is incomplete; expected METHOD /<service>/<method> HTTP/1.1", out);
    } else {
      fail(400, code::invalid_argument, "the request cannot be read: " + error.message(), out);
    }
    return step::moved;
  }

  limits bounds_;
  std::optional<detail::http_parser> parser_;
  detail::http_route route_;
  std::string_view head_;       // in the read buffer while `consume` runs, afterwards in `kept_head_`
  std::string_view piece_;      // of the body, in the read buffer; only while `consume` runs
  std::string kept_head_;
  std::string unescaped_;       // service and method, when the path had percent signs
  std::string reason_;
  buffer body_;
  std::size_t scanned_ = 0;     // of an unfinished head: bytes looked at,
  std::size_t line_ = 0;        // and where its last line starts
  std::size_t fields_at_ = 0;   // where the head's request line ends
  std::size_t left_ = 0;        // of a counted body
  std::size_t shown_ = 0;       // of a chunked body: bytes the parser has seen and could not use
  phase phase_ = phase::head;
  bool discarding_ = false;     // refused already: the body is read past
  bool keeps_alive_ = true;
  bool is_http_11_ = true;
  bool waiting_ = false;
  bool closing_ = false;
};

}  // namespace tenon::inline v0::protocol
