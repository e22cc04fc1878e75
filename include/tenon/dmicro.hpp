// dmicro: beside tenon.hpp, for servers that its clients in Go call by its raw, json or protobuf protocol. Links nothing; it stands here because the envelope of the
// last two, which is below, is read and written by the codecs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/protobuf.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/code.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/dmicro_common.hpp>
#include <tenon/protocol/detail/jsonrpc_envelope.hpp>
#include <tenon/protocol/dmicro.hpp>

namespace tenon::inline v0::protocol {

namespace detail {

/// A message of dmicro as its json protocol names its members, and as its protobuf protocol numbers them. Status and metadata are JSON texts.
template <class Text>
struct dmicro_envelope {
  std::int32_t seq = 0;
  std::int32_t mtype = 0;
  std::string serviceMethod;
  Text status;
  Text meta;
  std::int32_t bodyCodec = 0;
  Text body;
};
using dmicro_json = dmicro_envelope<std::string>;
using dmicro_protobuf = dmicro_envelope<bytes>;

inline std::string_view view_of(const bytes& of) noexcept { return {reinterpret_cast<const char*>(of.data()), of.size()}; }
inline std::string_view view_of(const std::string& of) noexcept { return of; }
inline void assign(bytes& to, std::string_view from) {
  const auto* const first = reinterpret_cast<const std::byte*>(from.data());
  to.assign(first, first + from.size());
}
inline void assign(std::string& to, std::string_view from) { to = from; }

// dmicro puts the body into a string in which nothing but quotation marks is escaped, at the very end: what it wrote is read backwards. What is written otherwise is read as JSON.
[[nodiscard]] inline status read_dmicro_json(std::string_view text, dmicro_json& into, const limits& bounds) {
  constexpr std::string_view mark = R"(,"body":")";
  constexpr std::string_view end = R"("})";
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos || !text.ends_with(end) || text.size() < at + mark.size() + end.size()) return decode_into<codec::json>(text, into, bounds);
  std::string head{text.substr(0, at)};
  head.push_back('}');
  if (status fault = decode_into<codec::json>(head, into, bounds); !fault.ok()) return fault;
  const std::string_view body = text.substr(at + mark.size(), text.size() - at - mark.size() - end.size());
  into.body.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\\' && i + 1 < body.size() && body[i + 1] == '"') continue;
    into.body.push_back(body[i]);
  }
  return {};
}

}  // namespace detail

/// Calls as dmicro's json and protobuf protocols frame them, told apart by the first message; answered in any order. Pushes are calls without an answer. Calls of
/// `/heartbeat` are answered here. Names, errors and AUTH_CALL as in `dmicro_session`.
///
/// Shape   u32 length of what follows, u8 number of filters (none), then a JSON object {seq, mtype, serviceMethod, status, meta, bodyCodec, body} whose status and meta are
///         JSON texts in strings, or a protobuf message of the same members, numbered 1 to 7. Answers in JSON escape their body as JSON does, which dmicro reads.
/// Errors  a protobuf body in the JSON form is refused: its bytes are no text. Filters (gzip, md5, AES) end the connection, as does an envelope that cannot be read, and one
///         above `max_message_bytes` and `max_metadata_bytes` together.
/// Source  osgochina/dmicro, drpc/proto/jsonproto and pbproto.
class dmicro_envelope_session {
 public:
  static constexpr std::string_view name = "dmicro's envelopes";
  static constexpr bool answers_in_any_order = true;

  /// A length below 16 MiB, whose first byte is zero as no other protocol's is, no filters, and the first byte of an object, or the tag of a protobuf's first or second field.
  static sniffed recognise(std::string_view first) noexcept {
    if (!first.empty() && first[0] != 0) return sniffed::no;
    if (first.size() >= 5 && first[4] != 0) return sniffed::no;
    if (first.size() <= fixed) return sniffed::need_more;
    const std::uint32_t length = tenon::detail::load_big_endian_32(first.data());
    return length > 1 && (first[fixed] == '{' || first[fixed] == 0x08 || first[fixed] == 0x10) ? sniffed::yes : sniffed::no;
  }

  explicit dmicro_envelope_session(const limits& bounds) noexcept : bounds_{bounds} {}
  dmicro_envelope_session(const dmicro_envelope_session&) = delete;
  dmicro_envelope_session& operator=(const dmicro_envelope_session&) = delete;

  template <request_sink Sink>
  consumed consume(std::string_view in, Sink& sink, buffer& out) {
    consumed done;
    while (done.next == consumed::state::more) {
      const std::string_view rest = in.substr(done.bytes);
      if (rest.size() < 4) break;
      const std::size_t length = tenon::detail::load_big_endian_32(rest.data());
      if (!possible(rest, length, done) || rest.size() < length + 4) break;
      if (sink.full()) {
        done.next = consumed::state::wait;
        break;
      }
      const std::string_view envelope = rest.substr(fixed, length - 1);
      done.bytes += length + 4;
      if (form_ == form::unknown) form_ = envelope.front() == '{' ? form::json : form::protobuf;
      const status fault = form_ == form::json ? take<detail::dmicro_json>(envelope, sink, out) : take<detail::dmicro_protobuf>(envelope, sink, out);
      if (!fault.ok()) close(done, {fault.message()});
    }
    return done;
  }

