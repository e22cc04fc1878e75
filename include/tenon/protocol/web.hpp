// HTTP/1.1 with what rides on it: plain and Connect calls and streams, JSON-RPC by POST, gRPC-Web, rpcx's gateway. Protocol layer; models `server_session`, outside the default list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
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
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_web_call.hpp>
#include <tenon/protocol/detail/grpc_web_text.hpp>
#include <tenon/protocol/detail/http_carried.hpp>
#include <tenon/protocol/detail/http_coding.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_route.hpp>
#include <tenon/protocol/detail/http_streamed.hpp>
#include <tenon/protocol/detail/rpcx_gateway.hpp>
#include <tenon/protocol/detail/jsonrpc_dialogue.hpp>
#include <tenon/protocol/detail/jsonrpc_over_http.hpp>
#include <tenon/protocol/http1.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// Everything `http1_session` does, and, told apart by the head of each request:
///
/// JSON-RPC   `POST` to `/`, `/rpc` or `/jsonrpc`, or anywhere with content type `application/json-rpc` or the header `X-JSONRPC-2.0: true`. One text per request, a batch
///            too; 200 with the answer, 204 when only notifications came. Calls of a batch run one after the other. Headers are metadata, beside the `meta` of a call.
/// gRPC-Web   unary calls, `application/grpc-web` and `application/grpc-web-text`, with `+proto`, `+json` or `+msgpack`, compressed or not. Errors are trailers of a 200.
/// rpcx       rpcx's gateway: POST, GET or PUT with `X-RPCX-ServiceMethod` and `X-RPCX-SerializeType`, the service in `X-RPCX-ServicePath` or the path, metadata in
///            `X-RPCX-Meta` as a query. The answer has the payload, and `X-RPCX-Meta`; an error is 500 (401 for unauthenticated) with `X-RPCX-ErrorMessage` and no body, and a
///            request that lacks a header 200 with the same, as rpcx does it. A one-way call is answered when it has ended, without its value.
/// Events     a method that streams its answer, called as any other with `Accept: text/event-stream`: `data:` and an item in JSON for each event, then an event `end`, whose data is `{}`,
///            or the error as HTTP has it elsewhere. What fails before the first item is answered by its status instead, which is what makes a browser's EventSource give up; GET,
///            which is all that it has, needs `tenon::safe` as ever. It would call again after the end: listen to `end`, and close it there.
/// Connect's  streams, `application/connect+json`, `+proto`, `+msgpack`: what a caller streams is one body, of `max_message_bytes` at most altogether, and is handed on once all of it
///            has come. Messages are neither compressed nor read so.
///            Both wait at the connection's write buffer for a slow reader, and a caller that hangs up cancels its handler. The head leaves with the first item.
/// Source     JSON-RPC 2.0 Specification; grpc/grpc, PROTOCOL-WEB.md; Connect protocol, streaming RPCs; HTML Living Standard, server-sent events.
class web_session {
 public:
  static constexpr std::string_view name = "http1";
  static constexpr bool answers_in_any_order = false;

  explicit web_session(const limits& bounds) : http_{bounds, &detail::find_carried}, dialogue_{bounds, jsonrpc_framing::none}, grpc_web_{bounds.max_message_bytes} {}
  web_session(const web_session&) = delete;
  web_session& operator=(const web_session&) = delete;

  void use(const http_site& site) {
    http_.use(site);
    grpc_web_.use(site.coding);
  }

