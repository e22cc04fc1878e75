// expect: tenon: void is not a value; use std::monostate for a value that says nothing
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<void>());
