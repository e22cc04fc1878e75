// WebSocket by hand, so that the tests do not believe what they test: handshakes, frames of either side, and a reader of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace by_hand {

inline constexpr std::uint8_t continuation = 0;
inline constexpr std::uint8_t text = 1;
inline constexpr std::uint8_t binary = 2;
inline constexpr std::uint8_t close = 8;
inline constexpr std::uint8_t ping = 9;
inline constexpr std::uint8_t pong = 10;

/// RFC 6455's own example.
inline constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
inline constexpr std::string_view accepted = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

inline std::string handshake(std::string_view more = {}, std::string_view host = "shop.example") {
  return "GET /chat HTTP/1.1\r\nHost: " + std::string{host} + "\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
         std::string{key} + "\r\n" + std::string{more} + "\r\n";
}

struct frame {
  std::uint8_t opcode = text;
  std::string payload{};
  bool fin = true;
  std::uint8_t rsv = 0;
  bool masked = true;
  int length_bytes = -1;  ///< of the extended length; the fewest that do where negative

  std::string bytes() const {
    std::string whole(1, static_cast<char>((fin ? 0x80 : 0) | rsv << 4 | opcode));
    const int longer = length_bytes >= 0 ? length_bytes : payload.size() < 126 ? 0 : payload.size() < 65536 ? 2 : 8;
    const auto mask_bit = static_cast<std::size_t>(masked ? 0x80 : 0);
    whole.push_back(static_cast<char>(mask_bit | (longer == 0 ? payload.size() : longer == 2 ? 126 : 127)));
    for (int shift = 8 * (longer - 1); shift >= 0; shift -= 8) whole.push_back(static_cast<char>(std::uint64_t{payload.size()} >> shift));
    if (!masked) return whole + payload;
    const std::string mask{"\x37\xfa\x21\x3d"};
    whole += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) whole.push_back(static_cast<char>(payload[i] ^ mask[i % 4]));
    return whole;
  }
};

inline std::string said(std::string_view message) { return frame{.payload = std::string{message}}.bytes(); }
inline std::string code(unsigned number, std::string_view reason = {}) {
  return std::string{static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)} + std::string{reason};
}

/// The frames in `bytes`, which hold nothing else; one with opcode 255 at the end where they do not.
inline std::vector<frame> frames_in(std::string_view bytes) {
  std::vector<frame> found;
  const auto broken = [&found] {
    found.push_back({.opcode = 255});
    return found;
  };
  while (!bytes.empty()) {
    if (bytes.size() < 2) return broken();
    frame each{.opcode = static_cast<std::uint8_t>(bytes[0] & 0x0F), .fin = (bytes[0] & 0x80) != 0, .rsv = static_cast<std::uint8_t>(static_cast<unsigned char>(bytes[0]) >> 4 & 7)};
    each.masked = (bytes[1] & 0x80) != 0;
    std::uint64_t size = bytes[1] & 0x7F;
    each.length_bytes = size < 126 ? 0 : size == 126 ? 2 : 8;
    bytes.remove_prefix(2);
    if (bytes.size() < static_cast<std::size_t>(each.length_bytes) + (each.masked ? 4 : 0)) return broken();
    if (each.length_bytes != 0) size = 0;
    for (int i = 0; i < each.length_bytes; ++i) size = size << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    bytes.remove_prefix(static_cast<std::size_t>(each.length_bytes));
    const std::string_view mask = each.masked ? bytes.substr(0, 4) : std::string_view{"\0\0\0\0", 4};
    if (each.masked) bytes.remove_prefix(4);
    if (bytes.size() < size) return broken();
    for (std::size_t i = 0; i < size; ++i) each.payload.push_back(static_cast<char>(bytes[i] ^ mask[i % 4]));
    bytes.remove_prefix(static_cast<std::size_t>(size));
    found.push_back(each);
  }
  return found;
}

/// The code of a close frame that is the last of `frames`; 0 when it has none, or is none.
inline unsigned close_code(const std::vector<frame>& frames) {
  if (frames.empty() || frames.back().opcode != close || frames.back().payload.size() < 2) return 0;
  return static_cast<unsigned>(static_cast<unsigned char>(frames.back().payload[0])) << 8 | static_cast<unsigned char>(frames.back().payload[1]);
}

}  // namespace by_hand
