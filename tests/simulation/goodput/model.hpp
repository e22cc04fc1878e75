// A world to measure policies in: whole clients and servers over the network in memory, on a clock turned by hand, in front of a backend that has a capacity.
// Everything comes from one seed, so that each figure of the table is the same every time.
#pragma once

#include <tenon/core/asio.hpp>

#include <algorithm>
#include <cmath>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <simulation/agenda.hpp>
#include <tenon/client/client.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/protocol/rpcx.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace goodput {

using namespace tenon::literals;
using tenon::duration;
using tenon::instant;

constexpr instant at(double seconds) { return instant{} + duration{static_cast<std::int64_t>(seconds * 1e9)}; }
constexpr duration seconds(double count) { return duration{static_cast<std::int64_t>(count * 1e9)}; }

/// Time, and what happens in it.
struct world : simulated::world {
  explicit world(std::uint64_t seed) : random{seed} {}
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() { plans.clear(); }

  simulated::agenda plans;
  tenon::random_source random;

  void plan(instant when, simulated::agenda::deed what) { plans.plan(when, std::move(what)); }
  void plan_in(duration time, simulated::agenda::deed what) { plans.plan(clock.now() + time, std::move(what)); }
  /// A time that is drawn so that things of this mean come independently of one another.
  duration drawn(duration mean) { return duration{static_cast<std::int64_t>(-std::log(1.0 - random.unit()) * static_cast<double>(mean.ns))}; }

  void run_until(instant end) {
    while (clock.now() < end) {
      // Never far at once: what clients have armed must find its own moment.
      const instant to = (std::min)({end, plans.next(), clock.now() + 1_ms});
      asio::post(io, [this, to] {
        clock.advance_to(to);
        while (plans.due(clock.now())) plans.take()();
      });
      run();
    }
  }
};

/// What does the work behind a server: so many workers, each busy with one job for a time, and a line of any length in front of them.
/// A job, once in the line, is done whether or not its caller still waits, as in a thread pool or a database that nobody tells.
class backend {
 public:
  backend(world& in, int workers, duration time) : service_time{time}, in_{in}, free_{workers} {}
  backend(const backend&) = delete;
  backend& operator=(const backend&) = delete;

  duration service_time;
  unsigned errors = 0;              ///< of 100 jobs, how many end with UNAVAILABLE
  unsigned slow = 0;                ///< of 100 jobs, how many take 50 times as long
  bool heeds_cancel = false;        ///< a job whose caller has gone leaves the line
  std::uint64_t max_line = ~0ULL;   ///< what comes when so many wait is refused,
  duration refusal_time{};          ///< which takes a worker's time as well
  std::function<void()> when_asked;  ///< called when a job comes

  std::size_t line() const { return line_.size(); }
  /// Until then nothing is begun.
  void stall_until(instant when) {
    stalled_until_ = when;
    in_.plan(when, [this] { work(); });
  }

  enum class end { done, refused, given_up };
  /// A coroutine waits until its job is done. The job remains when the coroutine goes.
  class turn final : tenon::cancellation::listener {
   public:
    turn(backend& of, tenon::cancellation& told_by) : of_{of} {
      if (of.heeds_cancel) told_by.listen(*this);
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { of_.waiting_.erase(number_); }
    bool await_ready() const noexcept { return how_ == end::given_up; }
    void await_suspend(std::coroutine_handle<> self) { number_ = of_.enter(self, how_); }
    end await_resume() const noexcept { return how_; }

   private:
    void cancelled() override {
      how_ = end::given_up;
      of_.resume(number_);
    }
    backend& of_;
    std::uint64_t number_ = 0;
    end how_ = end::done;
  };
  struct job {
    backend& of;
    tenon::cancellation& told_by;
    turn operator co_await() const { return turn{of, told_by}; }
  };
  bool fails() { return errors != 0 && in_.random.below(100) < errors; }

