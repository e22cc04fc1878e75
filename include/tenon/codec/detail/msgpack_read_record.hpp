// Reads MessagePack's maps and arrays into records: the expected field first, the others through a table. Codec layer, part of msgpack.hpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/codec/detail/member_lookup.hpp>
#include <tenon/codec/detail/msgpack_read_scalar.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/msgpack_write.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>

namespace tenon::inline v0::codec::detail {

// Reads any value; nullptr once in.error is filled. The functions below call one another through this door.
template <class T>
const char* msgpack_read(msgpack_reader& in, const char* at, T& value);

// What the slow path and the resetting know of a record's members: functions by type, not by member.
struct msgpack_member {
  const char* (*read)(msgpack_reader& in, const char* at, void* member);
  void (*take)(void* member, void* from);
  int number;
  bool is_required;
};

template <class Member>
const char* msgpack_read_member(msgpack_reader& in, const char* at, void* member) {
  return detail::msgpack_read(in, at, *static_cast<Member*>(member));
}
template <class Member>
void msgpack_take_member(void* member, void* from) {
  *static_cast<Member*>(member) = std::move(*static_cast<Member*>(from));
}
template <class... Fields>
consteval auto msgpack_make_members(const boost::hana::tuple<Fields...>&) {
  return std::array<msgpack_member, sizeof...(Fields)>{
      msgpack_member{&msgpack_read_member<typename Fields::type>, &msgpack_take_member<typename Fields::type>, Fields::number, Fields::is_required}...};
}
template <class T>
inline constexpr auto msgpack_members_of = msgpack_make_members(fields_of<T>);

// A record under way: its members, and which of them the input has mentioned. Not templated, and not touched when all fields come in order.
class msgpack_record_rest {
 public:
  msgpack_record_rest(const member_index& names, const msgpack_member* members, void* const* places, std::uint64_t* seen) noexcept
      : names_{names}, members_{members}, places_{places}, seen_{seen} {}

  // Entries in any order, from wherever the fast path stopped.
  const char* read_entries(msgpack_reader& in, const char* at, std::size_t count, std::size_t expected) {
    for (; count != 0; --count) {
      std::size_t index = names_.count;
      at = read_key(in, at, index, expected);
      if (at == nullptr) return nullptr;
      if (index == names_.count) {
        at = in.skip(at);
        if (at == nullptr) return nullptr;
      } else {
        at = read_at(in, at, index);
        if (at == nullptr) return nullptr;
        expected = index + 1;
      }
    }
    return at;
  }

  // By position: what is missing at the end stays as it is, what is too much is skipped.
  const char* read_positions(msgpack_reader& in, const char* at, std::size_t count, std::size_t index) {
    for (; count != 0; --count, ++index) {
      at = index < names_.count ? read_at(in, at, index) : in.skip(at);
      if (at == nullptr) return nullptr;
    }
    return at;
  }

  // The first required field that was not mentioned; the count when there is none.
  std::size_t missing_required() const noexcept {
    std::size_t index = 0;
    while (index < names_.count && (!members_[index].is_required || has_seen(index))) ++index;
    return index;
  }
  // Moves the members of a fresh object over those that were not mentioned.
  void take_unseen(void* const* from) const {
    for (std::size_t index = 0; index < names_.count; ++index) {
      if (!has_seen(index)) members_[index].take(places_[index], from[index]);
    }
  }

 private:
  bool has_seen(std::size_t index) const noexcept { return (seen_[index / 64] >> (index % 64) & 1U) != 0; }

  const char* read_at(msgpack_reader& in, const char* at, std::size_t index) {
    seen_[index / 64] |= std::uint64_t{1} << (index % 64);
    at = members_[index].read(in, at, places_[index]);
    return at == nullptr ? in.fail_at_field(names_.names[index]) : at;
  }

  // Keys are names, as text or as binary, or field numbers; whatever else is a key names no field of ours.
  const char* read_key(msgpack_reader& in, const char* at, std::size_t& index, std::size_t expected) const {
    const msgpack_kind found = at == in.end ? msgpack_kind::string : msgpack_reader::kind(msgpack_reader::byte_at(at));
    if (found == msgpack_kind::string || found == msgpack_kind::binary) {
      std::string_view name;
      at = in.read_raw(at, name, "string");
      if (at != nullptr) index = names_.find(name, expected);
      return at;
    }
    if (found != msgpack_kind::integer) return in.skip(at);
    msgpack_integer number;
    at = in.read_integer(at, number);
    if (at == nullptr || number.negative) return at;
    if (expected < names_.count && static_cast<std::uint64_t>(members_[expected].number) == number.bits) {
      index = expected;
      return at;
    }
    for (index = 0; index < names_.count && static_cast<std::uint64_t>(members_[index].number) != number.bits;) ++index;
    return at;
  }

  const member_index& names_;
  const msgpack_member* members_;
  void* const* places_;
  std::uint64_t* seen_;
};

// Out of line, as g++ 12 warns of a dangling pointer where it is inlined for a local object that lives as long as the places do.
template <class T>
[[gnu::noinline]] std::array<void*, field_count<T>> msgpack_places(T& value) {
  std::array<void*, field_count<T>> places{};
  for_each_field(value, [&places](auto field, auto& member) { places[decltype(field)::index] = std::addressof(member); });
  return places;
}

// The shapes whose reading is a few instructions are read in place; the others are functions of their own.
template <class T>
[[gnu::always_inline]] inline const char* msgpack_read_inline(msgpack_reader& in, const char* at, T& value) {
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) return msgpack_read_boolean(in, at, value);
  else if constexpr (form == shape::integer) return detail::msgpack_read_integer(in, at, value);
  else if constexpr (form == shape::floating) return detail::msgpack_read_floating(in, at, value);
  else return detail::msgpack_read(in, at, value);
}

