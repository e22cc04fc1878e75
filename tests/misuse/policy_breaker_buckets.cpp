// expect: tenon::breaker: buckets is outside 1 to 16
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<tenon::breaker_options{.buckets = 0}>;
constexpr auto name = wrong::name;
