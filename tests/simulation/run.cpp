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
#include <simulation/stage.hpp>
#include <simulation/strangers.hpp>
#include <simulation/streams.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/codec/msgpack.hpp>
#include <tenon/core/cancellation.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/random.hpp>
#include <tenon/core/result.hpp>
#include <tenon/core/task.hpp>
#include <tenon/peers.hpp>
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/retry.hpp>
#include <tenon/policy/timeout.hpp>
#include <tenon/protocol/client_sessions.hpp>
#include <tenon/protocol/http1.hpp>
#include <tenon/protocol/jsonrpc.hpp>
#include <tenon/protocol/msgpack_rpc.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

namespace simulated {

using tenon::code;

enum class asked : std::uint8_t { put, look, wait, refuse, note, relay, call_back };
enum class tongue : std::uint8_t { rpcx, http, jsonrpc, msgpack_rpc };

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
  tenon::task<tenon::result<std::string>> call_back(tenon::context& call, std::uint64_t id);
  TENON_SERVICE(ledger, put, (look, tenon::idempotent), wait, refuse, note, relay, call_back)
};

/// What clients offer to the server that they call.
struct display {
  simulation* of;

  std::string show(std::uint64_t id);
  tenon::task<std::string> stay(std::uint64_t id, std::uint64_t time);
  TENON_SERVICE(display, show, stay)
};

/// One client, whatever its policies.
class caller {
 public:
  virtual ~caller() = default;
  virtual void start(record& call, const tenon::call_options* options) = 0;
  virtual void move_to(std::unique_ptr<tenon::net::connector> where) = 0;
};

using server_type = tenon::server<tenon::protocols<forgetful_session, tenon::protocol::http1_session, tenon::protocol::jsonrpc_session, tenon::protocol::msgpack_rpc_session>>;
constexpr tenon::retry_options eager{.base = milliseconds(5), .cap = milliseconds(40), .budget = {.form = tenon::budget_form::unlimited}};
using plain_client = tenon::client<ledger, tenon::codec::json>;
using terse_client = tenon::client<ledger, tenon::codec::msgpack>;
using stubborn_client = tenon::client<ledger, tenon::codec::msgpack, lazy_timeout, tenon::retry<eager>, tenon::timeout<milliseconds(150)>>;
constexpr tenon::hedge_options doubled{.max_attempts = 3, .delay = milliseconds(15), .max_extra = {}, .budget = {.form = tenon::budget_form::unlimited}};
using hasty_client = tenon::client<ledger, tenon::codec::json, tenon::timeout<milliseconds(1000)>, tenon::hedge<doubled>, tenon::timeout<milliseconds(150)>>;
using narrow_client = tenon::client<ledger, tenon::codec::msgpack, tenon::timeout<milliseconds(2000)>, leaky_bulkhead>;

class simulation final : public stage {
 public:
  using stage::stage;

  report run() {
    set_the_scene();
    while (clock.now() < scene_end) step(milliseconds(1 + random.below(8)));
    calm_down();
    probe();
    tear_down();
    return std::move(told);
  }

  // --- what handlers do

  void ran(std::uint64_t id) {
    if (id == 0 || id > records_.size()) return wrong(id, "a handler ran for a call that nobody made");
    record& call = *records_[id - 1];
    if (++call.runs > 1) ++told.repeated;
    note_event("runs", id);
    if (call.denied) wrong(id, "its handler ran after its status had said that it did not");
    if (call.runs > call.runs_allowed) wrong(id, "its handler ran more often than it was asked to");
  }
  static std::string answer_of(std::uint64_t id, asked what) { return "answer " + std::to_string(id * 8 + static_cast<unsigned>(what)); }

