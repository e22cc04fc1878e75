// One gRPC call at the client, from its request to its trailers: what is known and held of it. Protocol layer; its verdict is grpc_verdict.hpp's.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_messages.hpp>
#include <tenon/protocol/detail/grpc_status.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>

namespace tenon::inline v0::protocol::detail {

struct grpc_client_stream {
  grpc_client_stream* next = nullptr;
  grpc_client_stream** previous = nullptr;
  std::uint64_t call = 0;
  std::int32_t id = 0;
  int http_status = 0;
  int grpc_status = -1;
  serialization codec = serialization::raw;
  bool is_grpc = false;
  bool ended = false;      // to be told to the owner, when it listens
  std::uint32_t error = 0;
  bool refused = false;    // what came is not read on; `refusal` says why
  bool caller_streams = false;
  bool complete = false;   // the caller's items, that is
  bool by_items = false;   // the answer comes
  bool has_pushback = false;
  grpc_encoding encoding = grpc_encoding::identity;  // of the answer
  std::int32_t pushback_ms = 0;
  status refusal;
  std::string message;
  std::string details;
  std::string metadata_block;
  std::string_view piece;  // of the answer, in the read buffer; only while `consume` runs
  buffer answer;
  buffer request;
  std::size_t sent = 0;    // of `request`
  grpc_cutter cutter;
  grpc_inbound inbound;
  grpc_outbox outbox;

  void reset() noexcept {
    id = 0;
    http_status = 0;
    error = NGHTTP2_NO_ERROR;
    grpc_status = -1;
    codec = serialization::raw;
    is_grpc = ended = refused = caller_streams = complete = by_items = has_pushback = false;
    encoding = grpc_encoding::identity;
    refusal = {};
    message.clear();
    details.clear();
    metadata_block.clear();
    piece = {};
    answer.clear();
    if (answer.capacity() > kept_bytes) answer.release();
    request.clear();
    if (request.capacity() > kept_bytes) request.release();
    sent = 0;
    cutter.clear();
    inbound.clear();
    outbox.clear();
  }

  std::string_view body() const noexcept { return answer.empty() ? piece : answer.view(); }
  void gather() { answer.append(std::exchange(piece, {})); }
  void take(std::string_view bytes) {
    if (piece.empty() && answer.empty()) {
      piece = bytes;
      return;
    }
    gather();
    answer.append(bytes);
  }

  /// A field of the answer's headers or trailers.
  void note(std::string_view field, std::string_view value, std::size_t max_metadata_bytes, const grpc_coding& coding) {
    if (is_field(field, ":status")) std::from_chars(value.data(), value.data() + value.size(), http_status);
    else if (is_field(field, "content-type")) note_content_type(value);
    else if (is_field(field, "grpc-status")) note_status(value);
    else if (is_field(field, "grpc-message")) message = percent_decoded(value);
    else if (is_field(field, "grpc-status-details-bin")) details = value;
    else if (is_field(field, "grpc-retry-pushback-ms")) note_pushback(value);
    else if (is_field(field, "grpc-encoding")) encoding = coding.encoding_of(value);
    else if (!is_grpc_framing(field) && metadata_block.size() < max_metadata_bytes) append_grpc_metadata(metadata_block, field, value);
  }
  void refuse(status why) {
    refused = true;
    refusal = std::move(why);
  }

 private:
  static constexpr std::size_t kept_bytes = 16 * 1024;

  void note_content_type(std::string_view value) {
    const auto named = codec_of_grpc(value);
    is_grpc = named.has_value();
    if (named) codec = *named;
  }
  void note_status(std::string_view value) {
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), grpc_status);
    if (fault != std::errc{} || end != value.data() + value.size() || grpc_status < 0) grpc_status = static_cast<int>(code::unknown);
  }
  // What cannot be read, and a second value, mean never (gRFC A6).
  void note_pushback(std::string_view value) {
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), pushback_ms);
    if (has_pushback || fault != std::errc{} || end != value.data() + value.size()) pushback_ms = -1;
    has_pushback = true;
  }
};

}  // namespace tenon::inline v0::protocol::detail
