// expect: tenon: long double differs between machines; use double
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<long double>());
