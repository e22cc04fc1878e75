// Reads protobuf into singles, repeated fields and maps, reusing the memory they have. Codec layer, part of protobuf.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/codec/detail/memory_budget.hpp>
#include <tenon/codec/detail/msgpack_free.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_put.hpp>
#include <tenon/codec/detail/protobuf_read_single.hpp>
#include <tenon/codec/detail/protobuf_reader.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

/// Reads the fields of a message up to `last`. What they do not mention gets its default; `merges`: it stays, and what is repeated is appended.
template <class M>
const char* protobuf_read_message(protobuf_reader& in, const char* at, const char* last, M& message, bool merges);
template <class Json>
const char* protobuf_read_json(protobuf_reader& in, const char* at, const char* last, Json& value);

// A MessagePack object travels as bytes.
template <class Handle>
const char* protobuf_read_packed_object(protobuf_reader& in, const char* at, const char* last, Handle& value) {
  const protobuf_varint length = in.read_length(at, last, "binary");
  if (length.next == nullptr) return nullptr;
  msgpack_reader packed{std::string_view{length.next, static_cast<std::size_t>(length.value)}, limits{.max_nesting = in.levels_left}};
  const char* const next = msgpack_read_object(packed, packed.begin, value);
  if (next != packed.end) return in.fail(at, "one MessagePack object", "other bytes");
  return next;
}

template <int Number, protobuf_wire::kind Wire>
[[gnu::always_inline]] inline bool protobuf_is_at(const char* at, const char* last) noexcept {
  constexpr protobuf_put::tag_bytes tag = protobuf_put::tag_of<Number, Wire>;
  return last - at >= static_cast<std::ptrdiff_t>(tag.size) && std::memcmp(at, tag.bytes.data(), tag.size) == 0;
}
template <int Number, protobuf_wire::kind Wire>
inline constexpr std::size_t protobuf_tag_size = protobuf_put::tag_of<Number, Wire>.size;

// Clears a member whose default is zero, keeping its memory.
template <class T>
[[gnu::always_inline]] inline void protobuf_clear(T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::optional) {
    value.reset();
  } else if constexpr (requires { value.clear(); }) {
    value.clear();
  } else if constexpr (form == shape::record || form == shape::tuple) {
    protobuf_apply(value, [](auto&... members) { (detail::protobuf_clear(members), ...); });
  } else if constexpr (form == shape::fixed_sequence) {
    for (auto& each : value) detail::protobuf_clear(each);
  } else {
    value = T{};
  }
}

// Gives an optional its value; false when memory for it is not to be had.
template <class T>
bool protobuf_engage(protobuf_reader& in, const char* at, T& optional) {
  using value_type = std::remove_reference_t<decltype(*optional)>;
  if constexpr (requires { optional.emplace(); }) {
    optional.emplace();
  } else {
    if (!in.template take_memory<memory_of_element<value_type, false>>(at)) [[unlikely]] return false;
    optional = std::make_unique<value_type>();
  }
  return true;
}

template <class M>
const char* protobuf_read_delimited(protobuf_reader& in, const char* at, const char* last, M& message, bool merges) {
  const protobuf_varint length = in.read_length(at, last, "message");
  if (length.next == nullptr || !in.enter(at)) [[unlikely]] return nullptr;
  const char* const next = detail::protobuf_read_message(in, length.next, length.next + length.value, message, merges);
  in.leave();
  return next;
}

// Reads what follows the tag of a single.
template <protobuf_style Style, class T>
[[gnu::always_inline]] inline const char* protobuf_read_single(protobuf_reader& in, const char* at, const char* last, T& value, bool merges) {
  static_assert(assert_readable_type<T>());
  constexpr shape form = shape_of<T>;
  if constexpr (protobuf_is_number<T>) {
    static_cast<void>(merges);
    return detail::protobuf_read_number<Style>(in, at, last, value);
  } else if constexpr (form == shape::text) {
    static_cast<void>(merges);
    return protobuf_read_text(in, at, last, value);
  } else if constexpr (form == shape::binary) {
    static_cast<void>(merges);
    return protobuf_read_binary(in, at, last, value);
  } else if constexpr (form == shape::duration || form == shape::time_point) {
    return protobuf_read_time(in, at, last, value, merges);
  } else if constexpr (form == shape::free_json) {
    static_cast<void>(merges);
    return protobuf_read_json(in, at, last, value);
  } else if constexpr (form == shape::free_msgpack) {
    static_cast<void>(merges);
    return protobuf_read_packed_object(in, at, last, value);
  } else if constexpr (form == shape::null) {
    static_cast<void>(merges);
    static_cast<void>(value);
    const protobuf_varint length = in.read_length(at, last, "message");
    return length.next == nullptr ? nullptr : length.next + length.value;
  } else {
    return detail::protobuf_read_delimited(in, at, last, value, merges);
  }
}

