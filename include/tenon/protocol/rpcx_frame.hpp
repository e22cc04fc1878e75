// rpcx frames as bytes: the 12-byte header, the four blocks, the metadata block. Protocol layer; both halves of rpcx stand on it.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::protocol::rpcx {

inline constexpr unsigned char magic = 0x08;
inline constexpr std::size_t header_bytes = 12;
/// Header, total, and the lengths of four blocks: no frame is shorter.
inline constexpr std::size_t smallest_frame = header_bytes + 4 + 16;

inline constexpr unsigned char response_bit = 0x80;
inline constexpr unsigned char heartbeat_bit = 0x40;
inline constexpr unsigned char one_way_bit = 0x20;
inline constexpr unsigned char compression_bits = 0x1C;
inline constexpr unsigned char gzip_bits = 0x04;
inline constexpr unsigned char status_bits = 0x03;

inline constexpr std::string_view error_key = "__rpcx_error__";
inline constexpr std::string_view timeout_key = "__ServerTimeout";
inline constexpr std::string_view code_key = "tenon-code";
inline constexpr std::string_view pushback_key = "tenon-pushback-ms";
inline constexpr std::string_view not_executed_key = "tenon-not-executed";
inline constexpr std::string_view stream_key = "tenon-stream";

/// What stands in front of a frame's blocks.
///
/// Source  rpcx protocol, message layout (smallnest/rpcx protocol/message.go).
struct frame_head {
  unsigned char bits = 0;
  unsigned char codec = 0;
  std::uint64_t sequence = 0;

  bool is_response() const noexcept { return (bits & response_bit) != 0; }
  bool is_heartbeat() const noexcept { return (bits & heartbeat_bit) != 0; }
  bool is_one_way() const noexcept { return (bits & one_way_bit) != 0; }
  bool is_compressed() const noexcept { return (bits & compression_bits) != 0; }
  bool is_error() const noexcept { return (bits & status_bits) == 1; }
};

/// One frame in place: views into the bytes it was cut from.
struct frame : frame_head {
  std::string_view service;
  std::string_view method;
  std::string_view metadata_block;
  std::string_view payload;
};

/// What the first bytes of a frame say of its size.
///
/// Returns nothing when fewer than 16 bytes are there; else the length of the whole frame, header included.
inline std::optional<std::uint64_t> frame_length(std::string_view in) noexcept {
  if (in.size() < header_bytes + 4) return std::nullopt;
  return std::uint64_t{header_bytes} + 4 + tenon::detail::load_big_endian_32(in.data() + header_bytes);
}

/// The sequence number of the frame that begins here; 0 when too little of it is there.
inline std::uint64_t next_sequence(std::string_view in) noexcept { return in.size() < header_bytes ? 0 : tenon::detail::load_big_endian_64(in.data() + 4); }

/// The head of a frame that is there as a whole.
inline frame_head read_head(std::string_view whole) noexcept {
  return {static_cast<unsigned char>(whole[2]), static_cast<unsigned char>(static_cast<unsigned char>(whole[3]) >> 4), tenon::detail::load_big_endian_64(whole.data() + 4)};
}

// One of the blocks that make up a frame, off its front.
[[gnu::always_inline]] inline bool take_block(std::string_view& rest, std::string_view& block) noexcept {
  if (rest.size() < 4) [[unlikely]] return false;
  const std::size_t length = tenon::detail::load_big_endian_32(rest.data());
  if (rest.size() - 4 < length) [[unlikely]] return false;
  block = {rest.data() + 4, length};
  rest.remove_prefix(4 + length);
  return true;
}

/// Cuts the blocks of one complete frame. Into their last places: what is copied on at once waits until the stores have reached the cache.
///
/// Errors  false when the four block lengths do not add up to the frame's.
inline bool cut_blocks(std::string_view whole, std::string_view& service, std::string_view& method, std::string_view& metadata_block, std::string_view& payload) noexcept {
  std::string_view rest{whole.data() + header_bytes + 4, whole.size() - header_bytes - 4};
  return take_block(rest, service) && take_block(rest, method) && take_block(rest, metadata_block) && take_block(rest, payload) && rest.empty();
}

