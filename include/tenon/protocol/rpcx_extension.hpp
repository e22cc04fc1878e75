// What tenon peers tell each other beside calls, in frames that any rpcx peer may read and ignore. Protocol layer; both halves of rpcx stand on it.
#pragma once

#include <cstdint>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/rpcx_frame.hpp>

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
