// The typed client: a service's methods as member functions of a connection. Client layer; the door people type.
#pragma once

#include <tenon/core/asio.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

#include <asio/executor_work_guard.hpp>

#include <tenon/client/call.hpp>
#include <tenon/client/call_state.hpp>
#include <tenon/client/channel.hpp>
#include <tenon/client/connection_state.hpp>
#include <tenon/client/follow_cancel.hpp>
#include <tenon/client/options.hpp>
#include <tenon/client/stream_call.hpp>
#include <tenon/client/streams.hpp>
#include <tenon/client/typed_call.hpp>
#include <tenon/codec/arguments.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/buffer.hpp>
#include <tenon/core/post.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/net/connector.hpp>
#include <tenon/net/endpoint.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/option_source.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/protocol/client_protocol.hpp>
#include <tenon/protocol/concept.hpp>
#include <tenon/reflect/service.hpp>

namespace tenon::inline v0 {

namespace detail {

// Refuses every attempt to connect with a reason: what a client made from an unreadable URL has.
class no_connector final : public net::connector {
 public:
  explicit no_connector(status why) : why_{std::move(why)} {}
  void connect(waiter&) override {}
  void cancel() noexcept override {}
  std::string url() const override { return why_.message(); }

 private:
  status why_;
};

// A thread that runs one io_context for one client.
class background_loop {
 public:
  background_loop() : work_{io_.get_executor()}, thread_{[this] { io_.run(); }} {}
  ~background_loop() {
    work_.reset();
    thread_.join();
  }
  asio::io_context& io() noexcept { return io_; }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

template <class... Parameters>
struct client_codec {
  using type = codec::msgpack;
};
template <class First, class... Rest>
struct client_codec<First, Rest...> {
  using type = typename std::conditional_t<codec_type<First>, std::type_identity<First>, client_codec<Rest...>>::type;
};

// Whether the policies that on_method adds can make values of the method's type.
template <class S, class Parameter>
inline constexpr bool values_fit = true;
template <class S, auto Method, class... Policies>
inline constexpr bool values_fit<S, on_method<Method, Policies...>> = [] {
  const auto fits = [](auto given) {
    using one = typename decltype(given)::type;
    if constexpr (policy::recovers<one>) return one::template fits<typename method<S, method_index<S, Method>>::response>;
    else return true;
  };
  return (fits(std::type_identity<Policies>{}) && ...);
}();

// Whether the policy would send a call twice, but only where its method is declared idempotent.
template <class P>
inline constexpr bool asks_idempotent = [] {
  if constexpr (policy::any<P>) {
    if constexpr (P::what == policy::kind::fan_out) return P::fans_out(P::defaults, call_info{.idempotent = true}) && !P::fans_out(P::defaults, call_info{});
  }
  return false;
}();
template <class S, class Parameter>
inline constexpr bool hedge_fits = true;
template <class S, auto Method, class... Policies>
inline constexpr bool hedge_fits<S, on_method<Method, Policies...>> = method<S, method_index<S, Method>>::is_idempotent || !(asks_idempotent<Policies> || ...);
template <class S, class Parameter>
  requires asks_idempotent<Parameter>
inline constexpr bool hedge_fits<S, Parameter> = []<std::size_t... I>(std::index_sequence<I...>) { return (method<S, I>::is_idempotent || ...); }(std::make_index_sequence<method_count<S>>{});

// How a client's method starts its call; shared by a client and by what its `with` gives.
template <class S, class Codec, class Stack>
struct starter {
  template <std::size_t Index>
  using response = typename method<S, Index>::response;

  template <std::size_t Index, class... Arguments>
  static call_reference<call_state<response<Index>>> start(client_core<Stack>& core, const call_options* chosen, const Arguments&... arguments) {
    auto* state = new typed_call<S, Index, Codec, Stack>{core, chosen};
    call_reference<call_state<response<Index>>> held{state};
    begin<Index>(*state, core, chosen, arguments...);
    return held;
  }

  // What the method's caller gets to hold.
  template <std::size_t Index, class... Arguments>
  static auto open(client_core<Stack>& core, const call_options* chosen, const Arguments&... arguments) {
    using called = method<S, Index>;
    if constexpr (!called::client_streams && !called::server_streams) {
      return call<response<Index>>{start<Index>(core, chosen, arguments...)};
    } else {
      const call_options none{};
      auto* state = new stream_call<S, Index, Codec, Stack>{core, chosen != nullptr ? *chosen : none};
      call_reference<call_state<stream_response<S, Index>>> held{state};
      begin<Index>(*state, core, chosen, arguments...);
      if constexpr (!called::server_streams) return stream_writer<typename called::item, typename called::response>{std::move(held), *state};
      else if constexpr (!called::client_streams) return stream_reader<typename called::response>{std::move(held), *state};
      else return stream_pair<typename called::item, typename called::response>{std::move(held), *state, *state};
    }
  }

