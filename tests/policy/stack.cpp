#include <tenon/policy/stack.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include <tenon/policy/select.hpp>

namespace {

using tenon::call_info;
using tenon::code;
using tenon::outcome;
using namespace tenon::policy;

// What the policies of a test were asked, in order: `+1` admitted, `!1` refused, `-1` observed, `?` decided.
struct record {
  static inline std::vector<std::string> events;
  static inline int refuse_at = -1;
  static inline int again = 0;
  static void clear(int refusing = -1, int repeats = 0) {
    events.clear();
    refuse_at = refusing;
    again = repeats;
  }
};

struct counts {
  int admitted = 0;
  int observed = 0;
};

template <int N, scope Where = scope::client>
struct counting : base {
  static constexpr std::string_view name = std::string_view{"01234"}.substr(N, 1);
  static constexpr tenon::policy::scope where = Where;
  struct options {
    int tag = N;
  };
  static constexpr options defaults{};
  using state = counts;
  struct call_state {
    int open = 0;
  };
  static outcome admit(state& s, const options& o, call_state& c, call_info&) noexcept {
    CHECK(o.tag == N);
    if (record::refuse_at == N) {
      record::events.push_back("!" + std::to_string(N));
      return tenon::refused_here(code::resource_exhausted);
    }
    record::events.push_back("+" + std::to_string(N));
    ++s.admitted;
    CHECK(++c.open == 1);
    return {};
  }
  static void observe(state& s, const options&, call_state& c, call_info&, outcome) noexcept {
    record::events.push_back("-" + std::to_string(N));
    ++s.observed;
    CHECK(--c.open == 0);
  }
};

struct repeat : base {
  static constexpr std::string_view name = "repeat";
  static constexpr tenon::policy::kind what = kind::loop;
  struct options {};
  static constexpr options defaults{};
  static decision decide(none&, const options&, none&, call_info&, outcome result) noexcept {
    record::events.push_back("?");
    if (result.ok() || record::again == 0) return {};
    --record::again;
    return {.again = true};
  }
};

struct not_noexcept : counting<0> {
  static outcome admit(counts&, const options&, call_state&, call_info&) { return {}; }
};

// The driver's part, as a client plays it. Every attempt ends with `answer`.
template <class Stack>
outcome drive(typename Stack::client_states& client, typename Stack::endpoint_states& endpoint, outcome answer) {
  const typename Stack::config options = Stack::defaults();
  typename Stack::call_states calls{};
  call_info info{};
  const typename Stack::view call{client, endpoint, options, calls, info};
  outcome result = Stack::admit_call(call);
  if (!result.ok()) return result;
  for (;;) {
    result = Stack::admit_attempt(call);
    if (result.ok()) {
      result = answer;
      Stack::observe_attempt(call, result);
    }
    if (!Stack::decide(call, result).again) break;
  }
  Stack::observe_call(call, result);
  return result;
}
template <class Stack>
outcome drive(outcome answer = {}) {
  typename Stack::client_states client{};
  typename Stack::endpoint_states endpoint{};
  return drive<Stack>(client, endpoint, answer);
}

std::string said() {
  std::string all;
  for (const std::string& each : record::events) all += each + " ";
  return all;
}

using five = stack<counting<0>, counting<1>, counting<2>, counting<3>, counting<4>>;
using around = stack<counting<0>, counting<1>, repeat, counting<2>, counting<3, scope::endpoint>>;

static_assert(any<counting<0>> && hook<counting<0>> && !loop<counting<0>>);
static_assert(any<repeat> && loop<repeat> && !hook<repeat>);
static_assert(!any<int> && !any<base> && !any<not_noexcept>);

static_assert(stack<>::size == 0 && !stack<>::has_loop && std::is_empty_v<stack<>>);
static_assert(std::is_empty_v<stack<>::config> && std::is_empty_v<stack<>::call_states> && std::is_empty_v<stack<>::client_states> && std::is_empty_v<stack<>::endpoint_states>);
static_assert(std::is_empty_v<around> && around::has_loop && around::loop_position == 2);
static_assert(around::call_end == 3 && around::attempt_begin == 3 && five::call_end == 5 && five::attempt_begin == 5);
static_assert(std::is_same_v<std::tuple_element_t<4, around::endpoint_states>, counts> && std::is_same_v<std::tuple_element_t<4, around::client_states>, none>);

static_assert(std::is_same_v<stack_of<>, stack<>> && std::is_same_v<stack_of<int, double>, stack<>>);
static_assert(std::is_same_v<stack_of<int, counting<1>, double, repeat, counting<0>>, stack<counting<1>, repeat, counting<0>>>);

static_assert(five::producer(outcome{}).empty() && five::producer(outcome{.producer = 1}) == "0" && five::producer(outcome{.producer = 6}).empty());

}  // namespace

