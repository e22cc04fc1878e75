// Policies composed: the fold that a driver runs around each call and each attempt, outermost first. Policy layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tenon/core/metadata.hpp>
#include <tenon/core/status.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/event.hpp>
#include <tenon/policy/identified.hpp>
#include <tenon/policy/order.hpp>

namespace tenon::inline v0::policy {

namespace detail {

// State that all loops of a server have in common. A second holder joins by copying it from the first.
template <class State>
struct in_common {
  std::shared_ptr<State> state = std::make_shared<State>();
};

template <class P>
using kept = std::conditional_t<P::mode == sharing::shared, in_common<typename P::state>, typename P::state>;

template <class P>
concept asked_per_call = requires(typename P::state& state, const typename P::options& options, typename P::call_state& call, call_info& info) { P::admit(state, options, call, info); };

}  // namespace detail

/// Policies in order, outermost first. An empty stack compiles to nothing.
///
/// A driver runs `admit_call`; then per attempt `admit_attempt`, the attempt, `observe_attempt`, `decide`; at the end `observe_call`. Policies before the loop policy see
/// the call, those after it see each attempt; without a loop policy everything sees the call, which is its own only attempt. A loop policy that has `admit` and `observe`
/// itself sees the call as well, innermost of all. A fan-out policy stands in the same place; where it is there for a call (`fans_out`), its `fan_...` come instead of `decide`.
///
/// When an admission answers `wait`, the driver keeps `position_of` it and in the end calls either `resume`, which goes on from there, or `abandon`.
template <any... Policies>
struct stack {
  static constexpr std::size_t size = sizeof...(Policies);
  template <std::size_t I>
  using at = std::tuple_element_t<I, std::tuple<Policies...>>;

 private:
  using order = detail::order<Policies...>;
  static_assert(order::loops <= 1, "tenon: two policies of one client want to repeat the call; keep one retry");
  static_assert(order::fans <= 1, "tenon: two policies of one client want several attempts at a time; keep one hedge");
  static_assert(order::loops > 1 || order::fans > 1 || order::told_apart(),
                "tenon: retry and hedge both repeat the call, and a method can have one of them; give one to the methods that want it: retry<>, on_method<&market::last, hedge<>>");
  static_assert(order::loops > 1 || order::fans > 1 || order::side_by_side(),
                "tenon: something stands between retry and hedge; write one right behind the other, so that what follows sees each attempt of both");
  static_assert(order::none_outside(scope::endpoint, side{0xFF}),
                "tenon: a policy that keeps state per endpoint stands outside retry or hedge; write it after that, so that it sees each attempt");
  static_assert(order::none_outside(scope{0xFF}, side::attempt),
                "tenon: a policy that is about one attempt (timeout with per_try) stands outside retry or hedge; write it after that, so that it sees each attempt");
  static_assert(order::none_inside(side::call),
                "tenon: a policy that answers for the whole call (fallback, cache) stands inside retry or hedge; write it before that, or what it answers is repeated");
  static_assert(order::loops > 1 || order::fans > 1 || order::names_differ(), "tenon: two policies of one name see the same thing; keep one, or tell them apart by policy::tagged<\"a name\", ...>");

 public:
  static constexpr bool has_loop = order::loops == 1;
  static constexpr bool has_fan_out = order::fans == 1;
  static constexpr bool repeats = has_loop || has_fan_out;  // a call may have several attempts
  static constexpr std::size_t loop_position = order::find(kind::loop);
  static constexpr std::size_t fan_position = order::find(kind::fan_out);
  // [0, call_end) see the call, [attempt_begin, size) see each attempt
  static constexpr std::size_t call_end = repeats ? order::first_repeater() + order::repeaters : size;
  static constexpr std::size_t attempt_begin = call_end;
  static constexpr bool can_wait = (waiting_hook<Policies> || ...);
  static constexpr bool watched = (listens<Policies> || ...);
  static constexpr bool measures = ((Policies::measures && Policies::what != kind::watcher) || ...);
  static constexpr bool shares = ((Policies::mode == sharing::shared) || ...);
  static constexpr bool keyed = (Policies::keyed || ...);
  static constexpr bool named = (Policies::named || ...);
  static constexpr bool attaches = (Policies::attaches || ...);
  static constexpr bool identifies = (Policies::identifies || ...);
  static constexpr bool answers = (Policies::answers || ...);
  static constexpr bool replaces = (recovers<Policies> || ...);
  static constexpr bool keeps_request = repeats || can_wait || attaches || answers;  // it may be needed after it was sent

