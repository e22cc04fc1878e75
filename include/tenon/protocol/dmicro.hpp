// dmicro's raw frames, the server's half: what DMicro's RPC clients in Go speak. Protocol layer; models `server_session`, outside the door.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>

#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/dmicro_common.hpp>
#include <tenon/protocol/detail/jsonrpc_envelope.hpp>
#include <tenon/protocol/detail/rpc_name.hpp>

namespace tenon::inline v0::protocol {

namespace detail {

/// One frame that has been taken apart; the views lie in its bytes.
struct dmicro_message {
  std::int32_t sequence = 0;
  std::uint8_t type = 0;
  std::string_view method{};
  std::string_view metadata{};
  std::uint8_t codec = 0;
  std::string_view body{};
};

// Takes blocks off the front; empty ones from the first on that is not there.
class dmicro_cursor {
 public:
  explicit dmicro_cursor(std::string_view bytes) noexcept : rest_{bytes} {}
  std::string_view take(std::size_t size) noexcept {
    if (size > rest_.size()) broken_ = true;
    const std::string_view block = broken_ ? std::string_view{} : rest_.substr(0, size);
    rest_.remove_prefix(block.size());
    return block;
  }
  std::size_t number(std::size_t size) noexcept {
    std::size_t value = 0;
    for (const char each : take(size)) value = value << 8 | static_cast<unsigned char>(each);
    return value;
  }
  std::string_view rest() const noexcept { return rest_; }
  bool broken() const noexcept { return broken_; }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

// False when the blocks do not add up. `bytes` is what stands behind the filters.
inline bool cut_dmicro(std::string_view bytes, dmicro_message& into) noexcept {
  dmicro_cursor at{bytes};
  const std::string_view digits = at.take(at.number(1));
  into.type = static_cast<std::uint8_t>(at.number(1));
  into.method = at.take(at.number(1));
  at.take(at.number(2));  // the status, which only answers have
  into.metadata = at.take(at.number(2));
  into.codec = static_cast<std::uint8_t>(at.number(1));
  into.body = at.rest();
  const char* const stop = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), stop, into.sequence, 36);
  return !at.broken() && error == std::errc{} && end == stop;
}

}  // namespace detail

/// Calls as dmicro's raw protocol frames them; answered in any order. Pushes are calls without an answer. Calls of `/heartbeat` are answered here.
///
/// Shape   u32 length of all, u8 version 1, u8 number of filters (none), u8 length and sequence in base 36, u8 type, u8 length and `/service/method`, u16 length and status
///         in JSON, u16 length and metadata in JSON, u8 codec (`j` JSON, `p` protobuf, 0 nothing), body.
///         A method is named as the service and the method are on the wire here: dmicro makes `/aa_bb` of a Go method AaBb, which `tenon::name("aa_bb")` answers.
///         Its mapper with dots is understood as well.
/// Errors  a status has the HTTP status of the code, 408 for deadline_exceeded, 502 for unavailable and -1 for unknown; the code's name is its cause. Filters (gzip, md5, AES)
///         are not read: a frame with one ends the connection, as do blocks that do not add up, and a frame above `max_message_bytes` and `max_metadata_bytes` together.
///         AUTH_CALL is agreed to: what a caller may do is the policies' to say.
/// Source  osgochina/dmicro, drpc/proto/rawproto.
class dmicro_session {
 public:
  static constexpr std::string_view name = "dmicro";
  static constexpr bool answers_in_any_order = true;

  /// A length below 16 MiB, whose first byte is zero as no other protocol's is, and behind it version 1 and a small number of filters.
  static sniffed recognise(std::string_view first) noexcept {
    constexpr std::uint32_t longest = 1U << 24;
    if (!first.empty() && first[0] != 0) return sniffed::no;
    if (first.size() >= 5 && first[4] != version) return sniffed::no;
    if (first.size() < 6) return sniffed::need_more;
    const std::uint32_t length = tenon::detail::load_big_endian_32(first.data());
    return length >= smallest && length < longest && static_cast<unsigned char>(first[5]) <= most_filters ? sniffed::yes : sniffed::no;
  }

