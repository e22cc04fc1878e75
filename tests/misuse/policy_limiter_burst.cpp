// expect: tenon::limiter: burst is negative; write 0 for a tenth of a second's worth
#include <tenon/policy/limiter.hpp>

using wrong = tenon::limiter<tenon::limiter_options{.rate = tenon::per_second(5), .burst = -1}>;
constexpr auto name = wrong::name;
