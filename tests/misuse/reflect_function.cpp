// expect: tenon: functions and member pointers cannot cross the wire; send what names them
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<int(int)>());
