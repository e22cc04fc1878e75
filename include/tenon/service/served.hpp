// An object that is served: for each method of its contract one function from bytes to bytes. Service layer.
// This is the whole of a call on the server: codec, admission, arguments, handler, answer, in that order and in one place.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tenon/codec/arguments.hpp>
#include <tenon/codec/concept.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/service/answer_port.hpp>
#include <tenon/service/exchange.hpp>
#include <tenon/service/guarded.hpp>
#include <tenon/service/handler.hpp>
#include <tenon/service/held.hpp>
#include <tenon/service/method_table.hpp>
#include <tenon/service/offloaded.hpp>
#include <tenon/service/route.hpp>
#include <tenon/service/router.hpp>
#include <tenon/service/running.hpp>
#include <tenon/service/streaming.hpp>
#include <tenon/service/thread_pool.hpp>

namespace tenon::inline v0::service {

/// What stands in front of the handlers of one served object: its policies.
///
/// Laws    as `policy::hook`: each admitted call is observed exactly once.
struct no_guard {
  struct call_state {};
  using info_type = call_info;             ///< what it wants to know, and may write, of a call
  static constexpr bool measures = false;  ///< whether it wants to know when a call has ended
  static constexpr bool named = false;     ///< whether it wants to know the names of what is called
  static constexpr bool identifies = false;  ///< whether it asks the request's metadata who calls, and says so
  static constexpr bool keyed = false;     ///< whether it wants to tell callers apart
  static constexpr bool answers = false;   ///< whether it may answer in the handler's place: `answering` is the interface by which it asks then, `info.answers` who it asks
  static constexpr bool can_wait = false;  ///< whether `admit` may answer that the call has to wait: see held.hpp for what else it needs then
  outcome admit(call_state&, info_type&) noexcept { return {}; }
  void observe(call_state&, info_type&, outcome) noexcept {}
  std::string_view producer(outcome) const noexcept { return {}; }
};

/// The codecs a service speaks.
template <codec_type... Codecs>
struct codecs {};

namespace detail {

// Of two codecs with the same number, one may be for clients of Connect and gRPC alone: codec::connect_json.
template <class Codec>
inline constexpr bool is_for_proto3_peers = requires { requires Codec::for_proto3_peers; };

// Calls `f` with the codec of this number; false when the service does not speak it.
template <class F, class... Codecs>
bool with_codec(codecs<Codecs...>, const protocol::reply_address& wanted, F&& f) {
  const auto number = static_cast<std::uint8_t>(wanted.codec);
  if constexpr ((is_for_proto3_peers<Codecs> || ...)) {
    if (wanted.proto3_json && ((is_for_proto3_peers<Codecs> && number == Codecs::serialization && (f(std::type_identity<Codecs>{}), true)) || ...)) return true;
  }
  return ((!is_for_proto3_peers<Codecs> && number == Codecs::serialization && (f(std::type_identity<Codecs>{}), true)) || ...);
}

[[gnu::cold]] inline void say_where(status& read, std::string_view method, const protocol::request& call) {
  // Who asks by GET may have written the fields themselves into the query.
  const bool lacks_message = call.safely && call.payload.empty();
  read.set_message(tenon::detail::join_text(
      {method, ": request ", read.message(), lacks_message ? "; GET takes its request in ?message=, percent-encoded JSON, or with &encoding=proto or msgpack (and &base64=1)" : ""}));
  read.add_flag(outcome::not_executed);
}

template <class... Codecs>
[[gnu::cold]] std::string names_of(codecs<Codecs...>) {
  std::string text;
  ((text.append(text.empty() ? "" : ", ").append(Codecs::name)), ...);
  return text;
}

template <class S, std::size_t... I>
constexpr auto names_of_methods(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{method<S, I>::name...};
}
template <class S>
inline constexpr auto method_names = names_of_methods<S>(std::make_index_sequence<method_count<S>>{});
template <class S>
inline constexpr method_table<method_count<S>> methods_by_name{method_names<S>};

template <class S, std::size_t... I>
consteval bool any_routes(std::index_sequence<I...>) {
  return ((tenon::detail::routes_in(method<S, I>::attributes).size() != 0) || ...);
}
template <class S, std::size_t... I>
constexpr std::array<instance::directions, sizeof...(I) + 1> directions_of(std::index_sequence<I...>) {
  return {instance::directions{method<S, I>::client_streams, method<S, I>::server_streams}..., instance::directions{}};
}
// The last one is that of no method.
template <class S>
constexpr instance::directions streams_at(std::size_t index) noexcept {
  constexpr auto all = directions_of<S>(std::make_index_sequence<method_count<S>>{});
  return all[index];
}
template <class S>
inline constexpr bool any_streams = []<std::size_t... I>(std::index_sequence<I...>) {
  return ((method<S, I>::client_streams || method<S, I>::server_streams) || ...);
}(std::make_index_sequence<method_count<S>>{});

}  // namespace detail

/// Whether any method of the service has a route.
template <class S>
inline constexpr bool has_routes = detail::any_routes<S>(std::make_index_sequence<method_count<S>>{});
/// Defined in routes.hpp.
template <class S>
route_list list_routes() noexcept;

/// One served object of contract `S`, on one loop.
template <class S, class Implementation, class Guard, class Codecs>
class served final : public instance {
 public:
  template <class... Given>
  explicit served(std::shared_ptr<Implementation> object, Given&&... given) : object_{std::move(object)}, guard_{std::forward<Given>(given)...} {}

