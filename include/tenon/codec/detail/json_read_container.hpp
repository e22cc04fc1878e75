// Reads sequences, arrays, tuples, mappings and optional values from json. Codec layer, detail of codec/json.hpp.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/codec/detail/expectation.hpp>
#include <tenon/codec/detail/json_read_scalar.hpp>
#include <tenon/codec/detail/json_reader.hpp>
#include <tenon/codec/detail/memory_budget.hpp>
#include <tenon/codec/detail/variant_form.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/text.hpp>
#include <tenon/reflect/enums.hpp>
#include <tenon/reflect/shape.hpp>

namespace tenon::inline v0::codec::detail {

template <class Style, class T>
const char* read_json(json_reader& from, const char* at, T& value);

// Reads the elements of an array: `read(at, index)` reads one and returns nullptr for a failure.
template <class Read>
const char* read_json_elements(json_reader& from, const char* at, std::size_t& count, Read read) {
  bool closed = false;
  at = from.first_element(at, ']', closed);
  while (at != nullptr && !closed) {
    at = read(at, count);
    if (at == nullptr) [[unlikely]] return from.error().at_index(count), nullptr;
    ++count;
    at = from.next_element(at, ']', closed);
  }
  from.leave();
  return at;
}

template <class Style, class Sequence>
const char* read_json_sequence(json_reader& from, const char* at, Sequence& values) {
  using element = typename Sequence::value_type;
  if (!from.is_at(at, '[')) {
    if (!from.is_null(at)) return from.fail(at, "array");
    values.clear();
    return at + 4;
  }
  std::size_t count = 0;
  if constexpr (std::is_same_v<element, bool> || !requires { values.emplace_back(); }) {
    // A set, or a vector whose elements are bits: an element is read apart and put in.
    values.clear();
    return read_json_elements(from, at, count, [&](const char* place, std::size_t) {
      if (!from.template take_memory<memory_of_element<element, false>>(place)) return static_cast<const char*>(nullptr);
      element each{};
      place = read_json<Style>(from, place, each);
      if (place != nullptr) {
        if constexpr (requires { values.push_back(std::move(each)); }) values.push_back(std::move(each));
        else values.insert(std::move(each));
      }
      return place;
    });
  } else {
    const bool outer = from.resetting();
    const std::size_t had = values.size();
    auto next = values.begin();
    at = read_json_elements(from, at, count, [&](const char* place, std::size_t index) {
      from.set_resetting(index < had);
      if (index < had) return read_json<Style>(from, place, *next++);
      if (!from.template take_memory<memory_of_element<element, requires { values.capacity(); }>>(place)) return static_cast<const char*>(nullptr);
      return read_json<Style>(from, place, values.emplace_back());
    });
    from.set_resetting(outer);
    if (at != nullptr && count < had) values.erase(next, values.end());
    return at;
  }
}

[[gnu::cold, gnu::noinline]] inline const char* fail_element_count(json_reader& from, const char* at, std::size_t expected, std::size_t found) {
  return from.fail(at, tenon::detail::join_text({"array of ", tenon::detail::number_text{expected}, " elements"}), tenon::detail::join_text({"array of ", tenon::detail::number_text{found}, " elements"}));
}

template <class Style, class Array>
const char* read_json_array(json_reader& from, const char* at, Array& values) {
  if (!from.is_at(at, '[')) return from.fail(at, "array");
  std::size_t count = 0;
  const char* stop = read_json_elements(from, at, count, [&](const char* place, std::size_t index) {
    return index < values.size() ? read_json<Style>(from, place, values[index]) : from.skip_value(place);
  });
  if (stop == nullptr || count == values.size()) return stop;
  return fail_element_count(from, at, values.size(), count);
}

// Reads the array at `at` into the elements of a tuple; `count` is how many there were.
template <class Style, class Tuple>
const char* read_json_elements_into(json_reader& from, const char* at, Tuple& values, std::size_t& count) {
  return read_json_elements(from, at, count, [&](const char* place, std::size_t index) {
    if (index >= std::tuple_size_v<Tuple>) return from.skip_value(place);
    return std::apply(
        [&](auto&... each) {
          std::size_t turn = 0;
          static_cast<void>(((turn++ == index ? (place = read_json<Style>(from, place, each), true) : false) || ...));
          return place;
        },
        values);
  });
}

template <class Style, class Tuple>
const char* read_json_tuple(json_reader& from, const char* at, Tuple& values) {
  if (!from.is_at(at, '[')) return from.fail(at, "array");
  constexpr std::size_t expected = std::tuple_size_v<Tuple>;
  std::size_t count = 0;
  const char* stop = read_json_elements_into<Style>(from, at, values, count);
  if (stop == nullptr || count == expected) return stop;
  return fail_element_count(from, at, expected, count);
}

// A key of a mapping from its text; false when it is none.
template <class Key>
const char* read_json_map_key(json_reader& from, const char* at, Key& key) {
  constexpr shape form = shape_of<Key>;
  if constexpr (form == shape::text) {
    at = from.read_text(at, key);
    return at == nullptr ? nullptr : from.read_colon(at);
  } else {
    std::string_view text;
    const char* stop = from.read_key(at, text);
    if (stop == nullptr) return nullptr;
    if constexpr (form == shape::enumeration) {
      if (const std::optional<Key> known = enum_value<Key>(text)) {
        key = *known;
        return stop;
      }
    }
    // The number within the quotes is read by a reader of its own: its errors are told in terms of the key.
    json_reader digits{text, limits{}};
    bool good = false;
    if constexpr (form == shape::boolean) {
      key = text == "true";
      return key || text == "false" ? stop : from.fail_name(at, "key that is true or false", text);
    }
    if constexpr (form == shape::enumeration) {
      std::underlying_type_t<Key> number{};
      good = read_json_integer(digits, digits.begin(), number) == digits.end();
      if (good) key = static_cast<Key>(number);
    } else {
      good = read_json_integer(digits, digits.begin(), key) == digits.end();
    }
    if (good) return stop;
    if constexpr (form == shape::enumeration) return from.fail_name(at, tenon::detail::join_text({"key that is ", expected_one_of<Key>()}), text);
    else return from.fail_name(at, tenon::detail::join_text({"key that is an ", expected_integer((std::numeric_limits<Key>::min)(), (std::numeric_limits<Key>::max)())}), text);
  }
}

template <class Style, class Map>
const char* read_json_mapping(json_reader& from, const char* at, Map& values) {
  values.clear();
  if (!from.is_at(at, '{')) return from.is_null(at) ? at + 4 : from.fail(at, "object");
  bool closed = false;
  at = from.first_element(at, '}', closed);
  while (at != nullptr && !closed) {
    typename Map::key_type key{};
    at = read_json_map_key(from, at, key);
    if (at == nullptr || !from.template take_memory<memory_of_element<typename Map::value_type, false>>(at)) return nullptr;
    const auto [place, is_new] = values.try_emplace(std::move(key));
    if (!is_new) place->second = typename Map::mapped_type{};
    at = read_json<Style>(from, at, place->second);
    if (at == nullptr) [[unlikely]] {
      if constexpr (shape_of<typename Map::key_type> == shape::text) from.error().at_field(place->first);
      else if constexpr (shape_of<typename Map::key_type> == shape::integer) from.error().at_field(tenon::detail::number_text{place->first});
      else if constexpr (shape_of<typename Map::key_type> == shape::boolean) from.error().at_field(place->first ? "true" : "false");
      else from.error().at_field(enum_name(place->first));
      return nullptr;
    }
    at = from.next_element(at, '}', closed);
  }
  from.leave();
  return at;
}

template <class Style, class T>
const char* read_json_optional(json_reader& from, const char* at, T& value) {
  // Where null is the default of every field, one of free form is set by it: to google.protobuf.Value null is a value.
  constexpr bool takes_null_itself = Style::style.null_is_default && shape_of<typename pointed_to<T>::type> == shape::free_json;
  if (!takes_null_itself && from.is_null(at)) {
    value.reset();
    return at + 4;
  }
  if (!value) {
    if constexpr (requires { value.emplace(); }) {
      value.emplace();
    } else {
      if (!from.template take_memory<memory_of_element<typename pointed_to<T>::type, false>>(at)) return nullptr;
      value = std::make_unique<typename pointed_to<T>::type>();
    }
  }
  return read_json<Style>(from, at, *value);
}

}  // namespace tenon::inline v0::codec::detail
