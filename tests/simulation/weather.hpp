// The wire of a simulated network: when bytes arrive, in which pieces, and where a connection ends in the middle of them. Everything from one source of chance.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/error.hpp>

#include <simulation/agenda.hpp>
#include <tenon/core/clock.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/units.hpp>
#include <tenon/net/memory.hpp>

namespace simulated {

constexpr tenon::duration milliseconds(std::uint64_t count) { return tenon::duration{static_cast<std::int64_t>(count) * 1'000'000}; }

/// How bad it may get.
struct climate {
  std::uint64_t longest_delay = 20;  ///< in milliseconds, of each piece
  unsigned pieces = 50;              ///< of 100 deliveries, how many carry only a part of what is under way
  unsigned narrow = 30;              ///< of 100 connections, how many take only a few bytes from a writer before they have been read
  unsigned cut = 0;                  ///< of 100 connections, how many are reset at some byte
  unsigned silent = 0;               ///< of 100 connections, how many carry nothing more, one way or both, from some byte on
  unsigned refused = 0;              ///< of 100 attempts to connect
  unsigned unanswered = 0;           ///< of 100 attempts to connect
};

class weather final : public tenon::net::memory_wire {
 public:
  weather(agenda& plans, const tenon::manual_clock& clock, tenon::random_source& random) : plans_{plans}, clock_{clock}, random_{random} {}

  climate now;
  std::uint64_t bytes_carried = 0;

  /// Whether it has taken anything from anybody: until then no call may be lost.
  bool harmed() const { return harmed_; }
  bool refused() const { return refused_; }
  /// Whether a peer's bytes reached, or would reach, a server that had begun to drain more than a second before, and had not been told a byte since: so long it waits for what
  /// crosses its notice, as for a first byte. Time jumps in a world, and twice within a second is enough for that.
  bool outwaited() const {
    return outwaited_ || std::ranges::any_of(lines_, [this](const auto& each) { return each->under_watch != nullptr && each->under_watch->under_way(0) != 0 && is_too_late(*each); });
  }
  void drain(std::string_view name) {
    for (const auto& each : lines_) {
      if (each->name != name || each->drained) continue;
      each->drained = clock_.now();
      each->carried_by_then = each->carried[0];
    }
  }
  std::size_t lines() const {
    return static_cast<std::size_t>(std::ranges::count_if(lines_, [](const auto& each) { return each->under_watch != nullptr; }));
  }
  /// What happens to the connections of a machine that dies: each is reset after a while, or never heard of again.
  void strike(std::string_view name) {
    harmed_ = true;
    for (const auto& each : lines_) {
      if (each->name != name || each->under_watch == nullptr) continue;
      each->silent = {true, true};
      if (random_.below(4) != 0) plans_.plan(clock_.now() + delay(), [each] { end(*each); });
    }
  }
  /// From now on everything is quick and whole, except that what is silent stays so.
  void clear_up() {
    now = {.longest_delay = 1, .pieces = 0, .narrow = 0};
    for (const auto& each : lines_) {
      each->ends_at = never;
      each->base_delay = 0;
      for (const int way : {0, 1}) {
        if (each->under_watch != nullptr) each->under_watch->set_room(way, 1 << 20);
      }
    }
  }
  void forget() { lines_.clear(); }
  /// Connections whose two ends have both gone.
  void sweep() {
    std::erase_if(lines_, [](const auto& each) { return each->under_watch.use_count() <= 1; });
  }

 private:
  struct watched_line {
    std::string name;
    std::shared_ptr<tenon::net::memory_line> under_watch;
    std::array<bool, 2> silent{};
    std::array<bool, 2> planned{};
    std::array<std::uint64_t, 2> carried{};
    std::optional<tenon::instant> drained;  // when its server began to drain,
    std::uint64_t carried_by_then = 0;      // and what that had been told
    std::uint64_t base_delay = 0;
    std::uint64_t ends_at = never;  // of the bytes of `ends_way`
    int ends_way = 0;
    bool ends_silently = false;
    bool silent_both = false;
  };
  static constexpr std::uint64_t never = ~std::uint64_t{0};

