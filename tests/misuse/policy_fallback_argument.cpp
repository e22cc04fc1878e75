// expect: tenon::fallback: the argument is no function of a status; write fallback<[](const tenon::status& why) { return quote{}; }>
#include <tenon/policy/fallback.hpp>

constexpr auto name = tenon::fallback<7>::name;
