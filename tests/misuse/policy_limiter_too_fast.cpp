// expect: tenon::limiter: the rate is above 1e9 per second, finer than the clock; leave the limiter out
#include <tenon/policy/limiter.hpp>

using wrong = tenon::limiter<tenon::per_second(2'000'000'000)>;
constexpr auto name = wrong::name;
