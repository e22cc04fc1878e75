// expect: tenon::bulkhead: max_queue is negative; write 0 for no queue
#include <tenon/policy/bulkhead.hpp>

using wrong = tenon::bulkhead<tenon::bulkhead_options{.max_queue = -1}>;
constexpr auto name = wrong::name;
