// expect: tenon: C arrays cannot cross the wire; use std::array, or std::string for text
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<int[3]>());