  // What has begun to arrive has a message's time.
  bool is_too_late(const watched_line& each) const {
    return each.drained && clock_.now() - *each.drained >= milliseconds(1'000) && each.carried[0] == each.carried_by_then;
  }
  bool chance(unsigned of_a_hundred) { return random_.below(100) < of_a_hundred; }
  tenon::duration delay() { return milliseconds(random_.below(now.longest_delay + 1)); }

  void dialed(std::string_view, std::shared_ptr<tenon::net::memory_dial> attempt) override {
    if (chance(now.unanswered)) {
      harmed_ = true;
      unanswered_.push_back(std::move(attempt));
      return;
    }
    const bool refused = chance(now.refused);
    refused_ |= refused;
    plans_.plan(clock_.now() + delay(), [attempt = std::move(attempt), refused] {
      if (refused) attempt->fail(asio::error::connection_refused);
      else attempt->go_on();
    });
  }
  void opened(std::string_view name, std::shared_ptr<tenon::net::memory_line> made) override {
    auto fresh = std::make_shared<watched_line>();
    fresh->name = name;
    fresh->under_watch = std::move(made);
    fresh->base_delay = random_.below(now.longest_delay / 2 + 1);
    if (chance(now.narrow)) {
      for (int way : {0, 1}) fresh->under_watch->set_room(way, 1 + random_.below(200));
    }
    const bool silent = chance(now.silent);
    if (silent || chance(now.cut)) {
      // Small numbers more often: the first frames are where most is decided.
      fresh->ends_at = random_.below(1 + random_.below(3000));
      fresh->ends_way = static_cast<int>(random_.below(2));
      fresh->ends_silently = silent;
      fresh->silent_both = chance(50);
    }
    lines_.push_back(std::move(fresh));
  }
  void stirred(tenon::net::memory_line& which, int way) override {
    for (const auto& each : lines_) {
      if (each->under_watch.get() == &which) return stirred(each, way);
    }
  }
  void stirred(const std::shared_ptr<watched_line>& each, int way) {
    const auto side = static_cast<std::size_t>(way);
    if (each->planned[side] || each->silent[side]) return;
    each->planned[side] = true;
    const std::uint64_t wait = random_.below(3) == 0 ? 0 : each->base_delay + random_.below(now.longest_delay / 2 + 1);
    plans_.plan(clock_.now() + milliseconds(wait), [this, each, way] { carry(*each, way); });
  }
  void carry(watched_line& each, int way) {
    const auto side = static_cast<std::size_t>(way);
    each.planned[side] = false;
    if (each.silent[side] || each.under_watch == nullptr) return;
    std::uint64_t count = each.under_watch->under_way(way);
    if (count > 1 && chance(now.pieces)) count = random_.below(3) == 0 ? 1 : 1 + random_.below(count);
    outwaited_ = outwaited_ || (way == 0 && count != 0 && is_too_late(each));
    const bool last = way == each.ends_way && each.carried[side] + count >= each.ends_at;
    if (last) count = each.ends_at - each.carried[side];
    each.carried[side] += count;
    bytes_carried += count;
    if (!last || count != 0) each.under_watch->carry(way, count);
    if (last) trouble(each);
  }
  void trouble(watched_line& each) {
    harmed_ = true;
    if (!each.ends_silently) return end(each);
    each.ends_at = never;
    each.silent[static_cast<std::size_t>(each.ends_way)] = true;
    if (each.silent_both) each.silent = {true, true};
  }
  static void end(watched_line& each) {
    if (const auto held = std::exchange(each.under_watch, nullptr); held != nullptr) held->reset();
  }

  agenda& plans_;
  const tenon::manual_clock& clock_;
  tenon::random_source& random_;
  std::vector<std::shared_ptr<watched_line>> lines_;
  std::vector<std::shared_ptr<tenon::net::memory_dial>> unanswered_;
  bool harmed_ = false;
  bool refused_ = false;
  bool outwaited_ = false;
};

}  // namespace simulated
