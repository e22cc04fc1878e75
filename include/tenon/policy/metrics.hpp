// Counts and times of calls and attempts, kept by each loop for itself and added up when somebody reads. Policy layer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/core/code.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/outcome.hpp>
#include <tenon/core/units.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/policy/detail/histogram.hpp>
#include <tenon/policy/event.hpp>

namespace tenon::inline v0 {

/// What was measured: a client's call, one attempt of it, a call on a server.
enum class metrics_of : std::uint8_t { call, attempt, served };

/// How long calls took, as counts of classes that are a quarter wide.
struct duration_histogram {
  std::array<std::uint64_t, policy::detail::histogram_size> counts{};

  std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : counts) sum += each;
    return sum;
  }
  /// What so many of them did not exceed, `at(percent(99))`; at most a quarter too long. Zero when there are none.
  duration at(ratio share) const noexcept {
    const std::uint64_t all = total();
    // In two steps, so that the product stays within 64 bits for every count.
    const auto ppm = static_cast<std::uint64_t>(std::clamp(share.ppm, 0, 1'000'000));
    const std::uint64_t wanted = (std::max)(all / 1'000'000 * ppm + (all % 1'000'000 * ppm + 999'999) / 1'000'000, std::uint64_t{1});
    std::uint64_t sum = 0;
    for (std::size_t i = 0; all != 0 && i < counts.size(); ++i) {
      sum += counts[i];
      if (sum >= wanted) return duration{i + 1 == counts.size() ? policy::detail::histogram_least(i) : policy::detail::histogram_least(i + 1) - 1};
    }
    return {};
  }
};

/// The numbers of one method, of all loops together.
///
/// Laws    once nothing is under way, the sum of `ended` is `started`.
struct method_metrics {
  std::string service;
  std::string method;
  metrics_of what{};
  std::uint64_t started = 0;
  std::array<std::uint64_t, code_count> ended{};  ///< by code
  duration time{};                                ///< of all that ended together
  duration_histogram times{};

  std::uint64_t ended_in_all() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : ended) sum += each;
    return sum;
  }
  /// As far as two numbers that are not read at one moment can tell.
  std::uint64_t under_way() const noexcept { return (std::max)(started, ended_in_all()) - ended_in_all(); }
};

/// How often a policy did something: `{"retry", event_kind::repeated, 12}`.
struct event_metrics {
  std::string policy;
  policy::event_kind kind{};
  std::uint64_t count = 0;
};

namespace detail {

struct metrics_record {
  metrics_record(std::string_view of_service, std::string_view of_method, metrics_of is) : service{of_service}, method{of_method}, what{is} {}
  std::string service;
  std::string method;
  metrics_of what;
  policy::detail::counter started;
  policy::detail::counter time;
  std::array<policy::detail::counter, code_count> ended;
  std::array<policy::detail::counter, policy::detail::histogram_size> times;
};
struct metrics_events {
  explicit metrics_events(std::string_view of) : policy{of} {}
  std::string policy;
  std::array<policy::detail::counter, 16> counts;
};

// One writer's numbers. They stay when the writer goes, and the next one goes on counting there.
struct metrics_shard {
  std::deque<metrics_record> records;
  std::deque<metrics_events> events;
  bool taken = false;
};

// What is shared by a registry and those who count into it; whoever goes last takes it along.
struct metrics_book {
  std::mutex busy;
  std::deque<metrics_shard> shards;

  metrics_shard& take() {
    const std::lock_guard guard{busy};
    for (metrics_shard& each : shards) {
      if (!std::exchange(each.taken, true)) return each;
    }
    shards.emplace_back().taken = true;
    return shards.back();
  }
  void give_back(metrics_shard& shard) noexcept {
    const std::lock_guard guard{busy};
    shard.taken = false;
  }
  metrics_record& record(metrics_shard& in, std::string_view service, std::string_view method, metrics_of what) {
    const std::lock_guard guard{busy};
    for (metrics_record& each : in.records) {
      if (each.what == what && each.method == method && each.service == service) return each;
    }
    return in.records.emplace_back(service, method, what);
  }
  metrics_events& events(metrics_shard& in, std::string_view policy) {
    const std::lock_guard guard{busy};
    for (metrics_events& each : in.events) {
      if (each.policy == policy) return each;
    }
    return in.events.emplace_back(policy);
  }
};

}  // namespace detail

/// Where clients and servers of a process count, as many as there are. Any thread may read at any time.
class metrics_registry {
 public:
  metrics_registry() = default;
  metrics_registry(const metrics_registry&) = delete;
  metrics_registry& operator=(const metrics_registry&) = delete;

  /// One entry for each method that was called, in the order in which they first were.
  std::vector<method_metrics> methods() const {
    std::vector<method_metrics> all;
    const std::lock_guard guard{book_->busy};
    for (const detail::metrics_shard& shard : book_->shards) {
      for (const detail::metrics_record& each : shard.records) add(each, all);
    }
    return all;
  }
  /// What the policies of all stacks with `metrics` did.
  std::vector<event_metrics> events() const {
    std::vector<event_metrics> all;
    const std::lock_guard guard{book_->busy};
    for (const detail::metrics_shard& shard : book_->shards) {
      for (const detail::metrics_events& each : shard.events) {
        for (std::size_t i = 0; i < each.counts.size(); ++i) add(each.policy, static_cast<policy::event_kind>(i), each.counts[i].read(), all);
      }
    }
    return all;
  }

  const std::shared_ptr<detail::metrics_book>& book() const noexcept { return book_; }

