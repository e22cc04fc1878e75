// expect: tenon::adaptive_limit: OK can be neither dropped nor ignored
#include <tenon/policy/adaptive_limit.hpp>

using wrong = tenon::adaptive_limit<tenon::adaptive_limit_options{.dropped = tenon::codes(tenon::code::ok)}>;
constexpr auto name = wrong::name;
