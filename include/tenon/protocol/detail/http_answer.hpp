// Writing HTTP/1.1 answers: a head whose length is filled in afterwards, and errors with their body. Protocol layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_headers.hpp>
#include <tenon/protocol/detail/http_json.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/protocol/http_status.hpp>

namespace tenon::inline v0::protocol::detail {

// Blanks in front of a value mean nothing (RFC 9112 5): the number is filled in once the payload stands behind it.
inline constexpr std::string_view blank_length = "Content-Length:             \r\n\r\n";
inline constexpr std::size_t after_length = 4;

inline void append_status_line(buffer& out, int status) {
  if (status == 200) return out.append("HTTP/1.1 200 OK\r\n");
  out.append("HTTP/1.1 ");
  append_decimal(out, static_cast<std::size_t>(status));
  out.push_back(' ');
  out.append(http_reason(status));
  out.append("\r\n");
}

inline void append_content_type(buffer& out, std::string_view type) {
  out.append("Content-Type: ");
  out.append(type);
  out.append("\r\n");
}

inline void patch_length(buffer& out, std::size_t payload) noexcept {
  std::size_t length = out.size() - payload;
  char* digit = out.data() + payload - after_length;
  do {
    *--digit = static_cast<char>('0' + length % 10);
    length /= 10;
  } while (length != 0);
}

// Puts whole lines at the end of a head that is complete: the payload moves, which is why answers rarely carry metadata.
[[gnu::cold]] inline void insert_lines(buffer& out, mark at, std::string_view lines) {
  if (lines.empty()) return;
  const std::size_t position = at.payload - 2;
  const std::size_t behind = out.size() - position;
  out.extend(lines.size());
  char* const place = out.data() + position;
  std::memmove(place + lines.size(), place, behind);
  std::memcpy(place, lines.data(), lines.size());
}
[[gnu::cold]] inline void insert_headers(buffer& out, mark at, const metadata& extra) {
  buffer lines;
  append_headers(lines, extra);
  insert_lines(out, at, lines.view());
}

// RFC 9110 10.2.3 has whole seconds: rounded up, so that nobody returns too early. A negative pushback means never.
[[gnu::cold]] inline void append_pushback(buffer& out, std::int32_t milliseconds) {
  if (milliseconds < 0) return out.append("retry-after-ms: -1\r\n");
  const auto wait = static_cast<std::size_t>(milliseconds);
  out.append("Retry-After: ");
  append_decimal(out, (wait + 999) / 1000);
  out.append("\r\nretry-after-ms: ");
  append_decimal(out, wait);
  out.append("\r\n");
}

/// What an error's head says beyond the error itself.
struct http_answer_head {
  int http_status = 500;
  std::string_view connection{};  ///< whole header lines, as is `more`
  std::string_view more{};
  std::string_view lines{};       ///< more of them
  bool with_body = true;          ///< false for HEAD, whose head describes the body that is not sent
};

[[gnu::cold]] inline void append_error_answer(buffer& out, const http_answer_head& head, const status& error, const metadata& extra) {
  append_status_line(out, head.http_status);
  append_content_type(out, "application/json");
  out.append(head.connection);
  out.append(head.more);
  out.append(head.lines);
  if (error.has(outcome::pushback)) append_pushback(out, error.outcome().pushback_ms);
  // RFC 9110 15.5.2: a 401 names at least one way to authenticate.
  if (head.http_status == 401 && !extra.contains("www-authenticate")) out.append("WWW-Authenticate: Bearer\r\n");
  append_headers(out, extra);
  out.append(blank_length);
  const std::size_t payload = out.size();
  append_json_error(out, error);
  patch_length(out, payload);
  if (!head.with_body) out.truncate(payload);
}

[[gnu::cold]] inline void append_page(buffer& out, const http_answer_head& head, const http_page& page) {
  append_status_line(out, head.http_status);
  append_content_type(out, page.content_type);
  out.append(head.connection);
  out.append(page.more_head);
  out.append(head.lines);
  out.append("Content-Length: ");
  append_decimal(out, page.text.size());
  out.append("\r\n\r\n");
  if (head.with_body) out.append(page.text);
}

}  // namespace tenon::inline v0::protocol::detail
