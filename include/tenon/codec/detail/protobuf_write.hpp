// Writes C++ values as protobuf: what is flat goes out in one piece with room made once, the rest piece by piece. Codec layer, part of protobuf.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/codec/detail/msgpack_free.hpp>
#include <tenon/codec/detail/protobuf_default.hpp>
#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_put.hpp>
#include <tenon/codec/detail/protobuf_time.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

/// The buffer under way: the place to write at is handed from function to function, the end of the room stands here.
class protobuf_writer {
 public:
  explicit protobuf_writer(buffer& out) noexcept : out_{out}, end_{out.data() + out.capacity()} {}

  char* start() noexcept { return out_.data() + out_.size(); }
  void finish(const char* at) noexcept { out_.truncate(offset(at)); }
  std::size_t offset(const char* at) const noexcept { return static_cast<std::size_t>(at - out_.data()); }
  char* place(std::size_t offset) noexcept { return out_.data() + offset; }

  /// Makes room for `size` bytes, and the slack that writing may touch; the buffer may move.
  [[gnu::always_inline]] char* room(char* at, std::size_t size) {
    if (static_cast<std::size_t>(end_ - at) < size + protobuf_put::slack) [[unlikely]] return grow(at, size + protobuf_put::slack);
    return at;
  }

 private:
  [[gnu::noinline]] char* grow(char* at, std::size_t size) {
    finish(at);
    out_.prepare(size);
    end_ = out_.data() + out_.capacity();
    return start();
  }

  buffer& out_;
  const char* end_;
};

// Writes the fields of a message, whatever their size. The functions below call one another through this door.
template <class M>
char* protobuf_write_message(protobuf_writer& to, char* at, const M& message);

inline std::string_view protobuf_text(std::string_view value) noexcept { return value; }
inline std::string_view protobuf_text(const char* value) noexcept { return value == nullptr ? std::string_view{} : std::string_view{value}; }

// A flat value's size is known without a look at elements, so that room for all of it is made at once.
template <class T, protobuf_style Style>
consteval bool protobuf_is_flat();
template <class M, std::size_t... Index>
consteval bool protobuf_all_flat(std::index_sequence<Index...>) {
  return (protobuf_is_flat<typename protobuf_field<M, Index>::type, protobuf_field<M, Index>::style>() && ...);
}
template <class T, protobuf_style Style>
consteval bool protobuf_is_flat() {
  constexpr shape form = shape_of<T>;
  if constexpr (is_protobuf_message<T>) {
    return protobuf_all_flat<T>(protobuf_indices<T>{});
  } else if constexpr (form == shape::optional && requires { typename T::value_type; }) {
    return protobuf_is_single<typename T::value_type> && protobuf_is_flat<typename T::value_type, Style>();
  } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    return protobuf_is_block<T, Style>;
  } else {
    return form != shape::optional && form != shape::mapping && form != shape::variant && form != shape::free_json && form != shape::free_msgpack;
  }
}

// The room that a message's fields take at most, if they are flat; those that are not are left out.
template <class M>
[[gnu::always_inline]] inline std::size_t protobuf_room_inside(const M& message);

// The room that a flat single takes after its tag at most.
template <protobuf_style Style, class T>
[[gnu::always_inline]] inline std::size_t protobuf_room(const T& value) {
  if constexpr (!is_protobuf_message<T>) static_assert(assert_wire_type<T>());
  constexpr shape form = shape_of<T>;
  if constexpr (protobuf_is_number<T>) {
    static_cast<void>(value);
    constexpr std::size_t width = protobuf_width<T, Style>;
    // A negative number takes ten bytes whatever its type, unless zigzag.
    constexpr bool spreads = Style == protobuf_style::zigzag || form == shape::boolean || !(std::is_signed_v<T> || form == shape::enumeration);
    return width != 0 ? width : spreads ? (sizeof(T) * 8 + 6) / 7 : protobuf_put::largest_varint;
  } else if constexpr (form == shape::text) {
    return protobuf_put::largest_length + protobuf_text(value).size();
  } else if constexpr (form == shape::binary) {
    return protobuf_put::largest_length + value.size();
  } else if constexpr (form == shape::duration || form == shape::time_point) {
    static_cast<void>(value);
    return 1 + 2 * (1 + protobuf_put::largest_varint);
  } else if constexpr (form == shape::null) {
    static_cast<void>(value);
    return 1;
  } else {
    return protobuf_put::largest_length + detail::protobuf_room_inside(value);
  }
}

