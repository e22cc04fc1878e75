// expect: tenon::adaptive_limit: smoothing is outside 0 to 100 %
#include <tenon/policy/adaptive_limit.hpp>

using wrong = tenon::adaptive_limit<tenon::adaptive_limit_options{.smoothing = {}}>;
constexpr auto name = wrong::name;
