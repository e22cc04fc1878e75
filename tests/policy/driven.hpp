// A stack of policies driven by hand: calls begin, overlap and end at the instants a test says. No sockets, no clock but the test's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <tenon/core/clock.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/units.hpp>
#include <tenon/core/waiter.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/event.hpp>
#include <tenon/policy/stack.hpp>

namespace driven {

/// Hears every event, in order.
struct recorder : tenon::policy::base {
  static constexpr std::string_view name = "recorder";
  static constexpr tenon::policy::kind what = tenon::policy::kind::watcher;
  struct options {};
  static constexpr options defaults{};
  struct state {
    std::vector<tenon::policy::event> events;
  };
  static void on_event(state& s, const tenon::policy::event& heard) noexcept { s.events.push_back(heard); }
};

/// One client with these policies, outermost first, and without a loop policy.
template <class... Policies>
class client {
 public:
  using stack = tenon::policy::stack<recorder, Policies...>;
  template <std::size_t I>
  using policy = std::tuple_element_t<I, std::tuple<Policies...>>;

  /// One call. Ends by itself as cancelled, like a caller that goes away.
  class call {
   public:
    explicit call(client& of) : waits_{*this}, of_{of} {}
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    ~call() {
      if (running()) end({.code = tenon::code::cancelled, .flags = tenon::outcome::local});
    }

    bool admitted() const { return result_.ok() && !ended_; }
    bool waiting() const { return tenon::policy::waits(result_) && !ended_; }
    bool running() const { return admitted() || waiting(); }
    bool woken() const { return woken_; }
    tenon::outcome result() const { return result_; }
    bool refused_by(std::size_t position) const { return !result_.ok() && result_.producer == position + 2; }
    typename stack::info_type& info() { return info_; }
    template <std::size_t I>
    auto& state() {
      return std::get<I + 1>(states_);
    }

    void begin() {
      info_.now = info_.attempt_start = of_.clock.now();
      info_.random = &of_.random;
      info_.waiter = &waits_;
      result_ = stack::admit_call(view());
    }
    /// What the driver does at `wake_at`, or when the waiter was woken.
    void go_on() {
      woken_ = false;
      info_.now = info_.attempt_start = of_.clock.now();
      const std::size_t position = stack::position_of(result_);
      result_ = stack::resume(view(), position);
    }
    void end(tenon::outcome how) {
      info_.now = of_.clock.now();
      ended_ = true;
      if (tenon::policy::waits(result_)) stack::abandon(view(), stack::position_of(result_), how);
      else stack::observe_call(view(), how);
    }
    void end(tenon::code how = tenon::code::ok) { end(tenon::outcome{.code = how}); }

   private:
    struct sleeper : tenon::waiter {
      explicit sleeper(call& of) : tenon::waiter{[](tenon::waiter& self) noexcept { static_cast<sleeper&>(self).owner.woken_ = true; }}, owner{of} {}
      call& owner;
    };
    typename stack::view view() { return {of_.client_, of_.endpoint_, of_.config_, states_, info_}; }

    sleeper waits_;
    client& of_;
    typename stack::info_type info_{};
    typename stack::call_states states_{};
    tenon::outcome result_{};
    bool ended_ = false;
    bool woken_ = false;
  };

  client() = default;
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  std::unique_ptr<call> begin(tenon::call_info facts = {}) {
    auto made = std::make_unique<call>(*this);
    static_cast<tenon::call_info&>(made->info()) = facts;
    made->begin();
    return made;
  }
  /// Begins, takes `time`, and ends with `answer` when it was admitted. Returns how it ended.
  tenon::outcome call_with(tenon::outcome answer, tenon::duration time = {}) {
    const auto made = begin();
    if (!made->admitted()) return made->result();
    clock.advance(time);
    made->end(answer);
    return answer;
  }
  tenon::outcome call_with(tenon::code answer, tenon::duration time = {}) { return call_with(tenon::outcome{.code = answer}, time); }
  bool passes(tenon::code answer = tenon::code::ok) { return !call_with(answer).has(tenon::outcome::local); }

  template <std::size_t I>
  auto& state() {
    typename stack::call_states none{};
    typename stack::info_type info{};
    const typename stack::view all{client_, endpoint_, config_, none, info};
    return all.template state<I + 1>();
  }
  template <std::size_t I>
  auto& options() {
    return std::get<I + 1>(config_);
  }
  std::vector<tenon::policy::event>& events() { return std::get<0>(client_).events; }
  /// How many of the events are of this kind.
  std::size_t heard(tenon::policy::event_kind kind) {
    std::size_t count = 0;
    for (const auto& each : events()) count += each.kind == kind ? 1U : 0U;
    return count;
  }

  tenon::manual_clock clock{tenon::instant{1'000'000'000'000}};
  tenon::random_source random{1};

 private:
  typename stack::client_states client_{};
  typename stack::endpoint_states endpoint_{};
  typename stack::config config_ = stack::defaults();
};

}  // namespace driven