  template <std::size_t Index, class State, class... Arguments>
  static void begin(State& state, client_core<Stack>& core, const call_options* chosen, const Arguments&... arguments) {
    const std::tuple<const Arguments&...> values{arguments...};
    const auto write_payload = [&values]([[maybe_unused]] buffer& out) {
      // Items are all that such a call sends.
      if constexpr (method<S, Index>::client_streams) return;
      const codec::arguments<const std::tuple<const Arguments&...>> all{values, method<S, Index>::parameter_names};
      Codec::encode(out, all);
    };
    channel& via = core.via;
    const bool here = via.loop().on_this_thread();
    if (chosen != nullptr && is_cancelled_already(*chosen)) [[unlikely]] {
      if (here) via.cancel(state);
      else state.refused(channel::cancelled_here());
      return;
    }
    bool begun = false;
    if constexpr (Stack::keeps_request) {
      if (here) state.request() = core.spare_request();
    } else if (here && via.ready()) {
      state.start_with(write_payload);
      begun = true;
    }
    if (!begun) {
      write_payload(state.request());
      if (here) state.start();
      else via.submit_from_elsewhere(state);
    }
    if (chosen != nullptr) [[unlikely]] follow_cancel(state, *chosen);
  }

  static const call_options* address_of(const call_options& chosen) noexcept { return &chosen; }
  static const call_options* address_of(std::nullptr_t) noexcept { return nullptr; }

  // `chosen` is call_options, or nullptr for none. By value: a token may keep the initiation and run it later.
  template <std::size_t Index, class Options, class Token, class... Arguments>
  static auto start_with_token(client_core<Stack>& core, Options chosen, Token&& token, Arguments&&... arguments) {
    static_assert(!method<S, Index>::client_streams && !method<S, Index>::server_streams,
                  "tenon::client: a method that streams has no one result for a completion token; call it without, and co_await next(), write() and finish() of what it returns");
    return asio::async_initiate<Token, void(result<response<Index>>)>(
        [&core, chosen = std::move(chosen)](auto handler, auto&&... given) {
          deliver_to<response<Index>>(start<Index>(core, address_of(chosen), given...), core.via.loop().io(), std::move(handler));
        },
        token, std::forward<Arguments>(arguments)...);
  }
};

}  // namespace detail

/// A client for one call with options of its own: `m.with({.timeout = 50_ms}).last("ACME")`. Used at once, not kept.
template <class S, class Codec, class Stack>
class client_with_options : public stubs_of<S, client_with_options<S, Codec, Stack>> {
 public:
  client_with_options(detail::client_core<Stack>& core, call_options options) : core_{core}, options_{std::move(options)} {}

  template <std::size_t Index, class... Arguments>
  auto invoke_method(const Arguments&... arguments) const {
    return detail::starter<S, Codec, Stack>::template open<Index>(core_, &options_, arguments...);
  }
  template <std::size_t Index, class Token, class... Arguments>
  auto invoke_method_with(Token&& token, Arguments&&... arguments) const {
    return detail::starter<S, Codec, Stack>::template start_with_token<Index>(core_, options_, std::forward<Token>(token), std::forward<Arguments>(arguments)...);
  }

 private:
  detail::client_core<Stack>& core_;
  call_options options_;
};

/// The methods of service `S`, called at an address. `Parameters`: at most one codec (msgpack when there is none) and any policies, outermost first, in any order.
///
/// Each method returns a `call<T>` (one that streams a `stream_reader`, `stream_writer` or `stream_pair`), or takes an asio completion token of signature `void(tenon::result<T>)` as last argument. Connects at the first call; a lost
/// connection fails the calls under way and is made anew at the next; while connecting fails, calls fail at once with the reason, or wait (`wait_for_ready`).
/// May be called from any thread. Destroying it ends its calls.
///
/// Shape   `client<market> m{"tcp://127.0.0.1:9000"}` has a background thread; `client<market> m{io, "tcp://..."}` uses the caller's io_context, which one
///         thread runs. What a callback throws leaves the run of that io_context, on a background thread it ends the program.
/// Errors  a URL that cannot be read makes every call fail with invalid_argument.
template <class S, class... Parameters>
class client : public stubs_of<S, client<S, Parameters...>> {
  static_assert(contract<S>, "tenon::client: the first argument is no service; write TENON_SERVICE in the struct, or TENON_SERVICE_FOR beside it");
  static_assert(((policy::any<Parameters> || codec_type<Parameters> || policy::is_on_method<Parameters>)&&...), "tenon::client: a template argument is neither a policy nor a codec");
  static_assert((std::size_t{0} + ... + (codec_type<Parameters> ? 1U : 0U)) <= 1, "tenon::client: two codecs; a client speaks one");

  using codec_used = typename detail::client_codec<Parameters...>::type;
  using stack = policy::stack_of<Parameters...>;
  using core_type = detail::client_core<stack>;
  using starter = detail::starter<S, codec_used, stack>;

 public:
  explicit client(std::string_view url, client_options options = {}) : background_{std::make_unique<detail::background_loop>()} {
    open(background_->io(), url, options);
  }
  client(asio::io_context& io, std::string_view url, client_options options = {}) { open(io, url, options); }
  /// Over any transport: `client<market> m{io, network.connector_to("a")}`.
  client(asio::io_context& io, std::unique_ptr<net::connector> to, client_options options = {}) { open(io, std::move(to), options); }

