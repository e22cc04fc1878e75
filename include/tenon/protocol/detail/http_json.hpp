// The JSON of an error, written by hand: this layer knows no codec, and an error must not depend on one. Protocol layer.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/plain_text.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/utf8.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol::detail {

// The first character of `text` as JSON has it in a string. Returns how many bytes it took.
[[gnu::cold, gnu::noinline]] inline std::size_t append_json_escape(buffer& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  const char c = text.front();
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out.push_back('\\');
    out.push_back(c);
  } else if (byte < 0x20) {
    out.append("\\u00");
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  } else {
    const std::size_t length = tenon::detail::utf8_sequence(text.data(), text.data() + text.size());
    if (length != 0) return out.append(text.data(), length), length;
    out.append("\\ufffd");
  }
  return 1;
}

// What stands between the quotes. Messages quote what peers sent: bytes that are not UTF-8 become U+FFFD, so that the answer always parses.
inline void append_json_text(buffer& out, std::string_view text) {
  if (tenon::detail::is_plain_text(text)) [[likely]] return out.append(text);
  while (true) {
    const auto plain = static_cast<std::size_t>(tenon::detail::skip_plain(text.data(), text.data() + text.size()) - text.data());
    out.append(text.data(), plain);
    if (plain == text.size()) return;
    text.remove_prefix(plain);
    text.remove_prefix(append_json_escape(out, text));
  }
}
inline void append_json_string(buffer& out, std::string_view text) {
  out.push_back('"');
  append_json_text(out, text);
  out.push_back('"');
}

// A literal, copied by as many instructions as it takes and no call.
template <std::size_t Size>
void append_literal(buffer& out, const char (&text)[Size]) {
  std::memcpy(out.extend(Size - 1), text, Size - 1);
}
inline void append_plain_number(buffer& out, std::uint64_t number) {
  constexpr std::size_t longest = 20;
  char* const at = out.prepare(longest);
  out.commit(static_cast<std::size_t>(std::to_chars(at, at + longest, number).ptr - at));
}

// `,"details":[...]`, when there are any; their values in base64 without padding, as Connect wants it.
[[gnu::cold]] inline void append_json_details(buffer& out, const status& error) {
  if (error.details().empty()) return;
  out.append(R"(,"details":)");
  char before = '[';
  for (const status_detail& detail : error.details()) {
    out.push_back(before);
    out.append(R"({"type":)");
    append_json_string(out, detail.type);
    out.append(R"(,"value":")");
    out.append(tenon::detail::to_base64(detail.value));
    out.append(R"("})");
    before = ',';
  }
  out.push_back(']');
}

[[gnu::cold]] inline void append_json_error(buffer& out, const status& error) {
  out.append(R"({"code":)");
  append_json_string(out, http_code_name(error.code()));
  if (!error.message().empty()) {
    out.append(R"(,"message":)");
    append_json_string(out, error.message());
  }
  append_json_details(out, error);
  out.push_back('}');
}

}  // namespace tenon::inline v0::protocol::detail
