// HTTP/2 by hand, so that the tests do not believe what they test: frames, and headers without any compression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <simulation.hpp>

namespace http2_by_hand {

using namespace std::string_literals;

enum type : int { data = 0, headers = 1, reset = 3, settings = 4, ping = 6, goaway = 7 };

struct frame {
  int type = -1;
  int flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline std::uint32_t number(std::string_view four) {
  std::uint32_t value = 0;
  for (const char each : four.substr(0, 4)) value = value << 8 | static_cast<unsigned char>(each);
  return value & 0x7FFF'FFFF;
}
inline std::string bytes_of(const frame& what) {
  return simulated::big_endian(what.payload.size(), 3) + static_cast<char>(what.type) + static_cast<char>(what.flags) + simulated::big_endian(what.stream, 4) + what.payload;
}
/// The frames of these types.
inline std::vector<frame> frames_in(std::string_view bytes, std::initializer_list<type> wanted) {
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  if (bytes.substr(0, preface.size()) == preface) bytes.remove_prefix(preface.size());
  std::vector<frame> found;
  while (bytes.size() >= 9) {
    const std::size_t length = number("\0"s.append(bytes.substr(0, 3)));
    if (bytes.size() < 9 + length) break;
    frame each{static_cast<unsigned char>(bytes[3]), static_cast<unsigned char>(bytes[4]), number(bytes.substr(5)), std::string{bytes.substr(9, length)}};
    for (const type one : wanted) {
      if (each.type == one) found.push_back(each);
    }
    bytes.remove_prefix(9 + length);
  }
  return found;
}
inline std::string both_settings() { return bytes_of({.type = settings, .payload = {}}) + bytes_of({.type = settings, .flags = 1, .payload = {}}); }
inline std::string greeting() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + both_settings(); }

inline std::string literal(std::string_view name, std::string_view value) {
  return "\0"s + static_cast<char>(name.size()) + std::string{name} + static_cast<char>(value.size()) + std::string{value};
}
/// The headers of a request to `path`.
inline std::string head(std::string_view verb, std::string_view path, std::string_view content_type) {
  return literal(":method", verb) + literal(":scheme", "http") + literal(":path", path) + literal(":authority", "kiosk") + literal("te", "trailers") +
         literal("content-type", content_type);
}
/// A whole call, or its answer with a status of OK.
inline std::string request(std::uint32_t stream, std::string_view path, std::string_view text) {
  const std::string message = "\x0a"s + static_cast<char>(text.size()) + std::string{text};
  return bytes_of({.type = headers, .flags = 4, .stream = stream, .payload = head("POST", path, "application/grpc+proto")}) +
         bytes_of({.type = data, .flags = 1, .stream = stream, .payload = "\0"s + simulated::big_endian(message.size(), 4) + message});
}
inline std::string answer(std::uint32_t stream, std::string_view text) {
  const std::string message = "\x0a"s + static_cast<char>(text.size()) + std::string{text};
  return bytes_of({.type = headers, .flags = 4, .stream = stream, .payload = literal(":status", "200") + literal("content-type", "application/grpc+proto")}) +
         bytes_of({.type = data, .stream = stream, .payload = "\0"s + simulated::big_endian(message.size(), 4) + message}) +
         bytes_of({.type = headers, .flags = 5, .stream = stream, .payload = literal("grpc-status", "0")});
}

}  // namespace http2_by_hand
