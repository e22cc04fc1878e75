// What a call knows of itself: the numbers that policies read, and what a handler may ask and answer beside its value. Core layer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/cancellation.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/fwd.hpp>
#include <tenon/core/metadata.hpp>
#include <tenon/core/units.hpp>

namespace asio {
class io_context;
}

namespace tenon::inline v0 {

class random_source;
class waiter;

/// What a call is to, in static storage.
struct call_identity {
  std::string_view service;
  std::string_view method;
};

/// The facts of one call that policies decide on. Plain numbers; the driver fills them, policies never read a clock.
struct call_info {
  instant now{};                                ///< read by the driver at the edges of each attempt
  instant deadline = instant::never();          ///< when the whole call must have ended
  instant attempt_start{};
  instant attempt_deadline = instant::never();  ///< when the attempt must have ended; the call may go on after that
  instant wake_at = instant::never();           ///< with an answer `policy::wait`: when to ask again at the latest
  duration reserve{};                           ///< held back from the time that is passed on, for the way there
  std::uint64_t peer_key = 0;                   ///< hash of the other side's address, without its port; 0 when unknown
  std::uint64_t principal_key = 0;              ///< hash of who calls; 0 when unknown
  std::uint64_t request_bytes = 0;              ///< of the encoded arguments; 0 where they are not encoded yet
  random_source* random = nullptr;              ///< the driver's; drivers always set it
  tenon::waiter* waiter = nullptr;              ///< the call's own node, for a queue; null where the driver cannot wait for others
  const call_identity* identity = nullptr;      ///< the names behind `method`; null where no policy asks for them, and around a decorated function
  std::uint32_t method = 0;                     ///< index of the method in its service
  std::uint16_t attempt = 0;                    ///< 0 is the first
  std::uint16_t other_endpoints = 0;            ///< that could be tried instead of the one of this attempt
  bool idempotent = false;                      ///< declared with the method
  bool cacheable = false;                       ///< declared with the method
  bool on_server = false;                       ///< whether the call is answered here, not sent
  bool sent = false;                            ///< whether the attempt has left for the connection
  bool propagate = true;                        ///< whether the deadline is told to the other side
};

namespace detail {

// Begins as `Info{}` does, but member by member: of an aggregate this large g++ clears the whole first, by a `rep stos` that takes 9 ns to start.
template <class Info>
struct begun final : Info {
  begun() noexcept {}
};

// A text as a number, the same on every loop. FNV-1a.
[[gnu::cold]] constexpr std::uint64_t hash_of_text(std::string_view text) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001B3;
  return hash;
}
// A caller's host, for limits per caller: `tcp://127.0.0.1:53412` without the port.
[[gnu::cold]] constexpr std::uint64_t hash_of_host(std::string_view peer) noexcept { return hash_of_text(peer.substr(0, peer.rfind(':'))); }

}  // namespace detail

/// A handler's view of its call: take `tenon::context&` as first parameter to get it.
///
/// Lives until the handler has answered; used on the handler's loop only.
class context {
 public:
  context() noexcept = default;
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  std::string_view service() const noexcept { return service_; }
  std::string_view method() const noexcept { return method_; }
  /// The address of the caller, `tcp://127.0.0.1:53412`.
  std::string_view peer() const noexcept { return peer_; }

  /// The connection by which the call came, unlike any other of this server; 0 outside a server. Hooks know it by the same number.
  std::uint64_t connection_id() const noexcept { return connection_id_; }

  /// Who calls, as the verifier of a `tenon::auth` has it; empty without one.
  std::string_view principal() const noexcept { return principal_; }

  /// When the caller stops waiting; `instant::never()` when it did not say.
  instant deadline() const noexcept { return info.deadline; }
  bool has_deadline() const noexcept { return info.deadline != instant::never(); }
  /// How much of the caller's patience was left when the call arrived (or was last resumed by tenon).
  duration remaining() const noexcept { return info.deadline - info.now; }

  /// Whether the caller has gone, cancelled, or run out of time.
  bool cancelled() const noexcept { return cancel.requested(); }

  const metadata& request_metadata() const noexcept { return request; }
  /// Sent back beside the answer.
  metadata& response_metadata() noexcept { return response; }

  /// The io_context this call is served on: for timers and other work of the handler. Null outside a server.
  asio::io_context* io() const noexcept { return io_; }

  // The parts, for the drivers that fill them: a context is a message between layers, not a hiding place.
  call_info info{};
  metadata request;
  metadata response;
  tenon::cancellation cancel;

  void place(std::string_view service, std::string_view method, std::string_view peer, asio::io_context* io) noexcept {
    service_ = service;
    method_ = method;
    peer_ = peer;
    io_ = io;
  }
  void set_origin(detail::origin& from) noexcept {
    origin_ = &from;
    connection_id_ = from.connection_id();
  }
  /// The connection has forgotten the call.
  void forget_origin() noexcept { origin_ = nullptr; }
  detail::origin* origin() const noexcept { return origin_; }
  void set_principal(std::string_view who) { principal_ = who; }

 private:
  std::string_view service_;
  std::string_view method_;
  std::string_view peer_;
  asio::io_context* io_ = nullptr;
  detail::origin* origin_ = nullptr;
  std::uint64_t connection_id_ = 0;
  std::string principal_;
};

}  // namespace tenon::inline v0
