// expect: tenon: references cannot cross the wire; use a value
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<const int&>());
