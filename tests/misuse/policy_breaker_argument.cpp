// expect: tenon::breaker: the argument is no breaker_options; write breaker<breaker_options{.open_for = 2_s}> with using namespace tenon::literals
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<5>;
constexpr auto name = wrong::name;
