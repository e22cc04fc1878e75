// How a WebSocket is opened: the request and the answer, both ways. Protocol layer; websocket.hpp and websocket_client.hpp use it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include <boost/uuid/detail/sha1.hpp>

#include <tenon/core/base64.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_head.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

/// What a server answers to a client's key, to show that it speaks WebSocket.
///
/// Source  RFC 6455, 4.2.2.
[[gnu::cold]] inline std::string websocket_accept(std::string_view key) {
  constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  boost::uuids::detail::sha1 hash;
  hash.process_bytes(key.data(), key.size());
  hash.process_bytes(guid.data(), guid.size());
  boost::uuids::detail::sha1::digest_type digest;
  hash.get_digest(digest);
  std::array<char, 20> bytes;
  static_assert(sizeof digest == sizeof bytes);
  // Five numbers up to Boost 1.85, their bytes from 1.86 on.
  if constexpr (sizeof digest[0] == 4) {
    for (std::size_t i = 0; i < 5; ++i) tenon::detail::store_big_endian_32(bytes.data() + 4 * i, static_cast<std::uint32_t>(digest[i]));
  } else {
    std::memcpy(bytes.data(), &digest, sizeof bytes);
  }
  std::string text(tenon::detail::base64_size(bytes.size()), '\0');
  tenon::detail::write_base64(text.data(), reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
  return text;
}

// Whether a header's list of tokens has this one, in either case.
inline bool lists_token(std::string_view list, std::string_view lower) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (is_named(trim_blanks(list.substr(0, comma)), lower)) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

/// What one side of the handshake says. The views lie in the head.
struct websocket_head {
  std::string_view key{};
  std::string_view version{};
  std::string_view accept{};
  std::string_view origin{};
  std::string_view host{};
  std::string_view extensions{};
  std::string_view protocol{};    ///< of an answer, which has one at most
  std::size_t keys = 0;
  std::size_t versions = 0;
  std::size_t accepts = 0;
  std::size_t origins = 0;
  bool upgrades = false;          ///< `Upgrade` lists websocket,
  bool connects = false;          ///< and `Connection` lists upgrade
  bool offers_jsonrpc = false;    ///< `Sec-WebSocket-Protocol` lists jsonrpc
  bool has_protocol = false;
};

inline constexpr std::string_view websocket_protocol = "jsonrpc";

inline void note_websocket_field(const http_field& field, websocket_head& head) noexcept {
  const auto is = [&field](std::string_view name) { return is_named(field.name, name); };
  switch (field.name.size()) {
    case 4: if (is("host")) head.host = field.value; break;
    case 6:
      if (!is("origin")) break;
      head.origin = field.value;
      ++head.origins;
      break;
    case 7: if (is("upgrade")) head.upgrades = head.upgrades || lists_token(field.value, "websocket"); break;
    case 10: if (is("connection")) head.connects = head.connects || lists_token(field.value, "upgrade"); break;
    case 17:
      if (!is("sec-websocket-key")) break;
      head.key = field.value;
      ++head.keys;
      break;
    case 20:
      if (!is("sec-websocket-accept")) break;
      head.accept = field.value;
      ++head.accepts;
      break;
    case 21:
      if (!is("sec-websocket-version")) break;
      head.version = field.value;
      ++head.versions;
      break;
    case 22:
      if (!is("sec-websocket-protocol")) break;
      head.protocol = field.value;
      head.has_protocol = true;
      head.offers_jsonrpc = head.offers_jsonrpc || lists_token(field.value, websocket_protocol);
      break;
    case 24: if (is("sec-websocket-extensions")) head.extensions = field.value; break;
    default: break;
  }
}

/// Reads the header lines, up to the empty one. Returns what is wrong with them; nothing when all is well.
inline std::string_view cut_websocket_fields(std::string_view fields, websocket_head& head) noexcept {
  std::string_view fault;
  http_field field;
  while (fault.empty() && fields != "\r\n") {
    fault = cut_field(fields, field);
    if (fault.empty()) note_websocket_field(field, head);
  }
  return fault;
}

// Where a head ends: behind its empty line; 0 while there is none, `bare_line_feed` where LF alone ends a line, which is for http1 to refuse.
inline std::size_t find_head_end(std::string_view bytes) noexcept {
  std::size_t line = 0;
  for (;;) {
    std::size_t seen = 0;
    const std::size_t size = find_line(bytes.substr(line), seen);
    if (size == 0 || size == bare_line_feed) return size;
    line += size;
    if (size == 2) return line;
  }
}

/// Whether these first bytes ask for a WebSocket: a GET whose head says so, once that is here.
///
/// Units   `longest` in bytes of the head; one that is longer is left to whoever comes next.
inline sniffed recognise_websocket(std::string_view first, std::size_t longest) noexcept {
  constexpr std::string_view get = "GET ";
  if (first.substr(0, get.size()) != get.substr(0, first.size())) return sniffed::no;
  const std::size_t size = find_head_end(first.substr(0, longest));
  if (size == bare_line_feed) return sniffed::no;
  if (size == 0) return first.size() < longest ? sniffed::need_more : sniffed::no;
  std::string_view fields = first.substr(0, size);
  http_head line;
  websocket_head head;
  if (!cut_request_line(fields, line).empty() || !cut_websocket_fields(fields, head).empty()) return sniffed::no;
  return head.upgrades ? sniffed::yes : sniffed::no;
}

// RFC 6455, 4.1: sixteen bytes in base64.
inline bool is_websocket_key(std::string_view key) {
  std::array<std::byte, 16> bytes;
  const std::string_view digits = tenon::detail::base64_unpadded(key);
  return key.size() == 24 && tenon::detail::base64_bytes(digits.size()) == bytes.size() && tenon::detail::read_base64(digits, bytes.data()) == digits.size();
}

}  // namespace tenon::inline v0::protocol::detail
