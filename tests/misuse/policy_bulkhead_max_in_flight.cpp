// expect: tenon::bulkhead: max_in_flight is zero or less, so that every call would be refused; write a number above zero
#include <tenon/policy/bulkhead.hpp>

using wrong = tenon::bulkhead<0>;
constexpr auto name = wrong::name;
