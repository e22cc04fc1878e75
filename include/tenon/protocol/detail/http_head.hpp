// A request's head, cut in place and strictly by RFC 9112: views into the bytes, no memory, no table of names. Protocol layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

/// RFC 9110's methods and PATCH.
enum class http_verb : std::uint8_t { post, get, head, put, delete_, options, patch, connect, trace, unknown };

// In the order of `http_verb`, each with the space that ends it.
inline constexpr std::array<std::string_view, 9> http_verbs{"POST ",    "GET ",   "HEAD ",    "PUT ",  "DELETE ",
                                                            "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};

/// What one request's head says. The views lie in the bytes that it was cut from.
struct http_head {
  http_verb verb = http_verb::unknown;
  bool is_http_11 = false;
  bool closes = false;      ///< `Connection` lists close,
  bool persists = false;    ///< keep-alive,
  bool upgrades = false;    ///< or upgrade
  bool has_length = false;
  bool has_timeout = false;
  bool is_connect = false;      ///< connect-protocol-version is there
  bool chunked = false;
  bool inflatable = false;      ///< gzip would be read; said by the session
  bool foreign_coding = false;  ///< a Transfer-Encoding that is not exactly `chunked`
  std::size_t hosts = 0;
  std::size_t fields_at = 0;    ///< where the first field starts
  std::uint64_t length = 0;     ///< Content-Length
  std::string_view verb_text{};
  std::string_view target{};
  std::string_view content_type{};
  std::string_view content_encoding{};
  std::string_view expect{};
  std::string_view host{};
  std::string_view origin{};
  std::string_view timeout{};   ///< connect-timeout-ms

  bool keeps_alive() const noexcept { return !closes && (is_http_11 || persists); }
  bool has_body() const noexcept { return chunked || length != 0; }
};

struct http_field {
  std::string_view name{};
  std::string_view value{};
};

inline constexpr std::size_t bare_line_feed = std::string_view::npos;

// How long the line at the front of `bytes` is, CR LF included; 0 while it has no end, `bare_line_feed` when LF alone ends it:
// RFC 9112 2.2 lets readers differ there. `seen` keeps how far has been looked, so that a line that comes slowly costs no more.
inline std::size_t find_line(std::string_view bytes, std::size_t& seen) noexcept {
  const std::size_t end = bytes.find('\n', seen);
  if (end == std::string_view::npos) {
    seen = bytes.size();
    return 0;
  }
  if (end == 0 || bytes[end - 1] != '\r') return bare_line_feed;
  seen = 0;
  return end + 1;
}

// Each function below returns what is wrong, as a sentence; nothing when all is well.

// Takes the request line off the front of `block`.
inline std::string_view cut_request_line(std::string_view& block, http_head& head) noexcept {
  const std::size_t verb_size = token_size(block);
  if (verb_size == 0 || block[verb_size] != ' ') return "the request line has no method; expected a token and one space";
  for (std::size_t i = 0; i < http_verbs.size(); ++i) {
    if (http_verbs[i] != block.substr(0, verb_size + 1)) continue;
    head.verb = static_cast<http_verb>(i);
    break;
  }
  const std::size_t target_end = find_below(block, verb_size + 1, '!');
  if (target_end == verb_size + 1 || block[target_end] != ' ') {
    return "the request line has no target; expected METHOD /<service>/<method> HTTP/1.1";
  }
  const std::string_view version = block.substr(target_end + 1, std::string_view{"HTTP/1.1\r\n"}.size());
  head.is_http_11 = version == "HTTP/1.1\r\n";
  if (!head.is_http_11 && version != "HTTP/1.0\r\n") return "the request line does not end in HTTP/1.1 or HTTP/1.0 after one space";
  head.verb_text = block.substr(0, verb_size);
  head.target = block.substr(verb_size + 1, target_end - verb_size - 1);
  head.fields_at = target_end + 1 + version.size();
  block.remove_prefix(head.fields_at);
  return {};
}

// Takes one field off the front of `block`, which ends in CR LF.
inline std::string_view cut_field(std::string_view& block, http_field& field) noexcept {
  const std::size_t colon = token_size(block);
  if (colon == 0 || block[colon] != ':') {
    // RFC 9112 5.2 lets a server join folded lines; others would read them as two headers.
    return is_blank(block[0]) ? "a header is folded over two lines; expected one" : "a header's name is no token with a colon right after it";
  }
  std::size_t end = colon;
  do end = find_below(block, end + 1, ' ');
  while (block[end] == '\t');
  if (block.substr(end, 2) != "\r\n") return "a header's value holds a control byte";
  field.name = block.substr(0, colon);
  field.value = trim_blanks(block.substr(colon + 1, end - colon - 1));
  block.remove_prefix(end + 2);
  return {};
}

inline std::string_view note_length(std::string_view value, http_head& head) noexcept {
  // RFC 9112 6.3 lets equal lengths pass as one; who sends several has been tampered with.
  if (head.has_length) return "several Content-Length headers; expected one";
  head.has_length = true;
  bool is_number = !value.empty();
  for (const char c : value) {
    is_number = is_number && c >= '0' && c <= '9' && !__builtin_mul_overflow(head.length, 10U, &head.length) &&
                !__builtin_add_overflow(head.length, static_cast<unsigned>(c - '0'), &head.length);
  }
  return is_number ? std::string_view{} : "Content-Length is no decimal number below 2^64";
}

inline std::string_view note_coding(std::string_view value, http_head& head) noexcept {
  if (!is_named(value, "chunked")) {
    head.foreign_coding = true;
  } else if (head.chunked) {
    return "Transfer-Encoding says chunked twice; expected once";
  } else {
    head.chunked = true;
  }
  return {};
}

inline std::string_view note_connection(std::string_view list, http_head& head) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view option = trim_blanks(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (!option.empty() && !is_token(option)) return "Connection lists something else than tokens";
    head.closes = head.closes || is_named(option, "close");
    head.persists = head.persists || is_named(option, "keep-alive");
    head.upgrades = head.upgrades || is_named(option, "upgrade");
  }
  return {};
}

