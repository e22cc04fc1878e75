// Reads protobuf's tokens out of a run of bytes: varints, lengths, skipping. Knows nothing of C++ types. Codec layer, part of protobuf.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <tenon/codec/decode_error.hpp>
#include <tenon/codec/detail/memory_budget.hpp>
#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/text.hpp>

namespace tenon::inline v0::codec::detail {

/// A number and the place after it; the place is nullptr when there was none. Returned in registers.
struct protobuf_varint {
  const char* next;
  std::uint64_t value;
};

/// The input and the state of one decoding. Every function takes the place to read at and the end of the message it is in, and returns the place after, or nullptr once
/// `error` is filled.
// A template only so that tenon::compiled can compile it once; `protobuf_reader` is its one instance.
template <class Unit>
class basic_protobuf_reader {
 public:
  basic_protobuf_reader(std::string_view in, const limits& bounds) noexcept
      : begin{in.data()}, end{in.data() + in.size()}, levels_left{bounds.max_nesting}, max_nesting{bounds.max_nesting}, memory{bounds.memory_for(in.size())} {}

  const char* const begin;
  const char* const end;  ///< of the whole input: until there, bytes may be looked at
  std::size_t levels_left;
  const std::size_t max_nesting;
  memory_budget memory;
  decode_error error;

