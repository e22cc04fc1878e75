// expect: tenon::load_shed: the argument is no load_shed_options; write load_shed<load_shed_options{.max_queue_delay = 20_ms}>
#include <tenon/policy/load_shed.hpp>

using wrong = tenon::load_shed<50>;
constexpr auto name = wrong::name;