template <class T>
inline constexpr bool has_required_field = false;
template <class... Fields>
inline constexpr bool has_required_field<boost::hana::tuple<Fields...>> = (Fields::is_required || ...);

// Whether the bytes at `at` are those of `name`. g++ calls memcmp for most lengths; loads that overlap are a few instructions.
template <std::size_t Size>
[[gnu::always_inline]] inline bool msgpack_starts_with(const char* at, const std::array<char, Size>& name) noexcept {
  const auto differ = [at, &name]<class Word>(std::size_t offset, Word left, Word right) {
    std::memcpy(&left, at + offset, sizeof left);
    std::memcpy(&right, name.data() + offset, sizeof right);
    return static_cast<std::uint64_t>(left ^ right);
  };
  if constexpr (Size > 16) {
    return std::memcmp(at, name.data(), Size) == 0;
  } else if constexpr (Size >= 8) {
    return (differ(0, std::uint64_t{}, std::uint64_t{}) | differ(Size - 8, std::uint64_t{}, std::uint64_t{})) == 0;
  } else if constexpr (Size >= 4) {
    return (differ(0, std::uint32_t{}, std::uint32_t{}) | differ(Size - 4, std::uint32_t{}, std::uint32_t{})) == 0;
  } else {
    for (std::size_t i = 0; i < Size; ++i) {
      if (at[i] != name[i]) return false;
    }
    return true;
  }
}

// The field after the last one seen.
template <std::size_t Words>
std::size_t msgpack_expected(const std::array<std::uint64_t, Words>& seen) noexcept {
  for (std::size_t word = Words; word-- > 0;) {
    if (seen[word] != 0) return 64 * word + static_cast<std::size_t>(std::bit_width(seen[word]));
  }
  return 0;
}

template <class T, std::size_t Words>
[[gnu::noinline]] const char* msgpack_read_record_slowly(msgpack_reader& in, const char* at, T& value, std::size_t left, bool by_position, std::array<std::uint64_t, Words> seen) {
  const auto places = msgpack_places(value);
  msgpack_record_rest rest{member_index_of<T>, msgpack_members_of<T>.data(), places.data(), seen.data()};
  const std::size_t expected = msgpack_expected(seen);
  at = by_position ? rest.read_positions(in, at, left, expected) : rest.read_entries(in, at, left, expected);
  if (at == nullptr) return nullptr;
  if constexpr (has_required_field<std::remove_cvref_t<decltype(fields_of<T>)>>) {
    const std::size_t missing = rest.missing_required();
    if (missing != field_count<T>) {
      in.fail(at, "a value (it is required)", "none");
      return in.fail_at_field(member_index_of<T>.names[missing]);
    }
  }
  if (in.resets_missing) {
    T fresh{};
    const auto fresh_places = msgpack_places(fresh);
    rest.take_unseen(fresh_places.data());
  }
  return at;
}

template <class T>
const char* msgpack_read_record(msgpack_reader& in, const char* at, T& value) {
  constexpr std::size_t total = field_count<T>;
  const char* const start = at;
  std::size_t count = 0;
  bool by_position = false;
  const unsigned char head = at == in.end ? static_cast<unsigned char>(msgpack_head::never_used) : msgpack_reader::byte_at(at);
  if (head == msgpack_head::null_value) {
    ++at;
  } else if (msgpack_reader::kind(head) == msgpack_kind::array) {
    at = in.read_array_head(at, count, "object");
    by_position = true;
  } else {
    at = in.read_map_head(at, count, "object");
  }
  if (at == nullptr || !in.enter(start)) [[unlikely]] return nullptr;
  // Fields that come in order, with any of them left out, are found by comparing with the expected name: a few instructions each. By position there is no name.
  std::array<std::uint64_t, total / 64 + 1> seen{};  // a bit for each field that the input mentions
  std::size_t left = count;                         // entries that are still to be read
  tenon::for_each_field_while(value, [&](auto each, auto& member) __attribute__((always_inline)) {
    using field_type = decltype(each);
    constexpr const auto& name = msgpack_field_name<field_type>;
    if (left == 0) return false;
    if (!by_position) {
      if (in.left(at) < name.size() || !msgpack_starts_with(at, name)) return true;
      at += name.size();
    }
    at = detail::msgpack_read_inline(in, at, member);
    if (at == nullptr) [[unlikely]] {
      in.fail_at_field(field_type::name);
      return false;
    }
    --left;
    seen[field_type::index / 64] |= std::uint64_t{1} << (field_type::index % 64);
    return true;
  });
  if (at == nullptr) [[unlikely]] return nullptr;
  constexpr bool has_required = has_required_field<std::remove_cvref_t<decltype(fields_of<T>)>>;
  const bool is_complete = left == 0 && count == total;
  if (left != 0 || ((has_required || in.resets_missing) && !is_complete)) {
    at = detail::msgpack_read_record_slowly(in, at, value, left, by_position, seen);
    if (at == nullptr) return nullptr;
  }
  in.leave();
  return at;
}

}  // namespace tenon::inline v0::codec::detail
