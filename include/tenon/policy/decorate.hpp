// Policies around any function, without any wire: a database call, another library's client. Policy layer.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include <tenon/core/clock.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/guarded.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/status.hpp>
#include <tenon/core/text.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/configuration.hpp>
#include <tenon/policy/select.hpp>
#include <tenon/policy/stack.hpp>

namespace tenon::inline v0 {

/// The machine's clock, and a thread that sleeps.
struct thread_time {
  instant now() const noexcept { return steady_clock{}.now(); }
  void sleep(duration length) const { std::this_thread::sleep_for(std::chrono::nanoseconds{length.ns}); }
};

/// A clock that is turned by hand: sleeping turns it.
struct manual_time {
  manual_clock& source;
  instant now() const noexcept { return source.now(); }
  void sleep(duration length) const { source.advance(length); }
};

/// Where a decorated function's time comes from.
template <class T>
concept time_source = requires(T& source, duration length) {
  { source.now() } noexcept -> std::same_as<instant>;
  source.sleep(length);
};

struct decorate_options {
  bool idempotent = true;   ///< whoever writes `decorate<retry<>>` around a function says that it may run twice; false to be asked for proof that it did not run
  std::uint64_t seed = 0;   ///< of the jitter; 0: another one each time
};

namespace detail {

template <class Returned>
struct decorated_return {
  using type = result<Returned>;
};
template <class T>
struct decorated_return<result<T>> {
  using type = result<T>;
};
template <>
struct decorated_return<status> {
  using type = status;
};

template <class T>
[[gnu::always_inline]] inline outcome outcome_of(const result<T>& given) noexcept {
  return given.has_value() ? outcome{} : given.error().outcome();
}
[[gnu::always_inline]] inline outcome outcome_of(const status& given) noexcept { return given.outcome(); }

}  // namespace detail

/// A function with policies around it. Belongs to one thread; does not move.
template <class Stack, class Function, time_source Time>
class decorated {
 public:
  decorated(Function function, Time time, decorate_options options)
      : function_{std::move(function)}, time_{std::move(time)}, idempotent_{options.idempotent},
        random_{options.seed != 0 ? options.seed : static_cast<std::uint64_t>(steady_clock{}.now().ns) ^ reinterpret_cast<std::uintptr_t>(this)} {}
  decorated(const decorated&) = delete;
  decorated& operator=(const decorated&) = delete;

  template <class... Arguments>
  using returned = typename detail::decorated_return<std::remove_cvref_t<std::invoke_result_t<Function&, Arguments...>>>::type;

  /// Calls the function as often as the policies say. Where it may be called again its arguments stay as they are: it gets them as lvalues.
  ///
  /// Returns a `result` of what the function returns; a result or status as it is. What the function throws becomes `unknown`.
  template <class... Arguments>
    requires(!Stack::has_loop && std::invocable<Function&, Arguments...>)
  [[gnu::always_inline]] returned<Arguments...> operator()(Arguments&&... arguments) {
    return run<returned<Arguments...>>([&]() -> returned<Arguments...> { return attempt<Arguments...>(std::forward<Arguments>(arguments)...); });
  }
  template <class... Arguments>
    requires(Stack::has_loop && std::invocable<Function&, Arguments&...>)
  [[gnu::always_inline]] returned<Arguments&...> operator()(Arguments&&... arguments) {
    return run<returned<Arguments&...>>([&]() -> returned<Arguments&...> { return attempt<Arguments&...>(arguments...); });
  }

  /// Other options than those in the policies' types, from the next call on; from any thread. False when no policy takes them.
  template <class Options>
  bool configure(const Options& options) {
    return configuration_.set(options);
  }

 private:
  template <class... Arguments>
  [[gnu::always_inline]] returned<Arguments...> attempt(Arguments&&... arguments) {
    const auto call = [&]() -> returned<Arguments...> {
      if constexpr (std::is_void_v<std::invoke_result_t<Function&, Arguments...>>) {
        function_(std::forward<Arguments>(arguments)...);
        return {};
      } else {
        return function_(std::forward<Arguments>(arguments)...);
      }
    };
    if constexpr (std::is_nothrow_invocable_v<Function&, Arguments...>) return call();
    else return detail::guarded("exception", call);
  }