TEST_CASE("policies are asked outermost first and told innermost first") {
  record::clear();
  CHECK(drive<five>().ok());
  CHECK(said() == "+0 +1 +2 +3 +4 -4 -3 -2 -1 -0 ");
}

TEST_CASE("a refusal at any position is told to those before it, in reverse, and to nobody else") {
  for (int k = 0; k < 5; ++k) {
    CAPTURE(k);
    record::clear(k);
    const outcome refused = drive<five>();
    CHECK(refused.code == code::resource_exhausted);
    CHECK(refused.producer == k + 1);
    std::string expected;
    for (int i = 0; i < k; ++i) expected += "+" + std::to_string(i) + " ";
    expected += "!" + std::to_string(k) + " ";
    for (int i = k - 1; i >= 0; --i) expected += "-" + std::to_string(i) + " ";
    CHECK(said() == expected);
  }
}

TEST_CASE("around a loop, those outside see one call and those inside see each attempt") {
  record::clear(-1, 2);
  CHECK(drive<around>(outcome{.code = code::unavailable}).code == code::unavailable);
  CHECK(said() == "+0 +1 +2 +3 -3 -2 ? +2 +3 -3 -2 ? +2 +3 -3 -2 ? -1 -0 ");
  record::clear(-1, 2);
  CHECK(drive<around>().ok());
  CHECK(said() == "+0 +1 +2 +3 -3 -2 ? -1 -0 ");
}

TEST_CASE("a refusal inside a loop is decided on, and outside it ends the call before any attempt") {
  record::clear(3, 1);
  const outcome refused = drive<around>();
  CHECK(around::producer(refused) == "3");
  CHECK(refused.producer == 5);
  CHECK(said() == "+0 +1 +2 !3 -2 ? +2 !3 -2 ? -1 -0 ");
  record::clear(2, 0);
  CHECK_FALSE(drive<around>().ok());
  CHECK(said() == "+0 +1 !2 ? -1 -0 ");
  record::clear(1, 5);
  CHECK_FALSE(drive<around>().ok());
  CHECK(said() == "+0 !1 -0 ");
}

TEST_CASE("whatever is refused and repeated, every admission is observed exactly once") {
  around::client_states client{};
  around::endpoint_states endpoint{};
  for (int refusing = -1; refusing < 4; ++refusing) {
    for (int repeats = 0; repeats < 4; ++repeats) {
      for (const code answer : {code::ok, code::unavailable}) {
        record::clear(refusing, repeats);
        (void)drive<around>(client, endpoint, outcome{.code = answer});
        for (const counts& each : {std::get<0>(client), std::get<1>(client), std::get<3>(client), std::get<4>(endpoint)}) CHECK(each.admitted == each.observed);
      }
    }
  }
  CHECK(std::get<0>(client).admitted > 0);
  CHECK(std::get<4>(endpoint).admitted > 0);
}

TEST_CASE("an empty stack admits everything and asks nobody") {
  record::clear();
  CHECK(drive<stack<>>().ok());
  CHECK(drive<stack<>>(outcome{.code = code::aborted}).code == code::aborted);
  CHECK(record::events.empty());
}

TEST_CASE("a loop alone decides on attempts that nobody watches") {
  record::clear(-1, 3);
  CHECK_FALSE(drive<stack<repeat>>(outcome{.code = code::unavailable}).ok());
  CHECK(said() == "? ? ? ? ");
}

