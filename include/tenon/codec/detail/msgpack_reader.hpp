// Reads MessagePack's tokens out of a run of bytes: heads, numbers, raw bytes, skipping. Knows nothing of C++ types. Codec layer, part of msgpack.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/codec/decode_error.hpp>
#include <tenon/codec/detail/memory_budget.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/core/limits.hpp>

namespace tenon::inline v0::codec::detail {

/// The first bytes of the format, by its own names.
///
/// Source  MessagePack specification, Overview of formats.
namespace msgpack_head {
enum : unsigned char {
  fixmap = 0x80, fixarray = 0x90, fixstr = 0xa0, null_value = 0xc0, never_used = 0xc1, false_value = 0xc2, true_value = 0xc3,
  bin8 = 0xc4, bin16 = 0xc5, bin32 = 0xc6, ext8 = 0xc7, ext16 = 0xc8, ext32 = 0xc9, float32 = 0xca, float64 = 0xcb,
  uint8 = 0xcc, uint16 = 0xcd, uint32 = 0xce, uint64 = 0xcf, int8 = 0xd0, int16 = 0xd1, int32 = 0xd2, int64 = 0xd3,
  fixext1 = 0xd4, fixext2 = 0xd5, fixext4 = 0xd6, fixext8 = 0xd7, fixext16 = 0xd8, str8 = 0xd9, str16 = 0xda, str32 = 0xdb,
  array16 = 0xdc, array32 = 0xdd, map16 = 0xde, map32 = 0xdf, negative_fixint = 0xe0
};
}  // namespace msgpack_head

/// What a token is, read off its first byte.
enum class msgpack_kind : unsigned char { null, boolean, integer, number, string, binary, array, object, extension, invalid };

/// An integer of any width and sign: two's complement, with the sign beside it.
struct msgpack_integer {
  std::uint64_t bits = 0;
  bool negative = false;
};

/// A number as it stands: `is_integer` says which member counts.
struct msgpack_number {
  msgpack_integer integer;
  double floating = 0;
  bool is_integer = true;
};

struct msgpack_extension {
  int type = 0;
  std::string_view data;
};

/// The input and the state of one decoding. Every function takes the place to read at and returns the place after, or nullptr once `error` is filled:
/// the place then lives in a register, not in memory.
// A template only so that tenon::compiled can compile it once; `msgpack_reader` is its one instance.
template <class Unit>
class basic_msgpack_reader {
 public:
  basic_msgpack_reader(std::string_view in, const limits& bounds) noexcept
      : begin{in.data()},
        end{in.data() + in.size()},
        levels_left{bounds.max_nesting},
        memory{bounds.memory_for(in.size())},
        max_nesting{bounds.max_nesting} {}

  const char* const begin;
  const char* const end;
  std::size_t levels_left;
  memory_budget memory;
  const std::size_t max_nesting;
  bool resets_missing = false;  ///< within an element that held something before: fields the input does not mention go back to their defaults
  decode_error error;

  static unsigned char byte_at(const char* at) noexcept { return static_cast<unsigned char>(*at); }
  static std::uint16_t load_16(const char* from) noexcept { return static_cast<std::uint16_t>(byte_at(from) << 8 | byte_at(from + 1)); }
  std::size_t left(const char* at) const noexcept { return static_cast<std::size_t>(end - at); }

  static msgpack_kind kind(unsigned char head) noexcept {
    using namespace msgpack_head;
    if (head < fixmap || head >= negative_fixint) return msgpack_kind::integer;
    if (head < fixarray) return msgpack_kind::object;
    if (head < fixstr) return msgpack_kind::array;
    if (head < msgpack_head::null_value) return msgpack_kind::string;
    using enum msgpack_kind;
    static constexpr msgpack_kind kinds[] = {null,      invalid,   boolean,   boolean,   binary,    binary,    binary, extension,
                                             extension, extension, number,    number,    integer,   integer,   integer, integer,
                                             integer,   integer,   integer,   integer,   extension, extension, extension, extension,
                                             extension, string,    string,    string,    array,     array,     object, object};
    return kinds[head - null_value];
  }