  template <class Returned, class Attempt>
  [[gnu::always_inline]] Returned run(Attempt&& attempt) {
    detail::begun<typename Stack::info_type> info;
    if constexpr (Stack::answers) {
      port<Returned> place{*this, info};
      info.answers = &place;
      Returned given = run_with<Returned>(info, attempt);
      return place.value ? std::move(*place.value) : std::move(given);
    } else {
      return run_with<Returned>(info, attempt);
    }
  }
  template <class Returned, class Attempt>
  [[gnu::always_inline]] Returned run_with(typename Stack::info_type& info, Attempt& attempt) {
    info.now = time_.now();
    info.random = &random_;
    info.idempotent = idempotent_;
    info.sent = true;
    // As long as nobody has configured anything the options are constants, and what they switch off is no code at all.
    if (const typename Stack::config& chosen = configuration_.of(0); std::is_empty_v<typename Stack::config> || &chosen == &usual) [[likely]] return run_by<Returned>(usual, info, attempt);
    else return run_as_configured<Returned>(chosen, info, attempt);
  }
  template <class Returned, class Attempt>
  [[gnu::cold, gnu::noinline]] Returned run_as_configured(const typename Stack::config& chosen, typename Stack::info_type& info, Attempt& attempt) {
    return run_by<Returned>(chosen, info, attempt);
  }
  template <class Returned, class Attempt>
  [[gnu::always_inline]] Returned run_by(const typename Stack::config& chosen, typename Stack::info_type& info, Attempt& attempt) {
    typename Stack::call_states calls{};
    const typename Stack::view call{client_, endpoint_, chosen, calls, info};
    outcome admitted = Stack::admit_call(call);
    if (!admitted.ok()) [[unlikely]] {
      if (Stack::can_wait) admitted = wait_out(call, admitted);
      if (!admitted.ok()) return refusal(admitted);
    }
    return admitted_run<Returned>(call, attempt);
  }

  // Where a policy puts the value it has instead of a failure.
  template <class Returned>
  struct port final : policy::answering {
    port(decorated& of, typename Stack::info_type& with) noexcept : owner{of}, info{with} {}
    // There are no bytes.
    void append_key(std::string&) const override {}
    std::string_view answer() const noexcept override { return {}; }
    bool give(std::string_view) noexcept override { return false; }
    bool recover(std::size_t position, outcome why) noexcept override {
      status made{why};
      (void)detail::guarded("fallback", [&] {
        recover_at(position, status{why, "the function failed"}, made, std::make_index_sequence<Stack::size>{});
        return status{};
      });
      return made.ok() && value.has_value();
    }
    template <std::size_t... I>
    void recover_at(std::size_t position, const status& why, status& made, std::index_sequence<I...>) {
      ((position == I ? recover_by<I>(why, made) : void()), ...);
    }
    template <std::size_t I>
    void recover_by(const status& why, status& made) {
      if constexpr (policy::recovers<typename Stack::template at<I>>) {
        typename Stack::call_states none{};
        const typename Stack::view call{owner.client_, owner.endpoint_, owner.configuration_.of(0), none, info};
        if constexpr (std::is_same_v<Returned, status> || std::is_same_v<Returned, result<void>>) {
          made = Stack::template recover<I, void>(call, why);
          if (made.ok()) value.emplace();
        } else {
          std::remove_cvref_t<decltype(*std::declval<Returned&>())> into{};
          made = Stack::template recover<I, decltype(into)>(call, why, into);
          if (made.ok()) value.emplace(std::move(into));
        }
      }
    }
    decorated& owner;
    typename Stack::info_type& info;
    std::optional<Returned> value;
  };

  // Each of these gives back one variable only, so that it is made where the caller wants it.
  template <class Returned, class Attempt>
    requires(!Stack::has_loop)
  [[gnu::always_inline]] Returned admitted_run(const typename Stack::view& call, Attempt& attempt) {
    call.info.attempt_start = call.info.now;
    Returned given = attempt();
    if constexpr (Stack::measures) call.info.now = time_.now();
    Stack::observe_call(call, detail::outcome_of(given));
    return given;
  }
  template <class Returned, class Attempt>
    requires(Stack::has_loop)
  [[gnu::always_inline]] Returned admitted_run(const typename Stack::view& call, Attempt& attempt) {
    call.info.attempt_start = call.info.now;
    outcome admitted = Stack::admit_attempt(call);
    if (Stack::can_wait && !admitted.ok()) [[unlikely]] admitted = wait_out(call, admitted);
    Returned given = admitted.ok() ? attempt() : Returned{refusal(admitted)};
    call.info.now = time_.now();
    // Told apart first, so that the policies' part in a success is compiled for success alone.
    if (detail::outcome_of(given).ok()) [[likely]] {
      Stack::observe_attempt(call, {});
      const policy::decision then = Stack::decide(call, {});
      if (then.again) [[unlikely]] repeat(call, attempt, given, then);
      else Stack::observe_call(call, {});
    } else {
      repeat(call, attempt, given, attempt_ended(call, admitted, given));
    }
    return given;
  }

