// expect: tenon::hedge: max_attempts includes the first and is from 1 to 5
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<tenon::hedge_options{.max_attempts = 6}>::defaults;
