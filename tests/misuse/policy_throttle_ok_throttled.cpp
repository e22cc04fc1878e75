// expect: tenon::throttle: OK can be neither throttled nor ignored
#include <tenon/policy/throttle.hpp>

using wrong = tenon::throttle<tenon::throttle_options{.throttled = tenon::codes(tenon::code::ok)}>;
constexpr auto name = wrong::name;
