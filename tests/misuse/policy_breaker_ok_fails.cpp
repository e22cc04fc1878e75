// expect: tenon::breaker: OK is among the failures
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<tenon::breaker_options{.failures = tenon::codes(tenon::code::ok)}>;
constexpr auto name = wrong::name;