  /// Where the blocking methods run; before the first call.
  void use(thread_pool& pool) noexcept
    requires(has_blocking_methods<S>)
  {
    pool_ = &pool;
  }

  std::string_view name() const noexcept override { return service_name<S>; }
  std::span<const std::string_view> methods() const noexcept override { return detail::method_names<S>; }
  invoke_function find(std::string_view method) const noexcept override {
    static constexpr auto functions = make_functions(std::make_index_sequence<method_count<S>>{});
    const std::size_t index = detail::methods_by_name<S>.find(method);
    return index < functions.size() ? functions[index] : nullptr;
  }
  route_list routes() const noexcept override {
    if constexpr (has_routes<S>) return list_routes<S>();
    else return {};
  }
  directions streams(std::string_view method) const noexcept override {
    if constexpr (!detail::any_streams<S>) return {};
    else return detail::streams_at<S>(detail::methods_by_name<S>.find(method));
  }

 private:
  using port_type = answer_port<Guard>;
  // Only methods that are declared cacheable are answered in the handler's place.
  template <std::size_t I>
  static constexpr bool answers = Guard::answers && method<S, I>::is_cacheable && !method<S, I>::client_streams && !method<S, I>::server_streams;

  template <std::size_t... I>
  static constexpr auto make_functions(std::index_sequence<I...>) {
    return std::array<invoke_function, sizeof...(I)>{&served::template invoke<I>...};
  }

  template <std::size_t I>
  static disposition invoke(instance& self, exchange& call) {
    if constexpr (!method<S, I>::is_safe) {
      if (call.call.safely) [[unlikely]] return refuse_unsafe(call, full_name<S, I>);
    }
    if constexpr (method<S, I>::client_streams || method<S, I>::server_streams) {
      if (call.call.stream_credit == 0) [[unlikely]] return refuse_without_streams(call, full_name<S, I>);
    }
    auto& me = static_cast<served&>(self);
    disposition became = disposition::refused;
    const bool spoken = detail::with_codec(Codecs{}, call.call.address, [&](auto codec) { became = me.template run<I, typename decltype(codec)::type>(call); });
    if (!spoken) [[unlikely]] {
      return refuse_codec(call, full_name<S, I>);
    }
    return became;
  }

  [[gnu::cold]] static disposition refuse_unsafe(exchange& call, std::string_view method) {
    status why{code::unimplemented, tenon::detail::join_text({method, ": found a request that must not change anything, expected POST; only a method declared tenon::safe answers both"})};
    return call.refuse(std::move(why.add_flag(outcome::not_executed).add_flag(outcome::no_retry)));
  }

  [[gnu::cold]] static disposition refuse_without_streams(exchange& call, std::string_view method) {
    status why{code::unimplemented, tenon::detail::join_text({method, ": streams, and the caller or its protocol does not; call it by a tenon client over rpcx, over gRPC or WebSocket, or over HTTP as server-sent events or Connect's streams"})};
    return call.refuse(std::move(why.add_flag(outcome::not_executed).add_flag(outcome::no_retry)));
  }

  [[gnu::cold]] static disposition refuse_codec(exchange& call, std::string_view method) {
    const auto found = static_cast<unsigned>(call.call.address.codec);
    return call.refuse(status{code::unimplemented, tenon::detail::join_text({method, ": serialization ", tenon::detail::number_text{found},
                                                                             " is not spoken here; expected one of: ", detail::names_of(Codecs{})})});
  }

