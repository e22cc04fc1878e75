// expect: tenon::hedge: a delay of zero; write hedge<> for one that is measured, hedge_options{.delay = hedge_options::at_once} for all attempts at the same time
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<tenon::duration{}>::defaults;