template <class Field, class T>
[[gnu::always_inline]] inline std::size_t protobuf_room_of_field(const T& member) {
  constexpr std::size_t tag = protobuf_put::tag_of<Field::number, protobuf_wire::delimited>.size;
  if constexpr (Field::keeps_unknown) {
    return member.size();
  } else if constexpr (shape_of<T> == shape::optional) {
    return member ? tag + detail::protobuf_room<Field::style>(*member) : 0;
  } else if constexpr (shape_of<T> == shape::sequence || shape_of<T> == shape::fixed_sequence) {
    return tag + protobuf_put::largest_length + member.size() * sizeof(typename T::value_type);
  } else {
    return tag + detail::protobuf_room<Field::style>(member);
  }
}

template <class M>
[[gnu::always_inline]] inline std::size_t protobuf_room_inside(const M& message) {
  return protobuf_fold(message, std::size_t{0}, [](std::size_t& room, auto each, const auto& member) __attribute__((always_inline)) {
    using field_type = decltype(each);
    if constexpr (protobuf_is_flat<typename field_type::type, field_type::style>()) room += detail::protobuf_room_of_field<field_type>(member);
    return true;
  });
}

// Writes the fields of a flat message where room was made.
template <class M>
[[gnu::always_inline]] inline char* protobuf_put_inside(char* at, const M& message);

// What comes before its own length: the length is guessed by the room, and what was written is moved when the guess was wrong.
template <class Body>
[[gnu::always_inline]] inline char* protobuf_put_delimited(char* at, std::size_t room, const Body& body) {
  if (room < 0x80) {
    char* const end = body(at + 1);
    *at = static_cast<char>(end - at - 1);
    return end;
  }
  const std::size_t guessed = protobuf_put::varint_size(room);
  char* const start = at + guessed;
  const auto size = static_cast<std::size_t>(body(start) - start);
  const std::size_t needed = protobuf_put::varint_size(size);
  if (needed != guessed) std::memmove(at + needed, start, size);
  return protobuf_put::varint_slowly(at, size) + size;
}

template <protobuf_style Style, class T>
[[gnu::always_inline]] inline char* protobuf_put_number(char* at, T value) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) {
    *at = static_cast<char>(value);
    return at + 1;
  } else if constexpr (form == shape::enumeration) {
    return detail::protobuf_put_number<protobuf_style::plain>(at, static_cast<protobuf_enum_number<T>>(value));
  } else if constexpr (form == shape::floating) {
    return protobuf_put::store(at, std::bit_cast<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>(value));
  } else if constexpr (Style == protobuf_style::fixed) {
    if constexpr (sizeof(T) <= 4) return protobuf_put::store(at, static_cast<std::uint32_t>(value));
    else return protobuf_put::store(at, static_cast<std::uint64_t>(value));
  } else if constexpr (Style == protobuf_style::zigzag && std::is_signed_v<T>) {
    const auto wide = static_cast<std::int64_t>(value);
    return protobuf_put::varint(at, static_cast<std::uint64_t>(wide) << 1 ^ static_cast<std::uint64_t>(wide >> 63));
  } else if constexpr (std::is_signed_v<T>) {
    return protobuf_put::varint(at, static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  } else {
    return protobuf_put::varint(at, static_cast<std::uint64_t>(value));
  }
}

