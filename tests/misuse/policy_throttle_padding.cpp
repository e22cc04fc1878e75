// expect: tenon::throttle: padding and min_requests cannot be negative
#include <tenon/policy/throttle.hpp>

using wrong = tenon::throttle<tenon::throttle_options{.padding = -1}>;
constexpr auto name = wrong::name;
