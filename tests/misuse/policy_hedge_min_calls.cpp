// expect: tenon::hedge: min_calls is from 1 to 512
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<tenon::hedge_options{.min_calls = 0}>::defaults;