 private:
  static void add(const detail::metrics_record& from, std::vector<method_metrics>& all) {
    auto found = std::find_if(all.begin(), all.end(), [&](const method_metrics& each) { return each.what == from.what && each.method == from.method && each.service == from.service; });
    if (found == all.end()) found = all.insert(found, method_metrics{.service = from.service, .method = from.method, .what = from.what});
    // What has ended is read first: a call that ends meanwhile is then at most counted as under way.
    for (std::size_t i = 0; i < code_count; ++i) found->ended[i] += from.ended[i].read();
    for (std::size_t i = 0; i < from.times.size(); ++i) found->times.counts[i] += from.times[i].read();
    found->time = found->time + duration{static_cast<std::int64_t>(from.time.read())};
    found->started += from.started.read();
  }
  static void add(const std::string& name, policy::event_kind kind, std::uint64_t count, std::vector<event_metrics>& all) {
    if (count == 0) return;
    const auto found = std::find_if(all.begin(), all.end(), [&](const event_metrics& each) { return each.kind == kind && each.policy == name; });
    if (found != all.end()) found->count += count;
    else all.push_back({name, kind, count});
  }

  std::shared_ptr<detail::metrics_book> book_ = std::make_shared<detail::metrics_book>();
};

struct metrics_options {
  metrics_registry* into = nullptr;  ///< outlives the calls; null: nothing is counted
  bool operator==(const metrics_options&) const = default;
};

/// Counts calls, or attempts, and how long they took.
///
/// Shape   `client<market, metrics<metrics_options{.into = &numbers}>, retry<>>` for a registry with static storage, or `configure(metrics_options{.into = &numbers})`. What
///         stands before it in the list, and answers or refuses, is not counted: it comes first. After retry it counts attempts, and may stand there a second time.
/// Units   about 2.3 KiB for each method that is called, on each loop. A call costs a few loads and stores, and no locked instruction; a method's first call allocates.
/// Laws    what the other policies report is counted by the one that sees the call, so that nothing is counted twice.
template <metrics_options Options = metrics_options{}>
struct metrics : policy::base {
  using options = metrics_options;
  static constexpr std::string_view name = "metrics";
  static constexpr options defaults = Options;
  static constexpr bool named = true;

  class state {
   public:
    state() noexcept = default;
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { leave(); }

    [[gnu::always_inline]] detail::metrics_record* begin(const options& chosen, const call_info& info, metrics_of what) noexcept {
      if (chosen.into == nullptr) return nullptr;
      if (registry_ == chosen.into && info.method < known_.size() && known_[info.method] != nullptr) [[likely]] return known_[info.method];
      return meet(chosen, info, what);
    }
    void heard(const policy::event& what) noexcept {
      if (shard_ == nullptr || what_ == metrics_of::attempt) return;
      book_->events(*shard_, what.policy).counts[static_cast<std::size_t>(what.kind)].add();
    }

   private:
    [[gnu::cold, gnu::noinline]] detail::metrics_record* meet(const options& chosen, const call_info& info, metrics_of what) noexcept {
      if (registry_ != chosen.into) {
        leave();
        registry_ = chosen.into;
        book_ = chosen.into->book();
        shard_ = &book_->take();
      }
      what_ = what;
      static constexpr call_identity unnamed{};
      const call_identity& to = info.identity == nullptr ? unnamed : *info.identity;
      if (known_.size() <= info.method) known_.resize(info.method + std::size_t{1});
      return known_[info.method] = &book_->record(*shard_, to.service, to.method, what);
    }
    void leave() noexcept {
      if (book_ != nullptr) book_->give_back(*shard_);
      known_.clear();
      book_ = nullptr;
      shard_ = nullptr;
    }
    const metrics_registry* registry_ = nullptr;
    std::vector<detail::metrics_record*> known_;  // by method
    std::shared_ptr<detail::metrics_book> book_;
    detail::metrics_shard* shard_ = nullptr;
    metrics_of what_{};
  };
  struct call_state {
    detail::metrics_record* counted = nullptr;
    instant began{};
  };

  [[gnu::always_inline]] static outcome admit(state& own, const options& chosen, call_state& call, call_info& info) noexcept {
    return begin(own, chosen, call, info, info.on_server ? metrics_of::served : metrics_of::call);
  }
  [[gnu::always_inline]] static outcome admit_attempt(state& own, const options& chosen, call_state& call, call_info& info) noexcept {
    // Without a loop policy an attempt is all there is of a call.
    return begin(own, chosen, call, info, metrics_of::attempt);
  }
  [[gnu::always_inline]] static void observe(state&, const options&, call_state& call, call_info& info, outcome result) noexcept {
    if (call.counted == nullptr) return;
    detail::metrics_record& into = *call.counted;
    const std::int64_t took = (std::max)((info.now - call.began).ns, std::int64_t{0});
    into.ended[(std::min)(static_cast<std::size_t>(result.code), code_count - 1)].add();
    into.time.add(static_cast<std::uint64_t>(took));
    into.times[policy::detail::histogram_index(took)].add();
  }
  static void on_event(state& own, const policy::event& what) noexcept { own.heard(what); }

 private:
  [[gnu::always_inline]] static outcome begin(state& own, const options& chosen, call_state& call, call_info& info, metrics_of what) noexcept {
    call.counted = own.begin(chosen, info, what);
    call.began = info.now;
    if (call.counted != nullptr) call.counted->started.add();
    return {};
  }
};

}  // namespace tenon::inline v0
