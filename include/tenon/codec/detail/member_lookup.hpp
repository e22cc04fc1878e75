// Finds a record's field by its wire name: the expected one first, else through a hash table made at compile time. Codec layer, shared by codecs.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>

namespace tenon::inline v0::codec::detail {

/// The names of a record's fields and where each is found; points into tables with static storage.
///
/// Shape   `places` is an open hash table of indices with a power of two of entries, at least half of them empty (`no_place`).
struct member_index {
  static constexpr std::uint8_t no_place = 255;

  const std::string_view* names = nullptr;
  const std::uint8_t* places = nullptr;
  std::size_t count = 0;
  std::size_t place_mask = 0;

  // Reads at most eight bytes, whatever the length: names of one record rarely agree in length, start and end.
  static constexpr std::uint32_t hash(std::string_view name) noexcept {
    const std::size_t size = name.size();
    std::uint32_t front = 0;
    std::uint32_t back = 0;
    if (size >= 4) {
      front = load_4(name.data());
      back = load_4(name.data() + size - 4);
    } else if (size != 0) {
      front = static_cast<unsigned char>(name[0]);
      back = static_cast<std::uint32_t>(static_cast<unsigned char>(name[size / 2])) << 8 | static_cast<unsigned char>(name[size - 1]);
    }
    const std::uint64_t mixed = ((static_cast<std::uint64_t>(front) << 32 | back) + size) * 0x9E37'79B9'7F4A'7C15U;
    return static_cast<std::uint32_t>(mixed >> 40);
  }

  /// The index of the field called `name`; `count` when there is none. `expected` is tried first, as messages mostly come in order.
  constexpr std::size_t find(std::string_view name, std::size_t expected) const noexcept {
    if (expected < count && names[expected] == name) return expected;
    if (count == 0) return count;
    for (std::size_t place = hash(name) & place_mask;; place = (place + 1) & place_mask) {
      const std::size_t index = places[place];
      if (index == no_place) return count;
      if (names[index] == name) return index;
    }
  }

 private:
  static constexpr std::uint32_t load_4(const char* from) noexcept {
    if (std::is_constant_evaluated() || std::endian::native != std::endian::little) {
      std::uint32_t value = 0;
      for (int i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
      return value;
    }
    std::uint32_t value = 0;
    std::memcpy(&value, from, 4);
    return value;
  }
};

template <std::size_t Count>
struct member_tables {
  static_assert(Count < member_index::no_place, "tenon: a record has at most 254 fields; group some of them into a struct of their own");

  std::array<std::string_view, Count> names{};
  std::array<std::uint8_t, std::bit_ceil(2 * Count + 1)> places{};

  consteval explicit member_tables(std::array<std::string_view, Count> all_names) : names{all_names} {
    for (std::uint8_t& place : places) place = member_index::no_place;
    for (std::size_t index = 0; index < Count; ++index) {
      std::size_t place = member_index::hash(names[index]) & (places.size() - 1);
      while (places[place] != member_index::no_place) place = (place + 1) & (places.size() - 1);
      places[place] = static_cast<std::uint8_t>(index);
    }
  }
};

template <class... Fields>
consteval auto make_member_tables(const boost::hana::tuple<Fields...>&) {
  return member_tables<sizeof...(Fields)>{std::array<std::string_view, sizeof...(Fields)>{std::string_view{Fields::name}...}};
}

template <class T>
inline constexpr auto member_tables_of = make_member_tables(fields_of<T>);

/// The index of T's field names.
template <class T>
inline constexpr member_index member_index_of{member_tables_of<T>.names.data(), member_tables_of<T>.places.data(), member_tables_of<T>.names.size(),
                                              member_tables_of<T>.places.size() - 1};

/// The index of T's field with the wire name `name`; `field_count<T>` when there is none.
template <class T>
constexpr std::size_t find_member(std::string_view name, std::size_t expected_next) noexcept {
  return member_index_of<T>.find(name, expected_next);
}

}  // namespace tenon::inline v0::codec::detail
