// Json generated from reflection: structs are written and read field by field, with no tree in between. Codec layer.
#pragma once

#include <cstdint>
#include <string_view>

#include <tenon/codec/detail/json_arguments.hpp>
#include <tenon/codec/detail/json_write.hpp>
#include <tenon/codec/json_style.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0::codec {

/// Json, strictly as RFC 8259 has it, compact, in the order of the fields.
///
/// Shape   structs and maps are objects; sequences, arrays, tuples and pairs arrays; enums their names; binary base64; time points RFC 3339; durations the
///         count of their own unit; optional and unique_ptr the value or null; variants the bare value when its kind tells the alternative, else
///         `{"name": value}`, a variant's std::monostate null, which in an optional is read as an empty one. NaN and the infinities are written as null, and null is read as NaN; text that is no UTF-8 is written with U+FFFD.
/// Reads   unknown fields are skipped, of duplicate keys the last counts, null leaves a struct as it is and empties a container; `3.0` is an integer;
///         `{"null": null}` is such a std::monostate too; base64 may be URL-safe or unpadded. A struct in an element that a container had before starts from its defaults.
/// Refuses a byte order mark, bytes that are no UTF-8, lone surrogates, bare control characters, leading zeros, numbers that do not fit, trailing bytes.
/// Errors  invalid_argument, as in `field "orders[3].price": expected number, found string at byte 117`.
/// Source  RFC 8259, RFC 3339, RFC 4648.
struct json {
  static constexpr std::string_view name = "json";
  static constexpr std::string_view content_type = "application/json";
  static constexpr std::uint8_t serialization = 1;

  /// Appends the encoded `value`, or the `arguments` of a call, to `out`.
  template <class T>
  static void encode(buffer& out, const T& value) {
    detail::encode_json<detail::plain_json>(out, value);
  }

  /// Reads the whole of `in` into `value`, or into what the `arguments` of a call refer to.
  template <class T>
  static status decode(std::string_view in, T& value, const limits& bounds = {}) {
    return detail::decode_json<detail::plain_json>(in, value, bounds);
  }
};

/// Json in a style: `basic_json<style>` with a constexpr `json_style`; `json` is the same with no option set.
///
/// Shape   what `json` does, save for what the style says.
template <json_style Style>
struct basic_json {
  static constexpr std::string_view name = "json";
  static constexpr std::string_view content_type = "application/json";
  static constexpr std::uint8_t serialization = 1;

  /// As `json::encode`.
  template <class T>
  static void encode(buffer& out, const T& value) {
    detail::encode_json<detail::styled_json<Style>>(out, value);
  }

  /// As `json::decode`.
  template <class T>
  static status decode(std::string_view in, T& value, const limits& bounds = {}) {
    return detail::decode_json<detail::styled_json<Style>>(in, value, bounds);
  }
};

/// Json as gRPC and Connect peers speak it: `tenon::client<market, tenon::codec::proto_json>`.
using proto_json = basic_json<proto3>;

/// For a server whose json has two kinds of readers: `server.serve<tenon::codec::connect_json>(market{})`.
///
/// Shape   proto_json for who speaks Connect (`Connect-Protocol-Version`, `connect=v1` in a query, or one of its streams), gRPC-Web or gRPC; all others keep `json`. Those protocols' clients are
///         made from a .proto: they send `userId` for `user_id` and a 64-bit integer as text. `json` skips the one as unknown, and refuses the other.
/// Limits  not the default, since each message's code is generated once more. A tenon client that calls Connect in json then takes proto_json as well.
/// Source  protobuf.dev, ProtoJSON format; Connect protocol.
struct connect_json : basic_json<proto3> {
  static constexpr bool for_proto3_peers = true;
};

}  // namespace tenon::inline v0::codec