 private:
  struct entry {
    std::uint64_t number;
    bool is_refusal;
  };
  std::uint64_t enter(std::coroutine_handle<> who, end& how) {
    if (when_asked) when_asked();
    const std::uint64_t number = ++last_;
    waiting_.emplace(number, who);
    if (line_.size() < max_line) {
      line_.push_back({number, false});
    } else {
      how = end::refused;
      line_.push_front({number, true});
    }
    work();
    return number;
  }
  void work() {
    while (free_ > 0 && !line_.empty() && in_.clock.now() >= stalled_until_) {
      const entry next = line_.front();
      line_.pop_front();
      if (heeds_cancel && !waiting_.contains(next.number)) continue;
      --free_;
      in_.plan_in(next.is_refusal ? refusal_time : drawn_time(), [this, number = next.number] { finish(number); });
    }
  }
  // Times differ a little, so that nothing falls into step.
  duration drawn_time() {
    const duration usual{service_time.ns / 4 * 3 + static_cast<std::int64_t>(in_.random.below(static_cast<std::uint64_t>(service_time.ns / 2 + 1)))};
    return slow != 0 && in_.random.below(100) < slow ? usual * 50 : usual;
  }
  void finish(std::uint64_t number) {
    ++free_;
    resume(number);
    work();
  }
  void resume(std::uint64_t number) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;
    const std::coroutine_handle<> who = found->second;
    waiting_.erase(found);
    who.resume();
  }

  world& in_;
  int free_;
  std::deque<entry> line_;
  std::unordered_map<std::uint64_t, std::coroutine_handle<>> waiting_;
  std::uint64_t last_ = 0;
  instant stalled_until_{};
};

/// The service: its work is the backend's.
struct shop {
  backend* behind;
  tenon::task<tenon::result<int>> price(tenon::context& call, int item) {
    const backend::end ended = co_await backend::job{*behind, call.cancel};
    if (ended == backend::end::given_up) co_return tenon::status{tenon::code::cancelled, "nobody waits"};
    if (ended == backend::end::refused || behind->fails()) co_return tenon::status{tenon::code::unavailable, "busy"};
    co_return item;
  }
  TENON_SERVICE(shop, (price, tenon::idempotent, tenon::cacheable))
};

/// A server of the shop, with these policies, that can be killed and started anew.
template <class... Policies>
class host {
 public:
  host(world& in, backend& behind, const char* name) : in_{in}, behind_{behind}, name_{name} { start(); }
  void start() {
    server_ = std::make_unique<server_type>(in_.io);
    server_->template serve<Policies...>(shop{&behind_});
    server_->listen(in_.wire, name_);
    server_->start();
  }
  void kill() { server_.reset(); }
  template <class Options>
  void configure(const Options& options) {
    server_->template configure<shop>(options);
  }

 private:
  using server_type = tenon::server<tenon::protocols<tenon::protocol::rpcx_session>>;
  world& in_;
  backend& behind_;
  const char* name_;
  std::unique_ptr<server_type> server_;
};

/// What became of the calls, by the tenth of a second in which they began.
class tally {
 public:
  struct part {
    std::uint64_t calls = 0;
    std::uint64_t good = 0;
    std::uint64_t attempts = 0;  ///< those of that time, whenever their call began
  };
  explicit tally(world& in) : in_{in} {}

  std::size_t began() {
    ++now().calls;
    ++open_;
    return parts_.size() - 1;
  }
  void ended(std::size_t which, bool good) {
    --open_;
    if (good) ++parts_[which].good;
  }
  void sent() { ++now().attempts; }
  std::uint64_t open() const { return open_; }

  /// Between two moments, in seconds.
  part between(double from, double to) const {
    part sum;
    for (std::size_t i = tenth(from); i < (std::min)(tenth(to), parts_.size()); ++i) {
      sum.calls += parts_[i].calls;
      sum.good += parts_[i].good;
      sum.attempts += parts_[i].attempts;
    }
    return sum;
  }
  double good_share(double from, double to) const {
    const part sum = between(from, to);
    return sum.calls == 0 ? 1 : static_cast<double>(sum.good) / static_cast<double>(sum.calls);
  }
  double attempts_per_call(double from, double to) const {
    const part sum = between(from, to);
    return sum.calls == 0 ? 0 : static_cast<double>(sum.attempts) / static_cast<double>(sum.calls);
  }
  double good_per_second(double from, double to) const { return static_cast<double>(between(from, to).good) / (to - from); }
  /// How long after `since` it takes until from then on nine of ten calls of each half second are good, up to `end`; below zero: never.
  double recovered_after(double since, double end) const {
    const auto well = [this](std::size_t half) { return good_share(static_cast<double>(half) / 10, static_cast<double>(half) / 10 + 0.5) >= 0.9; };
    const std::size_t first = tenth(since);
    std::size_t from = tenth(end) - 5;
    if (!well(from)) return -1;
    while (from > first && well(from - 1)) --from;
    return static_cast<double>(from - first) / 10;
  }