  using config = std::tuple<typename Policies::options...>;
  static constexpr config defaults() { return {Policies::defaults...}; }
  using call_states = std::tuple<typename Policies::call_state...>;
  using client_states = std::tuple<std::conditional_t<Policies::where == scope::client, detail::kept<Policies>, none>...>;
  using endpoint_states = std::tuple<std::conditional_t<Policies::where == scope::endpoint, detail::kept<Policies>, none>...>;
  /// What a driver keeps per call: a `call_info`, and who hears of its events when somebody does.
  using info_type = detail::with_identified<identifies, detail::with_answering<answers, std::conditional_t<watched, watched_call_info, call_info>>>;

  /// One call's way through the stack: references only.
  struct view {
    client_states& client;
    endpoint_states& endpoint;
    const config& options;
    call_states& calls;
    info_type& info;

    template <std::size_t I>
    [[gnu::always_inline]] auto& state() const noexcept {
      if constexpr (at<I>::mode == sharing::shared) return *kept<I>().state;
      else return kept<I>();
    }

   private:
    template <std::size_t I>
    [[gnu::always_inline]] auto& kept() const noexcept {
      if constexpr (at<I>::where == scope::client) return std::get<I>(client);
      else return std::get<I>(endpoint);
    }
  };

  [[gnu::always_inline]] static outcome admit_call(const view& call) noexcept {
    listen(call);
    return admit<0, call_end>(call);
  }
  /// Returns how the call ends: `result`, or OK when a policy gave a value in its place.
  [[gnu::always_inline]] static outcome observe_call(const view& call, outcome result) noexcept { return observe<0, call_end>(call, result); }
  [[gnu::always_inline]] static outcome admit_attempt(const view& call) noexcept {
    // What the last attempt was allowed says nothing of this one.
    if constexpr (repeats) call.info.attempt_deadline = instant::never();
    return admit<attempt_begin, size>(call);
  }
  [[gnu::always_inline]] static void observe_attempt(const view& call, outcome result) noexcept { observe<attempt_begin, size>(call, result); }
  /// Before each attempt is sent: what policies add to its metadata.
  static void attach(const view& call, metadata& into) noexcept { attach_all(call, into, std::make_index_sequence<size>{}); }
  /// The peer did not accept what was attached: true when one more attempt has something new to show.
  static bool renew(const view& call) noexcept { return renew_any(call, std::make_index_sequence<size>{}); }
  [[gnu::always_inline]] static decision decide(const view& call, outcome result) noexcept {
    if constexpr (has_loop) {
      constexpr std::size_t l = loop_position;
      return at<l>::decide(call.template state<l>(), std::get<l>(call.options), std::get<l>(call.calls), call.info, result);
    } else {
      return {};
    }
  }

  /// What the policies that see the call have noted, for one more attempt of it; those that see attempts begin anew.
  static void copy_of_call(call_states& into, const call_states& from) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { ((std::get<I>(into) = std::get<I>(from)), ...); }(std::make_index_sequence<call_end>{});
  }
  /// Whether this call may have several attempts at a time. Where a method has both a loop policy and this, the one that it was given for itself counts.
  static bool fans_out(const view& call) noexcept {
    if constexpr (!has_fan_out) {
      return false;
    } else {
      if constexpr (has_loop) {
        if constexpr (at<loop_position>::for_some_methods && !at<fan_position>::for_some_methods) {
          if (std::get<loop_position>(call.options).enabled) return false;
        }
      }
      return at<fan_position>::fans_out(std::get<fan_position>(call.options), call.info);
    }
  }
  static fan_step fan_start(const view& call) noexcept {
    constexpr std::size_t f = fan_position;
    retry_budget* shared = nullptr;
    if constexpr (has_loop) {
      if constexpr (std::is_same_v<typename at<loop_position>::state, retry_budget>) shared = &call.template state<loop_position>();
    }
    return at<f>::on_start(call.template state<f>(), std::get<f>(call.options), std::get<f>(call.calls), call.info, shared);
  }
  static fan_step fan_time(const view& call) noexcept {
    constexpr std::size_t f = fan_position;
    return at<f>::on_time(call.template state<f>(), std::get<f>(call.options), std::get<f>(call.calls), call.info);
  }
  static fan_step fan_result(const view& call, outcome result, bool paid) noexcept {
    constexpr std::size_t f = fan_position;
    return at<f>::on_result(call.template state<f>(), std::get<f>(call.options), std::get<f>(call.calls), call.info, result, paid);
  }

  /// Lets the policy at `I` make a value of the type that a call returns; nothing for void.
  template <std::size_t I, class Response, class... Into>
  static status recover(const view& call, const status& why, Into&... into) {
    return at<I>::template recover<Response>(call.template state<I>(), std::get<I>(call.options), call.info, why, into...);
  }

