// What a server may be told when it is made. Server layer.
#pragma once

#include <cstddef>
#include <string_view>

#include <tenon/core/limits.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0 {

/// Units   `max_write_buffer_bytes` in bytes per connection; `drain` is how long `stop` waits for handlers that are under way.
struct server_options {
  unsigned loops = 1;                                      ///< threads, each with its own io_context; connections are dealt out in turn
  tenon::limits limits{};                                  ///< what a peer may ask for
  std::size_t max_write_buffer_bytes = 4 * 1024 * 1024;    ///< above it a connection is not read until its peer has read
  std::size_t max_pending_calls = 10'000;                  ///< coroutine handlers under way per connection
  duration message_timeout = std::chrono::seconds{30};     ///< from the first byte of a message to its last
  duration drain = std::chrono::seconds{5};
  void (*log)(std::string_view line) = nullptr;            ///< told why connections were closed; from any loop's thread
};

}  // namespace tenon::inline v0