 private:
  static std::size_t tenth(double seconds) { return static_cast<std::size_t>(seconds * 10 + 0.5); }
  part& now() {
    const auto which = static_cast<std::size_t>(in_.clock.now().ns / 100'000'000);
    if (parts_.size() <= which) parts_.resize(which + 1);
    return parts_[which];
  }
  world& in_;
  std::vector<part> parts_;
  std::uint64_t open_ = 0;
};

/// An innermost policy that counts what really goes out: each attempt, or each call where nothing is repeated.
struct counted_options {
  tally* into = nullptr;
  bool operator==(const counted_options&) const = default;
};
struct counted : tenon::policy::base {
  static constexpr std::string_view name = "counted";
  using options = counted_options;
  static constexpr options defaults{};
  static tenon::outcome admit(tenon::policy::none&, const options& chosen, tenon::policy::none&, tenon::call_info&) noexcept {
    if (chosen.into != nullptr) chosen.into->sent();
    return {};
  }
  static void observe(tenon::policy::none&, const options&, tenon::policy::none&, tenon::call_info&, tenon::outcome) noexcept {}
};

/// Clients of one kind, each with its own connection, and calls that come independently of how the last ones went.
template <class... Policies>
class fleet {
 public:
  using client = tenon::client<shop, Policies..., counted>;

  fleet(world& in, tally& into, std::size_t size, const char* server, tenon::client_options options = {}) : in_{in}, into_{into} {
    for (std::size_t i = 0; i < size; ++i) {
      options.seed = in.random.next() | 1;
      clients_.push_back(std::make_unique<client>(in.io, in.wire.connector_to(server), options));
      clients_.back()->configure(counted_options{.into = &into});
    }
  }
  client& operator[](std::size_t which) { return *clients_[which]; }
  std::size_t size() const { return clients_.size(); }

  /// One call of the client whose turn it is; `items` different things are asked for.
  void ask(int items = 1'000'000) {
    client& next = *clients_[turn_++ % clients_.size()];
    const std::size_t when = into_.began();
    next.price(static_cast<int>(in_.random.below(static_cast<std::uint64_t>(items)))).then([this, when](const tenon::result<int>& got) { into_.ended(when, got.has_value()); });
  }
  /// Calls at this rate, of all clients together.
  void call(double per_second, instant from, instant to, int items = 1'000'000) {
    const duration mean{static_cast<std::int64_t>(1e9 / per_second)};
    in_.plan(from + in_.drawn(mean), [this, per_second, to, items] { go_on(per_second, to, items); });
  }

 private:
  void go_on(double per_second, instant to, int items) {
    if (in_.clock.now() >= to) return;
    ask(items);
    in_.plan_in(in_.drawn(duration{static_cast<std::int64_t>(1e9 / per_second)}), [this, per_second, to, items] { go_on(per_second, to, items); });
  }
  world& in_;
  tally& into_;
  std::vector<std::unique_ptr<client>> clients_;
  std::size_t turn_ = 0;
};

/// What one run of a story came to.
struct figures {
  double goodput = 0;
  double attempts = 0;   ///< per call
  double recovery = 0;   ///< in seconds; below zero: not by the end of the story; `lasting` where the trouble does not end
};
constexpr double lasting = -2;
/// A row of the table.
struct row {
  int place = 0;  ///< in the table
  std::string_view trouble;
  std::string_view measure;  ///< of goodput
  std::string_view policy;
  figures without;
  figures with;
};
void add_row(const row& what);

}  // namespace goodput
