// expect: tenon::breaker: window_calls is outside 0 to 1024; write a window in time instead
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<tenon::breaker_options{.window_calls = 5000}>;
constexpr auto name = wrong::name;
