// Calling the caller: a client of a service that stands on the connection by which a call came. Peers layer; the server's side of it.
#pragma once

#include <tenon/core/asio.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <tenon/client/client_core.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/client.hpp>
#include <tenon/client/hooks.hpp>
#include <tenon/client/options.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/connection_handle.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/limits.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/peers/carried_stream.hpp>
#include <tenon/policy/stack.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/protocol/jsonrpc_client.hpp>
#include <tenon/protocol/rpcx_client.hpp>
#include <tenon/protocol/rpcx_extension.hpp>
#include <tenon/reflect/service.hpp>

namespace tenon::inline v0 {

/// What the calls to one peer may take, of all contracts together; the first `peer` that is made on a connection decides. Beyond either bound a call ends at once with
/// resource_exhausted.
struct peer_options {
  tenon::limits limits{};
  std::size_t max_pending_calls = 1'000;
  std::size_t max_unsent_bytes = 1024 * 1024;
};

namespace detail {

// rpcx's client half for a connection that greeted the other way round already.
template <bool Calls>
class push_session final : public protocol::client_session {
 public:
  explicit push_session(const limits& bounds) : inner_{bounds} {}
  static std::unique_ptr<client_session> make(std::string_view, const limits& bounds) { return std::make_unique<push_session>(bounds); }

  protocol::mark begin_request(buffer& out, const protocol::outgoing& call) override {
    if constexpr (Calls) {
      return inner_.begin_request(out, call);
    } else {
      // By serialization 0 rpcx's clients know that it is none of their answers.
      protocol::outgoing raw = call;
      raw.codec = protocol::serialization::raw;
      return inner_.begin_request(out, raw);
    }
  }
  void end_request(buffer& out, protocol::mark at) override { inner_.end_request(out, at); }
  protocol::consumed consume(std::string_view in, protocol::reply_sink& sink, buffer& out) override { return inner_.consume(in, sink, out); }
  bool write_cancel(buffer& out, std::uint64_t id) override {
    if constexpr (Calls) protocol::rpcx::append_notice(out, protocol::rpcx::cancel_notice, id);
    return Calls;
  }
  void visit_requests(std::string_view written, protocol::request_visitor& visitor) const override { inner_.visit_requests(written, visitor); }

 private:
  protocol::rpcx_client_session inner_;
};

// JSON-RPC's, by lines however the connection frames its texts.
inline std::unique_ptr<protocol::client_session> make_text_session(std::string_view, const limits& bounds) {
  auto made = std::make_unique<protocol::jsonrpc_client_session>(bounds);
  made->tell_cancels();
  return made;
}

using peer_stack = policy::stack_of<>;

// The client that stands on one connection, for all contracts. Its channel knows one stream, which ends with the connection.
class peer_path final : public carried {
 public:
  static std::shared_ptr<peer_path> make(const std::shared_ptr<connection_handle>& by, const peer_options& chosen) {
    auto made = std::make_shared<peer_path>(by, chosen.limits.max_message_bytes + chosen.limits.max_metadata_bytes + 1024 * 1024);
    client_options options{.limits = chosen.limits, .max_pending_calls = chosen.max_pending_calls, .max_unsent_bytes = chosen.max_unsent_bytes};
    options.keepalive.interval = options.idle_timeout = {};
    options.sessions = by->can_ask() == reach::texts ? &make_text_session : by->can_ask() == reach::calls ? &push_session<true>::make : &push_session<false>::make;
    if (by->can_ask() == reach::notices) options.hooks.before_send = &refuse_calls;
    made->core_ = std::make_unique<client_core<peer_stack>>(*new channel{by->io(), std::make_unique<connector>(made), options}, std::size_t{0}, nullptr);
    if (by->can_ask() == reach::nothing) made->core_->via.refuse_all(status{code::unimplemented, "the caller's protocol has no calls in this direction, or the caller has gone"});
    return made;
  }
  using carried::carried;
  ~peer_path() override {
    // As a rule the connection has ended it, and nothing is left to be done.
    if (core_ == nullptr || !core_->via.open() || core_->via.loop().on_this_thread()) return;
    detail::post(core_->via.loop().io(), [core = std::move(core_)] {});
  }

  client_core<peer_stack>& core() const noexcept { return *core_; }
  bool in_texts() const noexcept { return connection().can_ask() == reach::texts; }
  void gone() noexcept override {
    carried::gone();
    const status why{outcome{.code = code::unavailable, .flags = outcome::local}, join_text({"the connection from ", connection().peer(), " has gone"})};
    core_->via.refuse_all(why);
    core_->via.close(why);
  }

 private:
  // Gives the one stream there is, soon.
  class connector final : public net::connector {
   public:
    explicit connector(const std::shared_ptr<peer_path>& to) : to_{to}, io_{to->connection().io()}, url_{to->connection().peer()} {}
    ~connector() override { cancel(); }
    void connect(waiter& who) override {
      waiting_ = std::make_shared<waiter*>(&who);
      detail::post(io_, [to = to_, waiting = waiting_] {
        waiter* const told = std::exchange(*waiting, nullptr);
        if (told == nullptr) return;
        const std::shared_ptr<peer_path> path = to.lock();
        if (path == nullptr || path->connection().by() == nullptr || std::exchange(path->connected_, true)) return told->connect_failed(std::make_error_code(std::errc::connection_aborted));
        told->connected(std::make_unique<carried_stream>(path));
      });
    }
    void cancel() noexcept override {
      if (waiting_ != nullptr) *waiting_ = nullptr;
    }
    std::string url() const override { return url_; }

   private:
    std::weak_ptr<peer_path> to_;
    asio::io_context& io_;
    std::string url_;
    std::shared_ptr<waiter*> waiting_;
  };