  /// A call that a handler makes, as long as the handler waits for it.
  class inner_call {
   public:
    inner_call(simulation& in, const tenon::context& outer, asked what = asked::put) : made_{in.add_record()} {
      made_.what = what;
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

  // --- what callers are told

  template <class T>
  void ended(std::uint64_t id, const tenon::result<T>& got) {
    record& call = *records_[id - 1];
    if (++call.ended > 1) return wrong(id, "it ended twice");
    if (got) {
      ++told.ok;
      note_event("ok", id);
      if (!call.one_way && call.runs == 0) wrong(id, "it ended well although no handler ran");
      if (call.what == asked::refuse) wrong(id, "it ended well although its handler refuses");
      if constexpr (std::is_same_v<T, std::string>) {
        if (*got != answer_of(id, call.what)) wrong(id, "it got the answer of another: " + *got);
      }
    } else {
      judge(call, got.error());
    }
    if (in_scene() && random.below(4) == 0) make_call(random.below(callers_.size()));
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
    caller_of(simulation& in, const std::string& name, const tenon::client_options& options) : in_{in}, client_{in.io, in.wire.connector_to(name), options} {}
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
        case asked::wait: return follow(call, stub.wait(call.id, call.probe ? 500 : in_.random.below(120)));
        case asked::refuse: return follow(call, stub.refuse(call.id));
        case asked::note: return follow(call, stub.note(call.id));
        case asked::relay: return follow(call, stub.relay(call.id));
        case asked::call_back: return follow(call, stub.call_back(call.id));
      }
    }
    template <class T>
    void follow(record& call, tenon::call<T> made) {
      if (call.watched) {
        std::move(made).then([held = living{in_}, &in = in_, id = call.id](tenon::result<T> got) { in.ended(id, got); });
      } else {
        // Dropped without having been waited for.
        auto kept = std::make_shared<tenon::call<T>>(std::move(made));
        in_.plan(in_.random.below(60), [kept]() mutable { kept.reset(); });
      }
    }
    simulation& in_;
    Client client_;
  };

  // --- the scene

