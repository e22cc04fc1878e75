// Writes C++ values as MessagePack: what is flat goes out in one piece with room made once, the rest piece by piece. Codec layer, part of msgpack.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

#include <tenon/codec/detail/fold_fields.hpp>
#include <tenon/codec/detail/msgpack_free.hpp>
#include <tenon/codec/detail/msgpack_put.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

// How records are written: as maps by name, as arrays by position, as maps by field number.
enum class msgpack_style : unsigned char { named, positional, numbered };

// Appends any value. The functions below call one another through this door.
template <msgpack_style Style, class T>
void msgpack_write(buffer& out, const T& value);

// How many bytes a value of type T takes at most, when its type says so; 0 when that hangs on the value.
template <class T>
consteval std::size_t msgpack_largest() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean || form == shape::null) {
    return 1;
  } else if constexpr (form == shape::floating) {
    return 1 + sizeof(T);
  } else if constexpr (form == shape::integer || form == shape::enumeration) {
    return msgpack_put::largest_number;
  } else if constexpr (form == shape::duration) {
    return msgpack_largest<typename T::rep>();
  } else if constexpr (form == shape::time_point) {
    return msgpack_put::largest_timestamp;
  } else {
    return 0;
  }
}

// A wire name together with its head, ready to be copied.
template <std::size_t Size>
consteval auto msgpack_name(std::string_view name) {
  constexpr std::size_t head = Size < 0x20 ? 1 : Size <= 0xff ? 2 : 3;
  static_assert(Size <= 0xffff);
  std::array<char, head + Size> bytes{};
  if constexpr (head == 1) {
    bytes[0] = static_cast<char>(msgpack_head::fixstr | Size);
  } else if constexpr (head == 2) {
    bytes[0] = static_cast<char>(msgpack_head::str8);
    bytes[1] = static_cast<char>(Size);
  } else {
    bytes[0] = static_cast<char>(msgpack_head::str16);
    bytes[1] = static_cast<char>(Size >> 8);
    bytes[2] = static_cast<char>(Size);
  }
  for (std::size_t i = 0; i < Size; ++i) bytes[head + i] = name[i];
  return bytes;
}
template <class Field>
inline constexpr auto msgpack_field_name = msgpack_name<Field::name.size()>(Field::name);

// A field number in its shortest form, ready to be copied.
template <unsigned Number>
consteval auto msgpack_number_key() {
  constexpr std::size_t width = Number < 0x80 ? 0 : Number <= 0xff ? 1 : Number <= 0xffff ? 2 : 4;
  std::array<char, 1 + width> bytes{};
  bytes[0] = static_cast<char>(width == 0 ? Number : msgpack_head::uint8 + width / 2);
  for (std::size_t i = 0; i < width; ++i) bytes[1 + i] = static_cast<char>(Number >> 8 * (width - 1 - i));
  return bytes;
}

// What stands before a field: its name, nothing, or its number.
template <msgpack_style Style, class Field>
consteval auto msgpack_make_key() {
  if constexpr (Style == msgpack_style::named) return msgpack_field_name<Field>;
  else if constexpr (Style == msgpack_style::positional) return std::array<char, 0>{};
  else return msgpack_number_key<static_cast<unsigned>(Field::number)>();
}
template <msgpack_style Style, class Field>
inline constexpr auto msgpack_field_key = msgpack_make_key<Style, Field>();

// Small arrays only: their elements are written one after the other without a check in between.
template <class T>
consteval bool msgpack_is_flat();
template <class... Fields>
consteval bool msgpack_all_flat(const boost::hana::tuple<Fields...>&) {
  return (msgpack_is_flat<typename Fields::type>() && ...);
}
template <class Tuple, std::size_t... Index>
consteval bool msgpack_all_flat(std::index_sequence<Index...>) {
  return (msgpack_is_flat<std::remove_cvref_t<std::tuple_element_t<Index, Tuple>>>() && ...);
}
template <class T>
inline constexpr bool is_unique_pointer = false;
template <class T>
inline constexpr bool is_unique_pointer<std::unique_ptr<T>> = true;

