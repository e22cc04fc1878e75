// gffg's frames, the server's half. Protocol layer; models `server_session`, outside the door. gffg.hpp beside tenon.hpp gives it a server's names.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/rpc_name.hpp>

namespace tenon::inline v0::protocol {

namespace detail {

inline constexpr std::size_t gffg_head = 8;
/// What gffg's own readers have room for.
inline constexpr std::size_t gffg_largest = 1024 * 1024;

/// The number by which gffg knows a method: of `Service.Method`, without a package.
///
/// Source  FNV-1a, 64 bits.
constexpr std::uint64_t gffg_number(std::string_view service, std::string_view method) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325;
  const auto add = [&hash](std::string_view text) {
    for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001B3;
  };
  add(service);
  add(".");
  add(method);
  return hash;
}

/// The body's length, twice: four bytes in another order, then the zig-zag varint itself, padded with zeros.
inline void write_gffg_head(char* at, std::size_t body) noexcept {
  std::uint64_t left = std::uint64_t{body} << 1;
  char size[4] = {};
  for (char& each : size) {
    each = static_cast<char>((left & 0x7F) | (left > 0x7F ? 0x80 : 0));
    left >>= 7;
    if (left == 0) break;
  }
  const char whole[gffg_head] = {size[1], size[3], size[2], size[0], size[0], size[1], size[2], size[3]};
  std::copy(whole, whole + gffg_head, at);
}

/// Whether these bytes, up to eight, may begin a frame; `size` is filled in by the eighth.
///
/// Shape   below 1 MiB the varint's fourth byte is 0 or 1 and its lowest bit 0, so that text is told apart by its second byte, and most else by the fifth.
inline bool may_be_gffg_head(std::string_view bytes, std::size_t& size) noexcept {
  constexpr std::size_t mate[4] = {5, 7, 6, 4};
  if (bytes.size() > 1 && static_cast<unsigned char>(bytes[1]) > 1) return false;
  if (bytes.size() > 3 && (bytes[3] & 1) != 0) return false;
  for (std::size_t i = 0; i < 4; ++i) {
    if (mate[i] < bytes.size() && bytes[i] != bytes[mate[i]]) return false;
  }
  if (bytes.size() < gffg_head) return true;
  std::uint64_t value = 0;
  int shift = 0;
  bool ended = false;
  for (std::size_t i = 4; i < gffg_head; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    // Behind its last byte a varint has zeros.
    if (ended && byte != 0) return false;
    if (!ended) value |= std::uint64_t{byte & 0x7FU} << shift;
    shift += 7;
    ended = ended || (byte & 0x80U) == 0;
  }
  size = static_cast<std::size_t>(value >> 1);
  return ended && size <= gffg_largest;
}

// One field of a protobuf message.
struct proto_field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;       ///< of a varint
  std::string_view bytes{};      ///< of a length-delimited one
  bool is_bytes = false;
};

// Takes varints and fields off the front of a message; false at its end, and where it is none.
class proto_fields {
 public:
  explicit proto_fields(std::string_view message) noexcept : rest_{message} {}
  bool broken() const noexcept { return broken_; }

  bool next(proto_field& into) noexcept {
    std::uint64_t tag = 0;
    std::uint64_t size = 0;
    if (rest_.empty() || !number(tag)) return false;
    into = {.number = tag >> 3};
    switch (tag & 7) {
      case 0: return number(into.value);
      case 1: return take(8, into.bytes);
      case 2:
        into.is_bytes = true;
        return number(size) && take(size, into.bytes);
      case 5: return take(4, into.bytes);
      default: return fail();
    }
  }

 private:
  bool fail() noexcept {
    broken_ = true;
    return false;
  }
  bool number(std::uint64_t& value) noexcept {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return true;
    }
    return fail();
  }
  bool take(std::uint64_t size, std::string_view& bytes) noexcept {
    if (size > rest_.size()) return fail();
    bytes = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(bytes.size());
    return true;
  }

  std::string_view rest_;
  bool broken_ = false;
};

