// expect: tenon::limiter: warm_up needs a time above zero and a cold_factor of at least 2
#include <tenon/policy/limiter.hpp>

using wrong = tenon::limiter<tenon::limiter_options{.rate = tenon::per_second(5), .algorithm = tenon::limiter_algorithm::warm_up, .cold_factor = 1}>;
constexpr auto name = wrong::name;
