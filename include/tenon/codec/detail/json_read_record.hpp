// Reads records from json objects. Codec layer, detail of codec/json.hpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include <tenon/codec/detail/json_default.hpp>
#include <tenon/codec/detail/json_names.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/json_record.hpp>
#include <tenon/codec/detail/json_text.hpp>
#include <tenon/codec/detail/member_lookup.hpp>
#include <tenon/codec/json_style.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class Style, class T>
const char* read_json(json_reader& from, const char* at, T& value);

template <std::size_t Count>
using field_set = std::array<std::uint64_t, (Count + 63) / 64>;

template <std::size_t Count>
constexpr bool has_field(const field_set<Count>& seen, std::size_t index) noexcept {
  return (seen[index / 64] >> (index % 64) & 1U) != 0;
}

// A variant whose alternatives are fields: whether one of them has come.
struct flat_choice {
  void* variant = nullptr;
  bool made = false;
};

template <class T>
inline constexpr bool has_required_fields = []<class... Fields>(const boost::hana::tuple<Fields...>*) { return (Fields::is_required || ...); }(&fields_of<T>);

// For a record that was reused: what the input did not mention must not keep what an earlier message left there.
template <class T>
[[gnu::noinline]] void reset_unseen(T& value, const field_set<field_count<T>>& seen) {
  std::size_t count = 0;
  for (const std::uint64_t each : seen) count += static_cast<std::size_t>(std::popcount(each));
  if (count == field_count<T>) return;
  T fresh{};
  for_each_field(value, [&](auto each, auto& member) {
    if (!has_field<field_count<T>>(seen, decltype(each)::index)) member = std::move(get_field<decltype(each)::index>(fresh));
  });
}

template <class T, class... Fields>
bool require_fields(json_reader& from, const char* at, const field_set<field_count<T>>& seen, const boost::hana::tuple<Fields...>*) {
  return ((!Fields::is_required || has_field<field_count<T>>(seen, Fields::index) || from.fail_missing(at, Fields::name)) && ...);
}

// A key as we would write it, ready to be compared with sixteen bytes of input at once; what is longer has its rest in `text`.
struct expected_key {
  std::uint64_t front = 0;
  std::uint64_t front_mask = 0;
  std::uint64_t back = 0;
  std::uint64_t back_mask = 0;
  std::size_t size = 0;
  const char* text = nullptr;

  constexpr expected_key() = default;
  constexpr expected_key(const char* key, std::size_t key_size) : size{key_size}, text{key} {
    std::array<char, 8> bytes[2]{};
    std::array<char, 8> mask[2]{};
    for (std::size_t i = 0; i < 16 && i < key_size; ++i) {
      bytes[i / 8][i % 8] = key[i];
      mask[i / 8][i % 8] = static_cast<char>(0xFF);
    }
    front = std::bit_cast<std::uint64_t>(bytes[0]);
    back = std::bit_cast<std::uint64_t>(bytes[1]);
    front_mask = std::bit_cast<std::uint64_t>(mask[0]);
    back_mask = std::bit_cast<std::uint64_t>(mask[1]);
  }

  // False as well when the input ends before it can be told.
  bool is_at(const char* at, const char* end) const noexcept {
    const auto left = static_cast<std::size_t>(end - at);
    if (left < 16 || left < size) return false;
    if ((((load_8(at) ^ front) & front_mask) | ((load_8(at + 8) ^ back) & back_mask)) != 0) return false;
    return size <= 16 || std::memcmp(at + 16, text + 16, size - 16) == 0;
  }
};

using member_reader = const char* (*)(json_reader& from, const char* at, void* member);

template <class Style, class T>
const char* read_json_member(json_reader& from, const char* at, void* member) {
  if constexpr (Style::style.null_is_default && !takes_null<T>) {
    if (from.is_null(at)) return *static_cast<T*>(member) = T{}, at + 4;
  }
  return read_json<Style>(from, at, *static_cast<T*>(member));
}

