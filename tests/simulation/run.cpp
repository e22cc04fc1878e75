#include <simulation/run.hpp>

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <simulation/agenda.hpp>
#include <simulation/doubles.hpp>
#include <simulation/weather.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace simulated {

using tenon::code;
using tenon::duration;
using tenon::instant;

enum class asked : std::uint8_t { put, look, wait, refuse, note, relay };

/// What is known of one call, on both sides: the truth that its status is held against.
struct record {
  std::uint64_t id = 0;
  asked what = asked::put;
  std::size_t caller = 0;
  instant started{};
  instant deadline = instant::never();
  duration attempt_time{};  // of one attempt, where attempts have a time
  unsigned runs_allowed = 1;
  bool one_way = false;
  bool watched = true;  // a callback waits for its end
  bool probe = false;
  bool inner = false;  // made by a handler
  bool cancel_asked = false;
  bool caller_closed = false;
  bool said_late = false;
  int ended = 0;
  unsigned runs = 0;
  bool denied = false;  // its status says that nothing ran
  std::unique_ptr<tenon::cancellation> cancel;
};

class simulation;

/// The service: every method keeps book of its calls.
struct ledger {
  simulation* of;

  std::string put(std::uint64_t id, std::string text);
  std::string look(std::uint64_t id, std::string text);
  tenon::task<std::string> wait(std::uint64_t id, std::uint64_t time);
  tenon::result<std::string> refuse(std::uint64_t id);
  void note(std::uint64_t id);
  tenon::task<tenon::result<std::string>> relay(tenon::context& call, std::uint64_t id);
  TENON_SERVICE(ledger, put, (look, tenon::idempotent), wait, refuse, note, relay)
};

/// One client, whatever its policies.
class caller {
 public:
  virtual ~caller() = default;
  virtual void start(record& call, const tenon::call_options* options) = 0;
  virtual void move_to(std::unique_ptr<tenon::net::connector> where) = 0;
};

using server_type = tenon::server<tenon::protocols<forgetful_session>>;
constexpr tenon::retry_options eager{.base = milliseconds(5), .cap = milliseconds(40), .budget = {.form = tenon::budget_form::unlimited}};
using plain_client = tenon::client<ledger, tenon::codec::json>;
using stubborn_client = tenon::client<ledger, tenon::codec::msgpack, lazy_timeout, tenon::retry<eager>, tenon::timeout<milliseconds(150)>>;
constexpr tenon::hedge_options doubled{.max_attempts = 3, .delay = milliseconds(15), .max_extra = {}, .budget = {.form = tenon::budget_form::unlimited}};
using hasty_client = tenon::client<ledger, tenon::codec::json, tenon::timeout<milliseconds(1000)>, tenon::hedge<doubled>, tenon::timeout<milliseconds(150)>>;
using narrow_client = tenon::client<ledger, tenon::codec::msgpack, tenon::timeout<milliseconds(2000)>, leaky_bulkhead>;

class simulation {
 public:
  simulation(std::uint64_t seed, bool tell) : random_{seed}, tell_{tell} { wire_.watch(&weather_); }
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;
  ~simulation() { wire_.watch(nullptr); }

  report run() {
    set_the_scene();
    while (clock_.now() < scene_end_) step(milliseconds(1 + random_.below(8)));
    calm_down();
    probe();
    tear_down();
    return std::move(report_);
  }

  // --- what handlers do

  void ran(std::uint64_t id) {
    if (id == 0 || id > records_.size()) return wrong(id, "a handler ran for a call that nobody made");
    record& call = *records_[id - 1];
    if (++call.runs > 1) ++report_.repeated;
    note_event("runs", id);
    if (call.denied) wrong(id, "its handler ran after its status had said that it did not");
    if (call.runs > call.runs_allowed) wrong(id, "its handler ran more often than it was asked to");
  }
  static std::string answer_of(std::uint64_t id, asked what) { return "answer " + std::to_string(id * 8 + static_cast<unsigned>(what)); }

