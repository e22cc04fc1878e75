// rpcx on one connection: the server's session. Heartbeats are echoed here, requests go to the sink. Protocol layer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/same_text.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/rpcx_extension.hpp>
#include <tenon/protocol/rpcx_frame.hpp>
#include <tenon/protocol/rpcx_status.hpp>
#include <tenon/protocol/streaming.hpp>

namespace tenon::inline v0::protocol {

/// The server's half of rpcx. Requests may be answered in any order. A sink that has `on_cancel(id)` is told of calls that nobody waits for any more;
/// streams are between tenon peers, see streaming.hpp and rpcx_extension.hpp.
///
/// Errors  a bad magic, impossible lengths or a metadata block that does not add up close the connection, since the next frame cannot be found;
///         a frame, payload or metadata above its limit is answered with resource_exhausted, a frame that cannot be held at all is skipped without being stored;
///         a compressed payload is answered with unimplemented.
/// Source  rpcx protocol; frames written down byte by byte in tests/protocol/rpcx.cpp.
class rpcx_session {
 public:
  static constexpr std::string_view name = "rpcx";
  static constexpr bool answers_in_any_order = true;

  static sniffed recognise(std::string_view first) noexcept {
    if (first.empty()) return sniffed::need_more;
    return static_cast<unsigned char>(first[0]) == rpcx::magic ? sniffed::yes : sniffed::no;
  }

  explicit rpcx_session(const limits& bounds) noexcept : bounds_{bounds} {}

  /// Reads compressed requests, and answers them compressed; without it they are refused. Null is without.
  void use(const compression* coding) noexcept { coding_ = coding; }

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    request call;  // one for all of them: each frame fills it anew
    while (true) {
      const std::string_view rest = in.substr(done.bytes);
      if (skipping_ != 0) {
        const std::size_t step = static_cast<std::size_t>((std::min)(skipping_, std::uint64_t{rest.size()}));
        skipping_ -= step;
        done.bytes += step;
        if (skipping_ != 0) return done;
        continue;
      }
      if (rest.empty()) return done;
      if (sink.full()) {
        done.next = consumed::state::wait;
        return done;
      }
      if (static_cast<unsigned char>(rest[0]) != rpcx::magic) {
        return close(done, {"expected a frame with magic byte 0x08, found ", tenon::detail::number_text{static_cast<unsigned>(static_cast<unsigned char>(rest[0]))}});
      }
      const auto length = rpcx::frame_length(rest);
      if (!length) return done;
      if (*length < rpcx::smallest_frame) {
        return close(done, {"expected a frame of at least 32 bytes, found a total of ", tenon::detail::number_text{*length}});
      }
      if (*length > bounds_.max_message_bytes + bounds_.max_metadata_bytes) {
        refuse_oversized(rest, *length, sink, out);
        skipping_ = *length;
        continue;
      }
      if (rest.size() < *length) return done;
      const std::string_view whole{rest.data(), static_cast<std::size_t>(*length)};
      if (!rpcx::cut_blocks(whole, call.service, call.method, call.metadata_block, call.payload)) return close(done, {"expected block lengths that add up to the frame's, found others"});
      if (!handle(rpcx::read_head(whole), call, whole, sink, out)) {
        return close(done, {"expected metadata pairs that add up to their block, found others"});
      }
      done.bytes += whole.size();
    }
  }

