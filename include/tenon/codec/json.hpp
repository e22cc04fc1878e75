// Json generated from reflection: structs are written and read field by field, with no tree in between. Codec layer.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/detail/json_arguments.hpp>
#include <tenon/codec/detail/json_read.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/json_write.hpp>
#include <tenon/codec/detail/json_writer.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0::codec {

/// Json, strictly as RFC 8259 has it, compact, in the order of the fields.
///
/// Shape   structs and maps are objects; sequences, arrays, tuples and pairs arrays; enums their names; binary base64; time points RFC 3339; durations the
///         count of their own unit; optional and unique_ptr the value or null; variants the bare value when its kind tells the alternative, else
///         `{"name": value}`. NaN and the infinities are written as null, and null is read as NaN; text that is no UTF-8 is written with U+FFFD.
/// Reads   unknown fields are skipped, of duplicate keys the last counts, null leaves a struct as it is and empties a container; `3.0` is an integer;
///         base64 may be URL-safe or unpadded. A struct in an element that a container had before starts from its defaults.
/// Errors  invalid_argument, as in `field "orders[3].price": expected number, found string at byte 117`.
/// Source  RFC 8259, RFC 3339, RFC 4648.
struct json {
  static constexpr std::string_view name = "json";
  static constexpr std::string_view content_type = "application/json";
  static constexpr std::uint8_t serialization = 1;

  /// Appends the encoded `value`, or the `arguments` of a call, to `out`.
  template <class T>
  static void encode(buffer& out, const T& value) {
    detail::json_writer to{out};
    to.finish(detail::write_json_with_room(to, to.start(), value));
  }

  /// Reads the whole of `in` into `value`, or into what the `arguments` of a call refer to.
  template <class T>
  static status decode(std::string_view in, T& value, const limits& bounds = {}) {
    detail::json_reader from{in, bounds};
    const char* at = from.skip_space(from.begin());
    if constexpr (is_arguments<std::remove_const_t<T>>) at = detail::read_json_arguments(from, at, value);
    else at = detail::read_json(from, at, value);
    if (at != nullptr) from.finish(at);
    return from.error().to_status();
  }
};

}  // namespace tenon::inline v0::codec
