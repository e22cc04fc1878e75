// Methods that are declared tenon::blocking, from the loop to the pool and back. reflect/attributes.hpp, service/offloaded.hpp and service/thread_pool.hpp are under test.
#include <tenon/service/offloaded.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <simulation.hpp>
#include <tenon/client/client.hpp>
#include <tenon/codec/json.hpp>
#include <tenon/core/context.hpp>
#include <tenon/core/result.hpp>
#include <tenon/policy/concept.hpp>
#include <tenon/reflect/service.hpp>
#include <tenon/server/server.hpp>

using namespace tenon::literals;

namespace {

/// Where handlers, which run on real threads, wait until the test lets them go on, and say that they are there.
struct doorway {
  void pass(std::size_t which = 0) {
    std::unique_lock guard{mutex};
    ++inside;
    changed.notify_all();
    while (opened <= which) changed.wait(guard);
    --inside;
    changed.notify_all();
  }
  void open() {
    const std::lock_guard guard{mutex};
    opened = ~std::size_t{0};
    changed.notify_all();
  }
  void wait_for(std::size_t inside_now) {
    std::unique_lock guard{mutex};
    while (inside != inside_now) changed.wait(guard);
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t opened = 0;
  std::size_t inside = 0;
  std::atomic<int> asked_to_end{0};
};

struct mill {
  doorway* door;
  std::atomic<int>* runs;
  std::thread::id* where;

  int crunch(int grain) {
    ++*runs;
    return grain * 2;
  }
  std::string ground(tenon::context& call, std::string what) {
    *where = std::this_thread::get_id();
    call.response_metadata().add("seen", std::string{call.request_metadata().get("asked").value_or("nobody")});
    return what + " by " + std::string{call.method()};
  }
  bool wait(tenon::context& call) {
    ++*runs;
    door->pass();
    if (call.cancelled()) ++door->asked_to_end;
    return call.cancelled();
  }
  void spill() { throw std::runtime_error{"flour everywhere"}; }
  tenon::result<int> refuse() { return tenon::status{tenon::code::not_found, "no grain"}; }
  int quick(int grain) { return grain; }
  TENON_SERVICE(mill, (crunch, tenon::blocking), (ground, tenon::blocking), (wait, tenon::blocking), (spill, tenon::blocking), (refuse, tenon::blocking), quick)
};

static_assert(tenon::has_blocking_methods<mill>);
static_assert(tenon::method<mill, 0>::is_blocking);
static_assert(!tenon::method<mill, 5>::is_blocking);

struct patient {
  doorway* at;
  bool* asked;
  void stay(tenon::context& call) {
    at->pass();
    *asked = call.cancelled();
  }
  TENON_SERVICE(patient, (stay, tenon::blocking))
};
struct depth {
  tenon::client<mill>* next;
  int twice(tenon::context& call, int grain) {
    const auto got = next->with({.parent = &call}).crunch(grain).get();
    return got ? *got * 2 : -1;
  }
  TENON_SERVICE(depth, (twice, tenon::blocking))
};

struct tally_options {
  int nothing = 0;
};
/// A policy that counts what it is told.
struct tally : tenon::policy::base {
  static constexpr std::string_view name = "tally";
  using options = tally_options;
  static constexpr options defaults{};
  struct state {};
  using none = tenon::policy::none;
  static inline int admitted = 0;
  static inline int observed = 0;
  static inline int good = 0;
  static inline int cancelled = 0;
  static tenon::outcome admit(state&, const options&, none&, tenon::call_info&) noexcept {
    ++admitted;
    return {};
  }
  static void observe(state&, const options&, none&, tenon::call_info&, tenon::outcome result) noexcept {
    ++observed;
    good += result.ok() ? 1 : 0;
    cancelled += result.code == tenon::code::cancelled ? 1 : 0;
  }
};

/// A mill over the memory network: the loop's time is turned by hand, only the pool's threads are real.
struct milling : simulated::world {
  explicit milling(tenon::server_options options = {}) : server{io, options} {
    tally::admitted = tally::observed = tally::good = tally::cancelled = 0;
    server.serve<tally>(mill{&door, &runs, &where});
    server.listen(wire, "mill");
    server.start();
    run();
  }
  ~milling() { door.open(); }

  template <class Client>
  Client client(tenon::client_options options = {}) {
    return Client{io, wire.connector_to("mill"), options};
  }
  /// Runs the loop until `done`: what comes back from a thread comes when it comes.
  template <class Done>
  void run_until(Done done) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!done() && std::chrono::steady_clock::now() < until) {
      io.restart();
      io.run_for(std::chrono::milliseconds{5});
    }
    REQUIRE(done());
  }
  template <class T>
  tenon::result<T> ended(tenon::call<T> made) {
    std::optional<tenon::result<T>> got;
    std::move(made).then([&got](tenon::result<T> given) { got.emplace(std::move(given)); });
    run_until([&] { return got.has_value(); });
    return std::move(*got);
  }

