// What gRPC carries beside a message: its prefix, metadata as header fields, a status's details. Protocol layer; shared by both halves of gRPC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/base64.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/detail/grpc_text.hpp>
#include <tenon/protocol/detail/http2_engine.hpp>

namespace tenon::inline v0::protocol::detail {

// A flag for compression, then the length in four bytes, the highest first.
inline constexpr std::size_t grpc_prefix = 5;

inline void set_grpc_length(char* prefix, std::size_t size) noexcept {
  for (int i = 0; i < 4; ++i) prefix[1 + i] = static_cast<char>(static_cast<unsigned char>(size >> (24 - 8 * i)));
}
inline std::size_t grpc_length(const char* prefix) noexcept {
  std::size_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(prefix[1 + i]);
  return size;
}

// --- metadata

inline std::string to_base64(std::string_view bytes) {
  std::string text(tenon::detail::base64_size(bytes.size()), '\0');
  char* end = tenon::detail::write_base64(text.data(), reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
  text.resize(static_cast<std::size_t>(end - text.data()));
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

// Padded or not. False when it is no base64.
inline bool from_base64(std::string_view text, std::string& bytes) {
  const std::string_view unpadded = tenon::detail::base64_unpadded(text);
  bytes.resize(tenon::detail::base64_bytes(unpadded.size()));
  return tenon::detail::read_base64(unpadded, reinterpret_cast<std::byte*>(bytes.data())) == unpadded.size();
}

inline bool is_binary(std::string_view name) noexcept { return name.ends_with("-bin"); }

// `name`, zero, `value`, zero: header fields hold no zeros.
inline void append_grpc_metadata(std::string& block, std::string_view name, std::string_view value) {
  block.append(name).push_back('\0');
  block.append(value).push_back('\0');
}

// Values of `-bin` names are bytes; a comma joins several. One that is no base64 is left out.
inline void read_grpc_metadata(std::string_view block, metadata& into) {
  std::string bytes;
  while (!block.empty()) {
    const std::string_view name = block.substr(0, block.find('\0'));
    block.remove_prefix(name.size() + 1);
    std::string_view value = block.substr(0, block.find('\0'));
    block.remove_prefix(value.size() + 1);
    if (!is_binary(name)) {
      into.add(name, value);
      continue;
    }
    while (true) {
      const std::string_view one = trim_blanks(value.substr(0, value.find(',')));
      if (from_base64(one, bytes)) into.add(name, bytes);
      const std::size_t comma = value.find(',');
      if (comma == std::string_view::npos) break;
      value.remove_prefix(comma + 1);
    }
  }
}

// What the fields of a message are views of, where metadata had to be coded. A deque: its strings stay where they are.
using grpc_coded_metadata = std::deque<std::string>;

// Metadata named `trailer-...` travels behind the message: Connect's convention for unary calls, kept over gRPC.
inline constexpr std::string_view trailer_prefix = "trailer-";
inline bool is_trailer(std::string_view name) noexcept { return metadata::same_key(name.substr(0, trailer_prefix.size()), trailer_prefix); }

// Which metadata: what goes in front of the message, what goes behind it, or both where there is but one place.
enum class metadata_part : std::uint8_t { headers, trailers, both };

// Names in lower case, binary values in base64. What is no legal name, or is the protocol's own, is left out, and so is a value that is no header's.
inline void add_grpc_metadata(std::vector<nghttp2_nv>& fields, grpc_coded_metadata& coded, const metadata& extra, metadata_part part) {
  for (const auto& [name, value] : extra) {
    const bool trails = is_trailer(name);
    if ((part == metadata_part::headers && trails) || (part == metadata_part::trailers && !trails)) continue;
    std::string lower{trails ? std::string_view{name}.substr(trailer_prefix.size()) : std::string_view{name}};
    bool good = true;
    for (char& c : lower) {
      c = to_lower(c);
      good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.');
    }
    if (!good || (is_grpc_framing(lower) && lower != "grpc-accept-encoding")) continue;
    if (is_binary(lower)) {
      coded.push_back(std::move(lower));
      const std::string& kept = coded.back();
      coded.push_back(to_base64(value));
      fields.push_back(header_field(kept, coded.back()));
      continue;
    }
    for (const char c : value) good = good && static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) <= 0x7E;
    if (!good) continue;
    coded.push_back(std::move(lower));
    fields.push_back(header_field(coded.back(), value));
  }
}

// --- details: google.rpc.Status {1 code, 2 message, 3 repeated google.protobuf.Any {1 type_url, 2 value}}, by hand for it is all of protobuf that a protocol needs

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value | 0x80)));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}
inline void append_bytes_field(std::string& out, unsigned number, std::string_view bytes) {
  append_varint(out, number << 3 | 2U);
  append_varint(out, bytes.size());
  out.append(bytes);
}

// Empty when there are none.
inline std::string grpc_status_details(const status& why) {
  if (why.details().empty()) return {};
  std::string bytes;
  append_varint(bytes, 1U << 3);
  append_varint(bytes, static_cast<std::uint64_t>(why.code()));
  append_bytes_field(bytes, 2, why.message());
  for (const status_detail& each : why.details()) {
    std::string any;
    append_bytes_field(any, 1, std::string{"type.googleapis.com/"}.append(each.type));
    append_bytes_field(any, 2, each.value);
    append_bytes_field(bytes, 3, any);
  }
  return to_base64(bytes);
}

// Cuts protobuf fields. False at the end, or where the bytes are none.
struct protobuf_fields {
  std::string_view left;
  std::uint64_t number = 0;
  std::string_view bytes{};
  std::uint64_t value = 0;

  bool varint(std::uint64_t& into) {
    into = 0;
    for (unsigned shift = 0; shift < 64 && !left.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(left.front());
      left.remove_prefix(1);
      into |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool next() {
    std::uint64_t tag = 0;
    if (left.empty() || !varint(tag)) return false;
    number = tag >> 3;
    bytes = {};
    if ((tag & 7U) == 0) return varint(value);
    std::uint64_t size = (tag & 7U) == 1 ? 8 : 4;
    if ((tag & 7U) == 2) {
      if (!varint(size)) return false;
    } else if ((tag & 7U) != 1 && (tag & 7U) != 5) {
      return false;
    }
    if (size > left.size()) return false;
    bytes = left.substr(0, static_cast<std::size_t>(size));
    left.remove_prefix(static_cast<std::size_t>(size));
    return true;
  }
};

// Adds the details that `coded` holds; what cannot be read adds nothing.
inline void read_grpc_status_details(std::string_view coded, status& into) {
  std::string bytes;
  if (!from_base64(coded, bytes)) return;
  protobuf_fields fields{.left = bytes};
  while (fields.next()) {
    if (fields.number != 3) continue;
    status_detail detail;
    protobuf_fields any{.left = fields.bytes};
    while (any.next()) {
      if (any.number == 1) detail.type = any.bytes.substr(any.bytes.rfind('/') + 1);
      if (any.number == 2) detail.value = any.bytes;
    }
    into.add_detail(std::move(detail));
  }
}

}  // namespace tenon::inline v0::protocol::detail
