// expect: tenon::breaker: half_open_calls is outside 1 to 4095; without a probe it would never close again
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<tenon::breaker_options{.half_open_calls = 0}>;
constexpr auto name = wrong::name;
