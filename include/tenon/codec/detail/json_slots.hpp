// Which fields a record has in a style of json: its own, save that a variant may be the fields of its alternatives, as proto3's oneof is. Codec layer, detail of
// codec/json.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/codec/detail/protobuf_schema.hpp>
#include <tenon/codec/json_style.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

/// One field of the json object: whose it is, and which alternative of a variant.
struct json_slot {
  static constexpr std::uint8_t whole = 255;
  std::uint8_t field = 0;
  std::uint8_t alternative = whole;
};

template <class Style, class Field>
inline constexpr bool is_flat = Style::style.flat_variants && shape_of<typename Field::type> == shape::variant;

// What was kept of protobuf's wire means nothing to proto3's json.
template <class Style, class Field>
inline constexpr bool is_hidden = Style::style.omit_defaults && has_attribute<unknown_fields_attribute>(Field::attributes);

template <class Style, class Field>
consteval std::size_t count_slots() {
  if constexpr (is_flat<Style, Field>) return protobuf_alternatives<std::remove_cv_t<typename Field::type>>;
  else return 1;
}

template <class Variant>
inline constexpr auto alternative_is_null = std::array<bool, 1>{};
template <class... Alternatives>
inline constexpr auto alternative_is_null<std::variant<Alternatives...>> = std::array<bool, sizeof...(Alternatives)>{shape_of<Alternatives> == shape::null...};

template <std::size_t Fields, std::size_t Slots>
struct json_slot_table {
  std::array<json_slot, Slots> all{};
  std::array<std::uint8_t, Fields + 1> first{};  // the first slot of each field
};

template <class Style, class... Fields>
consteval auto make_slots(const boost::hana::tuple<Fields...>*) {
  json_slot_table<sizeof...(Fields), (std::size_t{0} + ... + count_slots<Style, Fields>())> table;
  std::size_t count = 0;
  [[maybe_unused]] const auto take = [&]<class Field>(std::type_identity<Field>) {
    table.first[Field::index] = static_cast<std::uint8_t>(count);
    const auto index = static_cast<std::uint8_t>(Field::index);
    if constexpr (is_flat<Style, Field>) {
      constexpr auto is_null = alternative_is_null<std::remove_cv_t<typename Field::type>>;
      for (std::size_t each = 0; each < is_null.size(); ++each) {
        if (!is_null[each]) table.all[count++] = {index, static_cast<std::uint8_t>(each)};
      }
    } else {
      table.all[count++] = {index, json_slot::whole};
    }
  };
  (take(std::type_identity<Fields>{}), ...);
  table.first[sizeof...(Fields)] = static_cast<std::uint8_t>(count);
  return table;
}

template <class Style, class T>
inline constexpr auto slots_of = make_slots<Style>(&fields_of<T>);
template <class Style, class T>
inline constexpr std::size_t slot_count = slots_of<Style, T>.all.size();
template <class Style, class T>
using slot_indices = std::make_index_sequence<slot_count<Style, T>>;

template <class Style, class T>
inline constexpr bool has_flat_fields = []<class... Fields>(const boost::hana::tuple<Fields...>*) { return (is_flat<Style, Fields> || ...); }(&fields_of<T>);

// The slot of an alternative of a flat field.
template <class Style, class T, std::size_t Index, std::size_t Alternative>
consteval std::size_t slot_of_alternative() {
  std::size_t slot = slots_of<Style, T>.first[Index];
  while (slots_of<Style, T>.all[slot].alternative != Alternative) ++slot;
  return slot;
}

struct counting_sink {
  std::size_t size = 0;
  constexpr void put(std::string_view text) { size += text.size(); }
};
struct filling_sink {
  char* at;
  constexpr void put(std::string_view text) {
    for (const char c : text) *at++ = c;
  }
};

// The name of an alternative as .proto has it.
template <class T, std::size_t Index, std::size_t Alternative, std::size_t Rank>
constexpr auto make_member_text() {
  using variant = std::remove_cv_t<typename field<T, Index>::type>;
  constexpr std::size_t size = [] {
    counting_sink sink;
    proto_put_member_name<T, Index, variant, Alternative>(sink, {}, Rank);
    return sink.size;
  }();
  std::array<char, size> text{};
  filling_sink sink{text.data()};
  proto_put_member_name<T, Index, variant, Alternative>(sink, {}, Rank);
  return text;
}
template <class T, std::size_t Index, std::size_t Alternative, std::size_t Rank>
inline constexpr auto member_text = make_member_text<T, Index, Alternative, Rank>();

/// The name of a slot before the style changes its case.
template <class Style, class T, std::size_t Slot>
consteval std::string_view slot_name() {
  constexpr json_slot slot = slots_of<Style, T>.all[Slot];
  if constexpr (slot.alternative == json_slot::whole) {
    return field<T, slot.field>::name;
  } else {
    const auto& text = member_text<T, slot.field, slot.alternative, Slot - slots_of<Style, T>.first[slot.field]>;
    return std::string_view{text.data(), text.size()};
  }
}

}  // namespace tenon::inline v0::codec::detail
