// Reads protobuf's messages straight into C++ values. Codec layer, part of protobuf.hpp.
// A message is read twice at most: fields that come in order by comparing with the expected tag, whatever is left through a table of numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <tenon/codec/detail/protobuf_default.hpp>
#include <tenon/codec/detail/protobuf_fields.hpp>
#include <tenon/codec/detail/protobuf_read_container.hpp>
#include <tenon/codec/detail/protobuf_reader.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

// Reads one occurrence of a field, or of one alternative, after its tag, into what the member holds; what is repeated is appended. `first`: what the member holds is its
// default, which the occurrence replaces. `tag` is the tag's value. By type, not by field: `Number` is 0 where it does not matter.
template <int Number, protobuf_style Style, protobuf_style KeyStyle, std::size_t Alternative, class T>
const char* protobuf_merge(protobuf_reader& in, const char* at, const char* last, std::uint64_t tag, void* place, bool first) {
  T& member = *static_cast<T*>(place);
  constexpr shape form = shape_of<T>;
  static_cast<void>(tag);
  if constexpr (form == shape::optional) {
    const bool had_value = !first && static_cast<bool>(member);
    if (!member && !protobuf_engage(in, at, member)) [[unlikely]] return nullptr;
    return detail::protobuf_read_element<Style>(in, at, last, *member, had_value);
  } else if constexpr (form == shape::sequence) {
    if (first) member.clear();
    if constexpr (protobuf_is_number<typename T::value_type>) {
      std::size_t filled = 0;
      if ((tag & 7) == protobuf_wire::delimited) return detail::protobuf_read_packed<Style>(in, at, last, member, filled);
    }
    return detail::protobuf_append_element<Number, Style>(in, at, last, member);
  } else if constexpr (form == shape::mapping) {
    if (first) member.clear();
    return detail::protobuf_read_entry<Style, KeyStyle>(in, at, last, member);
  } else if constexpr (form == shape::variant) {
    const bool had_value = !first && member.index() == Alternative;
    if (!had_value) member.template emplace<Alternative>();
    return detail::protobuf_read_element<Style>(in, at, last, *std::get_if<Alternative>(&member), had_value);
  } else if constexpr (form == shape::fixed_sequence) {
    // The whole row is read again from its first tag; one that is longer than it needs to be is passed over.
    const char* const start = at - protobuf_tag_size<Number, protobuf_wire::delimited>;
    const char* const next = detail::protobuf_read_run<Number, Style>(in, start, last, member);
    return next == start ? in.skip(at, last, tag) : next;
  } else {
    return detail::protobuf_read_element<Style>(in, at, last, member, !first);
  }
}

// Reads a field that is expected here; returns `at` when it is not here.
template <class M, class Field, class T>
[[gnu::always_inline]] inline const char* protobuf_read_field(protobuf_reader& in, const char* at, const char* last, T& member) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    return detail::protobuf_read_run<Field::number, Field::style>(in, at, last, member);
  } else if constexpr (form == shape::mapping) {
    if (!protobuf_is_at<Field::number, protobuf_wire::delimited>(at, last)) return at;
    member.clear();
    do {
      at = detail::protobuf_read_entry<Field::style, Field::key_style>(in, at + protobuf_tag_size<Field::number, protobuf_wire::delimited>, last, member);
      if (at == nullptr) [[unlikely]] return nullptr;
    } while (protobuf_is_at<Field::number, protobuf_wire::delimited>(at, last));
    return at;
  } else if constexpr (form == shape::optional) {
    constexpr protobuf_wire::kind wire = protobuf_element_wire<std::remove_reference_t<decltype(*member)>, Field::style>();
    if (!protobuf_is_at<Field::number, wire>(at, last)) return at;
    if (!member && !protobuf_engage(in, at, member)) [[unlikely]] return nullptr;
    return detail::protobuf_read_element<Field::style>(in, at + protobuf_tag_size<Field::number, wire>, last, *member, false);
  } else if constexpr (form == shape::variant) {
    // Which alternative comes is for the table to say.
    return at;
  } else {
    constexpr protobuf_wire::kind wire = protobuf_wire_of<T, Field::style>();
    if (!protobuf_is_at<Field::number, wire>(at, last)) return at;
    return detail::protobuf_read_single<Field::style>(in, at + protobuf_tag_size<Field::number, wire>, last, member, false);
  }
}

