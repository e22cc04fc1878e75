// expect: tenon::hedge: max_extra is a share of the calls, percent(5), and a measured delay needs it: it is what all but so many calls take
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<tenon::hedge_options{.max_extra = {}}>::defaults;
