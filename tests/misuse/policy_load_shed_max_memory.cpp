// expect: tenon::load_shed: max_memory_bytes is negative; write 0 for no limit
#include <tenon/policy/load_shed.hpp>

using wrong = tenon::load_shed<tenon::load_shed_options{.max_memory_bytes = -1}>;
constexpr auto name = wrong::name;