// The reader of an alternative that is a field; null says nothing, as for any field that is not set.
template <class Style, class Variant, std::size_t Alternative>
const char* read_json_choice(json_reader& from, const char* at, void* member) {
  constexpr shape form = shape_of<std::variant_alternative_t<Alternative, Variant>>;
  flat_choice& choice = *static_cast<flat_choice*>(member);
  if constexpr (form != shape::free_json && form != shape::free_msgpack) {
    if (from.is_null(at)) return at + 4;
  }
  if (choice.made) return from.fail(at, "one field of those that exclude each other", "a second one");
  choice.made = true;
  Variant& value = *static_cast<Variant*>(choice.variant);
  if (value.index() != Alternative) value.template emplace<Alternative>();
  return read_json<Style>(from, at, *std::get_if<Alternative>(&value));
}

// All that reading a record needs to know of its type, so that the reading itself is one function for all of them: unrolled over the fields
// it is larger, slower to compile, and no faster.
struct record_plan {
  const member_index* names;
  const member_index* other_names;  // those that are read as well; nullptr when there are none
  const expected_key* keys;
  const member_reader* readers;  // nullptr: the field is none in json
  bool refuse_unknown;
  bool refuse_doubled;
};

template <class Style, class T, std::size_t... Index>
constexpr std::array<expected_key, sizeof...(Index)> make_expected_keys(std::index_sequence<Index...>) {
  constexpr const auto& keys = record_keys_of<Style, T>;
  constexpr const auto& places = slots_of<Style, T>.all;
  // Without the brace or comma in front.
  std::array<expected_key, sizeof...(Index)> expected{expected_key{keys.text.data() + keys.begins[Index] + 1, keys.begins[Index + 1] - keys.begins[Index] - 1}...};
  // No input is long enough for the key of a field that is none in json.
  static_cast<void>(((is_hidden<Style, field<T, places[Index].field>> ? expected[Index].size = (std::numeric_limits<std::size_t>::max)() : 0), ...));
  return expected;
}

template <class Style, class T, std::size_t Slot>
consteval member_reader make_member_reader() {
  constexpr json_slot slot = slots_of<Style, T>.all[Slot];
  using type = typename field<T, slot.field>::type;
  if constexpr (is_hidden<Style, field<T, slot.field>>) return nullptr;
  else if constexpr (slot.alternative == json_slot::whole) return &read_json_member<Style, type>;
  else return &read_json_choice<Style, type, slot.alternative>;
}
template <class Style, class T, std::size_t... Slot>
constexpr std::array<member_reader, sizeof...(Slot)> make_member_readers(std::index_sequence<Slot...>) {
  return {make_member_reader<Style, T, Slot>()...};
}

template <class Style, class T>
inline constexpr auto expected_keys_of = make_expected_keys<Style, T>(slot_indices<Style, T>{});
template <class Style, class T>
inline constexpr auto member_readers_of = make_member_readers<Style, T>(slot_indices<Style, T>{});
template <class Style, class T>
inline constexpr record_plan record_plan_of{&json_index_of<Style, T>(),         json_other_index_of<Style, T>(), expected_keys_of<Style, T>.data(),
                                            member_readers_of<Style, T>.data(), Style::style.refuse_unknown,     Style::style.refuse_doubled};

// A field that the record does not have: skipped, or an error where the style says so.
[[gnu::noinline]] inline const char* skip_unknown_field(json_reader& from, const char* at, const char* key_at, std::string_view key, bool refuse) {
  if (refuse) return from.fail_name(key_at, "a known field", key);
  at = from.skip_value(at);
  if (at == nullptr) from.error().at_field(key);
  return at;
}

