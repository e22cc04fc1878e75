#include <tenon/policy/load_shed.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <type_traits>

#include <policy/driven.hpp>

using namespace std::chrono_literals;

namespace {

using tenon::code;
using tenon::duration;
using tenon::load_shed;
using tenon::load_shed_options;
using tenon::outcome;
using tenon::policy::sharing;

template <sharing Mode>
using mode = std::integral_constant<sharing, Mode>;
#define BOTH_MODES mode<sharing::per_loop>, mode<sharing::shared>

static_assert(tenon::policy::any<load_shed<>> && std::is_empty_v<load_shed<>::call_state>);

// A call that has waited so long when its turn comes.
template <class Policy>
outcome comes(typename Policy::state& of, tenon::instant now, duration waited, load_shed_options chosen = Policy::defaults) {
  tenon::policy::none nothing;
  tenon::call_info info{.now = now, .attempt_start = {now.ns - waited.ns}};
  return Policy::admit(of, chosen, nothing, info);
}

}  // namespace

TEST_CASE_TEMPLATE("a burst may wait, a line that stays may not", Mode, BOTH_MODES) {
  using policy = load_shed<load_shed_options{}, Mode::value>;
  typename policy::state of;
  tenon::manual_clock clock{tenon::instant{1'000'000'000'000}};
  const auto next = [&](duration waited) {
    const outcome result = comes<policy>(of, clock.now(), waited);
    clock.advance(1ms);
    return result;
  };
  // Everybody waits above the target: after a tenth of a second it is no burst any more.
  for (int i = 0; i < 100; ++i) CHECK(next(6ms).ok());
  const outcome refused = next(6ms);
  CHECK(refused.code == code::unavailable);
  CHECK(refused.has(outcome::local));
  CHECK(refused.has(outcome::not_executed));
  CHECK(refused.pushback_ms == 100);
  // One that waited little shows that the line is short again.
  CHECK(next(5ms).ok());
  for (int i = 0; i < 100; ++i) CHECK(next(6ms).ok());
  CHECK_FALSE(next(6ms).ok());
  // So does a pause.
  clock.advance(101ms);
  CHECK(next(6ms).ok());
}

TEST_CASE("what has waited longer than max_queue_delay is refused at once") {
  using policy = load_shed<>;
  policy::state of;
  const tenon::instant now{1'000'000'000'000};
  CHECK(comes<policy>(of, now, 50ms).ok());
  CHECK_FALSE(comes<policy>(of, now, 51ms).ok());
  CHECK(comes<policy>(of, now, 0ms).ok());
  CHECK(comes<policy>(of, now, 10s, {.max_queue_delay = {}}).ok());
  CHECK(comes<policy>(of, now, 10s, {.enabled = false}).ok());
  CHECK(comes<policy>(of, now, -10ms).ok());
}

TEST_CASE("above so much memory every call is refused") {
  driven::client<load_shed<load_shed_options{.max_memory_bytes = 1'000'000}>> client;
  client.state<0>().memory.pretend(1'000'001);
  CHECK_FALSE(client.begin()->admitted());
  client.state<0>().memory.pretend(1'000'000);
  CHECK(client.begin()->admitted());
}

TEST_CASE("the resident memory of this process is a number that makes sense") {
  tenon::policy::detail::memory_use<sharing::per_loop> use;
  CHECK(use.bytes(tenon::instant{1}) > 100'000);
  CHECK(use.bytes(tenon::instant{1}) < std::int64_t{1} << 50);
}
