// expect: tenon::adaptive_limit: min is zero or less; without a call under way nothing could find out that the other side is well again
#include <tenon/policy/adaptive_limit.hpp>

using wrong = tenon::adaptive_limit<tenon::adaptive_limit_options{.min = 0}>;
constexpr auto name = wrong::name;
