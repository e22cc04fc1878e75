// The JSON of an error, written by hand: this layer knows no codec, and an error must not depend on one. Protocol layer.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/core/base64.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/utf8.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol::detail {

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
    } else if ((length = tenon::detail::utf8_sequence(text.data(), text.data() + text.size())) != 0) {
      out.append(text.data(), length);
    } else {
      out.append("\\ufffd");
      length = 1;
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
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
