// What json knows of a type before it runs: the most bytes a value takes, and a record's keys as they are written. Codec layer, detail of codec/json.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <tenon/codec/detail/json_names.hpp>
#include <tenon/codec/detail/json_seconds.hpp>
#include <tenon/codec/detail/json_writer.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class Enum>
consteval std::size_t longest_enum_name() {
  std::size_t longest = 0;
  for (const auto& entry : enum_entries<Enum>) longest = entry.name.size() > longest ? entry.name.size() : longest;
  return longest;
}

// The most bytes that a `T` takes; 0 when that hangs on the value, whose writer asks for room itself.
template <class Style, class T>
consteval std::size_t fixed_size() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return 5;
  else if constexpr (form == shape::null) return 4;
  else if constexpr (form == shape::integer) return max_integer_size + (Style::style.wide_integers_as_text ? 2 : 0);
  else if constexpr (form == shape::duration && Style::style.seconds_as_text) return max_seconds_size + 2;
  else if constexpr (form == shape::floating || form == shape::duration) return max_floating_size;
  else if constexpr (form == shape::time_point) return max_timestamp_size + 2;
  else if constexpr (form == shape::enumeration) return longest_enum_name<T>() + 2 > max_integer_size ? longest_enum_name<T>() + 2 : max_integer_size;
  else return 0;
}

// The size of `name` as json text, without quotes.
constexpr std::size_t escaped_size(std::string_view name) {
  std::size_t size = 0;
  for (const char c : name) size += c == '"' || c == '\\' ? 2U : static_cast<unsigned char>(c) < 0x20 ? 6U : 1U;
  return size;
}

// Every key of a record as it is written, one after the other: `{"symbol":` `,"price":`. Written with one copy each, and read by one
// comparison each when they come in order.
template <std::size_t Count, std::size_t Size>
struct record_keys {
  std::array<char, Size> text{};
  std::array<std::size_t, Count + 1> begins{};
  // The room for field i and all that follow it up to and with the first key whose value asks for room itself; 0 when an earlier field asked.
  std::array<std::size_t, Count + 1> rooms{};

  consteval record_keys(std::array<std::string_view, Count> names, std::array<std::size_t, Count> sizes) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::size_t used = 0;
    for (std::size_t i = 0; i < Count; ++i) {
      begins[i] = used;
      text[used++] = i == 0 ? '{' : ',';
      text[used++] = '"';
      for (const char c : names[i]) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20) {
          for (const char each : std::string_view{"\\u00"}) text[used++] = each;
          text[used++] = hex[byte >> 4];
          text[used++] = hex[byte & 15U];
        } else {
          if (c == '"' || c == '\\') text[used++] = '\\';
          text[used++] = c;
        }
      }
      text[used++] = '"';
      text[used++] = ':';
    }
    begins[Count] = used;
    // From the back: the closing brace belongs to the last run.
    std::size_t run = 1;
    for (std::size_t i = Count; i > 0; --i) {
      const std::size_t key = begins[i] - begins[i - 1];
      if (sizes[i - 1] == 0) {
        rooms[i] = run;
        run = key;
      } else {
        run += key + sizes[i - 1];
      }
    }
    rooms[0] = run;
  }
};

// The room for a run of fields is asked for only where each field is a slot.
template <class Style, class T, std::size_t Slot>
consteval std::size_t slot_size() {
  constexpr json_slot slot = slots_of<Style, T>.all[Slot];
  if constexpr (slot.alternative == json_slot::whole) return fixed_size<Style, typename field<T, slot.field>::type>();
  else return 0;
}

template <class Style, class T, std::size_t... Slot>
consteval auto make_record_keys(std::index_sequence<Slot...>) {
  constexpr std::array<std::string_view, sizeof...(Slot)> names = json_names_of<Style, T>();
  constexpr std::size_t size = [&] {
    std::size_t sum = 0;
    for (const std::string_view name : names) sum += escaped_size(name) + 4;
    return sum;
  }();
  return record_keys<sizeof...(Slot), size>{names, std::array<std::size_t, sizeof...(Slot)>{slot_size<Style, T, Slot>()...}};
}

template <class Style, class T>
inline constexpr auto record_keys_of = make_record_keys<Style, T>(slot_indices<Style, T>{});

}  // namespace tenon::inline v0::codec::detail
