// expect: tenon::hedge: OK is among the codes that another attempt may better
#include <tenon/policy/hedge.hpp>

constexpr auto options = tenon::hedge<tenon::hedge_options{.non_fatal = tenon::codes(tenon::code::ok)}>::defaults;
