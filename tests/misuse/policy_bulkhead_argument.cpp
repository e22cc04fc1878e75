// expect: tenon::bulkhead: the argument is neither a number nor bulkhead_options; write bulkhead<64>
#include <tenon/policy/bulkhead.hpp>

using wrong = tenon::bulkhead<true>;
constexpr auto name = wrong::name;
