// Policies that let calls wait, and one that listens: what the drivers of client, server and decorate are tried with.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/core/waiter.hpp>
#include <tenon/policy/concept.hpp>

namespace simulated {

struct turnstile_options {
  tenon::duration patience = std::chrono::seconds{3600};
};

/// One call at a time; the others queue, each for at most `patience`.
struct turnstile : tenon::policy::base {
  static constexpr std::string_view name = "turnstile";
  using options = turnstile_options;
  static constexpr options defaults{};
  struct state {
    int inside = 0;
    int abandoned = 0;
    tenon::waiter_queue queue;
  };
  struct call_state {
    bool was_held = false;
  };
  template <class Info>
  static tenon::outcome admit(state& s, const options& o, call_state& c, Info& info) noexcept {
    if (s.inside == 0) return ++s.inside, tenon::outcome{};
    if (info.waiter == nullptr) return tenon::refused_here(tenon::code::resource_exhausted);
    c.was_held = true;
    s.queue.append(*info.waiter);
    info.wake_at = info.now + o.patience;
    return tenon::policy::wait;
  }
  // Whoever leaves hands its place over; the count stays.
  template <class Info>
  static tenon::outcome admit_again(state&, const options&, call_state&, Info& info) noexcept {
    if (!info.waiter->queued()) return {};
    info.waiter->leave();
    return tenon::refused_here(tenon::code::resource_exhausted);
  }
  static void abandon(state& s, const options&, call_state&, tenon::call_info& info) noexcept {
    ++s.abandoned;
    if (info.waiter->queued()) info.waiter->leave();
    else hand_over(s);
  }
  static void observe(state& s, const options&, call_state&, tenon::call_info&, tenon::outcome) noexcept { hand_over(s); }
  static void hand_over(state& s) noexcept {
    if (s.queue.empty()) --s.inside;
    else s.queue.first()->wake();
  }
};

struct slow_start_options {
  tenon::duration later = std::chrono::milliseconds{10};
};

/// Every call starts `later`.
struct slow_start : tenon::policy::base {
  static constexpr std::string_view name = "slow_start";
  using options = slow_start_options;
  static constexpr options defaults{};
  struct state {
    int abandoned = 0;
    int observed = 0;
  };
  static tenon::outcome admit(state&, const options& o, tenon::policy::none&, tenon::call_info& info) noexcept {
    info.wake_at = info.now + o.later;
    return tenon::policy::wait;
  }
  static tenon::outcome admit_again(state&, const options&, tenon::policy::none&, tenon::call_info&) noexcept { return {}; }
  static void abandon(state& s, const options&, tenon::policy::none&, tenon::call_info&) noexcept { ++s.abandoned; }
  static void observe(state& s, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept { ++s.observed; }
};

/// Writes down what the others report.
struct listener : tenon::policy::base {
  static constexpr std::string_view name = "listener";
  static constexpr tenon::policy::kind what = tenon::policy::kind::watcher;
  struct options {};
  static constexpr options defaults{};
  struct state {};
  static inline std::vector<std::string> heard;
  static void on_event(state&, const tenon::policy::event& e) noexcept {
    static constexpr std::string_view kinds[] = {"rejected", "changed", "waiting", "resumed", "repeated", "exhausted"};
    heard.push_back(std::string{e.policy} + " " + std::string{kinds[static_cast<int>(e.kind)]} + " " + std::to_string(e.from) + ">" + std::to_string(e.to));
  }
};

}  // namespace simulated
