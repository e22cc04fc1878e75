// expect: tenon::fallback: OK is among the failures
#include <tenon/policy/fallback.hpp>

int one() { return 1; }
constexpr auto name = tenon::fallback<&one, tenon::fallback_options{.on = tenon::codes(tenon::code::ok)}>::name;