// Reads what follows the tag of an element: itself, or the message it is wrapped in.
template <protobuf_style Style, class T>
[[gnu::always_inline]] inline const char* protobuf_read_element(protobuf_reader& in, const char* at, const char* last, T& value, bool merges) {
  if constexpr (protobuf_is_single<T>) {
    return detail::protobuf_read_single<Style>(in, at, last, value, merges);
  } else {
    protobuf_wrapped<T> wrapped{value};
    return detail::protobuf_read_delimited(in, at, last, wrapped, merges);
  }
}
template <class T, protobuf_style Style>
consteval protobuf_wire::kind protobuf_element_wire() {
  if constexpr (protobuf_is_single<T>) return protobuf_wire_of<T, Style>();
  else return protobuf_wire::delimited;
}

// Numbers side by side, after their length. An array is filled from `filled` on.
template <protobuf_style Style, class T>
const char* protobuf_read_packed(protobuf_reader& in, const char* at, const char* last, T& values, std::size_t& filled) {
  using element_type = typename T::value_type;
  const protobuf_varint length = in.read_length(at, last, "packed numbers");
  if (length.next == nullptr) [[unlikely]] return nullptr;
  at = length.next;
  const auto size = static_cast<std::size_t>(length.value);
  const char* const end = at + size;
  constexpr std::size_t width = protobuf_width<element_type, Style>;
  std::size_t count = size;
  if constexpr (width != 0) {
    if (size % width != 0) [[unlikely]] return in.fail(at, width == 4 ? "packed numbers of 4 bytes each" : "packed numbers of 8 bytes each", tenon::detail::join_text({tenon::detail::number_text{size}, " bytes"}));
    count = size / width;
  } else if constexpr (requires { values.reserve(count); }) {
    count = 0;
    for (const char* each = at; each != end; ++each) count += static_cast<unsigned char>(*each) < 0x80 ? 1U : 0U;
  }
  if constexpr (shape_of<T> == shape::sequence && protobuf_is_block<T, Style>) {
    const std::size_t before = values.size();
    values.resize(before + count);
    if (size != 0) std::memcpy(values.data() + before, at, size);
    return end;
  } else {
    if constexpr (shape_of<T> == shape::sequence && requires { values.reserve(count); }) {
      if (values.capacity() - values.size() < count) values.reserve(values.size() + count);
    }
    while (at < end) {
      element_type each{};
      const char* const next = detail::protobuf_read_number<Style>(in, at, end, each);
      if (next == nullptr) [[unlikely]] return in.fail_at_index(shape_of<T> == shape::fixed_sequence ? filled : static_cast<std::size_t>(values.size()));
      at = next;
      if constexpr (shape_of<T> == shape::fixed_sequence) {
        if (filled < values.size()) values[filled] = each;
        ++filled;
      } else if constexpr (requires { typename T::key_type; }) {
        values.insert(each);
      } else {
        values.push_back(each);
      }
    }
    return at == end ? at : in.fail_overrun(end);
  }
}

// How many elements stand in a row from the one whose length is at `at`.
template <int Number>
std::size_t protobuf_count_run(protobuf_reader& in, const char* at, const char* last) {
  std::size_t count = 0;
  while (true) {
    if (last - at < 4) return count + 1;
    const protobuf_varint length = in.read_varint(at);
    if (length.next == nullptr || length.next > last || length.value > static_cast<std::uint64_t>(last - length.next)) return count + 1;
    ++count;
    at = length.next + length.value;
    if (!protobuf_is_at<Number, protobuf_wire::delimited>(at, last)) return count;
    at += protobuf_tag_size<Number, protobuf_wire::delimited>;
  }
}

// Appends the element whose tag has just been read.
template <int Number, protobuf_style Style, class T>
const char* protobuf_append_element(protobuf_reader& in, const char* at, const char* last, T& values) {
  using element_type = typename T::value_type;
  const auto index = static_cast<std::size_t>(values.size());
  if constexpr (!requires { values.capacity(); }) {
    if (!in.template take_memory<memory_of_element<element_type, false>>(at)) [[unlikely]] return in.fail_at_index(index);
  }
  if constexpr (requires { typename T::key_type; } || std::is_same_v<element_type, bool>) {
    element_type each{};
    at = detail::protobuf_read_element<Style>(in, at, last, each, false);
    if (at == nullptr) [[unlikely]] return in.fail_at_index(index);
    if constexpr (std::is_same_v<element_type, bool>) values.push_back(each);
    else values.insert(std::move(each));
    return at;
  } else {
    // Growing by doubling would move what has been read again and again.
    if constexpr (!protobuf_is_number<element_type> && requires { values.reserve(index); }) {
      if (values.capacity() == index) [[unlikely]] {
        std::size_t needed = index + protobuf_count_run<Number>(in, at, last);
        if (in.error.failed()) return nullptr;
        if (needed < 2 * index) needed = 2 * index;
        if (!in.memory.take((needed - index) * sizeof(element_type), in.error, static_cast<std::size_t>(at - in.begin))) [[unlikely]] return in.fail_at_index(index);
        values.reserve(needed);
      }
    }
    at = detail::protobuf_read_element<Style>(in, at, last, values.emplace_back(), false);
    return at == nullptr ? in.fail_at_index(index) : at;
  }
}

