// One message of MessagePack-RPC: cut out of the bytes and taken apart where it stands. Protocol layer; both sides use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/core/code.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/protocol/detail/msgpack_rpc_bytes.hpp>

namespace tenon::inline v0::protocol::detail {

/// `[0, id, method, params]`, `[1, id, error, result]` or `[2, method, params]`.
///
/// Source  MessagePack-RPC specification.
struct msgpack_rpc_message {
  enum class kind : std::uint8_t { request = 0, response = 1, notification = 2 };
  kind is = kind::request;
  std::uint64_t id = 0;
  std::string_view method{};
  std::string_view params{};
  std::string_view error{};  ///< empty where it is nil
  std::string_view result{};

  bool has_id() const noexcept { return is != kind::notification; }
};

/// Reads the head of a message, up to its id: false for what begins none.
inline bool read_msgpack_rpc_head(msgpack_cursor& from, msgpack_rpc_message& into) noexcept {
  std::uint64_t count = 0;
  std::uint64_t type = 0;
  if (!from.read_array(count) || !from.read_number(type) || type > 2 || count != (type == 2 ? 3U : 4U)) return false;
  into.is = static_cast<msgpack_rpc_message::kind>(type);
  return !into.has_id() || from.read_number(into.id);
}

/// Reads a complete message.
inline bool read_msgpack_rpc_message(std::string_view bytes, msgpack_rpc_message& into) noexcept {
  msgpack_cursor from{bytes};
  if (!read_msgpack_rpc_head(from, into)) return false;
  if (into.is != msgpack_rpc_message::kind::response) return from.read_text(into.method) && from.read_value(into.params);
  const bool failed = !from.is_null();
  if (!from.read_value(into.error) || !from.read_value(into.result)) return false;
  if (!failed) into.error = {};
  return true;
}

/// Cuts messages out of bytes, looking at each byte once however they come.
class msgpack_rpc_framer {
 public:
  enum class kind : std::uint8_t {
    starved,
    message,    ///< `bytes` is one value
    oversized,  ///< one above the limit begins with `bytes`; it is skipped without being kept
    skipped,    ///< and this was its end
    malformed,  ///< no MessagePack, or a value that is no array
  };
  struct cut {
    kind is = kind::starved;
    std::size_t used = 0;
    std::string_view bytes{};
  };

  explicit msgpack_rpc_framer(std::size_t longest) noexcept : longest_{longest} {}
  bool unfinished() const noexcept { return skipping_; }

  /// `in` is not empty.
  cut next(std::string_view in) noexcept {
    using state = msgpack_scanner::state;
    if (scanned_ == 0 && !skipping_ && (msgpack_byte(in[0]) & 0xF0U) != 0x90 && (msgpack_byte(in[0]) & 0xFEU) != 0xDC) return {kind::malformed};
    const state found = scanner_.advance(in, scanned_);
    if (found == state::malformed) return {kind::malformed};
    const std::size_t size = scanned_;
    if (skipping_) {
      scanned_ = 0;
      if (found == state::starved) return {.used = size};
      scanner_.restart();
      skipping_ = false;
      return {kind::skipped, size};
    }
    if (size + scanner_.least_left() > longest_) {
      skipping_ = found == state::starved;
      scanned_ = 0;
      if (!skipping_) scanner_.restart();
      return {kind::oversized, size, in.substr(0, size)};
    }
    if (found == state::starved) return {};
    scanner_.restart();
    scanned_ = 0;
    return {kind::message, size, in.substr(0, size)};
  }

 private:
  std::size_t longest_;
  std::size_t scanned_ = 0;
  msgpack_scanner scanner_;
  bool skipping_ = false;
};

/// What a codec reads the arguments from: `params`, or the one array within an array of one, since a codec takes an array where a method wants one for the argument itself.
inline std::string_view msgpack_rpc_arguments(std::string_view params) noexcept {
  msgpack_cursor from{params};
  std::uint64_t count = 0;
  if (!from.read_array(count) || count != 1) return params;
  const std::string_view only = from.rest;
  return from.read_array(count) ? only : params;
}

/// The error as text: `CODE: message`. A text without a code reads as UNKNOWN, so that code needs none.
[[gnu::cold]] inline std::string msgpack_rpc_error_text(const status& error) {
  const std::string& message = error.message();
  const bool plain = error.code() == code::unknown && !message.empty() && !code_from_name(std::string_view{message}.substr(0, message.find(": ")));
  return plain ? message : error.to_string();
}

/// Reads a peer's error, which may be any value: text, `[number, text]` as Neovim sends it, or a map with `message` and perhaps `code`.
[[gnu::cold]] inline status read_msgpack_rpc_error(std::string_view error) {
  msgpack_cursor from{error};
  std::string_view text;
  std::optional<code> named;
  std::uint64_t count = 0;
  if (from.read_array(count)) {
    for (std::string_view ignored; count > 0 && !from.read_text(text) && from.read_value(ignored);) --count;
  } else if (from.read_map(count)) {
    for (; count > 0; --count) {
      std::string_view key;
      std::string_view value;
      if (!from.read_text(key) && !from.read_value(key)) break;
      if (from.read_text(value)) {
        if (key == "code") named = code_from_name(value);
        if (key == "message") text = value;
      } else if (!from.read_value(value)) {
        break;
      }
    }
  } else {
    from.read_text(text);
  }
  const std::size_t colon = text.find(": ");
  if (const auto in_text = code_from_name(text.substr(0, colon)); in_text && (!named || named == in_text)) {
    named = in_text;
    text.remove_prefix(colon == std::string_view::npos ? text.size() : colon + 2);
  } else if (text.empty() && !named) {
    text = "the peer answered with an error that is no text";
  }
  // An error that says OK is a lie of the peer; it must not become a success without a value.
  const code why = named.value_or(code::unknown);
  return status{why == code::ok ? code::unknown : why, text};
}

}  // namespace tenon::inline v0::protocol::detail
