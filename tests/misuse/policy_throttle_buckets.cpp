// expect: tenon::throttle: buckets is outside 1 to 30
#include <tenon/policy/throttle.hpp>

using wrong = tenon::throttle<tenon::throttle_options{.buckets = 100}>;
constexpr auto name = wrong::name;