  client(client&&) noexcept = default;
  client& operator=(client&& other) noexcept {
    if (this != &other) {
      shut();
      background_ = std::move(other.background_);
      core_ = std::move(other.core_);
    }
    return *this;
  }
  ~client() { shut(); }

  /// The same methods for one call with options of its own.
  client_with_options<S, codec_used, stack> with(call_options options) const { return {*core_, std::move(options)}; }

  /// Other options than those in the policies' types, `m.configure(retry_options{...})`, for calls that start from now on; from any thread.
  ///
  /// Returns whether a policy takes these.
  template <class Options>
  bool configure(const Options& options) {
    return core_->options.set(options);
  }
  /// The same for one method: `m.configure<&market::buy>(timeout_options{...})`.
  template <auto Method, class Options>
  bool configure(const Options& options) {
    static_assert(method_index<S, Method> < method_count<S>, "tenon::client::configure: the method is none of those that TENON_SERVICE lists for this service");
    return core_->options.set(options, method_index<S, Method>);
  }
  /// The options of all policies from a document, `m.configure_from(json_options{text})`: all of it, or nothing when a part of it is wrong. From any thread.
  ///
  /// Errors  invalid_argument, and where the document is wrong.
  template <class Source>
  status configure_from(const Source& from) {
    const auto made = policy::draft_of<stack>(core_->options, table().data(), service_name<S>, detail::method_names<S>.data(), detail::idempotent_methods<S>.data());
    policy::option_draft* const drafts[] = {made.get()};
    status written = from.write(drafts, 1);
    if (written.ok()) made->publish();
    return written;
  }

  /// Where the connection stands; from any thread, and a moment old. A hook `state_changed` is told of each change.
  connection_state state() const noexcept { return core_->via.current(); }
  /// How many answers came when nobody waited for them any more; from any thread.
  std::uint64_t late_replies() const noexcept { return core_->via.late_replies(); }

  /// Goes to another address: calls that were sent end where they are, all others go to the new one. From any thread.
  ///
  /// Errors  invalid_argument when the URL cannot be read; the client stays where it is.
  status move_to(std::string_view url) {
    result<endpoint> where = address_of(url, core_->via.options());
    if (!where) return std::move(where).error();
    move_to(std::make_unique<net::socket_connector>(core_->via.loop().io(), std::move(*where)));
    return {};
  }
  void move_to(std::unique_ptr<net::connector> to) { core_->via.move_to(std::move(to)); }

  // What the methods that TENON_SERVICE makes call.
  template <std::size_t Index, class... Arguments>
  auto invoke_method(const Arguments&... arguments) const {
    return starter::template open<Index>(*core_, nullptr, arguments...);
  }
  template <std::size_t Index, class Token, class... Arguments>
  auto invoke_method_with(Token&& token, Arguments&&... arguments) const {
    return starter::template start_with_token<Index>(*core_, nullptr, std::forward<Token>(token), std::forward<Arguments>(arguments)...);
  }

 private:
  static constexpr const auto& table() noexcept {
    static_assert((detail::values_fit<S, Parameters> && ...), "tenon::on_method: the fallback's function does not give what the method returns");
    static_assert((detail::hedge_fits<S, Parameters> && ...),
                  "tenon::client: hedge sends a call twice, and what it is for is not declared idempotent; write (last, tenon::idempotent) in TENON_SERVICE, or leave it to retry");
    return policy::table_of<stack, method_count<S>, detail::index_in<S>, Parameters...>;
  }
  // What `url` says, if this client can speak its protocol.
  static result<endpoint> address_of(std::string_view url, const client_options& options) {
    if (status fits = protocol::fits_protocol(url, static_cast<protocol::serialization>(codec_used::serialization), options.sessions); !fits.ok()) return fits;
    return endpoint::parse(url);
  }
  void open(asio::io_context& io, std::string_view url, const client_options& options) {
    result<endpoint> where = address_of(url, options);
    if (where) return open(io, std::make_unique<net::socket_connector>(io, std::move(*where)), options);
    open(io, std::make_unique<detail::no_connector>(where.error()), options);
    core_->via.refuse_all(std::move(where).error());
  }
  void open(asio::io_context& io, std::unique_ptr<net::connector> to, const client_options& options) {
    core_ = std::make_unique<core_type>(*new detail::channel{io, std::move(to), options}, table().size(), table().data());
  }

  void shut() noexcept {
    if (core_ == nullptr) return;
    detail::channel& via = core_->via;
    const status why{outcome{.code = code::unavailable, .flags = outcome::local}, "the client was closed"};
    if (via.loop().on_this_thread()) {
      via.close(why);
      core_.reset();
      // The loop's own thread cannot wait for itself: another one takes the loop down.
      if (background_) std::thread{[held = std::move(background_)] {}}.detach();
    } else {
      detail::post(via.loop().io(), [core = std::move(core_), why] { core->via.close(why); });
      background_.reset();
    }
  }

  std::unique_ptr<detail::background_loop> background_;
  std::unique_ptr<core_type> core_;
};

}  // namespace tenon::inline v0
