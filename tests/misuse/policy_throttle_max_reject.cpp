// expect: tenon::throttle: max_reject is outside 0 to 100 %; if everything were refused, nothing could find out that the peer is well again
#include <tenon/policy/throttle.hpp>

using wrong = tenon::throttle<tenon::throttle_options{.max_reject = tenon::percent(100)}>;
constexpr auto name = wrong::name;
