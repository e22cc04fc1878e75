// expect: tenon::adaptive_limit: tolerance is below 100 %, so that the limit would fall without load; write percent(150)
#include <tenon/policy/adaptive_limit.hpp>

using wrong = tenon::adaptive_limit<tenon::adaptive_limit_options{.tolerance = tenon::percent(50)}>;
constexpr auto name = wrong::name;