inline char* protobuf_put_seconds(char* at, std::int64_t seconds, std::int64_t nanoseconds) noexcept {
  return protobuf_put_delimited(at, 22, [=](char* next) {
    if (seconds != 0) next = protobuf_put::varint(protobuf_put::tag<1, protobuf_wire::varint>(next), static_cast<std::uint64_t>(seconds));
    if (nanoseconds != 0) next = protobuf_put::varint(protobuf_put::tag<2, protobuf_wire::varint>(next), static_cast<std::uint64_t>(nanoseconds));
    return next;
  });
}

// Writes a flat single, without its tag. `room` is what protobuf_room said of it.
template <protobuf_style Style, class T>
[[gnu::always_inline]] inline char* protobuf_put_single(char* at, const T& value, std::size_t room) {
  constexpr shape form = shape_of<T>;
  if constexpr (protobuf_is_number<T>) {
    return detail::protobuf_put_number<Style>(at, value);
  } else if constexpr (form == shape::text) {
    const std::string_view text = protobuf_text(value);
    return protobuf_put::copy(protobuf_put::varint(at, text.size()), text.data(), text.size());
  } else if constexpr (form == shape::binary) {
    return protobuf_put::copy(protobuf_put::varint(at, value.size()), reinterpret_cast<const char*>(value.data()), value.size());
  } else if constexpr (form == shape::duration) {
    const protobuf_seconds split = protobuf_split(value);
    return protobuf_put_seconds(at, split.seconds, split.nanoseconds);
  } else if constexpr (form == shape::time_point) {
    const timestamp split = to_timestamp(value);
    return protobuf_put_seconds(at, split.seconds, split.nanoseconds);
  } else if constexpr (form == shape::null) {
    *at = 0;
    return at + 1;
  } else {
    return protobuf_put_delimited(at, room - protobuf_put::largest_length,
                                  [&value](char* start) __attribute__((always_inline)) { return detail::protobuf_put_inside(start, value); });
  }
}

template <class M, class Field, class T>
[[gnu::always_inline]] inline char* protobuf_put_field(char* at, const T& member) {
  constexpr shape form = shape_of<T>;
  if constexpr (Field::keeps_unknown) {
    return protobuf_put::copy(at, reinterpret_cast<const char*>(member.data()), member.size());
  } else if constexpr (form == shape::optional) {
    if (!member) return at;
    at = protobuf_put::tag<Field::number, protobuf_wire_of<typename T::value_type, Field::style>()>(at);
    return detail::protobuf_put_single<Field::style>(at, *member, detail::protobuf_room<Field::style>(*member));
  } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    const std::size_t size = member.size() * sizeof(typename T::value_type);
    if (size == 0 && !(protobuf_writes_zero<M, Field>())) return at;
    at = protobuf_put::varint(protobuf_put::tag<Field::number, protobuf_wire::delimited>(at), size);
    return protobuf_put::copy(at, reinterpret_cast<const char*>(member.data()), size);
  } else {
    // A message has presence, and a struct's member is always there.
    constexpr bool is_always_there = is_protobuf_message<T>;
    if constexpr (!is_always_there) {
      if (protobuf_is_zero(member) && !protobuf_writes_zero<M, Field>()) return at;
    }
    at = protobuf_put::tag<Field::number, protobuf_wire_of<T, Field::style>()>(at);
    return detail::protobuf_put_single<Field::style>(at, member, is_always_there ? detail::protobuf_room<Field::style>(member) : 0);
  }
}

template <class M>
[[gnu::always_inline]] inline char* protobuf_put_inside(char* at, const M& message) {
  return protobuf_fold(message, at, [](char*& next, auto each, const auto& member) __attribute__((always_inline)) {
    next = detail::protobuf_put_field<M, decltype(each)>(next, member);
    return true;
  });
}