inline void append_proto_number(buffer& out, std::uint64_t value) {
  for (; value > 0x7F; value >>= 7) out.push_back(static_cast<char>((value & 0x7F) | 0x80));
  out.push_back(static_cast<char>(value));
}
inline void append_proto_text(buffer& out, unsigned number, std::string_view text) {
  append_proto_number(out, number << 3 | 2U);
  append_proto_number(out, text.size());
  out.append(text);
}

// `headers`, field 3 of a request: a map of strings.
inline void read_gffg_headers(std::string_view body, metadata& into) {
  proto_field field;
  for (proto_fields all{body}; all.next(field);) {
    if (field.number != 3 || !field.is_bytes) continue;
    std::string_view key;
    std::string_view value;
    proto_field part;
    for (proto_fields entry{field.bytes}; entry.next(part);) {
      if (part.is_bytes && part.number == 1) key = part.bytes;
      if (part.is_bytes && part.number == 2) value = part.bytes;
    }
    into.add(key, value);
  }
}

}  // namespace detail

/// What a gffg number stands for; an empty method when it is nobody's.
template <class T>
concept gffg_names = requires(std::uint64_t number) {
  { T::find(number) } -> std::same_as<detail::rpc_name>;
};

/// Calls as gffg frames them, in protobuf; answered in any order. A header `onlyCall`, or `sid` 0, is a call without an answer.
///
/// Shape   8 bytes of length, then Request{1 sid, 2 rpcId, 3 headers, 4 packet} or Response{1 sid, 2 headers, 3 code, 4 packet}. Headers are metadata. `recognise` needs its
///         place in front of rpcx in the list, since a length may begin with rpcx's byte.
/// Errors  a call that fails has a code instead of a packet, and no text: 405 for resource_exhausted, 408 for deadline_exceeded, 404 for what is not served, which gffg's own
///         servers leave without an answer, 505 for all else. An answer above 1 MiB, for which its clients have no room, is one such.
/// Source  shockerjue/gffg, transport/header.go and proto/packet.proto.
template <gffg_names Names>
class basic_gffg_session {
 public:
  static constexpr std::string_view name = "gffg";
  static constexpr bool answers_in_any_order = true;

  static sniffed recognise(std::string_view first) noexcept {
    std::size_t size = 0;
    if (!detail::may_be_gffg_head(first.substr(0, detail::gffg_head), size)) return sniffed::no;
    if (first.size() < detail::gffg_head) return sniffed::need_more;
    return size != 0 ? sniffed::yes : sniffed::no;
  }

