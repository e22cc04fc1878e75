// The JSON of an error, written by hand: this layer knows no codec, and an error must not depend on one. Protocol layer.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol::detail {

// How long the well-formed UTF-8 sequence at the front of `text` is; 0 when there is none.
// Source: Unicode 15, table 3-7. Overlong forms, surrogates and numbers above 10FFFF have no row there.
constexpr std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  const unsigned lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < lowest || at(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// Messages quote what peers sent: bytes that are not UTF-8 become U+FFFD, so that the answer always parses.
[[gnu::cold]] inline void append_json_string(buffer& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    } else if ((length = utf8_length(text)) != 0) {
      out.append(text.data(), length);
    } else {
      out.append("\\ufffd");
      length = 1;
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
}

// Connect wants the standard alphabet without padding.
[[gnu::cold]] inline void append_base64(buffer& out, std::string_view data) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const std::size_t count = data.size() - i < 3 ? data.size() - i : 3;
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned>(static_cast<unsigned char>(data[i + k])) : 0U);
    }
    for (std::size_t k = 0; k <= count; ++k) out.push_back(alphabet[(group >> (18 - 6 * k)) & 63]);
  }
}

[[gnu::cold]] inline void append_json_error(buffer& out, const status& error) {
  out.append(R"({"code":)");
  append_json_string(out, http_code_name(error.code()));
  if (!error.message().empty()) {
    out.append(R"(,"message":)");
    append_json_string(out, error.message());
  }
  if (!error.details().empty()) {
    out.append(R"(,"details":)");
    char before = '[';
    for (const status_detail& detail : error.details()) {
      out.push_back(before);
      out.append(R"({"type":)");
      append_json_string(out, detail.type);
      out.append(R"(,"value":")");
      append_base64(out, detail.value);
      out.append(R"("})");
      before = ',';
    }
    out.push_back(']');
  }
  out.push_back('}');
}

}  // namespace tenon::inline v0::protocol::detail
