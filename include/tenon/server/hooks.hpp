// What a program may watch and veto on a server: functions of an object of its own, those it has. Server layer; the twin of client/hooks.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <tenon/core/context.hpp>
#include <tenon/core/guarded.hpp>
#include <tenon/core/status.hpp>

namespace tenon::inline v0 {

/// A connection as hooks see it.
struct connection_info {
  std::uint64_t id = 0;        ///< one of the server's own, never used twice; `context::connection_id()` in handlers
  std::string_view peer{};     ///< the caller's address, `tcp://127.0.0.1:53412`
};

/// The hooks of one object, each optional, found by its name and arguments; on the connection's loop, so with several loops from several threads.
///
/// Shape   `tenon::server_options{.hooks = tenon::server_hooks::of(mine)}`; `mine` has any of
///           accept(const connection_info& by)                             a connection has come; nothing has been read
///           received(const connection_info& by, std::size_t count)        one read has ended
///           before_call(context& call)                                    its header has been read: names, metadata, deadline; its arguments have not
///           after_call(const context& call, const status& ended)          its handler has ended, or a policy has refused it; the answer is not sent yet
///           sent(const connection_info& by, std::size_t count)            so much has been taken by the peer's side
///           closed(const connection_info& by, std::string_view why)
/// Laws    a hook returns void or a status. A status that is not OK vetoes: `accept` closes the connection, `before_call` refuses the call, of which it says that nothing
///         ran; the others' means nothing. What a hook throws counts as such a status. Each connection that was not vetoed is closed once, and each call that was not
///         has one `after_call`, except when its connection is torn down with the server or at the end of a drain. `mine` outlives the server.
///         A context is the hook's to look at; what it writes there is lost. Absent hooks cost one look at a null pointer per connection, batch or call.
struct server_hooks {
  void* object = nullptr;
  status (*accept)(void*, const connection_info& by) = nullptr;
  status (*received)(void*, const connection_info& by, std::size_t count) = nullptr;
  status (*before_call)(void*, context& call) = nullptr;
  status (*after_call)(void*, const context& call, const status& ended) = nullptr;
  status (*sent)(void*, const connection_info& by, std::size_t count) = nullptr;
  status (*closed)(void*, const connection_info& by, std::string_view why) = nullptr;

  template <class T>
  static server_hooks of(T& told) noexcept;
};

namespace detail {

template <class Hook>
[[gnu::cold]] status run_server_hook(Hook&& hook) noexcept {
  return guarded("a hook threw", [&]() -> status {
    if constexpr (std::is_void_v<decltype(hook())>) {
      hook();
      return {};
    } else {
      return hook();
    }
  });
}

}  // namespace detail

template <class T>
server_hooks server_hooks::of(T& told) noexcept {
  server_hooks made{.object = &told};
  if constexpr (requires(const connection_info& by) { told.accept(by); }) {
    made.accept = [](void* self, const connection_info& by) { return detail::run_server_hook([&] { return static_cast<T*>(self)->accept(by); }); };
  }
  if constexpr (requires(const connection_info& by) { told.received(by, std::size_t{}); }) {
    made.received = [](void* self, const connection_info& by, std::size_t count) { return detail::run_server_hook([&] { return static_cast<T*>(self)->received(by, count); }); };
  }
  if constexpr (requires(context& call) { told.before_call(call); }) {
    made.before_call = [](void* self, context& call) { return detail::run_server_hook([&] { return static_cast<T*>(self)->before_call(call); }); };
  }
  if constexpr (requires(const context& call, const status& ended) { told.after_call(call, ended); }) {
    made.after_call = [](void* self, const context& call, const status& ended) { return detail::run_server_hook([&] { return static_cast<T*>(self)->after_call(call, ended); }); };
  }
  if constexpr (requires(const connection_info& by) { told.sent(by, std::size_t{}); }) {
    made.sent = [](void* self, const connection_info& by, std::size_t count) { return detail::run_server_hook([&] { return static_cast<T*>(self)->sent(by, count); }); };
  }
  if constexpr (requires(const connection_info& by) { told.closed(by, std::string_view{}); }) {
    made.closed = [](void* self, const connection_info& by, std::string_view why) { return detail::run_server_hook([&] { return static_cast<T*>(self)->closed(by, why); }); };
  }
  return made;
}

}  // namespace tenon::inline v0
