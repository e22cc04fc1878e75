// expect: tenon::hedge: a time is below zero
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<tenon::hedge_options{.delay = tenon::duration{5}, .max_pushback = tenon::duration{-1}}>::defaults;