  /// Which policy answered `wait`, or refused.
  static constexpr std::size_t position_of(outcome result) noexcept { return result.producer - std::size_t{1}; }
  static constexpr bool is_about_attempt(std::size_t position) noexcept { return position >= attempt_begin; }
  /// Asks the policy that let the call wait again, then those further in. May answer `wait` once more.
  [[gnu::cold, gnu::noinline]] static outcome resume(const view& call, std::size_t position) noexcept {
    if constexpr (!can_wait) return {};
    else return is_about_attempt(position) ? resume<attempt_begin, size>(call, position) : resume<0, call_end>(call, position);
  }
  /// The wait ends without an admission: the policy gives back what it has, and those before it learn how it ended. Returns as `observe_call` does.
  [[gnu::cold, gnu::noinline]] static outcome abandon(const view& call, std::size_t position, outcome result) noexcept {
    if constexpr (!can_wait) return result;
    else return is_about_attempt(position) ? abandon<attempt_begin, size>(call, position, result) : abandon<0, call_end>(call, position, result);
  }

  /// Makes `into` use the shared state of `from`, where there is any; before the first call.
  static void join(client_states& into, const client_states& from) { join_all(into, from, std::make_index_sequence<size>{}); }

  /// The name of the policy at this position.
  static constexpr std::string_view name_of(std::size_t position) noexcept {
    return producer(outcome{.producer = static_cast<std::uint16_t>(position + 1)});
  }
  /// The name of the policy that made `result`; empty when none of these did.
  static constexpr std::string_view producer(outcome result) noexcept {
    std::string_view name;
    std::uint16_t position = 0;
    ((++position == result.producer ? void(name = Policies::name) : void()), ...);
    return name;
  }

 private:
  // A loop policy need not be about the call as well.
  template <std::size_t I>
  static constexpr bool is_asked = at<I>::what == kind::hook || (at<I>::what != kind::watcher && detail::asked_per_call<at<I>>);

  template <std::size_t I>
  [[gnu::always_inline]] static outcome admit_one(const view& call) noexcept {
    using policy_type = at<I>;
    auto& state = call.template state<I>();
    const auto& options = std::get<I>(call.options);
    auto& own = std::get<I>(call.calls);
    if constexpr (!is_asked<I>) return {};
    else if constexpr (I >= attempt_begin && requires { policy_type::admit_attempt(state, options, own, call.info); }) return policy_type::admit_attempt(state, options, own, call.info);
    else return policy_type::admit(state, options, own, call.info);
  }

  template <std::size_t Begin, std::size_t End>
  [[gnu::always_inline]] static outcome admit(const view& call) noexcept {
    if constexpr (Begin == End) {
      return {};
    } else {
      outcome result = admit_one<Begin>(call);
      if (!result.ok()) [[unlikely]] return not_admitted<Begin>(call, result);
      result = admit<Begin + 1, End>(call);
      if (!result.ok()) [[unlikely]] return refused_within<Begin>(call, result);
      return result;
    }
  }

  template <std::size_t I>
  [[gnu::always_inline]] static outcome not_admitted(const view& call, outcome result) noexcept {
    if (result.producer == 0) result.producer = static_cast<std::uint16_t>(I + 1);
    if constexpr (answers) {
      if (is_answered(result)) return result;
    }
    if constexpr (watched) {
      const bool waiting = waiting_hook<at<I>> && waits(result);
      report(call.info, {.kind = waiting ? event_kind::waiting : event_kind::rejected, .policy = at<I>::name, .value = static_cast<std::int64_t>(result.code)});
    }
    return result;
  }

  // Refused, or answered, further in: this one was admitted, so it learns how it ended; unless the call only waits there.
  template <std::size_t I>
  [[gnu::always_inline]] static outcome refused_within(const view& call, outcome result) noexcept {
    if constexpr (can_wait) {
      if (waits(result)) return result;
    }
    if constexpr (answers) {
      const outcome ended = ended_at<I>(call, is_answered(result) ? outcome{} : result);
      return ended.ok() ? answered : result;
    } else {
      observe_one<I>(call, result);
      return result;
    }
  }

  template <std::size_t Begin, std::size_t End>
  [[gnu::always_inline]] static outcome observe(const view& call, outcome result) noexcept {
    if constexpr (Begin != End) return observe<Begin, End - 1>(call, ended_at<End - 1>(call, result));
    else return result;
  }

