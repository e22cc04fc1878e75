// expect: tenon: only maps with unique keys that are strings, integers, bool or enums cross the wire; use a vector of pairs
#include <tenon/reflect.hpp>

#include <map>

static_assert(tenon::assert_wire_type<std::map<double, int>>());
