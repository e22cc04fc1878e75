// expect: tenon: raw pointers cannot cross the wire; use std::optional<T> or std::unique_ptr<T>
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<int*>());
