// Free-form fields in MessagePack: nlohmann::json, msgpack::object and msgpack::object_handle, whatever the peer sent. Codec layer, part of msgpack.hpp.
// Neither library is included here: the templates are instantiated only where a message has such a field, and there its author included the header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/codec/detail/msgpack_put.hpp>
#include <tenon/codec/detail/msgpack_reader.hpp>
#include <tenon/core/buffer.hpp>

namespace tenon::inline v0::codec::detail {

// Room for a scalar, filled by `put(at)`.
template <class Put>
void msgpack_write_scalar(buffer& out, std::size_t room, Put put) {
  char* const start = out.prepare(room);
  out.commit(static_cast<std::size_t>(put(start) - start));
}

template <class Json>
void msgpack_write_json(buffer& out, const Json& value) {
  using kind = typename Json::value_t;
  const auto scalar = [&out](std::size_t room, auto put) { msgpack_write_scalar(out, room, put); };
  switch (value.type()) {
    case kind::boolean:
      return scalar(1, [&](char* at) { return msgpack_put::boolean(at, value.template get<bool>()); });
    case kind::number_integer:
      return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::integer(at, value.template get<std::int64_t>()); });
    case kind::number_unsigned:
      return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::positive(at, value.template get<std::uint64_t>()); });
    case kind::number_float:
      return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::floating(at, value.template get<double>()); });
    case kind::string: {
      const std::string_view text = value.template get_ref<const std::string&>();
      return scalar(msgpack_put::largest_head + text.size(), [text](char* at) { return msgpack_put::text(at, text); });
    }
    case kind::binary: {
      const auto& binary = value.get_binary();
      const bool is_extension = binary.has_subtype() && binary.subtype() <= 0xff;
      return scalar(msgpack_put::largest_head + 1 + binary.size(), [&binary, is_extension](char* at) {
        if (!is_extension) return msgpack_put::binary(at, binary.data(), binary.size());
        return msgpack_put::extension(at, static_cast<signed char>(binary.subtype()), binary.data(), binary.size());
      });
    }
    case kind::array:
      scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::array_head(at, value.size()); });
      for (const Json& element : value) msgpack_write_json(out, element);
      return;
    case kind::object:
      scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::map_head(at, value.size()); });
      for (auto entry = value.begin(); entry != value.end(); ++entry) {
        const std::string_view key = entry.key();
        scalar(msgpack_put::largest_head + key.size(), [key](char* at) { return msgpack_put::text(at, key); });
        msgpack_write_json(out, entry.value());
      }
      return;
    default: out.push_back(static_cast<char>(msgpack_head::null_value));
  }
}

// What a tree keeps for each string and each container beside their contents, and twice of that for each member of an object.
inline constexpr std::size_t free_json_node = 64;

// JSON's objects have keys of text only; integers are spelled out, as the json codec does with them.
inline const char* msgpack_read_json_key(msgpack_reader& in, const char* at, std::string& key) {
  if (at != in.end && msgpack_reader::kind(msgpack_reader::byte_at(at)) == msgpack_kind::integer) {
    msgpack_integer number;
    at = in.read_integer(at, number);
    if (at != nullptr) key = number.negative ? std::to_string(static_cast<std::int64_t>(number.bits)) : std::to_string(number.bits);
    return at;
  }
  std::string_view text;
  at = in.read_raw(at, text, "string");
  if (at != nullptr) key.assign(text);
  return at;
}

