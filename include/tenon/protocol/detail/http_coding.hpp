// Content codings of HTTP messages: who takes one, and a finished answer made smaller. Protocol layer, detail of http1.hpp.
// Source: RFC 9110 8.4, 12.5.3; Connect protocol, compression.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/detail/http_answer.hpp>
#include <tenon/protocol/detail/http_text.hpp>

namespace tenon::inline v0::protocol::detail {

// Whether the list of an Accept-Encoding names this coding, and not by a weight of zero.
[[gnu::cold]] inline bool accepts_coding(std::string_view list, std::string_view name) noexcept {
  while (!list.empty()) {
    const std::string_view each = list.substr(0, list.find(','));
    list.remove_prefix(each.size() + (each.size() != list.size() ? 1 : 0));
    const std::size_t semicolon = each.find(';');
    if (!is_named(trim_blanks(each.substr(0, semicolon)), name)) continue;
    std::string_view weight = semicolon == std::string_view::npos ? std::string_view{} : trim_blanks(each.substr(semicolon + 1));
    if (weight.substr(0, 2) == "q=" || weight.substr(0, 2) == "Q=") weight.remove_prefix(2);
    return weight.empty() || weight.find_first_not_of("0.") != std::string_view::npos;
  }
  return false;
}

// Compresses the payload at the end of `out`, whose head is complete but for its length. False when it stays as it is: it is small, or would not become smaller.
[[gnu::cold, gnu::noinline]] inline bool compress_payload(buffer& out, mark at, const compression& how, std::size_t from_bytes = smallest_to_compress) {
  if (out.size() - at.payload < from_bytes) return false;
  buffer smaller;
  how.deflate(out.view(at.payload), smaller);
  if (smaller.size() >= out.size() - at.payload) return false;
  out.truncate(at.payload);
  out.append(smaller.view());
  return true;
}

}  // namespace tenon::inline v0::protocol::detail
