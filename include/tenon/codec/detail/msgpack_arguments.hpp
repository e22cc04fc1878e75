// A call's arguments in MessagePack, in every form that arguments.hpp names. Codec layer, part of msgpack.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/detail/member_lookup.hpp>
#include <tenon/codec/detail/msgpack_read.hpp>
#include <tenon/codec/detail/msgpack_read_container.hpp>
#include <tenon/codec/detail/msgpack_read_record.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/codec/detail/msgpack_write.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/reflect/fields.hpp>
#include <tenon/reflect/hana.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <std::size_t Index, class Tuple>
using argument_type = std::remove_cvref_t<std::tuple_element_t<Index, Tuple>>;

template <msgpack_style Style, class Tuple, std::size_t... Index>
void msgpack_write_arguments(buffer& out, const Tuple& values, std::span<const std::string_view> names, std::index_sequence<Index...>) {
  constexpr std::size_t count = sizeof...(Index);
  if constexpr (count == 0) {
    static_cast<void>(values);
    static_cast<void>(names);
    msgpack_write_null(out);
  } else if constexpr (count == 1) {
    static_cast<void>(names);
    detail::msgpack_write<Style>(out, std::get<0>(values));
  } else if (Style == msgpack_style::named && names.size() == count) {
    msgpack_write_map_head(out, count);
    ((detail::msgpack_write<Style>(out, names[Index]), detail::msgpack_write<Style>(out, std::get<Index>(values))), ...);
  } else {
    msgpack_write_array_head(out, count);
    (detail::msgpack_write<Style>(out, std::get<Index>(values)), ...);
  }
}

[[gnu::cold, gnu::noinline]] inline const char* msgpack_fail_at_argument(msgpack_reader& in, std::span<const std::string_view> names, std::size_t index) {
  if (index < names.size()) return in.fail_at_field(names[index]);
  in.error.at_index(index);
  return in.fail_at_field("arguments");
}

// Several arguments, or the one that stands in an array or an object: by position, or by name where names are known.
class msgpack_argument_rest {
 public:
  using reader = const char* (*)(msgpack_reader& in, const char* at, void* argument);

  msgpack_argument_rest(std::span<const std::string_view> names, const reader* readers, const bool* may_be_missing, void* const* places, std::size_t count) noexcept
      : names_{names}, readers_{readers}, may_be_missing_{may_be_missing}, places_{places}, count_{count} {}

  const char* read_array(msgpack_reader& in, const char* at) const {
    std::size_t found = 0;
    const char* next = in.read_array_head(at, found, "array");
    if (next == nullptr || !in.enter(at)) return nullptr;
    if (found != count_) return in.fail(at, plural(count_), std::to_string(found));
    for (std::size_t i = 0; i < count_; ++i) {
      next = readers_[i](in, next, places_[i]);
      if (next == nullptr) return msgpack_fail_at_argument(in, names_, i);
    }
    in.leave();
    return next;
  }

  const char* read_object(msgpack_reader& in, const char* at) const {
    std::size_t entries = 0;
    const char* next = in.read_map_head(at, entries, "object");
    if (next == nullptr || !in.enter(at)) return nullptr;
    std::uint64_t seen = 0;
    for (; entries != 0; --entries) {
      std::string_view name;
      next = in.read_raw(next, name, "string");
      if (next == nullptr) return nullptr;
      std::size_t index = 0;
      while (index < count_ && names_[index] != name) ++index;
      if (index == count_) {
        next = in.skip(next);
        if (next == nullptr) return nullptr;
        continue;
      }
      seen |= std::uint64_t{1} << index;
      next = readers_[index](in, next, places_[index]);
      if (next == nullptr) return in.fail_at_field(name);
    }
    for (std::size_t i = 0; i < count_; ++i) {
      if (may_be_missing_[i] || (seen >> i & 1U) != 0) continue;
      in.fail(next, "a value (it is required)", "none");
      return in.fail_at_field(names_[i]);
    }
    in.leave();
    return next;
  }

  static std::string plural(std::size_t count) { return count == 1 ? "1 argument" : std::to_string(count) + " arguments"; }

 private:
  std::span<const std::string_view> names_;
  const reader* readers_;
  const bool* may_be_missing_;
  void* const* places_;
  std::size_t count_;
};

// Nothing, in any of its spellings.
inline const char* msgpack_read_no_arguments(msgpack_reader& in, const char* at) {
  if (at == in.end) return at;
  const unsigned char head = msgpack_reader::byte_at(at);
  if (head == msgpack_head::null_value || head == msgpack_head::fixarray || head == msgpack_head::fixmap) return at + 1;
  return in.fail(at, "no arguments");
}