  static sniffed recognise(std::string_view first) noexcept { return http1_session::recognise(first); }

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    if (holding_) {
      if (in.empty()) return done;
      blocked_ = false;
      hand_over_waiting(sink);
      if (blocked_ || !waiting_calls_.empty()) {
        done.next = consumed::state::wait;
        return done;
      }
      holding_ = false;
      in.remove_prefix(1);
      done.bytes = 1;
    }
    carrier<Sink> requests{*this, sink, out};
    consumed rest = http_.consume(in, requests, out);
    rest.bytes += done.bytes;
    // Who answers in order is fed again once the call that runs has ended, provided that something is left to feed: so the last byte of its request is kept back.
    if (blocked_) {
      holding_ = true;
      --rest.bytes;
      rest.next = consumed::state::wait;
    }
    return rest;
  }

  mark begin_reply(buffer& out, const reply_address& to) {
    switch (http_.route().form) {
      case detail::http_form::message: return http_.begin_reply(out, to);
      case detail::http_form::jsonrpc: return dialogue_.begin_reply(out, to);
      case detail::http_form::rpcx: return http_.begin_reply(out, to);
      case detail::http_form::events:
      case detail::http_form::connect_stream: return to.streamed ? mark{out.size(), out.size()} : begin_item(out, to);
      default: break;
    }
    return detail::grpc_web_call::begin_message(out, http_.begin_reply(out, to));
  }

  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    switch (http_.route().form) {
      case detail::http_form::message: return http_.end_reply(out, at, to, extra);
      case detail::http_form::jsonrpc:
        dialogue_.end_reply(out, at, to, extra);
        return deliver(out);
      case detail::http_form::rpcx:
        if (quiet_) out.truncate(at.payload);
        return http_.end_reply(out, at, to, rpcx_headers(extra));
      case detail::http_form::events:
      case detail::http_form::connect_stream:
        if (!to.streamed) end_item(out, at, to, extra);
        return end_items(out, {}, extra);
      default: break;
    }
    metadata headers;
    const mark body = grpc_web_.end_message(out, at, headers);
    end_grpc_web(out, body, to, {}, extra, headers);
  }

  void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    switch (http_.route().form) {
      case detail::http_form::message: return http_.write_error(out, to, error, extra);
      case detail::http_form::jsonrpc:
        dialogue_.write_error(out, to, error, extra);
        return deliver(out);
      case detail::http_form::rpcx: return refuse_rpcx(out, error.code() == code::unauthenticated ? 401 : 500, error.to_string(), extra);
      case detail::http_form::events: return streamed_.begun() ? end_items(out, error, extra) : http_.write_error(out, to, error, extra);
      case detail::http_form::connect_stream: return end_items(out, error, extra);
      default: break;
    }
    metadata headers;
    end_grpc_web(out, http_.begin_reply(out, to), to, error, extra, headers);
  }

  mark begin_item(buffer& out, const reply_address&) {
    return streamed_.begin_item(out, [this](buffer& head) { append_open_head(head); });
  }
  // What a reader has taken is HTTP's to know: items wait at the write buffer, and take no credit.
  std::int64_t end_item(buffer& out, mark at, const reply_address&, const metadata& extra) { return streamed_.end_item(out, at, extra), 0; }
  void write_credit(buffer&, const reply_address&, const items_taken&) {}

  bool closing() const noexcept { return http_.closing() && !holding_; }
  bool unfinished() const noexcept { return http_.unfinished(); }

 private:
  // A call of a batch whose turn has not come.
  struct waiting_call {
    explicit waiting_call(const request& from)
        : service{from.service}, method{from.method}, payload{from.payload}, meta{from.metadata_block}, address{from.address}, timeout{from.timeout} {}
    std::string service;
    std::string method;
    std::string payload;
    std::string meta;
    reply_address address;
    std::optional<duration> timeout;
  };

  // What `http_` hands on.
  template <class Sink>
  struct carrier {
    web_session& self;
    Sink& sink;
    buffer& out;
    bool on_request(const request& call) { return self.take(call, sink, out); }
    bool full() { return self.blocked_ || sink.full(); }
  };
  // What `dialogue_` hands on.
  template <class Sink>
  struct turns {
    web_session& self;
    Sink& sink;
    bool on_request(const request& call) {
      if (!self.blocked_) return self.hand_over(call, sink);
      self.waiting_calls_.emplace_back(call);
      return false;
    }
    bool full() const noexcept { return false; }
  };

  template <class Sink>
  bool take(const request& call, Sink& sink, buffer& out) {
    switch (http_.route().form) {
      case detail::http_form::message: return takes_events(call, sink) ? take_stream(call, sink) : sink.on_request(call);
      case detail::http_form::connect_stream: return take_connect_stream(call, sink, out);
      case detail::http_form::jsonrpc: return take_jsonrpc(call, sink, out);
      case detail::http_form::rpcx: return take_rpcx(call, sink, out);
      default: break;
    }
    request message = call;
    metadata why;
    if (const status fault = grpc_web_.read(call, is_grpc_web_text(), message.payload, why); !fault.ok()) {
      write_error(out, call.address, fault, why);
      return true;
    }
    const bool answered = sink.on_request(message);
    grpc_web_.forget();
    return answered;
  }

  // --- answers in items, and what is asked in them

  template <class Sink>
  bool takes_events(const request& call, Sink& sink) {
    if constexpr (requires { sink.streams(call.service, call.method).server; }) {
      const auto streams = sink.streams(call.service, call.method);
      if (!streams.server || streams.client || call.address.codec != serialization::json || http_.to_head()) return false;
      if (!detail::accepts_coding(detail::find_header(call.metadata_block, "accept"), detail::event_stream)) return false;
      http_.answer_as(detail::http_form::events, detail::event_stream);
      streamed_.restart(detail::http_streamed::form::events, http_.knows_chunks());
      return true;
    } else {
      return false;
    }
  }
  template <class Sink>
  bool take_stream(request call, Sink& sink) {
    call.stream_credit = endless;
    return sink.on_request(call);
  }

  template <class Sink>
  bool take_connect_stream(const request& call, Sink& sink, buffer& out) {
    streamed_.restart(detail::http_streamed::form::connect, http_.knows_chunks());
    bool from_caller = false;
    if constexpr (requires { sink.streams(call.service, call.method).client; }) from_caller = sink.streams(call.service, call.method).client;
    const std::string_view body = call.payload;
    request first = call;
    std::size_t messages = 0;
    status fault = detail::cut_connect_messages(body, [&](std::string_view each) { first.payload = each, ++messages; });
    const std::string_view coding = detail::find_header(call.metadata_block, "connect-content-encoding");
    if (!coding.empty() && coding != "identity") {
      fault = status{code::unimplemented, tenon::detail::join_text({"Connect: messages in the encoding \"", coding.substr(0, 40), "\" are not read here; expected identity"})};
    } else if (fault.ok() && !from_caller && messages != 1) {
      fault = status{code::unimplemented, tenon::detail::join_text({"Connect: found ", tenon::detail::number_text{messages}, " messages, expected one"})};
    }
    if (!fault.ok()) {
      write_error(out, call.address, fault.add_flag(outcome::not_executed).add_flag(outcome::no_retry), {});
      return true;
    }
    if (!from_caller) return take_stream(first, sink);
    first.payload = {};
    if (take_stream(first, sink)) return true;
    if constexpr (requires { sink.on_items_end(call.address.id); }) {
      (void)detail::cut_connect_messages(body, [&](std::string_view each) { sink.on_item(call.address.id, each); });
      sink.on_items_end(call.address.id);
    }
    return false;
  }

  void end_items(buffer& out, const status& error, const metadata& extra) {
    streamed_.end(out, error, extra, [this](buffer& head) { append_open_head(head); });
    http_.end_open_answer();
  }
  void append_open_head(buffer& out) { http_.append_open_head(out, streamed_.as_events() ? "Cache-Control: no-cache\r\n" : ""); }

  // --- rpcx's gateway

  template <class Sink>
  bool take_rpcx(const request& call, Sink& sink, buffer& out) {
    const detail::rpcx_gateway_call asked = detail::read_rpcx_gateway(call.metadata_block);
    repeated_ = {};
    const auto repeat = [this](std::string_view header, std::string_view value) {
      if (!value.empty()) repeated_.add(header, value);
    };
    repeat("x-rpcx-version", asked.version);
    repeat("x-rpcx-messageid", asked.id);
    repeat("x-rpcx-servicepath", call.service);
    repeat("x-rpcx-servicemethod", asked.method);
    repeat("x-rpcx-serializetype", asked.codec);
    quiet_ = asked.one_way;
    if (!http_.route().fault.empty()) {
      refuse_rpcx(out, 200, http_.route().fault, {});
      return true;
    }
    if (asked.heartbeat) {
      http_.write_empty(out, 200, repeated_);
      return true;
    }
    request message = call;
    message.read_metadata = &detail::read_rpcx_gateway_metadata;
    message.timeout = detail::rpcx_gateway_timeout(call.metadata_block);
    return sink.on_request(message);
  }

  metadata rpcx_headers(const metadata& extra) {
    metadata headers = std::move(repeated_);
    if (!extra.empty()) headers.add("x-rpcx-meta", detail::rpcx_gateway_meta(extra));
    return headers;
  }

  void refuse_rpcx(buffer& out, int http_status, std::string_view why, const metadata& extra) {
    metadata headers = rpcx_headers(extra);
    headers.add("x-rpcx-messagestatustype", "Error");
    headers.add("x-rpcx-errormessage", why);
    http_.write_empty(out, http_status, headers);
  }

  // --- JSON-RPC

  template <class Sink>
  bool take_jsonrpc(const request& call, Sink& sink, buffer& out) {
    fields_.assign(call.metadata_block);
    timeout_ = call.timeout;
    delivered_ = false;
    taking_ = true;
    turns<Sink> one_by_one{*this, sink};
    dialogue_.take(call.payload, one_by_one, out);
    taking_ = false;
    deliver(out);
    return delivered_;
  }

  template <class Sink>
  void hand_over_waiting(Sink& sink) {
    while (!blocked_ && !waiting_calls_.empty() && !sink.full()) {
      const waiting_call next = std::move(waiting_calls_.front());
      waiting_calls_.pop_front();
      hand_over({.service = next.service, .method = next.method, .payload = next.payload, .address = next.address, .timeout = next.timeout, .metadata_block = next.meta}, sink);
    }
  }

  template <class Sink>
  bool hand_over(request call, Sink& sink) {
    both_.assign(1, '\0').append(fields_);
    both_.append(1, '\0').append(call.metadata_block);
    call.metadata_block = both_;
    call.read_metadata = &detail::read_headers_and_meta;
    if (!call.timeout) call.timeout = timeout_;
    const bool answered = sink.on_request(call);
    blocked_ = !answered;
    return answered;
  }

  // Sends what the text is answered with, once that is complete.
  void deliver(buffer& out) {
    if (taking_ || delivered_ || dialogue_.waiting()) return;
    delivered_ = true;
    if (const std::string_view text = dialogue_.finished(); text.empty()) {
      http_.write_nothing(out);
    } else {
      const mark at = http_.begin_reply(out, {});
      out.append(text);
      http_.end_reply(out, at, {}, {});
    }
    dialogue_.clear_finished();
  }

  // --- gRPC-Web

  bool is_grpc_web_text() const noexcept { return http_.route().form == detail::http_form::grpc_web_text; }
  // The payload begins at `at`: the message in its frame, or nothing.
  void end_grpc_web(buffer& out, mark at, const reply_address& to, const status& error, const metadata& extra, metadata& headers) {
    detail::append_grpc_web_trailers(out, error, extra, headers);
    if (is_grpc_web_text()) detail::encode_grpc_web_text(out, at.payload);
    http_.end_reply(out, at, to, headers);
  }

  // More than anybody sends: nothing is taken off it.
  static constexpr std::uint32_t endless = 0x7FFFFFFF;

  http1_session http_;
  jsonrpc_dialogue dialogue_;
  detail::grpc_web_call grpc_web_;
  detail::http_streamed streamed_;
  std::string fields_;                     // the header lines that a text came with
  std::string both_;
  metadata repeated_;                      // what an answer of rpcx's gateway repeats of its request
  bool quiet_ = false;                     // it is to a one-way call
  std::deque<waiting_call> waiting_calls_;
  std::optional<duration> timeout_;
  bool taking_ = false;
  bool delivered_ = true;
  bool blocked_ = false;                   // a call of a text runs, and the next has to wait
  bool holding_ = false;                   // the last byte was kept back for it
};

static_assert(streaming_session<web_session>);

}  // namespace tenon::inline v0::protocol