// What is not flat: the length is guessed to take one byte.
template <class Body>
char* protobuf_write_delimited(protobuf_writer& to, char* at, const Body& body) {
  at = to.room(at, 1);
  const std::size_t begin = to.offset(at) + 1;
  at = body(at + 1);
  const std::size_t size = to.offset(at) - begin;
  if (size >= 0x80) {
    const std::size_t more = protobuf_put::varint_size(size) - 1;
    at = to.room(at, more);
    std::memmove(to.place(begin + more), to.place(begin), size);
    at += more;
  }
  protobuf_put::varint_slowly(to.place(begin - 1), size);
  return at;
}

template <class Json>
char* protobuf_write_json(protobuf_writer& to, char* at, const Json& value);

template <int Number, protobuf_style Style, class T>
[[gnu::always_inline]] inline char* protobuf_write_flat_element(protobuf_writer& to, char* at, const T& value) {
  constexpr std::size_t tag_size = protobuf_put::tag_of<Number, protobuf_wire::delimited>.size;
  const std::size_t room = detail::protobuf_room<Style>(value);
  at = protobuf_put::tag<Number, protobuf_wire_of<T, Style>()>(to.room(at, tag_size + room));
  return detail::protobuf_put_single<Style>(at, value, room);
}
// Writes one occurrence of a field, tag and all: an element, a key, an alternative, a message.
template <int Number, protobuf_style Style, class T>
char* protobuf_write_element(protobuf_writer& to, char* at, const T& value) {
  constexpr std::size_t tag_size = protobuf_put::tag_of<Number, protobuf_wire::delimited>.size;
  if constexpr (!protobuf_is_single<T>) {
    return detail::protobuf_write_element<Number, Style>(to, at, protobuf_wrapped<const T>{value});
  } else if constexpr (protobuf_is_flat<T, Style>()) {
    return detail::protobuf_write_flat_element<Number, Style>(to, at, value);
  } else {
    at = protobuf_put::tag<Number, protobuf_wire::delimited>(to.room(at, tag_size));
    return protobuf_write_delimited(to, at, [&](char* start) {
      if constexpr (shape_of<T> == shape::free_json) {
        return detail::protobuf_write_json(to, start, value);
      } else if constexpr (shape_of<T> == shape::free_msgpack) {
        buffer packed;
        msgpack_write_object(packed, value);
        return protobuf_put::copy(to.room(start, packed.size()), packed.data(), packed.size());
      } else {
        return detail::protobuf_write_message(to, start, value);
      }
    });
  }
}

template <protobuf_style Style, class Number>
std::size_t protobuf_number_size(const Number& value) {
  if constexpr (protobuf_width<Number, Style> != 0) return protobuf_width<Number, Style>;
  else if constexpr (shape_of<Number> == shape::boolean) return 1;
  else if constexpr (shape_of<Number> == shape::enumeration) return protobuf_number_size<protobuf_style::plain>(static_cast<protobuf_enum_number<Number>>(value));
  else if constexpr (std::is_unsigned_v<Number>) return protobuf_put::varint_size(static_cast<std::uint64_t>(value));
  else if constexpr (Style == protobuf_style::zigzag) return protobuf_put::varint_size(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(static_cast<std::int64_t>(value) >> 63));
  else return protobuf_put::varint_size(static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
}

template <class M, class Field, class T>
char* protobuf_write_sequence(protobuf_writer& to, char* at, const T& values) {
  using element_type = typename T::value_type;
  if constexpr (protobuf_is_number<element_type>) {
    // The exact size first: it is needed before the numbers, and room for ten bytes each would be mostly wasted.
    std::size_t size = 0;
    for (const element_type each : values) size += protobuf_number_size<Field::style, element_type>(each);
    if (size == 0 && !protobuf_writes_zero<M, Field>()) return at;
    at = to.room(at, 2 * protobuf_put::largest_length + size);
    at = protobuf_put::varint(protobuf_put::tag<Field::number, protobuf_wire::delimited>(at), size);
    for (const element_type each : values) at = detail::protobuf_put_number<Field::style, element_type>(at, each);
  } else if constexpr (protobuf_is_single<element_type> && protobuf_is_flat<element_type, Field::style>()) {
    for (const auto& each : values) at = detail::protobuf_write_flat_element<Field::number, Field::style>(to, at, each);
  } else {
    for (const auto& each : values) at = detail::protobuf_write_element<Field::number, Field::style>(to, at, each);
  }
  return at;
}

template <class Field, class T, std::size_t... Index>
char* protobuf_write_variant(protobuf_writer& to, char* at, const T& value, std::index_sequence<Index...>) {
  const auto write = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    using alternative = std::variant_alternative_t<I, T>;
    if constexpr (shape_of<alternative> != shape::null) {
      constexpr std::size_t rank = (std::size_t{0} + ... + (Index < I && shape_of<std::variant_alternative_t<Index, T>> != shape::null ? 1 : 0));
      at = detail::protobuf_write_element<Field::alternative_number(rank), Field::style>(to, at, *std::get_if<I>(&value));
    }
    return true;
  };
  static_cast<void>(((value.index() == Index && write(std::integral_constant<std::size_t, Index>{})) || ...));
  return at;
}

