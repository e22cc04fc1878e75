// expect: tenon::hedge: the argument is neither a duration nor hedge_options; write hedge<50_ms> with using namespace tenon::literals
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<50>::defaults;
