// gRPC's small texts: timeouts, percent-coded messages, content types, metadata. Protocol layer; shared by both halves of gRPC.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

struct grpc_time_unit {
  char letter;
  std::int64_t ns;
};
inline constexpr std::array<grpc_time_unit, 6> grpc_time_units{{{'n', 1}, {'u', 1'000}, {'m', 1'000'000}, {'S', 1'000'000'000}, {'M', 60'000'000'000}, {'H', 3'600'000'000'000}}};

/// Reads `grpc-timeout`: at most 8 digits and a unit. Nothing when it is not one.
constexpr std::optional<duration> parse_grpc_timeout(std::string_view text) noexcept {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t count = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + (c - '0');
  }
  for (const auto& unit : grpc_time_units) {
    if (unit.letter == text.back()) return duration{unit.ns} * count;
  }
  return std::nullopt;
}

/// Room for any timeout: 8 digits and a unit.
using grpc_timeout_text = std::array<char, 12>;

/// Writes `left` in the finest unit that fits 8 digits, rounded up: a peer never gives up before its caller does. What is over already is `0n`.
inline std::string_view write_grpc_timeout(grpc_timeout_text& into, duration left) noexcept {
  constexpr std::int64_t most = 99'999'999;
  const std::int64_t ns = left.ns < 0 ? 0 : left.ns;
  std::int64_t count = most;
  char letter = 'H';
  for (const auto& unit : grpc_time_units) {
    const std::int64_t rounded = ns / unit.ns + (ns % unit.ns != 0 ? 1 : 0);
    if (rounded > most) continue;
    count = rounded;
    letter = unit.letter;
    break;
  }
  char* end = std::to_chars(into.data(), into.data() + into.size() - 1, count).ptr;
  *end++ = letter;
  return {into.data(), static_cast<std::size_t>(end - into.data())};
}

/// Codes a message for `grpc-message`: printable ASCII but `%` as it is, every other byte as `%XX`.
inline std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string coded;
  coded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7E && c != '%') {
      coded.push_back(c);
    } else {
      coded.push_back('%');
      coded.push_back(digits[byte >> 4]);
      coded.push_back(digits[byte & 15]);
    }
  }
  return coded;
}

/// The reverse; an escape that is none stays as it stands, so that no text is lost.
inline std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      plain.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

/// The codec that `application/grpc...` names; nothing when the content type is not gRPC's. Plain `application/grpc` is protobuf.
constexpr std::optional<serialization> codec_of_grpc(std::string_view content_type) noexcept {
  constexpr std::string_view base = "application/grpc";
  if (content_type.substr(0, base.size()) != base) return std::nullopt;
  std::string_view rest = content_type.substr(base.size());
  if (const std::size_t parameters = rest.find(';'); parameters != std::string_view::npos) rest = rest.substr(0, parameters);
  if (rest.empty() || rest == "+proto") return serialization::protobuf;
  if (rest == "+json") return serialization::json;
  if (rest == "+msgpack") return serialization::msgpack;
  // Another content subtype is gRPC still: the router says what is spoken here.
  return rest.front() == '+' ? std::optional{serialization::raw} : std::nullopt;
}

constexpr std::string_view grpc_content_type(serialization codec) noexcept {
  switch (codec) {
    case serialization::json: return "application/grpc+json";
    case serialization::msgpack: return "application/grpc+msgpack";
    default: return "application/grpc+proto";
  }
}

struct grpc_names {
  std::string_view service;
  std::string_view method;
};
/// What `/package.Service/Method` names; nothing where it is no such path.
constexpr grpc_names names_in(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash == 0) return {};
  return {path.substr(1, slash - 1), path.substr(slash + 1)};
}

// `name == literal`, which compilers call out of line where there are many of them: every field of every call is looked at so.
template <std::size_t Size>
[[gnu::always_inline]] inline bool is_field(std::string_view name, const char (&literal)[Size]) noexcept {
  return name.size() == Size - 1 && std::memcmp(name.data(), literal, Size - 1) == 0;
}

/// Names that are the protocol's or the connection's, never metadata.
inline bool is_grpc_framing(std::string_view name) noexcept {
  // By its first letter: most names are looked at no further.
  switch (name.empty() ? ':' : name.front()) {
    case ':': return true;
    case 'c': return is_field(name, "content-type") || is_field(name, "connection") || is_field(name, "content-length");
    case 'g': return name.starts_with("grpc-");
    case 'h': return is_field(name, "host");
    case 'k': return is_field(name, "keep-alive");
    case 'p': return is_field(name, "proxy-connection");
    case 't': return is_field(name, "te") || is_field(name, "transfer-encoding");
    case 'u': return is_field(name, "user-agent") || is_field(name, "upgrade");
    default: return false;
  }
}

}  // namespace tenon::inline v0::protocol::detail
