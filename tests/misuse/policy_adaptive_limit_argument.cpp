// expect: tenon::adaptive_limit: the argument is no adaptive_limit_options; write adaptive_limit<adaptive_limit_options{.max = 500}>
#include <tenon/policy/adaptive_limit.hpp>

using wrong = tenon::adaptive_limit<20>;
constexpr auto name = wrong::name;
