// expect: tenon::throttle: the argument is no throttle_options; write throttle<throttle_options{.k = percent(150)}>
#include <tenon/policy/throttle.hpp>

using wrong = tenon::throttle<2>;
constexpr auto name = wrong::name;
