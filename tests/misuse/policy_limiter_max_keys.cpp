// expect: tenon::limiter: max_keys is zero or less; write how many callers to remember
#include <tenon/policy/limiter.hpp>

using wrong = tenon::limiter<tenon::limiter_options{.rate = tenon::per_second(5), .key = tenon::limiter_key::peer, .max_keys = 0}>;
constexpr auto name = wrong::name;
