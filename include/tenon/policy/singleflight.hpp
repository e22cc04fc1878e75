// One call for any number of callers who ask the same at the same time. Policy layer.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <tenon/core/code.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/answer_table.hpp>

namespace tenon::inline v0 {

struct singleflight_options {
  bool share_errors = true;  ///< false: when the one call fails, each of the others makes its own
  bool operator==(const singleflight_options&) const = default;
};

/// Lets the first of several equal calls go, and gives its answer to all.
///
/// Shape   `client<market, singleflight<>>`, behind a cache when there is one, for the methods that are declared `tenon::cacheable`; all others pass. Per loop. On a server it
///         spares handlers that are coroutines: one of them runs, and those who ask the same meanwhile wait for what it gives.
/// Laws    calls are equal as for `tenon::cache`. Each waits no longer than its own deadline, and may be cancelled, without a change for the others; when the one that went
///         leaves so, the next of them goes in its place. One that comes after the answer is a new call.
template <singleflight_options Options = singleflight_options{}>
struct singleflight : policy::base {
 private:
  struct flight {
    waiter_queue followers;
    std::string value;
    outcome ended{};
    bool landed = false;
  };

 public:
  using options = singleflight_options;
  static constexpr std::string_view name = "singleflight";
  static constexpr options defaults = Options;
  static constexpr policy::side stands = policy::side::call;
  static constexpr bool answers = true;
  static constexpr bool measures = false;
  struct state {
    std::unordered_map<std::string, std::shared_ptr<flight>> flights;
    std::string key;  // of the call that is just being looked at
  };
  struct call_state {
    std::shared_ptr<flight> on;
    bool leads = false;
  };

  template <class Info>
  static outcome admit([[maybe_unused]] state& own, const options&, [[maybe_unused]] call_state& call, Info& info) noexcept {
    if constexpr (requires { info.answers; }) {
      if (info.cacheable && info.answers != nullptr && info.waiter != nullptr) {
        policy::detail::make_key(own.key, info);
        std::shared_ptr<flight>& known = own.flights[own.key];
        call.leads = known == nullptr;
        if (call.leads) known = std::make_shared<flight>();
        call.on = known;
        if (call.leads) return {};
        call.on->followers.append(*info.waiter);
        return policy::wait;
      }
    }
    return {};
  }

  template <class Info>
  static outcome admit_again(state&, const options& chosen, call_state& call, [[maybe_unused]] Info& info) noexcept {
    if (info.waiter->queued()) return policy::wait;
    if (!call.on->landed) {
      call.leads = true;
      return {};
    }
    // Its own copy, since the others need theirs too.
    const std::shared_ptr<flight> on = std::move(call.on);
    if (!on->ended.ok()) {
      if (!chosen.share_errors) return {};
      outcome same = on->ended;
      same.producer = 0;
      return same;
    }
    if constexpr (requires { info.answers; }) {
      if (info.answers->give(on->value)) return policy::answered;
    }
    return {};
  }

  template <class Info>
  static void abandon(state& own, const options&, call_state& call, Info& info) noexcept {
    if (info.waiter->queued()) info.waiter->leave();
    else if (call.on != nullptr && !call.on->landed) hand_over(own, call, info);
  }

  template <class Info>
  static void observe([[maybe_unused]] state& own, const options&, call_state& call, [[maybe_unused]] Info& info, [[maybe_unused]] outcome result) noexcept {
    if constexpr (requires { info.answers; }) {
      if (!call.leads) return;
      const std::string_view answer = info.answers->answer();
      const bool left = result.has(outcome::local) && (result.code == code::cancelled || result.code == code::deadline_exceeded);
      // An answer without bytes is none that others could have.
      if (left || (result.ok() && answer.data() == nullptr)) return hand_over(own, call, info);
      const std::shared_ptr<flight> on = std::move(call.on);
      forget(own, info);
      on->landed = true;
      on->ended = result;
      on->value = answer;
      on->followers.wake_all();
    }
  }

 private:
  // The next of those who wait leads, if there is one.
  template <class Info>
  static void hand_over(state& own, call_state& call, Info& info) noexcept {
    const std::shared_ptr<flight> on = std::move(call.on);
    call.leads = false;
    if (on->followers.empty()) forget(own, info);
    else on->followers.first()->wake();
  }
  template <class Info>
  static void forget([[maybe_unused]] state& own, [[maybe_unused]] Info& info) noexcept {
    if constexpr (requires { info.answers; }) {
      policy::detail::make_key(own.key, info);
      own.flights.erase(own.key);
    }
  }
};

}  // namespace tenon::inline v0
