// expect: tenon::limiter: warm_up is about the one who serves, not about each caller; leave out the key
#include <tenon/policy/limiter.hpp>

using wrong = tenon::limiter<tenon::limiter_options{.rate = tenon::per_second(5), .algorithm = tenon::limiter_algorithm::warm_up, .key = tenon::limiter_key::peer}>;
constexpr auto name = wrong::name;