// Writes a field that is not flat.
template <class M, class Field, class T>
char* protobuf_write_field(protobuf_writer& to, char* at, const T& member) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    return detail::protobuf_write_sequence<M, Field>(to, at, member);
  } else if constexpr (form == shape::mapping) {
    for (const auto& entry : member) {
      at = protobuf_put::tag<Field::number, protobuf_wire::delimited>(to.room(at, protobuf_put::largest_length));
      at = protobuf_write_delimited(to, at, [&to, &entry](char* start) {
        start = detail::protobuf_write_element<1, Field::key_style>(to, start, entry.first);
        return detail::protobuf_write_element<2, Field::style>(to, start, entry.second);
      });
    }
    return at;
  } else if constexpr (form == shape::variant) {
    return detail::protobuf_write_variant<Field>(to, at, member, std::make_index_sequence<std::variant_size_v<T>>{});
  } else if constexpr (form == shape::optional) {
    return member ? detail::protobuf_write_element<Field::number, Field::style>(to, at, *member) : at;
  } else if constexpr (form == shape::free_json) {
    return member.is_null() && !Field::is_required ? at : detail::protobuf_write_element<Field::number, Field::style>(to, at, member);
  } else {
    return detail::protobuf_write_element<Field::number, Field::style>(to, at, member);
  }
}

struct protobuf_run {
  protobuf_writer* to;
  char* at;
  std::size_t room;  // for all members that are flat
};

template <class M>
char* protobuf_write_message(protobuf_writer& to, char* at, const M& message) {
  if constexpr (shape_of<M> == shape::record) static_assert(assert_protobuf_numbers<M>());
  const std::size_t room = detail::protobuf_room_inside(message);
  at = to.room(at, room);
  if constexpr (protobuf_is_flat<M, protobuf_style::plain>()) {
    return detail::protobuf_put_inside(at, message);
  } else {
    return protobuf_fold(message, protobuf_run{&to, at, room}, [](protobuf_run& run, auto each, const auto& member) __attribute__((always_inline)) {
      using field_type = decltype(each);
      using type = typename field_type::type;
      static_assert(assert_wire_type<type>());
      if constexpr (protobuf_is_flat<type, field_type::style>()) {
        run.at = detail::protobuf_put_field<M, field_type>(run.at, member);
      } else {
        run.at = detail::protobuf_write_field<M, field_type>(*run.to, run.at, member);
        run.at = run.to->room(run.at, run.room);
      }
      return true;
    }).at;
  }
}

}  // namespace tenon::inline v0::codec::detail