// The kinds of a record's first field: what a record that came as an array would start with. Records within it would be arrays as well.
template <class First, class... Rest>
consteval unsigned msgpack_first_kinds(const boost::hana::tuple<First, Rest...>&) {
  constexpr unsigned kinds = wire_kinds<typename First::type, true>();
  return (kinds & object_kind) != 0 ? kinds | array_kind : kinds;
}
consteval unsigned msgpack_first_kinds(const boost::hana::tuple<>&) { return 0; }

// Whether the array at `at` is a list of one argument, not the argument itself. Only records leave a doubt, as they may come as arrays by position:
// an array of one object or array is taken for the list, unless the record's first field could look so.
template <class T>
bool msgpack_is_list_of_one(const msgpack_reader& in, const char* at) {
  if constexpr ((wire_kinds<T, true>() & array_kind) != 0) {
    return false;
  } else if constexpr (shape_of<T> == shape::record) {
    if (msgpack_reader::byte_at(at) != (msgpack_head::fixarray | 1U) || in.left(at) < 2) return false;
    const unsigned element = msgpack_wire_kind(msgpack_reader::byte_at(at + 1));
    return (element & (object_kind | array_kind)) != 0 && (element & msgpack_first_kinds(fields_of<T>)) == 0;
  } else {
    return true;
  }
}

// Whether the object at `at` holds the one record under its parameter's name, and is not the record itself, whose field of that name it would be.
template <class Record>
bool msgpack_is_named_argument(const msgpack_reader& in, const char* at, std::string_view name) {
  if (msgpack_reader::byte_at(at) != (msgpack_head::fixmap | 1U) || name.empty() || name.size() > 31 || in.left(at) < name.size() + 3) return false;
  if (msgpack_reader::byte_at(at + 1) != (0xA0U | name.size()) || std::string_view{at + 2, name.size()} != name) return false;
  if (member_index_of<Record>.find(name, 0) != member_index_of<Record>.count) return false;
  const unsigned char value = msgpack_reader::byte_at(at + 2 + name.size());
  return value == msgpack_head::null_value || (msgpack_wire_kind(value) & (object_kind | array_kind)) != 0;
}

template <class Tuple, std::size_t... Index>
const char* msgpack_read_arguments(msgpack_reader& in, const char* at, Tuple& values, std::span<const std::string_view> names, std::index_sequence<Index...>) {
  constexpr std::size_t count = sizeof...(Index);
  static_assert(count <= 64, "tenon: a method has at most 64 parameters; group them into a struct");
  if constexpr (count == 0) {
    static_cast<void>(values);
    static_cast<void>(names);
    return msgpack_read_no_arguments(in, at);
  } else {
    static constexpr msgpack_argument_rest::reader readers[] = {&msgpack_read_member<argument_type<Index, Tuple>>...};
    static constexpr bool may_be_missing[] = {can_be_left_out<argument_type<Index, Tuple>>...};
    void* const places[] = {std::addressof(std::get<Index>(values))...};
    const msgpack_argument_rest rest{names, readers, may_be_missing, places, count};
    const msgpack_kind found = at == in.end ? msgpack_kind::invalid : msgpack_reader::kind(msgpack_reader::byte_at(at));
    if constexpr (count == 1) {
      using type = argument_type<0, Tuple>;
      if (found == msgpack_kind::array && msgpack_is_list_of_one<type>(in, at)) return rest.read_array(in, at);
      if constexpr ((wire_kinds<type, true>() & object_kind) == 0) {
        if (found == msgpack_kind::object && names.size() == count) return rest.read_object(in, at);
      } else if constexpr (shape_of<type> == shape::record) {
        if (found == msgpack_kind::object && names.size() == count && msgpack_is_named_argument<type>(in, at, names[0])) [[unlikely]] return rest.read_object(in, at);
      }
      at = detail::msgpack_read(in, at, std::get<0>(values));
      if (at == nullptr && in.error.path().empty() && names.size() == count) return in.fail_at_field(names[0]);
      return at;
    } else {
      if (found == msgpack_kind::object && names.size() == count) return rest.read_object(in, at);
      if (found != msgpack_kind::array) return in.fail(at, msgpack_argument_rest::plural(count));
      return rest.read_array(in, at);
    }
  }
}

}  // namespace tenon::inline v0::codec::detail