// One number of a message, for the table.
struct protobuf_entry {
  const char* (*merge)(protobuf_reader& in, const char* at, const char* last, std::uint64_t tag, void* member, bool first);
  std::uint32_t number;
  std::uint8_t field;
  std::uint8_t wires;  // a bit for each wire type that it comes in
  bool is_noted;
};

template <class T, std::size_t Alternative, protobuf_style Style>
consteval std::uint8_t protobuf_wires() {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::optional) {
    return 1U << protobuf_element_wire<std::remove_cvref_t<decltype(*std::declval<T&>())>, Style>();
  } else if constexpr (form == shape::variant) {
    return 1U << protobuf_element_wire<std::variant_alternative_t<Alternative, T>, Style>();
  } else if constexpr (form == shape::sequence || form == shape::fixed_sequence) {
    constexpr bool may_be_packed = protobuf_is_number<typename T::value_type>;
    return static_cast<std::uint8_t>(1U << protobuf_element_wire<typename T::value_type, Style>() | (may_be_packed ? 1U << protobuf_wire::delimited : 0U));
  } else if constexpr (form == shape::mapping) {
    return 1U << protobuf_wire::delimited;
  } else {
    return 1U << protobuf_wire_of<T, Style>();
  }
}
template <class M, std::size_t... Index>
consteval bool protobuf_has_other_default(std::index_sequence<Index...>) {
  return ((!protobuf_field<M, Index>::keeps_unknown && !protobuf_defaults_to_zero<M, protobuf_field<M, Index>>()) || ...);
}
// A struct whose fields have other defaults than those of a struct within that is all zero.
template <class T>
consteval bool protobuf_fills_itself() {
  if constexpr (shape_of<T> == shape::record) return protobuf_has_other_default<T>(protobuf_indices<T>{});
  else return false;
}
// Which fields have to be noted when they come: required ones, and those whose first occurrence replaces more than zero.
template <class M, class Field>
inline constexpr bool protobuf_is_noted =
    !Field::keeps_unknown && (Field::is_required || !protobuf_defaults_to_zero<M, Field>() || protobuf_fills_itself<typename Field::type>());

template <class M, class Field, std::size_t Alternative>
consteval protobuf_entry protobuf_make_entry(int number) {
  using type = typename Field::type;
  constexpr bool needs_number = shape_of<type> == shape::sequence || shape_of<type> == shape::fixed_sequence;
  return {&protobuf_merge<needs_number ? Field::number : 0, Field::style, Field::key_style, Alternative, type>, static_cast<std::uint32_t>(number), static_cast<std::uint8_t>(Field::index),
          protobuf_wires<type, Alternative, Field::style>(), protobuf_is_noted<M, Field>};
}
template <class M, std::size_t... Place>
consteval auto protobuf_make_entries(std::index_sequence<Place...>) {
  constexpr const auto& places = protobuf_places<M>;
  return std::array<protobuf_entry, sizeof...(Place)>{protobuf_make_entry<M, protobuf_field<M, places[Place].field>, places[Place].alternative>(places[Place].number)...};
}
template <class M>
inline constexpr auto protobuf_entries = protobuf_make_entries<M>(std::make_index_sequence<protobuf_places<M>.size()>{});

// A field by its number, the one after the last tried first. Not templated.
inline std::size_t protobuf_find(const protobuf_entry* entries, std::size_t count, std::uint64_t number, std::size_t expected) noexcept {
  for (std::size_t step = 0; step < count; ++step) {
    const std::size_t index = expected + step < count ? expected + step : expected + step - count;
    if (entries[index].number == number) return index;
  }
  return count;
}

template <class... Fields>
consteval auto protobuf_make_names(const boost::hana::tuple<Fields...>&) {
  return std::array<std::string_view, sizeof...(Fields)>{std::string_view{Fields::name}...};
}
template <class T>
inline constexpr auto protobuf_names = protobuf_make_names(fields_of<T>);

