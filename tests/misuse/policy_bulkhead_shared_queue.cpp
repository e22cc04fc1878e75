// expect: tenon::bulkhead: a queue and sharing::shared exclude each other, as a call is resumed on its own loop; leave out max_queue
#include <tenon/policy/bulkhead.hpp>

using wrong = tenon::bulkhead<tenon::bulkhead_options{.max_queue = 5}, tenon::policy::sharing::shared>;
constexpr auto name = wrong::name;
