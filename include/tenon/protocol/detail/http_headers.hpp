// Metadata as HTTP header lines, both ways. Protocol layer; shared by what speaks HTTP/1.1.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

// Names that describe the message or the hop rather than the call: never metadata, and never a handler's to set.
// Connect reserves the whole prefix `connect-`.
inline bool is_framing_header(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 15> names{
      "accept-encoding", "connection",   "content-encoding", "content-length", "content-type",
      "expect",          "host",         "http2-settings",   "keep-alive",     "proxy-connection",
      "te",              "trailer",      "transfer-encoding", "upgrade",       "content-range"};
  constexpr std::string_view reserved = "connect-";
  if (is_named(name.substr(0, reserved.size()), reserved)) return true;
  for (const std::string_view each : names) {
    if (is_named(name, each)) return true;
  }
  return false;
}

// Metadata whose name ends in `-bin` is binary, and base64 in a header; Connect and gRPC agree on it.
inline bool is_binary_header(std::string_view name) noexcept { return name.ends_with("-bin"); }

// A comma joins several values. What is no base64 is left out.
[[gnu::cold]] inline void add_binary_header(metadata& into, std::string_view name, std::string_view list) {
  std::string bytes;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    const std::string_view digits = tenon::detail::base64_unpadded(trim_blanks(list.substr(0, comma)));
    bytes.resize(tenon::detail::base64_bytes(digits.size()));
    if (tenon::detail::read_base64(digits, reinterpret_cast<std::byte*>(bytes.data())) == digits.size()) into.add(name, bytes);
    more = comma != std::string_view::npos;
    if (more) list.remove_prefix(comma + 1);
  }
}

// The block has passed the parser, so that every line has a name and a colon and none is folded.
inline void read_http_metadata(std::string_view block, metadata& into) {
  std::string name;
  while (!block.empty()) {
    const std::size_t end = block.find("\r\n");
    const std::string_view line = block.substr(0, end);
    block.remove_prefix(end == std::string_view::npos ? block.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    name.assign(line.substr(0, colon));
    for (char& c : name) c = to_lower(c);
    if (is_framing_header(name)) continue;
    const std::string_view value = trim_blanks(line.substr(colon + 1));
    if (is_binary_header(name)) add_binary_header(into, name, value);
    else into.add(name, value);
  }
}

// A value loses its control bytes and a name that is no token loses its line: no metadata can end a header or the head.
[[gnu::cold]] inline void append_header(buffer& out, std::string_view name, std::string_view value) {
  if (!is_token(name) || is_framing_header(name)) return;
  const std::size_t start = out.size();
  for (const char c : name) out.push_back(to_lower(c));
  const bool is_binary = is_binary_header(out.view(start));
  out.append(": ");
  if (is_binary) out.append(tenon::detail::to_base64(value));
  for (const char c : is_binary ? std::string_view{} : value) {
    if ((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t') out.push_back(c);
  }
  out.append("\r\n");
}

[[gnu::cold]] inline void append_headers(buffer& out, const metadata& extra) {
  for (const auto& [name, value] : extra) append_header(out, name, value);
}

inline void append_decimal(buffer& out, std::size_t value) {
  std::array<char, 20> digits;
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  out.append(digits.data() + at, digits.size() - at);
}

}  // namespace tenon::inline v0::protocol::detail
