// expect: tenon::load_shed: max_queue_delay is below target, so that calls whose wait is fine would be refused; write a longer one, or 0 for none
#include <tenon/policy/load_shed.hpp>

using wrong = tenon::load_shed<tenon::load_shed_options{.max_queue_delay = tenon::duration{1}}>;
constexpr auto name = wrong::name;