template <class M>
[[gnu::cold, gnu::noinline]] const char* protobuf_fail_in(protobuf_reader& in, [[maybe_unused]] const M& message, [[maybe_unused]] std::size_t index) {
  if constexpr (is_protobuf_call<M>) {
    if (index < message.names.size()) return in.fail_at_field(message.names[index]);
    in.fail_at_index(index);
    return in.fail_at_field("arguments");
  } else if constexpr (is_protobuf_wrapped<M>) {
    return nullptr;
  } else if constexpr (shape_of<M> == shape::tuple) {
    return in.fail_at_index(index);
  } else {
    return in.fail_at_field(protobuf_names<M>[index]);
  }
}

template <class M, std::size_t... Index>
consteval bool protobuf_has_required(std::index_sequence<Index...>) {
  return (protobuf_field<M, Index>::is_required || ...);
}
template <class M, std::size_t... Index>
consteval bool protobuf_any_noted(std::index_sequence<Index...>) {
  return (protobuf_is_noted<M, protobuf_field<M, Index>> || ...);
}
template <class M, std::size_t... Index>
consteval std::size_t protobuf_unknown_field(std::index_sequence<Index...>) {
  std::size_t found = sizeof...(Index);
  static_cast<void>(((protobuf_field<M, Index>::keeps_unknown ? (found = Index, true) : false) || ...));
  return found;
}

template <std::size_t Words>
struct protobuf_noted {
  std::array<std::uint64_t, Words> words{};
  void note(std::size_t index) noexcept { words[index / 64] |= std::uint64_t{1} << (index % 64); }
  bool has(std::size_t index) const noexcept { return (words[index / 64] >> (index % 64) & 1U) != 0; }
};
template <>
struct protobuf_noted<0> {
  void note(std::size_t) noexcept {}
  bool has(std::size_t) const noexcept { return true; }
};

template <class M>
using protobuf_noted_in = protobuf_noted<protobuf_any_noted<M>(protobuf_indices<M>{}) ? protobuf_field_count<M> / 64 + 1 : 0>;

// The first field that did not come and is required, or whose default is not zero; the count when there is none.
template <class M, bool Required>
std::size_t protobuf_misses_any(const protobuf_noted_in<M>& noted, std::bool_constant<Required>) {
  constexpr auto asked = []<std::size_t... Index>(std::index_sequence<Index...>) {
    return std::array<bool, sizeof...(Index)>{
        (!protobuf_field<M, Index>::keeps_unknown && (Required ? protobuf_field<M, Index>::is_required : !protobuf_defaults_to_zero<M, protobuf_field<M, Index>>()))...};
  }(protobuf_indices<M>{});
  for (std::size_t index = 0; index < asked.size(); ++index) {
    if (asked[index] && !noted.has(index)) return index;
  }
  return asked.size();
}

// Gives the fields that did not come, and whose default is not zero, that default.
template <class M>
[[gnu::noinline]] void protobuf_restore(M& message, const protobuf_noted_in<M>& noted) {
  M fresh{};
  std::array<void*, protobuf_field_count<M>> places{};
  protobuf_fold(fresh, 0, [&places](int&, auto each, auto& member) {
    places[decltype(each)::index] = std::addressof(member);
    return true;
  });
  protobuf_fold(message, 0, [&](int&, auto each, auto& member) {
    using field_type = decltype(each);
    if constexpr (protobuf_is_noted<M, field_type> && !protobuf_defaults_to_zero<M, field_type>()) {
      if (!noted.has(field_type::index)) member = std::move(*static_cast<typename field_type::type*>(places[field_type::index]));
    }
    return true;
  });
}

