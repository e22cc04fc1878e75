#include <cstdio>

#include <tenon/policy.hpp>

using namespace tenon::literals;

struct quote { double price = 0; bool fresh = true; };

// What to answer when the call has failed for good: a value, a computation, another service. It stands outermost, or retry would never be asked.
// In a client each method has its own: tenon::on_method<&market::last, tenon::fallback<yesterdays>>; and tenon::last_good<> answers what was answered last.
quote yesterdays(const tenon::status& why) {
  std::printf("  (%s)\n", why.to_string().c_str());
  return {.price = 41, .fresh = false};
}

int main() {
  tenon::manual_clock clock;
  tenon::code next = tenon::code::ok;
  int asked = 0;
  auto last = tenon::decorate<tenon::fallback<&yesterdays>, tenon::retry<>>([&]() -> tenon::result<quote> {
    ++asked;
    if (next != tenon::code::ok) return tenon::status{next, "no luck"};
    return quote{.price = 42.5};
  }, tenon::manual_time{clock});

  for (const tenon::code each : {tenon::code::ok, tenon::code::unavailable, tenon::code::invalid_argument}) {
    next = each;
    asked = 0;
    const tenon::result<quote> got = last();
    if (got) std::printf("%.1f, %s, asked %d times\n", got->price, got->fresh ? "fresh" : "of yesterday", asked);
    else std::printf("%s, asked %d times\n", got.error().to_string().c_str(), asked);  // a wrong question gets no second-best answer
  }
}
// prints:
// 42.5, fresh, asked 1 times
//   (UNAVAILABLE: the function failed)
// 41.0, of yesterday, asked 3 times
// INVALID_ARGUMENT: no luck, asked 1 times