  mark begin_reply(buffer& out, const reply_address& to) {
    mark at = rpcx::begin_frame(out, rpcx::response_bit, to.codec, to.id);
    // Clients match by sequence alone: path, method and metadata may all be empty.
    std::memset(out.extend(12), 0, 12);
    rpcx::begin_payload(out, at);
    return at;
  }

  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    if (!extra.empty()) [[unlikely]] insert_metadata(out, at, extra);
    if (to.compress) [[unlikely]] compress(out, at);
    rpcx::end_frame(out, at);
  }

  [[gnu::cold]] void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    mark at = rpcx::begin_frame(out, rpcx::response_bit | 1, to.codec, to.id);
    std::memset(out.extend(12), 0, 12);
    const std::size_t block = out.size();
    rpcx::append_status(out, error);
    for (const auto& [key, value] : extra) rpcx::frames::append_pair(out, key, value);
    tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
    rpcx::begin_payload(out, at);
    rpcx::end_frame(out, at);
  }

  mark begin_item(buffer& out, const reply_address& to) { return rpcx::begin_item(out, to.codec, to.id); }
  std::int64_t end_item(buffer& out, mark at, const reply_address&, const metadata&) {
    rpcx::end_frame(out, at);
    return cost_of_item(out.size() - at.payload);
  }
  void write_credit(buffer& out, const reply_address& to, const items_taken& taken) { rpcx::append_credit(out, to.id, cost_of_items(taken)); }

  /// Tells a tenon peer that no request from now on will be executed: the caller sees to that. Others find out by the refusals.
  [[gnu::cold]] void write_going_away(buffer& out) {
    if (peer_is_tenon_) rpcx::append_notice(out, rpcx::going_away_notice, last_request_);
  }

  /// Asks a tenon peer for a sign of life. False for others: Go's client takes a server's heartbeat for the answer to the call of the same sequence.
  [[gnu::cold]] bool write_heartbeat(buffer& out) {
    if (peer_is_tenon_) rpcx::append_heartbeat(out, 0, 0, rpcx::peer_server);
    return peer_is_tenon_;
  }

  /// Whether the peer answers calls; any rpcx client takes one-way requests.
  bool takes_calls() const noexcept { return peer_is_tenon_; }

  bool closing() const noexcept { return false; }
  bool unfinished() const noexcept { return skipping_ != 0; }
  bool skipping() const noexcept { return skipping_ != 0; }

 private:
  [[gnu::cold]] static consumed close(consumed done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "rpcx: " + tenon::detail::join_text(reason);
    return done;
  }

  // Returns false when the metadata does not add up.
  template <class Sink>
  bool handle(const rpcx::frame_head& head, request& call, std::string_view whole, Sink& sink, buffer& out) {
    constexpr unsigned char special = rpcx::response_bit | rpcx::heartbeat_bit | rpcx::one_way_bit;
    if ((head.bits & special) != 0 && take_special({head, call.service, call.method, call.metadata_block, call.payload}, whole, sink, out)) [[unlikely]] return true;
    last_request_ = head.sequence;
    call.address = {.id = head.sequence, .codec = static_cast<serialization>(head.codec), .one_way = head.is_one_way()};
    call.timeout.reset();
    call.stream_credit = 0;
    call.read_metadata = &rpcx::read_metadata;
    if (!call.metadata_block.empty() && !read_own_metadata(call)) return false;
    if (call.metadata_block.size() > bounds_.max_metadata_bytes) [[unlikely]] {
      return refuse(call.address, too_large("metadata", call.metadata_block.size(), bounds_.max_metadata_bytes), out), true;
    }
    if (head.is_compressed()) [[unlikely]] {
      if (const status plain = inflate(head, call); !plain.ok()) return refuse(call.address, plain, out), true;
    }
    if (call.payload.size() > bounds_.max_message_bytes) [[unlikely]] {
      return refuse(call.address, too_large("message", call.payload.size(), bounds_.max_message_bytes), out), true;
    }
    sink.on_request(call);
    return true;
  }

  // The time a call has, and the credit of one that streams. False when the block's lengths do not add up.
  [[gnu::noinline]] static bool read_own_metadata(request& call) {
    return rpcx::for_each_metadata(call.metadata_block, [&call](std::string_view key, std::string_view value) {
      if (tenon::detail::same_text(key, rpcx::stream_key)) call.stream_credit = credit_of(value);
      if (!tenon::detail::same_text(key, rpcx::timeout_key)) return;
      // Go's client truncates, so zero and below mean that the time is up; a text that is no number is ignored, as Go's server does.
      if (std::int64_t milliseconds = 0; rpcx::frames::read_number(value, milliseconds)) call.timeout = std::chrono::milliseconds{std::clamp<std::int64_t>(milliseconds, 0, 1'000'000'000'000)};
    });
  }

  // What is no request. False for a one-way request.
  template <class Sink>
  [[gnu::noinline]] bool take_special(const rpcx::frame& cut, std::string_view whole, Sink& sink, buffer& out) {
    return take_item(cut, sink) || take_aside(cut, whole, sink, out);
  }
  template <class Sink>
  bool take_item(const rpcx::frame& cut, Sink& sink) {
    if (!rpcx::is_notice(cut, rpcx::item_notice)) return false;
    if constexpr (requires { sink.on_item(cut.sequence, cut.payload); }) {
      if (cut.payload.size() > bounds_.max_message_bytes) sink.on_refused_item(cut.sequence, too_large("an item", cut.payload.size(), bounds_.max_message_bytes));
      else if (cut.is_compressed()) sink.on_refused_item(cut.sequence, status{code::unimplemented, "compressed items (gzip) are not supported here"});
      else sink.on_item(cut.sequence, cut.payload);
    }
    return true;
  }
  // At least 1 for whoever sends the key at all.
  [[gnu::cold]] static std::uint32_t credit_of(std::string_view value) noexcept {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(rpcx::frames::parse_number(value).value_or(1), 1, 0x7FFFFFFF));
  }

  // The bytes are the call's until the next compressed one: it has been read by then.
  [[gnu::cold, gnu::noinline]] status inflate(const rpcx::frame_head& head, request& call) {
    if (coding_ == nullptr) return {code::unimplemented, "compressed payloads (gzip) are not supported here; send this call uncompressed"};
    if ((head.bits & rpcx::compression_bits) != rpcx::gzip_bits) return {code::unimplemented, "the payload is compressed in a way that rpcx does not name; expected gzip"};
    inflated_.clear();
    status plain = coding_->inflate(call.payload, bounds_.max_message_bytes, inflated_);
    call.payload = inflated_.view();
    call.address.compress = true;
    return plain;
  }
  [[gnu::cold, gnu::noinline]] void compress(buffer& out, mark at) const {
    if (out.size() - at.payload < smallest_to_compress) return;
    buffer smaller;
    coding_->deflate(out.view(at.payload), smaller);
    out.truncate(at.payload);
    out.append(smaller.view());
    out.data()[at.start + 2] = static_cast<char>(static_cast<unsigned char>(out.data()[at.start + 2]) | rpcx::gzip_bits);
  }

  // Everything else that is no request.
  template <class Sink>
  [[gnu::cold, gnu::noinline]] bool take_aside(const rpcx::frame& cut, std::string_view whole, Sink& sink, buffer& out) {
    if (cut.is_response()) {
      // To a call in the other direction, if any were made.
      if constexpr (requires { sink.on_answer(whole); }) {
        if (!cut.is_heartbeat()) sink.on_answer(whole);
      }
      return true;
    }
    if (rpcx::is_notice(cut, rpcx::cancel_notice)) {
      if constexpr (requires { sink.on_cancel(cut.sequence); }) sink.on_cancel(cut.sequence);
      return true;
    }
    if constexpr (requires { sink.on_credit(cut.sequence, std::int64_t{}); }) {
      if (rpcx::is_notice(cut, rpcx::credit_notice)) return sink.on_credit(cut.sequence, rpcx::read_credit(cut)), true;
      if (rpcx::is_notice(cut, rpcx::end_notice)) return sink.on_items_end(cut.sequence), true;
    }
    if (!cut.is_heartbeat()) return false;
    if (rpcx::is_from_tenon(cut, rpcx::peer_client)) {
      peer_is_tenon_ = true;
      rpcx::append_heartbeat(out, rpcx::response_bit, cut.sequence, rpcx::peer_server);
      return true;
    }
    const std::size_t start = out.size();
    out.append(whole);
    out.data()[start + 2] = static_cast<char>(cut.bits | rpcx::response_bit);
    return true;
  }

  [[gnu::cold]] void refuse(const reply_address& to, status error, buffer& out) {
    error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
    if (!to.one_way) write_error(out, to, error, {});
  }

  template <class Sink>
  [[gnu::cold]] void refuse_oversized(std::string_view head, std::uint64_t length, Sink& sink, buffer& out) {
    const auto bits = static_cast<unsigned char>(head[2]);
    if ((bits & (rpcx::response_bit | rpcx::heartbeat_bit)) != 0) return;
    // An item, or a one-way request, whose number is that of no call under way.
    if constexpr (requires { sink.on_item(length, head); }) {
      if ((bits & rpcx::one_way_bit) != 0) return sink.on_refused_item(tenon::detail::load_big_endian_64(head.data() + 4), too_large("an item", length, bounds_.max_message_bytes));
    }
    const reply_address to{tenon::detail::load_big_endian_64(head.data() + 4), static_cast<serialization>(static_cast<unsigned char>(head[3]) >> 4), (bits & rpcx::one_way_bit) != 0};
    refuse(to, too_large("message", length, bounds_.max_message_bytes), out);
  }

  [[gnu::cold]] static status too_large(std::string_view what, std::uint64_t size, std::size_t limit) {
    return status{code::resource_exhausted, tenon::detail::join_text({what, " of ", tenon::detail::number_text{size}, " bytes exceeds the limit of ", tenon::detail::number_text{limit}})};
  }

  // Rare: the handler set response metadata, and its place is in front of the payload that is already written.
  [[gnu::cold]] static void insert_metadata(buffer& out, mark& at, const metadata& extra) {
    const std::string payload{out.view(at.payload)};
    out.truncate(at.payload - 8);
    out.extend(4);
    const std::size_t block = out.size();
    for (const auto& [key, value] : extra) rpcx::frames::append_pair(out, key, value);
    tenon::detail::store_big_endian_32(out.data() + block - 4, static_cast<std::uint32_t>(out.size() - block));
    rpcx::begin_payload(out, at);
    out.append(payload);
  }

  limits bounds_;
  const compression* coding_ = nullptr;
  buffer inflated_;
  std::uint64_t skipping_ = 0;  // bytes of a refused frame still to be thrown away
  std::uint64_t last_request_ = 0;
  bool peer_is_tenon_ = false;
};

static_assert(streaming_session<rpcx_session>);

}  // namespace tenon::inline v0::protocol