// What is left of a message: fields in another order, repeated ones again, unknown ones.
template <class M>
[[gnu::noinline]] const char* protobuf_read_rest(protobuf_reader& in, const char* at, const char* last, M& message, protobuf_noted_in<M>* noted) {
  std::array<void*, protobuf_field_count<M> + 1> places{};
  static_cast<void>(protobuf_fold(message, 0, [&places](int&, auto each, auto& member) {
    places[decltype(each)::index] = const_cast<void*>(static_cast<const void*>(std::addressof(member)));
    return true;
  }));
  constexpr std::size_t unknown = protobuf_unknown_field<M>(protobuf_indices<M>{});
  constexpr std::size_t count = protobuf_entries<M>.size();
  std::size_t expected = 0;
  while (at < last) {
    const protobuf_varint tag = in.read_tag(at);
    if (tag.next == nullptr) [[unlikely]] return nullptr;
    if (tag.next > last) [[unlikely]] return in.fail_overrun(last);
    const std::size_t found = protobuf_find(protobuf_entries<M>.data(), count, tag.value >> 3, expected);
    // A known number in an unknown wire type is an unknown field.
    if (found != count && (unsigned{protobuf_entries<M>[found].wires} >> (tag.value & 7) & 1U) != 0) {
      const protobuf_entry& entry = protobuf_entries<M>[found];
      bool first = false;
      if (noted != nullptr) {
        first = entry.is_noted && !noted->has(entry.field);
        noted->note(entry.field);
      }
      at = entry.merge(in, tag.next, last, tag.value, places[entry.field], first);
      if (at == nullptr) [[unlikely]] return protobuf_fail_in(in, message, entry.field);
      expected = found;
      continue;
    }
    const char* const next = in.skip(tag.next, last, tag.value);
    if (next == nullptr) [[unlikely]] return nullptr;
    if constexpr (unknown != protobuf_field_count<M>) {
      auto& kept = *static_cast<typename protobuf_field<M, unknown>::type*>(places[unknown]);
      using unit = typename protobuf_field<M, unknown>::type::value_type;
      kept.insert(kept.end(), reinterpret_cast<const unit*>(at), reinterpret_cast<const unit*>(next));
    }
    at = next;
  }
  return at == last ? at : in.fail_overrun(last);
}

template <class M>
struct protobuf_progress {
  protobuf_reader* in;
  const char* at;
  const char* last;
  protobuf_noted_in<M> noted;
};

template <class M>
const char* protobuf_read_message(protobuf_reader& in, const char* at, const char* last, M& message, bool merges) {
  if constexpr (shape_of<M> == shape::record) static_assert(assert_protobuf_numbers<M>());
  if (merges) [[unlikely]] return at == last ? at : protobuf_read_rest<M>(in, at, last, message, nullptr);
  using progress = protobuf_progress<M>;
  progress state = protobuf_fold(message, progress{&in, at, last, {}}, [&message](progress& now, auto each, auto& member) __attribute__((always_inline)) {
    using field_type = decltype(each);
    if constexpr (field_type::keeps_unknown) {
      member.clear();
      return true;
    } else {
      const char* const next = detail::protobuf_read_field<M, field_type>(*now.in, now.at, now.last, member);
      if (next == now.at) {
        if constexpr (protobuf_defaults_to_zero<M, field_type>()) detail::protobuf_clear(member);
      } else {
        if constexpr (protobuf_is_noted<M, field_type>) now.noted.note(field_type::index);
      }
      now.at = next;
      if (next != nullptr) [[likely]] return true;
      protobuf_fail_in(*now.in, message, field_type::index);
      return false;
    }
  });
  if (state.at == nullptr) [[unlikely]] return nullptr;
  if constexpr (protobuf_has_other_default<M>(protobuf_indices<M>{})) {
    if (protobuf_misses_any<M>(state.noted, std::false_type{}) != protobuf_field_count<M>) protobuf_restore(message, state.noted);
  }
  if (state.at != last) [[unlikely]] {
    state.at = protobuf_read_rest<M>(in, state.at, last, message, &state.noted);
    if (state.at == nullptr) [[unlikely]] return nullptr;
  }
  if constexpr (protobuf_has_required<M>(protobuf_indices<M>{})) {
    const std::size_t missing = protobuf_misses_any<M>(state.noted, std::true_type{});
    if (missing != protobuf_field_count<M>) [[unlikely]] {
      in.fail(last, "a value (it is required)", "none");
      return protobuf_fail_in(in, message, missing);
    }
  }
  return state.at;
}

}  // namespace tenon::inline v0::codec::detail