  doorway door;
  std::atomic<int> runs{0};
  std::thread::id where;
  tenon::server<> server;
};

using plain = tenon::client<mill, tenon::codec::json>;

template <class T>
auto into(std::optional<tenon::result<T>>& place) {
  return [&place](tenon::result<T> given) { place.emplace(std::move(given)); };
}

}  // namespace

TEST_CASE("a blocking method runs on another thread, with its context, and its answer comes back") {
  milling there;
  auto m = there.client<plain>();
  CHECK(there.ended(m.crunch(21)).value() == 42);
  tenon::metadata back;
  CHECK(there.ended(m.with({.metadata = {{"asked", "me"}}, .response_metadata = &back}).ground("rye")).value() == "rye by ground");
  CHECK(there.where != std::this_thread::get_id());
  CHECK(there.where != std::thread::id{});
  CHECK(back.get("seen") == "me");
}

TEST_CASE("errors and exceptions of a blocking method are answered") {
  milling there;
  auto m = there.client<plain>();
  const auto refused = there.ended(m.refuse());
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().to_string() == "NOT_FOUND: no grain");
  const auto thrown = there.ended(m.spill());
  REQUIRE_FALSE(thrown.has_value());
  CHECK(thrown.error().code() == tenon::code::unknown);
  CHECK(thrown.error().message().find("flour everywhere") != std::string::npos);
  const auto next = there.ended(m.crunch(1));
  CHECK(next.value() == 2);
}

TEST_CASE("a blocking method holds up neither the loop nor the calls behind it") {
  milling there{{.blocking_threads = 1}};
  auto m = there.client<plain>();
  std::optional<tenon::result<bool>> slow;
  m.wait().then(into(slow));
  there.run();
  there.door.wait_for(1);
  CHECK(there.ended(m.quick(7)).value() == 7);
  CHECK_FALSE(slow.has_value());
  there.door.open();
  there.run_until([&] { return slow.has_value(); });
  CHECK_FALSE(slow->value());
}

TEST_CASE("where every thread is busy and the queue is full a call is refused, and says that nothing ran") {
  milling there{{.blocking_threads = 2, .max_blocking_queue = 1}};
  auto m = there.client<plain>();
  std::optional<tenon::result<bool>> one, two, three;
  m.wait().then(into(one));
  m.wait().then(into(two));
  there.run();
  there.door.wait_for(2);
  m.wait().then(into(three));
  const auto fourth = there.ended(m.wait());
  REQUIRE_FALSE(fourth.has_value());
  CHECK(fourth.error().code() == tenon::code::resource_exhausted);
  CHECK(fourth.error().has(tenon::outcome::not_executed));
  CHECK(fourth.error().message().find("every thread for blocking methods is busy (2)") != std::string::npos);
  CHECK(there.runs == 2);
  there.door.open();
  there.run_until([&] { return one && two && three; });
  CHECK(three->has_value());
  CHECK(there.runs == 3);
}

TEST_CASE("the deadline answers the caller, and reaches the handler") {
  milling there;
  auto m = there.client<plain>();
  std::optional<tenon::result<bool>> got;
  m.with({.timeout = 100_ms}).wait().then(into(got));
  there.run();
  there.door.wait_for(1);
  there.pass(100_ms);
  there.run_until([&] { return got.has_value(); });
  REQUIRE_FALSE(got->has_value());
  CHECK(got->error().code() == tenon::code::deadline_exceeded);
  there.door.open();
  there.run_until([&] { return there.door.asked_to_end == 1; });
}

TEST_CASE("a call that nobody waits for any more when a thread is free does not run") {
  milling there{{.blocking_threads = 1}};
  auto m = there.client<plain>();
  std::optional<tenon::result<bool>> first, second;
  m.wait().then(into(first));
  there.run();
  there.door.wait_for(1);
  m.with({.timeout = 50_ms}).wait().then(into(second));
  there.run();
  there.pass(51_ms);
  REQUIRE(second.has_value());
  CHECK(second->error().code() == tenon::code::deadline_exceeded);
  there.door.open();
  there.run_until([&] { return first.has_value(); });
  CHECK(there.ended(m.crunch(1)).value() == 2);
  CHECK(there.runs == 2);  // `wait` once, and `crunch`
}

TEST_CASE("a lost caller is seen by the handler, and the server does without its answer") {
  milling there;
  {
    auto m = there.client<plain>();
    std::optional<tenon::result<bool>> got;
    m.wait().then(into(got));
    there.run();
    there.door.wait_for(1);
    there.on_loop([&] { m = plain{there.io, there.wire.connector_to("mill")}; });
    there.run();
    REQUIRE(got.has_value());
  }
  there.run();
  there.door.open();
  there.run_until([&] { return there.door.asked_to_end == 1; });
  auto m = there.client<plain>();
  CHECK(there.ended(m.crunch(3)).value() == 6);
}

