// Gives an answer again for a while, to the same question of the same caller. Policy layer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/answering.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/answer_table.hpp>
#include <tenon/policy/event.hpp>

namespace tenon::inline v0 {

/// Units   `max_bytes` counts questions and answers as they are on the wire; both bounds are for all methods of one client together.
struct cache_options {
  duration ttl = std::chrono::seconds{1};  ///< how long an answer is good; 0: nothing is kept
  duration stale{};                        ///< for so long after that it is still given, while one call fetches a new one
  std::int32_t max_entries = 1024;
  std::int64_t max_bytes = 16 * 1024 * 1024;
  bool operator==(const cache_options&) const = default;
};

/// Answers from memory.
///
/// Shape   `client<market, cache<cache_options{.ttl = 100_ms}>>` for the methods that are declared `tenon::cacheable`, `(last, tenon::cacheable)`; all others pass.
///         Stands before retry, and before what is to be spared: a hit takes no token of a limiter. On a server, `server.serve<cache<>>(market{})`, a hit spares the handler;
///         it stands behind `auth` there, so that only those get an answer who may ask.
/// Laws    a question is the same when its method, its encoded arguments, its metadata and its principal are; on a server the metadata count where the handler takes a
///         `tenon::context`, those that the transport sets among them. Failures are never kept, nor answers that have metadata of their own. Of entries beyond a bound those
///         go first that have not been used again. Each loop has its own.
template <cache_options Options = cache_options{}>
struct cache : policy::base {
  static_assert(Options.ttl >= duration{} && Options.stale >= duration{}, "tenon::cache: ttl or stale is below zero");
  static_assert(Options.max_entries >= 1 && Options.max_bytes >= 1, "tenon::cache: max_entries and max_bytes are at least one; for no cache at all write ttl 0");

  using options = cache_options;
  static constexpr std::string_view name = "cache";
  static constexpr options defaults = Options;
  static constexpr policy::side stands = policy::side::call;
  static constexpr bool answers = true;
  struct state {
    policy::detail::answer_table table;
    std::string key;  // of the call that is just being looked at
  };
  struct call_state {
    bool missed = false;     // its answer is to be kept
    bool refreshes = false;  // others get the old one meanwhile
  };

  template <class Info>
  static outcome admit([[maybe_unused]] state& own, [[maybe_unused]] const options& chosen, [[maybe_unused]] call_state& call, [[maybe_unused]] Info& info) noexcept {
    if constexpr (requires { info.answers; }) {
      if (info.cacheable && info.answers != nullptr && chosen.ttl > duration{}) return look(own, chosen, call, info);
    }
    return {};
  }

  template <class Info>
  static void observe([[maybe_unused]] state& own, [[maybe_unused]] const options& chosen, [[maybe_unused]] call_state& call, [[maybe_unused]] Info& info,
                      [[maybe_unused]] outcome result) noexcept {
    if constexpr (requires { info.answers; }) {
      if (call.missed) keep(own, chosen, call, info, result);
    }
  }

 private:
  template <class Info>
  static outcome look(state& own, const options& chosen, call_state& call, Info& info) noexcept {
    policy::detail::make_key(own.key, info);
    if (policy::detail::answer_table::entry* known = own.table.find(own.key); known != nullptr) {
      const duration age = info.now - known->stored;
      const bool fresh = age < chosen.ttl;
      const bool usable = fresh || (age < chosen.ttl + chosen.stale && known->refreshing);
      if (usable && info.answers->give(known->value)) {
        known->used = true;
        policy::report(info, {.kind = policy::event_kind::answered, .policy = name});
        return policy::answered;
      }
      if (!fresh && !known->refreshing) known->refreshing = call.refreshes = true;
    }
    call.missed = true;
    return {};
  }

  template <class Info>
  static void keep(state& own, const options& chosen, const call_state& call, Info& info, outcome result) noexcept {
    const std::string_view answer = info.answers->answer();
    const bool keeps = result.ok() && answer.data() != nullptr;
    if (!keeps && !call.refreshes) return;
    policy::detail::make_key(own.key, info);
    if (keeps) return own.table.store(own.key, answer, info.now, static_cast<std::size_t>(chosen.max_entries), static_cast<std::size_t>(chosen.max_bytes));
    // The next one tries.
    if (policy::detail::answer_table::entry* known = own.table.find(own.key); known != nullptr) known->refreshing = false;
  }
};

}  // namespace tenon::inline v0
