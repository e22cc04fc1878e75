// The timers of one connection and of its calls; what they say to whom, not what follows from it. Server layer.
#pragma once

#include <tenon/core/units.hpp>
#include <tenon/net/timer_wheel.hpp>
#include <tenon/server/options.hpp>
#include <tenon/server/ration.hpp>
#include <tenon/service/exchange.hpp>

namespace tenon::inline v0::detail {

// When a refused peer is to be read or closed, of which there are so many at a time.
template <class Owner>
class turn_watch final : public turn {
 public:
  explicit turn_watch(Owner& owner) : owner_{owner} {}

 private:
  [[gnu::cold]] void comes() override { owner_.turn_comes(); }
  Owner& owner_;
};

// How long the first byte, an unfinished message, or a peer that was refused, is waited for.
template <class Owner>
class patience final : public net::timer {
 public:
  explicit patience(Owner& owner) : owner_{owner} {}
  [[gnu::cold]] void expired() override { owner_.patience_ends(); }

 private:
  Owner& owner_;
};

// Looks every quarter of a limit whether something has happened, which says so by `looks = 0`: cheaper than a timer that is armed anew each time. At the
// fifth look in vain nothing has for the whole limit.
template <class Owner>
class quiet_watch final : public net::timer {
 public:
  quiet_watch(Owner& owner, duration server_options::* limit) : owner_{owner}, limit_{limit} {}
  duration whole(const server_options& chosen) const noexcept { return chosen.*limit_; }
  [[gnu::cold]] void expired() override { owner_.look(*this); }

  unsigned looks = 0;

 private:
  Owner& owner_;
  duration server_options::* limit_;
};

// When the peer is to be asked for a sign of life, or has owed one for too long.
template <class Owner>
class life_watch final : public net::timer {
 public:
  explicit life_watch(Owner& owner) : owner_{owner} {}
  [[gnu::cold]] void expired() override { owner_.look_for_life(); }

  instant asked_at = instant::never();  ///< never: it owes nothing

 private:
  Owner& owner_;
};

// The deadline of one call that is under way; and the caller's own, which is later where a policy of the server allows less.
template <class Owner>
class deadline_watch final : public service::pending::attachment, public net::timer {
 public:
  deadline_watch(Owner& owner, service::pending& call, instant callers) : owner_{owner}, watched_{call}, callers_{callers} {}
  void expired() override { owner_.expire(watched_, callers_); }
  instant callers() const noexcept { return callers_; }

 private:
  Owner& owner_;
  service::pending& watched_;
  instant callers_;
};

// When a call that waits wants to be asked again.
class waiting_alarm final : public service::pending::attachment, public net::timer {
 public:
  explicit waiting_alarm(service::pending& call) : waiting_{call} {}
  void expired() override { waiting_.woken(); }

 private:
  service::pending& waiting_;
};

}  // namespace tenon::inline v0::detail