/// Walks a metadata block; `each(key, value)` per pair.
///
/// Returns false when the lengths in the block do not add up.
template <class F>
bool for_each_metadata(std::string_view block, F&& each) {
  const auto take = [&block](std::string_view& text) {
    if (block.size() < 4) return false;
    const std::uint32_t length = tenon::detail::load_big_endian_32(block.data());
    if (block.size() - 4 < length) return false;
    text = block.substr(4, length);
    block.remove_prefix(4 + std::size_t{length});
    return true;
  };
  while (!block.empty()) {
    std::string_view key;
    std::string_view value;
    if (!take(key) || !take(value)) return false;
    each(key, value);
  }
  return true;
}

/// The pairs that are the user's: everything but the keys by which rpcx and tenon talk to themselves.
inline void read_metadata(std::string_view block, metadata& into) {
  for_each_metadata(block, [&into](std::string_view key, std::string_view value) {
    if (key != timeout_key && key != error_key && key != code_key && key != pushback_key && key != not_executed_key && key != stream_key) into.add(key, value);
  });
}

namespace frames {

inline void append_block(buffer& out, std::string_view bytes) {
  char* to = out.extend(4 + bytes.size());
  tenon::detail::store_big_endian_32(to, static_cast<std::uint32_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(to + 4, bytes.data(), bytes.size());
}
inline void append_pair(buffer& out, std::string_view key, std::string_view value) {
  append_block(out, key);
  append_block(out, value);
}
inline void append_number(buffer& out, std::string_view key, std::int64_t number) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  append_pair(out, key, {text.data(), static_cast<std::size_t>(end - text.data())});
}

[[gnu::cold, gnu::noinline]] inline bool read_any_number(std::string_view text, std::int64_t& into) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}
// A few digits, which is what a deadline has, are read here: std::from_chars takes longer than all else that is done for a deadline.
inline bool read_number(std::string_view text, std::int64_t& into) noexcept {
  if (text.empty() || text.size() > 9) [[unlikely]] return read_any_number(text, into);
  std::int64_t number = 0;
  for (const char each : text) {
    const auto digit = static_cast<unsigned char>(each - '0');
    if (digit > 9) [[unlikely]] return read_any_number(text, into);
    number = number * 10 + digit;
  }
  into = number;
  return true;
}
inline std::optional<std::int64_t> parse_number(std::string_view text) noexcept {
  std::int64_t number = 0;
  if (!read_number(text, number)) return std::nullopt;
  return number;
}

}  // namespace frames

/// Writes a header and room for the total; `end_frame` fills the total and the payload's length in.
// Always inlined: with as many callers as it has, g++ would not, and each call here and there would pay for it.
[[gnu::always_inline]] inline mark begin_frame(buffer& out, unsigned char bits, serialization codec, std::uint64_t sequence) {
  const std::size_t start = out.size();
  char* to = out.extend(header_bytes + 4);
  to[0] = static_cast<char>(magic);
  to[1] = 0;
  to[2] = static_cast<char>(bits);
  to[3] = static_cast<char>(static_cast<unsigned char>(codec) << 4);
  tenon::detail::store_big_endian_64(to + 4, sequence);
  return {start, 0};
}

/// Opens the payload block: what is appended from here to `end_frame` is the payload.
inline void begin_payload(buffer& out, mark& at) {
  out.extend(4);
  at.payload = out.size();
}
inline void end_frame(buffer& out, mark at) noexcept {
  tenon::detail::store_big_endian_32(out.data() + at.payload - 4, static_cast<std::uint32_t>(out.size() - at.payload));
  tenon::detail::store_big_endian_32(out.data() + at.start + header_bytes, static_cast<std::uint32_t>(out.size() - at.start - header_bytes - 4));
}

}  // namespace tenon::inline v0::protocol::rpcx