// The names that a session asks about all differ in length.
inline std::string_view note_field(const http_field& field, http_head& head) noexcept {
  const auto is = [&field](std::string_view name) { return is_named(field.name, name); };
  switch (field.name.size()) {
    case 4:
      if (!is("host")) break;
      head.host = field.value;
      ++head.hosts;
      break;
    case 6:
      if (is("expect")) head.expect = field.value;
      else if (is("origin")) head.origin = field.value;
      break;
    case 10: if (is("connection")) return note_connection(field.value, head); break;
    case 12: if (is("content-type")) head.content_type = field.value; break;
    case 14: if (is("content-length")) return note_length(field.value, head); break;
    case 16: if (is("content-encoding")) head.content_encoding = field.value; break;
    case 17: if (is("transfer-encoding")) return note_coding(field.value, head); break;
    case 18:
      if (!is("connect-timeout-ms")) break;
      head.timeout = field.value;
      head.has_timeout = true;
      break;
    case 24: head.is_connect = head.is_connect || is("connect-protocol-version"); break;
    default: break;
  }
  return {};
}

/// Reads a whole head, its empty line included. Returns what is wrong with it; nothing when `head` has been filled in.
inline std::string_view cut_head(std::string_view block, http_head& head) noexcept {
  std::string_view fault = cut_request_line(block, head);
  http_field field;
  while (fault.empty() && block != "\r\n") {
    fault = cut_field(block, field);
    if (fault.empty()) fault = note_field(field, head);
  }
  // RFC 9112 6.1: what is sent with both was framed by two minds.
  if (fault.empty() && head.has_length && (head.chunked || head.foreign_coding)) {
    return "Content-Length and Transfer-Encoding together; expected one of them";
  }
  return fault;
}

}  // namespace tenon::inline v0::protocol::detail
