// The names of fields in the case that a style asks for, made at compile time. Codec layer, detail of codec/json.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/codec/detail/json_slots.hpp>
#include <tenon/codec/detail/member_lookup.hpp>
#include <tenon/codec/json_style.hpp>
#include <tenon/reflect/attributes.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>

namespace tenon::inline v0::codec::detail {

constexpr bool is_small(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_capital(char c) noexcept { return c >= 'A' && c <= 'Z'; }
constexpr char to_small(char c) noexcept { return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char to_capital(char c) noexcept { return is_small(c) ? static_cast<char>(c - 'a' + 'A') : c; }

// Writes `name` in the case and returns its size, which is at most twice that of `name`; without `into` it only counts.
constexpr std::size_t change_case(std::string_view name, name_case form, char* into) noexcept {
  std::size_t size = 0;
  const auto put = [&](char c) {
    if (into != nullptr) into[size] = c;
    ++size;
  };
  const bool joined = form == name_case::camel || form == name_case::pascal;
  const char separator = form == name_case::kebab ? '-' : '_';
  bool raise = form == name_case::pascal;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (form == name_case::as_is) {
      put(c);
    } else if (c == '_') {
      if (joined) raise = true;
      else put(separator);
    } else if (joined) {
      put(raise ? to_capital(c) : c);
      raise = false;
    } else {
      // A word begins at a capital after a small letter or digit, and at the last capital of several.
      const bool after_capital = i != 0 && is_capital(name[i - 1]);
      const bool begins = i != 0 && name[i - 1] != '_' && (!after_capital || (i + 1 < name.size() && is_small(name[i + 1])));
      if (is_capital(c) && begins) put(separator);
      put(to_small(c));
    }
  }
  return size;
}

// The case of a field's name: one that was given by tenon::name is meant as it is.
template <class Style, class Field>
inline constexpr name_case case_of = has_attribute<name_attribute>(Field::attributes) ? name_case::as_is : Style::style.names;

template <std::size_t Count, std::size_t Size>
struct styled_text {
  std::array<char, Size + 1> text{};
  std::array<std::size_t, Count + 1> begins{};
};

// A name that tenon::names gives an alternative is .proto's, which json changes the case of.
template <class Style, class T, std::size_t Slot>
consteval name_case case_of_slot() {
  constexpr json_slot slot = slots_of<Style, T>.all[Slot];
  if constexpr (slot.alternative == json_slot::whole) return case_of<Style, field<T, slot.field>>;
  else return Style::style.names;
}

template <class Style, class T, std::size_t... Slot>
consteval auto make_styled_text(std::index_sequence<Slot...>) {
  constexpr std::size_t size = (change_case(slot_name<Style, T, Slot>(), case_of_slot<Style, T, Slot>(), nullptr) + ... + 0);
  styled_text<sizeof...(Slot), size> made;
  std::size_t used = 0;
  static_cast<void>(((made.begins[Slot] = used, used += change_case(slot_name<Style, T, Slot>(), case_of_slot<Style, T, Slot>(), made.text.data() + used)), ...));
  made.begins[sizeof...(Slot)] = used;
  return made;
}

template <class Style, class T>
inline constexpr auto styled_text_of = make_styled_text<Style, T>(slot_indices<Style, T>{});

template <class Style, class T, std::size_t... Index>
constexpr std::array<std::string_view, sizeof...(Index)> make_styled_names(std::index_sequence<Index...>) {
  constexpr const auto& made = styled_text_of<Style, T>;
  return {std::string_view{made.text.data() + made.begins[Index], made.begins[Index + 1] - made.begins[Index]}...};
}

template <std::size_t Count>
consteval bool names_differ(const std::array<std::string_view, Count>& names) {
  for (std::size_t one = 0; one < Count; ++one) {
    for (std::size_t other = one + 1; other < Count; ++other) {
      if (names[one] == names[other]) return false;
    }
  }
  return true;
}

template <class Style, class T>
consteval auto make_styled_tables() {
  constexpr auto names = make_styled_names<Style, T>(slot_indices<Style, T>{});
  static_assert(names_differ(names), "tenon: two fields of a struct have the same name in json's case; give one of them its own by tenon::name");
  return member_tables<names.size()>{names};
}

template <class Style, class T>
inline constexpr auto styled_tables_of = make_styled_tables<Style, T>();
template <class Style, class T>
inline constexpr member_index styled_index_of{styled_tables_of<Style, T>.names.data(), styled_tables_of<Style, T>.places.data(),
                                              styled_tables_of<Style, T>.names.size(), styled_tables_of<Style, T>.places.size() - 1};

// Whether the fields are called in json what they are called in C++.
template <class Style, class T>
inline constexpr bool has_plain_names = Style::style.names == name_case::as_is && !has_flat_fields<Style, T>;

// The slots' names as json has them, and where each is found.
template <class Style, class T>
constexpr const member_index& json_index_of() {
  if constexpr (has_plain_names<Style, T>) return member_index_of<T>;
  else return styled_index_of<Style, T>;
}

template <class Style, class T>
consteval const auto& json_names_of() {
  if constexpr (has_plain_names<Style, T>) return member_tables_of<T>.names;
  else return styled_tables_of<Style, T>.names;
}

// The names that are read as well: those before the style changes their case.
template <class Style>
struct uncased {
  static constexpr json_style style = [] {
    json_style same = Style::style;
    same.names = name_case::as_is;
    return same;
  }();
};
template <class Style, class T>
constexpr const member_index* json_other_index_of() {
  if constexpr (Style::style.names == name_case::as_is) return nullptr;
  else return &json_index_of<uncased<Style>, T>();
}

// The same for the names of arguments, which are not known at compile time.
inline std::string styled_name(std::string_view name, name_case form) {
  std::string styled(change_case(name, form, nullptr), '\0');
  change_case(name, form, styled.data());
  return styled;
}

template <class Style>
bool is_argument_name(std::string_view key, std::string_view name) {
  if (key == name) return true;
  if constexpr (Style::style.names == name_case::as_is) return false;
  else return key == styled_name(name, Style::style.names);
}

}  // namespace tenon::inline v0::codec::detail