  // A coroutine's sleep, which ends with the coroutine if that goes first.
  class nap {
   public:
    nap(simulation& in, duration length) : in_{in}, length_{length} {}
    nap(const nap&) = delete;
    nap& operator=(const nap&) = delete;
    ~nap() { in_.sleepers_.erase(number_); }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) {
      number_ = ++in_.last_sleeper_;
      in_.sleepers_.emplace(number_, self);
      in_.plans_.plan(in_.clock_.now() + length_, [&in = in_, number = number_] {
        const auto found = in.sleepers_.find(number);
        if (found == in.sleepers_.end()) return;
        const std::coroutine_handle<> handle = found->second;
        in.sleepers_.erase(found);
        handle.resume();
      });
    }
    void await_resume() const noexcept {}

   private:
    simulation& in_;
    duration length_;
    std::uint64_t number_ = 0;
  };
  struct sleep {
    simulation& in;
    duration length;
    nap operator co_await() const { return nap{in, length}; }
  };

  /// A call that a handler makes, as long as the handler waits for it.
  class inner_call {
   public:
    inner_call(simulation& in, const tenon::context& outer) : made_{in.add_record()} {
      made_.inner = true;
      made_.caller = nobody;
      made_.deadline = outer.deadline();
      in.note_event("calls on", made_.id);
    }
    inner_call(const inner_call&) = delete;
    inner_call& operator=(const inner_call&) = delete;
    ~inner_call() { made_.watched = made_.ended != 0; }
    std::uint64_t id() const { return made_.id; }

   private:
    record& made_;
  };
  const plain_client& between() const { return *between_; }

  /// Counts what must all be gone in the end.
  struct living {
    explicit living(simulation& where) : in{&where} { ++in->alive_; }
    living(const living& other) : in{other.in} { ++in->alive_; }
    living& operator=(const living&) = delete;
    ~living() { --in->alive_; }
    simulation* in;
  };

  // --- what callers are told

  template <class T>
  void ended(std::uint64_t id, const tenon::result<T>& got) {
    record& call = *records_[id - 1];
    if (++call.ended > 1) return wrong(id, "it ended twice");
    if (got) {
      ++report_.ok;
      note_event("ok", id);
      if (!call.one_way && call.runs == 0) wrong(id, "it ended well although no handler ran");
      if (call.what == asked::refuse) wrong(id, "it ended well although its handler refuses");
      if constexpr (std::is_same_v<T, std::string>) {
        if (*got != answer_of(id, call.what)) wrong(id, "it got the answer of another: " + *got);
      }
    } else {
      judge(call, got.error());
    }
    if (in_scene() && random_.below(4) == 0) make_call(random_.below(callers_.size()));
  }

 private:
  static constexpr std::size_t server_names = 2;
  static constexpr std::size_t nobody = 99;
  struct hosted {
    std::string name;
    std::unique_ptr<server_type> server;
    std::vector<std::unique_ptr<server_type>> draining;
  };

  template <class Client>
  class caller_of final : public caller {
   public:
    caller_of(simulation& in, const std::string& name, const tenon::client_options& options) : in_{in}, client_{in.io_, in.wire_.connector_to(name), options} {}
    void start(record& call, const tenon::call_options* options) override {
      if (options == nullptr) return ask(client_, call);
      ask(client_.with(*options), call);
    }
    void move_to(std::unique_ptr<tenon::net::connector> where) override { client_.move_to(std::move(where)); }

   private:
    template <class Stub>
    void ask(const Stub& stub, record& call) {
      switch (call.what) {
        case asked::put: return follow(call, stub.put(call.id, std::string(call.id % 300, 'p')));
        case asked::look: return follow(call, stub.look(call.id, "look"));
        case asked::wait: return follow(call, stub.wait(call.id, call.probe ? 500 : in_.random_.below(120)));
        case asked::refuse: return follow(call, stub.refuse(call.id));
        case asked::note: return follow(call, stub.note(call.id));
        case asked::relay: return follow(call, stub.relay(call.id));
      }
    }
    template <class T>
    void follow(record& call, tenon::call<T> made) {
      if (call.watched) {
        std::move(made).then([held = living{in_}, id = call.id](tenon::result<T> got) { held.in->ended(id, got); });
      } else {
        // Dropped without having been waited for.
        auto kept = std::make_shared<tenon::call<T>>(std::move(made));
        in_.plan(in_.random_.below(60), [kept]() mutable { kept.reset(); });
      }
    }
    simulation& in_;
    Client client_;
  };

  bool chance(unsigned of_a_hundred) { return random_.below(100) < of_a_hundred; }
  bool in_scene() const { return clock_.now() < scene_end_; }
  void plan(std::uint64_t in_milliseconds, agenda::deed what) { plans_.plan(clock_.now() + milliseconds(in_milliseconds), std::move(what)); }

  // --- the scene

  void set_the_scene() {
    scene_end_ = clock_.now() + milliseconds(300 + random_.below(1200));
    weather_.now.longest_delay = random_.below(25);
    const std::uint64_t kind = random_.below(4);
    const bool calm = kind == 0;
    const bool stormy = kind >= 2;
    if (stormy) {
      weather_.now.cut = static_cast<unsigned>(random_.below(60));
      weather_.now.silent = static_cast<unsigned>(random_.below(15));
      weather_.now.refused = static_cast<unsigned>(random_.below(30));
      weather_.now.unanswered = static_cast<unsigned>(random_.below(5));
    }
    for (std::size_t i = 0; i < server_names; ++i) {
      hosts_[i].name = "server " + std::to_string(i);
      // Start order does not matter, except to those who will not wait.
      if (calm || chance(80)) begin_server(i);
      else disturbed_ = true, plan(random_.below(300), [this, i] { begin_server(i); });
    }
    callers_.resize(2 + random_.below(4));
    for (std::size_t i = 0; i < callers_.size(); ++i) begin_caller(i);
    const std::uint64_t calls = 10 + random_.below(40);
    const auto moment = [this] { return random_.below(static_cast<std::uint64_t>((scene_end_ - clock_.now()).milliseconds())); };
    for (std::uint64_t i = 0; i < calls; ++i) {
      const std::uint64_t when = moment();
      const std::size_t who = random_.below(callers_.size());
      // Some come in bursts, which share their writes.
      const std::uint64_t burst = chance(15) ? 1 + random_.below(8) : 1;
      plan(when, [this, who, burst] {
        for (std::uint64_t each = 0; each < burst; ++each) make_call(who);
      });
    }
    for (std::uint64_t i = random_.below(3); i > 0; --i) plan(moment(), [this] { move(random_.below(callers_.size())); });
    if (calm) return;
    for (std::uint64_t i = random_.below(4); i > 0; --i) plan(moment(), [this] { drain(random_.below(server_names)); });
    if (!stormy) return;
    for (std::uint64_t i = random_.below(3); i > 0; --i) plan(moment(), [this] { crash(random_.below(server_names)); });
    for (std::uint64_t i = random_.below(2); i > 0; --i) plan(moment(), [this] { begin_caller(random_.below(callers_.size())); });
    for (std::uint64_t i = random_.below(3); i > 0; --i) plan(moment(), [this] { pause_ = milliseconds(random_.below(600)); });
  }

  void begin_server(std::size_t which) {
    hosted& host = hosts_[which];
    if (host.server) return;
    note_event("server begins", which);
    host.server = std::make_unique<server_type>(io_);
    host.server->serve(ledger{this});
    host.server->listen(wire_, host.name);
    host.server->start();
  }
  void drain(std::size_t which) {
    hosted& host = hosts_[which];
    if (!host.server) return;
    note_event("server drains", which);
    ++report_.drains;
    disturbed_ = true;
    host.server->stop();
    host.draining.push_back(std::move(host.server));
    // Its time to drain is 5 s.
    plan(6000, [&host] { host.draining.erase(host.draining.begin()); });
    plan(1 + random_.below(200), [this, which] { begin_server(which); });
  }
  void crash(std::size_t which) {
    hosted& host = hosts_[which];
    if (!host.server) return;
    note_event("server crashes", which);
    ++report_.crashes;
    disturbed_ = true;
    weather_.strike(host.name);
    host.server.reset();
    plan(1 + random_.below(300), [this, which] { begin_server(which); });
  }
  void move(std::size_t which) {
    note_event("client moves", which);
    callers_[which]->move_to(wire_.connector_to(hosts_[random_.below(server_names)].name));
  }
  void begin_caller(std::size_t which) {
    if (callers_[which]) {
      note_event("client closes", which);
      for (const auto& each : records_) {
        if (each->caller == which) each->caller_closed = true;
      }
      callers_[which].reset();
    }
    tenon::client_options options{.seed = random_.next() | 1, .wait_for_ready = chance(50)};
    options.reconnect.first = milliseconds(10);
    if (chance(30)) {
      options.max_connections = 2;
      options.calls_per_connection = 2;
    }
    if (broken_now == mutation::double_completion || broken_now == mutation::false_not_executed) options.sessions = &doubling_session::make;
    const std::string& name = hosts_[which % server_names].name;
    if (!between_) between_ = std::make_unique<plain_client>(io_, wire_.connector_to(hosts_[1].name), options);
    switch (kind_of(which)) {
      case 0: callers_[which] = std::make_unique<caller_of<plain_client>>(*this, name, options); break;
      case 1: callers_[which] = std::make_unique<caller_of<stubborn_client>>(*this, name, options); break;
      case 2: callers_[which] = std::make_unique<caller_of<narrow_client>>(*this, name, options); break;
      default: callers_[which] = std::make_unique<caller_of<hasty_client>>(*this, name, options);
    }
  }
  // Plain, stubborn, narrow, hasty.
  static std::size_t kind_of(std::size_t who) { return who % 4; }

  record& add_record() {
    records_.push_back(std::make_unique<record>());
    record& made = *records_.back();
    made.id = records_.size();
    made.started = clock_.now();
    ++report_.calls;
    return made;
  }
  void make_call(std::size_t who, bool probing = false) {
    // A client that is being closed is not called any more.
    if (records_.size() >= 200 || !callers_[who]) return;
    record& call = add_record();
    call.caller = who;
    call.probe = probing;
    // A probe of the narrow client stays in its place until the others have come.
    call.what = !probing ? static_cast<asked>(random_.below(6)) : kind_of(who) == 2 ? asked::wait : asked::look;
    if (kind_of(who) == 1 || kind_of(who) == 3) {
      // One more than it may be repeated, free of charge.
      if (call.what == asked::look) call.runs_allowed = 4;
      call.deadline = call.started + (kind_of(who) == 1 ? call_time : milliseconds(1000));
      call.attempt_time = milliseconds(150);
    } else if (kind_of(who) == 2) {
      call.deadline = call.started + milliseconds(2000);
    }
    tenon::call_options options;
    bool chosen = probing;
    if (probing) options.wait_for_ready = true;
    if (!probing && chance(35)) {
      chosen = true;
      const duration time = milliseconds(1 + random_.below(chance(50) ? 30 : 400));
      options.timeout = time;
      call.deadline = (std::min)(call.deadline, call.started + time);
    }
    if (!probing && chance(15)) {
      chosen = true;
      call.cancel = std::make_unique<tenon::cancellation>();
      options.cancel = call.cancel.get();
      plan(random_.below(80), [this, &call] {
        if (call.ended != 0) return;
        note_event("cancel", call.id);
        call.cancel_asked = true;
        call.cancel->request();
      });
    } else if (!probing && chance(5)) {
      call.watched = false;
    }
    if (call.what == asked::note && chance(60)) chosen = call.one_way = options.one_way = true;
    note_event("calls", call.id);
    callers_[who]->start(call, chosen ? &options : nullptr);
  }

  // --- time

  // Everything that can happen without time passing.
  void settle() {
    io_.restart();
    io_.poll();
  }
  void step(duration most) {
    instant to = clock_.now() + most + std::exchange(pause_, duration{});
    if (most > duration{} && plans_.next() < to && to - clock_.now() == most) to = plans_.next();
    asio::post(io_, [this, to] { clock_.advance_to(to); });
    settle();
    while (plans_.due(clock_.now())) {
      agenda::deed next = plans_.take();
      // On the loop's thread as a rule, and sometimes as from another.
      if (chance(10)) next();
      else asio::post(io_, std::move(next));
      if (chance(70)) settle();
    }
    settle();
    for (const auto& each : records_) {
      if (each->ended == 0 && each->watched && each->deadline + milliseconds(1) <= clock_.now() && !std::exchange(each->said_late, true)) {
        wrong(each->id, "its time is up and it has not ended");
      }
    }
  }
  void pass(duration time, duration steps) {
    for (const instant end = clock_.now() + time; clock_.now() < end;) step(steps);
  }
  bool all_ended() const {
    for (const auto& each : records_) {
      if (each->ended == 0 && each->watched) return false;
    }
    return true;
  }

  // --- the end

  void calm_down() {
    weather_.clear_up();
    for (std::size_t i = 0; i < server_names; ++i) begin_server(i);
    pass(milliseconds(3'000), milliseconds(20));
    // Silent connections are found out by the heartbeats, after 50 s and once more.
    if (weather_.harmed() || !all_ended()) pass(milliseconds(110'000), milliseconds(2'000));
    for (const auto& each : records_) {
      if (each->watched && each->ended == 0) wrong(each->id, "it never ended");
    }
  }
  // Nothing of what has been is left in the way: each client calls as many at once as it may.
  void probe() {
    for (std::size_t who = 0; who < callers_.size(); ++who) {
      asio::post(io_, [this, who] {
        for (int i = 0; i < places; ++i) make_call(who, true);
      });
    }
    settle();
    for (const instant end = clock_.now() + milliseconds(4'000); clock_.now() < end && !all_ended();) step(milliseconds(20));
    for (const auto& each : records_) {
      if (each->watched && each->ended == 0) wrong(each->id, "it never ended, in a world at rest");
    }
  }
  void tear_down() {
    asio::post(io_, [this] {
      callers_.clear();
      between_.reset();
    });
    settle();
    asio::post(io_, [this] {
      for (hosted& each : hosts_) {
        each.server.reset();
        each.draining.clear();
      }
    });
    settle();
    plans_.clear();
    settle();
    weather_.sweep();
    if (alive_ != 0) wrong(0, "of callbacks and handlers " + std::to_string(alive_) + " are left");
    if (!sleepers_.empty()) wrong(0, "handlers still sleep");
    if (weather_.lines() != 0) wrong(0, "connections are left");
    for (const auto& each : records_) {
      if (each->denied && each->runs != 0) wrong(each->id, "its status said that no handler ran, and one did");
    }
  }

  // --- judgement

  void judge(record& call, const tenon::status& why) {
    note_event(why.to_string(), call.id);
    const instant now = clock_.now();
    if (call.probe) wrong(call.id, "it failed in a world at rest: " + why.to_string());
    if (why.has(tenon::outcome::not_executed)) {
      ++report_.not_executed;
      call.denied = true;
      if (call.runs != 0) wrong(call.id, "its status says that no handler ran, and one did: " + why.to_string());
    }
    switch (why.code()) {
      case code::not_found:
        if (call.what != asked::refuse || call.runs == 0 || why.message() != "no " + std::to_string(call.id)) wrong(call.id, "it got an error that nobody gave: " + why.to_string());
        break;
      case code::deadline_exceeded: {
        ++report_.late;
        // A server counts whole milliseconds.
        const duration slack = why.has(tenon::outcome::local) ? duration{} : milliseconds(1);
        const bool attempt = call.attempt_time > duration{} && now >= call.started + call.attempt_time;
        if (now + slack < call.deadline && !attempt) wrong(call.id, "its time was not up: " + why.to_string());
        break;
      }
      case code::cancelled:
        ++report_.cancelled;
        if (!call.cancel_asked && !call.inner) wrong(call.id, "nobody cancelled it: " + why.to_string());
        break;
      case code::unavailable:
        ++report_.lost;
        // Its handler hands on what became of another call.
        if (call.what == asked::relay && call.runs != 0 && (disturbed_ || weather_.refused())) break;
        if (call.caller_closed || weather_.harmed() || ((disturbed_ || weather_.refused()) && (why.has(tenon::outcome::not_executed) || call.runs_allowed > 1 || call.attempt_time > duration{}))) break;
        wrong(call.id, "nothing was lost: " + why.to_string());
        break;
      case code::resource_exhausted:
        if (kind_of(call.caller) != 2 || !why.has(tenon::outcome::not_executed)) wrong(call.id, "there was room: " + why.to_string());
        break;
      default: wrong(call.id, "nothing here ends like that: " + why.to_string());
    }
  }
  void wrong(std::uint64_t id, const std::string& what) {
    report_.violations.push_back("call " + std::to_string(id) + " at " + std::to_string(clock_.now().ns / 1'000'000) + " ms: " + what);
    if (tell_) std::printf("  !!! %s\n", report_.violations.back().c_str());
  }
  void note_event(std::string_view what, std::uint64_t id) {
    const auto mix = [this](std::uint64_t value) { report_.trace = (report_.trace ^ value) * 0x100000001B3; };
    mix(static_cast<std::uint64_t>(clock_.now().ns));
    mix(id);
    for (const char each : what) mix(static_cast<unsigned char>(each));
    if (tell_) std::printf("%7.1f ms  %4llu  %.*s\n", static_cast<double>(clock_.now().ns) / 1e6, static_cast<unsigned long long>(id), static_cast<int>(what.size()), what.data());
  }

  tenon::random_source random_;
  bool tell_;
  report report_;
  tenon::manual_clock clock_;
  agenda plans_;
  weather weather_{plans_, clock_, random_};
  std::unordered_map<std::uint64_t, std::coroutine_handle<>> sleepers_;
  std::uint64_t last_sleeper_ = 0;
  std::int64_t alive_ = 0;
  instant scene_end_{};
  duration pause_{};
  bool disturbed_ = false;
  std::vector<std::unique_ptr<record>> records_;
  struct clocked_io : asio::io_context {
    explicit clocked_io(tenon::manual_clock& clock) : asio::io_context{1} { tenon::net::loop::of(*this).use(clock); }
  };
  clocked_io io_{clock_};
  tenon::net::memory_network wire_{io_};
  std::array<hosted, server_names> hosts_;
  std::vector<std::unique_ptr<caller>> callers_;
  std::unique_ptr<plain_client> between_;  // the servers' own
};

std::string ledger::put(std::uint64_t id, std::string) {
  of->ran(id);
  return simulation::answer_of(id, asked::put);
}
std::string ledger::look(std::uint64_t id, std::string) {
  of->ran(id);
  return simulation::answer_of(id, asked::look);
}
tenon::task<std::string> ledger::wait(std::uint64_t id, std::uint64_t time) {
  simulation& in = *of;
  const simulation::living here{in};
  in.ran(id);
  co_await simulation::sleep{in, milliseconds(time)};
  co_return simulation::answer_of(id, asked::wait);
}
tenon::result<std::string> ledger::refuse(std::uint64_t id) {
  of->ran(id);
  return tenon::status{code::not_found, "no " + std::to_string(id)};
}
void ledger::note(std::uint64_t id) { of->ran(id); }
tenon::task<tenon::result<std::string>> ledger::relay(tenon::context& call, std::uint64_t id) {
  simulation& in = *of;
  const simulation::living here{in};
  in.ran(id);
  const simulation::inner_call next{in, call};
  tenon::result<std::string> got = co_await in.between().with({.parent = &call}).put(next.id(), "on");
  in.ended(next.id(), got);
  // As handlers do: the error as it came.
  if (!got) co_return got.error();
  co_return simulation::answer_of(id, asked::relay);
}

report simulate(std::uint64_t seed, mutation broken, bool tell) {
  broken_now = broken;
  simulation world{seed, tell};
  return world.run();
}

}  // namespace simulated
