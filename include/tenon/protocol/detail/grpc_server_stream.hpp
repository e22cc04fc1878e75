// One gRPC call at the server, from its headers to its trailers: what is known and held of it. Protocol layer; its events are grpc_requests', its answer grpc_answers'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/grpc_coding.hpp>
#include <tenon/protocol/detail/grpc_messages.hpp>

namespace tenon::inline v0::protocol::detail {

class grpc_answers;

struct grpc_server_stream {
  grpc_server_stream* next = nullptr;
  grpc_server_stream** previous = nullptr;
  grpc_answers* answers = nullptr;  // who writes its answer, for nghttp2's reading of it
  std::int32_t id = 0;
  serialization codec = serialization::raw;
  bool is_post = false;
  bool is_grpc = false;
  bool requested = false;  // handed on: an answer will come
  bool answered = false;
  bool stop_sender = false;  // answered before the request has ended
  bool delivered = false;    // its answer has left, to the end
  bool caller_streams = false;
  bool ended = false;        // by the caller
  bool streaming = false;    // the answer, in items
  bool deflates = false;     // the caller takes compressed messages
  grpc_encoding encoding = grpc_encoding::identity;  // of the caller's
  std::optional<duration> timeout{};
  std::string path;
  std::string metadata_block;  // `name\0value\0`, both without zeros
  std::size_t header_bytes = 0;
  std::string_view piece;      // of the body, in the read buffer; only while `consume` runs
  buffer body;
  buffer reply;
  std::size_t sent = 0;        // of `reply`
  std::size_t ignored = 0;     // bytes of a request that is no call
  metadata trailers;
  status ending;               // of a streamed answer
  grpc_cutter cutter;
  grpc_inbound inbound;
  grpc_outbox outbox;
  std::size_t charged = 0;     // to its connection, of a streamed request
  std::size_t announced = 0;   // how many pairs of metadata went in front of the first item

  void reset() noexcept {
    codec = serialization::raw;
    is_post = is_grpc = requested = answered = stop_sender = delivered = caller_streams = ended = streaming = deflates = false;
    encoding = grpc_encoding::identity;
    timeout.reset();
    path.clear();
    metadata_block.clear();
    header_bytes = 0;
    piece = {};
    forget_body();
    reply.clear();
    if (reply.capacity() > kept_bytes) reply.release();
    sent = ignored = 0;
    trailers.clear();
    ending = {};
    cutter.clear();
    inbound.clear();
    outbox.clear();
    charged = 0;
    announced = 0;
  }
  bool is_call() const noexcept { return is_post && is_grpc; }
  std::string_view message() const noexcept { return body.empty() ? piece : body.view(); }
  /// The read buffer is about to move on: its piece is copied. Returns how many bytes are held more.
  std::size_t gather() {
    body.append(piece);
    return std::exchange(piece, {}).size();
  }
  void forget_body() noexcept {
    piece = {};
    body.clear();
    if (body.capacity() > kept_bytes) body.release();
  }

 private:
  static constexpr std::size_t kept_bytes = 16 * 1024;
};

}  // namespace tenon::inline v0::protocol::detail