  template <std::size_t I, class Codec>
  disposition run(exchange& call) {
    tenon::detail::begun<typename Guard::info_type> info;
    info.now = call.now;
    info.attempt_start = call.arrived;
    info.deadline = call.deadline;
    info.request_bytes = call.call.payload.size();
    info.method = I;
    info.idempotent = method<S, I>::is_idempotent;
    info.on_server = true;
    if constexpr (Guard::keyed) info.peer_key = tenon::detail::hash_of_host(call.peer);
    if constexpr (Guard::named) info.identity = &identity<I>;
    typename Guard::call_state state{};
    if constexpr (answers<I>) {
      port_type port{call, info, handler<S, Implementation, I>::takes_context};
      info.cacheable = true;
      info.answers = &port;
      return identify_and_go<I, Codec>(call, info, state);
    } else {
      return identify_and_go<I, Codec>(call, info, state);
    }
  }

  template <std::size_t I, class Codec>
  disposition identify_and_go(exchange& call, typename Guard::info_type& info, typename Guard::call_state& state) {
    if constexpr (Guard::identifies) {
      tenon::metadata sent;
      if (!call.call.metadata_block.empty() && call.call.read_metadata != nullptr) call.call.read_metadata(call.call.metadata_block, sent);
      info.request_metadata = &sent;
      return admit_and_go<I, Codec>(call, info, state);
    } else {
      return admit_and_go<I, Codec>(call, info, state);
    }
  }

  template <std::size_t I, class Codec>
  disposition admit_and_go(exchange& call, typename Guard::info_type& info, typename Guard::call_state& state) {
    if constexpr (Guard::can_wait) {
      return admit_or_wait(call, info, state, &served::template go<I, Codec>, [](const served& self, outcome refused) { return self.refusal(refused, full_name<S, I>); });
    } else {
      const outcome admitted = guard_.admit(state, info);
      if constexpr (Guard::identifies) info.request_metadata = nullptr;
      if (!admitted.ok()) [[unlikely]] {
        if constexpr (answers<I>) {
          if (Guard::is_answered(admitted)) return disposition::answered;
        }
        return call.refuse(refusal(admitted, full_name<S, I>));
      }
      return go<I, Codec>(*this, call, info, state);
    }
  }

  template <std::size_t I, class Codec>
  static disposition go(served& self, exchange& call, typename Guard::info_type& info, typename Guard::call_state& state) {
    // Until here it was the wait that counted, from here on it is the work.
    if constexpr (Guard::measures) info.attempt_start = info.now;
    using kind = handler_return<typename handler<S, Implementation, I>::returned>;
    static_assert(!method<S, I>::is_blocking || !(kind::in_task || kind::in_awaitable || kind::in_stream),
                  "tenon::server::serve: a method declared tenon::blocking is a coroutine, which runs on the loop; return a plain value, or leave tenon::blocking out");
    if constexpr (method<S, I>::client_streams || method<S, I>::server_streams) return self.template open_stream<I, Codec>(call, info, state);
    else if constexpr (method<S, I>::is_blocking) return self.template offload<I, Codec>(call, info, state);
    else if constexpr (kind::in_task || kind::in_awaitable) return self.template start<I, Codec>(call, info, state);
    else return self.template answer<I, Codec>(call, info, state);
  }

  // Where a policy may let calls wait. Once for all methods: what comes after is behind a pointer.
  using held_type = held<served, Guard>;
  disposition admit_or_wait(exchange& call, typename Guard::info_type& info, typename Guard::call_state& state, typename held_type::go_function go_further,
                            typename held_type::refusal_function refuse) {
    tenon::waiter stand_in{[](tenon::waiter&) noexcept {}};
    info.waiter = &stand_in;
    const outcome admitted = guard_.admit(state, info);
    // It lives on this call's stack, which a call that waits leaves.
    if constexpr (Guard::identifies) info.request_metadata = nullptr;
    if (admitted.ok()) [[likely]] return go_further(*this, call, info, state);
    if constexpr (Guard::answers) {
      if (Guard::is_answered(admitted)) return disposition::answered;
    }
    if (!Guard::waits(admitted)) return call.refuse(refuse(*this, admitted));
    call.under_way = new held_type{*this, guard_, go_further, refuse, call, info, state, stand_in, admitted};
    return disposition::pending;
  }

  // A plain handler: everything happens here and now.
  template <std::size_t I, class Codec>
  disposition answer(exchange& call, typename Guard::info_type& info, typename Guard::call_state& state) {
    using handled = handler<S, Implementation, I>;
    [[maybe_unused]] const std::size_t begin = call.out.size();
    status ended = guarded(full_name<S, I>, [&]() -> status {
      typename handled::values arguments{};
      if (status read = read_arguments<I, Codec>(call, arguments); !read.ok()) [[unlikely]] return read;
      if constexpr (handled::takes_context) {
        tenon::context context;
        context.info = info;
        if constexpr (Guard::identifies) context.set_principal(info.principal);
        context.place(call.call.service, call.call.method, call.peer, call.io);
        context.set_origin(call.sink);
        if (!call.call.metadata_block.empty() && call.call.read_metadata != nullptr) call.call.read_metadata(call.call.metadata_block, context.request);
        status done = call_and_write<S, I, Codec>(call.out, *object_, &context, arguments);
        call.response = std::move(context.response);
        return done;
      } else {
        return call_and_write<S, I, Codec>(call.out, *object_, nullptr, arguments);
      }
    });
    if constexpr (Guard::measures) info.now = call.sink.read_clock();
    if constexpr (answers<I>) {
      if (ended.ok()) static_cast<port_type*>(info.answers)->answered(call.out.view().substr(begin), call.response);
    }
    guard_.observe(state, info, ended.outcome());
    if (ended.ok()) [[likely]] return disposition::answered;
    return call.refuse(std::move(ended));
  }