  void set_the_scene() {
    (void)offers_.serve(display{this});
    constexpr std::uint32_t windows[] = {1, 800, 6'000, 256 * 1024};
    streams_.server_window = windows[random.below(4)];
    if (chance(15)) streams_.most_open = 1 + random.below(3);
    scene_end = clock.now() + milliseconds(300 + random.below(1200));
    sky.now.longest_delay = random.below(25);
    const std::uint64_t kind = random.below(4);
    const bool calm = kind == 0;
    const bool stormy = kind >= 2;
    if (stormy) {
      sky.now.cut = static_cast<unsigned>(random.below(60));
      sky.now.silent = static_cast<unsigned>(random.below(15));
      sky.now.refused = static_cast<unsigned>(random.below(30));
      sky.now.unanswered = static_cast<unsigned>(random.below(5));
    }
    for (std::size_t i = 0; i < server_names; ++i) {
      hosts_[i].name = "server " + std::to_string(i);
      // Start order does not matter, except to those who will not wait.
      if (calm || chance(80)) begin_server(i);
      else disturbed = true, plan(random.below(300), [this, i] { begin_server(i); });
    }
    natives_ = 2 + random.below(4);
    for (std::size_t i = 0; i < natives_; ++i) tongues_.push_back(tongue::rpcx);
    for (std::uint64_t i = random.below(3); i > 0; --i) tongues_.push_back(static_cast<tongue>(1 + random.below(3)));
    // The last of all calls somebody who is none.
    if (chance(15)) tongues_.push_back(static_cast<tongue>(random.below(4))), babbler_.emplace(*this, "babbler");
    callers_.resize(tongues_.size());
    for (std::size_t i = 0; i < callers_.size(); ++i) begin_caller(i);
    if (chance(60)) {
      for (std::size_t i = 0; i < 1 + random.below(2); ++i) streams_.begin_caller(i, hosts_[i % server_names].name, client_options());
      for (std::uint64_t i = 1 + random.below(10); i > 0; --i) plan(moment(), [this] { streams_.open(random.below(streams_.callers())); });
    }
    for (std::uint64_t i = chance(50) ? random.below(3) : 0; i > 0; --i) plan(moment(), [this] { begin_guest(); });
    for (std::uint64_t i = chance(50) ? random.below(4) : 0; i > 0; --i) plan(moment(), [this] { begin_noise(); });
    const std::uint64_t calls = 10 + random.below(40);
    for (std::uint64_t i = 0; i < calls; ++i) {
      const std::uint64_t when = moment();
      const std::size_t who = random.below(callers_.size());
      // Some come in bursts, which share their writes.
      const std::uint64_t burst = chance(15) ? 1 + random.below(8) : 1;
      plan(when, [this, who, burst] {
        for (std::uint64_t each = 0; each < burst; ++each) make_call(who);
      });
    }
    for (std::uint64_t i = random.below(3); i > 0; --i) plan(moment(), [this] { move(random.below(callers_.size())); });
    if (calm) return;
    for (std::uint64_t i = random.below(4); i > 0; --i) plan(moment(), [this] { drain(random.below(server_names)); });
    if (!stormy) return;
    for (std::uint64_t i = random.below(3); i > 0; --i) plan(moment(), [this] { crash(random.below(server_names)); });
    for (std::uint64_t i = random.below(2); i > 0; --i) plan(moment(), [this] { begin_caller(random.below(callers_.size())); });
    if (streams_.callers() != 0 && chance(30)) plan(moment(), [this] { replace_streaming_caller(random.below(streams_.callers())); });
    for (std::uint64_t i = random.below(3); i > 0; --i) plan(moment(), [this] { pause_ = milliseconds(random.below(600)); });
  }

  void begin_server(std::size_t which) {
    hosted& host = hosts_[which];
    if (host.server) return;
    note_event("server begins", which);
    tenon::server_options options{.max_open_streams = streams_.most_open, .stream_window_bytes = streams_.server_window};
    // What has gone silent is found out before the world ends.
    options.keepalive.interval = milliseconds(40'000);
    host.server = std::make_unique<server_type>(io, options);
    host.server->serve(ledger{this});
    host.server->serve(brook{&streams_});
    host.server->listen(wire, host.name);
    host.server->start();
  }
  void drain(std::size_t which) {
    hosted& host = hosts_[which];
    if (!host.server) return;
    note_event("server drains", which);
    ++told.drains;
    disturbed = true;
    sky.drain(host.name);
    host.server->stop();
    host.draining.push_back(std::move(host.server));
    // Its time to drain is 5 s.
    plan(6000, [&host] { host.draining.erase(host.draining.begin()); });
    plan(1 + random.below(200), [this, which] { begin_server(which); });
  }
  void crash(std::size_t which) {
    hosted& host = hosts_[which];
    if (!host.server) return;
    note_event("server crashes", which);
    ++told.crashes;
    disturbed = true;
    sky.strike(host.name);
    host.server.reset();
    plan(1 + random.below(300), [this, which] { begin_server(which); });
  }
  void move(std::size_t which) {
    if (is_mad(which)) return;
    note_event("client moves", which);
    anybody_moved_ = true;
    callers_[which]->move_to(wire.connector_to(hosts_[random.below(server_names)].name));
    if (streams_.callers() != 0 && chance(30)) streams_.move(random.below(streams_.callers()), hosts_[random.below(server_names)].name);
  }
  void begin_caller(std::size_t which) {
    if (callers_[which]) {
      note_event("client closes", which);
      anybody_moved_ = true;
      for (const auto& each : records_) {
        if (each->caller == which) each->caller_closed = true;
      }
      callers_[which].reset();
    }
    const tenon::client_options options = client_options(tongues_[which], offers_something(which));
    const std::string& name = is_mad(which) ? babblers_name_ : hosts_[which % server_names].name;
    if (!between_) between_ = std::make_unique<plain_client>(io, wire.connector_to(hosts_[1].name), options);
    if (tongues_[which] == tongue::msgpack_rpc) {
      callers_[which] = std::make_unique<caller_of<terse_client>>(*this, name, options);
      return;
    }
    switch (kind_of(which)) {
      case 0: callers_[which] = std::make_unique<caller_of<plain_client>>(*this, name, options); break;
      case 1: callers_[which] = std::make_unique<caller_of<stubborn_client>>(*this, name, options); break;
      case 2: callers_[which] = std::make_unique<caller_of<narrow_client>>(*this, name, options); break;
      default: callers_[which] = std::make_unique<caller_of<hasty_client>>(*this, name, options);
    }
  }
  tenon::client_options client_options(tongue speaks = tongue::rpcx, bool offers = false) {
    tenon::client_options options{.seed = random.next() | 1, .wait_for_ready = chance(50)};
    options.reconnect.first = milliseconds(10);
    if (chance(30)) {
      options.max_connections = 2;
      options.calls_per_connection = 2;
    }
    switch (speaks) {
      case tongue::rpcx:
        if (offers) options.offers = offers_;
        if (broken_now == mutation::double_completion || broken_now == mutation::false_not_executed) options.sessions = &doubling_session::make;
        break;
      case tongue::http: options.sessions = [](std::string_view, const tenon::limits& bounds) { return tenon::protocol::make_client_session("http://simulated", bounds); }; break;
      case tongue::jsonrpc: options.sessions = [](std::string_view, const tenon::limits& bounds) { return tenon::protocol::make_client_session("jsonrpc+tcp://simulated", bounds); }; break;
      case tongue::msgpack_rpc: options.sessions = [](std::string_view, const tenon::limits& bounds) { return tenon::protocol::make_client_session("msgpackrpc+tcp://simulated", bounds); }; break;
    }
    return options;
  }
  void replace_streaming_caller(std::size_t which) {
    streams_.close_caller(which);
    streams_.begin_caller(which, hosts_[which % server_names].name, client_options());
  }
  // Plain, stubborn, narrow, hasty.
  std::size_t kind_of(std::size_t who) const { return who < natives_ ? who % 4 : 0; }
  static bool offers_something(std::size_t who) { return who % 3 != 2; }
  bool is_mad(std::size_t who) const { return babbler_ && who + 1 == callers_.size(); }

  record& add_record() {
    records_.push_back(std::make_unique<record>());
    record& made = *records_.back();
    made.id = records_.size();
    made.started = clock.now();
    ++told.calls;
    return made;
  }
  void make_call(std::size_t who, bool probing = false) {
    // A client that is being closed is not called any more.
    if (records_.size() >= 200 || !callers_[who]) return;
    record& call = add_record();
    call.caller = who;
    call.probe = probing;
    // A probe of the narrow client stays in its place until the others have come.
    call.what = !probing ? static_cast<asked>(random.below(7)) : kind_of(who) == 2 ? asked::wait : asked::look;
    // Only rpcx carries calls in the other direction.
    if (call.what == asked::call_back && who >= natives_) call.what = asked::put;
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
    // Other protocols cannot ask a silent peer for a sign of life: without a deadline a call waits for ever, as it was told to.
    if (!probing && (chance(35) || who >= natives_)) {
      chosen = true;
      const duration time = milliseconds(1 + random.below(chance(50) ? 30 : 400));
      options.timeout = time;
      call.deadline = (std::min)(call.deadline, call.started + time);
    }
    if (!probing && chance(15)) {
      chosen = true;
      call.cancel = std::make_unique<tenon::cancellation>();
      options.cancel = call.cancel.get();
      plan(random.below(80), [this, &call] {
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

  void step(duration most) {
    instant to = clock.now() + most + std::exchange(pause_, duration{});
    if (most > duration{} && plans.next() < to && to - clock.now() == most) to = plans.next();
    asio::post(io, [this, to] { clock.advance_to(to); });
    settle();
    while (plans.due(clock.now())) {
      agenda::deed next = plans.take();
      // On the loop's thread as a rule, and sometimes as from another.
      if (chance(10)) next();
      else asio::post(io, std::move(next));
      if (chance(70)) settle();
    }
    settle();
    streams_.look_at_the_time();
    for (const auto& each : records_) {
      if (each->ended == 0 && each->watched && each->deadline + milliseconds(1) <= clock.now() && !std::exchange(each->said_late, true)) {
        wrong(each->id, "its time is up and it has not ended");
      }
    }
  }
  void pass(duration time, duration steps) {
    for (const instant end = clock.now() + time; clock.now() < end;) step(steps);
  }
  bool all_ended() const {
    for (const auto& each : records_) {
      if (each->ended == 0 && each->watched) return false;
    }
    return streams_.all_over();
  }

  // --- the end

  void calm_down() {
    sky.clear_up();
    for (std::size_t i = 0; i < server_names; ++i) begin_server(i);
    pass(milliseconds(3'000), milliseconds(20));
    // Silent connections are found out by the heartbeats, after 50 s and once more.
    if (sky.harmed() || !all_ended()) pass(milliseconds(110'000), milliseconds(2'000));
    for (const auto& each : records_) {
      if (each->watched && each->ended == 0) wrong(each->id, "it never ended");
    }
    streams_.check_the_end("");
    for (const auto& each : guests_) {
      if (!troubled() && each->whole && each->answered != each->calls.size()) wrong(each->calls[each->answered]->id, "it was asked for over HTTP, and not answered");
    }
  }
  // Nothing of what has been is left in the way: each client calls as many at once as it may.
  void probe() {
    for (std::size_t who = 0; who < callers_.size(); ++who) {
      // Those who cannot find out that a connection is silent may still hold one.
      if (is_mad(who) || (who >= natives_ && sky.harmed())) continue;
      asio::post(io, [this, who] {
        for (int i = 0; i < places; ++i) make_call(who, true);
      });
    }
    asio::post(io, [this] { streams_.probe(); });
    settle();
    for (const instant end = clock.now() + milliseconds(4'000); clock.now() < end && !all_ended();) step(milliseconds(20));
    for (const auto& each : records_) {
      if (each->watched && each->ended == 0) wrong(each->id, "it never ended, in a world at rest");
    }
    streams_.check_the_end(", in a world at rest");
    if (streams_.handlers() != 0) pass(milliseconds(500), milliseconds(50));
    if (streams_.handlers() != 0) wrong(0, "of handlers of streams that are over " + std::to_string(streams_.handlers()) + " are left");
  }
  void tear_down() {
    asio::post(io, [this] {
      callers_.clear();
      between_.reset();
      streams_.close_callers();
      guests_.clear();
      noise_.clear();
      babbler_.reset();
    });
    settle();
    asio::post(io, [this] {
      for (hosted& each : hosts_) {
        each.server.reset();
        each.draining.clear();
      }
    });
    settle();
    plans.clear();
    settle();
    sky.sweep();
    if (alive() != 0) wrong(0, "of callbacks and handlers " + std::to_string(alive()) + " are left");
    if (anybody_sleeps()) wrong(0, "handlers still sleep");
    if (sky.lines() != 0) wrong(0, "connections are left");
    for (const auto& each : records_) {
      if (each->denied && each->runs != 0) wrong(each->id, "its status said that no handler ran, and one did");
    }
    streams_.check_what_was_denied();
  }

  // --- those who are no clients of tenon

  struct guest {
    std::vector<record*> calls;  // that are whole in what it says
    std::size_t answered = 0;
    bool whole = false;          // and so is everything it says
    stranger::handle speaker;
  };
  // Requests over HTTP, one behind the other, that are cut anywhere.
  void begin_guest() {
    guests_.push_back(std::make_unique<guest>());
    guest& made = *guests_.back();
    std::string said;
    std::vector<std::pair<record*, std::size_t>> ends;
    for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
      record& call = add_record();
      call.caller = nobody;
      call.watched = false;
      constexpr asked kinds[] = {asked::put, asked::look, asked::wait, asked::refuse};
      constexpr std::string_view names[] = {"put", "look", "wait", "refuse"};
      const std::size_t kind = random.below(4);
      call.what = kinds[kind];
      std::string body = "[" + std::to_string(call.id);
      if (kind < 2) body += ",\"" + std::string(random.below(300), 'h') + "\"";
      if (kind == 2) body += "," + std::to_string(random.below(60));
      body += "]";
      said += "POST /ledger/" + std::string{names[kind]} + " HTTP/1.1\r\nHost: simulated\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      ends.emplace_back(&call, said.size());
      note_event("is asked for over HTTP", call.id);
    }
    const std::size_t cut = chance(60) ? random.below(said.size()) : said.size();
    made.whole = cut == said.size();
    for (const auto& [call, end] : ends) {
      if (end <= cut) made.calls.push_back(call);
      else call->runs_allowed = 0;
    }
    made.speaker = stranger::make(*this, said.substr(0, cut), !made.whole && chance(70), [this, &made](std::string_view all) { guest_hears(made, all); });
    made.speaker->connect(hosts_[random.below(server_names)].name);
  }
  void guest_hears(guest& who, std::string_view all) {
    std::size_t number = 0;
    while (const auto answer = take_answer(all)) {
      if (++number <= who.answered) continue;
      if (answer->status == -1) return wrong(0, "what came over HTTP is no answer");
      if (who.answered == who.calls.size()) {
        // To what is not whole, after its time.
        if (answer->status < 400 || who.whole) wrong(0, "an answer came over HTTP to no request");
        return;
      }
      record& call = *who.calls[who.answered++];
      ++told.foreign;
      note_event("is answered over HTTP with " + std::to_string(answer->status), call.id);
      if (answer->status == 200) {
        if (call.runs == 0) wrong(call.id, "it was answered well over HTTP although no handler ran");
        if (call.what == asked::refuse || answer->body != '"' + answer_of(call.id, call.what) + '"') wrong(call.id, "it got the answer of another over HTTP: " + std::string{answer->body});
      } else if (answer->status == 404) {
        if (call.what != asked::refuse || call.runs == 0 || answer->body.find("no " + std::to_string(call.id) + '"') == std::string_view::npos) wrong(call.id, "it got an error over HTTP that nobody gave: " + std::string{answer->body});
      } else if (!disturbed || answer->status != 503) {
        wrong(call.id, "nothing here is answered like that over HTTP: " + std::to_string(answer->status) + " " + std::string{answer->body});
      }
    }
  }
  void begin_noise() {
    noise_.push_back(stranger::make(*this, noise(*this), chance(60), nullptr));
    noise_.back()->connect(hosts_[random.below(server_names)].name);
  }

  // --- judgement

  void judge(record& call, const tenon::status& why) {
    note_event(why.to_string(), call.id);
    const instant now = clock.now();
    // Whatever it understood of that.
    if (call.caller < callers_.size() && is_mad(call.caller)) return;
    if (call.probe) wrong(call.id, "it failed in a world at rest: " + why.to_string());
    if (why.has(tenon::outcome::not_executed)) {
      ++told.not_executed;
      call.denied = true;
      if (call.runs != 0) wrong(call.id, "its status says that no handler ran, and one did: " + why.to_string());
    }
    switch (why.code()) {
      case code::not_found:
        if (call.what != asked::refuse || call.runs == 0 || why.message() != "no " + std::to_string(call.id)) wrong(call.id, "it got an error that nobody gave: " + why.to_string());
        break;
      case code::deadline_exceeded: {
        ++told.late;
        // A server counts whole milliseconds.
        const duration slack = why.has(tenon::outcome::local) ? duration{} : milliseconds(1);
        const bool attempt = call.attempt_time > duration{} && now >= call.started + call.attempt_time;
        if (now + slack < call.deadline && !attempt) wrong(call.id, "its time was not up: " + why.to_string());
        break;
      }
      case code::cancelled:
        ++told.cancelled;
        if (!call.cancel_asked && !call.inner) wrong(call.id, "nobody cancelled it: " + why.to_string());
        break;
      case code::unavailable:
        ++told.lost;
        // Only rpcx says beforehand that a server goes.
        if (call.caller < callers_.size() && call.caller >= natives_ && disturbed) break;
        // Its handler hands on what became of another call.
        if (call.what == asked::relay && call.runs != 0 && (disturbed || sky.refused())) break;
        // The connection to call back by is the caller's, who may leave it.
        if (call.what == asked::call_back && call.runs != 0 && (disturbed || anybody_moved_)) break;
        if (call.inner && (disturbed || anybody_moved_)) break;
        if (call.caller_closed || sky.harmed() || sky.outwaited() || ((disturbed || sky.refused()) && (why.has(tenon::outcome::not_executed) || call.runs_allowed > 1 || call.attempt_time > duration{}))) break;
        wrong(call.id, "nothing was lost: " + why.to_string());
        break;
      case code::unimplemented:
        if ((!call.inner && (call.what != asked::call_back || offers_something(call.caller))) || call.runs > (call.inner ? 0U : 1U)) wrong(call.id, "it is served: " + why.to_string());
        break;
      case code::resource_exhausted:
        if (kind_of(call.caller) != 2 || !why.has(tenon::outcome::not_executed)) wrong(call.id, "there was room: " + why.to_string());
        break;
      default: wrong(call.id, "nothing here ends like that: " + why.to_string());
    }
  }

  duration pause_{};
  std::vector<std::unique_ptr<record>> records_;
  std::vector<tongue> tongues_;  // of the callers
  std::size_t natives_ = 0;      // of them, how many come first and speak rpcx
  bool anybody_moved_ = false;
  stream_book streams_{*this};
  tenon::offers offers_;
  std::vector<std::unique_ptr<guest>> guests_;
  std::vector<stranger::handle> noise_;
  const std::string babblers_name_ = "babbler";
  std::optional<babbler> babbler_;
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

tenon::task<tenon::result<std::string>> ledger::call_back(tenon::context& call, std::uint64_t id) {
  simulation& in = *of;
  const simulation::living here{in};
  in.ran(id);
  const simulation::inner_call next{in, call, id % 2 == 0 ? asked::look : asked::wait};
  const tenon::peer<display> back{call};
  tenon::call_options options;
  options.parent = &call;
  const auto caller = back.with(options);
  tenon::result<std::string> got{std::string{}};
  if (id % 2 == 0) got = co_await caller.show(next.id());
  else got = co_await caller.stay(next.id(), id % 40);
  in.ended(next.id(), got);
  if (!got) co_return got.error();
  ++in.told.called_back;
  co_return simulation::answer_of(id, asked::call_back);
}
std::string display::show(std::uint64_t id) {
  of->ran(id);
  return simulation::answer_of(id, asked::look);
}
tenon::task<std::string> display::stay(std::uint64_t id, std::uint64_t time) {
  simulation& in = *of;
  const simulation::living here{in};
  in.ran(id);
  co_await simulation::sleep{in, milliseconds(time)};
  co_return simulation::answer_of(id, asked::wait);
}

report simulate(std::uint64_t seed, mutation broken, bool tell) {
  broken_now = broken;
  simulation world{seed, tell};
  return world.run();
}

}  // namespace simulated
