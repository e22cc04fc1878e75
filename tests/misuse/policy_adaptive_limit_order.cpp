// expect: tenon::adaptive_limit: min, initial and max are not in this order
#include <tenon/policy/adaptive_limit.hpp>

using wrong = tenon::adaptive_limit<tenon::adaptive_limit_options{.max = 10}>;
constexpr auto name = wrong::name;
