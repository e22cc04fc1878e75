// What tenon peers tell each other beside calls, in frames that any rpcx peer may read and ignore. Protocol layer; both halves of rpcx stand on it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/rpcx_frame.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol::rpcx {

/// How peers recognise each other: a client's heartbeat carries `tenon-peer: client`, and a tenon server answers it with `tenon-peer: server`. A foreign server
/// sends a heartbeat back as it came, so what returns from it still says `client`.
inline constexpr std::string_view peer_key = "tenon-peer";
inline constexpr std::string_view peer_client = "client";
inline constexpr std::string_view peer_server = "server";

/// Notices are one-way requests to the service without a name, which no server has. Sent only to a peer that has shown that it is tenon.
///
/// `cancel`, from a client: nobody waits any more for the request of this frame's sequence.
/// `going_away`, from a server: no request that came after the one of this frame's sequence (0: none at all) was executed or will be. New calls are to go elsewhere;
/// what came before is answered. The upper half of a tenon client's sequence grows with each call; a one-way request repeats that of the call before it.
inline constexpr std::string_view cancel_notice = "cancel";
inline constexpr std::string_view going_away_notice = "going_away";

/// Streams. The request of a call that streams carries `tenon-stream`, how many bytes of items its sender can take: a peer that does not know the key answers as
/// it answers any request. Everything else is notices about that call, and goes only to a peer that has sent the key, or has answered it with a notice:
///
/// `item`, from either side: the payload is one item, in the frame's serialization. It takes its bytes and 32 more of its receiver's window.
/// `credit`, from either side: as many bytes more, in metadata `tenon-stream`. A caller that streams has none at first: it waits for this one, which only tenon sends.
/// `end`, from a client: no item follows. The server's end is the answer, which has no payload where items went before.
inline constexpr std::string_view item_notice = "item";
inline constexpr std::string_view credit_notice = "credit";
inline constexpr std::string_view end_notice = "end";

[[gnu::cold, gnu::noinline]] inline void append_heartbeat(buffer& out, unsigned char bits, std::uint64_t sequence, std::string_view who) {
  mark at = begin_frame(out, static_cast<unsigned char>(heartbeat_bit | bits), serialization::msgpack, sequence);
  frames::append_block(out, {});
  frames::append_block(out, {});
  tenon::detail::store_big_endian_32(out.extend(4), static_cast<std::uint32_t>(8 + peer_key.size() + who.size()));
  frames::append_pair(out, peer_key, who);
  begin_payload(out, at);
  end_frame(out, at);
}

[[gnu::cold, gnu::noinline]] inline void append_notice(buffer& out, std::string_view what, std::uint64_t sequence) {
  mark at = begin_frame(out, one_way_bit, serialization::raw, sequence);
  frames::append_block(out, {});
  frames::append_block(out, what);
  frames::append_block(out, {});
  begin_payload(out, at);
  end_frame(out, at);
}

/// The head of an item; its payload is appended, and `end_frame` ends it.
inline mark begin_item(buffer& out, serialization codec, std::uint64_t sequence) {
  mark at = begin_frame(out, one_way_bit, codec, sequence);
  frames::append_block(out, {});
  frames::append_block(out, item_notice);
  frames::append_block(out, {});
  begin_payload(out, at);
  return at;
}

[[gnu::noinline]] inline void append_credit(buffer& out, std::uint64_t sequence, std::int64_t bytes) {
  mark at = begin_frame(out, one_way_bit, serialization::raw, sequence);
  frames::append_block(out, {});
  frames::append_block(out, credit_notice);
  const std::size_t block = out.size() + 4;
  out.extend(4);
  frames::append_number(out, stream_key, bytes);
  tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
  begin_payload(out, at);
  end_frame(out, at);
}

/// What `tenon-stream` says in a frame's metadata; 0 when it says nothing of use.
[[gnu::noinline]] inline std::int64_t read_credit(const frame& cut) {
  std::int64_t bytes = 0;
  const bool sound = for_each_metadata(cut.metadata_block, [&bytes](std::string_view key, std::string_view value) {
    if (key == stream_key) bytes = frames::parse_number(value).value_or(0);
  });
  return sound && bytes > 0 ? (std::min)(bytes, most_credit) : 0;
}

/// Whether a heartbeat says that its sender is a tenon `who`.
[[gnu::cold, gnu::noinline]] inline bool is_from_tenon(const frame& heartbeat, std::string_view who) {
  bool found = false;
  const bool sound = for_each_metadata(heartbeat.metadata_block, [&](std::string_view key, std::string_view value) { found |= key == peer_key && value == who; });
  return sound && found;
}

inline bool is_notice(const frame& cut, std::string_view what) noexcept {
  return cut.is_one_way() && !cut.is_response() && cut.service.empty() && cut.method == what;
}

}  // namespace tenon::inline v0::protocol::rpcx
