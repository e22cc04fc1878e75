// Reads what follows one tag of protobuf: numbers, text, data, times. Codec layer, part of protobuf.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include <tenon/codec/detail/expectation.hpp>
#include <tenon/codec/detail/keep_text.hpp>
#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_put.hpp>
#include <tenon/codec/detail/protobuf_reader.hpp>
#include <tenon/codec/detail/protobuf_time.hpp>
#include <tenon/codec/detail/protobuf_utf8.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class Word>
[[gnu::always_inline]] inline Word protobuf_load_word(const char* from) noexcept {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  if constexpr (std::endian::native == std::endian::big) {
    if constexpr (sizeof word == 4) word = __builtin_bswap32(word);
    else word = __builtin_bswap64(word);
  }
  return word;
}

template <class Integer>
[[gnu::cold, gnu::noinline]] const char* protobuf_fail_range(protobuf_reader& in, const char* at, std::int64_t found) {
  using bounds = std::numeric_limits<Integer>;
  return in.fail(at, expected_integer(static_cast<std::int64_t>((bounds::min)()), static_cast<std::uint64_t>((bounds::max)())), tenon::detail::number_text{found});
}

// The integer on the wire as the integer of the struct. 32 bits are cut as protobuf wants it; what is narrower has no type there, and is held against its range.
template <class Integer>
[[gnu::always_inline]] inline const char* protobuf_take_integer(protobuf_reader& in, const char* at, const char* next, std::uint64_t found, Integer& value) {
  if constexpr (sizeof(Integer) < 4) {
    const auto whole = static_cast<std::conditional_t<std::is_signed_v<Integer>, std::int32_t, std::uint32_t>>(found);
    if (whole < (std::numeric_limits<Integer>::min)() || whole > (std::numeric_limits<Integer>::max)()) [[unlikely]] {
      return protobuf_fail_range<Integer>(in, at, static_cast<std::int64_t>(whole));
    }
    value = static_cast<Integer>(whole);
  } else {
    value = static_cast<Integer>(found);
  }
  return next;
}

template <protobuf_style Style, class T>
[[gnu::always_inline]] inline const char* protobuf_read_number(protobuf_reader& in, const char* at, const char* last, T& value) {
  constexpr shape form = shape_of<T>;
  constexpr std::size_t width = protobuf_width<T, Style>;
  if constexpr (width != 0) {
    if (last - at < static_cast<std::ptrdiff_t>(width)) [[unlikely]] return in.fail_truncated(at, last, "number", width);
    const auto word = protobuf_load_word<std::conditional_t<width == 4, std::uint32_t, std::uint64_t>>(at);
    if constexpr (form == shape::floating) {
      value = std::bit_cast<T>(word);
      return at + width;
    } else {
      return protobuf_take_integer(in, at, at + width, word, value);
    }
  } else {
    const protobuf_varint found = in.read_varint(at);
    if (found.next == nullptr) [[unlikely]] return nullptr;
    if constexpr (form == shape::boolean) {
      value = found.value != 0;
      return found.next;
    } else if constexpr (form == shape::enumeration) {
      protobuf_enum_number<T> number{};
      const char* const next = protobuf_take_integer(in, at, found.next, found.value, number);
      value = static_cast<T>(number);
      return next;
    } else if constexpr (Style == protobuf_style::zigzag && std::is_signed_v<T>) {
      const std::uint64_t bits = sizeof(T) <= 4 ? found.value & 0xFFFF'FFFFU : found.value;
      return protobuf_take_integer(in, at, found.next, bits >> 1 ^ (0 - (bits & 1)), value);
    } else {
      return protobuf_take_integer(in, at, found.next, found.value, value);
    }
  }
}

[[gnu::cold, gnu::noinline]] inline const char* protobuf_fail_utf8(protobuf_reader& in, const char* at, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  const char* const bad = protobuf_skip_utf8(at, at + size);
  const auto byte = bad == at + size ? 0U : static_cast<unsigned>(static_cast<unsigned char>(*bad));
  return in.fail(bad, "UTF-8", tenon::detail::join_text({"byte 0x", digits.substr(byte >> 4, 1), digits.substr(byte & 15, 1)}));
}

