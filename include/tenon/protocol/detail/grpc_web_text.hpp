// gRPC-Web's framing: a message behind its prefix, trailers as a last frame, either as base64. Protocol layer, detail of web.hpp.
// Source: grpc/grpc, PROTOCOL-WEB.md; google/rpc/status.proto.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

// A flag, then the length in four bytes, the highest first.
inline constexpr std::size_t grpc_web_prefix = 5;

inline void set_grpc_web_length(char* prefix, std::size_t size) noexcept {
  for (int i = 0; i < 4; ++i) prefix[1 + i] = static_cast<char>(static_cast<unsigned char>(size >> (24 - 8 * i)));
}

// Base64 that may be padded wherever its sender flushed: four characters at a time. False when it is none.
inline bool read_grpc_web_text(std::string_view text, std::string& into) {
  into.clear();
  into.reserve(tenon::detail::base64_bytes(text.size()));
  while (!text.empty()) {
    const std::string_view four = tenon::detail::base64_unpadded(text.substr(0, 4));
    std::byte three[3];
    if (four.empty() || tenon::detail::read_base64(four, three) != four.size()) return false;
    into.append(reinterpret_cast<const char*>(three), tenon::detail::base64_bytes(four.size()));
    text.remove_prefix(text.size() < 4 ? text.size() : 4);
  }
  return true;
}

/// Cuts the one message out of a request's body; it lies in the body, or in `decoded` when the body is base64. `compressed` tells what its flag says.
///
/// Errors  invalid_argument when the body is no frame; unimplemented for another number of messages than one.
inline status cut_grpc_web(std::string_view body, bool is_text, std::string& decoded, std::string_view& message, bool& compressed) {
  const auto refuse = [](code why, std::string_view text) {
    status error{why, text};
    error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
    return error;
  };
  if (is_text) {
    if (!read_grpc_web_text(body, decoded)) return refuse(code::invalid_argument, "gRPC-Web: the body is no base64");
    body = decoded;
  }
  if (body.empty()) return refuse(code::unimplemented, "gRPC-Web: found no message, expected one");
  std::size_t size = 0;
  for (const char c : body.substr(1, 4)) size = size << 8 | static_cast<unsigned char>(c);
  if (body.size() < grpc_web_prefix || body.size() - grpc_web_prefix < size) return refuse(code::invalid_argument, "gRPC-Web: the message is shorter than its prefix says");
  compressed = body.front() == '\1';
  if (body.front() != '\0' && !compressed) return refuse(code::invalid_argument, "gRPC-Web: the frame's flags are unknown");
  if (body.size() - grpc_web_prefix != size) return refuse(code::unimplemented, "gRPC-Web: found more than one message, expected one");
  message = body.substr(grpc_web_prefix);
  return {};
}

inline void append_protobuf_bytes(std::string& to, char tag, std::string_view bytes) {
  to.push_back(tag);
  std::size_t size = bytes.size();
  for (; size > 0x7F; size >>= 7) to.push_back(static_cast<char>((size & 0x7F) | 0x80));
  to.push_back(static_cast<char>(size));
  to.append(bytes);
}

// google.rpc.Status: 1 code, 2 message, 3 details, each an Any of 1 type_url and 2 value.
inline std::string grpc_web_details(const status& error) {
  std::string text{'\x08', static_cast<char>(error.code())};
  append_protobuf_bytes(text, '\x12', error.message());
  for (const status_detail& each : error.details()) {
    std::string any;
    append_protobuf_bytes(any, '\x0A', tenon::detail::join_text({"type.googleapis.com/", each.type}));
    append_protobuf_bytes(any, '\x12', each.value);
    append_protobuf_bytes(text, '\x1A', any);
  }
  return text;
}

/// Appends the frame that ends an answer: the status, and what `extra` names `trailer-...`; the rest of `extra` goes to `headers`.
inline void append_grpc_web_trailers(buffer& out, const status& error, const metadata& extra, metadata& headers) {
  constexpr std::string_view trailing = "trailer-";
  const std::size_t start = out.size();
  out.append(std::string_view{"\x80\0\0\0\0", grpc_web_prefix});
  out.append("grpc-status: ");
  append_decimal(out, static_cast<std::size_t>(error.code()));
  out.append("\r\n");
  if (!error.message().empty()) {
    out.append("grpc-message: ");
    out.append(percent_encoded(error.message()));
    out.append("\r\n");
  }
  if (!error.details().empty()) append_header(out, "grpc-status-details-bin", grpc_web_details(error));
  for (const auto& [name, value] : extra) {
    if (metadata::same_key(std::string_view{name}.substr(0, trailing.size()), trailing)) append_header(out, std::string_view{name}.substr(trailing.size()), value);
    else headers.add(name, value);
  }
  set_grpc_web_length(out.data() + start, out.size() - start - grpc_web_prefix);
}

// Turns what `out` holds from `payload` on into padded base64.
inline void encode_grpc_web_text(buffer& out, std::size_t payload) {
  const std::string plain{out.view(payload)};
  out.truncate(payload);
  std::string text(tenon::detail::base64_size(plain.size()), '\0');
  tenon::detail::write_base64(text.data(), reinterpret_cast<const std::byte*>(plain.data()), plain.size());
  out.append(text);
}

}  // namespace tenon::inline v0::protocol::detail
