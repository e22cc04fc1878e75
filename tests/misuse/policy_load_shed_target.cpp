// expect: tenon::load_shed: target and interval must be above zero
#include <tenon/policy/load_shed.hpp>

using wrong = tenon::load_shed<tenon::load_shed_options{.target = {}}>;
constexpr auto name = wrong::name;
