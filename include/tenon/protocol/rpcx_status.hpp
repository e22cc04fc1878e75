// How a status crosses an rpcx link: one bit, a text, and metadata that only tenon peers read. Protocol layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <tenon/core/buffer.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/rpcx_frame.hpp>

namespace tenon::inline v0::protocol::rpcx {

/// Writes a status as metadata: the text any rpcx client shows, `CODE: message`, and the exact code beside it. A text without a code reads as UNKNOWN,
/// so that code needs none: a plain error of a handler arrives word for word.
[[gnu::cold]] inline void append_status(buffer& out, const status& error) {
  const bool plain = error.code() == code::unknown && !error.message().empty() && !code_from_name(error.message().substr(0, error.message().find(": ")));
  frames::append_pair(out, error_key, plain ? error.message() : error.to_string());
  frames::append_pair(out, code_key, code_name(error.code()));
  if (error.has(outcome::pushback)) frames::append_number(out, pushback_key, error.outcome().pushback_ms);
  if (error.has(outcome::not_executed)) frames::append_pair(out, not_executed_key, "1");
}

/// Reads the status of an error response; foreign servers send only a text.
///
/// Source  the texts of smallnest/rpcx server/server.go for what a Go server says of itself.
[[gnu::cold]] inline status read_status(std::string_view metadata_block) {
  std::string_view text;
  std::optional<code> exact;
  outcome found;
  for_each_metadata(metadata_block, [&](std::string_view key, std::string_view value) {
    if (key == error_key) {
      text = value;
    } else if (key == code_key) {
      exact = code_from_name(value);
    } else if (key == pushback_key) {
      if (const auto milliseconds = frames::parse_number(value)) {
        constexpr std::int64_t longest = (std::numeric_limits<std::int32_t>::max)();
        found.pushback_ms = static_cast<std::int32_t>(std::clamp<std::int64_t>(*milliseconds, -1, longest));
        found.flags |= outcome::pushback;
      }
    } else if (key == not_executed_key) {
      found.flags |= outcome::not_executed;
    }
  });
  if (const std::size_t colon = text.find(": "); colon != std::string_view::npos) {
    if (const auto named = code_from_name(text.substr(0, colon))) {
      if (!exact) exact = named;
      if (*exact == *named) text.remove_prefix(colon + 2);
    }
  } else if (exact && text == code_name(*exact)) {
    text = {};
  }
  if (!exact) {
    if (text.starts_with("rpcx: can't find service") || text.starts_with("rpcx: can't find method")) {
      exact = code::unimplemented;
      found.flags |= outcome::not_executed;
    } else if (text.find("request reached rate limit") != std::string_view::npos) {
      exact = code::resource_exhausted;
      found.flags |= outcome::not_executed;
    } else if (text == "context deadline exceeded") {
      exact = code::deadline_exceeded;
    } else if (text == "context canceled") {
      exact = code::cancelled;
    } else if (text.find("http: Server closed") != std::string_view::npos) {
      exact = code::unavailable;
      found.flags |= outcome::not_executed;
    }
  }
  if (!exact && text.empty()) text = "the peer answered with an error and no text";
  found.code = exact.value_or(code::unknown);
  // An error frame whose code says OK is a lie of the peer; it must not become a success without a value.
  if (found.code == code::ok) found.code = code::unknown;
  return status{found, text};
}

}  // namespace tenon::inline v0::protocol::rpcx
