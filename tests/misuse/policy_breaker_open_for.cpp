// expect: tenon::breaker: open_for is zero or less, so that the breaker would never be open
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<tenon::breaker_options{.open_for = {}}>;
constexpr auto name = wrong::name;
