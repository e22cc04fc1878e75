// expect: tenon: only system_clock's time points mean the same on another machine; use
// std::chrono::system_clock::time_point
#include <tenon/reflect.hpp>

static_assert(tenon::assert_wire_type<std::chrono::steady_clock::time_point>());
