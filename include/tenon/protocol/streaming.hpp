// What a protocol adds to unary calls when it carries streams, on both sides. Protocol layer.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::protocol {

/// What one item takes of a window beside its payload: items without any must not be without price.
inline constexpr std::int64_t item_overhead = 32;

/// More than this is as good as all there is, whatever a peer says.
inline constexpr std::int64_t most_credit = std::int64_t{1} << 40;

constexpr std::int64_t cost_of_item(std::size_t payload_bytes) noexcept { return static_cast<std::int64_t>(payload_bytes) + item_overhead; }
constexpr std::int64_t cost_of_items(const items_taken& taken) noexcept { return taken.bytes + taken.items * item_overhead; }

/// A server session that carries streams.
///
/// A stream is an ordinary call with items around it: a request, then items of the caller's until its half is closed, items of the answer, and the answer, which is
/// the one end of everything. So deadlines, cancels, pending calls and lost connections are what they are for any call.
///
/// Laws    `request::stream_credit` is not 0 for a caller that can take part. For a call whose caller streams, the sink is told `on_item(id, payload)` for each item in order,
///         then `on_items_end(id)` once, unless the call ends before; it hands on no item that the sink has not granted by `write_credit`, but for one that may go beyond.
///         `begin_item` and `end_item` frame an item of the answer as `begin_reply` and `end_reply` frame the answer; `end_item` returns what the item takes of the credit,
///         and `on_credit(id, bytes)` gives it back; its metadata is what the handler has said of the answer so far, which may travel in front of the first item. An answer whose address is `streamed` is begun, and ended without a payload.
///         A session that must know which methods stream before it can cut a request asks the sink: `streams(service, method)` has a `client` and a `server`.
///         A sink is told `on_refused_item(id, why)` of an item that was above a limit and has been thrown away: it ends the call.
template <class T>
concept streaming_session = server_session<T> && requires(T& session, buffer& out, const reply_address& address, mark at, const items_taken& taken, const metadata& extra) {
  { session.begin_item(out, address) } -> std::same_as<mark>;
  { session.end_item(out, at, address, extra) } -> std::same_as<std::int64_t>;
  { session.write_credit(out, address, taken) } -> std::same_as<void>;
};

}  // namespace tenon::inline v0::protocol
