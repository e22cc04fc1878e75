// Where a client's connection stands. Client layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tenon::inline v0 {

/// `client.state()`, and what a `state_changed` hook is told.
enum class connection_state : std::uint8_t {
  idle,        ///< not connected; the next call connects
  connecting,  ///< calls wait for the attempt that is under way
  ready,       ///< connected
  backoff,     ///< the last attempt failed, and the next is not due: calls fail at once, unless they wait for a connection
  closed,      ///< the client is gone
};

constexpr std::string_view connection_state_name(connection_state which) noexcept {
  constexpr std::array<std::string_view, 5> names{"idle", "connecting", "ready", "backoff", "closed"};
  const auto index = static_cast<std::size_t>(which);
  return index < names.size() ? names[index] : "unknown";
}

}  // namespace tenon::inline v0
