// expect: tenon::throttle: k is below 100 %, so that a healthy peer would be throttled; write percent(100) or more
#include <tenon/policy/throttle.hpp>

using wrong = tenon::throttle<tenon::throttle_options{.k = tenon::percent(90)}>;
constexpr auto name = wrong::name;
