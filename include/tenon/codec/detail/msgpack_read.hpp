// Reads MessagePack straight into C++ values, reusing the memory they have. Codec layer, part of msgpack.hpp.
#pragma once

#include <string_view>
#include <utility>
#include <variant>

#include <tenon/codec/detail/msgpack_free.hpp>
#include <tenon/codec/detail/msgpack_read_container.hpp>
#include <tenon/codec/detail/msgpack_read_record.hpp>
#include <tenon/codec/detail/msgpack_read_scalar.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class T>
const char* msgpack_read(msgpack_reader& in, const char* at, T& value) {
  static_assert(assert_readable_type<T>());
  constexpr shape form = shape_of<T>;
  if constexpr (form == shape::boolean) {
    return detail::msgpack_read_boolean(in, at, value);
  } else if constexpr (form == shape::integer) {
    return detail::msgpack_read_integer(in, at, value);
  } else if constexpr (form == shape::floating) {
    return detail::msgpack_read_floating(in, at, value);
  } else if constexpr (form == shape::text) {
    return detail::msgpack_read_text(in, at, value);
  } else if constexpr (form == shape::binary) {
    return detail::msgpack_read_binary(in, at, value);
  } else if constexpr (form == shape::enumeration) {
    return detail::msgpack_read_enum(in, at, value);
  } else if constexpr (form == shape::duration) {
    typename T::rep count{};
    at = detail::msgpack_read(in, at, count);
    if (at != nullptr) value = T{count};
    return at;
  } else if constexpr (form == shape::time_point) {
    return detail::msgpack_read_time(in, at, value);
  } else if constexpr (form == shape::null) {
    static_cast<void>(value);
    if (at == in.end || msgpack_reader::byte_at(at) != msgpack_head::null_value) return in.fail(at, "null");
    return at + 1;
  } else if constexpr (form == shape::record) {
    return detail::msgpack_read_record(in, at, value);
  } else if constexpr (form == shape::optional) {
    return detail::msgpack_read_optional(in, at, value);
  } else if constexpr (form == shape::sequence) {
    return detail::msgpack_read_sequence(in, at, value);
  } else if constexpr (form == shape::fixed_sequence || form == shape::tuple) {
    return detail::msgpack_read_fixed(in, at, value);
  } else if constexpr (form == shape::mapping) {
    return detail::msgpack_read_mapping(in, at, value);
  } else if constexpr (form == shape::variant) {
    return detail::msgpack_read_variant(in, at, value, std::make_index_sequence<std::variant_size_v<T>>{});
  } else if constexpr (form == shape::free_json) {
    return detail::msgpack_read_json(in, at, value);
  } else if constexpr (form == shape::free_msgpack) {
    return detail::msgpack_read_object(in, at, value);
  } else {
    return nullptr;
  }
}

}  // namespace tenon::inline v0::codec::detail
