// Reads MessagePack into containers, tuples, optionals and variants. Codec layer, part of msgpack.hpp.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/codec/detail/expectation.hpp>
#include <tenon/codec/detail/msgpack_read_scalar.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/msgpack_write.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

// Reads any value; nullptr once in.error is filled. The functions below call one another through this door.
template <class T>
const char* msgpack_read(msgpack_reader& in, const char* at, T& value);

// What an element takes in memory: containers that hold each in a node of its own have pointers, and the allocator's own, beside it.
template <class Container>
inline constexpr std::size_t msgpack_element_memory = sizeof(typename Container::value_type) + (requires(Container& held) { held.capacity(); } ? 0 : 6 * sizeof(void*));

template <class T>
const char* msgpack_read_sequence(msgpack_reader& in, const char* at, T& value) {
  using element_type = typename T::value_type;
  if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) {
    value.clear();
    return at + 1;
  }
  std::size_t count = 0;
  const char* const start = at;
  at = in.read_array_head(at, count, "array");
  if (at == nullptr || !in.enter(start) || !in.take_memory(start, count, msgpack_element_memory<T>)) [[unlikely]] return nullptr;
  if constexpr (requires { typename T::key_type; }) {
    value.clear();
    if constexpr (requires { value.reserve(count); }) value.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      element_type element{};
      at = detail::msgpack_read(in, at, element);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
      value.insert(std::move(element));
    }
  } else if constexpr (std::is_same_v<element_type, bool>) {
    value.clear();
    if constexpr (requires { value.reserve(count); }) value.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      bool element = false;
      at = detail::msgpack_read(in, at, element);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
      value.push_back(element);
    }
  } else {
    std::size_t i = 0;
    const bool resets_outside = in.resets_missing;
    in.resets_missing = true;
    auto existing = value.begin();
    for (; existing != value.end() && i < count; ++existing, ++i) {
      at = detail::msgpack_read(in, at, *existing);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
    }
    in.resets_missing = resets_outside;
    if (existing != value.end()) value.erase(existing, value.end());
    if (i < count) {
      if constexpr (requires { value.reserve(count); }) value.reserve(count);
      for (; i < count; ++i) {
        at = detail::msgpack_read(in, at, value.emplace_back());
        if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
      }
    }
  }
  in.leave();
  return at;
}

[[gnu::cold, gnu::noinline]] inline const char* msgpack_fail_count(msgpack_reader& in, const char* at, std::size_t expected, std::size_t found) {
  return in.fail(at, "array of " + std::to_string(expected) + " elements", "array of " + std::to_string(found) + " elements");
}

template <class T>
const char* msgpack_read_fixed(msgpack_reader& in, const char* at, T& value) {
  std::size_t count = 0;
  const char* const start = at;
  at = in.read_array_head(at, count, "array");
  if (at == nullptr || !in.enter(start)) [[unlikely]] return nullptr;
  if constexpr (shape_of<T> == shape::tuple) {
    if (count != std::tuple_size_v<T>) return msgpack_fail_count(in, start, std::tuple_size_v<T>, count);
    std::size_t index = 0;
    const auto read = [&](auto& element) {
      at = detail::msgpack_read(in, at, element);
      if (at == nullptr) return in.fail_at_index(index) != nullptr;
      ++index;
      return true;
    };
    if (!std::apply([&read](auto&... elements) { return (read(elements) && ...); }, value)) return nullptr;
  } else {
    if (count != value.size()) return msgpack_fail_count(in, start, value.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      at = detail::msgpack_read(in, at, value[i]);
      if (at == nullptr) [[unlikely]] return in.fail_at_index(i);
    }
  }
  in.leave();
  return at;
}

// Keys of numbers may come spelled out, as formats whose keys are text have them.
template <class Key>
const char* msgpack_read_key(msgpack_reader& in, const char* at, Key& key) {
  if constexpr (shape_of<Key> != shape::text) {
    const msgpack_kind found = at == in.end ? msgpack_kind::null : msgpack_reader::kind(msgpack_reader::byte_at(at));
    if (found == msgpack_kind::string || found == msgpack_kind::binary) {
      std::string_view text;
      const char* const next = in.read_raw(at, text, "string");
      if (next == nullptr) return nullptr;
      if constexpr (shape_of<Key> == shape::enumeration) {
        if (const auto named = enum_value<Key>(text)) {
          key = *named;
          return next;
        }
        enum_number<Key> number{};
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc{} || end != text.data() + text.size()) return in.fail(at, expected_one_of<Key>(), "\"" + std::string{text.substr(0, 64)} + "\"");
        key = static_cast<Key>(number);
      } else if constexpr (shape_of<Key> == shape::boolean) {
        key = text == "true";
        if (!key && text != "false") return in.fail(at, "key that is true or false", "\"" + std::string{text.substr(0, 64)} + "\"");
      } else {
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), key);
        if (problem != std::errc{} || end != text.data() + text.size()) {
          using bounds = std::numeric_limits<Key>;
          return in.fail(at, expected_integer(static_cast<std::int64_t>((bounds::min)()), static_cast<std::uint64_t>((bounds::max)())),
                         "\"" + std::string{text.substr(0, 64)} + "\"");
        }
      }
      return next;
    }
  }
  return detail::msgpack_read(in, at, key);
}