[[gnu::cold, gnu::noinline]] inline const char* protobuf_fail_count(protobuf_reader& in, const char* at, std::size_t expected, std::size_t found) {
  using tenon::detail::number_text;
  return in.fail(at, tenon::detail::join_text({"array of ", number_text{expected}, " elements"}), tenon::detail::join_text({"array of ", number_text{found}, " elements"}));
}

// Reads the elements that stand in a row here, or returns `at` when there are none. They replace what was there, and use its memory.
template <int Number, protobuf_style Style, class T>
const char* protobuf_read_run(protobuf_reader& in, const char* at, const char* last, T& values) {
  using element_type = typename T::value_type;
  constexpr protobuf_wire::kind wire = protobuf_element_wire<element_type, Style>();
  constexpr bool may_be_packed = protobuf_is_number<element_type>;
  constexpr bool is_fixed = shape_of<T> == shape::fixed_sequence;
  if (!protobuf_is_at<Number, protobuf_wire::delimited>(at, last)) {
    if (!may_be_packed || !protobuf_is_at<Number, wire>(at, last)) return at;
  }
  const char* const start = at;
  std::size_t filled = 0;
  if constexpr (!is_fixed && (may_be_packed || requires { typename T::key_type; })) values.clear();
  auto existing = values.begin();
  while (true) {
    if constexpr (may_be_packed) {
      if (protobuf_is_at<Number, protobuf_wire::delimited>(at, last)) {
        at = detail::protobuf_read_packed<Style>(in, at + protobuf_tag_size<Number, wire>, last, values, filled);
        if (at == nullptr) [[unlikely]] return nullptr;
        continue;
      }
    }
    if (!protobuf_is_at<Number, wire>(at, last)) break;
    at += protobuf_tag_size<Number, wire>;
    if constexpr (is_fixed) {
      if (filled >= values.size()) return protobuf_fail_count(in, start, values.size(), filled + 1);
      at = detail::protobuf_read_element<Style>(in, at, last, values[filled], false);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(filled);
      ++filled;
    } else if constexpr (may_be_packed || requires { typename T::key_type; }) {
      at = detail::protobuf_append_element<Number, Style>(in, at, last, values);
      if (at == nullptr) [[unlikely]] return nullptr;
    } else if (existing != values.end()) {
      at = detail::protobuf_read_element<Style>(in, at, last, *existing, false);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(filled);
      ++existing;
      ++filled;
    } else {
      at = detail::protobuf_append_element<Number, Style>(in, at, last, values);
      if (at == nullptr) [[unlikely]] return nullptr;
      existing = values.end();
    }
  }
  if constexpr (is_fixed) {
    if (filled != values.size()) return protobuf_fail_count(in, start, values.size(), filled);
  } else if constexpr (!may_be_packed && !requires { typename T::key_type; }) {
    if (existing != values.end()) values.erase(existing, values.end());
  }
  return at;
}

// Reads one entry of a map, after its tag. The last entry of a key counts.
template <protobuf_style Style, protobuf_style KeyStyle, class T>
const char* protobuf_read_entry(protobuf_reader& in, const char* at, const char* last, T& values) {
  using mapped_type = typename T::mapped_type;
  const protobuf_varint length = in.read_length(at, last, "map entry");
  if (length.next == nullptr || !in.enter(at)) [[unlikely]] return nullptr;
  if (!in.template take_memory<memory_of_element<typename T::value_type, false>>(at)) [[unlikely]] return nullptr;
  const char* const end = length.next + length.value;
  typename T::key_type key{};
  mapped_type mapped{};
  bool has_value = false;
  at = length.next;
  while (at < end) {
    const protobuf_varint tag = in.read_tag(at);
    if (tag.next == nullptr) return nullptr;
    if (tag.next > end) return in.fail_overrun(end);
    if (tag.value == (8 | protobuf_wire_of<typename T::key_type, KeyStyle>())) {
      at = detail::protobuf_read_single<KeyStyle>(in, tag.next, end, key, false);
      if (at == nullptr) return in.fail_at_field("key");
    } else if (tag.value == (16 | protobuf_element_wire<mapped_type, Style>())) {
      at = detail::protobuf_read_element<Style>(in, tag.next, end, mapped, has_value);
      has_value = true;
      if (at == nullptr) {
        if constexpr (shape_of<typename T::key_type> == shape::text) return in.fail_at_field(key);
        else if constexpr (shape_of<typename T::key_type> == shape::boolean) return in.fail_at_field(key ? "true" : "false");
        else if constexpr (shape_of<typename T::key_type> == shape::enumeration) return in.fail_at_field(tenon::detail::number_text{static_cast<protobuf_enum_number<typename T::key_type>>(key)});
        else return in.fail_at_field(tenon::detail::number_text{key});
      }
    } else {
      at = in.skip(tag.next, end, tag.value);
      if (at == nullptr) return nullptr;
    }
  }
  if (at != end) return in.fail_overrun(end);
  in.leave();
  if constexpr (requires { values.insert_or_assign(std::move(key), std::move(mapped)); }) values.insert_or_assign(std::move(key), std::move(mapped));
  else values[std::move(key)] = std::move(mapped);
  return at;
}

}  // namespace tenon::inline v0::codec::detail