  // A policy that replaces failures does so before it, and those before it, learn how the call ended.
  template <std::size_t I>
  [[gnu::always_inline]] static outcome ended_at(const view& call, outcome result) noexcept {
    if constexpr (recovers<at<I>>) {
      if (!result.ok() && at<I>::replaces(std::get<I>(call.options), result) && call.info.answers != nullptr && call.info.answers->recover(I, result)) {
        report(call.info, {.kind = event_kind::answered, .policy = at<I>::name, .value = static_cast<std::int64_t>(result.code)});
        result = {};
      }
    }
    observe_one<I>(call, result);
    return result;
  }

  template <std::size_t I>
  [[gnu::always_inline]] static void observe_one(const view& call, outcome result) noexcept {
    if constexpr (is_asked<I>) at<I>::observe(call.template state<I>(), std::get<I>(call.options), std::get<I>(call.calls), call.info, result);
  }

  template <std::size_t I, std::size_t End>
  static outcome resume(const view& call, std::size_t position) noexcept {
    if constexpr (I == End) {
      return {};
    } else if (position == I) {
      if constexpr (waiting_hook<at<I>>) {
        call.info.wake_at = instant::never();
        outcome result = at<I>::admit_again(call.template state<I>(), std::get<I>(call.options), std::get<I>(call.calls), call.info);
        if (!result.ok()) return not_admitted<I>(call, result);
        report(call.info, {.kind = event_kind::resumed, .policy = at<I>::name});
        result = admit<I + 1, End>(call);
        return result.ok() ? result : refused_within<I>(call, result);
      } else {
        return {};
      }
    } else {
      const outcome result = resume<I + 1, End>(call, position);
      return result.ok() ? result : refused_within<I>(call, result);
    }
  }

  template <std::size_t I, std::size_t End>
  static outcome abandon(const view& call, std::size_t position, outcome result) noexcept {
    if constexpr (I != End) {
      if (position != I) return ended_at<I>(call, abandon<I + 1, End>(call, position, result));
      if constexpr (waiting_hook<at<I>>) at<I>::abandon(call.template state<I>(), std::get<I>(call.options), std::get<I>(call.calls), call.info);
    }
    return result;
  }

  template <std::size_t... I>
  static void attach_all([[maybe_unused]] const view& call, [[maybe_unused]] metadata& into, std::index_sequence<I...>) noexcept {
    (attach_one<I>(call, into), ...);
  }
  template <std::size_t I>
  static void attach_one([[maybe_unused]] const view& call, [[maybe_unused]] metadata& into) noexcept {
    if constexpr (at<I>::attaches) at<I>::attach(call.template state<I>(), std::get<I>(call.options), std::get<I>(call.calls), call.info, into);
  }
  template <std::size_t... I>
  static bool renew_any([[maybe_unused]] const view& call, std::index_sequence<I...>) noexcept {
    return (renew_one<I>(call) || ...);
  }
  template <std::size_t I>
  static bool renew_one([[maybe_unused]] const view& call) noexcept {
    if constexpr (at<I>::attaches) return at<I>::renew(call.template state<I>(), std::get<I>(call.options), std::get<I>(call.calls), call.info);
    else return false;
  }

  [[gnu::always_inline]] static void listen([[maybe_unused]] const view& call) noexcept {
    if constexpr (watched) {
      call.info.watchers = &call.client;
      call.info.tell = [](void* states, const event& what) noexcept { tell_all(*static_cast<client_states*>(states), what, std::make_index_sequence<size>{}); };
    }
  }
  template <std::size_t... I>
  [[gnu::cold]] static void tell_all(client_states& states, const event& what, std::index_sequence<I...>) noexcept {
    (tell_one<I>(states, what), ...);
  }
  template <std::size_t I>
  static void tell_one(client_states& states, const event& what) noexcept {
    if constexpr (listens<at<I>>) {
      static_assert(at<I>::where == scope::client, "tenon: a policy that hears events keeps state per endpoint; events are of the whole client");
      if constexpr (at<I>::mode == sharing::shared) at<I>::on_event(*std::get<I>(states).state, what);
      else at<I>::on_event(std::get<I>(states), what);
    }
  }

  template <std::size_t... I>
  static void join_all([[maybe_unused]] client_states& into, [[maybe_unused]] const client_states& from, std::index_sequence<I...>) {
    (join_one<I>(std::get<I>(into), std::get<I>(from)), ...);
  }
  template <std::size_t I, class State>
  static void join_one([[maybe_unused]] State& into, [[maybe_unused]] const State& from) {
    if constexpr (at<I>::mode == sharing::shared && at<I>::where == scope::client) into = from;
  }
};

}  // namespace tenon::inline v0::policy