// Reads the object at `at` into `members`, which point to the fields in their order; marks in `seen` those that were there.
inline const char* read_json_members(json_reader& from, const char* at, const record_plan& plan, void* const* members, std::uint64_t* seen) {
  const member_index& names = *plan.names;
  bool closed = false;
  at = from.first_element(at, '}', closed);
  std::size_t next = 0;
  while (at != nullptr && !closed) {
    // Messages mostly come in the order of the fields: one comparison with the key as we would write it then stands for parsing it.
    std::size_t index = next;
    if (next < names.count && plan.keys[next].is_at(at, from.end())) {
      at = from.skip_space(at + plan.keys[next].size);
    } else {
      const char* const key_at = at;
      std::string_view key;
      at = from.read_key(at, key);
      if (at == nullptr) return nullptr;
      index = names.find(key, next);
      if (index == names.count && plan.other_names != nullptr) index = plan.other_names->find(key, next);
      if (index == names.count || plan.readers[index] == nullptr) {
        at = skip_unknown_field(from, at, key_at, key, plan.refuse_unknown);
        if (at == nullptr) return nullptr;
        at = from.next_element(at, '}', closed);
        continue;
      }
    }
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    // The last of doubled keys counts alone: what an earlier one put into a struct within must not shine through.
    const bool outer = from.resetting();
    if ((seen[index / 64] & bit) != 0) [[unlikely]] {
      if (plan.refuse_doubled) return from.fail_name(at, "a field once", names.names[index]);
      from.set_resetting(true);
    }
    at = plan.readers[index](from, at, members[index]);
    if (at == nullptr) [[unlikely]] return from.error().at_field(names.names[index]), nullptr;
    from.set_resetting(outer);
    seen[index / 64] |= bit;
    next = index + 1;
    at = from.next_element(at, '}', closed);
  }
  from.leave();
  return at;
}

// The same for a record some of whose variants are several fields; `seen` is about the record's fields, not the object's.
template <class Style, class T>
const char* read_json_flat(json_reader& from, const char* at, T& value, field_set<field_count<T>>& seen) {
  constexpr const auto& places = slots_of<Style, T>;
  std::array<flat_choice, field_count<T>> choices{};
  std::array<void*, slot_count<Style, T>> members{};
  field_set<slot_count<Style, T>> seen_slots{};
  for_each_field(value, [&](auto each, auto& member) {
    constexpr std::size_t index = decltype(each)::index;
    void* place = static_cast<void*>(std::addressof(member));
    if constexpr (is_flat<Style, decltype(each)>) {
      choices[index].variant = place;
      place = &choices[index];
    }
    for (std::size_t slot = places.first[index]; slot < places.first[index + 1]; ++slot) members[slot] = place;
  });
  at = read_json_members(from, at, record_plan_of<Style, T>, members.data(), seen_slots.data());
  for (std::size_t slot = 0; slot < members.size(); ++slot) {
    const std::size_t index = places.all[slot].field;
    const bool came = places.all[slot].alternative == json_slot::whole ? has_field<slot_count<Style, T>>(seen_slots, slot) : choices[index].made;
    if (came) seen[index / 64] |= std::uint64_t{1} << (index % 64);
  }
  return at;
}

template <class Style, class T>
const char* read_json_record(json_reader& from, const char* at, T& value) {
  field_set<field_count<T>> seen{};
  const char* const start = at;
  if (!from.is_at(at, '{')) [[unlikely]] {
    if (Style::style.null_is_default || !from.is_null(at)) return from.fail(at, "object");
    at += 4;
  } else if constexpr (has_flat_fields<Style, T>) {
    at = read_json_flat<Style>(from, at, value, seen);
    if (at == nullptr) return nullptr;
  } else {
    std::array<void*, field_count<T>> members;
    for_each_field(value, [&members](auto each, auto& member) { members[decltype(each)::index] = static_cast<void*>(std::addressof(member)); });
    at = read_json_members(from, at, record_plan_of<Style, T>, members.data(), seen.data());
    if (at == nullptr) return nullptr;
  }
  if constexpr (has_required_fields<T>) {
    if (!require_fields<T>(from, start, seen, &fields_of<T>)) return nullptr;
  }
  if (from.resetting()) reset_unseen(value, seen);
  return at;
}

}  // namespace tenon::inline v0::codec::detail
