// What every part of a simulated world stands on: its chance, its time, its network, and the book of what went wrong.
#pragma once

#include <tenon/core/asio.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <simulation/agenda.hpp>
#include <simulation/run.hpp>
#include <simulation/weather.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/units.hpp>
#include <tenon/net/loop.hpp>
#include <tenon/net/memory.hpp>

namespace simulated {

using tenon::duration;
using tenon::instant;

class stage {
 public:
  stage(std::uint64_t seed, bool tell) : random{seed}, tell_{tell} { wire.watch(&sky); }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  // --- chance and time

  bool chance(unsigned of_a_hundred) { return random.below(100) < of_a_hundred; }
  instant now() const { return clock.now(); }
  bool in_scene() const { return clock.now() < scene_end; }
  void plan(std::uint64_t in_milliseconds, agenda::deed what) { plans.plan(clock.now() + milliseconds(in_milliseconds), std::move(what)); }
  /// Some moment of the scene that is still to come, in milliseconds from now.
  std::uint64_t moment() { return random.below(static_cast<std::uint64_t>((scene_end - clock.now()).milliseconds())); }
  /// Something was taken from somebody: a call may be lost.
  bool troubled() const { return disturbed || sky.harmed() || sky.refused(); }

  /// A coroutine's sleep, which ends with the coroutine if that goes first.
  class nap {
   public:
    nap(stage& in, duration length) : in_{in}, length_{length} {}
    nap(const nap&) = delete;
    nap& operator=(const nap&) = delete;
    ~nap() { in_.sleepers_.erase(number_); }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) {
      number_ = ++in_.last_sleeper_;
      in_.sleepers_.emplace(number_, self);
      in_.plans.plan(in_.clock.now() + length_, [&in = in_, number = number_] {
        const auto found = in.sleepers_.find(number);
        if (found == in.sleepers_.end()) return;
        const std::coroutine_handle<> handle = found->second;
        in.sleepers_.erase(found);
        handle.resume();
      });
    }
    void await_resume() const noexcept {}

   private:
    stage& in_;
    duration length_;
    std::uint64_t number_ = 0;
  };
  struct sleep {
    stage& in;
    duration length;
    nap operator co_await() const { return nap{in, length}; }
  };

  /// Counts what must all be gone in the end.
  struct living {
    explicit living(stage& where) : in{&where} { ++in->alive_; }
    living(const living& other) : in{other.in} { ++in->alive_; }
    living& operator=(const living&) = delete;
    ~living() { --in->alive_; }
    stage* in;
  };

  // --- the book

  void wrong(std::uint64_t id, const std::string& what) {
    told.violations.push_back("call " + std::to_string(id) + " at " + std::to_string(clock.now().ns / 1'000'000) + " ms: " + what);
    if (tell_) std::printf("  !!! %s\n", told.violations.back().c_str());
  }
  void note_event(std::string_view what, std::uint64_t id) {
    const auto mix = [this](std::uint64_t value) { told.trace = (told.trace ^ value) * 0x100000001B3; };
    mix(static_cast<std::uint64_t>(clock.now().ns));
    mix(id);
    for (const char each : what) mix(static_cast<unsigned char>(each));
    if (tell_) std::printf("%7.1f ms  %4llu  %.*s\n", static_cast<double>(clock.now().ns) / 1e6, static_cast<unsigned long long>(id), static_cast<int>(what.size()), what.data());
  }

  /// Everything that can happen without time passing.
  void settle() {
    io.restart();
    io.poll();
  }

  tenon::random_source random;
  report told;
  tenon::manual_clock clock;
  agenda plans;
  weather sky{plans, clock, random};

 private:
  std::unordered_map<std::uint64_t, std::coroutine_handle<>> sleepers_;
  std::uint64_t last_sleeper_ = 0;
  std::int64_t alive_ = 0;
  bool tell_;
  struct clocked_io : asio::io_context {
    explicit clocked_io(tenon::manual_clock& by) : asio::io_context{1} { tenon::net::loop::of(*this).use(by); }
  };
  clocked_io clocked_{clock};

 public:
  asio::io_context& io = clocked_;
  tenon::net::memory_network wire{clocked_};
  instant scene_end{};
  bool disturbed = false;  // a server was stopped, was late, or died

 protected:
  ~stage() { wire.watch(nullptr); }
  std::int64_t alive() const { return alive_; }
  bool anybody_sleeps() const { return !sleepers_.empty(); }
};

}  // namespace simulated
