// WebSocket frames by the hand: how long the one at the front is, and the head of one that is written. Protocol layer; websocket_engine.hpp reads what is in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sys/random.h>

#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>

namespace tenon::inline v0::protocol::detail {

/// Source  RFC 6455, 5.2 and 11.8.
enum class websocket_opcode : std::uint8_t { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xA };

/// Source  RFC 6455, 7.4.1: those that are ever sent from here.
struct websocket_code {
  static constexpr std::uint16_t normal = 1000;
  static constexpr std::uint16_t going_away = 1001;
  static constexpr std::uint16_t protocol_error = 1002;
  static constexpr std::uint16_t unsupported = 1003;
  static constexpr std::uint16_t too_big = 1009;
  static constexpr std::uint16_t internal_error = 1011;
};

/// How long a frame is; nothing is said of whether it is allowed.
struct websocket_extent {
  std::size_t head = 0;       ///< 0 while the head is not complete
  std::uint64_t payload = 0;
  std::uint8_t opcode = 0;
  bool is_control() const noexcept { return (opcode & 0x8U) != 0; }
};

inline websocket_extent measure_websocket_frame(std::string_view bytes) noexcept {
  websocket_extent found;
  if (bytes.size() < 2) return found;
  const auto second = static_cast<unsigned char>(bytes[1]);
  const std::size_t length_bytes = (second & 0x7FU) == 126 ? 2 : (second & 0x7FU) == 127 ? 8 : 0;
  const std::size_t head = 2 + length_bytes + ((second & 0x80U) != 0 ? 4 : 0);
  if (bytes.size() < head) return found;
  found.head = head;
  found.opcode = static_cast<unsigned char>(bytes[0]) & 0x0FU;
  if (length_bytes == 0) found.payload = second & 0x7FU;
  for (std::size_t i = 0; i < length_bytes; ++i) found.payload = found.payload << 8 | static_cast<unsigned char>(bytes[2 + i]);
  return found;
}

/// Keys that whoever chooses the payload cannot foresee. Empty on a server, whose frames are not masked.
///
/// Source  RFC 6455, 5.3 and 10.3.
class websocket_masks {
 public:
  std::array<char, 4> next() noexcept {
    if (used_ == pool_.size()) {
      // Fails for no size up to 256 on a kernel that has the call.
      if (::getentropy(pool_.data(), pool_.size()) != 0) __builtin_trap();
      used_ = 0;
    }
    std::array<char, 4> key;
    std::memcpy(key.data(), pool_.data() + used_, key.size());
    used_ += key.size();
    return key;
  }

 private:
  std::array<char, 256> pool_;
  std::size_t used_ = sizeof(pool_);
};

// Eight bytes at a time, as every payload of a client passes here.
inline void mask_websocket_payload(char* at, std::size_t size, const std::array<char, 4>& key) noexcept {
  std::uint64_t wide = 0;
  std::memcpy(&wide, key.data(), 4);
  std::memcpy(reinterpret_cast<char*>(&wide) + 4, key.data(), 4);
  std::size_t i = 0;
  for (; size - i >= sizeof wide; i += sizeof wide) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, at + i, sizeof eight);
    eight ^= wide;
    std::memcpy(at + i, &eight, sizeof eight);
  }
  for (; i < size; ++i) at[i] = static_cast<char>(at[i] ^ key[i % 4]);
}

/// What is kept free in front of a payload that is still to be written: the head of a message below 64 KiB, without a key.
inline constexpr std::size_t websocket_room = 4;

inline std::size_t begin_websocket_frame(buffer& out) {
  const std::size_t start = out.size();
  std::memset(out.extend(websocket_room), 0, websocket_room);
  return start;
}

/// Completes the frame that `begin_websocket_frame` began at `start`: one message in one frame. With `masks` the payload is masked where it lies.
inline void end_websocket_frame(buffer& out, std::size_t start, websocket_opcode opcode, websocket_masks* masks) {
  const std::size_t key_size = masks != nullptr ? 4 : 0;
  const std::size_t room = websocket_room;
  const std::size_t size = out.size() - start - room;
  const std::size_t head = (size < 126 ? 2U : size < 65536 ? 4U : 10U) + key_size;
  if (head > room) out.extend(head - room);
  char* const at = out.data() + start;
  if (head != room) std::memmove(at + head, at + room, size);
  if (head < room) out.truncate(start + head + size);
  at[0] = static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  const unsigned mask_bit = masks != nullptr ? 0x80 : 0;
  if (size < 126) {
    at[1] = static_cast<char>(mask_bit | size);
  } else if (size < 65536) {
    at[1] = static_cast<char>(mask_bit | 126U);
    at[2] = static_cast<char>(size >> 8);
    at[3] = static_cast<char>(size);
  } else {
    at[1] = static_cast<char>(mask_bit | 127U);
    tenon::detail::store_big_endian_64(at + 2, size);
  }
  if (masks == nullptr) return;
  const std::array<char, 4> key = masks->next();
  std::memcpy(at + head - key_size, key.data(), key_size);
  mask_websocket_payload(at + head, size, key);
}

inline void append_websocket_frame(buffer& out, websocket_opcode opcode, std::string_view payload, websocket_masks* masks) {
  const std::size_t start = begin_websocket_frame(out);
  out.append(payload);
  end_websocket_frame(out, start, opcode, masks);
}

/// Units   `reason` is UTF-8; what is above the 123 bytes that a control frame has room for is left out, with the whole of a character.
[[gnu::cold]] inline void append_websocket_close(buffer& out, std::uint16_t code, std::string_view reason, websocket_masks* masks) {
  constexpr std::size_t longest = 123;
  if (reason.size() > longest) {
    std::size_t end = longest;
    while (end != 0 && (static_cast<unsigned char>(reason[end]) & 0xC0U) == 0x80U) --end;
    reason = reason.substr(0, end);
  }
  const std::size_t start = begin_websocket_frame(out);
  out.push_back(static_cast<char>(code >> 8));
  out.push_back(static_cast<char>(code & 0xFFU));
  out.append(reason);
  end_websocket_frame(out, start, websocket_opcode::close, masks);
}

}  // namespace tenon::inline v0::protocol::detail