// The key as a step of the path.
template <class Key>
[[gnu::cold]] std::string msgpack_key_text(const Key& key) {
  if constexpr (shape_of<Key> == shape::text) return std::string{key};
  else if constexpr (shape_of<Key> == shape::enumeration) return std::to_string(static_cast<enum_number<Key>>(key));
  else if constexpr (shape_of<Key> == shape::boolean) return key ? "true" : "false";
  else return std::to_string(key);
}

template <class T>
const char* msgpack_read_mapping(msgpack_reader& in, const char* at, T& value) {
  value.clear();
  if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) return at + 1;
  std::size_t count = 0;
  const char* const start = at;
  at = in.read_map_head(at, count, "object");
  if (at == nullptr || !in.enter(start) || !in.take_memory(start, count, msgpack_element_memory<T>)) [[unlikely]] return nullptr;
  if constexpr (requires { value.reserve(count); }) value.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    typename T::key_type key{};
    at = detail::msgpack_read_key(in, at, key);
    if (at == nullptr) [[unlikely]] return nullptr;
    const auto [entry, is_new] = value.try_emplace(std::move(key));
    if (!is_new) entry->second = typename T::mapped_type{};
    at = detail::msgpack_read(in, at, entry->second);
    if (at == nullptr) [[unlikely]] return in.fail_at_field(msgpack_key_text(entry->first));
  }
  in.leave();
  return at;
}

// What the token at hand may be, as the set of kinds that tells alternatives apart. A timestamp is text to other formats.
inline unsigned msgpack_wire_kind(unsigned char head) noexcept {
  switch (msgpack_reader::kind(head)) {
    case msgpack_kind::null: return null_kind;
    case msgpack_kind::boolean: return boolean_kind;
    case msgpack_kind::integer:
    case msgpack_kind::number: return number_kind;
    case msgpack_kind::string:
    case msgpack_kind::extension: return text_kind;
    case msgpack_kind::binary: return binary_kind;
    case msgpack_kind::array: return array_kind;
    case msgpack_kind::object: return object_kind;
    default: return 0;
  }
}

template <std::size_t Index, class T>
const char* msgpack_read_alternative(msgpack_reader& in, const char* at, T& value) {
  if (value.index() != Index) value.template emplace<Index>();
  return detail::msgpack_read(in, at, *std::get_if<Index>(&value));
}

template <class T, std::size_t... Index>
const char* msgpack_read_variant(msgpack_reader& in, const char* at, T& value, std::index_sequence<Index...>) {
  using reader = const char* (*)(msgpack_reader&, const char*, T&);
  static constexpr reader readers[] = {&msgpack_read_alternative<Index, T>...};
  constexpr std::size_t count = sizeof...(Index);
  if constexpr (tells_by_kind<T, true>) {
    if (at == in.end) return in.fail(at, "value");
    static constexpr unsigned kinds[] = {wire_kinds<std::variant_alternative_t<Index, T>, true>()...};
    unsigned found = msgpack_wire_kind(msgpack_reader::byte_at(at));
    // Writers older than the format's bin send binary as text; a record may come as an array.
    for (int attempt = 0; attempt < 2; ++attempt) {
      for (std::size_t i = 0; i < count; ++i) {
        if ((kinds[i] & found) != 0) return readers[i](in, at, value);
      }
      found = found == text_kind ? unsigned{binary_kind} : found == binary_kind ? unsigned{text_kind} : found == array_kind ? unsigned{object_kind} : 0U;
    }
    return in.fail(at, "one of the alternatives of a variant");
  } else {
    using names = alternative_names<T>;
    static_assert(names::differ);
    std::size_t entries = 0;
    const char* next = in.read_map_head(at, entries, "object of one entry");
    if (next == nullptr || !in.enter(at)) return nullptr;
    if (entries != 1) return in.fail(at, "object of one entry", "object of " + std::to_string(entries) + " entries");
    const char* const key = next;
    std::string_view name;
    next = in.read_raw(next, name, "string");
    if (next == nullptr) return nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      if (names::value[i] != name) continue;
      next = readers[i](in, next, value);
      if (next == nullptr) return in.fail_at_field(name);
      in.leave();
      return next;
    }
    std::string expected;
    for (const std::string_view each : names::value) expected.append(expected.empty() ? "one of " : ", ").append(each);
    return in.fail(key, expected, "\"" + std::string{name.substr(0, 64)} + "\"");
  }
}

template <class T>
const char* msgpack_read_optional(msgpack_reader& in, const char* at, T& value) {
  if (at != in.end && msgpack_reader::byte_at(at) == msgpack_head::null_value) {
    value.reset();
    return at + 1;
  }
  if (!value) {
    if constexpr (is_unique_pointer<T>) {
      if (!in.take_memory(at, 1, sizeof(typename T::element_type))) return nullptr;
      value = std::make_unique<typename T::element_type>();
    } else {
      value.emplace();
    }
  }
  return detail::msgpack_read(in, at, *value);
}

}  // namespace tenon::inline v0::codec::detail