  [[gnu::cold, gnu::noinline]] const char* fail(const char* at, std::string_view expected, std::string_view found) {
    error.fail(static_cast<std::size_t>(at - begin), expected, found);
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_at_field(std::string_view name) {
    error.at_field(name);
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_at_index(std::size_t index) {
    error.at_index(index);
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const char* fail_truncated(const char* at, const char* last, std::string_view what, std::uint64_t size) {
    using tenon::detail::number_text;
    return fail(at, tenon::detail::join_text({what, " of ", number_text{size}, " bytes"}),
                tenon::detail::join_text({number_text{last > at ? static_cast<std::size_t>(last - at) : 0}, " before the end of the message"}));
  }

  /// Counts one level of nesting; pair with `leave`.
  bool enter(const char* at) {
    if (levels_left == 0) [[unlikely]] return fail_nesting(at);
    --levels_left;
    return true;
  }
  void leave() noexcept { ++levels_left; }

  /// Counts the memory of an element that is about to be made for what stands at `at`.
  template <std::size_t Wanted>
  bool take_memory(const char* at) {
    if constexpr (Wanted == 0) return static_cast<void>(at), true;
    else return memory.take(Wanted, error, static_cast<std::size_t>(at - begin));
  }

  /// Any varint. The place after may lie beyond the message's end, never beyond the input's: who reads on sees it.
  [[gnu::always_inline]] protobuf_varint read_varint(const char* at) {
    if (end - at < 4) [[unlikely]] return read_long_varint(at);
    const std::uint32_t first = byte(at, 0);
    if (first < 0x80) return {at + 1, first};
    const std::uint32_t second = first + (byte(at, 1) << 7) - 0x80;
    if (second < 0x4000) return {at + 2, second};
    const std::uint32_t third = second + (byte(at, 2) << 14) - 0x4000;
    if (third < 0x20'0000) return {at + 3, third};
    return read_wide_varint(at);
  }

  /// The length that stands before text, data and messages, checked against the message's end.
  [[gnu::always_inline]] protobuf_varint read_length(const char* at, const char* last, std::string_view what) {
    // At least one byte is left even at the end of the input only if it is looked for.
    protobuf_varint length{at + 1, 0};
    if (at < last && byte(at, 0) < 0x80) [[likely]] length.value = byte(at, 0);
    else length = read_varint(at);
    if (length.next == nullptr) [[unlikely]] return length;
    if (length.next > last || length.value > static_cast<std::uint64_t>(last - length.next)) [[unlikely]] {
      return {fail_truncated(length.next, last, what, length.value), 0};
    }
    return length;
  }

  /// A tag: the number and the wire type are right when it returns.
  protobuf_varint read_tag(const char* at) {
    const protobuf_varint tag = read_varint(at);
    if (tag.next == nullptr) [[unlikely]] return tag;
    const auto wire = static_cast<unsigned>(tag.value & 7);
    if (tag.value < 8 || tag.value >> 32 != 0 || wire > protobuf_wire::fixed32 || wire == protobuf_wire::group_end || tag.next - at > 5) [[unlikely]] {
      return {fail_tag(at, tag.value), 0};
    }
    return tag;
  }

  /// Skips what follows a tag. The content of a group is skipped, too; it counts as nesting.
  const char* skip(const char* at, const char* last, std::uint64_t tag) {
    const char* next = at;
    switch (tag & 7) {
      case protobuf_wire::varint: next = read_varint(at).next; break;
      case protobuf_wire::fixed64: next = skip_bytes(at, last, 8); break;
      case protobuf_wire::fixed32: next = skip_bytes(at, last, 4); break;
      case protobuf_wire::group: next = skip_group(at, last, tag >> 3); break;
      default: {
        const protobuf_varint length = read_length(at, last, "field");
        return length.next == nullptr ? nullptr : length.next + length.value;
      }
    }
    if (next != nullptr && next > last) [[unlikely]] return fail_truncated(at, last, "field", static_cast<std::size_t>(next - at));
    return next;
  }

  [[gnu::cold, gnu::noinline]] const char* fail_overrun(const char* last) { return fail(last, "the end of the message", "a field that goes on"); }

 private:
  static std::uint32_t byte(const char* at, std::size_t index) noexcept { return static_cast<unsigned char>(at[index]); }

  // Up to eight bytes by one load.
  [[gnu::noinline]] protobuf_varint read_wide_varint(const char* at) {
    if constexpr (std::endian::native == std::endian::little) {
      if (end - at >= 8) [[likely]] {
        std::uint64_t bits = 0;
        std::memcpy(&bits, at, sizeof bits);
        const std::uint64_t ends = ~bits & 0x8080'8080'8080'8080U;
        if (ends != 0) [[likely]] {
          bits &= (ends ^ (ends - 1)) & 0x7F7F'7F7F'7F7F'7F7FU;
          bits = (bits & 0x007F'007F'007F'007FU) | (bits & 0x7F00'7F00'7F00'7F00U) >> 1;
          bits = (bits & 0x0000'3FFF'0000'3FFFU) | (bits & 0x3FFF'0000'3FFF'0000U) >> 2;
          bits = (bits & 0x0FFF'FFFFU) | (bits & 0x0FFF'FFFF'0000'0000U) >> 4;
          return {at + (std::countr_zero(ends) + 1) / 8, bits};
        }
      }
    }
    return read_long_varint(at);
  }

  [[gnu::noinline]] protobuf_varint read_long_varint(const char* at) {
    std::uint64_t value = 0;
    const char* next = at;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (next >= end) return {fail(at, "varint", "end of input"), 0};
      const std::uint64_t each = byte(next++, 0);
      value |= shift == 63 ? each << 63 : (each & 0x7F) << shift;
      if (each < 0x80) return {next, value};
    }
    return {fail(at, "varint of at most 10 bytes", "more"), 0};
  }

  const char* skip_bytes(const char* at, const char* last, std::ptrdiff_t size) {
    if (last - at < size) [[unlikely]] return fail_truncated(at, last, "number", static_cast<std::uint64_t>(size));
    return at + size;
  }

  [[gnu::cold]] const char* skip_group(const char* at, const char* last, std::uint64_t number) {
    if (!enter(at)) return nullptr;
    while (true) {
      if (at >= last) return fail(at, "the end of a group", "the end of the message");
      const protobuf_varint tag = read_varint(at);
      if (tag.next == nullptr) return nullptr;
      if (tag.value == (number << 3 | protobuf_wire::group_end) && tag.next - at <= 5) {
        leave();
        return tag.next;
      }
      if (read_tag(at).next == nullptr) return nullptr;
      at = skip(tag.next, last, tag.value);
      if (at == nullptr) return nullptr;
    }
  }

  [[gnu::cold, gnu::noinline]] const char* fail_tag(const char* at, std::uint64_t tag) {
    using tenon::detail::number_text;
    if (tag < 8 || tag >> 32 != 0) return fail(at, "field number from 1 to 536870911", number_text{tag >> 3});
    if ((tag & 7) == protobuf_wire::group_end) return fail(at, "field", "the end of a group that has not begun");
    if ((tag & 7) > protobuf_wire::fixed32) return fail(at, "wire type from 0 to 5", number_text{tag & 7});
    return fail(at, "tag of at most 5 bytes", "more");
  }
  [[gnu::cold, gnu::noinline]] bool fail_nesting(const char* at) {
    using tenon::detail::number_text;
    fail(at, tenon::detail::join_text({"at most ", number_text{max_nesting}, " levels of nesting"}), "more");
    return false;
  }
};

using protobuf_reader = basic_protobuf_reader<void>;
#if defined(TENON_SEPARATE_COMPILATION)
extern template class basic_protobuf_reader<void>;
#endif

}  // namespace tenon::inline v0::codec::detail
