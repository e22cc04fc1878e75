// expect: tenon::limiter: the argument is neither a rate nor limiter_options; write limiter<tenon::per_second(1000)>
#include <tenon/policy/limiter.hpp>

using wrong = tenon::limiter<100>;
constexpr auto name = wrong::name;
