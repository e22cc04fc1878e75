// What a program may watch and veto on its side of the connections: functions of an object of its own, those it has. Client layer.
#pragma once

#include <string_view>
#include <type_traits>

#include <tenon/client/connection_state.hpp>
#include <tenon/core/guarded.hpp>
#include <tenon/core/status.hpp>
#include <tenon/protocol/concept.hpp>

namespace tenon::inline v0 {

/// The hooks of one object, each optional, found by its name and arguments; on the client's loop.
///
/// Shape   `tenon::client_options{.hooks = tenon::client_hooks::of(mine)}`; `mine` has any of
///           dial(std::string_view url)                              before an attempt to connect
///           dial_failed(std::string_view url, const status& why)
///           connected(std::string_view url)
///           closed(std::string_view url, const status& why)         a connection has ended; OK when it was not needed any more
///           state_changed(connection_state now)
///           before_send(const protocol::outgoing& call)             service, method, time, metadata
///           after_reply(const protocol::reply& answer)              payload, error, metadata
/// Laws    a hook returns void or a status. A status that is not OK vetoes: `dial` fails the attempt, `before_send` and `after_reply` the call; the others' means
///         nothing. What a hook throws counts as such a status. Hooks do not destroy the client. They are not told of its own end; `mine` outlives it, and when it is
///         destroyed on another thread than the one that runs its io_context, that run as well.
struct client_hooks {
  void* object = nullptr;
  status (*dial)(void*, std::string_view url) = nullptr;
  status (*dial_failed)(void*, std::string_view url, const status& why) = nullptr;
  status (*connected)(void*, std::string_view url) = nullptr;
  status (*closed)(void*, std::string_view url, const status& why) = nullptr;
  status (*state_changed)(void*, connection_state now) = nullptr;
  status (*before_send)(void*, const protocol::outgoing& call) = nullptr;
  status (*after_reply)(void*, const protocol::reply& answer) = nullptr;

  template <class T>
  static client_hooks of(T& told) noexcept;
};

namespace detail {

template <class Hook>
[[gnu::cold]] status run_hook(Hook&& hook) noexcept {
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
client_hooks client_hooks::of(T& told) noexcept {
  client_hooks made{.object = &told};
  if constexpr (requires { told.dial(std::string_view{}); }) {
    made.dial = [](void* self, std::string_view url) { return detail::run_hook([&] { return static_cast<T*>(self)->dial(url); }); };
  }
  if constexpr (requires(const status& why) { told.dial_failed(std::string_view{}, why); }) {
    made.dial_failed = [](void* self, std::string_view url, const status& why) { return detail::run_hook([&] { return static_cast<T*>(self)->dial_failed(url, why); }); };
  }
  if constexpr (requires { told.connected(std::string_view{}); }) {
    made.connected = [](void* self, std::string_view url) { return detail::run_hook([&] { return static_cast<T*>(self)->connected(url); }); };
  }
  if constexpr (requires(const status& why) { told.closed(std::string_view{}, why); }) {
    made.closed = [](void* self, std::string_view url, const status& why) { return detail::run_hook([&] { return static_cast<T*>(self)->closed(url, why); }); };
  }
  if constexpr (requires { told.state_changed(connection_state::idle); }) {
    made.state_changed = [](void* self, connection_state now) { return detail::run_hook([&] { return static_cast<T*>(self)->state_changed(now); }); };
  }
  if constexpr (requires(const protocol::outgoing& call) { told.before_send(call); }) {
    made.before_send = [](void* self, const protocol::outgoing& call) { return detail::run_hook([&] { return static_cast<T*>(self)->before_send(call); }); };
  }
  if constexpr (requires(const protocol::reply& answer) { told.after_reply(answer); }) {
    made.after_reply = [](void* self, const protocol::reply& answer) { return detail::run_hook([&] { return static_cast<T*>(self)->after_reply(answer); }); };
  }
  return made;
}

}  // namespace tenon::inline v0