  static status refuse_calls(void*, const protocol::outgoing& call) {
    if (call.one_way) return {};
    return status{code::failed_precondition, join_text({call.service, ".", call.method, ": the caller is no tenon client, which would answer; it can be notified: with({.one_way = true})"})};
  }

  std::unique_ptr<client_core<peer_stack>> core_;
  bool connected_ = false;
};

// How a method starts its call: in `Codec`, or in the one that a caller of JSON-RPC can read.
template <class S, class Codec>
struct peer_starter {
  template <std::size_t Index>
  using response = typename method<S, Index>::response;

  template <std::size_t Index, class... Arguments>
  static auto start(const peer_path& path, const call_options* chosen, const Arguments&... arguments) {
    if constexpr (Codec::serialization != codec::json::serialization) {
      if (path.in_texts()) return starter<S, codec::json, peer_stack>::template start<Index>(path.core(), chosen, arguments...);
    }
    return starter<S, Codec, peer_stack>::template start<Index>(path.core(), chosen, arguments...);
  }
  // `chosen` by value: a token may keep the initiation and run it later.
  template <std::size_t Index, class Options, class Token, class... Arguments>
  static auto start_with_token(std::shared_ptr<const peer_path> path, Options chosen, Token&& token, Arguments&&... arguments) {
    return asio::async_initiate<Token, void(result<response<Index>>)>(
        [path = std::move(path), chosen = std::move(chosen)](auto handler, auto&&... given) {
          deliver_to<response<Index>>(start<Index>(*path, starter<S, Codec, peer_stack>::address_of(chosen), given...), path->core().via.loop().io(), std::move(handler));
        },
        token, std::forward<Arguments>(arguments)...);
  }
};

}  // namespace detail

/// A peer for one call with options of its own: `p.with({.timeout = 1_s}).show("text")`. Used at once, not kept.
template <class S, class Codec>
class peer_with_options : public stubs_of<S, peer_with_options<S, Codec>> {
 public:
  peer_with_options(std::shared_ptr<const detail::peer_path> path, call_options options) : path_{std::move(path)}, options_{std::move(options)} {}

  template <std::size_t Index, class... Arguments>
  auto invoke_method(const Arguments&... arguments) const {
    return call<typename method<S, Index>::response>{detail::peer_starter<S, Codec>::template start<Index>(*path_, &options_, arguments...)};
  }
  template <std::size_t Index, class Token, class... Arguments>
  auto invoke_method_with(Token&& token, Arguments&&... arguments) const {
    return detail::peer_starter<S, Codec>::template start_with_token<Index>(path_, options_, std::forward<Token>(token), std::forward<Arguments>(arguments)...);
  }

 private:
  std::shared_ptr<const detail::peer_path> path_;
  call_options options_;
};

/// The methods of service `S` at the client whose call is being handled, called over the client's own connection: `tenon::peer<display>{context}.show("text")`. A
/// handle to be copied and kept; from any thread.
///
/// Shape   each method returns a `call<T>`, as a client's does; `with({.timeout = 1_s})` and `with({.one_way = true})` as there. On the client, `tenon::offers` says what
///         answers. Messages to one peer arrive in the order of the calls that are made on one thread.
/// Errors  unavailable, and not executed unless it was sent, once the connection has gone; resource_exhausted beyond `peer_options`; unimplemented from a client that
///         does not offer `S`, and for callers whose protocol carries no calls in this direction: rpcx does, and JSON-RPC on a connection of its own or a WebSocket, whose calls
///         are made in json whatever `Codec` is. A client of rpcx that is not tenon can only be notified, by calls that are one-way; others end with failed_precondition.
///         Any peer of JSON-RPC is called, a browser's page too.
/// Laws    handles may outlive their connection, and not be used after the server whose handler made them has been destroyed.
template <contract S, codec_type Codec = codec::msgpack>
class peer : public stubs_of<S, peer<S, Codec>> {
  using starter = detail::peer_starter<S, Codec>;

 public:
  explicit peer(context& call, const peer_options& options = {}) {
    assert(call.io() != nullptr && "tenon::peer: the context of a call that no server serves has no caller");
    const std::shared_ptr<detail::connection_handle> by =
        call.origin() != nullptr ? call.origin()->handle() : std::make_shared<detail::connection_handle>(*call.io(), call.connection_id(), call.peer());
    path_ = std::static_pointer_cast<detail::peer_path>(by->path([&] { return detail::peer_path::make(by, options); }));
  }

  /// `context::connection_id()` of the calls that come by the same connection.
  std::uint64_t connection_id() const noexcept { return path_->connection().id(); }
  /// The caller's address.
  const std::string& address() const noexcept { return path_->connection().peer(); }
  /// Whether the connection has gone; a moment old.
  bool gone() const noexcept { return !path_->core().via.open(); }

  /// The same methods for one call with options of its own.
  peer_with_options<S, Codec> with(call_options options) const { return {path_, std::move(options)}; }

  // What the methods that TENON_SERVICE makes call.
  template <std::size_t Index, class... Arguments>
  call<typename method<S, Index>::response> invoke_method(const Arguments&... arguments) const {
    return call<typename method<S, Index>::response>{starter::template start<Index>(*path_, nullptr, arguments...)};
  }
  template <std::size_t Index, class Token, class... Arguments>
  auto invoke_method_with(Token&& token, Arguments&&... arguments) const {
    return starter::template start_with_token<Index>(path_, nullptr, std::forward<Token>(token), std::forward<Arguments>(arguments)...);
  }

 private:
  std::shared_ptr<detail::peer_path> path_;
};

}  // namespace tenon::inline v0
