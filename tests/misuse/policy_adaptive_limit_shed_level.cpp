// expect: tenon::adaptive_limit: shed_level is outside 0 to 3
#include <tenon/policy/adaptive_limit.hpp>

using wrong = tenon::adaptive_limit<tenon::adaptive_limit_options{.shed_level = 4}>;
constexpr auto name = wrong::name;
