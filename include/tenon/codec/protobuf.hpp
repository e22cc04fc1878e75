// The Protocol Buffers codec: proto3's wire format from reflected structs, without .proto files and without libprotobuf. Codec layer.
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_json.hpp>
#include <tenon/codec/detail/protobuf_read.hpp>
#include <tenon/codec/detail/protobuf_reader.hpp>
#include <tenon/codec/detail/protobuf_schema.hpp>
#include <tenon/codec/detail/protobuf_write.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec {

/// Protocol Buffers, as proto3 has it.
///
/// Shape   records and tuples are messages; fields have the numbers of tenon::number, or count from 1 in the order of declaration. Integers are int32, int64, uint32 or
///         uint64, with tenon::sint and tenon::fixed the other forms, with tenon::sint_keys and tenon::fixed_keys those of a map's keys; std::string is string, std::byte
///         data bytes; enums are open. std::optional and std::unique_ptr have explicit presence; other scalars are left out when zero, a struct's own members never.
///         Sequences are repeated, numbers packed (both forms are read); maps are maps; a std::variant is a oneof whose alternatives have the numbers from its own on, or
///         tenon::numbers, and in .proto and proto3's json the names of tenon::names. Time points are Timestamp, durations Duration, nlohmann::json is Value, MessagePack
///         objects are bytes. What cannot be a field, or an element, is field 1 of a message around it: an answer that is no struct, a vector in a vector, an optional in
///         a vector. Arguments are a message with fields from 1; one struct alone is that message.
/// Reads   fields in any order; the last of several scalars counts, messages merge, repeated fields are appended. What is missing gets the default of a fresh `T`,
///         in `decode_into` as well, since writers leave out zeros: a default that is not zero is for peers that share it. Unknown fields are skipped, or kept in a
///         field with tenon::unknown_fields. A std::array comes in one row, all of it.
/// Errors  invalid_argument, as in `field "orders[3].symbol": expected UTF-8, found byte 0xff at byte 117`.
/// Limits  an empty container, optional or map whose default is not empty cannot be told from a missing one, nor can a Value that is null: std::optional<nlohmann::json>
///         tells the two apart.
/// Source  protobuf.dev, Encoding and Language Guide (proto 3).
struct protobuf {
  static constexpr std::string_view name = "protobuf";
  static constexpr std::string_view content_type = "application/proto";
  static constexpr std::uint8_t serialization = 2;

  /// Appends the encoded `value`, or the `arguments` of a call, to `out`.
  template <class T>
  static void encode(buffer& out, const T& value) {
    detail::protobuf_writer to{out};
    to.finish(write(to, to.start(), value));
  }

  /// Reads the whole of `in` into `value`, reusing its memory. What the input does not mention gets the default that a fresh `T` has.
  template <class T>
  static status decode(std::string_view in, T& value, const limits& bounds = {}) {
    detail::protobuf_reader reader{in, bounds};
    if (!reader.enter(reader.begin) || read(reader, value) == nullptr) [[unlikely]] return reader.error.to_status();
    return {};
  }

 private:
  template <class T>
  static char* write(detail::protobuf_writer& to, char* at, const T& value) {
    if constexpr (is_arguments<T>) {
      using tuple = std::remove_cvref_t<decltype(value.values)>;
      if constexpr (detail::protobuf_is_bare_call<tuple>) return write(to, at, std::get<0>(value.values));
      else return detail::protobuf_write_message(to, at, detail::protobuf_call<const tuple>{value.values, value.names});
    } else if constexpr (shape_of<T> == shape::null) {
      static_cast<void>(value);
      return at;
    } else if constexpr (detail::is_protobuf_message<T>) {
      return detail::protobuf_write_message(to, at, value);
    } else {
      return detail::protobuf_write_message(to, at, detail::protobuf_wrapped<const T>{value});
    }
  }

  template <class T>
  static const char* read(detail::protobuf_reader& in, T& value) {
    if constexpr (is_arguments<T>) {
      using tuple = std::remove_cvref_t<decltype(value.values)>;
      if constexpr (detail::protobuf_is_bare_call<tuple>) {
        return read(in, std::get<0>(value.values));
      } else {
        detail::protobuf_call<tuple> call{value.values, value.names};
        return detail::protobuf_read_message(in, in.begin, in.end, call, false);
      }
    } else if constexpr (shape_of<T> == shape::null) {
      static_cast<void>(value);
      std::tuple<> nothing;
      return detail::protobuf_read_message(in, in.begin, in.end, nothing, false);
    } else if constexpr (detail::is_protobuf_message<T>) {
      return detail::protobuf_read_message(in, in.begin, in.end, value, false);
    } else {
      detail::protobuf_wrapped<T> wrapped{value};
      return detail::protobuf_read_message(in, in.begin, in.end, wrapped, false);
    }
  }
};

}  // namespace tenon::inline v0::codec

namespace tenon::inline v0 {

/// Whether the fields of `T` still are on protobuf's wire what `body` says: the lock against an order that changes, a number that is given twice in time, a type that grows.
///
/// Shape   `static_assert(tenon::locked_schema<quote>("string symbol = 1; double price = 2;"));` with the body of the message as `describe<quote>(schema::proto)` prints
///         it; blanks and comments do not count. Structs inside have locks of their own.
template <record T>
consteval bool locked_schema(std::string_view body) {
  codec::detail::proto_matcher matcher{body};
  codec::detail::proto_put_body<T>(matcher, {}, 0);
  return matcher.matched();
}

}  // namespace tenon::inline v0
