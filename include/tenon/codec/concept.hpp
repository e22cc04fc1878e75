// What a codec is, and the three doors to any of them: encode, decode, decode_into. Codec layer.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/text.hpp>

namespace tenon::inline v0 {

/// A wire form of values: a type with static members only.
///
/// Laws    `decode(encode(x), value)` leaves x, whatever `value` held: for every x whose type crosses the wire, for `codec::arguments` (what a call sends), and for
///         nullptr (what a method that returns nothing sends). So a format that leaves defaults out (protobuf, proto3's json) gives each field that `in` does not mention
///         the default of a fresh struct; one that writes every field (json, msgpack) lets it keep what it had. What a format cannot say is among its limits. `encode`
///         appends, touches nothing that `out` holds, and never fails. `decode` reads the whole of `in` into what `value` is, or answers invalid_argument with path,
///         expectation, finding and byte; whatever `in` holds, it neither throws nor reads beyond it, and takes no more memory than `bounds` allow. Fields that `value`
///         does not have are skipped.
/// Units   `serialization`: rpcx's number for it, 0 to 15; 1 to 3 are json's, protobuf's and msgpack's. `content_type`: its media type, in lower case.
/// Model   struct versioned {   // MessagePack behind a byte that says which edition of the messages it is
///           static constexpr std::string_view name = "versioned", content_type = "application/x-versioned";
///           static constexpr std::uint8_t serialization = 9;
///           template <class T> static void encode(tenon::buffer& out, const T& value) {
///             out.push_back('1');
///             tenon::codec::msgpack::encode(out, value);
///           }
///           template <class T> static tenon::status decode(std::string_view in, T& value, const tenon::limits& bounds) {
///             if (in.empty() || in[0] != '1') return {tenon::code::invalid_argument, "expected edition 1 at byte 0"};
///             return tenon::codec::msgpack::decode(in.substr(1), value, bounds);
///           }
///         };
template <class C>
concept codec_type = requires(buffer& out, std::string_view in, const int& from, int& into, const limits& bounds) {
  { C::name } -> std::convertible_to<std::string_view>;
  { C::content_type } -> std::convertible_to<std::string_view>;
  { C::serialization } -> std::convertible_to<std::uint8_t>;
  { C::template encode<int>(out, from) } -> std::same_as<void>;
  { C::template decode<int>(in, into, bounds) } -> std::same_as<status>;
};

/// The wire form of `value` as a string.
template <class Codec, class T>
std::string encode(const T& value) {
  static_assert(codec_type<Codec>, "tenon::encode: the first template argument is not a codec; write tenon::encode<tenon::codec::json>(value)");
  buffer out;
  Codec::encode(out, value);
  return std::string{out.view()};
}

/// Reads `in` into `value`, reusing the memory it has. Fields that `in` does not mention keep what they had in a format that writes every field, json or msgpack; they get
/// the default of a fresh struct in one that leaves defaults out, protobuf or proto3's json.
///
/// Errors  invalid_argument with the path and the byte; resource_exhausted above `bounds`.
template <class Codec, class T>
status decode_into(std::string_view in, T& value, const limits& bounds = {}) {
  static_assert(codec_type<Codec>, "tenon::decode_into: the first template argument is not a codec; write tenon::decode_into<tenon::codec::json>(text, value)");
  if (in.size() > bounds.max_message_bytes) {
    return status{code::resource_exhausted, detail::join_text({"message of ", detail::number_text{in.size()}, " bytes exceeds the limit of ", detail::number_text{bounds.max_message_bytes}})};
  }
  return Codec::decode(in, value, bounds);
}

/// A fresh `T` read from `in`.
///
/// Errors  as `decode_into`.
template <class T, class Codec>
result<T> decode(std::string_view in, const limits& bounds = {}) {
  static_assert(codec_type<Codec>, "tenon::decode: the second template argument is not a codec; write tenon::decode<quote, tenon::codec::json>(text)");
  T value{};
  if (status read = decode_into<Codec>(in, value, bounds); !read.ok()) return read;
  return value;
}

}  // namespace tenon::inline v0