  explicit dmicro_session(const limits& bounds) noexcept : bounds_{bounds} {}
  dmicro_session(const dmicro_session&) = delete;
  dmicro_session& operator=(const dmicro_session&) = delete;

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    while (done.next == consumed::state::more) {
      const std::string_view rest = in.substr(done.bytes);
      if (rest.size() < 4) break;
      const std::size_t length = tenon::detail::load_big_endian_32(rest.data());
      if (!possible(rest, length, done)) break;
      if (rest.size() < length) break;
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      detail::dmicro_message message;
      if (!detail::cut_dmicro(rest.substr(fixed, length - fixed), message)) {
        close(done, {"expected blocks that add up to the frame's length, found others"});
        break;
      }
      done.bytes += length;
      take(message, sink, out);
    }
    return done;
  }

  mark begin_reply(buffer& out, const reply_address& to) {
    const std::size_t start = begin_frame(out, to.id, detail::dmicro_type::reply);
    append_block(out, detail::dmicro_fine);
    append_block(out, "{}");
    out.push_back(to.codec == serialization::protobuf ? 'p' : 'j');
    return {.start = start, .payload = out.size()};
  }
  void end_reply(buffer& out, mark at, const reply_address&, const metadata& extra) {
    if (!extra.empty()) [[unlikely]] insert_metadata(out, at.payload, extra);
    end_frame(out, at.start);
  }
  [[gnu::cold]] void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    const std::size_t start = begin_frame(out, to.id, detail::dmicro_type::reply);
    buffer text;
    detail::append_dmicro_status(text, error);
    append_block(out, text.view());
    append_block(out, "{}");
    out.push_back(0);
    if (!extra.empty()) insert_metadata(out, out.size(), extra);
    end_frame(out, start);
  }

  bool closing() const noexcept { return false; }
  bool unfinished() const noexcept { return false; }

 private:
  static constexpr char version = 1;
  static constexpr std::size_t fixed = 6;           // the length, the version, the number of filters
  static constexpr std::size_t smallest = fixed + 9;
  static constexpr unsigned most_filters = 8;

  bool possible(std::string_view rest, std::size_t length, consumed& done) const {
    const std::size_t longest = fixed + 1024 + bounds_.max_message_bytes + bounds_.max_metadata_bytes;
    if (length < smallest) return close(done, {"expected a frame of at least ", tenon::detail::number_text{smallest}, " bytes, found a length of ", tenon::detail::number_text{length}});
    if (length > longest) return close(done, {"a frame of ", tenon::detail::number_text{length}, " bytes exceeds the limits"});
    if (rest.size() < fixed) return true;
    if (rest[4] != version) return close(done, {"expected version 1, found ", tenon::detail::number_text{std::size_t{static_cast<unsigned char>(rest[4])}}});
    if (rest[5] != 0) return close(done, {"frames with filters are not read here; send them without gzip, md5 or AES"});
    return true;
  }

  template <class Sink>
  void take(const detail::dmicro_message& message, Sink& sink, buffer& out) {
    using kind = detail::dmicro_type;
    const auto id = static_cast<std::uint64_t>(static_cast<std::uint32_t>(message.sequence));
    const bool one_way = message.type == static_cast<std::uint8_t>(kind::push);
    if (message.type == static_cast<std::uint8_t>(kind::auth_call)) return write_nothing(out, id, kind::auth_reply);
    if (!one_way && message.type != static_cast<std::uint8_t>(kind::call)) return;
    if (message.method == "/heartbeat") return one_way ? void() : write_nothing(out, id, kind::reply);
    const bool is_json = message.codec == 'j' || (message.codec == 0 && message.body.empty());
    const detail::rpc_name called = detail::split_dmicro_name(message.method);
    const request call{.service = called.service,
                       .method = called.method,
                       .payload = message.body,
                       .address = {.id = id, .codec = is_json ? serialization::json : serialization::protobuf, .one_way = one_way},
                       .metadata_block = message.metadata,
                       .read_metadata = &detail::read_jsonrpc_metadata};
    if (const status fault = detail::dmicro_fault(message.codec, is_json, message.body.size(), message.metadata.size(), bounds_); !fault.ok()) [[unlikely]] return one_way ? void() : write_error(out, call.address, fault, {});
    sink.on_request(call);
  }

  // --- writing

  static std::size_t begin_frame(buffer& out, std::uint64_t id, detail::dmicro_type type) {
    const std::size_t start = out.size();
    out.append(std::string_view{"\0\0\0\0\1\0", fixed});
    std::array<char, 8> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::int32_t>(static_cast<std::uint32_t>(id)), 36).ptr;
    out.push_back(static_cast<char>(end - digits.data()));
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out.push_back(static_cast<char>(type));
    out.push_back(0);  // an answer names no method
    return start;
  }
  static void append_block(buffer& out, std::string_view block) {
    out.push_back(static_cast<char>(block.size() >> 8));
    out.push_back(static_cast<char>(block.size() & 0xFF));
    out.append(block);
  }
  static void end_frame(buffer& out, std::size_t start) noexcept { tenon::detail::store_big_endian_32(out.data() + start, static_cast<std::uint32_t>(out.size() - start)); }

  [[gnu::cold]] static void write_nothing(buffer& out, std::uint64_t id, detail::dmicro_type type) {
    const std::size_t start = begin_frame(out, id, type);
    append_block(out, detail::dmicro_fine);
    append_block(out, "{}");
    out.push_back(0);
    end_frame(out, start);
  }

  // Puts metadata into the empty object in front of the codec's byte and the body; what two bytes cannot tell of stays away.
  [[gnu::cold]] static void insert_metadata(buffer& out, std::size_t payload, const metadata& extra) {
    buffer object;
    detail::append_jsonrpc_meta(object, {}, extra);
    constexpr std::string_view before = R"(,"meta":)";
    const std::string_view text = object.view(before.size());
    if (text.size() > 0xFFFF) return;
    const std::size_t at = payload - 1 - 2;  // of "{}"
    const std::size_t behind = out.size() - (payload - 1);
    out.extend(text.size() - 2);
    char* const place = out.data() + at;
    std::memmove(place + text.size(), place + 2, behind);
    std::memcpy(place, text.data(), text.size());
    place[-2] = static_cast<char>(text.size() >> 8);
    place[-1] = static_cast<char>(text.size() & 0xFF);
  }

  [[gnu::cold]] static bool close(consumed& done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "dmicro: " + tenon::detail::join_text(reason);
    return false;
  }

  limits bounds_;
};

}  // namespace tenon::inline v0::protocol
