// expect: tenon: shared ownership cannot cross the wire; use std::unique_ptr<T> or std::optional<T>
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<std::shared_ptr<int>>());