  explicit basic_gffg_session(const limits& bounds) noexcept : bounds_{bounds} {}
  basic_gffg_session(const basic_gffg_session&) = delete;
  basic_gffg_session& operator=(const basic_gffg_session&) = delete;

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    while (done.next == consumed::state::more && in.size() - done.bytes >= detail::gffg_head) {
      const std::string_view rest = in.substr(done.bytes);
      std::size_t size = 0;
      if (!detail::may_be_gffg_head(rest.substr(0, detail::gffg_head), size)) close(done, {"expected a length that says the same twice, below 1 MiB"});
      else if (size > bounds_.max_message_bytes + bounds_.max_metadata_bytes) close(done, {"a message of ", tenon::detail::number_text{size}, " bytes exceeds the limits"});
      else if (rest.size() - detail::gffg_head < size) break;
      else if (sink.full()) done.next = consumed::state::wait;
      else if (!take(rest.substr(detail::gffg_head, size), sink, out)) close(done, {"expected a Request in protobuf, found other bytes"});
      else done.bytes += detail::gffg_head + size;
    }
    return done;
  }

  mark begin_reply(buffer& out, const reply_address& to) {
    const std::size_t start = begin_frame(out, to.id);
    // The packet's length follows: four bytes, whatever it is.
    out.append(std::string_view{"\x22\x80\x80\x80\x00", 5});
    return {.start = start, .payload = out.size()};
  }
  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    std::size_t left = out.size() - at.payload;
    if (left > detail::gffg_largest - 1024) return too_large(out, at, to);
    for (int i = 0; i < 4; ++i, left >>= 7) out.data()[at.payload - 4 + static_cast<std::size_t>(i)] = static_cast<char>((left & 0x7F) | (i < 3 ? 0x80 : 0));
    end_frame(out, at.start, extra);
    if (out.size() - at.start - detail::gffg_head > detail::gffg_largest) too_large(out, at, to);
  }
  [[gnu::cold]] void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    const std::size_t start = begin_frame(out, to.id);
    out.push_back(3 << 3);
    detail::append_proto_number(out, code_of(error));
    const std::size_t end = out.size();
    end_frame(out, start, extra);
    if (out.size() - start - detail::gffg_head <= detail::gffg_largest) return;
    out.truncate(end);
    end_frame(out, start, {});
  }

  bool closing() const noexcept { return false; }
  bool unfinished() const noexcept { return false; }

 private:
  // False when the body is no Request.
  template <class Sink>
  bool take(std::string_view body, Sink& sink, buffer& out) {
    std::uint64_t id = 0;
    std::uint64_t number = 0;
    std::string_view packet;
    std::size_t header_bytes = 0;
    detail::proto_fields all{body};
    for (detail::proto_field field; all.next(field);) {
      if (field.number == 1 && !field.is_bytes) id = field.value;
      if (field.number == 2 && !field.is_bytes) number = field.value;
      if (field.number == 3) header_bytes += field.bytes.size();
      if (field.number == 4 && field.is_bytes) packet = field.bytes;
    }
    if (all.broken()) return false;
    const bool one_way = id == 0 || has_only_call(body);
    const detail::rpc_name called = Names::find(number);
    request call{.service = called.service,
                 .method = called.method,
                 .payload = packet,
                 .address = {.id = id, .codec = serialization::protobuf, .one_way = one_way},
                 .metadata_block = body,
                 .read_metadata = &detail::read_gffg_headers};
    status fault;
    if (called.method.empty()) fault = refused(code::unimplemented, "no method has this number");
    else if (packet.size() > bounds_.max_message_bytes || header_bytes > bounds_.max_metadata_bytes) fault = refused(code::resource_exhausted, "the message exceeds the limits");
    if (fault.ok()) sink.on_request(call);
    else if (!one_way) write_error(out, call.address, fault, {});
    return true;
  }
  static bool has_only_call(std::string_view body) {
    detail::proto_field field;
    for (detail::proto_fields all{body}; all.next(field);) {
      if (field.number != 3 || !field.is_bytes) continue;
      detail::proto_field part;
      for (detail::proto_fields entry{field.bytes}; entry.next(part);) {
        if (part.number == 1 && part.bytes == "onlyCall") return true;
      }
    }
    return false;
  }
  [[gnu::cold]] static status refused(code why, std::string_view text) {
    status error{why, text};
    error.add_flag(outcome::not_executed).add_flag(outcome::no_retry);
    return error;
  }

  // --- writing

  static std::size_t begin_frame(buffer& out, std::uint64_t id) {
    const std::size_t start = out.size();
    out.append(std::string_view{"\0\0\0\0\0\0\0\0", detail::gffg_head});
    out.push_back(1 << 3);
    detail::append_proto_number(out, id);
    return start;
  }
  static void end_frame(buffer& out, std::size_t start, const metadata& extra) {
    for (const auto& [key, value] : extra) {
      buffer entry;
      detail::append_proto_text(entry, 1, key);
      detail::append_proto_text(entry, 2, value);
      detail::append_proto_text(out, 2, entry.view());
    }
    detail::write_gffg_head(out.data() + start, out.size() - start - detail::gffg_head);
  }
  [[gnu::cold]] void too_large(buffer& out, mark at, const reply_address& to) {
    out.truncate(at.start);
    write_error(out, to, status{code::internal, "the answer is above 1 MiB"}, {});
  }
  static std::uint64_t code_of(const status& error) noexcept {
    switch (error.code()) {
      case code::resource_exhausted: return 405;
      case code::deadline_exceeded: return 408;
      case code::unimplemented: return error.has(outcome::not_executed) ? 404 : 505;
      default: return 505;
    }
  }
  [[gnu::cold]] static void close(consumed& done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "gffg: " + tenon::detail::join_text(reason);
  }

  limits bounds_;
};

}  // namespace tenon::inline v0::protocol