  mark begin_reply(buffer& out, const reply_address&) { return {.start = out.size(), .payload = out.size()}; }
  void end_reply(buffer& out, mark at, const reply_address& to, const metadata& extra) {
    const std::string body{out.view(at.payload)};
    out.truncate(at.start);
    write(out, to.id, detail::dmicro_type::reply, detail::dmicro_fine, extra, to.codec == serialization::protobuf ? 'p' : 'j', body);
  }
  [[gnu::cold]] void write_error(buffer& out, const reply_address& to, const status& error, const metadata& extra) {
    buffer text;
    detail::append_dmicro_status(text, error);
    write(out, to.id, detail::dmicro_type::reply, text.view(), extra, 0, {});
  }

  bool closing() const noexcept { return false; }
  bool unfinished() const noexcept { return false; }

 private:
  enum class form : std::uint8_t { unknown, json, protobuf };
  static constexpr std::size_t fixed = 5;  // the length, the number of filters

  bool possible(std::string_view rest, std::size_t length, consumed& done) const {
    // In the JSON form every byte of a body may be escaped.
    const std::size_t longest = 1024 + 2 * bounds_.max_message_bytes + bounds_.max_metadata_bytes;
    if (length < 2) return close(done, {"expected an envelope, found a length of ", tenon::detail::number_text{length}});
    if (length > longest) return close(done, {"an envelope of ", tenon::detail::number_text{length}, " bytes exceeds the limits"});
    if (rest.size() < fixed) return true;
    if (rest[4] != 0) return close(done, {"messages with filters are not read here; send them without gzip, md5 or AES"});
    return true;
  }

  template <class Envelope, class Sink>
  status take(std::string_view text, Sink& sink, buffer& out) {
    using kind = detail::dmicro_type;
    Envelope message;
    limits bounds = bounds_;
    bounds.max_message_bytes = text.size();
    constexpr bool in_json = std::is_same_v<Envelope, detail::dmicro_json>;
    if constexpr (in_json) {
      if (status fault = detail::read_dmicro_json(text, message, bounds); !fault.ok()) return fault;
    } else {
      if (status fault = decode_into<codec::protobuf>(text, message, bounds); !fault.ok()) return fault;
    }
    const auto id = static_cast<std::uint64_t>(static_cast<std::uint32_t>(message.seq));
    const bool one_way = message.mtype == static_cast<std::int32_t>(kind::push);
    if (message.mtype == static_cast<std::int32_t>(kind::auth_call)) return write(out, id, kind::auth_reply, detail::dmicro_fine, {}, 0, {}), status{};
    if (!one_way && message.mtype != static_cast<std::int32_t>(kind::call)) return {};
    if (message.serviceMethod == detail::dmicro_heartbeat) {
      if (!one_way) write(out, id, kind::reply, detail::dmicro_fine, {}, 0, {});
      return {};
    }
    const std::string_view body = detail::view_of(message.body);
    const std::string_view meta = detail::view_of(message.meta);
    const auto codec = static_cast<std::uint8_t>(message.bodyCodec);
    const bool is_json = codec == 'j' || (codec == 0 && body.empty());
    const detail::rpc_name called = detail::split_dmicro_name(message.serviceMethod);
    const request call{.service = called.service,
                       .method = called.method,
                       .payload = body,
                       .address = {.id = id, .codec = is_json ? serialization::json : serialization::protobuf, .one_way = one_way},
                       .metadata_block = meta,
                       .read_metadata = &detail::read_jsonrpc_metadata};
    status fault = detail::dmicro_fault(codec, is_json, body.size(), meta.size(), bounds_);
    if (in_json && !is_json && fault.ok()) fault = detail::dmicro_refusal(code::invalid_argument, {"a protobuf body cannot stand in a JSON string; use dmicro's protobuf or raw protocol"});
    if (fault.ok()) sink.on_request(call);
    else if (!one_way) write_error(out, call.address, fault, {});
    return {};
  }

  void write(buffer& out, std::uint64_t id, detail::dmicro_type type, std::string_view status_text, const metadata& extra, char codec, std::string_view body) {
    if (form_ == form::json) write_as<codec::json, detail::dmicro_json>(out, id, type, status_text, extra, codec, body);
    else write_as<codec::protobuf, detail::dmicro_protobuf>(out, id, type, status_text, extra, codec, body);
  }
  template <class Codec, class Envelope>
  static void write_as(buffer& out, std::uint64_t id, detail::dmicro_type type, std::string_view status_text, const metadata& extra, char codec, std::string_view body) {
    Envelope message;
    message.seq = static_cast<std::int32_t>(static_cast<std::uint32_t>(id));
    message.mtype = static_cast<std::int32_t>(type);
    detail::assign(message.status, status_text);
    buffer meta;
    constexpr std::string_view before = R"(,"meta":)";
    detail::append_jsonrpc_meta(meta, {}, extra);
    detail::assign(message.meta, meta.empty() ? std::string_view{"{}"} : meta.view(before.size()));
    message.bodyCodec = codec;
    detail::assign(message.body, body);
    const std::size_t start = out.size();
    out.append(std::string_view{"\0\0\0\0\0", fixed});
    Codec::encode(out, message);
    tenon::detail::store_big_endian_32(out.data() + start, static_cast<std::uint32_t>(out.size() - start - 4));
  }

  [[gnu::cold]] static bool close(consumed& done, std::initializer_list<std::string_view> reason) {
    done.next = consumed::state::close;
    done.reason = "dmicro: " + tenon::detail::join_text(reason);
    return false;
  }

  limits bounds_;
  form form_ = form::unknown;
};

}  // namespace tenon::inline v0::protocol