  // The view comes by value where a call is rare, so that on the usual path it is nothing but the registers that its parts are in.
  // Nobody else can end what this thread waits for: only a wait whose end is known is waited out.
  [[gnu::cold, gnu::noinline]] outcome wait_out(typename Stack::view call, outcome admitted) {
    while (policy::waits(admitted)) {
      const std::size_t position = Stack::position_of(admitted);
      if (call.info.wake_at >= call.info.deadline || call.info.wake_at == instant::never()) {
        admitted = refused_here(call.info.wake_at == instant::never() ? code::resource_exhausted : code::deadline_exceeded);
        admitted.producer = static_cast<std::uint16_t>(position + 1);
        Stack::abandon(call, position, admitted);
        return admitted;
      }
      if (call.info.wake_at > call.info.now) time_.sleep(call.info.wake_at - call.info.now);
      call.info.now = time_.now();
      admitted = Stack::resume(call, position);
    }
    return admitted;
  }

  template <class Returned>
  [[gnu::cold, gnu::noinline]] policy::decision attempt_ended(typename Stack::view call, outcome admitted, const Returned& given) {
    call.info.now = time_.now();
    const outcome ended = detail::outcome_of(given);
    if (admitted.ok()) Stack::observe_attempt(call, ended);
    return Stack::decide(call, ended);
  }
  // The attempts after the first, if there are any, and the end.
  template <class Returned, class Attempt>
  [[gnu::cold, gnu::noinline]] void repeat(typename Stack::view call, Attempt& attempt, Returned& given, policy::decision then) {
    call_info& info = call.info;
    while (then.again && info.now + then.delay < info.deadline) {
      if (then.delay > duration{}) time_.sleep(then.delay);
      info.now = info.attempt_start = time_.now();
      ++info.attempt;
      outcome admitted = Stack::admit_attempt(call);
      if (Stack::can_wait && !admitted.ok()) admitted = wait_out(call, admitted);
      // In its place, since not everything that can be returned can be assigned.
      given.~Returned();
      if (admitted.ok()) ::new (static_cast<void*>(&given)) Returned(attempt());
      else ::new (static_cast<void*>(&given)) Returned(refusal(admitted));
      then = attempt_ended(call, admitted, given);
    }
    Stack::observe_call(call, detail::outcome_of(given));
  }

  [[gnu::cold, gnu::noinline]] static status refusal(outcome refused) noexcept {
    const std::string_view by = Stack::producer(refused);
    return status{refused, detail::join_text({refused.code == code::deadline_exceeded ? "the time was up" : "refused", " before the function ran (", by, ")"})};
  }

  static constexpr typename Stack::config usual = Stack::defaults();

  Function function_;
  Time time_;
  bool idempotent_;
  random_source random_;
  policy::configuration<Stack> configuration_{1, &usual};
  typename Stack::client_states client_{};
  typename Stack::endpoint_states endpoint_{};
};

/// Puts policies, outermost first, around a function: `auto guarded = tenon::decorate<tenon::retry<>, tenon::breaker<>>([](int id) -> tenon::result<row> { ... });`
///
/// Shape   the call blocks: a delay before another attempt, or in a queue, is slept by `time`, which in tests is `manual_time{clock}`. A timeout cannot interrupt the function:
///         it keeps an attempt from starting too late, and is told to nobody.
template <policy::any... Policies, class Function, time_source Time = thread_time>
auto decorate(Function function, Time time = {}, decorate_options options = {}) {
  static_assert(!policy::stack<Policies...>::has_fan_out, "tenon::decorate: hedge needs two attempts at a time, and the function blocks the thread it runs on; write retry, or call a service that is hedged");
  return decorated<policy::stack<Policies...>, Function, Time>{std::move(function), std::move(time), options};
}

}  // namespace tenon::inline v0
