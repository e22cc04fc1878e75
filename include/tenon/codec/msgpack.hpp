// The MessagePack codec: rpcx's default. Codec layer. The encoders and decoders are made from what reflect knows of a type; no tree is built in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/codec/detail/msgpack_arguments.hpp>
#include <tenon/codec/detail/msgpack_read.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/msgpack_write.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0::codec {
namespace detail {

// The three codecs differ in how they write records, and in nothing that they read.
template <msgpack_style Style>
struct msgpack_codec {
  static constexpr std::string_view name = "msgpack";
  static constexpr std::string_view content_type = "application/msgpack";
  static constexpr std::uint8_t serialization = 3;

  /// Appends the encoded `value`, or the `arguments` of a call, to `out`.
  template <class T>
  static void encode(buffer& out, const T& value) {
    if constexpr (is_arguments<T>) {
      using tuple = std::remove_const_t<std::remove_reference_t<decltype(value.values)>>;
      msgpack_write_arguments<Style>(out, value.values, value.names, std::make_index_sequence<std::tuple_size_v<tuple>>{});
    } else {
      msgpack_write<Style>(out, value);
    }
  }

  /// Reads the whole of `in` into `value`, reusing its memory. The elements of sequences are new values even where their memory is reused: fields that the input does
  /// not mention have their defaults there; elsewhere they keep what they had.
  template <class T>
  static status decode(std::string_view in, T& value, const limits& bounds) {
    msgpack_reader reader{in, bounds};
    const char* end = nullptr;
    if constexpr (is_arguments<T>) {
      using tuple = std::remove_const_t<std::remove_reference_t<decltype(value.values)>>;
      end = msgpack_read_arguments(reader, reader.begin, value.values, value.names, std::make_index_sequence<std::tuple_size_v<tuple>>{});
    } else {
      end = detail::msgpack_read(reader, reader.begin, value);
    }
    if (end == nullptr) [[unlikely]] return reader.error.to_status();
    if (end != reader.end) [[unlikely]] return surplus(reader, end);
    return {};
  }

 private:
  [[gnu::cold, gnu::noinline]] static status surplus(msgpack_reader& reader, const char* end) {
    reader.fail(end, "end of input", std::to_string(reader.left(end)) + " more bytes");
    return reader.error.to_status();
  }
};

}  // namespace detail

/// MessagePack.
///
/// Shape   written: records as maps by field name in the order of declaration; integers in the shortest form, float as float 32, double as float 64; enums as
///         numbers; binary as bin; durations as counts of their own period; system_clock times as timestamps (extension -1); variants bare when the first byte
///         tells the alternative, else as a map of one entry `{name: value}`; empty optionals as nil.
///         read: also records as arrays by position, and keys that are field numbers; numbers of any width, floating ones for integers when exact; str and bin for
///         either; enums by name; nil as the empty container, as an empty optional, and as a record that keeps what it had. Extra fields are skipped; a
///         key that comes twice counts the second time. Text is taken as it is: MessagePack lets str carry any bytes.
/// Errors  invalid_argument with path, expectation, finding and byte: `field "orders[3].price": expected number, found string at byte 117`.
/// Source  MessagePack specification; the encoder of github.com/vmihailenco/msgpack v5 as rpcx uses it.
struct msgpack : detail::msgpack_codec<detail::msgpack_style::named> {};

/// The same with records, and the arguments of a call, as arrays by position: a third of the bytes, and msgpack-c's own way. All three read what any of them writes.
///
/// Shape   fields in the order of declaration: a field may be added at the end, and none moved or removed. A record that is one of the alternatives of a bare variant is
///         a map by name, so that it can be told from the alternatives that are arrays.
struct msgpack_positional : detail::msgpack_codec<detail::msgpack_style::positional> {};

/// The same with records as maps by field number, which may be moved and removed: numbers are counted from 1 or given by `tenon::number`.
struct msgpack_numbered : detail::msgpack_codec<detail::msgpack_style::numbered> {};

}  // namespace tenon::inline v0::codec