TEST_CASE("policies are told of the end of each blocking call, once") {
  {
    milling there{{.blocking_threads = 1, .max_blocking_queue = 2}};
    auto m = there.client<plain>();
    CHECK(there.ended(m.crunch(1)).has_value());
    CHECK_FALSE(there.ended(m.refuse()).has_value());
    CHECK_FALSE(there.ended(m.spill()).has_value());
    CHECK(tally::observed == 3);
    CHECK(tally::good == 1);
    std::optional<tenon::result<bool>> held, late;
    m.wait().then(into(held));
    there.run();
    there.door.wait_for(1);
    m.with({.timeout = 10_ms}).wait().then(into(late));
    there.run();
    there.pass(11_ms);
    CHECK(late.has_value());
    // Its handler has not ended, nor even begun.
    CHECK(tally::observed == 3);
    there.on_loop([&] { m = plain{there.io, there.wire.connector_to("mill")}; });
    there.run();
    CHECK(tally::observed == 3);
    there.door.open();
    there.run_until([] { return tally::observed == tally::admitted; });
    CHECK(tally::admitted == 5);
    CHECK(tally::cancelled == 1);
  }
  CHECK(tally::observed == 5);
}

TEST_CASE("a drain waits for blocking handlers") {
  milling there;
  auto m = there.client<plain>();
  std::optional<tenon::result<bool>> got;
  m.wait().then(into(got));
  there.run();
  there.door.wait_for(1);
  there.server.stop();
  there.run();
  CHECK_FALSE(got.has_value());
  there.door.open();
  there.run_until([&] { return got.has_value(); });
  CHECK(got->has_value());
}

TEST_CASE("a drain that has waited long enough asks blocking handlers to end, and the server's end waits for them") {
  bool seen = false;
  {
    doorway door;
    simulated::world in;
    {
      tenon::server<> server{in.io, tenon::server_options{.drain = 1_s}};
      server.serve(patient{&door, &seen});
      server.listen(in.wire, "mill");
      server.start();
      tenon::client<patient> m{in.io, in.wire.connector_to("mill")};
      std::optional<tenon::result<void>> got;
      m.stay().then([&](tenon::result<void> given) { got.emplace(std::move(given)); });
      in.run();
      door.wait_for(1);
      server.stop();
      in.run();
      in.pass(1_s);
      in.run();
      REQUIRE(got.has_value());
      CHECK(got->error().code() == tenon::code::unavailable);
      door.open();
    }
    in.run();
  }
  CHECK(seen);
}

TEST_CASE("threads are begun when they are needed, and no more of them than there may be") {
  struct count final : tenon::service::thread_pool::job {
    count() : job{[](job& self) noexcept { ++static_cast<count&>(self).times; }} {}
    std::atomic<int> times{0};
  };
  {
    std::vector<std::unique_ptr<count>> jobs;
    for (int i = 0; i < 50; ++i) jobs.push_back(std::make_unique<count>());
    {
      tenon::service::thread_pool busy{3, 100};
      CHECK(busy.threads() == 0);
      for (auto& each : jobs) REQUIRE(busy.take(*each));
      CHECK(busy.threads() <= 3);
      CHECK(busy.threads() >= 1);
    }
    // The pool's end waits for what it took.
    for (auto& each : jobs) CHECK(each->times == 1);
  }
}

TEST_CASE("over real threads: many callers, nested calls with the caller's deadline, and an end in the middle of it") {
  doorway door;
  std::atomic<int> runs{0};
  std::thread::id where;
  tenon::server below{tenon::server_options{.loops = 2, .blocking_threads = 3}};
  below.serve(mill{&door, &runs, &where});
  const auto below_at = below.listen("tcp://127.0.0.1:0");
  below.start();
  tenon::client<mill> onward{below_at.url()};
  auto above = std::make_unique<tenon::server<>>(tenon::server_options{.loops = 2, .blocking_threads = 3});
  above->serve(depth{&onward});
  const auto at = above->listen("tcp://127.0.0.1:0");
  above->start();
  std::atomic<int> good{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&, i] {
      tenon::client<depth> m{at.url()};
      for (int n = 0; n < 100; ++n) {
        if (n % 10 == 9) (void)m.with({.timeout = 1_ms}).twice(n).get();
        else if (const auto got = m.with({.timeout = 20_s}).twice(n + i).get(); got && *got == (n + i) * 4) ++good;
      }
      // Dropped in the middle: their handlers see it.
      for (int n = 0; n < 20; ++n) (void)m.twice(n);
    });
  }
  for (auto& each : callers) each.join();
  CHECK(good == 270);
  above.reset();
  below.stop();
}
