// Free-form fields in json: nlohmann::json, msgpack::object and msgpack::object_handle. Codec layer, detail of codec/json.hpp.
// All templates, and all that they touch is dependent: they are instantiated only where the user has included the library in question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>


#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/json_scanner.hpp>
#include <tenon/codec/detail/json_writer.hpp>
#include <tenon/codec/detail/timestamp.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/bytes.hpp>
#include <tenon/reflect/free_form.hpp>

namespace tenon::inline v0::codec::detail {

// A msgpack::object with the memory it stands in: what free-form values are read into.
template <class T>
concept owning_object = requires(T& value) {
  value.zone();
  value.get().via;
};

// Writes brackets, separators and elements; `write(at, element)` writes one.
template <class Elements, class Write>
char* write_free_list(json_writer& to, char* at, char open, char close, const Elements& elements, Write write) {
  char separator = open;
  for (const auto& each : elements) {
    at = to.room(at, 1);
    *at++ = separator;
    separator = ',';
    at = write(at, each);
  }
  at = to.room(at, 2);
  if (separator == open) *at++ = open;
  *at++ = close;
  return at;
}

inline char* write_free_member(json_writer& to, char* at, std::string_view key) {
  at = to.room(to.write_text(at, key), 1);
  *at++ = ':';
  return at;
}

template <class Json>
char* write_free_json(json_writer& to, char* at, const Json& value) {
  using kind = typename Json::value_t;
  at = to.room(at, max_floating_size);
  switch (value.type()) {
    case kind::object:
      return write_free_list(to, at, '{', '}', value.template get_ref<const typename Json::object_t&>(), [&to](char* place, const auto& member) {
        return write_free_json(to, write_free_member(to, place, member.first), member.second);
      });
    case kind::array:
      return write_free_list(to, at, '[', ']', value.template get_ref<const typename Json::array_t&>(),
                             [&to](char* place, const Json& element) { return write_free_json(to, place, element); });
    case kind::string: return to.write_text(at, value.template get_ref<const typename Json::string_t&>());
    case kind::binary: {
      const auto& data = value.get_binary();
      return to.write_binary(at, reinterpret_cast<const std::byte*>(data.data()), data.size());
    }
    case kind::boolean: return to.write_raw(at, value.template get<bool>() ? "true" : "false");
    case kind::number_integer: return write_signed(at, value.template get<std::int64_t>());
    case kind::number_unsigned: return write_unsigned(at, value.template get<std::uint64_t>());
    case kind::number_float: return write_floating(at, value.template get<double>());
    case kind::null:
    case kind::discarded: break;
  }
  return to.write_raw(at, "null");
}

// Integers that fit 64 bits stay integers, everything else becomes a double, as nlohmann's own parser does; but for -0, which no integer can be.
template <class Take>
const char* read_free_number(json_reader& from, const char* at, Take take) {
  json_number number;
  const char* stop = from.scan_number(at, number);
  if (stop == nullptr) return nullptr;
  constexpr std::uint64_t lowest = std::uint64_t{1} << 63;
  if (number.whole && !number.dropped && number.exponent == 0 && (!number.negative || (number.mantissa != 0 && number.mantissa <= lowest))) {
    if (number.negative) take(static_cast<std::int64_t>(0 - number.mantissa));
    else take(number.mantissa);
    return stop;
  }
  double value = 0;
  stop = from.read_floating(at, value);
  if (stop != nullptr) take(value);
  return stop;
}

template <class Json>
const char* read_free_json(json_reader& from, const char* at, Json& value) {
  if (from.is_at(at, '{')) {
    value = Json::object();
    auto& members = value.template get_ref<typename Json::object_t&>();
    bool closed = false;
    at = from.first_element(at, '}', closed);
    while (at != nullptr && !closed) {
      std::string_view key;
      at = from.read_key(at, key);
      if (at == nullptr) return nullptr;
      typename Json::string_t name{key};
      Json& member = members[name];
      at = read_free_json(from, at, member);
      if (at == nullptr) return from.error().at_field(name), nullptr;
      at = from.next_element(at, '}', closed);
    }
    from.leave();
    return at;
  }
  if (from.is_at(at, '[')) {
    value = Json::array();
    auto& elements = value.template get_ref<typename Json::array_t&>();
    bool closed = false;
    at = from.first_element(at, ']', closed);
    while (at != nullptr && !closed) {
      at = read_free_json(from, at, elements.emplace_back());
      if (at == nullptr) return from.error().at_index(elements.size() - 1), nullptr;
      at = from.next_element(at, ']', closed);
    }
    from.leave();
    return at;
  }
  if (from.is_at(at, '"')) {
    value = typename Json::string_t{};
    return from.read_text(at, value.template get_ref<typename Json::string_t&>());
  }
  if (from.is_at(at, 't') || from.is_at(at, 'f')) {
    bool truth = false;
    at = from.read_boolean(at, truth);
    value = truth;
    return at;
  }
  if (from.is_null(at)) {
    value = nullptr;
    return at + 4;
  }
  if (at == from.end() || (*at != '-' && !is_digit(*at))) return from.fail(at, "value");
  return read_free_number(from, at, [&value](auto number) { value = number; });
}

// A range over the elements of a msgpack array or map.
template <class Element>
struct free_elements {
  const Element* first;
  std::size_t count;
  const Element* begin() const noexcept { return first; }
  const Element* end() const noexcept { return first + count; }
};
template <class Element>
free_elements(Element*, std::size_t) -> free_elements<Element>;

template <class Object>
char* write_msgpack_extension(json_writer& to, char* at, const Object& value) {
  const char* data = value.via.ext.data();
  const std::size_t size = value.via.ext.size;
  timestamp moment;
  bool known = value.via.ext.type() == -1;
  if (known && size == 4) {
    moment.seconds = tenon::detail::load_big_endian_32(data);
  } else if (known && size == 8) {
    const std::uint64_t both = tenon::detail::load_big_endian_64(data);
    moment = {static_cast<std::int64_t>(both & 0x3'FFFF'FFFFU), static_cast<std::uint32_t>(both >> 34)};
  } else if (known && size == 12) {
    moment = {static_cast<std::int64_t>(tenon::detail::load_big_endian_64(data + 4)), tenon::detail::load_big_endian_32(data)};
  } else {
    known = false;
  }
  if (!known || moment.nanoseconds > 999'999'999) return to.write_binary(at, reinterpret_cast<const std::byte*>(data), size);
  at = to.room(at, max_timestamp_size + 2);
  *at = '"';
  at = write_timestamp(at + 1, moment);
  *at = '"';
  return at + 1;
}

template <class Object>
char* write_free_msgpack(json_writer& to, char* at, const Object& value) {
  if constexpr (owning_object<const Object>) {
    return write_free_msgpack(to, at, value.get());
  } else {
    at = to.room(at, max_floating_size);
    switch (value.type) {
      case ::msgpack::type::NIL: break;
      case ::msgpack::type::BOOLEAN: return to.write_raw(at, value.via.boolean ? "true" : "false");
      case ::msgpack::type::POSITIVE_INTEGER: return write_unsigned(at, value.via.u64);
      case ::msgpack::type::NEGATIVE_INTEGER: return write_signed(at, value.via.i64);
      case ::msgpack::type::FLOAT32: return write_floating(at, static_cast<float>(value.via.f64));
      case ::msgpack::type::FLOAT64: return write_floating(at, value.via.f64);
      case ::msgpack::type::STR: return to.write_text(at, {value.via.str.ptr, value.via.str.size});
      case ::msgpack::type::BIN: return to.write_binary(at, reinterpret_cast<const std::byte*>(value.via.bin.ptr), value.via.bin.size);
      case ::msgpack::type::EXT: return write_msgpack_extension(to, at, value);
      case ::msgpack::type::ARRAY:
        return write_free_list(to, at, '[', ']', free_elements{value.via.array.ptr, value.via.array.size},
                               [&to](char* place, const Object& element) { return write_free_msgpack(to, place, element); });
      case ::msgpack::type::MAP:
        return write_free_list(to, at, '{', '}', free_elements{value.via.map.ptr, value.via.map.size}, [&to](char* place, const auto& member) {
          if (member.key.type == ::msgpack::type::STR) {
            place = write_free_member(to, place, {member.key.via.str.ptr, member.key.via.str.size});
          } else {
            // Keys of json are strings: what is none is written as the text that it would be as a value.
            buffer text;
            json_writer apart{text};
            apart.finish(write_free_msgpack(apart, apart.start(), member.key));
            std::string_view key = text.view();
            if (key.front() == '"') key = key.substr(1, key.size() - 2);
            place = write_free_member(to, place, key);
          }
          return write_free_msgpack(to, place, member.val);
        });
    }
    return to.write_raw(at, "null");
  }
}

template <class Object, class Zone>
const char* read_msgpack_object(json_reader& from, const char* at, Object& value, Zone& zone) {
  const auto keep = [&zone]<class Element>(const Element* elements, std::size_t count) {
    auto* kept = static_cast<Element*>(zone.allocate_align(count * sizeof(Element), alignof(Element)));
    std::uninitialized_copy_n(elements, count, kept);
    return kept;
  };
  const auto read_string = [&](const char* place, Object& into) {
    std::string_view text;
    place = from.read_text(place, text);
    if (place == nullptr) return place;
    into.type = ::msgpack::type::STR;
    into.via.str.size = static_cast<std::uint32_t>(text.size());
    into.via.str.ptr = keep(text.data(), text.size());
    return place;
  };
  if (from.is_at(at, '"')) return read_string(at, value);
  if (from.is_at(at, '[')) {
    std::vector<Object> elements;
    bool closed = false;
    at = from.first_element(at, ']', closed);
    while (at != nullptr && !closed) {
      at = read_msgpack_object(from, at, elements.emplace_back(), zone);
      if (at == nullptr) return from.error().at_index(elements.size() - 1), nullptr;
      at = from.next_element(at, ']', closed);
    }
    from.leave();
    value.type = ::msgpack::type::ARRAY;
    value.via.array.size = static_cast<std::uint32_t>(elements.size());
    value.via.array.ptr = keep(elements.data(), elements.size());
    return at;
  }
  if (from.is_at(at, '{')) {
    using member = std::remove_pointer_t<decltype(value.via.map.ptr)>;
    std::vector<member> members;
    bool closed = false;
    at = from.first_element(at, '}', closed);
    while (at != nullptr && !closed) {
      member& each = members.emplace_back();
      at = read_string(at, each.key);
      if (at != nullptr) at = from.read_colon(at);
      if (at == nullptr) return nullptr;
      at = read_msgpack_object(from, at, each.val, zone);
      if (at == nullptr) return from.error().at_field({each.key.via.str.ptr, each.key.via.str.size}), nullptr;
      at = from.next_element(at, '}', closed);
    }
    from.leave();
    value.type = ::msgpack::type::MAP;
    value.via.map.size = static_cast<std::uint32_t>(members.size());
    value.via.map.ptr = keep(members.data(), members.size());
    return at;
  }
  if (from.is_at(at, 't') || from.is_at(at, 'f')) {
    bool truth = false;
    at = from.read_boolean(at, truth);
    value = Object{truth};
    return at;
  }
  if (from.is_null(at)) {
    value = Object{};
    return at + 4;
  }
  if (at == from.end() || (*at != '-' && !is_digit(*at))) return from.fail(at, "value");
  return read_free_number(from, at, [&value](auto number) { value = Object{number}; });
}

template <owning_object Handle>
const char* read_free_msgpack(json_reader& from, const char* at, Handle& value) {
  using zone = typename std::remove_reference_t<decltype(value.zone())>::element_type;
  auto memory = std::make_unique<zone>();
  std::remove_cvref_t<decltype(value.get())> object;
  at = read_msgpack_object(from, at, object, *memory);
  if (at != nullptr) value = Handle{object, std::move(memory)};
  return at;
}

}  // namespace tenon::inline v0::codec::detail
