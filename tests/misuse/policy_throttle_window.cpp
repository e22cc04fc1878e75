// expect: tenon::throttle: the window is empty; write a time above zero
#include <tenon/policy/throttle.hpp>

using wrong = tenon::throttle<tenon::throttle_options{.window = {}}>;
constexpr auto name = wrong::name;
