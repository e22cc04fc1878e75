// What all calls of one client share, and what each is about. Client layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/client/channel.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/configuration.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0::detail {

// The channel, and the policies' state. On the loop's thread.
template <class Stack>
struct client_core {
  /// `table` has the options of `methods` methods, in static storage.
  client_core(channel& owned, std::size_t methods, const typename Stack::config* table)
      : via{owned}, random{owned.options().seed != 0 ? owned.options().seed : static_cast<std::uint64_t>(steady_clock{}.now().ns) ^ reinterpret_cast<std::uintptr_t>(this)}, options{methods, table} {}
  client_core(const client_core&) = delete;
  client_core& operator=(const client_core&) = delete;
  /// By then the calls have ended, or end here: their policies' state is about to go.
  ~client_core() {
    via.close(status{outcome{.code = code::unavailable, .flags = outcome::local}, "the client was closed"});
    via.release();
  }

  /// Memory for a request that is kept for the length of its call; on the loop's thread.
  buffer spare_request() noexcept {
    if (spare_.empty()) return {};
    buffer one = std::move(spare_.back());
    spare_.pop_back();
    return one;
  }
  void take_back(buffer&& request) noexcept {
    if (request.capacity() == 0 || request.capacity() > largest_spare || spare_.size() == spare_.capacity()) return;
    request.clear();
    spare_.push_back(std::move(request));
  }

  channel& via;
  random_source random;
  policy::configuration<Stack> options;
  [[no_unique_address]] typename Stack::client_states client{};
  [[no_unique_address]] typename Stack::endpoint_states endpoint{};

 private:
  static constexpr std::size_t most_spare = 256;
  static constexpr std::size_t largest_spare = 4096;
  static std::vector<buffer> room() {
    std::vector<buffer> made;
    if constexpr (Stack::keeps_request) made.reserve(most_spare);
    return made;
  }
  std::vector<buffer> spare_ = room();
};

// What a call is about, in static storage.
struct called_method {
  std::string_view service;
  std::string_view name;
  std::uint32_t index = 0;
  bool idempotent = false;
  protocol::serialization codec{};
  int arguments = -1;
  bool cacheable = false;
  const call_identity* identity = nullptr;
  bool client_streams = false;
  bool server_streams = false;

  bool streams() const noexcept { return client_streams || server_streams; }
};

}  // namespace tenon::inline v0::detail