template <class Json>
const char* msgpack_read_json(msgpack_reader& in, const char* at, Json& value) {
  if (at == in.end) return in.fail(at, "value");
  switch (msgpack_reader::kind(msgpack_reader::byte_at(at))) {
    case msgpack_kind::null: value = nullptr; return at + 1;
    case msgpack_kind::boolean: value = msgpack_reader::byte_at(at) == msgpack_head::true_value; return at + 1;
    case msgpack_kind::integer:
    case msgpack_kind::number: {
      msgpack_number number;
      at = in.read_number(at, number, "number");
      if (at == nullptr) return nullptr;
      if (!number.is_integer) value = number.floating;
      else if (number.integer.negative) value = static_cast<std::int64_t>(number.integer.bits);
      else value = number.integer.bits;
      return at;
    }
    case msgpack_kind::string: {
      std::string_view text;
      at = in.read_raw(at, text, "string");
      if (at == nullptr || !in.take_memory(at, 1, free_json_node)) return nullptr;
      value = std::string{text};
      return at;
    }
    case msgpack_kind::binary:
    case msgpack_kind::extension: {
      msgpack_extension found;
      const bool is_extension = msgpack_reader::kind(msgpack_reader::byte_at(at)) == msgpack_kind::extension;
      at = is_extension ? in.read_extension(at, found, "extension") : in.read_raw(at, found.data, "binary");
      if (at == nullptr || !in.take_memory(at, 1, free_json_node)) return nullptr;
      typename Json::binary_t::container_type binary(found.data.begin(), found.data.end());
      value = is_extension ? Json::binary(std::move(binary), static_cast<unsigned char>(found.type)) : Json::binary(std::move(binary));
      return at;
    }
    case msgpack_kind::array: {
      std::size_t count = 0;
      const char* next = in.read_array_head(at, count, "array");
      if (next == nullptr || !in.enter(at) || !in.take_memory(at, count, sizeof(Json)) || !in.take_memory(at, 1, free_json_node)) return nullptr;
      value = Json::array();
      value.template get_ref<typename Json::array_t&>().reserve(count);
      for (std::size_t i = 0; i < count; ++i) {
        value.push_back(Json{});
        next = msgpack_read_json(in, next, value.back());
        if (next == nullptr) return in.fail_at_index(i);
      }
      in.leave();
      return next;
    }
    case msgpack_kind::object: {
      std::size_t count = 0;
      const char* next = in.read_map_head(at, count, "object");
      if (next == nullptr || !in.enter(at) || !in.take_memory(at, count, 2 * free_json_node) || !in.take_memory(at, 1, free_json_node)) return nullptr;
      value = Json::object();
      std::string key;
      for (std::size_t i = 0; i < count; ++i) {
        next = msgpack_read_json_key(in, next, key);
        if (next == nullptr) return nullptr;
        next = msgpack_read_json(in, next, value[key]);
        if (next == nullptr) return in.fail_at_field(key);
      }
      in.leave();
      return next;
    }
    case msgpack_kind::invalid: break;
  }
  return in.fail(at, "value");
}

template <class Object>
void msgpack_write_object(buffer& out, const Object& value) {
  if constexpr (requires { value.zone(); }) {
    msgpack_write_object(out, value.get());
  } else {
    using kind = decltype(value.type);
    const auto scalar = [&out](std::size_t room, auto put) { msgpack_write_scalar(out, room, put); };
    switch (value.type) {
      case kind::BOOLEAN: return scalar(1, [&](char* at) { return msgpack_put::boolean(at, value.via.boolean); });
      case kind::POSITIVE_INTEGER: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::positive(at, value.via.u64); });
      case kind::NEGATIVE_INTEGER: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::integer(at, value.via.i64); });
      case kind::FLOAT32: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::floating(at, static_cast<float>(value.via.f64)); });
      case kind::FLOAT64: return scalar(msgpack_put::largest_number, [&](char* at) { return msgpack_put::floating(at, value.via.f64); });
      case kind::STR:
        return scalar(msgpack_put::largest_head + value.via.str.size, [&](char* at) { return msgpack_put::text(at, {value.via.str.ptr, value.via.str.size}); });
      case kind::BIN:
        return scalar(msgpack_put::largest_head + value.via.bin.size, [&](char* at) { return msgpack_put::binary(at, value.via.bin.ptr, value.via.bin.size); });
      case kind::EXT:
        return scalar(msgpack_put::largest_head + 1 + value.via.ext.size,
                      [&](char* at) { return msgpack_put::extension(at, value.via.ext.type(), value.via.ext.data(), value.via.ext.size); });
      case kind::ARRAY:
        scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::array_head(at, value.via.array.size); });
        for (std::size_t i = 0; i < value.via.array.size; ++i) msgpack_write_object(out, value.via.array.ptr[i]);
        return;
      case kind::MAP:
        scalar(msgpack_put::largest_head, [&](char* at) { return msgpack_put::map_head(at, value.via.map.size); });
        for (std::size_t i = 0; i < value.via.map.size; ++i) {
          msgpack_write_object(out, value.via.map.ptr[i].key);
          msgpack_write_object(out, value.via.map.ptr[i].val);
        }
        return;
      default: out.push_back(static_cast<char>(msgpack_head::null_value));
    }
  }
}

// msgpack-c parses once our own reader has passed over the value: well-formed, within the limits, so that it neither throws nor allocates for what is not there.
template <class Handle>
const char* msgpack_read_object(msgpack_reader& in, const char* at, Handle& value) {
  const char* const next = in.skip(at);
  if (next != nullptr) unpack(value, at, static_cast<std::size_t>(next - at));
  return next;
}

}  // namespace tenon::inline v0::codec::detail