[[gnu::always_inline]] inline const char* protobuf_read_text(protobuf_reader& in, const char* at, const char* last, std::string& value) {
  const protobuf_varint length = in.read_length(at, last, "string");
  if (length.next == nullptr) [[unlikely]] return nullptr;
  const auto size = static_cast<std::size_t>(length.value);
  if (!protobuf_is_utf8(length.next, size)) [[unlikely]] return protobuf_fail_utf8(in, length.next, size);
  // What has the size already needs no call.
  if (value.size() == size) protobuf_put::copy(value.data(), length.next, size);
  else keep_text(value, length.next, size);
  return length.next + size;
}

template <class T>
const char* protobuf_read_binary(protobuf_reader& in, const char* at, const char* last, T& value) {
  const protobuf_varint length = in.read_length(at, last, "binary");
  if (length.next == nullptr) [[unlikely]] return nullptr;
  const auto size = static_cast<std::size_t>(length.value);
  const auto* const data = reinterpret_cast<const std::byte*>(length.next);
  if constexpr (requires { value.assign(data, data); }) {
    value.assign(data, data + size);
  } else {
    using tenon::detail::number_text;
    if (size != value.size()) {
      return in.fail(at, tenon::detail::join_text({"binary of ", number_text{value.size()}, " bytes"}), tenon::detail::join_text({number_text{size}, " bytes"}));
    }
    if (size != 0) std::memcpy(value.data(), data, size);
  }
  return length.next + size;
}

// The two fields of Timestamp and Duration, which merge into what `value` holds. Not templated.
inline const char* protobuf_read_seconds(protobuf_reader& in, const char* at, const char* last, protobuf_seconds& value) {
  const protobuf_varint length = in.read_length(at, last, "time");
  if (length.next == nullptr) return nullptr;
  const char* const end = length.next + length.value;
  at = length.next;
  while (at < end) {
    const protobuf_varint tag = in.read_tag(at);
    if (tag.next == nullptr) return nullptr;
    std::int64_t number = 0;
    if (tag.value == 8 || tag.value == 16) {
      at = protobuf_read_number<protobuf_style::plain>(in, tag.next, end, number);
      if (tag.value == 8) value.seconds = number;
      else value.nanoseconds = static_cast<std::int32_t>(number);
    } else {
      at = in.skip(tag.next, end, tag.value);
    }
    if (at == nullptr) return nullptr;
  }
  return at == end ? at : in.fail_overrun(end);
}

template <class T>
const char* protobuf_read_time(protobuf_reader& in, const char* at, const char* last, T& value, bool merges) {
  using tenon::detail::number_text;
  constexpr bool is_point = shape_of<T> == shape::time_point;
  protobuf_seconds found;
  if (merges) {
    if constexpr (is_point) {
      const timestamp split = to_timestamp(value);
      found = {split.seconds, static_cast<std::int32_t>(split.nanoseconds)};
    } else {
      found = protobuf_split(value);
    }
  }
  const char* const next = protobuf_read_seconds(in, at, last, found);
  if (next == nullptr) return nullptr;
  const bool has_other_sign = is_point ? found.nanoseconds < 0 : (found.seconds < 0 && found.nanoseconds > 0) || (found.seconds > 0 && found.nanoseconds < 0);
  if (has_other_sign || found.nanoseconds > 999'999'999 || found.nanoseconds < -999'999'999) {
    return in.fail(at, is_point ? "nanoseconds from 0 to 999999999" : "nanoseconds up to 999999999 with the sign of the seconds", number_text{found.nanoseconds});
  }
  bool holds = false;
  if constexpr (is_point) holds = from_timestamp(timestamp{found.seconds, static_cast<std::uint32_t>(found.nanoseconds)}, value);
  else holds = protobuf_join(found, value);
  if (!holds) return in.fail(at, is_point ? "timestamp that the time point can hold" : "time that the duration can hold", tenon::detail::join_text({number_text{found.seconds}, " seconds"}));
  return next;
}

}  // namespace tenon::inline v0::codec::detail
