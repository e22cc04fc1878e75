// Many who want the same at once: a question that everybody asks, a server that is back.
#include <simulation/goodput/model.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>

#include <asio/error.hpp>

#include <tenon/net/memory.hpp>
#include <tenon/policy/cache.hpp>
#include <tenon/policy/singleflight.hpp>
#include <tenon/policy/timeout.hpp>

using namespace goodput;
using tenon::cache;
using tenon::singleflight;
using tenon::timeout;

namespace {

// 600 calls per second for one thing, at a server that answers 200.
template <class... Policies>
figures one_question(std::uint64_t seed) {
  world in{seed};
  backend behind{in, 10, 50_ms};
  host<> server{in, behind, "shop"};
  tally seen{in};
  fleet<Policies..., timeout<500_ms>> callers{in, seen, 4, "shop"};
  callers.call(20, at(0), at(22), 1);
  callers.call(580, at(2), at(12), 1);
  in.run_until(at(23));
  return {.goodput = seen.good_share(2, 12), .attempts = seen.attempts_per_call(2, 12), .recovery = seen.recovered_after(12, 21)};
}

/// Who wants to connect stands in line: one after the other is let in, each after some time, whether or not it still waits.
class doorkeeper final : public tenon::net::memory_wire {
 public:
  doorkeeper(world& in, tally& seen, duration time) : in_{in}, seen_{seen}, time_{time} { in.wire.watch(this); }
  ~doorkeeper() { in_.wire.watch(nullptr); }
  doorkeeper(const doorkeeper&) = delete;
  doorkeeper& operator=(const doorkeeper&) = delete;

  bool open = true;
  std::size_t longest_line = 0;

  /// Ends what is connected, as a server does that dies.
  void cut() {
    line_.clear();
    const auto all = std::exchange(lines_, {});
    for (const auto& [which, each] : all) each.line->reset();
  }

 private:
  struct watched {
    std::shared_ptr<tenon::net::memory_line> line;
    std::array<bool, 2> planned{};
  };
  void dialed(std::string_view, std::shared_ptr<tenon::net::memory_dial> attempt) override {
    seen_.sent();
    if (!open) return in_.plan_in(1_ms, [attempt] { attempt->fail(asio::error::connection_refused); });
    line_.push_back(std::move(attempt));
    longest_line = (std::max)(longest_line, line_.size());
    if (line_.size() == 1) let_in_later();
  }
  void let_in_later() {
    in_.plan_in(time_, [this] {
      if (line_.empty()) return;
      const auto first = std::move(line_.front());
      line_.pop_front();
      if (open) first->go_on();
      if (!line_.empty()) let_in_later();
    });
  }
  void opened(std::string_view, std::shared_ptr<tenon::net::memory_line> made) override {
    auto* which = made.get();
    lines_[which].line = std::move(made);
  }
  void stirred(tenon::net::memory_line& which, int way) override {
    const auto found = lines_.find(&which);
    if (found == lines_.end() || std::exchange(found->second.planned[static_cast<std::size_t>(way)], true)) return;
    in_.plan_in(1_ms, [this, &which, way] {
      const auto again = lines_.find(&which);
      if (again == lines_.end()) return;
      again->second.planned[static_cast<std::size_t>(way)] = false;
      const auto held = again->second.line;
      held->carry(way, held->under_way(way));
    });
  }

  world& in_;
  tally& seen_;
  duration time_;
  std::deque<std::shared_ptr<tenon::net::memory_dial>> line_;
  std::unordered_map<tenon::net::memory_line*, watched> lines_;
};

// 200 clients, each with a call per second, of a server that is away from second 2 to 5 and then lets in one client in 10 ms.
struct crowd_figures : figures {
  std::size_t longest_line = 0;
};
crowd_figures reconnecting(std::uint64_t seed, const tenon::reconnect_options& how) {
  world in{seed};
  backend behind{in, 100, 1_ms};
  tally seen{in};
  tally dials{in};
  doorkeeper door{in, dials, 10_ms};
  host<> server{in, behind, "shop"};
  {
    fleet<timeout<500_ms>> callers{in, seen, 200, "shop", {.connect_timeout = 500_ms, .reconnect = how}};
    for (int i = 0; i < 200; ++i) in.plan(at(0), [&] { (void)callers.ask(); });
    callers.call(200, at(2), at(30));
    in.run_until(at(2));
    door.open = false;
    door.longest_line = 0;
    server.kill();
    door.cut();
    in.plan(at(5), [&] {
      door.open = true;
      server.start();
    });
    in.run_until(at(32));
  }
  crowd_figures found;
  found.goodput = seen.good_share(5, 15);
  found.attempts = static_cast<double>(dials.between(2, 30).attempts) / 200;
  found.recovery = seen.recovered_after(5, 29);
  found.longest_line = door.longest_line;
  return found;
}

}  // namespace

TEST_CASE("what everybody asks is asked once") {
  const figures without = one_question<>(1);
  const figures shared = one_question<singleflight<>>(1);
  const figures kept = one_question<cache<>, singleflight<>>(1);
  add_row({.place = 12, .trouble = "3 times the load, and everybody asks the same", .measure = "of calls", .policy = "`singleflight<>`", .without = without, .with = shared});
  add_row({.place = 13, .trouble = "the same", .measure = "of calls", .policy = "`cache<>, singleflight<>`", .without = without, .with = kept});
  CHECK(without.goodput < 0.1);
  CHECK(shared.goodput > 0.99);
  CHECK(shared.attempts < 0.2);
  CHECK(kept.goodput > 0.99);
  CHECK(kept.attempts < 0.01);
}

TEST_CASE("clients that have lost their server do not all come back at once") {
  const crowd_figures without = reconnecting(1, {.first = 100_ms, .longest = 100_ms, .multiplier = tenon::percent(100), .jitter = {}, .stay_connected = true});
  const crowd_figures with = reconnecting(1, {.stay_connected = true});
  add_row({.place = 11, .trouble = "thundering reconnect: 200 clients lose their server for 3 s (attempts: to connect)", .measure = "of the calls in 10 s after it", .policy = "backoff with jitter; without: every 100 ms", .without = without, .with = with});
  CHECK(without.goodput < 0.5);
  CHECK(without.recovery < 0);
  CHECK(with.goodput > 0.7);
  CHECK(with.recovery >= 0);
  CHECK(with.recovery < 6);
  CHECK(with.attempts < without.attempts / 5);
  CHECK(with.longest_line < 120);
}
