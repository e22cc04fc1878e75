#include <cstdio>

#include <tenon/policy.hpp>

using namespace tenon::literals;

// Sends less to who accepts less: while fewer than one call in two is accepted, a part of them fails here and now, without asking. Unlike a breaker it is
// never open or closed, but more or less strict; the two go together: tenon::client<market, tenon::retry<>, tenon::throttle<>, tenon::breaker<>>.
int main() {
  tenon::manual_clock clock;
  int asked = 0;
  int accepts_of_ten = 10;
  auto price = tenon::decorate<tenon::throttle<>>([&]() -> tenon::result<int> {
    if (asked++ % 10 >= accepts_of_ten) return tenon::status{tenon::code::unavailable, "busy"};
    return 42;
  }, tenon::manual_time{clock}, {.seed = 1});

  const auto minute = [&](const char* what) {
    const int before = asked;
    for (int i = 0; i < 6000; ++i) {
      (void)price();
      clock.advance(10_ms);
    }
    std::printf("%s: of 100 calls %d went out\n", what, (asked - before + 30) / 60);
  };
  minute("all are accepted");
  accepts_of_ten = 6;
  minute("six of ten are accepted");
  accepts_of_ten = 1;
  minute("one of ten is accepted");
  accepts_of_ten = 0;
  minute("none is accepted");                                       // some always go, to find out when it is over
  accepts_of_ten = 10;
  minute("all are accepted again");
  minute("a minute later");
}
// prints:
// all are accepted: of 100 calls 100 went out
// six of ten are accepted: of 100 calls 100 went out
// one of ten is accepted: of 100 calls 38 went out
// none is accepted: of 100 calls 10 went out
// all are accepted again: of 100 calls 38 went out
// a minute later: of 100 calls 100 went out
