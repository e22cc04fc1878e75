// expect: tenon: integers wider than 64 bits cannot cross the wire; use two fields, or std::string
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<__int128>());
