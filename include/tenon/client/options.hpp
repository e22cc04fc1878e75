// What a client, or one call of it, may be told. Client layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <tenon/client/hooks.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/client_protocol.hpp>
#include <tenon/protocol/compression.hpp>

namespace tenon::inline v0 {

class cancellation;
class context;
namespace detail {
class offered;
}

/// How long to wait between two attempts to connect: `first`, then each time `multiplier` times the wait before, up to `longest`; each give or take `jitter` of it.
/// There is no last attempt. Every connection on which the peer has said anything starts over.
///
/// Source  gRPC connection-backoff.md: the form, multiplier and jitter. Its first wait of 1 s and longest of 120 s are for the open internet; a service in the next
///         rack is back sooner.
struct reconnect_options {
  duration first = std::chrono::milliseconds{100};
  duration longest = std::chrono::seconds{10};
  ratio multiplier = percent(160);
  ratio jitter = percent(20);
  bool stay_connected = false;  ///< once connected, or tried to, connect again although no call asks for it
};

/// How a peer that is gone without a word is noticed: after `interval` without a byte from it a heartbeat asks for one, and after `timeout` more the connection is
/// dropped. Zero for `interval` turns it off. `by_protocol` is 30 s; over gRPC it is 310 s and only while calls are under way, for its servers close the connections of those who
/// ask more often, unless they are set up otherwise. Whoever is told so by one (`too_many_pings`) asks half as often from then on, and not while no call is under way.
///
/// Source  gRPC keepalive.md, and for what its servers bear gRFC A8.
struct keepalive_options {
  static constexpr duration by_protocol{-1};
  duration interval = by_protocol;
  duration timeout = std::chrono::seconds{20};
  bool without_calls = true;  ///< with an interval of its own: also while no call is under way, which keeps address translators and firewalls from forgetting the connection
};

/// Units   `max_pending_calls` in calls under way per connection, sent and waiting to be sent; `max_unsent_bytes` in bytes of requests that the peer does
///         not take. Beyond either a call ends at once with resource_exhausted. Zero for `write_timeout` or `idle_timeout` turns it off.
struct client_options {
  tenon::limits limits{};
  std::size_t max_pending_calls = 100'000;
  std::size_t max_unsent_bytes = 64 * 1024 * 1024;
  std::uint32_t stream_window_bytes = 256 * 1024;       ///< per call that streams: what a server may send before it is read, give or take one message
  duration connect_timeout = std::chrono::seconds{5};
  std::uint64_t seed = 0;                               ///< of what is drawn by chance; 0: another one each time
  bool wait_for_ready = false;                          ///< calls wait for a connection as long as they have time, instead of failing when connecting fails
  reconnect_options reconnect{};
  keepalive_options keepalive{};
  duration write_timeout = std::chrono::seconds{30};    ///< a peer that takes nothing for so long, of at most 1 MiB at a time, is dropped
  duration idle_timeout = std::chrono::minutes{30};     ///< a connection without calls for so long is closed; the next call makes a new one
  std::size_t max_connections = 1;                      ///< to the same address; another one is made when each has `calls_per_connection` calls under way
  std::size_t calls_per_connection = 1'000;             ///< only with more than one connection; no limit, but the pressure that makes the next
  const protocol::compression* compression = nullptr;   ///< &tenon::gzip of <tenon/zlib.hpp>: over gRPC, HTTP and rpcx; requests leave compressed, answers are read so
  std::size_t compress_from_bytes = protocol::smallest_to_compress;  ///< smaller payloads leave as they are; the server must know how to read the others; protocol::compress_nothing: all leave so
  client_hooks hooks{};
  protocol::session_maker sessions = nullptr;           ///< for URLs that name another protocol than rpcx: `tenon::protocol::make_client_session`, from its own header
  std::shared_ptr<detail::offered> offers{};            ///< what a tenon server may call here, over the client's own connection: `tenon::offers`, from its own header
};

/// For one call: `m.with({.timeout = 50_ms}).last("ACME")`.
struct call_options {
  std::optional<duration> timeout{};           ///< beside what policies say: the shorter one counts
  tenon::metadata metadata{};                  ///< sent with the request
  tenon::metadata* response_metadata = nullptr;  ///< filled with the answer's, if any; must outlive the call
  bool one_way = false;                        ///< no answer is awaited: the call ends, with a default value, when it has been handed to the connection
  context* parent = nullptr;                   ///< a handler's context, on whose loop the call is made: its deadline is inherited, its cancellation as well
  cancellation* cancel = nullptr;              ///< cancels the call when requested; of the thread that makes the call; may go before the call ends
  std::optional<bool> wait_for_ready{};        ///< instead of the client's option
};

}  // namespace tenon::inline v0
