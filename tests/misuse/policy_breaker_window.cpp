// expect: tenon::breaker: the window is empty; write a window above zero, or window_calls
#include <tenon/policy/breaker.hpp>

using wrong = tenon::breaker<tenon::breaker_options{.window = {}}>;
constexpr auto name = wrong::name;