// A flat value's size is known without following pointers other than its strings', so that room for all of it is made at once.
template <class T>
consteval bool msgpack_is_flat() {
  constexpr shape form = shape_of<T>;
  if constexpr (msgpack_largest<T>() != 0 || form == shape::text || form == shape::binary) {
    return true;
  } else if constexpr (form == shape::optional && !is_unique_pointer<T>) {
    return msgpack_is_flat<typename T::value_type>();
  } else if constexpr (form == shape::record) {
    return msgpack_all_flat(fields_of<T>);
  } else if constexpr (form == shape::tuple) {
    return msgpack_all_flat<T>(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (form == shape::fixed_sequence) {
    return std::tuple_size_v<T> <= 16 && msgpack_is_flat<typename T::value_type>();
  } else {
    return false;
  }
}

template <msgpack_style Style, class... Fields>
consteval std::size_t msgpack_keys_size(const boost::hana::tuple<Fields...>&) {
  return (msgpack_put::largest_head + ... + msgpack_field_key<Style, Fields>.size());
}
template <msgpack_style Style>
inline char* msgpack_put_record_head(char* at, std::size_t count) noexcept {
  return Style == msgpack_style::positional ? msgpack_put::array_head(at, count) : msgpack_put::map_head(at, count);
}

inline std::string_view msgpack_text(std::string_view value) noexcept { return value; }
inline std::string_view msgpack_text(const char* value) noexcept { return value == nullptr ? std::string_view{} : std::string_view{value}; }

// The room that `value`, which is flat, takes at most.
template <msgpack_style Style, class T>
[[gnu::always_inline]] inline std::size_t msgpack_room(const T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (msgpack_largest<T>() != 0) {
    static_cast<void>(value);
    return msgpack_largest<T>();
  } else if constexpr (form == shape::text) {
    return msgpack_put::largest_head + msgpack_text(value).size();
  } else if constexpr (form == shape::binary) {
    return msgpack_put::largest_head + value.size();
  } else if constexpr (form == shape::optional) {
    return value ? detail::msgpack_room<Style>(*value) : 1;
  } else if constexpr (form == shape::record) {
    return fold_fields(value, msgpack_keys_size<Style>(fields_of<T>), [](std::size_t& room, auto, const auto& member) __attribute__((always_inline)) {
      room += detail::msgpack_room<Style>(member);
      return true;
    });
  } else if constexpr (form == shape::tuple) {
    return std::apply([](const auto&... elements) { return (msgpack_put::largest_head + ... + detail::msgpack_room<Style>(elements)); }, value);
  } else {
    std::size_t room = msgpack_put::largest_head;
    for (const auto& element : value) room += detail::msgpack_room<Style>(element);
    return room;
  }
}

// Writes a flat value where `msgpack_room` made room.
template <msgpack_style Style, class T>
[[gnu::always_inline]] inline char* msgpack_put_value(char* at, const T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) {
    return msgpack_put::boolean(at, value);
  } else if constexpr (form == shape::integer) {
    return msgpack_put::integer(at, value);
  } else if constexpr (form == shape::floating) {
    return msgpack_put::floating(at, value);
  } else if constexpr (form == shape::null) {
    static_cast<void>(value);
    return msgpack_put::null(at);
  } else if constexpr (form == shape::enumeration) {
    return msgpack_put::integer(at, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (form == shape::duration) {
    return detail::msgpack_put_value<Style>(at, value.count());
  } else if constexpr (form == shape::time_point) {
    const timestamp time = to_timestamp(value);
    return msgpack_put::timestamp(at, time.seconds, time.nanoseconds);
  } else if constexpr (form == shape::text) {
    return msgpack_put::text(at, msgpack_text(value));
  } else if constexpr (form == shape::binary) {
    return msgpack_put::binary(at, value.data(), value.size());
  } else if constexpr (form == shape::optional) {
    return value ? detail::msgpack_put_value<Style>(at, *value) : msgpack_put::null(at);
  } else if constexpr (form == shape::record) {
    return fold_fields(value, msgpack_put_record_head<Style>(at, field_count<T>), [](char*& next, auto each, const auto& member) __attribute__((always_inline)) {
      constexpr const auto& key = msgpack_field_key<Style, decltype(each)>;
      next = detail::msgpack_put_value<Style>(msgpack_put::copy(next, key.data(), key.size()), member);
      return true;
    });
  } else if constexpr (form == shape::tuple) {
    at = msgpack_put::array_head(at, std::tuple_size_v<T>);
    std::apply([&at](const auto&... elements) { ((at = detail::msgpack_put_value<Style>(at, elements)), ...); }, value);
    return at;
  } else {
    at = msgpack_put::array_head(at, value.size());
    for (const auto& element : value) at = detail::msgpack_put_value<Style>(at, element);
    return at;
  }
}

inline void msgpack_write_null(buffer& out) { out.push_back(static_cast<char>(msgpack_head::null_value)); }
inline void msgpack_write_array_head(buffer& out, std::size_t count) {
  char* start = out.prepare(msgpack_put::largest_head);
  out.commit(static_cast<std::size_t>(msgpack_put::array_head(start, count) - start));
}
inline void msgpack_write_map_head(buffer& out, std::size_t count) {
  char* start = out.prepare(msgpack_put::largest_head);
  out.commit(static_cast<std::size_t>(msgpack_put::map_head(start, count) - start));
}

// A record with members that are not flat: names and flat members go out in runs between those.
struct msgpack_run {
  buffer* out;
  std::size_t room;
  char* start;
  char* at;

  void commit() const noexcept { out->commit(static_cast<std::size_t>(at - start)); }
};

template <msgpack_style Style, class T>
void msgpack_write_record(buffer& out, const T& value) {
  const std::size_t room =
      fold_fields(value, msgpack_keys_size<Style>(fields_of<T>), [](std::size_t& sum, auto, const auto& member) __attribute__((always_inline)) {
        if constexpr (msgpack_is_flat<std::remove_cvref_t<decltype(member)>>()) sum += detail::msgpack_room<Style>(member);
        return true;
      });
  char* const start = out.prepare(room);
  const msgpack_run initial{&out, room, start, msgpack_put_record_head<Style>(start, field_count<T>)};
  const msgpack_run last = fold_fields(value, initial, [](msgpack_run& run, auto each, const auto& member) __attribute__((always_inline)) {
    constexpr const auto& key = msgpack_field_key<Style, decltype(each)>;
    run.at = msgpack_put::copy(run.at, key.data(), key.size());
    if constexpr (msgpack_is_flat<std::remove_cvref_t<decltype(member)>>()) {
      run.at = detail::msgpack_put_value<Style>(run.at, member);
    } else {
      run.commit();
      detail::msgpack_write<Style>(*run.out, member);
      run.start = run.out->prepare(run.room);
      run.at = run.start;
    }
    return true;
  });
  last.commit();
}

template <msgpack_style Style, class T>
void msgpack_write_sequence(buffer& out, const T& value) {
  using element_type = typename T::value_type;
  constexpr std::size_t largest = msgpack_largest<element_type>();
  std::size_t left = static_cast<std::size_t>(value.size());
  msgpack_write_array_head(out, left);
  if constexpr (largest != 0) {
    // Room is made for some hundred numbers at a time: one check for many, and never nine bytes for each of a million small ones.
    constexpr std::size_t chunk = 256;
    auto next = value.begin();
    while (left != 0) {
      const std::size_t count = left < chunk ? left : chunk;
      char* const start = out.prepare(count * largest);
      char* at = start;
      for (std::size_t i = 0; i < count; ++i, ++next) at = detail::msgpack_put_value<Style, element_type>(at, *next);
      out.commit(static_cast<std::size_t>(at - start));
      left -= count;
    }
  } else {
    for (const element_type& element : value) detail::msgpack_write<Style>(out, element);
  }
}

template <msgpack_style Style, class T, std::size_t... Index>
void msgpack_write_variant(buffer& out, const T& value, std::index_sequence<Index...>) {
  const auto write = [&out](const auto& alternative) {
    using type = std::remove_cvref_t<decltype(alternative)>;
    if constexpr (!tells_by_kind<T, true>) {
      msgpack_write_map_head(out, 1);
      detail::msgpack_write<Style>(out, std::string_view{alternative_name<type>});
    }
    // A record that is an array by position could not be told from the alternatives that are arrays.
    constexpr bool is_told_by_map = tells_by_kind<T, true> && (wire_kinds<type, true>() & object_kind) != 0;
    detail::msgpack_write<is_told_by_map ? msgpack_style::named : Style>(out, alternative);
  };
  if (!((value.index() == Index ? (write(*std::get_if<Index>(&value)), true) : false) || ...)) msgpack_write_null(out);
}

template <msgpack_style Style, class T>
void msgpack_write(buffer& out, const T& value) {
  static_assert(assert_wire_type<T>());
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::free_json) {
    msgpack_write_json(out, value);
  } else if constexpr (form == shape::free_msgpack) {
    msgpack_write_object(out, value);
  } else if constexpr (msgpack_is_flat<T>()) {
    char* const start = out.prepare(detail::msgpack_room<Style>(value));
    out.commit(static_cast<std::size_t>(detail::msgpack_put_value<Style>(start, value) - start));
  } else if constexpr (form == shape::record) {
    detail::msgpack_write_record<Style>(out, value);
  } else if constexpr (form == shape::optional) {
    if (value) detail::msgpack_write<Style>(out, *value);
    else msgpack_write_null(out);
  } else if constexpr (form == shape::sequence) {
    detail::msgpack_write_sequence<Style>(out, value);
  } else if constexpr (form == shape::fixed_sequence) {
    msgpack_write_array_head(out, value.size());
    for (const auto& element : value) detail::msgpack_write<Style>(out, element);
  } else if constexpr (form == shape::tuple) {
    msgpack_write_array_head(out, std::tuple_size_v<T>);
    std::apply([&out](const auto&... elements) { (detail::msgpack_write<Style>(out, elements), ...); }, value);
  } else if constexpr (form == shape::mapping) {
    msgpack_write_map_head(out, static_cast<std::size_t>(value.size()));
    for (const auto& [key, mapped] : value) {
      detail::msgpack_write<Style>(out, key);
      detail::msgpack_write<Style>(out, mapped);
    }
  } else if constexpr (form == shape::variant) {
    detail::msgpack_write_variant<Style>(out, value, std::make_index_sequence<std::variant_size_v<T>>{});
  }
}

}  // namespace tenon::inline v0::codec::detail
