// expect: tenon::breaker: nothing opens it; give it a failure_rate, consecutive or slow_call
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<tenon::breaker_options{.failure_rate = {}}>;
constexpr auto name = wrong::name;
