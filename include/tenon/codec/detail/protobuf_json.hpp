// nlohmann::json as google.protobuf.Value, which holds Struct and ListValue. Codec layer, part of protobuf.hpp.
// The library is not included here: the templates are instantiated only where a message has such a field, and there its author included the header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tenon/codec/detail/protobuf_put.hpp>
#include <tenon/codec/detail/protobuf_read_single.hpp>
#include <tenon/codec/detail/protobuf_reader.hpp>
#include <tenon/codec/detail/protobuf_write.hpp>

namespace tenon::inline v0::codec::detail {

/// Source  google/protobuf/struct.proto: Value has null_value 1, number_value 2, string_value 3, bool_value 4, struct_value 5, list_value 6; Struct has
///         fields 1 (a map), ListValue has values 1.
template <class Json>
char* protobuf_write_json(protobuf_writer& to, char* at, const Json& value) {
  using kind = typename Json::value_t;
  const auto text = [&to](char* start, std::string_view each) {
    start = to.room(start, 2 * protobuf_put::largest_length + each.size());
    return protobuf_put::copy(protobuf_put::varint(start, each.size()), each.data(), each.size());
  };
  at = to.room(at, 16);
  switch (value.type()) {
    case kind::boolean:
      at = protobuf_put::tag<4, protobuf_wire::varint>(at);
      return protobuf_put::varint(at, value.template get<bool>() ? 1 : 0);
    case kind::number_integer:
    case kind::number_unsigned:
    case kind::number_float: return protobuf_put_number<protobuf_style::plain>(protobuf_put::tag<2, protobuf_wire::fixed64>(at), value.template get<double>());
    case kind::string: return text(protobuf_put::tag<3, protobuf_wire::delimited>(at), value.template get_ref<const std::string&>());
    case kind::array:
      return protobuf_write_delimited(to, protobuf_put::tag<6, protobuf_wire::delimited>(at), [&to, &value](char* start) {
        for (const Json& each : value) {
          start = protobuf_put::tag<1, protobuf_wire::delimited>(to.room(start, 1));
          start = protobuf_write_delimited(to, start, [&to, &each](char* inner) { return protobuf_write_json(to, inner, each); });
        }
        return start;
      });
    case kind::object:
      return protobuf_write_delimited(to, protobuf_put::tag<5, protobuf_wire::delimited>(at), [&](char* start) {
        for (auto entry = value.begin(); entry != value.end(); ++entry) {
          start = protobuf_put::tag<1, protobuf_wire::delimited>(to.room(start, 1));
          start = protobuf_write_delimited(to, start, [&](char* inner) {
            inner = text(protobuf_put::tag<1, protobuf_wire::delimited>(to.room(inner, 1)), entry.key());
            inner = protobuf_put::tag<2, protobuf_wire::delimited>(to.room(inner, 1));
            return protobuf_write_delimited(to, inner, [&](char* mapped) { return protobuf_write_json(to, mapped, entry.value()); });
          });
        }
        return start;
      });
    default: return protobuf_put::varint(protobuf_put::tag<1, protobuf_wire::varint>(at), 0);
  }
}

// Calls `take(tag, at, end)` for each field of the message at `at`; it returns the place after the field, or nullptr.
template <class Take>
const char* protobuf_read_fields(protobuf_reader& in, const char* at, const char* last, const Take& take) {
  const protobuf_varint length = in.read_length(at, last, "message");
  if (length.next == nullptr || !in.enter(at)) return nullptr;
  const char* const end = length.next + length.value;
  at = length.next;
  while (at < end) {
    const protobuf_varint tag = in.read_tag(at);
    if (tag.next == nullptr) return nullptr;
    if (tag.next > end) return in.fail_overrun(end);
    at = take(tag.value, tag.next, end);
    if (at == nullptr) return nullptr;
  }
  in.leave();
  return at == end ? at : in.fail_overrun(end);
}

template <class Json>
const char* protobuf_read_json(protobuf_reader& in, const char* at, const char* last, Json& value) {
  constexpr std::uint64_t field_1 = 8 | protobuf_wire::delimited;
  constexpr std::uint64_t field_2 = 16 | protobuf_wire::delimited;
  value = nullptr;
  return protobuf_read_fields(in, at, last, [&](std::uint64_t tag, const char* from, const char* end) -> const char* {
    switch (tag) {
      case 8 | protobuf_wire::varint:
        value = nullptr;
        return in.skip(from, end, tag);
      case 16 | protobuf_wire::fixed64: {
        double number = 0;
        from = protobuf_read_number<protobuf_style::plain>(in, from, end, number);
        // Whole numbers that a double holds exactly come back as the integers they were.
        constexpr double exact = 9'007'199'254'740'992;
        if (number >= -exact && number <= exact && number == static_cast<double>(static_cast<std::int64_t>(number)) && !(number == 0 && __builtin_signbit(number))) {
          value = static_cast<std::int64_t>(number);
        } else {
          value = number;
        }
        return from;
      }
      case 24 | protobuf_wire::delimited: {
        std::string text;
        from = protobuf_read_text(in, from, end, text);
        value = std::move(text);
        return from;
      }
      case 32 | protobuf_wire::varint: {
        bool truth = false;
        from = protobuf_read_number<protobuf_style::plain>(in, from, end, truth);
        value = truth;
        return from;
      }
      case 40 | protobuf_wire::delimited:
        value = Json::object();
        return protobuf_read_fields(in, from, end, [&](std::uint64_t entry, const char* entry_from, const char* entry_end) {
          if (entry != field_1) return in.skip(entry_from, entry_end, entry);
          std::string key;
          Json mapped;
          entry_from = protobuf_read_fields(in, entry_from, entry_end, [&](std::uint64_t half, const char* half_from, const char* half_end) {
            if (half == field_1) return protobuf_read_text(in, half_from, half_end, key);
            return half == field_2 ? protobuf_read_json(in, half_from, half_end, mapped) : in.skip(half_from, half_end, half);
          });
          if (entry_from == nullptr) return in.fail_at_field(key);
          value[key] = std::move(mapped);
          return entry_from;
        });
      case 48 | protobuf_wire::delimited:
        value = Json::array();
        return protobuf_read_fields(in, from, end, [&](std::uint64_t element, const char* element_from, const char* element_end) {
          if (element != field_1) return in.skip(element_from, element_end, element);
          value.push_back(nullptr);
          element_from = protobuf_read_json(in, element_from, element_end, value.back());
          return element_from == nullptr ? in.fail_at_index(value.size() - 1) : element_from;
        });
      default: return in.skip(from, end, tag);
    }
  });
}

}  // namespace tenon::inline v0::codec::detail
