// What became of a gRPC call, out of everything that its stream has shown: the status that was said, or what HTTP/2's and HTTP's endings mean. Protocol layer.
// Source: gRPC over HTTP/2 (PROTOCOL-HTTP2.md, errors), http-grpc-status-mapping.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/grpc_client_stream.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>

namespace tenon::inline v0::protocol::detail {

inline status said_by_grpc(const grpc_client_stream& of) {
  outcome what{.code = code_from_number(of.grpc_status)};
  if (of.has_pushback) {
    what.pushback_ms = of.pushback_ms;
    what.flags |= outcome::pushback;
  }
  if (what.ok()) return {};
  status why{what, of.message};
  if (!of.details.empty()) read_grpc_status_details(of.details, why);
  return why;
}

inline status too_large_for_grpc(std::string_view what, std::size_t limit) {
  return {outcome{.code = code::resource_exhausted, .flags = outcome::local | outcome::no_retry}, tenon::detail::join_text({what, " ", tenon::detail::number_text{limit}, " bytes"})};
}

// A compressed message of an answer: what it holds. What a server may not send is its fault, whatever the other half of gRPC calls it.
inline status inflate_grpc_answer(const grpc_client_stream& of, grpc_coding& coding, std::size_t limit, std::string_view& payload) {
  if (!coding.is_on()) return {code::internal, "the answer is compressed, which this client did not ask for"};
  status why = coding.inflate(of.encoding, payload, limit, "the answer", payload);
  if (why.code() == code::resource_exhausted) return too_large_for_grpc("the answer inflates to more than", limit);
  return why.code() == code::unimplemented ? status{code::internal, why.message()} : why;
}

inline status of_http2_reset(std::uint32_t error) {
  const std::string text = tenon::detail::join_text({"the stream was reset: ", nghttp2_http2_strerror(error)});
  switch (error) {
    case NGHTTP2_REFUSED_STREAM: return {outcome{.code = code::unavailable, .flags = outcome::not_executed}, text};
    case NGHTTP2_CANCEL: return {code::cancelled, text};
    case NGHTTP2_ENHANCE_YOUR_CALM: return {code::resource_exhausted, text};
    case NGHTTP2_INADEQUATE_SECURITY: return {code::permission_denied, text};
    default: return {code::internal, text};
  }
}

inline status of_http_instead(const grpc_client_stream& of) {
  const std::string text = of.http_status == 200 ? std::string{"the answer's content type is not gRPC's"}
                                                 : tenon::detail::join_text({"HTTP status ", tenon::detail::number_text{of.http_status}, " instead of a gRPC answer"});
  switch (of.http_status) {
    case 400:
    case 431: return {code::internal, text};
    case 401: return {code::unauthenticated, text};
    case 403: return {code::permission_denied, text};
    case 404: return {code::unimplemented, text};
    case 429:
    case 502:
    case 503:
    case 504: return {code::unavailable, text};
    default: return {code::unknown, text};
  }
}

/// OK when the answer's message, or its items, are the value. `error` is HTTP/2's, with which the stream closed.
inline status grpc_verdict(const grpc_client_stream& of, std::uint32_t error) {
  if (of.refused) return of.refusal;
  // A status counts even when a reset follows it: a server ends a stream that way whose request it need not read to its end.
  if (of.grpc_status >= 0) return said_by_grpc(of);
  if (error != NGHTTP2_NO_ERROR) return of_http2_reset(error);
  if (of.http_status != 200 || !of.is_grpc) return of_http_instead(of);
  return {code::internal, "the answer ended without a grpc-status"};
}

/// The one message of an answer that has one.
inline status cut_grpc_answer(const grpc_client_stream& of, grpc_coding& coding, std::size_t limit, std::string_view& payload) {
  const std::string_view body = of.body();
  if (body.size() < grpc_prefix || grpc_length(body.data()) != body.size() - grpc_prefix) {
    return {code::internal, body.empty() ? "the answer holds no message; expected one" : "the answer holds a broken message, or more than one; expected one"};
  }
  payload = body.substr(grpc_prefix);
  return body.front() == 0 ? status{} : inflate_grpc_answer(of, coding, limit, payload);
}

}  // namespace tenon::inline v0::protocol::detail
