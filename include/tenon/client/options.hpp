// What a client, or one call of it, may be told. Client layer.
#pragma once

#include <cstddef>
#include <optional>

#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/units.hpp>

namespace tenon::inline v0 {

class context;

/// Units   `max_pending_calls` in calls under way per connection, sent and waiting to be sent; `max_unsent_bytes` in bytes of requests that the peer does
///         not take. Beyond either a call ends at once with resource_exhausted.
struct client_options {
  tenon::limits limits{};
  std::size_t max_pending_calls = 100'000;
  std::size_t max_unsent_bytes = 64 * 1024 * 1024;
  duration connect_timeout = std::chrono::seconds{5};
};

/// For one call: `m.with({.timeout = 50_ms}).last("ACME")`.
struct call_options {
  std::optional<duration> timeout{};           ///< beside what policies say: the shorter one counts
  tenon::metadata metadata{};                  ///< sent with the request
  tenon::metadata* response_metadata = nullptr;  ///< filled with the answer's, if any; must outlive the call
  bool one_way = false;                        ///< no answer is awaited: the call ends, with a default value, when it has been handed to the connection
  const context* parent = nullptr;             ///< a handler's context: the call inherits its deadline; read while the call is made
};

}  // namespace tenon::inline v0
