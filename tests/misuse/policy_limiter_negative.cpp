// expect: tenon::limiter: the rate is negative, or per no time; write per_second(1000)
#include <tenon/policy/limiter.hpp>

using wrong = tenon::limiter<tenon::per_second(-1)>;
constexpr auto name = wrong::name;