  /// What stands at `at`, in words.
  [[gnu::cold, gnu::noinline]] std::string describe(const char* at) const {
    if (at == end) return "end of input";
    constexpr std::string_view names[] = {"null", "boolean", "integer", "number", "string", "binary", "array", "object", "extension"};
    const msgpack_kind found = kind(byte_at(at));
    return found == msgpack_kind::invalid ? "the unused byte 0xc1" : std::string{names[static_cast<std::size_t>(found)]};
  }
  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected) { return fail(at, expected, describe(at)); }
  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected, std::string_view found) {
    error.fail(static_cast<std::size_t>(at - begin), expected, found);
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_truncated(const char* at, std::string_view of, std::uint64_t size, std::size_t found) {
    return fail(at, std::string{of} + " of " + std::to_string(size) + " bytes", std::to_string(found) + " before the end of input");
  }
  [[gnu::cold, gnu::noinline]] const char* fail_at_field(std::string_view name) {
    error.at_field(name);
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_at_index(std::size_t index) {
    error.at_index(index);
    return nullptr;
  }

  /// Counts one level of nesting; pair with `leave`.
  bool enter(const char* at) {
    if (levels_left == 0) [[unlikely]] return fail_nesting(at);
    --levels_left;
    return true;
  }
  void leave() noexcept { ++levels_left; }

  /// Counts the memory of `count` elements of `size` bytes each, which the container whose head is at `at` is about to hold.
  bool take_memory(const char* at, std::size_t count, std::size_t size) {
    return memory.take(count * size, error, static_cast<std::size_t>(at - begin));
  }

  /// Any integer or floating number.
  const char* read_number(const char* at, msgpack_number& out, std::string_view expected) {
    using namespace msgpack_head;
    if (at == end) [[unlikely]] return fail(at, expected);
    const unsigned char head = byte_at(at);
    if (head < fixmap) {
      out.integer = {head, false};
      return at + 1;
    }
    if (head >= negative_fixint) {
      out.integer = sign_extended(static_cast<signed char>(head));
      return at + 1;
    }
    if (head < float32 || head > int64) [[unlikely]] return fail(at, expected);
    constexpr unsigned char sizes[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
    const std::size_t size = sizes[head - float32];
    if (left(at) <= size) [[unlikely]] return fail_truncated(at, "number", size, left(at) - 1);
    const char* data = at + 1;
    switch (head) {
      case float32:
        out.floating = static_cast<double>(std::bit_cast<float>(load_32(data)));
        out.is_integer = false;
        break;
      case float64:
        out.floating = std::bit_cast<double>(load_64(data));
        out.is_integer = false;
        break;
      case uint8: out.integer = {byte_at(data), false}; break;
      case uint16: out.integer = {load_16(data), false}; break;
      case uint32: out.integer = {load_32(data), false}; break;
      case uint64: out.integer = {load_64(data), false}; break;
      case int8: out.integer = sign_extended(static_cast<signed char>(*data)); break;
      case int16: out.integer = sign_extended(static_cast<std::int16_t>(load_16(data))); break;
      case int32: out.integer = sign_extended(static_cast<std::int32_t>(load_32(data))); break;
      default: out.integer = sign_extended(static_cast<std::int64_t>(load_64(data))); break;
    }
    return data + size;
  }

  /// Any integer, or a floating number that is exactly one.
  [[gnu::noinline]] const char* read_integer(const char* at, msgpack_integer& out) {
    msgpack_number number;
    const char* next = read_number(at, number, "integer");
    if (next == nullptr) return nullptr;
    if (!number.is_integer) {
      const double value = number.floating;
      constexpr double two_to_the_63 = 9223372036854775808.0;
      if (value >= 0 && value < 2 * two_to_the_63) {
        number.integer = {static_cast<std::uint64_t>(value), false};
        if (static_cast<double>(number.integer.bits) != value) return fail(at, "integer", std::to_string(value));
      } else if (value < 0 && value >= -two_to_the_63) {
        number.integer = {static_cast<std::uint64_t>(static_cast<std::int64_t>(value)), true};
        if (static_cast<double>(static_cast<std::int64_t>(value)) != value) return fail(at, "integer", std::to_string(value));
      } else {
        return fail(at, "integer", std::to_string(value));
      }
    }
    out = number.integer;
    return next;
  }

  /// The bytes of a string or a binary: writers older than the format's bin know only one of them.
  const char* read_raw(const char* at, std::string_view& out, std::string_view expected) {
    using namespace msgpack_head;
    if (left(at) >= 2) [[likely]] {
      const unsigned char head = byte_at(at);
      const bool is_short = (head & 0xe0U) == fixstr;
      if (is_short || head == str8) {
        const char* const data = at + (is_short ? 1 : 2);
        const std::size_t size = is_short ? head & 0x1fU : byte_at(at + 1);
        if (size <= left(data)) [[likely]] {
          out = {data, size};
          return data + size;
        }
      }
    }
    return read_any_raw(at, out, expected);
  }

  /// The count of an array. Every element takes a byte at least, so what the count allows to allocate is bounded by the input.
  const char* read_array_head(const char* at, std::size_t& count, std::string_view expected) {
    using namespace msgpack_head;
    return read_container_head(at, count, expected, fixarray, array16, 1);
  }
  /// The count of a map's entries; the same bound with two bytes an entry.
  const char* read_map_head(const char* at, std::size_t& count, std::string_view expected) {
    using namespace msgpack_head;
    return read_container_head(at, count, expected, fixmap, map16, 2);
  }

  const char* read_extension(const char* at, msgpack_extension& out, std::string_view expected) {
    using namespace msgpack_head;
    if (at == end) [[unlikely]] return fail(at, expected);
    const unsigned char head = byte_at(at);
    const char* data = at + 1;
    std::size_t size = 0;
    if (head >= fixext1 && head <= fixext16) {
      size = std::size_t{1} << (head - fixext1);
    } else if (head >= ext8 && head <= ext32) {
      const std::size_t width = std::size_t{1} << (head - ext8);
      if (left(at) <= width) return fail_truncated(at, "length", width, left(at) - 1);
      size = load_size(data, width);
      data += width;
    } else {
      return fail(at, expected);
    }
    if (left(data) <= size) return fail_truncated(at, "extension", std::uint64_t{size} + 1, left(data));
    out.type = static_cast<signed char>(*data);
    out.data = {data + 1, size};
    return data + 1 + size;
  }

  /// Passes over one value of any kind, within the limit of nesting.
  [[gnu::noinline]] const char* skip(const char* at) {
    if (at == end) [[unlikely]] return fail(at, "value");
    switch (kind(byte_at(at))) {
      case msgpack_kind::null:
      case msgpack_kind::boolean: return at + 1;
      case msgpack_kind::integer:
      case msgpack_kind::number: {
        msgpack_number ignored;
        return read_number(at, ignored, "number");
      }
      case msgpack_kind::string:
      case msgpack_kind::binary: {
        std::string_view ignored;
        return read_raw(at, ignored, "string");
      }
      case msgpack_kind::extension: {
        msgpack_extension ignored;
        return read_extension(at, ignored, "extension");
      }
      case msgpack_kind::array: {
        std::size_t count = 0;
        const char* next = read_array_head(at, count, "array");
        return skip_items(at, next, count);
      }
      case msgpack_kind::object: {
        std::size_t count = 0;
        const char* next = read_map_head(at, count, "object");
        return skip_items(at, next, 2 * count);
      }
      case msgpack_kind::invalid: break;
    }
    return fail(at, "value");
  }

 private:
  [[gnu::cold, gnu::noinline]] bool fail_nesting(const char* at) {
    return fail(at, "at most " + std::to_string(max_nesting) + " levels of nesting", "one more") != nullptr;
  }

  static std::uint32_t load_32(const char* from) noexcept { return tenon::detail::load_big_endian_32(from); }
  static std::uint64_t load_64(const char* from) noexcept { return tenon::detail::load_big_endian_64(from); }
  static std::size_t load_size(const char* from, std::size_t width) noexcept {
    return width == 1 ? byte_at(from) : width == 2 ? load_16(from) : load_32(from);
  }
  static msgpack_integer sign_extended(std::int64_t value) noexcept { return {static_cast<std::uint64_t>(value), value < 0}; }

  [[gnu::noinline]] const char* read_any_raw(const char* at, std::string_view& out, std::string_view expected) {
    using namespace msgpack_head;
    if (at == end) return fail(at, expected);
    const unsigned char head = byte_at(at);
    std::size_t size = 0;
    const char* data = at + 1;
    if ((head & 0xe0U) == fixstr) {
      size = head & 0x1fU;
    } else {
      const std::size_t width = head == str8 || head == bin8 ? 1 : head == str16 || head == bin16 ? 2 : head == str32 || head == bin32 ? 4 : 0;
      if (width == 0) return fail(at, expected);
      if (left(at) <= width) return fail_truncated(at, "length", width, left(at) - 1);
      size = load_size(data, width);
      data += width;
    }
    if (size > left(data)) return fail_truncated(at, expected, size, left(data));
    out = {data, size};
    return data + size;
  }

  const char* read_container_head(const char* at, std::size_t& count, std::string_view expected, unsigned char fix, unsigned char wide, std::size_t least) {
    if (at == end) [[unlikely]] return fail(at, expected);
    const unsigned char head = byte_at(at);
    const char* data = at + 1;
    if ((head & 0xf0U) == fix) {
      count = head & 0x0fU;
    } else {
      if (head != wide && head != wide + 1) [[unlikely]] return fail(at, expected);
      const std::size_t width = head == wide ? 2 : 4;
      if (left(at) <= width) [[unlikely]] return fail_truncated(at, "length", width, left(at) - 1);
      count = load_size(data, width);
      data += width;
    }
    if (count > left(data) / least) [[unlikely]] return fail_count(at, count, left(data));
    return data;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_count(const char* at, std::size_t count, std::size_t bytes_left) {
    return fail(at, "container of " + std::to_string(count) + " elements", std::to_string(bytes_left) + " bytes before the end of input");
  }

  const char* skip_items(const char* at, const char* next, std::size_t count) {
    if (next == nullptr || !enter(at)) return nullptr;
    for (; count != 0 && next != nullptr; --count) next = skip(next);
    leave();
    return next;
  }
};

using msgpack_reader = basic_msgpack_reader<void>;
#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_msgpack_reader<void>;
#endif

}  // namespace tenon::inline v0::codec::detail