  // A coroutine handler: started here, answered when it ends.
  template <std::size_t I, class Codec>
  disposition start(exchange& call, typename Guard::info_type& info, typename Guard::call_state& state) {
    using run_type = running<S, Implementation, Guard, I, Codec>;
    auto started = std::make_unique<run_type>(object_, guard_, call, info, state);
    bool done = false;
    status ended = guarded(full_name<S, I>, [&]() -> status {
      if (status read = read_arguments<I, Codec>(call, started->arguments); !read.ok()) [[unlikely]] return read;
      done = started->begin();
      return {};
    });
    if (ended.ok() && !done) {
      call.under_way = started.release();
      return disposition::pending;
    }
    // It ended without ever waiting: answered like a plain handler. One that threw before it was a coroutine, or had no arguments, gave nothing.
    if (ended.ok()) ended = started->write_value(call.out);
    else guard_.observe(state, info, ended.outcome());
    call.response = std::move(started->context.response);
    if (ended.ok()) return disposition::answered;
    return call.refuse(std::move(ended));
  }

  // A plain handler that takes its time: its arguments are read here, the rest happens on a thread of the pool, and the answer comes back to the loop.
  template <std::size_t I, class Codec>
  disposition offload(exchange& call, typename Guard::info_type& info, typename Guard::call_state& state) {
    using offloaded_type = offloaded<S, Implementation, Guard, I, Codec>;
    auto made = std::make_unique<offloaded_type>(object_, guard_, call, info, state);
    status ended = guarded(full_name<S, I>, [&]() -> status { return read_arguments<I, Codec>(call, made->arguments); });
    if (ended.ok()) {
      if (offloaded_type* const given = made.get(); pool_->take(*given)) {
        call.under_way = made.release();
        return disposition::pending;
      }
      ended = pool_->refusal(full_name<S, I>);
    }
    guard_.observe(state, info, ended.outcome());
    return call.refuse(std::move(ended));
  }

  // A handler that streams: made here, started once the connection has listed it.
  template <std::size_t I, class Codec>
  disposition open_stream(exchange& call, typename Guard::info_type& info, typename Guard::call_state& state) {
    auto made = std::make_unique<streaming<S, Implementation, Guard, I, Codec>>(object_, guard_, call, info, state);
    status ended = guarded(full_name<S, I>, [&]() -> status {
      if constexpr (method<S, I>::client_streams) return {};
      else return read_arguments<I, Codec>(call, made->arguments());
    });
    if (ended.ok() && !made->open()) ended = detail::too_many_streams(full_name<S, I>);
    if (!ended.ok()) [[unlikely]] {
      guard_.observe(state, info, ended.outcome());
      return call.refuse(std::move(ended));
    }
    call.under_way = made.release();
    return disposition::pending;
  }

  template <std::size_t I, class Codec>
  static status read_arguments(const exchange& call, typename handler<S, Implementation, I>::values& arguments) {
    codec::arguments<typename handler<S, Implementation, I>::values> all{arguments, method<S, I>::parameter_names};
    status read = Codec::decode(call.call.payload, all, call.bounds);
    if (!read.ok()) [[unlikely]] detail::say_where(read, full_name<S, I>, call.call);
    return read;
  }

  [[gnu::cold]] status refusal(outcome refused, std::string_view method) const {
    const std::string_view by = guard_.producer(refused);
    return status{refused, tenon::detail::join_text({method, refused.code == code::deadline_exceeded ? ": the time was up" : ": refused", " before the handler ran",
                                                     by.empty() ? "" : " (", by, by.empty() ? "" : ")"})};
  }

  template <std::size_t I>
  static constexpr call_identity identity{service_name<S>, method<S, I>::name};

  struct no_pool {};

  std::shared_ptr<Implementation> object_;
  Guard guard_;
  [[no_unique_address]] std::conditional_t<has_blocking_methods<S>, thread_pool*, no_pool> pool_{};
};

}  // namespace tenon::inline v0::service