namespace {

struct waits_first : base {
  static constexpr std::string_view name = "waits";
  struct options {};
  static constexpr options defaults{};
  static outcome admit(none&, const options&, none&, call_info&) noexcept { return record::events.push_back("w"), wait; }
  static outcome admit_again(none&, const options&, none&, call_info&) noexcept {
    record::events.push_back("+w");
    return {};
  }
  static void abandon(none&, const options&, none&, call_info&) noexcept { record::events.push_back("~w"); }
  static void observe(none&, const options&, none&, call_info&, outcome) noexcept { record::events.push_back("-w"); }
};

template <class Stack>
struct one_call {
  typename Stack::client_states client{};
  typename Stack::endpoint_states endpoint{};
  const typename Stack::config options = Stack::defaults();
  typename Stack::call_states calls{};
  typename Stack::info_type info{};
  typename Stack::view view{client, endpoint, options, calls, info};
};

struct hears : base {
  static constexpr std::string_view name = "hears";
  static constexpr tenon::policy::kind what = kind::watcher;
  struct options {};
  static constexpr options defaults{};
  struct state {};
  static void on_event(state&, const event& heard) noexcept {
    record::events.push_back("(" + std::string{heard.policy} + " " + std::to_string(static_cast<int>(heard.kind)) + " " + std::to_string(heard.method) + ")");
  }
};

struct reports : base {
  static constexpr std::string_view name = "reports";
  struct options {};
  static constexpr options defaults{};
  template <class Info>
  static outcome admit(none&, const options&, none&, Info& info) noexcept {
    report(info, {.kind = event_kind::changed, .policy = name, .to = 1});
    return {};
  }
  static void observe(none&, const options&, none&, call_info&, outcome) noexcept {}
};

static_assert(!stack<reports>::watched && std::is_same_v<stack<reports>::info_type, call_info>);
static_assert(stack<reports, hears>::watched && watcher<hears> && any<hears>);
static_assert(waiting_hook<waits_first> && stack<waits_first>::can_wait && !five::can_wait);
static_assert(tagged<"mine", counting<0>>::name == "mine");

}  // namespace

TEST_CASE("a wait keeps those before it, and goes on with those behind it") {
  record::clear();
  using waiting = stack<counting<0>, waits_first, counting<1>>;
  one_call<waiting> call;
  const outcome answer = waiting::admit_call(call.view);
  REQUIRE(waits(answer));
  CHECK(waiting::position_of(answer) == 1);
  CHECK(said() == "+0 w ");
  CHECK(waiting::resume(call.view, 1).ok());
  waiting::observe_call(call.view, {});
  CHECK(said() == "+0 w +w +1 -1 -w -0 ");
}

TEST_CASE("a refusal behind a wait is told to all before it, the one that let it wait included") {
  record::clear(1);
  using waiting = stack<counting<0>, waits_first, counting<1>>;
  one_call<waiting> call;
  (void)waiting::admit_call(call.view);
  const outcome refused = waiting::resume(call.view, 1);
  CHECK(!refused.ok());
  CHECK(waiting::producer(refused) == "1");
  CHECK(said() == "+0 w +w !1 -w -0 ");
}

TEST_CASE("an abandoned wait is told to its policy, and its end to those before it, and no one is told both") {
  record::clear();
  using waiting = stack<counting<0>, repeat, counting<1>, waits_first, counting<2>>;
  one_call<waiting> call;
  REQUIRE(waiting::admit_call(call.view).ok());
  const outcome answer = waiting::admit_attempt(call.view);
  REQUIRE(waits(answer));
  CHECK(waiting::is_about_attempt(waiting::position_of(answer)));
  waiting::abandon(call.view, waiting::position_of(answer), {.code = code::cancelled});
  waiting::observe_call(call.view, {.code = code::cancelled});
  CHECK(said() == "+0 +1 w ~w -1 -0 ");
}

TEST_CASE("who listens hears what policies report and whom the stack sees refusing, wherever it stands") {
  record::clear(1);
  using heard = stack<reports, hears, counting<1>>;
  one_call<heard> call;
  call.info.method = 7;
  CHECK(!heard::admit_call(call.view).ok());
  CHECK(said() == "(reports 1 7) !1 (1 0 7) ");
}
