// What a server may be told when it is made. Server layer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tenon/core/limits.hpp>
#include <tenon/core/units.hpp>
#include <tenon/protocol/compression.hpp>
#include <tenon/protocol/http_site.hpp>
#include <tenon/server/hooks.hpp>

namespace tenon::inline v0 {

/// How a peer that is gone without a word is noticed: after `interval` without a byte from it it is asked for one, and after `timeout` more the connection is closed.
/// Zero for `interval` turns it off. Any traffic counts; a connection that is not read, since its peer does not read, is `write_timeout`'s.
///
/// Asked are those whose protocol lets a server ask: gRPC's and WebSocket's peers by a ping, rpcx's if they are tenon. Go's rpcx client would take the question for the answer to one of
/// its calls; HTTP/1.1, JSON-RPC and MessagePack-RPC have no such message. For all of these only `idle_timeout` applies, which asks nobody and is off by default.
struct server_keepalive_options {
  duration interval = std::chrono::minutes{2};
  duration timeout = std::chrono::seconds{20};
  /// A gRPC peer that asks more often than this while nothing is sent to it, or within two hours without a call, is shown out at its third question that was too early, by GOAWAY
  /// `too_many_pings`: gRPC's own rule. Set it lower than the interval of your clients' keepalive; zero lets them ask as they like.
  duration least_between_questions = std::chrono::minutes{5};
};

/// Units   bytes, and durations of which 0 means for ever.
///
/// What a peer can make the server hold: one unfinished message of `limits.max_message_bytes`, `max_write_buffer_bytes` of answers that it does not read, what
/// the handlers that are under way still answer, and a window and a message for each of `max_open_streams`; the first two for no longer than the timeouts.
struct server_options {
  unsigned loops = 1;                                      ///< threads, each with its own io_context; connections are dealt out in turn
  tenon::limits limits{};                                  ///< what a peer may ask for
  std::size_t max_connections = 100'000;                   ///< of all loops together; one more is closed at once, so that its caller can turn elsewhere
  std::size_t max_write_buffer_bytes = 4 * 1024 * 1024;    ///< answers above it wait unasked: a connection is not read until its peer has read
  std::size_t max_pending_calls = 10'000;                  ///< coroutine handlers under way per connection
  std::size_t max_open_streams = 1'000;                    ///< of those, how many may stream, per connection
  std::uint32_t stream_window_bytes = 256 * 1024;          ///< per stream: what a caller may send before its handler has read it, give or take one message
  duration first_byte_timeout = std::chrono::seconds{30};  ///< for a connection to say anything at all
  duration message_timeout = std::chrono::seconds{30};     ///< from the first byte of a message to its last
  duration write_timeout = std::chrono::seconds{30};       ///< for the peer to take the next 256 KiB of what it is sent, and up to a quarter longer
  duration idle_timeout{};                                 ///< with nothing under way and nothing heard, and up to a quarter longer
  server_keepalive_options keepalive{};
  protocol::http_policy http{};                            ///< what callers over HTTP may do: tenon::over_http of <tenon/protocol/http_policy.hpp>
  const protocol::compression* compression = nullptr;      ///< &tenon::gzip of <tenon/zlib.hpp>; compressed requests are refused without it
  duration lame_duck{};                                    ///< how long `stop` goes on serving while health says that it is over, so that balancers turn elsewhere first; 0: not at all
  duration drain = std::chrono::seconds{5};                ///< how long `stop` waits for handlers that are under way
  std::size_t blocking_threads = 4;                        ///< for all methods that are declared tenon::blocking; none is begun before it is needed
  std::size_t max_blocking_queue = 1'000;                  ///< their calls that wait for a thread; one more is refused with resource_exhausted
  server_hooks hooks{};                                    ///< of the program's own, told what happens and asked whether it may
  void (*log)(std::string_view line) = nullptr;            ///< told why connections were closed, and what handlers threw, each time; from any loop's thread
};

}  // namespace tenon::inline v0
